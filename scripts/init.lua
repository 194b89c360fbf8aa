-- Makes a dataset.  ARGV[3] brand, ARGV[4] approval (required or none),
-- ARGV[5] its id, ARGV[6] 1 if its records are sealed from the first on.
-- OK, or EXISTS with the brand that is there: nothing is changed.

if redis.call('EXISTS', KEYS[1]) == 1 then
    if not ready() then
        return {'REFUSED', 'there is a dataset of another schema'}
    end
    return {'EXISTS', redis.call('HGET', KEYS[1], 'brand') or ''}
end

redis.call('HSET', KEYS[1], 'schema', '2', 'created_at', now,
    'brand', ARGV[3], 'dataset', ARGV[5])

if ARGV[4] == 'required' then
    redis.call('HSET', KEYS[1], 'approval', 'required')
end

if ARGV[6] == '1' then
    redis.call('HSET', KEYS[1], 'sealed', '1')
end

audit('init', '', '', '', ARGV[3])

return ok()
