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
    return redis.call('HGET', KEYS[1], 'schema') == '1'
end

-- false if a key that is going to be written has another type

local function typed(kinds)
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

local function audit(action, token, user, before, after)
    redis.call('XADD', key('audit'), 'MAXLEN', '~', '1000000', '*',
        'at', now, 'actor', actor, 'action', action, 'token', token,
        'user', user, 'before', before, 'after', after)
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
