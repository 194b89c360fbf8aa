/*
 * The shared words that prove the cache fresh: the epoch with the server that
 * is followed, the lease, the last tick received, and the primary's proof.
 * cache.c says how a reader uses them, and why they are written in this order.
 *
 * An answer that is used at once, and not kept, needs a proof of its own: that
 * its server takes writes, so that no other one has taken its place unnoticed.
 * A change that another server acknowledged is later than the last script
 * that this one accepted; a request that asked within a lease of that script
 * is not later than a lease after the change.  That proof holds for one
 * server: a word that names it.
 */


#include "ngx_service_token_fresh.h"


/* dates in the word of the primary's proof: 16 ms, so it turns in two years */
#define NGX_SERVICE_TOKEN_FRESH_STEP  4


static void ngx_service_token_fresh_dropped(
    ngx_service_token_shared_t *shared);
static void ngx_service_token_fresh_raise(ngx_service_token_cache_t *cache);


void
ngx_service_token_fresh_bump(ngx_service_token_cache_t *cache,
    ngx_service_token_bump_e cause)
{
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    ngx_service_token_fresh_dropped(shared);
    ngx_service_token_fresh_raise(cache);
    atomic_fetch_add(&shared->bumps[cause], 1);
}


/*
 * All is dropped at the last tick heard.  Another process may do the same at a
 * later tick, while this one is frozen between its two steps: that one counts.
 */

static void
ngx_service_token_fresh_dropped(ngx_service_token_shared_t *shared)
{
    uint64_t  heard, dropped;

    dropped = atomic_load(&shared->dropped);

    do {
        heard = atomic_load(&shared->heard);

    } while (!atomic_compare_exchange_weak(&shared->dropped, &dropped,
                                           heard));
}


/*
 * The epoch is raised last: a process that is frozen before that has ended the
 * lease already, and what it had received keeps old answers out.  resets is
 * raised before the lease is ended, and the word of an ended lease is another
 * each time: a process that is frozen in the middle of a proof cannot bring
 * back an older lease.
 */

uint64_t
ngx_service_token_fresh_reset(ngx_service_token_cache_t *cache,
    ngx_service_token_bump_e cause)
{
    uint64_t                     resets;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    resets = atomic_fetch_add(&shared->resets, 1) + 1;
    atomic_store(&shared->proved, NGX_SERVICE_TOKEN_CACHE_ENDED | resets);
    ngx_service_token_fresh_dropped(shared);
    atomic_store(&shared->heard, 0);
    ngx_service_token_fresh_raise(cache);
    atomic_fetch_add(&shared->bumps[cause], 1);

    return resets;
}


static void
ngx_service_token_fresh_raise(ngx_service_token_cache_t *cache)
{
    uint64_t                     old, new;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;
    old = atomic_load(&shared->followed);

    do {
        new = (old & ~(uint64_t) UINT32_MAX) | (uint32_t) (old + 1);

    } while (!atomic_compare_exchange_weak(&shared->followed, &old, new));
}


void
ngx_service_token_fresh_follow(ngx_service_token_cache_t *cache,
    uint64_t server)
{
    uint64_t                     old, new;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;
    old = atomic_load(&shared->followed);

    do {
        if (old >> 32 == server) {
            return;
        }

        new = server << 32 | (uint32_t) (old + 1);

    } while (!atomic_compare_exchange_weak(&shared->followed, &old, new));

    atomic_fetch_add(&shared->bumps[NGX_SERVICE_TOKEN_BUMP_SERVER], 1);
}


void
ngx_service_token_fresh_prove(ngx_service_token_cache_t *cache,
    uint64_t server, uint64_t sent, uint64_t resets)
{
    uint64_t                     old;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    if (ngx_service_token_cache_server(cache) != server) {
        return;
    }

    old = atomic_load(&shared->proved);

    while ((old < sent || old & NGX_SERVICE_TOKEN_CACHE_ENDED)
           && atomic_load(&shared->resets) == resets
           && !atomic_compare_exchange_weak(&shared->proved, &old, sent))
    {
        /* void */
    }
}


uint64_t
ngx_service_token_fresh_proved_at(ngx_service_token_shared_t *shared)
{
    uint64_t  proved;

    proved = atomic_load(&shared->proved);

    return proved & NGX_SERVICE_TOKEN_CACHE_ENDED ? 0 : proved;
}


void
ngx_service_token_fresh_accept(ngx_service_token_cache_t *cache,
    uint64_t server, uint64_t sent)
{
    uint64_t                     old, new;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;
    new = ngx_service_token_fresh_primary_of(server, sent);
    old = atomic_load(&shared->primary);

    while ((old >> 32 != server || (int32_t) ((uint32_t) new - (uint32_t) old)
                                   > 0)
           && !atomic_compare_exchange_weak(&shared->primary, &old, new))
    {
        /* void */
    }
}


/* the script's date is rounded down, the request's up */

uint64_t
ngx_service_token_fresh_primary_of(uint64_t server, uint64_t sent)
{
    return server << 32 | (uint32_t) (sent >> NGX_SERVICE_TOKEN_FRESH_STEP);
}


ngx_uint_t
ngx_service_token_fresh_accepted(ngx_service_token_cache_t *cache,
    uint64_t primary, uint64_t server, uint64_t asked)
{
    int32_t  age;

    if (primary == 0 || primary >> 32 != server) {
        return 0;
    }

    asked = (asked >> NGX_SERVICE_TOKEN_FRESH_STEP) + 1;
    age = (int32_t) ((uint32_t) asked - (uint32_t) primary);

    return age < (int32_t) (cache->lease >> NGX_SERVICE_TOKEN_FRESH_STEP);
}


/*
 * The word names the counter, so it does not matter that a frozen process may
 * write it long after another server was followed, or that a stream has not
 * noticed yet that the counter began anew: no one else believes it.
 */

void
ngx_service_token_fresh_heard(ngx_service_token_cache_t *cache,
    uint64_t counter, uint64_t tick)
{
    uint64_t                     old, new;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;
    new = (counter << 32) + tick;
    old = atomic_load(&shared->heard);

    /* until the word is as far as this tick, or further */

    while (ngx_service_token_cache_ahead(old, new)
           >= NGX_SERVICE_TOKEN_CACHE_TICKS
           && !atomic_compare_exchange_weak(&shared->heard, &old, new))
    {
        /* void */
    }
}


ngx_uint_t
ngx_service_token_fresh_continues(ngx_service_token_cache_t *cache,
    uint64_t counter, uint64_t n)
{
    uint64_t  heard, ahead;

    heard = atomic_load(&cache->shared->heard);
    ahead = ngx_service_token_cache_ahead(heard, (counter << 32) + n);

    return heard && ahead && ahead <= NGX_SERVICE_TOKEN_CACHE_TICKS;
}
