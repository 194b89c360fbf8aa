/*
 * Leaky buckets of failures; see stok_throttle.h.
 */


#include "stok_throttle.h"


static stok_throttle_set_t *stok_throttle_set(const stok_throttle_t *table,
    uint64_t *key);
static int stok_throttle_find(stok_throttle_set_t *set, uint64_t key);
static int stok_throttle_take(stok_throttle_set_t *set, uint64_t key,
    uint64_t now, uint64_t until);
static int stok_throttle_victim(stok_throttle_set_t *set, uint64_t now,
    uint64_t *empty);


uint32_t
stok_throttle_fit(size_t size)
{
    size_t  n;

    n = size / sizeof(stok_throttle_set_t);

    return n > UINT32_MAX ? UINT32_MAX : (uint32_t) n;
}


uint64_t
stok_throttle_wait(const stok_throttle_t *table, uint64_t key, uint64_t now,
    uint64_t step, uint64_t burst)
{
    int                   i;
    uint64_t              until, debt;
    stok_throttle_set_t  *set;

    set = stok_throttle_set(table, &key);
    debt = 0;

    for (i = 0; i < STOK_THROTTLE_WAYS; i++) {
        if (atomic_load(&set->key[i]) != key) {
            continue;
        }

        until = atomic_load(&set->until[i]);
        debt += until > now ? until - now : 0;
    }

    return debt > burst * step ? debt - burst * step : 0;
}


void
stok_throttle_fail(const stok_throttle_t *table, uint64_t key, uint64_t now,
    uint64_t step, uint64_t most)
{
    int                   i;
    uint64_t              until, next;
    stok_throttle_set_t  *set;

    set = stok_throttle_set(table, &key);

    i = stok_throttle_find(set, key);

    if (i == STOK_THROTTLE_WAYS) {
        if (stok_throttle_take(set, key, now, now + step)) {
            return;
        }

        i = stok_throttle_find(set, key);

        if (i == STOK_THROTTLE_WAYS) {
            return;
        }
    }

    until = atomic_load(&set->until[i]);

    do {
        next = (until > now ? until : now) + step;

        if (next > now + most) {
            next = until > now + most ? until : now + most;
        }

    } while (!atomic_compare_exchange_weak(&set->until[i], &until, next));
}


void
stok_throttle_tally(const stok_throttle_t *table, uint32_t most,
    uint64_t now, uint64_t step, uint64_t burst, uint64_t *failing,
    uint64_t *over)
{
    uint32_t              i, k, next, seen;
    uint64_t              until, n, m;
    stok_throttle_set_t  *set;

    n = 0;
    m = 0;
    seen = 0;
    next = table->n / most + (table->n % most != 0);

    for (i = 0; i < table->n; i += next) {
        set = &table->set[i];
        seen++;

        for (k = 0; k < STOK_THROTTLE_WAYS; k++) {
            until = atomic_load_explicit(&set->until[k], memory_order_relaxed);

            if (until > now) {
                n++;
                m += until - now > burst * step;
            }
        }

        if (table->n - i <= next) {
            break;
        }
    }

    if (seen) {
        *failing += n * table->n / seen;
        *over += m * table->n / seen;
    }
}


/* 0 marks a free bucket, so it cannot be a key */

static stok_throttle_set_t *
stok_throttle_set(const stok_throttle_t *table, uint64_t *key)
{
    uint64_t  i;

    i = ((*key >> 32) * table->n) >> 32;
    *key |= (*key == 0);

    return &table->set[i];
}


/* STOK_THROTTLE_WAYS: not found */

static int
stok_throttle_find(stok_throttle_set_t *set, uint64_t key)
{
    int  i;

    for (i = 0; i < STOK_THROTTLE_WAYS; i++) {
        if (atomic_load(&set->key[i]) == key) {
            break;
        }
    }

    return i;
}


/*
 * 1: the key has a new bucket, with its first failure in it.  0: somebody was
 * faster, and the key may have one now.
 */

static int
stok_throttle_take(stok_throttle_set_t *set, uint64_t key, uint64_t now,
    uint64_t until)
{
    int       i;
    uint64_t  before, empty;

    i = stok_throttle_victim(set, now, &empty);
    before = atomic_load(&set->key[i]);

    if (before == key) {
        return 0;
    }

    if (!atomic_compare_exchange_strong(&set->key[i], &before, key)) {
        return 0;
    }

    /* if the one before has failed meanwhile, that is in this one's bucket */

    return atomic_compare_exchange_strong(&set->until[i], &empty, until);
}


/* one that is empty, or else will be first; and when */

static int
stok_throttle_victim(stok_throttle_set_t *set, uint64_t now, uint64_t *empty)
{
    int       i, first;
    uint64_t  until;

    first = 0;
    *empty = UINT64_MAX;

    for (i = 0; i < STOK_THROTTLE_WAYS; i++) {
        until = atomic_load(&set->until[i]);

        if (until <= now) {
            *empty = until;
            return i;
        }

        if (until < *empty) {
            *empty = until;
            first = i;
        }
    }

    return first;
}
