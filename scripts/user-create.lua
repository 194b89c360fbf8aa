-- Makes a user.  ARGV: 3 id, 4 kind, 5 name, 6 role, 7 status, 8 purpose,
-- 9 owner, 10 seal or empty, 11 the approval that the caller read, 12 use case
-- or empty.
--
-- The creator of a pending user is kept in request:<id> until it is approved.

if not ready() then
    return {'UNREADY'}
end

local id = ARGV[3]

if (redis.call('HGET', KEYS[1], 'approval') or '') ~= ARGV[11] then
    return {'CHANGED'}
end

if not typed({['user:' .. id] = 'hash', ['request:' .. id] = 'hash',
    users = 'zset'})
then
    return bad_types()
end

if redis.call('EXISTS', key('user:' .. id)) == 1 then
    return {'REFUSED', 'user ' .. id .. ' exists already'}
end

local record = {'kind', ARGV[4], 'name', ARGV[5], 'role', ARGV[6],
    'status', ARGV[7], 'purpose', ARGV[8], 'owner', ARGV[9],
    'created_at', now, 'created_by', actor}

for name, value in pairs({seal = ARGV[10], use_case = ARGV[12]}) do
    if value ~= '' then
        record[#record + 1] = name
        record[#record + 1] = value
    end
end

redis.call('HSET', key('user:' .. id), unpack(record))
redis.call('ZADD', key('users'), now, id)

if ARGV[7] == 'pending' then
    redis.call('DEL', key('request:' .. id))
    redis.call('HSET', key('request:' .. id), 'actor', actor, 'os', person,
        'redis', acl or '', 'at', now)
    book('ZADD', 'pending', now, id)
end

audit('user.create', '', id, '', ARGV[6] .. ' ' .. ARGV[7])

return ok()
