/*
 * The words of shared memory that prove the cache fresh.
 */


#ifndef NGX_SERVICE_TOKEN_FRESH_H
#define NGX_SERVICE_TOKEN_FRESH_H


#include "ngx_service_token_cache.h"


/* anything may have changed */
void ngx_service_token_fresh_bump(ngx_service_token_cache_t *cache,
    ngx_service_token_bump_e cause);

/*
 * The data itself may be another, perhaps an older one: FLUSHALL, a full
 * resynchronisation, a counter that went back, or a stream that may have
 * missed one of these.  Nothing that was received or proven before is valid
 * for it: the lease ends, scripts that were sent before prove nothing, and
 * nothing is kept before the next tick is received.  The number of resets,
 * with this one.
 */
uint64_t ngx_service_token_fresh_reset(ngx_service_token_cache_t *cache,
    ngx_service_token_bump_e cause);

/* for fresh_prove(): to be read before its script is sent */
#define ngx_service_token_cache_resets(cache)                                 \
    atomic_load(&(cache)->shared->resets)

/* when the script behind the lease was sent, ms; 0: there is no lease */
uint64_t ngx_service_token_fresh_proved_at(ngx_service_token_shared_t *shared);

/* the server that the node follows; 0: none yet */
#define ngx_service_token_cache_server(cache)                                 \
    (atomic_load_explicit(&(cache)->shared->followed,                         \
                          memory_order_acquire) >> 32)

/* the server to which the node's stream goes; another one empties the cache */
void ngx_service_token_fresh_follow(ngx_service_token_cache_t *cache,
    uint64_t server);

/*
 * Proven by a stream to that server, with a script sent then, after so many
 * resets: fresh for a lease from there on, whatever each reader's lease is.
 */
void ngx_service_token_fresh_prove(ngx_service_token_cache_t *cache,
    uint64_t server, uint64_t sent, uint64_t resets);

/*
 * The primary's proof: that server accepted a script with a write that was
 * sent then (ms), so it was a primary that takes writes.
 */
void ngx_service_token_fresh_accept(ngx_service_token_cache_t *cache,
    uint64_t server, uint64_t sent);

/* the proof as it stands now, to be kept; 0: no proof */
#define ngx_service_token_cache_primary(cache)                                \
    atomic_load(&(cache)->shared->primary)

/* the same of one script */
uint64_t ngx_service_token_fresh_primary_of(uint64_t server, uint64_t sent);

/*
 * 1: by that proof, an answer of that server may decide about a request that
 * asked then (ms): it accepted a script a lease before, or later.  The proof
 * has to be older than the answer: a server that answers as a replica, and is
 * promoted then, proves nothing about what it answered.
 */
ngx_uint_t ngx_service_token_fresh_accepted(ngx_service_token_cache_t *cache,
    uint64_t primary, uint64_t server, uint64_t asked);

/*
 * A joined stream has told all up to that tick of a counter, which is known by
 * its server and its birth.
 */
void ngx_service_token_fresh_heard(ngx_service_token_cache_t *cache,
    uint64_t counter, uint64_t tick);

/* 1: some joined stream has told all up to a tick of that counter above n */
ngx_uint_t ngx_service_token_fresh_continues(
    ngx_service_token_cache_t *cache, uint64_t counter, uint64_t n);


#endif /* NGX_SERVICE_TOKEN_FRESH_H */
