/*
 * Finds out what would be lost with Redis.
 *
 * The keeper asks with INFO once a minute, and whenever it finds another
 * server, whether there is an append-only file (without one a restart brings
 * revoked tokens back), and whether keys can be evicted (then tokens that are
 * valid become unknown).  Each is a WARN as it begins and a NOTICE as it ends,
 * once for the node.  If Redis refuses INFO, there is neither a log line nor a
 * metric.
 *
 * The shared memory also remembers how far the counter of ticks was.  If Redis
 * comes back with less of it, with an older dump or as a replica that lagged,
 * what was changed between the two is lost, and the log says about how much.  A
 * counter that knows of none before it, where there was one, is of a dump from
 * before all ticks, or of a dataset that was emptied: how much is not known.
 */


#include "ngx_service_token_stream.h"


#define NGX_SERVICE_TOKEN_HEALTH_PAUSE  60000      /* ms */

/* bits of health->found */
#define NGX_SERVICE_TOKEN_HEALTH_AOF     1
#define NGX_SERVICE_TOKEN_HEALTH_MAX     2
#define NGX_SERVICE_TOKEN_HEALTH_POLICY  4
#define NGX_SERVICE_TOKEN_HEALTH_EVICTED 8
#define NGX_SERVICE_TOKEN_HEALTH_ALL     15


static void ngx_service_token_health_answered(
    ngx_service_token_command_t *cmd, ngx_service_token_reply_t *reply);
static ngx_int_t ngx_service_token_health_field(
    ngx_service_token_reply_t *reply, const char *name, ngx_str_t *value);
static void ngx_service_token_health_done(ngx_service_token_stream_t *stream);
static void ngx_service_token_health_say(ngx_service_token_stream_t *stream,
    ngx_uint_t bad, const char *lost, const char *well);


void
ngx_service_token_health_check(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    size_t                       len[2];
    ngx_uint_t                   i;
    const char                  *arg[2];
    ngx_service_token_health_t  *health;
    static const char           *section[] = {
        "persistence", "memory", "stats"
    };

    health = &stream->health;

    if (health->pending
        || (health->asked && now < health->asked
                                   + NGX_SERVICE_TOKEN_HEALTH_PAUSE
            && (health->server == stream->data->server
                || stream->data->state != NGX_SERVICE_TOKEN_LINK_READY)))
    {
        return;
    }

    /* with a stream its keeper opens both links */

    if (stream->cache->valid == 0) {
        ngx_service_token_link_start(stream->data);

    } else if (stream->state < NGX_SERVICE_TOKEN_STREAM_JOINING) {
        return;
    }

    if (stream->data->state != NGX_SERVICE_TOKEN_LINK_READY) {
        return;
    }

    health->asked = now;
    health->server = stream->data->server;
    health->found = 0;

    arg[0] = "INFO";
    len[0] = 4;

    for (i = 0; i < 3; i++) {
        arg[1] = section[i];
        len[1] = ngx_strlen(section[i]);

        health->command[i].handler = ngx_service_token_health_answered;
        health->command[i].data = stream;

        if (ngx_service_token_link_send(stream->data, &health->command[i], 2,
                                        arg, len)
            == NGX_OK)
        {
            health->pending++;
        }
    }
}


static void
ngx_service_token_health_answered(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    off_t                        n;
    ngx_str_t                    value;
    ngx_service_token_health_t  *health;
    ngx_service_token_stream_t  *stream;

    stream = cmd->data;
    health = &stream->health;

    if (reply && reply->type == NGX_SERVICE_TOKEN_STRING) {

        if (ngx_service_token_health_field(reply, "\naof_enabled:", &value)
            == NGX_OK)
        {
            health->aof = (value.len == 1 && value.data[0] == '1');
            health->found |= NGX_SERVICE_TOKEN_HEALTH_AOF;
        }

        if (ngx_service_token_health_field(reply, "\nmaxmemory:", &value)
            == NGX_OK
            && (n = ngx_atoof(value.data, value.len)) != NGX_ERROR)
        {
            health->maxmemory = (uint64_t) n;
            health->found |= NGX_SERVICE_TOKEN_HEALTH_MAX;
        }

        if (ngx_service_token_health_field(reply, "\nmaxmemory_policy:",
                                           &value)
            == NGX_OK)
        {
            health->noeviction = (value.len == 10
                          && ngx_strncmp(value.data, "noeviction", 10) == 0);
            health->found |= NGX_SERVICE_TOKEN_HEALTH_POLICY;
        }

        if (ngx_service_token_health_field(reply, "\nevicted_keys:", &value)
            == NGX_OK
            && (n = ngx_atoof(value.data, value.len)) != NGX_ERROR)
        {
            health->evicted = (uint64_t) n;
            health->found |= NGX_SERVICE_TOKEN_HEALTH_EVICTED;
        }
    }

    if (--health->pending == 0) {
        ngx_service_token_health_done(stream);
    }
}


