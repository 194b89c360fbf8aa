-- Changes fields of one record, if it still is what the caller read: the
-- caller has judged the change, and has sealed its outcome.
--
-- ARGV: 3 key without prefix, 4 token id or empty, 5 user id, 6 action,
-- 7 before, 8 after, 9 names of fields that become the time, with blanks
-- between, 10 number n of fields that were read, then n names and values, then
-- names and values to write.
--
-- An expires_at that is written to a token gets into the index of ends, too, and
-- what matters to a rotation into the index of these.
--
-- MISLED: it is the record of another token, or of another user.  A change that
-- would leave everything but times and the seal as it is writes nothing and has
-- no entry in the audit, unless the seal is all that it changes.

if not ready() then
    return {'UNREADY'}
end

if not typed({[ARGV[3]] = 'hash'}) then
    return bad_types()
end

local record, token, user, action = unpack(ARGV, 3, 6)
local last, new = 10 + 2 * tonumber(ARGV[10]), {}

if token == '' and record ~= 'user:' .. user
    or token ~= '' and not named(record, token, user)
then
    return {'MISLED', record .. ' is another record'}
end

if not unchanged(record, 11, last) then
    return {'CHANGED'}
end

local same, expires = ARGV[last + 1] ~= 'seal', nil

for i = last + 1, #ARGV, 2 do
    new[#new + 1] = ARGV[i]
    new[#new + 1] = ARGV[i + 1]
    expires = ARGV[i] == 'expires_at' and ARGV[i + 1] or expires
    same = same and (ARGV[i] == 'seal'
        or redis.call('HGET', key(record), ARGV[i]) == ARGV[i + 1])
end

if same then
    return ok()
end

if expires and not typed({expiry = 'zset'}) then
    return bad_types()
end

for name in ARGV[9]:gmatch('%S+') do
    new[#new + 1] = name
    new[#new + 1] = now
end

if action == 'token.revoke' or action == 'user.disable'
    or action == 'user.delete'
then
    stopping()
end

redis.call('HSET', key(record), unpack(new))

if expires then
    redis.call('ZADD', key('expiry'), expires, token)
end

if token ~= '' then
    rotating(token, record)
end

if action == 'user.delete' then
    book('ZREM', 'pending', user)
end

audit(action, token, user, ARGV[7], ARGV[8])

return ok()
