/*
 * The stream of the keeper: changes that Redis reports, and proofs from them.
 */


#ifndef NGX_SERVICE_TOKEN_STREAM_H
#define NGX_SERVICE_TOKEN_STREAM_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_record.h"
#include "ngx_service_token_cache.h"
#include "ngx_service_token_eval.h"
#include "ngx_service_token_link.h"
#include "ngx_service_token_tick.h"


#define NGX_SERVICE_TOKEN_STREAM_PROOFS  8         /* awaited at once */
#define NGX_SERVICE_TOKEN_STREAM_MARKS   8


typedef enum {
    NGX_SERVICE_TOKEN_STREAM_OFF = 0,
    NGX_SERVICE_TOKEN_STREAM_OPENING,              /* or tried again */
    NGX_SERVICE_TOKEN_STREAM_JOINING,              /* subscribed */
    NGX_SERVICE_TOKEN_STREAM_JOINED                /* vouches for the cache */
} ngx_service_token_stream_e;


/* a script that was answered, and what it will prove */
typedef struct {
    uint64_t                      n;
    uint64_t                      sent;            /* ms, monotonic */
    uint64_t                      usec;            /* the same, finer */
    uint64_t                      resets;          /* of the cache, then */
} ngx_service_token_proof_t;


/* an acknowledgement under way */
typedef struct {
    ngx_service_token_eval_t      eval;
    unsigned                      busy:1;
} ngx_service_token_mark_t;


/* what INFO says of persistence and memory */
typedef struct {
    ngx_service_token_command_t   command[3];
    ngx_uint_t                    pending;         /* of these */
    uint64_t                      asked;           /* when, ms; 0: never */
    uint64_t                      server;          /* which */
    uint64_t                      evicted;
    uint64_t                      maxmemory;
    ngx_uint_t                    found;           /* fields, as bits */
    unsigned                      aof:1;
    unsigned                      noeviction:1;
} ngx_service_token_health_t;


/* bits of shared->health */
#define NGX_SERVICE_TOKEN_HEALTH_KNOWN  1          /* INFO was answered */
#define NGX_SERVICE_TOKEN_HEALTH_LOSES  2          /* no append-only file */
#define NGX_SERVICE_TOKEN_HEALTH_EVICTS 4          /* may evict keys */


/* a worker's; lives in the cycle's pool */
typedef struct {
    ngx_service_token_link_t     *link;            /* receives */
    ngx_service_token_link_t     *data;            /* asks: the worker's own */
    ngx_service_token_cache_t    *cache;
    ngx_str_t                     prefix;
    ngx_str_t                     marker;          /* key of "meta" */

    ngx_service_token_stream_e    state;
    ngx_uint_t                    session;         /* of one SUBSCRIBE */

    ngx_service_token_command_t   id;
    ngx_service_token_command_t   tracking;
    ngx_service_token_command_t   subscribe;
    ngx_uint_t                    setup;           /* of the three, pending */

    ngx_service_token_tick_t      tick;
    ngx_uint_t                    tick_session;
    unsigned                      continued:1;     /* restarted, not opened */
    unsigned                      ending:1;        /* its node goes */

    uint64_t                      acked;           /* when subscribed, ms */
    uint64_t                      proved;          /* when last proven, ms */
    uint64_t                      heard;           /* highest tick */
    uint64_t                      since;           /* the counter's birth */
    uint64_t                      counted;         /* n of the last answer */
    uint64_t                      join;            /* n after acked, or 0 */
    uint64_t                      refused;         /* when last refused, ms */

    ngx_uint_t                    nproofs;
    ngx_service_token_proof_t     proof[NGX_SERVICE_TOKEN_STREAM_PROOFS];
    ngx_service_token_mark_t      mark[NGX_SERVICE_TOKEN_STREAM_MARKS];

    ngx_service_token_health_t    health;

    ngx_service_token_command_t   gone;            /* leave.c; its HDEL */
    ngx_event_t                   timer;           /* keeper.c */
    uint64_t                      leaving;         /* since when, ms; or 0 */
    uint64_t                      ticked;          /* when last sent, ms */
} ngx_service_token_stream_t;


/* one counter of ticks, as told from others */
#define ngx_service_token_stream_counter(stream)                              \
    ngx_service_token_cache_counter((stream)->link->server, (stream)->since)


/* keeper.c: closed; NULL if memory is short */
ngx_service_token_stream_t *ngx_service_token_keeper_create(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_service_token_link_t *data,
    ngx_service_token_cache_t *cache, ngx_str_t *prefix, ngx_str_t *marker);

/* keeper.c: when a worker begins, and when it leaves */
void ngx_service_token_keeper_start(ngx_service_token_stream_t *stream);
void ngx_service_token_keeper_stop(ngx_service_token_stream_t *stream);

/* leave.c: of a keeper without a successor; stops it, at once or soon */
void ngx_service_token_leave(ngx_service_token_stream_t *stream);

/*
 * keeper.c, called by the stream: it has subscribed, or something was learned
 * that may complete the joining.
 */
void ngx_service_token_keeper_join(ngx_service_token_stream_t *stream);

/* stream.c: opens and closes; both may be repeated */
void ngx_service_token_stream_open(ngx_service_token_stream_t *stream);
void ngx_service_token_stream_close(ngx_service_token_stream_t *stream);

/*
 * stream.c: the data is another, and perhaps older: what was received and
 * asked before counts for nothing, and the stream joins anew on its
 * connection.
 */
void ngx_service_token_stream_restart(ngx_service_token_stream_t *stream);

/* proof.c: asks for a proof; not more than one question at a time */
void ngx_service_token_proof_tick(ngx_service_token_stream_t *stream);

/* proof.c: joined: what is received from now on proves */
void ngx_service_token_proof_joined(ngx_service_token_stream_t *stream);

/* proof.c: the stream named a tick, or a marker */
void ngx_service_token_proof_heard(ngx_service_token_stream_t *stream,
    uint64_t tick);
void ngx_service_token_proof_mark(ngx_service_token_stream_t *stream,
    u_char *nonce, size_t len);

/* health.c: by the keeper, often: asks Redis with INFO once a minute */
void ngx_service_token_health_check(ngx_service_token_stream_t *stream,
    uint64_t now);

/*
 * health.c: an answer of the tick script.  If it is of an older dataset than
 * the node has received, the log says so.
 */
void ngx_service_token_health_note(ngx_service_token_stream_t *stream,
    ngx_service_token_tick_t *tick);


#endif /* NGX_SERVICE_TOKEN_STREAM_H */
