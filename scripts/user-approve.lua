-- Approves a user that is pending, or a role that somebody has asked for.
--
-- ARGV: 3 user, 4 the role, or empty: the user itself, 5 before, 6 after,
-- 7 number n of fields that were read, then n names and values, then names and
-- values to write.
--
-- Refused: who asked for it is not another one, by what the dataset trusts; a
-- user without a request was made by who stands in its record.

if not ready() then
    return {'UNREADY'}
end

local user, role = unpack(ARGV, 3, 4)
local record, ask = 'user:' .. user, key('request:' .. user)
local last, request = 7 + 2 * tonumber(ARGV[7]), {}

if not typed({[record] = 'hash', ['request:' .. user] = 'hash'}) then
    return bad_types()
end

if not unchanged(record, 8, last) then
    return {'CHANGED'}
end

local rec = redis.call('HMGET', key(record), 'role', 'created_by', 'status')
local asked = redis.call('HGETALL', ask)

for i = 1, #asked, 2 do
    request[asked[i]] = asked[i + 1]
end

if role == '' and rec[3] ~= 'pending' then
    return {'REFUSED', 'user "' .. user .. '" is not pending'}
elseif role ~= '' and (request.role ~= role or request.from ~= rec[1]) then
    return {'REFUSED', 'nobody has asked for this role of user "' .. user
        .. '", or it has another one by now'}
elseif role == '' and #asked == 0 then
    request.actor = rec[2]
end

if not another(request) then
    return {'REFUSED', 'user "' .. user .. '" was '
        .. (role == '' and 'created' or 'raised') .. ' by '
        .. (request.actor or '?') .. ': another admin has to approve it'}
end

redis.call('HSET', key(record), unpack(ARGV, last + 1))
redis.call('DEL', ask)
book('ZREM', 'pending', user)
audit('user.approve', '', user, ARGV[5], ARGV[6])

return ok()
