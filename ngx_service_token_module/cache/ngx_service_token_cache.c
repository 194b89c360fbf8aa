/*
 * The shared cache.  It keeps records, never verdicts.
 *
 * The invariant: an entry of the current epoch includes every change that
 * Redis executed before the script behind the current lease was sent.  A
 * reader takes the lease first, then the epoch, then the entry, then the
 * clock:
 *
 * - the lease is kept as the date of its script, and stored after all that it
 *   proves was applied, so a reader that sees it sees the entries dropped and
 *   the epoch raised;
 * - the clock is read last, so a process that was frozen in between does not
 *   believe an old one.
 *
 * An epoch is raised without the lock: an entry carries the epoch under which
 * it was asked for, so one that is stored late is dead at once.  The server
 * that is followed stands in the same word, so that no one ever sees a new
 * server with the epoch, and the entries, of the old one.  All else is
 * written under the slab's mutex, which nginx frees when its holder dies.  It
 * is never waited for: a holder may be frozen.  A record is then not kept; a
 * drop becomes a raised epoch.
 *
 * An answer that is not kept takes away what was kept before: in an outage
 * no record is used once the node has received a change of it.
 *
 * A server can change its role in place, with all connections kept: demoted,
 * it takes over the data of another server, which may lack changes that were
 * received before.  Three rules keep the invariant then (model/reign.pml):
 *
 * - when the stream says that the data is another (nil), what was received and
 *   proven before counts for nothing any more;
 * - that message may come after an answer from the new data.  So each question
 *   also reads the counter of ticks, before the record, and the answer is kept
 *   only if that counter has reached the last tick received;
 * - after a key was dropped, it must have passed the last tick received then.
 *
 * Instead of the last two, the tick script may have said, after the record was
 * read, that the counter is of the same birth: then the reign was the same, so
 * the server had taken over no other data, and a change since the question
 * would have been received as far as the tick.
 */


#include "ngx_service_token_fresh.h"
#include "stok_record.h"

#include <time.h>


#define NGX_SERVICE_TOKEN_CACHE_SPINS  2048
#define NGX_SERVICE_TOKEN_CACHE_SHARE  80          /* records, % of the zone */


static ngx_int_t ngx_service_token_cache_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_service_token_cache_copy(
    ngx_service_token_cached_t *cached, u_char *data, ngx_pool_t *pool)
    stok_hot;
static void ngx_service_token_cache_node(ngx_service_token_shared_t *shared);
static ngx_int_t ngx_service_token_cache_recent(
    ngx_service_token_cache_t *cache, stok_table_key_t *key,
    ngx_service_token_guard_t *guard);
static ngx_int_t ngx_service_token_cache_lock(
    ngx_service_token_cache_t *cache);


extern ngx_module_t  ngx_service_token_module;


