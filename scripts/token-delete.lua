-- Deletes a revoked token and all that is known of it.
-- ARGV: 3 id, 4 seconds that must have passed since it was revoked.
-- WATCHED or OK, with a text: when it may be deleted, and, if somebody tried
-- it since it was revoked: when last, from where, and the verdict.

if not ready() then
    return {'UNREADY'}
end

local id = ARGV[3]

if not typed({['id:' .. id] = 'string', tokens = 'zset', expiry = 'zset',
    last_used = 'zset', audit = 'stream', ['usage:' .. id] = 'hash'})
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

local since = tonumber(revoked_at) or 0
local free = since + tonumber(ARGV[4])
local at, from, verdict = unpack(redis.call('HMGET', key('usage:' .. id),
    'refused_at', 'refused_addr', 'refused_reason'))
local told = string.format('%d', free)

if (tonumber(at) or -1) >= since then
    told = told .. ' ' .. at .. ' ' .. (from or '-') .. ' ' .. (verdict or '-')
end

if free > tonumber(now) then
    return {'WATCHED', told}
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

return {'OK', told}
