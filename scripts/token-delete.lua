-- Deletes a revoked token and all that is known of it.
-- ARGV: 3 id, 4 seconds that must have passed since it was revoked, 5 its
-- digest, if the caller has looked for its record, or empty: id: tells, 6 "look":
-- nothing is deleted.
-- WATCHED or OK, with a text: when it may be deleted, and, if somebody tried
-- it since it was revoked: when last, from where, and the verdict.

if not ready() then
    return {'UNREADY'}
end

local id, digest = ARGV[3], ARGV[5]

if digest == '' then
    digest = redis.pcall('GET', key('id:' .. id))

    if type(digest) ~= 'string' then
        return {'MISLED', 'no token ' .. id}
    end
end

local record = 'token:' .. digest

if not typed({[record] = 'hash'}) then
    return bad_types()
end

if not named(record, id) then
    return {'MISLED', 'no token ' .. id}
end

local status, revoked_at, user = unpack(redis.call('HMGET', key(record),
    'status', 'revoked_at', 'user'))

if status ~= 'revoked' then
    return {'REFUSED', 'token ' .. id .. ' is not revoked: revoke it first'}
end

local since = tonumber(revoked_at) or 0
local free = since + tonumber(ARGV[4])
local at, from, verdict = unpack(redis.pcall('HMGET', key('usage:' .. id),
    'refused_at', 'refused_addr', 'refused_reason'))
local told = string.format('%d', free)

if (tonumber(at) or -1) >= since then
    told = told .. ' ' .. at .. ' ' .. (from or '-') .. ' ' .. (verdict or '-')
end

if free > tonumber(now) then
    return {'WATCHED', told}
end

if ARGV[6] == 'look' then
    return {'OK', told}
end

redis.call('DEL', key(record), key('id:' .. id), key('usage:' .. id))

-- uses that a worker has yet to write must not bring it back

redis.call('SET', key('deleted:' .. id), now, 'EX', 86400)

if user then
    book('SREM', 'user-tokens:' .. user, id)
end

book('ZREM', 'tokens', id)
book('ZREM', 'expiry', id)
book('ZREM', 'rotating', id)
book('ZREM', 'last_used', id)
book('HDEL', 'secrets', id)
audit('token.delete', id, user or '', 'revoked', '')

return ok(told)
