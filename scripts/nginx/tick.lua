-- A node asks for a proof that its stream tells everything.
--
-- ARGV: 2 the node's name, or empty: it keeps no stream; 3 its lease in ms; 4 its
-- version.  It answers the counter n and its birth, and the birth and the last n
-- of the counter before it (0: none).  A stream that then names watch:tick:<m>,
-- m above n, has told all that was executed before this ran.
--
-- A tick is made if none was in the last moment (a fifth of the lease, 250 to
-- 375 ms) by Redis' clock, which only limits the rate: one that went back
-- counts as long ago.  So there are at most four a second however many nodes
-- there are.  The counter begins with the time in microseconds: after it was
-- lost, new ticks are above old ones.  Without a dataset, and
-- while one is imported, n is 0, and nothing is proven.
--
-- The counter also names the reign in which it was made, the replication id of
-- the primary: after a failover two servers may both count on from the same
-- number, and a tick of the one proves nothing about the other.  Under another
-- reign the counter begins anew, far above.  It keeps the birth and the end of
-- the one before: a node that had heard a later tick of that one knows by them
-- that changes were lost, as when Redis comes back with an older dump.
--
-- That this script is accepted at all says that the server is a primary that
-- takes writes.  So it always tries one: a DEL of what is never there, which
-- Redis refuses on a replica and on a primary that has lost its replicas, and
-- which needs no memory.
--
-- The key of the tick of four before goes as the new one comes, so that its
-- expiry needs no message of its own to every node; what is left when nobody
-- asks any more expires.  A key that goes is announced, too, and that is
-- harmless: however watch:tick:<m> comes to be named, m was made before, and so
-- all that was executed before m was made stands in this message or in an
-- earlier one.  Both names leave in one message, since Redis sends one for
-- each prefix and pass of its loop.  A number lower than one that was heard
-- says nothing new.
--
-- It also notes when the node was last seen; one that was not seen for an hour
-- is forgotten.

local marker = redis.call('HMGET', KEYS[1], 'schema', 'importing')

if marker[1] ~= '2' or marker[2] then
    return {0, 0, 0, 0}
end

redis.call('DEL', key('watch:tick:0'))

local tick = redis.pcall('HMGET', key('tick'), 'n', 'at', 'since', 'reign',
    'prev_since', 'prev_n')
local info = redis.pcall('INFO', 'replication')
local reign = type(info) == 'string'
    and string.match(info, 'master_replid:(%x+)') or ''
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local n, at, since = tonumber(tick[1]), tonumber(tick[2]), tonumber(tick[3])
local prev_since, prev_n = tonumber(tick[5]) or 0, tonumber(tick[6]) or 0
local gap = math.max(250, math.min(375, (tonumber(ARGV[3]) or 0) * 3 / 16))

local function text(x)
    return string.format('%.0f', x)
end

if not n or not at or not since or tick[4] ~= reign then
    prev_since, prev_n = since or 0, n or 0
    n = math.max(time[1] * 1000000 + time[2], (n or 0) + 1000000)
    since = n
    at = 0
    redis.call('DEL', key('tick'))
end

if ARGV[2] ~= '' then
    redis.call('HSET', key('nodes'), ARGV[2], text(ms) .. ' ' .. ARGV[3]
        .. ' ' .. (ARGV[4] or ''))
end

if ms < at or ms - at >= gap then
    redis.call('HSET', key('tick'), 'n', text(n + 1), 'at', text(ms),
        'since', text(since), 'reign', reign,
        'prev_since', text(prev_since), 'prev_n', text(prev_n))
    redis.call('SET', key('watch:tick:' .. text(n + 1)), '1', 'PX', '10000')
    redis.call('DEL', key('watch:tick:' .. text(n - 3)))

    if n % 256 == 0 then
        for _, node in ipairs(redis.call('HKEYS', key('nodes'))) do
            local said = redis.call('HGET', key('nodes'), node)
            local seen = tonumber(string.match(said, '^%d+'))

            if not seen or seen < ms - 3600000 then
                redis.call('HDEL', key('nodes'), node)
            end
        end
    end
end

return {n, since, prev_since, prev_n}
