/*
 * Which worker of the node holds the stream, and how it joins.
 *
 * Each worker has a timer.  The one that finds no keeper, a dead one, one of
 * an older configuration, or one whose lease has lapsed for a while, takes
 * over.  That is economy, not safety: two keepers at once do no harm, since
 * each proves only what its own stream received since it joined.
 *
 * A new stream may not vouch for the past.  After its SUBSCRIBE was answered,
 * and after it has asked for the counter, it raises the epoch, unless another
 * joined stream to the same server proves continuity: that one has received a
 * tick above an n that was read after the answer, so it told all that the new
 * one could have missed.  That is the way of a reload, which keeps its cache:
 * the old keeper stays until the new one has joined, but not longer than
 * NGX_SERVICE_TOKEN_KEEPER_LEAVE.
 *
 * Where nothing is cached there is no stream, and the keeper only asks Redis
 * what would be lost with it (health.c).
 *
 * The timer of a keeper is not cancelable, so that its worker stays that
 * long; everyone else's is.
 */


#include "ngx_service_token_stream.h"

#include <signal.h>


#define NGX_SERVICE_TOKEN_KEEPER_LEAVE  3000       /* ms */
#define NGX_SERVICE_TOKEN_KEEPER_JOIN   50         /* timer, joining, ms */
#define NGX_SERVICE_TOKEN_KEEPER_FIRST  100        /* joined, no proof, ms */
#define NGX_SERVICE_TOKEN_KEEPER_TIMER  500        /* at most, ms */
#define NGX_SERVICE_TOKEN_KEEPER_RETRY  5000       /* after a refusal, ms */
#define NGX_SERVICE_TOKEN_KEEPER_RENEW  1000       /* data links, ms */
#define NGX_SERVICE_TOKEN_KEEPER_ALIVE  5000       /* without a lease, ms */


static void ngx_service_token_keeper_timer(ngx_event_t *ev);
static void ngx_service_token_keeper_watch(ngx_service_token_stream_t *stream,
    uint64_t now);
static ngx_uint_t ngx_service_token_keeper_mine(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_keeper_claim(
    ngx_service_token_stream_t *stream, uint64_t now);
static ngx_uint_t ngx_service_token_keeper_vacant(
    ngx_service_token_stream_t *stream, uint64_t keeper, uint64_t now);
static ngx_uint_t ngx_service_token_keeper_streams(
    ngx_service_token_stream_t *stream, uint64_t now);
static ngx_msec_t ngx_service_token_keeper_next(
    ngx_service_token_stream_t *stream);
static ngx_uint_t ngx_service_token_keeper_useless(
    ngx_service_token_stream_t *stream, uint64_t now);
static uint64_t ngx_service_token_keeper_pause(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_keeper_work(ngx_service_token_stream_t *stream,
    uint64_t now);
static ngx_uint_t ngx_service_token_keeper_leave(
    ngx_service_token_stream_t *stream, uint64_t now);
static void ngx_service_token_keeper_reset(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_keeper_server(
    ngx_service_token_stream_t *stream);
static ngx_uint_t ngx_service_token_keeper_dead(uint32_t pid);


ngx_service_token_stream_t *
ngx_service_token_keeper_create(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_service_token_link_t *data,
    ngx_service_token_cache_t *cache, ngx_str_t *prefix, ngx_str_t *marker)
{
    ngx_service_token_stream_t  *stream;

    stream = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_stream_t));
    if (stream == NULL) {
        return NULL;
    }

    stream->link = ngx_service_token_link_create(cf, redis);
    if (stream->link == NULL) {
        return NULL;
    }

    stream->data = data;
    stream->cache = cache;
    stream->prefix = *prefix;
    stream->marker = *marker;

    stream->tick.link = data;
    stream->tick.cache = cache;
    stream->tick.prefix = *prefix;
    stream->tick.marker = *marker;

    return stream;
}


void
ngx_service_token_keeper_start(ngx_service_token_stream_t *stream)
{
    stream->timer.handler = ngx_service_token_keeper_timer;
    stream->timer.data = stream;
    stream->timer.log = ngx_cycle->log;
    stream->timer.cancelable = 1;

    ngx_add_timer(&stream->timer, 1);
}


void
ngx_service_token_keeper_stop(ngx_service_token_stream_t *stream)
{
    uint64_t  mine;

    if (stream->timer.timer_set) {
        ngx_del_timer(&stream->timer);
    }

    ngx_service_token_stream_close(stream);

    mine = (uint64_t) stream->cache->cycle << 32 | (uint32_t) ngx_pid;

    (void) atomic_compare_exchange_strong(&stream->cache->shared->keeper,
                                          &mine, 0);
}


static void
ngx_service_token_keeper_timer(ngx_event_t *ev)
{
    uint64_t                     now;
    ngx_uint_t                   streams;
    ngx_service_token_stream_t  *stream;

    stream = ev->data;

    if (ngx_exiting && ngx_service_token_keeper_mine(stream)) {
        /* no worker took over: there is no successor */
        ngx_service_token_leave(stream);
        return;
    }

    now = ngx_service_token_cache_now();

    if (stream->cache->valid == 0) {
        ngx_service_token_keeper_watch(stream, now);
        return;
    }

    ngx_service_token_keeper_server(stream);

    streams = ngx_service_token_keeper_streams(stream, now);

    if (streams) {
        ngx_service_token_keeper_work(stream, now);

    } else if (ngx_exiting) {
        return;
    }

    stream->timer.cancelable = !streams;
    ngx_add_timer(&stream->timer, ngx_service_token_keeper_next(stream));
}


/* nothing is cached; its timer is cancelable: nobody waits for what it knows */

static void
ngx_service_token_keeper_watch(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    if (ngx_exiting) {
        return;
    }

    ngx_service_token_keeper_claim(stream, now);

    if (ngx_service_token_keeper_mine(stream)) {
        atomic_store(&stream->cache->shared->keeper_alive, now);
        ngx_service_token_health_check(stream, now);
    }

    ngx_add_timer(&stream->timer, NGX_SERVICE_TOKEN_KEEPER_TIMER);
}


/* 1: this worker has a stream: as the keeper, or until the new one joined */

static ngx_uint_t
ngx_service_token_keeper_streams(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    if (!ngx_exiting) {
        ngx_service_token_keeper_claim(stream, now);
    }

    if (!ngx_service_token_keeper_mine(stream)) {
        return stream->state != NGX_SERVICE_TOKEN_STREAM_OFF
               && !ngx_service_token_keeper_leave(stream, now);
    }

    stream->leaving = 0;

    return 1;
}


static ngx_msec_t
ngx_service_token_keeper_next(ngx_service_token_stream_t *stream)
{
    ngx_msec_t  next;

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINING || stream->leaving) {
        return NGX_SERVICE_TOKEN_KEEPER_JOIN;
    }

    next = ngx_min(stream->cache->lease / 4, NGX_SERVICE_TOKEN_KEEPER_TIMER);

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINED
        && stream->proved == stream->acked)
    {
        next = ngx_min(next, NGX_SERVICE_TOKEN_KEEPER_FIRST);
    }

    return next;
}