static ngx_int_t
ngx_service_token_health_field(ngx_service_token_reply_t *reply,
    const char *name, ngx_str_t *value)
{
    u_char  *p, *last;

    last = reply->str.data + reply->str.len;

    p = ngx_strnstr(reply->str.data, (char *) name, reply->str.len);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    p += ngx_strlen(name);
    value->data = p;

    while (p < last && *p != '\r' && *p != '\n') {
        p++;
    }

    value->len = p - value->data;

    return NGX_OK;
}


/* an answer that is not whole changes nothing */

static void
ngx_service_token_health_done(ngx_service_token_stream_t *stream)
{
    uint32_t                     state, old;
    ngx_service_token_health_t  *health;
    ngx_service_token_shared_t  *shared;

    health = &stream->health;
    shared = stream->cache->shared;

    if (health->found != NGX_SERVICE_TOKEN_HEALTH_ALL) {
        return;
    }

    state = NGX_SERVICE_TOKEN_HEALTH_KNOWN;

    if (!health->aof) {
        state |= NGX_SERVICE_TOKEN_HEALTH_LOSES;
    }

    if (health->maxmemory && !health->noeviction) {
        state |= NGX_SERVICE_TOKEN_HEALTH_EVICTS;
    }

    atomic_store(&shared->redis_evicted, health->evicted);
    old = atomic_exchange(&shared->health, state);

    if ((old ^ state) & NGX_SERVICE_TOKEN_HEALTH_LOSES) {
        ngx_service_token_health_say(stream,
                  state & NGX_SERVICE_TOKEN_HEALTH_LOSES,
                  "keeps no append-only file: a restart may bring revoked "
                  "tokens back (appendonly yes)",
                  "keeps an append-only file");
    }

    if ((old ^ state) & NGX_SERVICE_TOKEN_HEALTH_EVICTS) {
        ngx_service_token_health_say(stream,
                  state & NGX_SERVICE_TOKEN_HEALTH_EVICTS,
                  "evicts keys when it is full: tokens that are valid become "
                  "unknown (maxmemory-policy noeviction)",
                  "evicts no keys");
    }
}


static void
ngx_service_token_health_say(ngx_service_token_stream_t *stream,
    ngx_uint_t bad, const char *lost, const char *well)
{
    ngx_uint_t  level;

    level = bad ? NGX_LOG_WARN : NGX_LOG_NOTICE;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "service token: redis \"%V\" %s",
                  &stream->link->redis->name, bad ? lost : well);
}


/*
 * The answer is compared with what was noted before the script was sent: two
 * keepers, as at a reload, may get their answers in another order than their
 * scripts ran.
 * Births and counts are read and written so that, of two keepers, none sees a
 * count of a later counter than its birth: that would be less than it is.
 */

void
ngx_service_token_health_note(ngx_service_token_stream_t *stream,
    ngx_service_token_tick_t *tick)
{
    uint64_t                     n, since, lost;
    ngx_msec_t                   gap;
    ngx_uint_t                   gone;
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;
    n = tick->noted_n;
    since = tick->noted_since;
    lost = 0;
    gone = (since && tick->since != since && tick->prev_since == 0);

    if (tick->since == since) {
        lost = n > tick->n ? n - tick->n : 0;

    } else if (tick->prev_since == since) {
        lost = n > tick->prev_n ? n - tick->prev_n : 0;

    } else if (tick->prev_since && tick->prev_since < since) {
        lost = n - since + 1;
    }

    if (lost || atomic_load(&shared->noted_since) != tick->since
        || atomic_load(&shared->noted_n) < tick->n)
    {
        atomic_store(&shared->noted_since, tick->since);
        atomic_store(&shared->noted_n, tick->n);
    }

    if (gone) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "service token: the dataset of redis \"%V\" has lost its "
                      "counter of ticks: it was emptied, or is from before "
                      "this node began, and revocations may be lost",
                      &stream->link->redis->name);
        return;
    }

    if (since == 0 || lost == 0) {
        return;
    }

    /* as the script makes them */

    gap = ngx_max(250, ngx_min(375, stream->cache->lease * 3 / 16));

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "service token: the dataset of redis \"%V\" is older than it "
                  "was: changes of about %uL s are lost, revocations may be "
                  "among them", &stream->link->redis->name,
                  (lost * gap + 999) / 1000);
}
