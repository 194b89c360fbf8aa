-- Revokes every active token of a user in one step.
-- ARGV: 3 user, then for each active token that the caller read: its id, the
-- seal it had (or empty), the seal that it gets (or empty).
-- CHANGED: the user has other active tokens by now.  OK with their number.

if not ready() then
    return {'UNREADY'}
end

local user = ARGV[3]

if not typed({['user:' .. user] = 'hash', ['user-tokens:' .. user] = 'set',
    audit = 'stream'})
then
    return bad_types()
end

if redis.call('EXISTS', key('user:' .. user)) == 0 then
    return {'NOTFOUND', 'no user ' .. user}
end

local had, gets, records, n = {}, {}, {}, 0

for i = 4, #ARGV, 3 do
    had[ARGV[i]] = ARGV[i + 1]
    gets[ARGV[i]] = ARGV[i + 2]
end

for _, id in ipairs(redis.call('SMEMBERS', key('user-tokens:' .. user))) do
    local digest = redis.call('GET', key('id:' .. id))

    if digest then
        local record = key('token:' .. digest)
        local status, seal = unpack(redis.call('HMGET', record, 'status',
            'seal'))

        if status == 'active' then
            if had[id] ~= (seal or '') then
                return {'CHANGED'}
            end
            records[id] = record
            n = n + 1
        end
    end
end

for id, record in pairs(records) do
    redis.call('HSET', record, 'status', 'revoked', 'revoked_at', now)
    if gets[id] ~= '' then
        redis.call('HSET', record, 'seal', gets[id])
    end
    audit('token.revoke', id, user, 'active', 'revoked')
end

audit('user.revoke-all', '', user, '', n .. ' revoked')

return {'OK', tostring(n)}
