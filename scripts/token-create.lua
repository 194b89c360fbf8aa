-- Makes a token, alone or as the successor of another one.
--
-- ARGV: 3 mode, 4 digest, 5 id, 6 user, 7 name, 8 type, 9 scope, 10 env,
-- 11 created_at, 12 expires_at, 13 seal or empty, 14 networks or empty, 15 rate
-- or empty, 16 its Secret of Kubernetes or empty.  Of a successor, also: 17 id of
-- the predecessor, 18 its key without prefix, 19 number n of its fields that were
-- read, then n names and values, then names and values to write to it, of which
-- the first is its expires_at.
--
-- mode: "check" changes nothing and answers as "write" would; "name" does so
-- for the first of name, name-2, name-3 ... that is free, and answers it; "adopt"
-- is "write" for a token that another system has made.
--
-- Refused: no such user, a user that is deleted, a name that this user has.

if not ready() then
    return {'UNREADY'}
end

local mode, digest, id, user, name = unpack(ARGV, 3, 7)
local old, record = ARGV[17], ARGV[18]

if not typed({['token:' .. digest] = 'hash', ['id:' .. id] = 'string',
    ['user:' .. user] = 'hash', ['user-tokens:' .. user] = 'set',
    tokens = 'zset', expiry = 'zset'})
    or old and not typed({[record] = 'hash'})
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

if (kind == 'human') ~= (ARGV[8] == 'personal') then
    return {'CHANGED'}
end

if redis.call('EXISTS', key('token:' .. digest), key('id:' .. id)) > 0 then
    return {'CHANGED'}
end

local changes = {}

if old then
    local last = 19 + 2 * tonumber(ARGV[19])

    if not named(record, old, user) then
        return {'MISLED', 'no token ' .. old}
    end

    if not unchanged(record, 20, last) then
        return {'CHANGED'}
    end

    changes = {unpack(ARGV, last + 1)}
end

local names = {}

for _, other in ipairs(redis.call('SMEMBERS', key('user-tokens:' .. user))) do
    local of = redis.pcall('GET', key('id:' .. other))
    local its = type(of) == 'string' and redis.pcall('HMGET',
        key('token:' .. of), 'id', 'user', 'name') or {}

    if its[1] == other and its[2] == user and its[3] then
        names[its[3]] = other
    end
end

if mode == 'name' then
    local n = 1

    while names[name] do
        n = n + 1
        name = ARGV[7] .. '-' .. n
    end
end

if names[name] then
    return {'REFUSED', 'user ' .. user
        .. ' has a token of that name already: ' .. names[name]}
end

if mode ~= 'write' and mode ~= 'adopt' then
    return {'OK', name}
end

local new = {'id', id, 'user', user, 'name', name, 'type', ARGV[8],
    'scope', ARGV[9], 'env', ARGV[10], 'status', 'active',
    'created_at', ARGV[11], 'created_by', actor, 'expires_at', ARGV[12]}

if old then
    new[#new + 1] = 'rotated_from'
    new[#new + 1] = old
end

for i, name in ipairs({'seal', 'networks', 'rate'}) do
    if ARGV[12 + i] ~= '' then
        new[#new + 1] = name
        new[#new + 1] = ARGV[12 + i]
    end
end

redis.call('HSET', key('token:' .. digest), unpack(new))
redis.call('SET', key('id:' .. id), digest)
redis.call('SADD', key('user-tokens:' .. user), id)
redis.call('ZADD', key('tokens'), ARGV[11], id)

if ARGV[12] ~= '0' then
    redis.call('ZADD', key('expiry'), ARGV[12], id)
end

if ARGV[16] ~= '' then
    book('HSET', 'secrets', id, ARGV[16])
end

audit(mode == 'adopt' and 'token.adopt' or 'token.create', id, user, '', 'active')

if old then
    local before = redis.call('HGET', key(record), 'expires_at')

    redis.call('HSET', key(record), unpack(changes))

    if changes[2] ~= '0' then
        redis.call('ZADD', key('expiry'), changes[2], old)
    end

    rotating(old, record)
    book('ZREMRANGEBYSCORE', 'rotating', '(0', '(' .. now)

    audit('token.rotate', old, user, 'active, expires_at ' .. before,
        'active, expires_at ' .. changes[2] .. ', rotated_to ' .. id)
end

return ok(name)
