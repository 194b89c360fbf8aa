/*
 * The tick script, sent and judged.
 *
 * The keeper sends it for its stream (proof.c).  Any worker sends it when it
 * has an answer from a server of which nothing is proven (lookup.c): as a
 * node begins, where no stream is kept, and while the server refuses writes.
 *
 * The script always tries a write, so what comes back is a verdict on the role
 * of the server.  Accepted: it was a primary that takes writes, at some moment
 * after the script was sent.  READONLY, NOREPLICAS and all that is not known:
 * another server may have taken its place.  Redis checks these before it
 * checks its memory and its disk for a script, so OOM and MISCONF say that it
 * is not a replica; and a user without the right to run the script (NOPERM),
 * or a server without scripts, says nothing: there the node does without
 * proof, and the log says so.
 */


#include "ngx_service_token_tick.h"

#include "stok.h"

#include <time.h>


#define NGX_SERVICE_TOKEN_TICK_RENEW  2000         /* ms, at a replica */


typedef struct {
    ngx_str_t                     code;            /* how the error begins */
    ngx_service_token_tick_e      state;
    ngx_uint_t                    level;
    const char                   *why;
    unsigned                      renew:1;         /* another may be there */
} ngx_service_token_tick_error_t;


static void ngx_service_token_tick_answered(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);
static ngx_service_token_tick_e ngx_service_token_tick_judge(
    ngx_service_token_tick_t *tick, ngx_service_token_reply_t *reply);
static ngx_service_token_tick_error_t *ngx_service_token_tick_error(
    ngx_service_token_reply_t *reply);


static ngx_service_token_tick_error_t  ngx_service_token_tick_errors[] = {

    { ngx_string("READONLY"), NGX_SERVICE_TOKEN_TICK_REFUSED, NGX_LOG_ERR,
      "is a replica, so its answers are not used: service_token_redis has to "
      "name the primary", 1 },

    { ngx_string("NOREPLICAS"), NGX_SERVICE_TOKEN_TICK_REFUSED, NGX_LOG_ERR,
      "accepts no writes, since too few replicas follow it: another server may "
      "have taken its place, so its answers are not used", 0 },

    { ngx_string("NOPERM"), NGX_SERVICE_TOKEN_TICK_UNJUDGED, NGX_LOG_ERR,
      "does not let this user run the freshness check (conf/redis.acl): "
      "records are not cached, and a server that was replaced goes unnoticed",
      0 },

    { ngx_string("ERR The user executing the script"),
      NGX_SERVICE_TOKEN_TICK_UNJUDGED, NGX_LOG_ERR,
      "does not let this user run the freshness check (conf/redis.acl): "
      "records are not cached, and a server that was replaced goes unnoticed",
      0 },

    { ngx_string("ERR unknown command"), NGX_SERVICE_TOKEN_TICK_UNJUDGED,
      NGX_LOG_ERR,
      "runs no scripts: records are not cached, and a server that was "
      "replaced goes unnoticed", 0 },

    { ngx_string("OOM"), NGX_SERVICE_TOKEN_TICK_UNJUDGED, NGX_LOG_ERR,
      "is out of memory: records are not cached", 0 },

    { ngx_string("MISCONF"), NGX_SERVICE_TOKEN_TICK_UNJUDGED, NGX_LOG_ERR,
      "accepts no writes, since it cannot save them to disk: records are not "
      "cached", 0 },

    { ngx_null_string, NGX_SERVICE_TOKEN_TICK_REFUSED, NGX_LOG_ERR,
      "refuses the freshness check, so its answers are not used", 0 }
};


