-- Makes a dataset.  ARGV[3] brand, ARGV[4] approval (required or none).
-- The last argument is "import" if this ends an import that began without a
-- dataset.  OK, or EXISTS with the brand that is there: nothing is changed.

local importing, schema = unpack(redis.call('HMGET', KEYS[1], 'importing',
    'schema'))

if importing and not schema then
    if ARGV[#ARGV] ~= 'import' then
        return {'REFUSED', 'an import has not come to its end: import the file '
            .. 'again'}
    end
elseif redis.call('EXISTS', KEYS[1]) == 1 then
    if not ready() then
        return {'REFUSED', 'there is a dataset of another schema'}
    end
    return {'EXISTS', redis.call('HGET', KEYS[1], 'brand') or ''}
end

redis.call('HSET', KEYS[1], 'schema', '1', 'created_at', now,
    'brand', ARGV[3])

if ARGV[4] == 'required' then
    redis.call('HSET', KEYS[1], 'approval', 'required')
end

audit('init', '', '', '', ARGV[3])

return ok()
