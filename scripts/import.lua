-- Checks or writes records of an import.
--
-- ARGV: 3 "check" or "write", 4 words with blanks between: "overwrite",
-- "restore", 5 the file's SHA-256, 6 names of roles from low to high, then
-- records:
--   u, id, role, status, created_at, fields
--   t, digest, id, flags, user, status, created_at, expires_at,
--      last_used or empty, fields, usage
-- flags: f, its user is in the file; b, it was revoked or deleted here.
-- fields and usage: n, n names, n values; or "=" and values only: the names
-- are those of the record before, of this kind.  The fields repeat the words
-- before them: a million records pass here, so none is taken apart without
-- need.
--
-- OK, with a letter for each record: N new, S there already and the same,
-- O overwritten; and what is not written: D differs, I another record has its
-- id or its digest, R what is here lets in less than what would come (it is
-- revoked, disabled, pending, ends sooner, has a lower role or is bound to
-- something else), B a token that was revoked and deleted here, A a user that
-- would be active where users need an approval, U no such user, W a key has
-- another type.  "restore" is what it takes to write R, B and A.
--
-- 3 "begin" and "end": while a file is written, "importing" in the marker is
-- its SHA-256.  It stays there if the import does not come to its end, and then
-- half of the file may be here; only an import of the same file takes it away
-- again.  "begin" answers what stood there, and leaves that of another file.
--
-- A call is one entry in the audit: how many records of which file.  A record
-- that is overwritten was something else before, and has an entry of its own.
--
-- A dataset that is being made has no marker yet: it is written last, and
-- until then nobody takes what is missing for unknown.

local marker = redis.call('HMGET', KEYS[1], 'importing', 'schema', 'approval')

if redis.call('EXISTS', KEYS[1]) == 1 and not ready()
    and (marker[2] or not marker[1])
then
    return {'REFUSED', 'there is a dataset of another schema'}
end

if ARGV[3] == 'begin' then
    redis.call('HSETNX', KEYS[1], 'importing', ARGV[5])
    return {'OK', marker[1] or ''}
elseif ARGV[3] == 'end' then
    if marker[1] == ARGV[5] then
        redis.call('HDEL', KEYS[1], 'importing')
    end
    return {'OK', ''}
end

if not typed({users = 'zset', tokens = 'zset', expiry = 'zset',
    last_used = 'zset', rotating = 'zset'})
then
    return bad_types()
end

local argv, call, try = ARGV, redis.call, redis.pcall
local write, overwrite = argv[3] == 'write', argv[4]:find('overwrite', 1, true)
local restore = argv[4]:find('restore', 1, true)
local rank, ranks = {}, 0

for role in argv[6]:gmatch('%S+') do
    ranks = ranks + 1
    rank[role] = ranks
end

local users, tokens, expiry = key('users'), key('tokens'), key('expiry')
local last = key('last_used')
local at = 7
local fresh, over = 0, 0

-- what goes to id: and to an index is gathered, and written in one command

local to_users, to_tokens, to_expiry, to_last, to_ids = {}, {}, {}, {}, {}
local to_rotating = {}

local function add(list, one, other)
    local n = #list
    list[n + 1] = one
    list[n + 2] = other
end

-- fields as HSET takes them, for which the table of the record before is used
-- again

local rows = {}

local function fields(kind)
    local row, n = rows[kind], argv[at]

    if n ~= '=' then
        row = {n = 2 * n}
        rows[kind] = row

        for i = 1, n do
            row[2 * i - 1] = argv[at + i]
            row.to = argv[at + i] == 'rotated_to' and 2 * i or row.to
        end

        at = at + n
    end

    for i = 2, row.n, 2 do
        row[i] = argv[at + i / 2]
    end

    at = at + row.n / 2 + 1

    return row
end

-- the record that is there: nil, a map, or false for another type; and
-- whether it is the same as the row

local function there(record, row)
    local found = try('HGETALL', record)

    if found.err then
        return false
    end

    if #found == 0 then
        return nil
    end

    local old, same = {}, #found == row.n

    for i = 1, #found, 2 do
        old[found[i]] = found[i + 1]
    end

    for i = 1, row.n, 2 do
        same = same and old[row[i]] == row[i + 1]
    end

    return old, same
end

local levels = {deleted = 1, pending = 2, disabled = 3, active = 4}

-- whether the user that comes may do what the one that is here may not

local function raises(old, kind, role, status)
    return old.kind ~= kind or (rank[role] or 0) > (rank[old.role] or 0)
        or (levels[status] or 0) > (levels[old.status] or 0)
end

-- a person of the lowest role needs no approval

local function unapproved(kind, role, status)
    return marker[3] == 'required' and status == 'active'
        and not (kind == 'human' and (rank[role] or 0) <= 1)
end

-- the value of a field of a row

local function of_row(row, name)
    for i = 1, row.n, 2 do
        if row[i] == name then
            return row[i + 1]
        end
    end
    return ''
end

-- whether the token that comes may go where the one that is here may not

