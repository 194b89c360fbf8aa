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

local last, new = 9 + 2 * tonumber(ARGV[9]), {}

if not unchanged(ARGV[3], 10, last) then
    return {'CHANGED'}
end

for i = last + 1, #ARGV do
    new[#new + 1] = ARGV[i] == '@now' and now or ARGV[i]
end

redis.call('HSET', key(ARGV[3]), unpack(new))
audit(ARGV[6], ARGV[4], ARGV[5], ARGV[7], ARGV[8])

return {'OK'}
