-- Checks keys of the dataset, or fixes what is wrong with one of them.
--
-- ARGV: 3 "check" or "fix", 4 kind, 5 owner, 6 "keep" (nothing is taken from
-- an index) or empty, then names.
-- kind: token (names are digests), user, id, user-tokens, usage, aside: what
-- stands behind the colon of keys; users, tokens, expiry, last_used: members of that
-- index; member: tokens in user-tokens:<owner>; same: a token that has the
-- name of the token <owner>; types, mark: no names.
--
-- OK, the findings, and what was read for each name.  Of token and user: what
-- HGETALL says, empty if it is gone or of another type.  Of id, if its record
-- has links: the digest and what HGETALL says.  Of user-tokens and member:
-- tokens and their names in turn, or "many": the members have to be asked for
-- in pieces.  A finding is a word, the number of the name, the token, the user,
-- what is wrong, and "+" if it can be fixed.  "fix" makes each change that
-- "check" has marked, with an audit entry for it.  The caller fixes nothing of
-- a record that it cannot read, and nothing at all while "types" finds
-- something.
--
-- It fixes indexes, from records, and links between two records: nothing here
-- changes what the edge decides.

local importing = redis.call('HGET', KEYS[1], 'importing')
local unfinished = 'an import has not come to its end, and half of its file may '
    .. 'be here: import the file again'

if not ready() then
    return importing and {'REFUSED', unfinished} or {'UNREADY'}
end

local mode, kind, owner, keep = unpack(ARGV, 3, 6)
local call, try = redis.call, redis.pcall
local fix = mode == 'fix'
local findings, records, at = {}, {}, 0
local token, user = '', ''

local function say(word, what, fixes)
    findings[#findings + 1] = {word, tostring(at), token, user, what,
        fixes and '+' or '-'}
    if fix and fixes then
        for _, command in ipairs(fixes) do
            call(unpack(command))
        end
        audit('fsck.fix', token, user, '', word .. ': ' .. what)
    end
end

-- what is taken from an index; nil if it has to stay

local function take(...)
    return keep == '' and {{...}} or nil
end

local function kind_of(name)
    return call('TYPE', key(name)).ok
end

local function other_type(name, wanted)
    local found = kind_of(name)
    if found ~= 'none' and found ~= wanted then
        say('type', name:gsub('^(token:%x%x%x%x%x%x%x%x).*', '%1...')
            .. ' is a ' .. found .. ', not a ' .. wanted)
        return true
    end
    return false
end

-- what a command says of a key; and true if the key is of another type, which
-- is the finding then: the type of each key would cost one more query

local function ask(wanted, command, name, ...)
    local found = try(command, key(name), ...)
    if type(found) ~= 'table' or not found.err then
        return found
    elseif other_type(name, wanted) then
        return nil, true
    end
    return call(command, key(name), ...)
end

local function field(record, name)
    local found = try('HGET', key(record), name)
    return type(found) == 'string' and found or nil
end

-- a token's digest, if a record stands there that may be its own; a record
-- of another type, or without an id, may be

local function leads(id)
    local digest = try('GET', key('id:' .. id))

    if type(digest) == 'table' then
        return digest.err and 'unknown'
    end

    local its = digest and field('token:' .. digest, 'id')

    if not digest or not its and kind_of('token:' .. digest) == 'none' then
        return nil
    end

    return (its or id) == id and digest
end

-- the place in an index that a record says; false: none, and why

local function score(index, member, wanted, why)
    local found = call('ZSCORE', key(index), member)

    if wanted and (not found or tonumber(found) ~= tonumber(wanted)) then
        say(index, index .. (found and ' has ' .. member .. ' at ' .. found
            or ' lacks ' .. member) .. ', its record says ' .. wanted,
            {{'ZADD', key(index), wanted, member}})

    elseif not wanted and found then
        say(index, index .. ' has ' .. member .. ', which ' .. why,
            {{'ZREM', key(index), member}})
    end
end

-- A link to a token that was deleted stays; to one that is there it has to be
-- answered.  Which of both it is id: tells: so links come after all of them.

local function linked(id, here, other, there)
    local digest = other and other ~= '' and leads(other)

    if not digest or digest == 'unknown' then
        return
    end

    local record = 'token:' .. digest
    local back = field(record, there) or ''

    if other == id or kind_of(record) ~= 'hash' then
        say('link', here .. ' is ' .. other .. ', which it cannot be')

    elseif back == '' and field(record, 'id') == other
        and field(record, 'user') == user
    then
        local fixes = {{'HSET', key(record), there, id}}

        if there == 'rotated_to' and field(record, 'status') == 'active' then
            fixes[2] = {'ZADD', key('rotating'),
                tonumber(field(record, 'expires_at') or '') or 0, other}
        end

        say('link', here .. ' is ' .. other .. ', whose ' .. there
            .. ' is missing', fixes)

    elseif back ~= id then
        say('link', here .. ' is ' .. other .. ', whose ' .. there
            .. ' is not this one')
    end
end

