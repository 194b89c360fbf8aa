-- Makes a dataset.  ARGV[3] brand, ARGV[4] approval (required or none),
-- ARGV[5] its id, ARGV[6] "sealed" if its records are from the first on,
-- ARGV[7] "import" if this ends an import that began without a dataset.
-- OK, or EXISTS with the brand that is there: nothing is changed.
--
-- ARGV[6] "adopt": one that is there, and is not sealed, gets the id.

local importing, schema = unpack(redis.call('HMGET', KEYS[1], 'importing',
    'schema'))

if importing and not schema then
    if ARGV[7] ~= 'import' then
        return {'REFUSED', 'an import has not come to its end: import the file '
            .. 'again'}
    end
elseif redis.call('EXISTS', KEYS[1]) == 1 then
    if not ready() then
        return {'REFUSED', 'there is a dataset of another schema'}
    end

    local brand, id, sealed = unpack(redis.call('HMGET', KEYS[1], 'brand',
        'dataset', 'sealed'))

    if ARGV[6] ~= 'adopt' then
        return {'EXISTS', brand or ''}
    elseif sealed then
        return {'CHANGED'}
    end

    redis.call('HSET', KEYS[1], 'dataset', ARGV[5])
    audit('init', '', '', 'dataset ' .. (id or ''), 'dataset ' .. ARGV[5])

    return ok()
elseif ARGV[6] == 'adopt' then
    return {'UNREADY'}
end

redis.call('HSET', KEYS[1], 'schema', '2', 'created_at', now,
    'brand', ARGV[3], 'dataset', ARGV[5])

if ARGV[4] == 'required' then
    redis.call('HSET', KEYS[1], 'approval', 'required')
end

if ARGV[6] == 'sealed' then
    redis.call('HSET', KEYS[1], 'sealed', '1')
end

audit('init', '', '', '', ARGV[3])

return ok()
