-- Stands before every other script.
--
-- KEYS[1] is the dataset's marker; all other keys are made from the prefix,
-- whose braces keep them in the same slot of a Cluster.  ARGV[1] is the
-- prefix, ARGV[2] who acts.  Answers begin with a word: OK, NOTFOUND, REFUSED
-- (with a text), CHANGED (read again) or UNREADY (no dataset here).
--
-- A script that fails does not take back what it wrote: so every script reads
-- and checks all that it needs before its first write.

local prefix, actor = ARGV[1], ARGV[2]
local now = redis.call('TIME')[1]

local function key(name)
    return prefix .. name
end

local function ready()
    return redis.call('HGET', KEYS[1], 'schema') == '2'
end

-- false if a key that is going to be written has another type; who writes the
-- audit writes its head, too

local function typed(kinds)
    kinds['audit-head'] = kinds.audit and 'hash'
    for name, kind in pairs(kinds) do
        local found = redis.call('TYPE', key(name)).ok
        if found ~= 'none' and found ~= kind then
            return false
        end
    end
    return true
end

local function bad_types()
    return {'REFUSED', 'a key of the dataset has the wrong type'}
end

-- The end of the audit's chain: the number and the hash of the last entry, and
-- how many the bound has taken from the old end.  Without the head, the last
-- entry tells.

local function audit_head()
    local head = redis.call('HMGET', key('audit-head'), 'seq', 'hash',
        'trimmed')

    if head[1] and head[2] then
        return tonumber(head[1]) or 0, head[2], tonumber(head[3]) or 0
    end

    local last = redis.call('XREVRANGE', key('audit'), '+', '-', 'COUNT', 1)
    local found = {}

    if last[1] then
        for i = 1, #last[1][2], 2 do
            found[last[1][2][i]] = last[1][2][i + 1]
        end
    end

    return tonumber(found.seq) or 0, found.hash or '', 0
end

-- Adds an entry: who, when, what, before and after, the user's name as it is
-- then, and pairs of more names and values.  Its hash is over all of its
-- fields, its number and the hash of the entry before it among them.
-- docs/audit.md says what that shows.

local function audit(action, token, user, before, after, more)
    local seq, prev, trimmed = audit_head()
    local entry = {'at', now, 'actor', actor, 'action', action,
        'token', token, 'user', user, 'before', before, 'after', after}

    -- the changes are written: what is wrong with the user may not fail here

    local name = redis.pcall('HGET', key('user:' .. user), 'name')

    if type(name) == 'string' then
        entry[#entry + 1] = 'user_name'
        entry[#entry + 1] = name
    end

    for _, text in ipairs(more or {}) do
        entry[#entry + 1] = text
    end

    for _, text in ipairs({'seq', string.format('%d', seq + 1),
        'prev', prev})
    do
        entry[#entry + 1] = text
    end

    local hashed = {'stok-audit-1\n'}

    for _, text in ipairs(entry) do
        hashed[#hashed + 1] = #text .. ':' .. text .. '\n'
    end

    local hash = redis.sha1hex(table.concat(hashed))
    local most = tonumber(redis.call('HGET', KEYS[1], 'audit_max') or '')
    local had = redis.call('XLEN', key('audit'))

    entry[#entry + 1] = 'hash'
    entry[#entry + 1] = hash

    redis.call('XADD', key('audit'), 'MAXLEN', '~',
        string.format('%d', math.max(most or 1000000, 1)), '*',
        unpack(entry))

    trimmed = trimmed + had + 1 - redis.call('XLEN', key('audit'))

    redis.call('HSET', key('audit-head'), 'seq', string.format('%d', seq + 1),
        'hash', hash, 'trimmed', string.format('%d', trimmed))
end

-- whether a record still has the fields that were read, and no others:
-- names and values in ARGV, from first to last

local function unchanged(record, first, last)
    if redis.call('HLEN', key(record)) * 2 ~= last - first + 1 then
        return false
    end
    for i = first, last, 2 do
        if redis.call('HGET', key(record), ARGV[i]) ~= ARGV[i + 1] then
            return false
        end
    end
    return true
end