static ngx_uint_t
ngx_service_token_keeper_mine(ngx_service_token_stream_t *stream)
{
    return (uint32_t) atomic_load(&stream->cache->shared->keeper)
           == (uint32_t) ngx_pid;
}


static void
ngx_service_token_keeper_claim(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    uint64_t                     keeper, mine;
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;
    keeper = atomic_load(&shared->keeper);

    if (!ngx_service_token_keeper_vacant(stream, keeper, now)) {
        return;
    }

    mine = (uint64_t) stream->cache->cycle << 32 | (uint32_t) ngx_pid;

    if (atomic_compare_exchange_strong(&shared->keeper, &keeper, mine)) {
        atomic_store(&shared->keeper_since, now);
        atomic_store(&shared->keeper_alive, now);
        atomic_fetch_add(&shared->keepers, 1);

        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "service token: this worker %s",
                      stream->cache->valid ? "keeps the stream"
                                           : "looks after redis");
    }
}


/*
 * A keeper that lives and cannot prove anything has the same Redis as we
 * have: it is left alone for longer than one that does not run.
 */

static ngx_uint_t
ngx_service_token_keeper_vacant(ngx_service_token_stream_t *stream,
    uint64_t keeper, uint64_t now)
{
    uint64_t                     lease, lapsed, since;
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;

    if ((uint32_t) keeper == (uint32_t) ngx_pid) {
        return 0;
    }

    if (keeper == 0 || keeper >> 32 < stream->cache->cycle
        || ngx_service_token_keeper_dead((uint32_t) keeper))
    {
        return 1;
    }

    /* a newer configuration has taken over: it is not ours any more */

    if (keeper >> 32 > stream->cache->cycle) {
        return 0;
    }

    if (stream->cache->valid == 0) {
        return now > atomic_load(&shared->keeper_alive)
                     + NGX_SERVICE_TOKEN_KEEPER_ALIVE;
    }

    lease = stream->cache->lease;
    since = atomic_load(&shared->keeper_since);
    lapsed = ngx_max(ngx_service_token_fresh_proved_at(shared), since) + lease;

    if (now < lapsed) {
        return 0;
    }

    return now > atomic_load(&shared->keeper_alive) + lease
           || now > lapsed + 5 * lease;
}


static void
ngx_service_token_keeper_work(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    if (ngx_service_token_keeper_mine(stream)) {
        atomic_store(&stream->cache->shared->keeper_alive, now);
        ngx_service_token_health_check(stream, now);
    }

    switch (stream->state) {

    case NGX_SERVICE_TOKEN_STREAM_OFF:

        if (stream->refused == 0
            || now > stream->refused + NGX_SERVICE_TOKEN_KEEPER_RETRY)
        {
            ngx_service_token_stream_open(stream);
        }

        break;

    case NGX_SERVICE_TOKEN_STREAM_OPENING:
        ngx_service_token_link_start(stream->link);
        break;

    case NGX_SERVICE_TOKEN_STREAM_JOINING:
        ngx_service_token_keeper_join(stream);

        /* fall through */

    default: /* NGX_SERVICE_TOKEN_STREAM_JOINED */

        if (ngx_service_token_keeper_useless(stream, now)) {
            ngx_service_token_stream_close(stream);
            ngx_service_token_stream_open(stream);
            break;
        }

        if (now + NGX_SERVICE_TOKEN_KEEPER_JOIN / 2
            >= stream->ticked + ngx_service_token_keeper_pause(stream))
        {
            ngx_service_token_proof_tick(stream);
        }

        break;
    }
}