local function opens(old, row)
    local ends, has = of_row(row, 'expires_at'), old.expires_at

    if old.status ~= 'active' and of_row(row, 'status') == 'active'
        or has ~= '0' and (ends == '0'
            or (tonumber(ends) or 0) > (tonumber(has) or 0))
    then
        return true
    end

    for _, name in ipairs({'type', 'scope', 'env', 'networks', 'rate'}) do
        if (old[name] or '') ~= of_row(row, name) then
            return true
        end
    end

    return false
end

local function user()
    local id, role, status, created = unpack(argv, at + 1, at + 4)
    local record = key('user:' .. id)

    at = at + 5

    local row = fields('user')
    local old, same = there(record, row)

    if old == false then
        return 'W'
    elseif same then
        -- as it is
    elseif restore then
        -- whatever it was
    elseif old and raises(old, of_row(row, 'kind'), role, status) then
        return 'R'
    elseif not old and unapproved(of_row(row, 'kind'), role, status) then
        return 'A'
    end

    if old and not same and not overwrite then
        return 'D'
    end

    if write then
        if old and not same then
            call('DEL', record)
            over = over + 1
            audit('user.import', '', id, (old.role or '') .. ' '
                .. (old.status or ''), role .. ' ' .. status)
        end
        if not same then
            call('HSET', record, unpack(row, 1, row.n))
            fresh = fresh + (old and 0 or 1)
        end
        if status == 'pending' then
            book('ZADD', 'pending', created, id)
        end
        add(to_users, created, id)
    end

    return same and 'S' or old and 'O' or 'N'
end

local known = {}

local function exists(user)
    known[user] = known[user] or call('EXISTS', key('user:' .. user))
    return known[user] == 1
end

local function set(name)
    local found = call('TYPE', name).ok
    return found == 'set' or found == 'none'
end

local function judge(digest, id, flags, user, row, of, old, same)
    if of and of ~= digest
        or old and (old.id ~= id or old.user ~= user)
    then
        return 'I'
    elseif same then
        return 'S'
    elseif old and not restore and opens(old, row) then
        return 'R'
    elseif not old and not restore and flags:find('b', 1, true) then
        return 'B'
    elseif old and not overwrite then
        return 'D'
    elseif (write or not flags:find('f', 1, true)) and not exists(user) then
        return 'U'
    end

    return old and 'O' or 'N'
end

local function token()
    local digest, id, flags, user, status, created, expires, used =
        unpack(argv, at + 1, at + 8)

    at = at + 9

    local row, usage = fields('token'), fields('usage')
    local record, by_id = key('token:' .. digest), key('id:' .. id)
    local by_user, use = key('user-tokens:' .. user), key('usage:' .. id)
    local old, same, of, has = nil, false, false, usage.n > 0 and 0

    -- most are new: one question tells

    if call('EXISTS', record, by_id, use) > 0 then
        old, same = there(record, row)
        of, has = try('GET', by_id), has and try('HLEN', use)

        if old == false or type(of) == 'table' or type(has) == 'table' then
            return 'W'
        end

        -- an index that leads to a record of another id says nothing

        if of and of ~= digest
            and try('HGET', key('token:' .. of), 'id') ~= id
        then
            of = false
        end
    end

    local answer = judge(digest, id, flags, user, row, of, old, same)

    if not (answer == 'N' or answer == 'O' or answer == 'S') then
        return answer
    end

    -- the last key that may be of another type, before the first change

    if not write then
        return set(by_user) and answer or 'W'
    elseif type(try('SADD', by_user, id)) == 'table' then
        return 'W'
    end

    if old and not same then
        call('DEL', record)
        call('ZREM', expiry, id)
        book('ZREM', 'rotating', id)
        over = over + 1
        audit('token.import', id, user, old.status or '', status)
    end

    if not same then
        call('HSET', record, unpack(row, 1, row.n))
        fresh = fresh + (old and 0 or 1)
    end

    if not of then
        add(to_ids, by_id, digest)
    end

    add(to_tokens, created, id)

    if expires ~= '0' then
        add(to_expiry, expires, id)
    end

    if row.to and row[row.to] ~= '' and status == 'active' then
        add(to_rotating, expires, id)
    end

    if used ~= '' then
        add(to_last, used, id)
    end

    if has == 0 then
        call('HSET', use, unpack(usage, 1, usage.n))
    end

    return answer
end

local answers = {}

while at <= #argv do
    answers[#answers + 1] = argv[at] == 'u' and user() or token()
end

local function put(list, ...)
    if #list > 0 then
        call(...)
    end
end

put(to_ids, 'MSET', unpack(to_ids))
put(to_users, 'ZADD', users, unpack(to_users))
put(to_tokens, 'ZADD', tokens, unpack(to_tokens))
put(to_expiry, 'ZADD', expiry, unpack(to_expiry))
put(to_rotating, 'ZADD', key('rotating'), unpack(to_rotating))
put(to_last, 'ZADD', last, 'GT', unpack(to_last))

if fresh + over > 0 then
    audit('import', '', '', '', fresh .. ' new, ' .. over .. ' overwritten',
        {'file', argv[5]})
end

return {'OK', table.concat(answers)}
