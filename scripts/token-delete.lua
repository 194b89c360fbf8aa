-- Deletes a revoked token and all that is known of it.
-- ARGV: 3 id, 4 seconds that must have passed since it was revoked.

if not ready() then
    return {'UNREADY'}
end

local id = ARGV[3]

if not typed({['id:' .. id] = 'string', tokens = 'zset', expiry = 'zset',
    last_used = 'zset', audit = 'stream'})
then
    return bad_types()
end

local digest = redis.call('GET', key('id:' .. id))

if not digest then
    return {'NOTFOUND', 'no token ' .. id}
end

local record = 'token:' .. digest

if not typed({[record] = 'hash'}) then
    return bad_types()
end

local status, revoked_at, user = unpack(redis.call('HMGET', key(record),
    'status', 'revoked_at', 'user'))

if status ~= 'revoked' then
    return {'REFUSED', 'token ' .. id .. ' is not revoked: revoke it first'}
end

local left = (tonumber(revoked_at) or 0) + tonumber(ARGV[4]) - tonumber(now)

if left > 0 then
    return {'WATCHED', string.format('%d', tonumber(now) + left)}
end

redis.call('DEL', key(record), key('id:' .. id), key('usage:' .. id))

-- uses that a worker has yet to write must not bring it back

redis.call('SET', key('deleted:' .. id), now, 'EX', 86400)

if user then
    redis.call('SREM', key('user-tokens:' .. user), id)
end

redis.call('ZREM', key('tokens'), id)
redis.call('ZREM', key('expiry'), id)
redis.call('ZREM', key('last_used'), id)
audit('token.delete', id, user or '', 'revoked', '')

return {'OK'}
