-- Asks for a higher role of a user, where that needs an approval: the role stays
-- as it is until somebody else approves it.
--
-- ARGV: 3 user, 4 the role that the caller read, 5 the role that is asked for.

if not ready() then
    return {'UNREADY'}
end

local user, from, role = unpack(ARGV, 3, 5)
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

if had[1] ~= role or had[2] ~= from or had[3] ~= actor or had[4] ~= person
    or had[5] ~= (acl or '')
then
    redis.call('DEL', ask)
    redis.call('HSET', ask, 'role', role, 'from', from, 'actor', actor,
        'os', person, 'redis', acl or '', 'at', now)
    book('ZADD', 'pending', now, user)
    audit('user.ask-role', '', user, from, role)
end

return ok()