/* the stream is silent, or goes to another server than all else */

static ngx_uint_t
ngx_service_token_keeper_useless(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    return now > stream->proved + 2 * stream->cache->lease
           || (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINED
               && stream->link->server
                  != ngx_service_token_cache_server(stream->cache));
}


/*
 * Between two freshness checks, ms.  A joining stream is in a hurry, and one
 * that has proven nothing yet; not if the last check was answered in vain.
 */

static uint64_t
ngx_service_token_keeper_pause(ngx_service_token_stream_t *stream)
{
    uint64_t  pause;

    pause = stream->cache->lease / 4;

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINING) {

        if (stream->tick.state == NGX_SERVICE_TOKEN_TICK_NONE
            || stream->tick.state == NGX_SERVICE_TOKEN_TICK_ACCEPTED)
        {
            return 0;
        }

        return ngx_min(pause, NGX_SERVICE_TOKEN_KEEPER_TIMER);
    }

    if (stream->proved == stream->acked) {
        return ngx_min(pause, NGX_SERVICE_TOKEN_KEEPER_FIRST);
    }

    return pause;
}


/* someone else is the keeper; 1: and this one is not needed any more */

static ngx_uint_t
ngx_service_token_keeper_leave(ngx_service_token_stream_t *stream,
    uint64_t now)
{
    uint32_t                     joined;
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;
    joined = atomic_load(&shared->joined);

    if (stream->leaving == 0) {
        stream->leaving = now;
    }

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINED
        && joined == (uint32_t) ngx_pid
        && now < stream->leaving + NGX_SERVICE_TOKEN_KEEPER_LEAVE)
    {
        return 0;
    }

    stream->leaving = 0;
    ngx_service_token_stream_close(stream);

    return 1;
}


void
ngx_service_token_keeper_join(ngx_service_token_stream_t *stream)
{
    uint32_t                     other;
    uint64_t                     server;
    ngx_service_token_shared_t  *shared;

    if (stream->state != NGX_SERVICE_TOKEN_STREAM_JOINING) {
        return;
    }

    shared = stream->cache->shared;
    server = stream->link->server;

    /* data links follow; until then they ask another server */

    ngx_service_token_fresh_follow(stream->cache, server);

    /* whatever was stored before the counter was known is not vouched for */

    if (stream->join == 0) {
        return;
    }

    other = atomic_load(&shared->joined);

    /* its connection has told all since the epoch was raised */

    if (stream->continued) {
        ngx_service_token_proof_joined(stream);
        return;
    }

    if (ngx_service_token_fresh_continues(stream->cache,
                                   ngx_service_token_stream_counter(stream),
                                   stream->join))
    {
        ngx_service_token_proof_joined(stream);
        return;
    }

    if (other == 0 || other == (uint32_t) ngx_pid
        || ngx_service_token_keeper_dead(other)
        || ngx_service_token_cache_now()
           > stream->acked + NGX_SERVICE_TOKEN_KEEPER_LEAVE / 2)
    {
        ngx_service_token_keeper_reset(stream);
        ngx_service_token_proof_joined(stream);
    }
}


/*
 * A stream that nobody vouches for may have missed anything, a nil among it.
 * Its own scripts were sent after its SUBSCRIBE was answered: they prove what
 * they would have proven, if there was no other reset since.
 */

static void
ngx_service_token_keeper_reset(ngx_service_token_stream_t *stream)
{
    uint64_t                    resets;
    ngx_uint_t                  i;
    ngx_service_token_proof_t  *p;

    resets = ngx_service_token_fresh_reset(stream->cache,
                                           NGX_SERVICE_TOKEN_BUMP_JOIN);

    for (i = 0; i < stream->nproofs; i++) {
        p = &stream->proof[i];
        p->resets += (p->resets == resets - 1);
    }
}


/*
 * One server: a data link that reaches another than the stream is renewed, and
 * meanwhile the cache is not used with it.
 */

static void
ngx_service_token_keeper_server(ngx_service_token_stream_t *stream)
{
    uint64_t  server;

    server = ngx_service_token_cache_server(stream->cache);

    if (server && server != stream->data->server) {
        ngx_service_token_link_renew(stream->data,
                                     NGX_SERVICE_TOKEN_KEEPER_RENEW);
    }
}


static ngx_uint_t
ngx_service_token_keeper_dead(uint32_t pid)
{
    return kill((pid_t) pid, 0) == -1 && ngx_errno == ESRCH;
}
