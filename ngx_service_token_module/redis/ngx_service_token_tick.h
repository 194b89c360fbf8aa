/*
 * Asks the server of a link whether it is a primary that takes writes, and for
 * the counter of ticks (scripts/nginx/tick.lua).
 */


#ifndef NGX_SERVICE_TOKEN_TICK_H
#define NGX_SERVICE_TOKEN_TICK_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_service_token_fresh.h"
#include "ngx_service_token_eval.h"
#include "ngx_service_token_link.h"


typedef enum {
    NGX_SERVICE_TOKEN_TICK_NONE = 0,               /* no answer */
    NGX_SERVICE_TOKEN_TICK_REFUSED,                /* not by this server */
    NGX_SERVICE_TOKEN_TICK_UNJUDGED,               /* says nothing of a role */
    NGX_SERVICE_TOKEN_TICK_ABSENT,                 /* there is no dataset */
    NGX_SERVICE_TOKEN_TICK_ACCEPTED                /* n and since are set */
} ngx_service_token_tick_e;


typedef struct ngx_service_token_tick_s  ngx_service_token_tick_t;

/* once for each tick that was sent, never from inside tick_send() */
typedef void (*ngx_service_token_tick_pt)(ngx_service_token_tick_t *tick);


/* lives in the cycle's pool; one question at a time */
struct ngx_service_token_tick_s {
    ngx_service_token_link_t     *link;
    ngx_service_token_cache_t    *cache;
    ngx_str_t                     prefix;
    ngx_str_t                     marker;          /* key of "meta" */
    ngx_service_token_tick_pt     handler;
    void                         *data;

    ngx_service_token_eval_t      eval;
    ngx_service_token_tick_e      state;           /* of the last */
    uint64_t                      sent;            /* ms, monotonic */
    uint64_t                      usec;            /* the same, finer */
    uint64_t                      resets;          /* of the cache, then */
    uint64_t                      noted_n;         /* health.c; then */
    uint64_t                      noted_since;
    uint64_t                      n;
    uint64_t                      since;           /* the counter's birth */
    uint64_t                      prev_since;      /* of the one before it; */
    uint64_t                      prev_n;          /* 0: none is known */
    unsigned                      busy:1;
};


/*
 * node: this node takes part in --wait and is listed; else it only asks.
 * A script that is accepted is the primary's proof, and noted as such before
 * the handler is called; so is one that is refused for a reason which says
 * nothing of the server's role (UNJUDGED).
 * NGX_OK: the handler will be called.  NGX_BUSY: one is under way, whose
 * handler will be called.  NGX_ERROR: Redis cannot be asked now.
 */
ngx_int_t ngx_service_token_tick_send(ngx_service_token_tick_t *tick,
    ngx_uint_t node);

/* the clock of usec: the lease's goes in steps longer than a round trip */
uint64_t ngx_service_token_tick_usec(void);


#endif /* NGX_SERVICE_TOKEN_TICK_H */
