/*
 * The node's shared memory: records by key, and what says whether they may be
 * used: epoch, lease, and the server that is followed.
 */


#ifndef NGX_SERVICE_TOKEN_CACHE_H
#define NGX_SERVICE_TOKEN_CACHE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_table.h"


#define NGX_SERVICE_TOKEN_KIND_TOKEN  1            /* key: the digest */
#define NGX_SERVICE_TOKEN_KIND_USER   2            /* key: the user's id */

#define NGX_SERVICE_TOKEN_NODE_MAX    96

/*
 * A tick proves what was asked for so many ticks before, at most: there are
 * four a second, so one that is further away is of another counter.
 */
#define NGX_SERVICE_TOKEN_CACHE_TICKS  1000


typedef enum {
    NGX_SERVICE_TOKEN_BUMP_JOIN = 0,
    NGX_SERVICE_TOKEN_BUMP_SERVER,
    NGX_SERVICE_TOKEN_BUMP_FLUSH,                  /* FLUSHALL, FLUSHDB */
    NGX_SERVICE_TOKEN_BUMP_UNKNOWN,                /* a message not known */
    NGX_SERVICE_TOKEN_BUMP_LOCK,                   /* no lock for a drop */
    NGX_SERVICE_TOKEN_BUMPS
} ngx_service_token_bump_e;


/* in the zone; dates are milliseconds of the monotonic clock */
typedef struct {
    _Atomic uint64_t     proved;                   /* when it was sent, or */
                                                   /* ENDED | resets */
    _Atomic uint64_t     resets;                   /* of all that is proven */
    _Atomic uint64_t     followed;                 /* server << 32 | epoch */
    _Atomic uint64_t     heard;                    /* (counter << 32) + tick */
    _Atomic uint64_t     dropped;                  /* heard, at the last bump */
    _Atomic uint64_t     primary;                  /* server << 32 | date */

    _Atomic uint32_t     cycle;                    /* configurations so far */
    _Atomic uint64_t     keeper;                   /* cycle << 32 | pid */
    _Atomic uint64_t     keeper_since;
    _Atomic uint64_t     keeper_alive;             /* its timer ran then */
    _Atomic uint32_t     joined;                   /* pid; 0: none */
    _Atomic uint32_t     refused;                  /* tracking is; was said */

    _Atomic uint64_t     bumps[NGX_SERVICE_TOKEN_BUMPS];
    _Atomic uint64_t     fills_refused;
    _Atomic uint64_t     evicted;
    _Atomic uint64_t     keepers;                  /* claims */

    _Atomic uint64_t     proofs;
    _Atomic uint64_t     proof_usec;               /* of all, script to proof */
    _Atomic uint64_t     proof_last;               /* of the last */

    _Atomic uint64_t     noted_since;              /* the counter's birth, */
    _Atomic uint64_t     noted_n;                  /* and how far it was */

    _Atomic uint32_t     health;                   /* health.c: bits */
    _Atomic uint64_t     redis_evicted;            /* keys, so Redis */

    uint32_t             buckets;
    size_t               node_len;
    u_char               node[NGX_SERVICE_TOKEN_NODE_MAX];
} ngx_service_token_shared_t;


/* a process' view of it, and how long its records may be used */
typedef struct {
    ngx_service_token_shared_t  *shared;           /* NULL until it is there */
    stok_table_t                 table;
    ngx_slab_pool_t             *shpool;
    ngx_uint_t                   cycle;

    ngx_msec_t                   valid;            /* 0: nothing is kept */
    ngx_msec_t                   valid_unknown;
    ngx_msec_t                   lease;
} ngx_service_token_cache_t;


/* a record as the cache has it; its bytes are the caller's */
typedef struct {
    ngx_str_t                    record;
    stok_table_entry_t           entry;
} ngx_service_token_cached_t;


/* what a record was asked under, and what was learned with it */
typedef struct {
    uint64_t                     followed;
    uint64_t                     ticked;           /* as received; 0: unknown */
    uint64_t                     counter;          /* before the record */
    uint64_t                     checked;          /* and after; 0: not */
    uint32_t                     generation;
} ngx_service_token_guard_t;


/*
 * Words of ticks are compared by how far one is ahead of the other: 0 if they
 * are the same, NGX_SERVICE_TOKEN_CACHE_TICKS or more if it is behind, or of
 * another counter.
 */
#define ngx_service_token_cache_ahead(word, other)  ((word) - (other))

