-- Changes fields of one record, if it still is what the caller read: the
-- caller has judged the change, and has sealed its outcome.
--
-- ARGV: 3 key without prefix, 4 token id or empty, 5 user id, 6 action,
-- 7 before, 8 after, 9 number n of fields that were read, then n names and
-- values, then names and values to write; "@now" is the time.

if not ready() then
    return {'UNREADY'}
end

if not typed({[ARGV[3]] = 'hash', audit = 'stream'}) then
    return bad_types()
end

local record, n, new = key(ARGV[3]), tonumber(ARGV[9]), {}

if redis.call('HLEN', record) ~= n then
    return {'CHANGED'}
end

for i = 10, 9 + 2 * n, 2 do
    if redis.call('HGET', record, ARGV[i]) ~= ARGV[i + 1] then
        return {'CHANGED'}
    end
end

for i = 10 + 2 * n, #ARGV do
    new[#new + 1] = ARGV[i] == '@now' and now or ARGV[i]
end

redis.call('HSET', record, unpack(new))
audit(ARGV[6], ARGV[4], ARGV[5], ARGV[7], ARGV[8])

return {'OK'}
