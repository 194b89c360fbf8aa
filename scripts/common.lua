-- The beginning of every other script.
--
-- KEYS[1] is the dataset's marker; all other keys are made from the prefix,
-- whose braces keep them in the same slot of a Cluster.  ARGV[1] is the
-- prefix, ARGV[2] who acts: a node, or eight lines: --actor, the user of the
-- operating system, SUDO_USER, and Redis' user; then, over HTTP, "api", the
-- token and the address of the caller, and the id of the request.  Answers begin with a word: OK,
-- NOTFOUND, REFUSED (with a text), CHANGED (read again), MISLED (the index led
-- to another record: look for the one that was named) or UNREADY (no dataset
-- here).  Behind OK and its text come notes for the person who acts.
--
-- A script that fails does not take back what it wrote: so every script reads
-- and checks all that it needs before its first write.
--
-- An index (id:, user-tokens:, users, tokens, expiry, pending, rotating) only says
-- where to look.  A script that comes to a record by one checks that the record has the id
-- and the user that were named before it reads anything else from it.
--
-- Everything beside the records, the audit and the indexes, is written by
-- book().  It never fails: a key that is not what it has to be is put aside
-- under another name, and the notes and the audit say so.

local prefix, actor = ARGV[1], string.match(ARGV[2], '^[^\n]*')
local who = {}

for line in string.gmatch(ARGV[2] .. '\n', '([^\n]*)\n') do
    who[#who + 1] = line
end

local login, sudo, acl = who[2], who[3], who[4]

-- by the operating system: of root, who became it by sudo, as root may have

local person = login == 'root' and sudo ~= '' and sudo or login or ''

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

-- To be called before the first write of a script that stops a token or a user.
-- When Redis is full, it refuses a script's first write that needs memory, but
-- lets a script finish that has written already: so a write that needs none
-- goes first.

local function stopping()
    redis.call('DEL', key('nothing'))
end

local moved, notes = {}, {}

local function failed(reply)
    return type(reply) == 'table' and reply.err
end

-- a key that is not what it has to be gets another name; whether it has one

local function aside(name)
    for n = 1, 9 do
        local to = 'aside:' .. now .. '-' .. n .. ':' .. name
        local done = redis.pcall('RENAMENX', key(name), key(to))

        if done == 1 then
            moved[#moved + 1] = {name, to}
            notes[#notes + 1] = name .. ' could not be used: it is now ' .. to
            return true
        elseif failed(done) then
            return false
        end
    end

    return false
end

-- A command on a key of the bookkeeping, whose answer is nil if it failed.  A
-- stream is full when somebody has given an entry the last id that there is.

local function book(command, name, ...)
    local reply = redis.pcall(command, key(name), ...)
    local err = failed(reply)

    if err and (err:find('WRONGTYPE', 1, true) or err:find('stream', 1, true))
        and aside(name)
    then
        reply = redis.pcall(command, key(name), ...)
    end

    if failed(reply) then
        notes[#notes + 1] = name .. ' was not written: ' .. reply.err
        return nil
    end

    return reply
end

-- a number of the audit's head: 1 to 15 digits

local function count(text)
    return text and text:find('^%d+$') and #text < 16 and tonumber(text)
end

-- The end of the audit's chain: the number and the hash of the last entry, and
-- how many the bound has taken from the old end.  Without the head, the last
-- entry tells.

local function audit_head()
    local head = book('HMGET', 'audit-head', 'seq', 'hash', 'trimmed') or {}

    if count(head[1]) and head[2] then
        return count(head[1]), head[2], count(head[3]) or 0
    end

    local last = book('XREVRANGE', 'audit', '+', '-', 'COUNT', 1) or {}
    local found = {}

    if last[1] then
        for i = 1, #last[1][2], 2 do
            found[last[1][2][i]] = last[1][2][i + 1]
        end
    end

    return count(found.seq) or 0, found.hash or '', 0
end

-- The least that the audit keeps.  More may be asked for by audit_max of the
-- marker; less may not: write access to Redis could have all removed.

local audit_least = 1000000

-- Adds an entry: who, by all names, when, what, before and after, the user's name
-- as it is then, and pairs of more names and values.  Its hash is over all of its
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

    for i, name in ipairs({'os', 'sudo', 'redis', 'via', 'via_token',
        'via_addr', 'request'})
    do
        if (who[i + 1] or '') ~= '' then
            entry[#entry + 1] = name
            entry[#entry + 1] = who[i + 1]
        end
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
    local most = count(redis.call('HGET', KEYS[1], 'audit_max'))
    local had = book('XLEN', 'audit') or 0

    entry[#entry + 1] = 'hash'
    entry[#entry + 1] = hash

    if not book('XADD', 'audit', 'MAXLEN', '~',
        string.format('%d', math.max(most or 0, audit_least)), '*',
        unpack(entry))
    then
        return
    end

    trimmed = trimmed + math.max(had + 1 - (book('XLEN', 'audit') or 0), 0)

    book('HSET', 'audit-head', 'seq', string.format('%d', seq + 1),
        'hash', hash, 'trimmed', string.format('%d', trimmed))
end

-- the answer of what went well; what was put aside has an entry, too

local function ok(text)
    local i = 1

    while moved[i] do
        audit('aside', '', '', moved[i][1], moved[i][2])
        i = i + 1
    end

    return {'OK', text or '', unpack(notes)}
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

-- whether the record of a token is the one that was named

local function named(record, id, user)
    local its = redis.call('HMGET', key(record), 'id', 'user')
    return its[1] == id and (not user or its[2] == user)
end

-- The index of rotations, after a change of a token's record: old tokens that
-- somebody may still use, by their ends.  Those that have ended are removed
-- when the next rotation begins.

local function rotating(id, record)
    local its = redis.pcall('HMGET', key(record), 'status', 'rotated_to',
        'expires_at')

    if its[1] == 'active' and (its[2] or '') ~= '' then
        book('ZADD', 'rotating', its[3], id)
    else
        book('ZREM', 'rotating', id)
    end
end

-- Whether the actor is another person than the one who asked: every mark by
-- which the dataset tells people apart must differ.  An unknown mark counts as
-- the same.

local function another(request)
    local mine = {actor = actor, os = person, redis = acl}
    local trust, words = redis.call('HGET', KEYS[1], 'trust') or 'os', 0

    for word in trust:gmatch('%S+') do
        local its = request[word] or ''

        if its == '' or (mine[word] or '') == '' or its == mine[word] then
            return false
        end

        words = words + 1
    end

    return words > 0
end
