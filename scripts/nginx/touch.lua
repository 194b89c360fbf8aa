-- Last Used and usage of some tokens, as one worker of nginx has seen them.
--
-- ARGV: 3 the slot's name, 4 number of the batch, 5 the slot's secret, 6 role
-- names from low to high with blanks between, then for each token: id, first
-- and last use (seconds; 0: none), uses, address, location, role needed,
-- refusals, time, address and verdict of the last one.
--
-- A batch that was executed and whose answer was lost comes again, perhaps
-- after later ones of its slot: it is skipped.  The last batch is kept as its
-- number with a hash of that and the secret, which is kept nowhere: another
-- node, which may write this key as well as its own, cannot make one that
-- another's batch would be skipped for.  A value that does not come from this
-- slot says nothing, and the batch is written.
--
-- Nothing moves back, in whatever order workers and nodes come.  A token whose
-- use cannot be written is skipped: it would stop all others.  A token that
-- was deleted meanwhile does not come back.
--
-- Answers with the number of tokens written, and of those that could not be.

if not ready() then
    return {'UNREADY'}
end

local batch = key('flushed:' .. ARGV[3])
local last = redis.pcall('GET', batch)

local function proof(number)
    return number .. ' ' .. redis.sha1hex(number .. ' ' .. ARGV[5])
end

if type(last) == 'string' then
    local number = string.match(last, '^(%d+) ')

    if number and tonumber(number) >= tonumber(ARGV[4])
        and last == proof(number)
    then
        return {'OK', 0, 0}
    end
end

redis.call('SET', batch, proof(ARGV[4]), 'EX', 86400)

local rank, ranks = {}, 0

for role in string.gmatch(ARGV[6], '%S+') do
    ranks = ranks + 1
    rank[role] = ranks
end

-- the last eight, the newest first, with blanks between

local function recent(list, value)
    local out, n = value, 1

    for old in string.gmatch(list or '', '%S+') do
        if old ~= value and n < 8 then
            out = out .. ' ' .. old
            n = n + 1
        end
    end

    return out
end

local function used(id, usage, i)
    local at = tonumber(ARGV[i + 2])
    local last = tonumber(redis.call('ZSCORE', key('last_used'), id) or 0)
    local old = redis.call('HMGET', usage, 'first_used', 'addrs', 'locations',
        'role_needed')
    local new = {}

    redis.call('ZADD', key('last_used'), 'GT', at, id)

    if tonumber(ARGV[i + 3]) == 0 then
        return
    end

    redis.call('HINCRBY', usage, 'uses', ARGV[i + 3])

    local function set(name, value)
        new[#new + 1] = name
        new[#new + 1] = value
    end

    if not old[1] or tonumber(ARGV[i + 1]) < tonumber(old[1]) then
        set('first_used', ARGV[i + 1])
        set('first_addr', ARGV[i + 4])
    end

    if at >= last then
        set('last_addr', ARGV[i + 4])
        set('last_location', ARGV[i + 5])
    end

    if ARGV[i + 4] ~= '' then
        set('addrs', recent(old[2], ARGV[i + 4]))
    end

    set('locations', recent(old[3], ARGV[i + 5]))

    if (rank[ARGV[i + 6]] or 0) > (rank[old[4]] or 0) then
        set('role_needed', ARGV[i + 6])
    end

    redis.call('HSET', usage, unpack(new))
end

-- at most one entry of "refusals" a minute for each token, with what came
-- together; the audit is not an edge's to write

local function refused(id, usage, i)
    local sum = redis.call('HINCRBY', usage, 'refused', ARGV[i + 7])
    local old = redis.call('HMGET', usage, 'refused_at', 'audited_at',
        'audited')

    if tonumber(ARGV[i + 8]) >= tonumber(old[1] or 0) then
        redis.call('HSET', usage, 'refused_at', ARGV[i + 8],
            'refused_addr', ARGV[i + 9], 'refused_reason', ARGV[i + 10])
    end

    if now - (tonumber(old[2]) or 0) < 60 then
        return
    end

    local digest = redis.call('GET', key('id:' .. id))
    local user = digest and redis.call('HGET', key('token:' .. digest), 'user')

    redis.call('XADD', key('refusals'), 'MAXLEN', '~', '100000', '*',
        'at', now, 'token', id, 'user', user or '', 'reason', ARGV[i + 10],
        'count', string.format('%d', sum - (tonumber(old[3]) or 0)),
        'addr', ARGV[i + 9])
    redis.call('HSET', usage, 'audited_at', now, 'audited', sum)
end

local function touch(i)
    local id = ARGV[i]

    if redis.call('EXISTS', key('deleted:' .. id)) == 1 then
        return
    end

    local usage = key('usage:' .. id)

    if ARGV[i + 2] ~= '0' then
        used(id, usage, i)
    end

    if ARGV[i + 7] ~= '0' then
        refused(id, usage, i)
    end
end

local written, failed = 0, 0

for i = 7, #ARGV, 11 do
    if pcall(touch, i) then
        written = written + 1
    else
        failed = failed + 1
    end
end

return {'OK', written, failed}
