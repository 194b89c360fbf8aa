/*
 * Worker slots; see the header for what always holds.
 *
 * A worker that dies between any two stores leaves its slot's pid behind.
 * While a slot is taken, its pid is either of one that lives or of one that
 * is dead; the second is adopted.  A chunk whose owner was stored and that was
 * not yet zeroed cannot be: it is zeroed when it is freed, before the owner
 * goes.
 */


#include "ngx_service_token_slot.h"

#include <signal.h>


#define NGX_SERVICE_TOKEN_SLOT_MIN    (1024 * 1024)
#define NGX_SERVICE_TOKEN_SLOT_SHARE  90           /* chunks, % of the zone */


static ngx_int_t ngx_service_token_slot_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_service_token_slot_raise(ngx_service_token_slots_t *shared,
    uint32_t n);


/* usec; the last one of the counters has no bound; metrics.c has the names */

static const uint32_t  ngx_service_token_slot_bounds[] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000
};


extern ngx_module_t  ngx_service_token_module;

/* until a slot is claimed, and in a process that has none */

static ngx_service_token_counters_t  ngx_service_token_no_counters;

ngx_service_token_counters_t  *ngx_service_token_counters
                                            = &ngx_service_token_no_counters;


ngx_int_t
ngx_service_token_slot_add(ngx_conf_t *cf,
    ngx_service_token_slot_view_t *view, ngx_str_t *name, size_t size,
    ngx_str_t *identity)
{
    ngx_str_t        full;
    ngx_shm_zone_t  *shm_zone;

    full.data = ngx_pnalloc(cf->pool, name->len + 3 * NGX_INT64_LEN + 12);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    full.len = ngx_sprintf(full.data, "%V:workers:%d.%uz:%08xD%Z", name,
                           NGX_SERVICE_TOKEN_SLOT_VERSION,
                           sizeof(ngx_service_token_slot_t),
                           ngx_crc32_long(identity->data, identity->len))
               - full.data - 1;

    size = ngx_max(size / 2, NGX_SERVICE_TOKEN_SLOT_MIN);

    shm_zone = ngx_shared_memory_add(cf, &full, size,
                                     &ngx_service_token_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_service_token_slot_init_zone;
    shm_zone->data = view;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_slot_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                          size;
    ngx_slab_pool_t                *shpool;
    ngx_service_token_slots_t      *shared;
    ngx_service_token_slot_view_t  *view, *old;

    old = data;
    view = shm_zone->data;

    if (old) {
        view->shared = old->shared;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    shared = ngx_slab_calloc(shpool, sizeof(ngx_service_token_slots_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    size = (shpool->pfree << ngx_pagesize_shift)
           * NGX_SERVICE_TOKEN_SLOT_SHARE / 100;

    shared->chunks = size / (NGX_SERVICE_TOKEN_CHUNK
                             + sizeof(ngx_service_token_map_t));

    shared->chunk = ngx_slab_calloc(shpool, shared->chunks
                                            * NGX_SERVICE_TOKEN_CHUNK);
    shared->map = ngx_slab_calloc(shpool, shared->chunks
                                          * sizeof(ngx_service_token_map_t));

    if (shared->chunk == NULL || shared->map == NULL) {
        return NGX_ERROR;
    }

    shpool->data = shared;
    view->shared = shared;

    return NGX_OK;
}


ngx_int_t
ngx_service_token_slot_claim(ngx_service_token_slot_view_t *view)
{
    uint32_t                   pid, none;
    ngx_uint_t                 i;
    ngx_service_token_slot_t  *slot;

    if (view->mine) {
        return NGX_OK;
    }

    pid = (uint32_t) ngx_pid;

    for (i = 0; i < NGX_SERVICE_TOKEN_SLOTS; i++) {
        slot = &view->shared->slot[i];
        none = 0;

        if (atomic_load(&slot->pid) != 0) {
            continue;
        }

        ngx_service_token_slot_raise(view->shared, (uint32_t) i + 1);

        if (atomic_compare_exchange_strong(&slot->pid, &none, pid)) {
            view->mine = slot;
            ngx_service_token_counters = &slot->counters;

            /* these are current: the owner before is gone */

            atomic_store(&slot->counters.waiters, 0);
            atomic_store(&slot->counters.pending, 0);
            atomic_store(&slot->counters.down, 0);

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* before it is claimed, so that no scan of the slots misses it */

static void
ngx_service_token_slot_raise(ngx_service_token_slots_t *shared, uint32_t n)
{
    uint32_t  claimed;

    claimed = atomic_load(&shared->claimed);

    while (claimed < n
           && !atomic_compare_exchange_weak(&shared->claimed, &claimed, n))
    {
        /* void */
    }
}


ngx_service_token_slot_t *
ngx_service_token_slot_adopt(ngx_service_token_slot_view_t *view,
    ngx_uint_t *i)
{
    uint32_t                   pid, mine;
    ngx_service_token_slot_t  *slot;

    mine = (uint32_t) ngx_pid;

    while (*i < NGX_SERVICE_TOKEN_SLOTS) {
        slot = &view->shared->slot[(*i)++];
        pid = atomic_load(&slot->pid);

        /* ours already, or of one of the same pid that was before us */

        if (pid == 0 || pid == mine) {
            continue;
        }

        if (ngx_service_token_slot_dead(pid)
            && atomic_compare_exchange_strong(&slot->pid, &pid, mine))
        {
            /* of a dead worker nobody waits, and no link is lost */

            atomic_store(&slot->counters.waiters, 0);
            atomic_store(&slot->counters.down, 0);

            return slot;
        }
    }

    return NULL;
}


void
ngx_service_token_slot_release(ngx_service_token_slot_view_t *view,
    ngx_service_token_slot_t *slot)
{
    if (slot == view->mine) {
        view->mine = NULL;
        ngx_service_token_counters = &ngx_service_token_no_counters;
    }

    atomic_store(&slot->counters.waiters, 0);
    atomic_store(&slot->pid, 0);
}


ngx_service_token_chunk_t *
ngx_service_token_slot_chunk(ngx_service_token_slot_view_t *view,
    ngx_service_token_slot_t *slot, ngx_uint_t bare, ngx_uint_t reserve,
    ngx_uint_t *n)
{
    uint32_t                    none, owner;
    ngx_uint_t                  i, k, free;
    ngx_service_token_slots_t  *shared;

    shared = view->shared;
    owner = (uint32_t) (slot - shared->slot) + 1;

    /* a counter would be wrong after a kill; each slot begins elsewhere */

    i = (ngx_uint_t) owner * shared->chunks / NGX_SERVICE_TOKEN_SLOTS;
    free = 0;

    for (k = 0; k < shared->chunks; k++, i++) {
        i = (i < shared->chunks) ? i : 0;
        none = 0;

        if (atomic_load(&shared->map[i].owner) == 0
            && free++ >= reserve
            && atomic_compare_exchange_strong(&shared->map[i].owner, &none,
                                              owner))
        {
            atomic_store(&shared->map[i].bare, (uint32_t) bare);

            *n = i;
            return &shared->chunk[i];
        }
    }

    return NULL;
}


void
ngx_service_token_slot_chunk_free(ngx_service_token_slot_view_t *view,
    ngx_uint_t n)
{
    ngx_memzero(&view->shared->chunk[n], NGX_SERVICE_TOKEN_CHUNK);

    atomic_store(&view->shared->map[n].owner, 0);
}


ngx_uint_t
ngx_service_token_slot_dead(uint32_t pid)
{
    return kill((pid_t) pid, 0) == -1 && ngx_errno == ESRCH;
}


void
ngx_service_token_slot_took(uint64_t usec)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_SERVICE_TOKEN_TIMES - 1; i++) {
        if (usec <= ngx_service_token_slot_bounds[i]) {
            break;
        }
    }

    ngx_service_token_count(times[i]);
    ngx_service_token_count_add(times_usec, usec);
}