ngx_int_t
ngx_service_token_tick_send(ngx_service_token_tick_t *tick, ngx_uint_t node)
{
    u_char                       lease[NGX_INT64_LEN];
    size_t                       len[8];
    const char                  *arg[8];
    ngx_service_token_shared_t  *shared;

    if (tick->busy) {
        return NGX_BUSY;
    }

    shared = tick->cache->shared;

    arg[2] = "1";
    len[2] = 1;
    arg[3] = (const char *) tick->marker.data;
    len[3] = tick->marker.len;
    arg[4] = (const char *) tick->prefix.data;
    len[4] = tick->prefix.len;
    arg[5] = (const char *) shared->node;
    len[5] = node ? shared->node_len : 0;
    arg[6] = (const char *) lease;
    len[6] = ngx_sprintf(lease, "%M", tick->cache->lease) - lease;
    arg[7] = STOK_VERSION;
    len[7] = sizeof(STOK_VERSION) - 1;

    tick->eval.handler = ngx_service_token_tick_answered;
    tick->eval.data = tick;
    tick->resets = ngx_service_token_cache_resets(tick->cache);
    tick->noted_n = atomic_load(&shared->noted_n);
    tick->noted_since = atomic_load(&shared->noted_since);
    tick->sent = ngx_service_token_cache_now();
    tick->usec = ngx_service_token_tick_usec();

    if (ngx_service_token_eval_send(&tick->eval, tick->link,
                                    ngx_service_token_script_tick,
                                    ngx_service_token_script_tick_sha1,
                                    8, arg, len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    tick->busy = 1;

    return NGX_OK;
}


uint64_t
ngx_service_token_tick_usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static void
ngx_service_token_tick_answered(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    ngx_uint_t                       renew;
    ngx_service_token_link_t        *link;
    ngx_service_token_tick_t        *tick;
    ngx_service_token_tick_error_t  *error;

    tick = eval->data;
    link = tick->link;

    tick->busy = 0;
    tick->state = NGX_SERVICE_TOKEN_TICK_NONE;
    renew = 0;

    if (reply && reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        error = ngx_service_token_tick_error(reply);
        ngx_service_token_pipe_doubt(link, reply, error->level, error->why);
        tick->state = error->state;
        renew = error->renew;

    } else if (reply) {
        ngx_service_token_pipe_doubt(link, NULL, 0, NULL);
        tick->state = ngx_service_token_tick_judge(tick, reply);
    }

    if (tick->state == NGX_SERVICE_TOKEN_TICK_ACCEPTED
        || tick->state == NGX_SERVICE_TOKEN_TICK_UNJUDGED)
    {
        ngx_service_token_fresh_accept(tick->cache, link->server, tick->sent);
    }

    tick->handler(tick);

    /* an address can lead to the new primary by now */

    if (renew) {
        ngx_service_token_link_renew(link, NGX_SERVICE_TOKEN_TICK_RENEW);
    }
}


static ngx_service_token_tick_e
ngx_service_token_tick_judge(ngx_service_token_tick_t *tick,
    ngx_service_token_reply_t *reply)
{
    ngx_uint_t  i;

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY || reply->n != 4) {
        goto unknown;
    }

    for (i = 0; i < 4; i++) {
        if (reply->element[i].type != NGX_SERVICE_TOKEN_INTEGER) {
            goto unknown;
        }
    }

    tick->n = (uint64_t) reply->element[0].integer;
    tick->since = (uint64_t) reply->element[1].integer;
    tick->prev_since = (uint64_t) reply->element[2].integer;
    tick->prev_n = (uint64_t) reply->element[3].integer;

    return tick->n ? NGX_SERVICE_TOKEN_TICK_ACCEPTED
                   : NGX_SERVICE_TOKEN_TICK_ABSENT;

unknown:

    /* it ran something, and was not refused */

    return NGX_SERVICE_TOKEN_TICK_UNJUDGED;
}


/* the last one, which has no code, stands for all errors that are not known */

static ngx_service_token_tick_error_t *
ngx_service_token_tick_error(ngx_service_token_reply_t *reply)
{
    ngx_service_token_tick_error_t  *error;

    for (error = ngx_service_token_tick_errors; error->code.len; error++) {

        if (reply->str.len >= error->code.len
            && ngx_strncmp(reply->str.data, error->code.data,
                           error->code.len)
               == 0)
        {
            break;
        }
    }

    return error;
}
