/*
 * The shared cache.  It keeps records, never verdicts.
 *
 * The invariant: an entry of the current epoch includes every change that
 * Redis executed before the script behind the current lease was sent.  Who
 * reads takes the lease first, then the epoch, then the entry, then the clock:
 *
 * - the lease is stored after all that it proves was applied, so whoever sees
 *   it sees the entries dropped and the epoch raised;
 * - the clock is read last, so a process that was frozen in between does not
 *   believe an old one.
 *
 * An epoch is raised without the lock: an entry carries the epoch under which
 * it was asked for, so one that is stored late is dead at once.  All else is
 * written under the slab's mutex, which nginx frees when its holder dies.  It
 * is never waited for: a holder may be frozen.  A record is then not kept; a
 * drop becomes a raised epoch.
 */


#include "ngx_service_token_cache.h"
#include "stok_record.h"

#include <time.h>


#define NGX_SERVICE_TOKEN_CACHE_SPINS  2048
#define NGX_SERVICE_TOKEN_CACHE_SHARE  80          /* records, % of the zone */


/* for "least recently used": of 16 ms, so a busy entry is seldom written */
#define ngx_service_token_cache_used  ((uint32_t) (ngx_current_msec >> 4))


static ngx_int_t ngx_service_token_cache_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_service_token_cache_node(ngx_service_token_shared_t *shared);
static ngx_int_t ngx_service_token_cache_lock(
    ngx_service_token_cache_t *cache);


extern ngx_module_t  ngx_service_token_module;