ngx_int_t
ngx_service_token_cache_add(ngx_conf_t *cf, ngx_service_token_cache_t *cache,
    ngx_str_t *name, size_t size, ngx_str_t *identity)
{
    ngx_str_t        full;
    ngx_shm_zone_t  *shm_zone;

    /*
     * A zone of the same name, size and module is taken over at a reload: so
     * the name has the layout, too.
     */

    full.data = ngx_pnalloc(cf->pool, name->len + 3 * NGX_INT64_LEN + 4);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    full.len = ngx_sprintf(full.data, "%V:%d.%uz:%08xD%08xD%Z", name,
                           STOK_TABLE_VERSION,
                           sizeof(ngx_service_token_shared_t),
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

        atomic_init(&shared->proved, NGX_SERVICE_TOKEN_CACHE_ENDED);

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
    ngx_service_token_cached_t *cached)
{
    int        rc;
    u_char     buf[STOK_PACK_MAX];
    uint32_t   epoch;
    uint64_t   proved, now, valid;

    if (cache->valid == 0) {
        return NGX_BUSY;
    }

    proved = ngx_service_token_cache_proved(cache);
    epoch = ngx_service_token_cache_epoch(cache);

    rc = stok_table_read(&cache->table, key, ngx_service_token_cache_used(),
                         &cached->entry, buf, sizeof(buf));

    if (!ngx_service_token_cache_leased(cache, proved, stale, &now)) {
        return NGX_BUSY;
    }

    if (rc != STOK_OK || cached->entry.epoch != epoch) {
        return NGX_AGAIN;
    }

    valid = cached->entry.len ? cache->valid : cache->valid_unknown;

    if (now >= (uint64_t) cached->entry.stored_at + valid) {
        return NGX_AGAIN;
    }

    return ngx_service_token_cache_copy(cached, buf, pool);
}


ngx_int_t
ngx_service_token_cache_seen(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_pool_t *pool,
    ngx_service_token_cached_t *cached)
{
    u_char  buf[STOK_PACK_MAX];

    if (stok_table_read(&cache->table, key, ngx_service_token_cache_used(),
                        &cached->entry, buf, sizeof(buf))
        != STOK_OK)
    {
        return NGX_AGAIN;
    }

    return ngx_service_token_cache_copy(cached, buf, pool);
}


static ngx_int_t
ngx_service_token_cache_copy(ngx_service_token_cached_t *cached, u_char *data,
    ngx_pool_t *pool)
{
    ngx_str_t  *record;

    if (cached->entry.len == 0) {
        return NGX_DECLINED;
    }

    record = &cached->record;

    record->data = ngx_pnalloc(pool, cached->entry.len);
    if (record->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->data, data, cached->entry.len);
    record->len = cached->entry.len;

    return NGX_OK;
}


void
ngx_service_token_cache_guard(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard)
{
    guard->followed = atomic_load(&cache->shared->followed);
    guard->generation = stok_table_generation(&cache->table, key);
    guard->ticked = 0;
    guard->counter = 0;
    guard->checked = 0;
}


ngx_uint_t
ngx_service_token_cache_unchanged(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard)
{
    return guard->followed == atomic_load(&cache->shared->followed)
           && guard->generation == stok_table_generation(&cache->table, key);
}


ngx_uint_t
ngx_service_token_cache_vouched(ngx_service_token_cache_t *cache)
{
    uint64_t  now;

    return cache->valid
           && ngx_service_token_cache_leased(cache,
                                       ngx_service_token_cache_proved(cache),
                                       0, &now);
}


/*
 * A drop is kept with the epoch, since a raised epoch is a drop of everything,
 * at the tick in shared->dropped.
 */

ngx_uint_t
ngx_service_token_cache_unsettled(ngx_service_token_cache_t *cache,
    stok_table_key_t *key)
{
    uint64_t  heard, dropped;

    heard = atomic_load(&cache->shared->heard);
    dropped = stok_table_dropped(&cache->table, key);

    return heard
           && (atomic_load(&cache->shared->dropped) == heard
               || (dropped
                   && (uint32_t) (dropped >> 32)
                      == ngx_service_token_cache_epoch(cache)
                   && (uint32_t) dropped == (uint32_t) heard));
}


/*
 * NGX_OK: the answer is not older than what was received.  NGX_AGAIN: it may
 * be older than the last drop, unless the server is checked.
 */

static ngx_int_t
ngx_service_token_cache_recent(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard)
{
    uint64_t    heard, bumped, dropped;
    ngx_uint_t  behind;

    heard = atomic_load(&cache->shared->heard);
    bumped = atomic_load(&cache->shared->dropped);
    dropped = stok_table_dropped(&cache->table, key);

    behind = ngx_service_token_cache_ahead(guard->ticked, heard)
             >= NGX_SERVICE_TOKEN_CACHE_TICKS;

    if (heard == 0 || guard->ticked == 0
        || (behind
            && ngx_service_token_cache_ahead(heard, guard->ticked)
               >= NGX_SERVICE_TOKEN_CACHE_TICKS))
    {
        return NGX_DECLINED;
    }

    if (guard->checked) {
        return guard->checked == guard->counter ? NGX_OK : NGX_DECLINED;
    }

    /* a tick was received while the answer was under way, or it is older */

    if (behind) {
        return NGX_AGAIN;
    }

    if (bumped
        && ngx_service_token_cache_ahead(bumped, guard->ticked)
           < NGX_SERVICE_TOKEN_CACHE_TICKS)
    {
        return NGX_AGAIN;
    }

    if (dropped == 0
        || (uint32_t) (dropped >> 32) != (uint32_t) guard->followed
        || (int32_t) ((uint32_t) guard->ticked - (uint32_t) dropped) > 0)
    {
        return NGX_OK;
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_service_token_cache_store(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, ngx_service_token_guard_t *guard, uint64_t server,
    const void *data, size_t len)
{
    int                          written;
    ngx_int_t                    rc;
    stok_table_entry_t           entry;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    if (cache->valid == 0) {
        return NGX_DECLINED;
    }

    if ((len == 0 && cache->valid_unknown == 0)
        || ngx_service_token_cache_lock(cache) != NGX_OK)
    {
        ngx_service_token_cache_forget(cache, key);
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (server && server == ngx_service_token_cache_server(cache)
        && ngx_service_token_cache_unchanged(cache, key, guard))
    {
        rc = ngx_service_token_cache_recent(cache, key, guard);
    }

    if (rc != NGX_OK) {
        ngx_shmtx_unlock(&cache->shpool->mutex);

        if (rc == NGX_DECLINED) {
            atomic_fetch_add(&shared->fills_refused, 1);
            ngx_service_token_cache_doubt(cache, key, data, len);
        }

        return rc;
    }

    entry.stored_at = (int64_t) ngx_service_token_cache_now();
    entry.epoch = (uint32_t) guard->followed;
    entry.len = (uint16_t) len;

    written = stok_table_write(&cache->table, key,
                               ngx_service_token_cache_used(), &entry, data);

    ngx_shmtx_unlock(&cache->shpool->mutex);

    if (written > 0) {
        atomic_fetch_add(&shared->evicted, written);
    }

    return NGX_OK;
}


void
ngx_service_token_cache_doubt(ngx_service_token_cache_t *cache,
    stok_table_key_t *key, const void *data, size_t len)
{
    u_char              buf[STOK_PACK_MAX];
    stok_table_entry_t  entry;

    if (cache->valid
        && stok_table_read(&cache->table, key, ngx_service_token_cache_used(),
                           &entry, buf, sizeof(buf))
           == STOK_OK
        && (entry.len != len || ngx_memcmp(buf, data, len) != 0))
    {
        ngx_service_token_cache_drop(cache, key);
    }
}


/*
 * A key that is not in the table, such as a guess, costs nothing here: a drop
 * refuses the answers to other questions that are on their way.
 */

void
ngx_service_token_cache_forget(ngx_service_token_cache_t *cache,
    stok_table_key_t *key)
{
    u_char              buf[STOK_PACK_MAX];
    stok_table_entry_t  entry;

    if (cache->valid
        && stok_table_read(&cache->table, key, ngx_service_token_cache_used(),
                           &entry, buf, sizeof(buf))
           == STOK_OK)
    {
        ngx_service_token_cache_drop(cache, key);
    }
}


void
ngx_service_token_cache_drop(ngx_service_token_cache_t *cache,
    stok_table_key_t *key)
{
    uint64_t  when, heard;

    if (ngx_service_token_cache_lock(cache) != NGX_OK) {
        ngx_service_token_fresh_bump(cache, NGX_SERVICE_TOKEN_BUMP_LOCK);
        return;
    }

    /*
     * before a tick was received nothing is kept: there is nothing to compare
     */

    heard = atomic_load(&cache->shared->heard);
    when = heard ? (uint64_t) ngx_service_token_cache_epoch(cache) << 32
                   | (uint32_t) heard
                 : 0;

    (void) stok_table_drop(&cache->table, key, when);

    ngx_shmtx_unlock(&cache->shpool->mutex);
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
