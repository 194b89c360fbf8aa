-- Revokes tokens of a user that the caller has found by their records: some
-- hundred in a call, so that Redis answers others in between.
-- ARGV: 3 user, 4 "step" or "end"; then, of a step, for each token: its digest,
-- its id, the seal it had, the seal that it gets, or three times nothing: it is
-- not sealed, or its seal is wrong; of the end, how many were revoked.
--
-- OK; of a step, with a letter for each: R revoked, S stopped already or gone,
-- O of another user by now, C changed since the caller read and sealed it.  The end is one entry in the audit, if there was one to revoke.

if not ready() then
    return {'UNREADY'}
end

local user, mode = ARGV[3], ARGV[4]

if mode == 'end' then
    if ARGV[5] ~= '0' then
        stopping()
        audit('user.revoke-all', '', user, '', ARGV[5] .. ' revoked')
    end
    return ok()
end

local answers = {}

stopping()

local function revoke(digest, id, had, gets)
    local record = 'token:' .. digest
    local rec = redis.pcall('HMGET', key(record), 'id', 'user', 'status',
        'seal')

    if rec.err or rec[3] ~= 'active' then
        return 'S'
    elseif rec[2] ~= user then
        return 'O'
    elseif gets ~= '' and (rec[1] ~= id or (rec[4] or '') ~= had) then
        return 'C'
    end

    redis.call('HSET', key(record), 'status', 'revoked', 'revoked_at', now)

    if gets ~= '' then
        redis.call('HSET', key(record), 'seal', gets)
    end

    book('ZREM', 'rotating', rec[1] or '')
    audit('token.revoke', rec[1] or '', user, 'active', 'revoked')

    return 'R'
end

for i = 5, #ARGV, 4 do
    answers[#answers + 1] = revoke(unpack(ARGV, i, i + 3))
end

return ok(table.concat(answers))
