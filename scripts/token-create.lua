-- Makes a token.  ARGV: 3 digest, 4 id, 5 user, 6 name, 7 type, 8 scope,
-- 9 env, 10 expires_at, 11 seal or empty.
-- Refused: no such user, a user that is deleted, a name that this user has.

if not ready() then
    return {'UNREADY'}
end

local digest, id, user, name = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if not typed({['token:' .. digest] = 'hash', ['id:' .. id] = 'string',
    ['user:' .. user] = 'hash', ['user-tokens:' .. user] = 'set',
    tokens = 'zset', expiry = 'zset', audit = 'stream'})
then
    return bad_types()
end

local kind, status = unpack(redis.call('HMGET', key('user:' .. user),
    'kind', 'status'))

if not kind then
    return {'NOTFOUND', 'no user ' .. user}
end

if status == 'deleted' then
    return {'REFUSED', 'user ' .. user .. ' is deleted'}
end

if (kind == 'human') ~= (ARGV[7] == 'personal') then
    return {'CHANGED'}
end

if redis.call('EXISTS', key('token:' .. digest), key('id:' .. id)) > 0 then
    return {'CHANGED'}
end

for _, other in ipairs(redis.call('SMEMBERS', key('user-tokens:' .. user))) do
    local of = redis.call('GET', key('id:' .. other))
    if of and redis.call('HGET', key('token:' .. of), 'name') == name then
        return {'REFUSED', 'user ' .. user
            .. ' has a token of that name already: ' .. other}
    end
end

local record = {'id', id, 'user', user, 'name', name, 'type', ARGV[7],
    'scope', ARGV[8], 'env', ARGV[9], 'status', 'active', 'created_at', now,
    'created_by', actor, 'expires_at', ARGV[10]}

if ARGV[11] ~= '' then
    record[#record + 1] = 'seal'
    record[#record + 1] = ARGV[11]
end

redis.call('HSET', key('token:' .. digest), unpack(record))
redis.call('SET', key('id:' .. id), digest)
redis.call('SADD', key('user-tokens:' .. user), id)
redis.call('ZADD', key('tokens'), now, id)

if ARGV[10] ~= '0' then
    redis.call('ZADD', key('expiry'), ARGV[10], id)
end

audit('token.create', id, user, '', 'active')

return {'OK', now}
