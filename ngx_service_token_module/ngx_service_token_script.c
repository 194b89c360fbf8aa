/*
 * What nodes have Redis run.
 *
 * The tick: a node asks for a proof that its stream tells everything.
 *
 *     KEYS  tick, nodes, meta
 *     ARGV  prefix, the node's name, its lease in ms
 *
 * It answers the counter n and its birth.  Whoever then hears of
 * watch:tick:<m>, m above n, has heard all that was executed before this ran.
 * A tick is made if none was in the last quarter of a second, by Redis'
 * clock, which only limits the rate: one that went back counts as long ago.
 * So there are at most four a second however many nodes there are.  The
 * counter begins with the time in microseconds: after it was lost, new ticks
 * are above old ones.  Without a dataset n is 0, and nothing is proven.
 *
 * It also notes when the node was last seen; one that was not for an hour is
 * forgotten.
 */


#include "ngx_service_token_stream.h"


const char  ngx_service_token_script_tick[] =
    "if redis.call('HGET', KEYS[3], 'schema') ~= '1' then\n"
    "    return { 0, 0 }\n"
    "end\n"
    "\n"
    "local tick = redis.call('HMGET', KEYS[1], 'n', 'at', 'since')\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local n, at, since = tonumber(tick[1]), tonumber(tick[2]),\n"
    "    tonumber(tick[3])\n"
    "local text = function(x) return string.format('%.0f', x) end\n"
    "\n"
    "if not n or not at or not since then\n"
    "    n = time[1] * 1000000 + time[2]\n"
    "    since = n\n"
    "    at = 0\n"
    "    redis.call('DEL', KEYS[1])\n"
    "end\n"
    "\n"
    "redis.call('HSET', KEYS[2], ARGV[2], text(now) .. ' ' .. ARGV[3])\n"
    "\n"
    "if now < at or now - at >= 250 then\n"
    "    redis.call('HSET', KEYS[1], 'n', text(n + 1), 'at', text(now),\n"
    "        'since', text(since))\n"
    "    redis.call('SET', ARGV[1] .. 'watch:tick:' .. text(n + 1), '1',\n"
    "        'PX', '10000')\n"
    "\n"
    "    if n % 256 == 0 then\n"
    "        local nodes = redis.call('HGETALL', KEYS[2])\n"
    "        for i = 1, #nodes, 2 do\n"
    "            local seen = tonumber(string.match(nodes[i + 1], '^%d+'))\n"
    "            if not seen or seen < now - 3600000 then\n"
    "                redis.call('HDEL', KEYS[2], nodes[i])\n"
    "            end\n"
    "        end\n"
    "    end\n"
    "end\n"
    "\n"
    "return { n, since }\n";


/* a node has heard of a marker: KEYS its set, ARGV the node's name */

const char  ngx_service_token_script_ack[] =
    "redis.call('SADD', KEYS[1], ARGV[1])\n"
    "return redis.call('EXPIRE', KEYS[1], 60)\n";