local function check_token(digest)
    local got, rec = ask('hash', 'HGETALL', 'token:' .. digest) or {}, {}

    for i = 1, #got, 2 do
        rec[got[i]] = got[i + 1]
    end

    records[at] = got
    token, user = rec.id or '', rec.user or ''

    local created = (rec.created_at or '') == '' and '0' or rec.created_at

    if token == '' or user == '' or not tonumber(created)
        or not tonumber(rec.expires_at or '')
    then
        return
    end

    local by_id, set = 'id:' .. token, 'user-tokens:' .. user

    local of, other = ask('string', 'GET', by_id)

    if of and of ~= digest and leads(token) then
        say('id', by_id .. ' leads to another record of this id')
        return
    elseif of ~= digest and not other then
        say('id', by_id .. (of and ' leads elsewhere' or ' is missing'),
            {{'SET', key(by_id), digest}})
    end

    if ask('set', 'SISMEMBER', set, token) == 0 then
        say('user-tokens', set .. ' lacks ' .. token,
            {{'SADD', key(set), token}})
    end

    score('tokens', token, created)
    score('expiry', token, tonumber(rec.expires_at) ~= 0 and rec.expires_at,
        'never expires')

    -- one that has ended may be there yet

    local ends = tonumber(rec.expires_at)

    if rec.status ~= 'active' or (rec.rotated_to or '') == '' then
        score('rotating', token, false, 'is in no rotation')
    elseif ends == 0 or ends > tonumber(now) then
        score('rotating', token, rec.expires_at)
    end

    if call('EXISTS', key('user:' .. user)) == 0 then
        say('no-user', 'its user ' .. user .. ' has no record')
    end
end

local function check_links(id, digest)
    local record = 'token:' .. digest
    local to, from = unpack(try('HMGET', key(record), 'rotated_to',
        'rotated_from'))

    if to or from then
        records[at] = call('HGETALL', key(record))
        table.insert(records[at], 1, digest)
        user = field(record, 'user') or ''

        linked(id, 'rotated_to', to, 'rotated_from')
        linked(id, 'rotated_from', from, 'rotated_to')
    end
end

local function check_user(id)
    local record = 'user:' .. id

    user = id
    records[at] = ask('hash', 'HGETALL', record) or {}

    local created = field(record, 'created_at') or ''

    created = created == '' and '0' or created

    if #records[at] > 0 and tonumber(created) then
        score('users', id, created)
    end

    if field(record, 'status') == 'pending'
        and try('ZSCORE', key('pending'), id) == false
    then
        say('pending', 'pending lacks ' .. id .. ', which waits for an approval',
            {{'ZADD', key('pending'), tonumber(created) or 0, id}})
    end
end

-- an entry of an index whose record is gone

local function dangling(word, where, ...)
    if not leads(token) then
        say(word, where .. ' has ' .. token .. ', which has no record',
            take(...))
    end
end

-- id and its name go to names, if it is a token of the owner

local function check_member(set, id, names)
    token, user = id, owner

    local digest = leads(id)
    local of, name = unpack(digest and try('HMGET', key('token:' .. digest),
        'user', 'name') or {})

    if of == owner then
        names[#names + 1] = id
        names[#names + 1] = name or ''
    elseif call('SISMEMBER', set, id) == 0 then
        return
    elseif of then
        say('user-tokens', 'user-tokens:' .. owner .. ' has ' .. id
            .. ', a token of ' .. of, take('SREM', set, id))
    else
        dangling('user-tokens', 'user-tokens:' .. owner, 'SREM', set, id)
    end
end

-- the caller has seen two of one name, maybe not at one moment

local function check_same(id)
    local one, other = leads(id), leads(owner)

    one, other = one and 'token:' .. one, other and 'token:' .. other
    token, user = id, one and field(one, 'user') or ''

    if id ~= owner and one and other and user == field(other, 'user')
        and field(one, 'name') and field(one, 'name') == field(other, 'name')
    then
        say('same-name', 'it has the name of ' .. owner
            .. ', of the same user: rotate or delete one of them')
    end
end

local checks = {
    token = check_token,
    user = check_user,

    id = function(id)
        local digest = leads(id)

        token, records[at] = id, {}

        if digest and digest ~= 'unknown' then
            check_links(id, digest)
        elseif ask('string', 'GET', 'id:' .. id) then
            dangling('id', 'id:', 'DEL', key('id:' .. id))
        end
    end,

    ['user-tokens'] = function(id)
        local set = 'user-tokens:' .. id

        owner, user, records[at] = id, id, {}

        -- the caller asks for the members of a large one in pieces

        if (ask('set', 'SCARD', set) or 0) > 500 then
            records[at] = {'many'}
            return
        end

        for _, member in ipairs(try('SMEMBERS', key(set))) do
            check_member(key(set), member, records[at])
        end
    end,

    member = function(id)
        records[at] = {}
        check_member(key('user-tokens:' .. owner), id, records[at])
    end,

    same = check_same,

    -- what a script could not use, and has put aside

    aside = function(name)
        token, user = '', ''
        say('aside', 'aside:' .. name .. ' could not be used and was put aside: '
            .. 'look at it, then delete it')
    end,

    usage = function(id)
        token = id
        if (ask('hash', 'HLEN', 'usage:' .. id) or 0) > 0 then
            dangling('usage', 'usage:', 'DEL', key('usage:' .. id))
        end
    end,

    users = function(id)
        user = id
        if call('ZSCORE', key('users'), id)
            and kind_of('user:' .. id) == 'none'
        then
            say('users', 'users has ' .. id .. ', which has no record',
                take('ZREM', key('users'), id))
        end
    end,
}

local function listed(id)
    token = id
    if not leads(id) and call('ZSCORE', key(kind), id) then
        dangling(kind, kind, 'ZREM', key(kind), id)
    end
end

local types = {users = 'zset', tokens = 'zset', expiry = 'zset',
    last_used = 'zset', pending = 'zset', rotating = 'zset', audit = 'stream',
    ['audit-head'] = 'hash'}

if fix and not typed(types) then
    return bad_types()
end

if kind == 'mark' and importing then
    say('importing', unfinished)
end

if kind == 'types' then
    for name, wanted in pairs(types) do
        other_type(name, wanted)
    end
end

for i = 7, #ARGV do
    local check = checks[kind] or listed

    at, token, user = i - 6, '', ''
    check(ARGV[i])
end

return {'OK', findings, records}
