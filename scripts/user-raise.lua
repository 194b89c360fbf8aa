-- Asks for a higher role of a user, where that needs an approval: the role stays
-- as it is until somebody else approves it.
--
-- ARGV: 3 user, 4 the role that the caller read, 5 the role that is asked for,
-- 6 and 7 who acts by the operating system and by Redis.

if not ready() then
    return {'UNREADY'}
end

local user, from, role, os, acl = unpack(ARGV, 3, 7)
local ask = key('request:' .. user)

if not typed({['user:' .. user] = 'hash', ['request:' .. user] = 'hash'}) then
    return bad_types()
end

local status, has = unpack(redis.call('HMGET', key('user:' .. user), 'status',
    'role'))

if has ~= from then
    return {'CHANGED'}
elseif status ~= 'active' and status ~= 'disabled' then
    return {'REFUSED', 'user "' .. user .. '" is ' .. (status or 'unreadable')
        .. ': its role is not raised'}
end

local had = redis.call('HMGET', ask, 'role', 'from', 'actor', 'os', 'redis')

if had[1] ~= role or had[2] ~= from or had[3] ~= actor or had[4] ~= os
    or had[5] ~= acl
then
    redis.call('DEL', ask)
    redis.call('HSET', ask, 'role', role, 'from', from, 'actor', actor,
        'os', os, 'redis', acl, 'at', now)
    book('ZADD', 'pending', now, user)
    audit('user.ask-role', '', user, from, role, {'os', os, 'redis', acl})
end

return ok()