ngx_int_t
ngx_service_token_cache_add(ngx_conf_t *cf, ngx_service_token_cache_t *cache,
    ngx_str_t *name, size_t size, ngx_str_t *identity)
{
    ngx_str_t        full;
    ngx_shm_zone_t  *shm_zone;

    /* a zone of the same name, size and module is taken over at a reload */

    full.data = ngx_pnalloc(cf->pool, name->len + 2 * NGX_INT64_LEN + 3);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    full.len = ngx_sprintf(full.data, "%V:%d:%08xD%08xD%Z", name,
                           STOK_TABLE_VERSION,
                           ngx_crc32_long(identity->data, identity->len),
                           ngx_murmur_hash2(identity->data, identity->len))
               - full.data - 1;

    shm_zone = ngx_shared_memory_add(cf, &full, size,
                                     &ngx_service_token_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_service_token_cache_init_zone;
    shm_zone->data = cache;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_cache_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                       size;
    uintptr_t                    start;
    ngx_service_token_cache_t   *cache, *old;
    ngx_service_token_shared_t  *shared;

    old = data;
    cache = shm_zone->data;
    cache->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        shared = old->shared;

    } else {
        size = (cache->shpool->pfree << ngx_pagesize_shift)
               * NGX_SERVICE_TOKEN_CACHE_SHARE / 100;

        shared = ngx_slab_alloc(cache->shpool, size);
        if (shared == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(shared, sizeof(ngx_service_token_shared_t));

        size -= ngx_align(sizeof(ngx_service_token_shared_t), 64);

        shared->buckets = stok_table_fit(size);
        ngx_service_token_cache_node(shared);
    }

    start = (uintptr_t) shared
            + ngx_align(sizeof(ngx_service_token_shared_t), 64);

    cache->shared = shared;
    cache->table.bucket = (stok_bucket_t *) start;
    cache->table.n = shared->buckets;

    if (old == NULL) {
        stok_table_init(cache->table.bucket, cache->table.n);
        cache->shpool->data = shared;
    }

    cache->cycle = atomic_fetch_add(&shared->cycle, 1) + 1;

    return NGX_OK;
}


/* a name for this node, for as long as the zone lives */

static void
ngx_service_token_cache_node(ngx_service_token_shared_t *shared)
{
    char       host[NGX_MAXHOSTNAMELEN];
    u_char    *p, *last;
    uint32_t   salt;

    if (gethostname(host, sizeof(host)) == -1) {
        host[0] = '\0';
    }

    host[sizeof(host) - 1] = '\0';

    p = shared->node;
    last = p + NGX_SERVICE_TOKEN_NODE_MAX;

    salt = (uint32_t) ngx_random() ^ (uint32_t) ngx_time()
           ^ (uint32_t) ngx_pid << 12;

    p = ngx_slprintf(p, last - 10, "%s", host);
    p = ngx_slprintf(p, last, "-%08xD", salt);

    shared->node_len = p - shared->node;
}


uint64_t
ngx_service_token_cache_now(void)
{
    struct timespec  ts;

#ifdef CLOCK_MONOTONIC_COARSE
    (void) clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
#else
    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
#endif

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


ngx_int_t
ngx_service_token_cache_read(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_msec_t stale, ngx_pool_t *pool,
    ngx_str_t *record)
{
    int                          rc;
    u_char                       buf[STOK_PACK_MAX];
    uint32_t                     epoch;
    uint64_t                     until, now, valid;
    stok_table_entry_t           entry;
    ngx_service_token_shared_t  *shared;

    if (cache->valid == 0) {
        return NGX_BUSY;
    }

    shared = cache->shared;

    until = atomic_load_explicit(&shared->fresh_until, memory_order_acquire);
    epoch = atomic_load_explicit(&shared->epoch, memory_order_acquire);

    rc = stok_table_read(&cache->table, key, ngx_service_token_cache_used,
                         &entry, buf, sizeof(buf));

    now = ngx_service_token_cache_now();

    if (until == 0 || now >= until + stale) {
        return NGX_BUSY;
    }

    if (rc != STOK_OK || entry.epoch != epoch) {
        return NGX_AGAIN;
    }

    valid = entry.len ? cache->valid : cache->valid_unknown;

    if (now >= (uint64_t) entry.stored_at + valid) {
        return NGX_AGAIN;
    }

    if (entry.len == 0) {
        return NGX_DECLINED;
    }

    record->len = entry.len;
    record->data = ngx_pnalloc(pool, entry.len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->data, buf, entry.len);

    return NGX_OK;
}


void
ngx_service_token_cache_guard(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard)
{
    guard->epoch = atomic_load(&cache->shared->epoch);
    guard->generation = stok_table_generation(&cache->table, key);
}


ngx_uint_t
ngx_service_token_cache_unchanged(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard)
{
    return guard->epoch == atomic_load(&cache->shared->epoch)
           && guard->generation == stok_table_generation(&cache->table, key);
}


void
ngx_service_token_cache_store(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard, uint64_t server,
    const void *data, size_t len)
{
    int                          rc;
    stok_table_entry_t           entry;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    if (cache->valid == 0 || (len == 0 && cache->valid_unknown == 0)) {
        return;
    }

    if (ngx_service_token_cache_lock(cache) != NGX_OK) {
        return;
    }

    if (server == 0 || server != atomic_load(&shared->server)
        || !ngx_service_token_cache_unchanged(cache, key, guard))
    {
        ngx_shmtx_unlock(&cache->shpool->mutex);
        atomic_fetch_add(&shared->fills_refused, 1);
        return;
    }

    entry.stored_at = (int64_t) ngx_service_token_cache_now();
    entry.epoch = guard->epoch;
    entry.len = (uint16_t) len;

    rc = stok_table_write(&cache->table, key, ngx_service_token_cache_used,
                          &entry, data);

    ngx_shmtx_unlock(&cache->shpool->mutex);

    if (rc > 0) {
        atomic_fetch_add(&shared->evicted, rc);
    }
}


void
ngx_service_token_cache_drop(ngx_service_token_cache_t *cache,
    stok_table_key_t *key)
{
    if (ngx_service_token_cache_lock(cache) != NGX_OK) {
        ngx_service_token_cache_bump(cache, NGX_SERVICE_TOKEN_BUMP_LOCK);
        return;
    }

    (void) stok_table_drop(&cache->table, key);

    ngx_shmtx_unlock(&cache->shpool->mutex);
}


void
ngx_service_token_cache_bump(ngx_service_token_cache_t *cache,
    ngx_service_token_bump_e cause)
{
    atomic_fetch_add(&cache->shared->epoch, 1);
    atomic_fetch_add(&cache->shared->bumps[cause], 1);
}


/*
 * First the server, then the epoch: what the old server answered is refused
 * from the first store on, and what was asked before the second is dead after
 * it.
 */

void
ngx_service_token_cache_follow(ngx_service_token_cache_t *cache,
    uint64_t server)
{
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    if (atomic_load(&shared->server) == server) {
        return;
    }

    atomic_store(&shared->fresh_until, 0);
    atomic_store(&shared->heard, 0);
    atomic_store(&shared->server, server);

    ngx_service_token_cache_bump(cache, NGX_SERVICE_TOKEN_BUMP_SERVER);
}


void
ngx_service_token_cache_prove(ngx_service_token_cache_t *cache,
    uint64_t server, uint64_t until)
{
    uint64_t                     old;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    if (atomic_load(&shared->server) != server) {
        return;
    }

    old = atomic_load(&shared->fresh_until);

    while (old < until
           && !atomic_compare_exchange_weak(&shared->fresh_until, &old,
                                            until))
    {
        /* void */
    }
}


static ngx_int_t
ngx_service_token_cache_lock(ngx_service_token_cache_t *cache)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SERVICE_TOKEN_CACHE_SPINS; i++) {

        if (ngx_shmtx_trylock(&cache->shpool->mutex)) {
            return NGX_OK;
        }

        ngx_cpu_pause();
    }

    return NGX_ERROR;
}
