/*
 * The view for operators: a node's counters at one moment, and two ways to
 * write them.
 */


#ifndef NGX_SERVICE_TOKEN_STATUS_H
#define NGX_SERVICE_TOKEN_STATUS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_decide.h"
#include "ngx_service_token_cache.h"
#include "ngx_service_token_slot.h"


/* of service_token_status; 0: not at this location */
typedef enum {
    NGX_SERVICE_TOKEN_STATUS_JSON = 1,
    NGX_SERVICE_TOKEN_STATUS_PROMETHEUS
} ngx_service_token_status_e;


typedef enum {
    NGX_SERVICE_TOKEN_STATUS_OFF = 0,              /* nobody keeps a stream */
    NGX_SERVICE_TOKEN_STATUS_JOINING,
    NGX_SERVICE_TOKEN_STATUS_JOINED,
    NGX_SERVICE_TOKEN_STATUS_STATES
} ngx_service_token_status_state_e;


/* metrics.c reads these by their offset: each is an uint64_t */
typedef struct {

    /* sums over the worker slots */

    uint64_t   requests[STOK_VERDICTS][NGX_SERVICE_TOKEN_SOURCES];
    uint64_t   stale;
    uint64_t   expiring[NGX_SERVICE_TOKEN_EXPIRINGS];
    uint64_t   lookups;
    uint64_t   times[NGX_SERVICE_TOKEN_TIMES];     /* up to each bound */
    uint64_t   times_usec;
    uint64_t   timeouts;
    uint64_t   unproven;
    uint64_t   connects;
    uint64_t   losses;
    uint64_t   flushes;
    uint64_t   flushed;
    uint64_t   detail_dropped;
    uint64_t   last_used_dropped;
    uint64_t   waiters;
    uint64_t   pending;
    uint64_t   down;

    /* of the throttles' zones */

    uint64_t   failing;
    uint64_t   throttled;

    /* of the cache */

    uint64_t   epoch;
    uint64_t   bumps[NGX_SERVICE_TOKEN_BUMPS];
    uint64_t   fills_refused;
    uint64_t   evicted;
    uint64_t   tokens;
    uint64_t   users;
    uint64_t   absent;

    /* of the stream */

    uint64_t   lease_valid;
    uint64_t   lease_left;                         /* ms */
    uint64_t   proofs;
    uint64_t   proof_usec;
    uint64_t   proof_last;                         /* usec */
    uint64_t   keepers;
    uint64_t   state[NGX_SERVICE_TOKEN_STATUS_STATES];
    uint64_t   refused;

    /* of Redis, by its own word */

    uint64_t   aof;
    uint64_t   evicts;
    uint64_t   redis_evicted;

    ngx_str_t  node;                               /* fit for a string */

    unsigned   cached:1;                           /* there is a zone */
    unsigned   streamed:1;                         /* records are kept */
    unsigned   health:1;                           /* Redis has told */
    unsigned   throttling:1;                       /* there is a throttle */
} ngx_service_token_status_t;


/* enough for every metric, at its longest */
#define NGX_SERVICE_TOKEN_METRICS_SIZE  32768

/* metrics.c: both write from p on, not beyond last, and answer where it ends */
u_char *ngx_service_token_metrics_json(u_char *p, u_char *last,
    ngx_service_token_status_t *st);
u_char *ngx_service_token_metrics_prometheus(u_char *p, u_char *last,
    ngx_service_token_status_t *st);


#endif /* NGX_SERVICE_TOKEN_STATUS_H */