/* one counter of ticks, told apart from others by its server and its birth */
#define ngx_service_token_cache_counter(server, since)                        \
    ((server) ^ ((since) & UINT32_MAX))


/*
 * The zone of that name and size; identity is a text that tells datasets and
 * keys apart: caches of two are never mixed.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_service_token_cache_add(ngx_conf_t *cf,
    ngx_service_token_cache_t *cache, ngx_str_t *name, size_t size,
    ngx_str_t *identity);

/* for "least recently used": of 16 ms, so a busy entry is seldom written */
#define ngx_service_token_cache_used()  ((uint32_t) (ngx_current_msec >> 4))

/* milliseconds of the monotonic clock, now: no system call, not nginx's copy */
uint64_t ngx_service_token_cache_now(void) stok_hot;

/* for who reads: first the lease, then the epoch, then entries, then leased */

#define NGX_SERVICE_TOKEN_CACHE_ENDED  ((uint64_t) 1 << 63)

#define ngx_service_token_cache_proved(cache)                                 \
    atomic_load_explicit(&(cache)->shared->proved, memory_order_acquire)

#define ngx_service_token_cache_epoch(cache)                                  \
    ((uint32_t) atomic_load_explicit(&(cache)->shared->followed,              \
                                     memory_order_acquire))

static ngx_inline ngx_uint_t ngx_service_token_cache_leased(
    ngx_service_token_cache_t *cache, uint64_t proved, ngx_msec_t stale,
    uint64_t *now);

/*
 * A record from the cache, copied into pool.  It includes every change that
 * Redis executed lease ms ago, or longer.  stale: so many ms after the lease
 * are allowed.
 * NGX_OK: *cached is it.  NGX_DECLINED: there is no such record.  NGX_AGAIN:
 * not in the cache.  NGX_BUSY: the cache may not be used now.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_service_token_cache_read(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_msec_t stale, ngx_pool_t *pool,
    ngx_service_token_cached_t *cached) stok_hot;

/*
 * The same of any age, epoch and lease: what was true once, so it decides
 * nothing.  NGX_AGAIN: not in the cache.  Never NGX_BUSY.
 */
ngx_int_t ngx_service_token_cache_seen(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_pool_t *pool,
    ngx_service_token_cached_t *cached);

/* before a record is asked for */
void ngx_service_token_cache_guard(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard);

/* 1: nothing has changed since, as far as was received */
ngx_uint_t ngx_service_token_cache_unchanged(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard);

/*
 * 1: no tick was received since the key was dropped: an answer is kept only if
 * the server is checked after the record was read (guard->checked).
 */
ngx_uint_t ngx_service_token_cache_unsettled(ngx_service_token_cache_t *cache,
    stok_table_key_t *key);

/*
 * 1: the stream vouches for the cache now, so a change that was acknowledged a
 * lease ago or earlier has been received.
 */
ngx_uint_t ngx_service_token_cache_vouched(ngx_service_token_cache_t *cache);

/*
 * Keeps an answer of that server, if nothing changed since guard was taken and
 * the answer is not older than what was received; len 0: there is no such
 * record.  NGX_OK: it is kept.  NGX_DECLINED: it is not.  NGX_AGAIN: not yet;
 * it may be tried again once guard->checked is set.
 */
ngx_int_t ngx_service_token_cache_store(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard, uint64_t server,
    const void *data, size_t len);

/* a key changed */
void ngx_service_token_cache_drop(ngx_service_token_cache_t *cache,
    stok_table_key_t *key);

/*
 * An answer that is not kept, or is by a server that is perhaps not the
 * primary any more; len 0: no such record.  A record that differs is dropped,
 * so that no outage brings back what is known to have changed.
 */
void ngx_service_token_cache_doubt(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, const void *data, size_t len);

/* an answer that is not kept: what was there is old, if there was anything */
void ngx_service_token_cache_forget(ngx_service_token_cache_t *cache,
    stok_table_key_t *key);


static ngx_inline ngx_uint_t
ngx_service_token_cache_leased(ngx_service_token_cache_t *cache,
    uint64_t proved, ngx_msec_t stale, uint64_t *now)
{
    *now = ngx_service_token_cache_now();

    /* far away, if the lease was ended */

    return stok_likely(*now - proved < cache->lease + stale);
}


#endif /* NGX_SERVICE_TOKEN_CACHE_H */
