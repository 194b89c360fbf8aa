/*
 * The shared table, written: the caller has the lock.  See stok_table.h.
 */


#include "stok_table_slot.h"

#include <string.h>


/* what slots cost; to the latter two is added how lately they were used */
#define STOK_TABLE_FREE     0
#define STOK_TABLE_UNKNOWN  ((uint64_t) 1 << 32)
#define STOK_TABLE_RECORD   ((uint64_t) 2 << 32)
#define STOK_TABLE_NEVER    UINT64_MAX


static uint32_t stok_table_need(const stok_table_key_t *key, size_t len);
static uint32_t stok_table_room(stok_bucket_t *b, uint32_t need, int absent,
    uint32_t now, uint64_t *cost);
static void stok_table_costs(stok_bucket_t *b, uint32_t need, int absent,
    uint32_t now, uint64_t cost[STOK_TABLE_SLOTS]);
static uint64_t stok_table_cost(stok_bucket_t *b, uint32_t i, uint32_t now);
static void stok_table_put(stok_bucket_t *b, uint32_t i, uint32_t need,
    const stok_table_key_t *key, uint32_t now,
    const stok_table_entry_t *entry, const void *data);
static void stok_table_put_bytes(_Atomic uint64_t *word, const void *data,
    size_t len);
static uint32_t stok_table_first(stok_bucket_t *b, uint32_t i);
static void stok_table_clear(stok_bucket_t *b, uint32_t i);
static void stok_table_begin(stok_bucket_t *b);
static void stok_table_end(stok_bucket_t *b);


int
stok_table_write(stok_table_t *table, const stok_table_key_t *key,
    uint32_t now, const stok_table_entry_t *entry, const void *data)
{
    int             evicted, absent;
    uint32_t        i, k, at[2], need, choice;
    uint64_t        cost[2];
    stok_bucket_t  *b;

    stok_table_hook("write");

    absent = entry->len == 0;
    need = stok_table_need(key, entry->len);

    /* one entry of a key, never two */

    for (choice = 0; choice < 2; choice++) {
        b = stok_table_bucket(table, key->hash, choice);

        if (stok_load(&b->seq) & 1) {
            stok_table_begin(b);
            stok_table_end(b);
        }

        i = (uint32_t) stok_table_find(b, key, NULL, NULL, 0);

        if (i < STOK_TABLE_SLOTS) {
            stok_table_begin(b);
            stok_table_clear(b, i);
            stok_table_end(b);
        }

        at[choice] = stok_table_room(b, need, absent, now,
                                     &cost[choice]);
    }

    choice = cost[1] < cost[0];

    if (cost[choice] == STOK_TABLE_NEVER) {
        return STOK_DECLINED;
    }

    b = stok_table_bucket(table, key->hash, choice);
    evicted = 0;

    stok_table_begin(b);

    for (i = at[choice]; i < at[choice] + need; i++) {
        if (stok_load(&b->tag[i])) {
            k = stok_table_first(b, i);
            stok_table_clear(b, k);
            evicted++;
        }
    }

    stok_table_put(b, at[choice], need, key, now, entry, data);
    stok_table_end(b);

    return evicted;
}


/* slots that an entry needs */

static uint32_t
stok_table_need(const stok_table_key_t *key, size_t len)
{
    size_t  words;

    words = STOK_TABLE_HEAD + stok_table_words((uint32_t) key->len)
            + stok_table_words(len);

    return (uint32_t) ((words + STOK_TABLE_WORDS - 1) / STOK_TABLE_WORDS);
}


/*
 * The place of need slots that costs least, and what it costs: as much as the
 * dearest of its slots, STOK_TABLE_NEVER if nothing fits.
 */

static uint32_t
stok_table_room(stok_bucket_t *b, uint32_t need, int absent, uint32_t now,
    uint64_t *cost)
{
    uint32_t  i, k, at;
    uint64_t  slot[STOK_TABLE_SLOTS], dearest;

    stok_table_costs(b, need, absent, now, slot);

    at = 0;
    *cost = STOK_TABLE_NEVER;

    for (i = 0; i + need <= STOK_TABLE_SLOTS; i++) {
        dearest = 0;

        for (k = i; k < i + need; k++) {
            dearest = slot[k] > dearest ? slot[k] : dearest;
        }

        if (dearest < *cost) {
            *cost = dearest;
            at = i;
        }
    }

    return at;
}


/*
 * The cost of each slot of a bucket.  A free one costs as many as are taken,
 * so that of two buckets the emptier one is filled.  An entry that says
 * "absent" never takes a record's place; and if the bucket has as many of them
 * as it may have, a new one can only take the place of another.
 */

static void
stok_table_costs(stok_bucket_t *b, uint32_t need, int absent, uint32_t now,
    uint64_t cost[STOK_TABLE_SLOTS])
{
    uint32_t  i, taken, absents;

    taken = 0;
    absents = 0;

    for (i = 0; i < STOK_TABLE_SLOTS; i++) {
        cost[i] = STOK_TABLE_FREE;

        if (stok_load(&b->tag[i])) {
            cost[i] = stok_table_cost(b, i, now);

            taken++;
            absents += cost[i] < STOK_TABLE_RECORD;
        }
    }

    for (i = 0; i < STOK_TABLE_SLOTS; i++) {

        if (cost[i] == STOK_TABLE_FREE) {
            cost[i] = absent && absents + need > STOK_TABLE_ABSENT
                      ? STOK_TABLE_NEVER : taken;

        } else if (absent && cost[i] >= STOK_TABLE_RECORD) {
            cost[i] = STOK_TABLE_NEVER;
        }
    }
}


/*
 * Of a slot that is taken: an absent entry costs less than any record, and of
 * a kind the one less that was used longer ago.  The clock turns round, and
 * another process may be a little ahead.
 */

static uint64_t
stok_table_cost(stok_bucket_t *b, uint32_t i, uint32_t now)
{
    uint32_t  first, age;
    uint64_t  head, kind;

    first = stok_table_first(b, i);
    head = stok_load(&b->word[first * STOK_TABLE_WORDS]);
    kind = stok_table_dlen(head) ? STOK_TABLE_RECORD : STOK_TABLE_UNKNOWN;

    age = now - stok_load(&b->used[first]);
    age = age > UINT32_MAX / 2 ? 0 : age;

    return kind + (UINT32_MAX - age);
}


static void
stok_table_put(stok_bucket_t *b, uint32_t i, uint32_t need,
    const stok_table_key_t *key, uint32_t now,
    const stok_table_entry_t *entry, const void *data)
{
    uint32_t           k;
    _Atomic uint64_t  *word;

    word = &b->word[i * STOK_TABLE_WORDS];

    stok_store(&word[0], (uint64_t) key->kind | (uint64_t) key->len << 8
                         | (uint64_t) entry->len << 16
                         | (uint64_t) entry->epoch << 32);
    stok_store(&word[1], (uint64_t) entry->stored_at);

    stok_table_hook("head");

    word += STOK_TABLE_HEAD;
    stok_table_put_bytes(word, key->data, key->len);

    stok_table_hook("key");

    word += stok_table_words((uint32_t) key->len);
    stok_table_put_bytes(word, data, entry->len);

    stok_table_hook("data");

    stok_store(&b->tag[i], stok_table_tag(key->hash));
    stok_store(&b->used[i], now);

    stok_table_hook("tag");

    for (k = 1; k < need; k++) {
        stok_store(&b->tag[i + k], STOK_TABLE_MORE);
    }
}


static void
stok_table_put_bytes(_Atomic uint64_t *word, const void *data, size_t len)
{
    uint64_t        w;
    const uint8_t  *p;

    for (p = data; len >= sizeof(w); len -= sizeof(w)) {
        memcpy(&w, p, sizeof(w));
        stok_store(word++, w);
        p += sizeof(w);
    }

    if (len) {
        w = 0;
        memcpy(&w, p, len);
        stok_store(word, w);
    }
}


/* the first slot of the entry to which a taken slot belongs */

static uint32_t
stok_table_first(stok_bucket_t *b, uint32_t i)
{
    while (i && stok_load(&b->tag[i]) == STOK_TABLE_MORE) {
        i--;
    }

    return i;
}


static void
stok_table_clear(stok_bucket_t *b, uint32_t i)
{
    stok_store(&b->tag[i], 0);

    stok_table_hook("clear");

    while (++i < STOK_TABLE_SLOTS
           && stok_load(&b->tag[i]) == STOK_TABLE_MORE)
    {
        stok_store(&b->tag[i], 0);
    }
}


int
stok_table_drop(stok_table_t *table, const stok_table_key_t *key,
    uint64_t when)
{
    int             i, found;
    uint32_t        choice;
    stok_bucket_t  *b;

    stok_table_hook("drop");

    found = 0;
    b = stok_table_bucket(table, key->hash, 0);

    stok_store(&b->dropped, when);
    atomic_fetch_add_explicit(&b->generation, 1, memory_order_acq_rel);

    stok_table_hook("generation");

    for (choice = 0; choice < 2; choice++) {
        b = stok_table_bucket(table, key->hash, choice);

        if (stok_load(&b->seq) & 1) {
            stok_table_begin(b);
            stok_table_end(b);
            continue;
        }

        i = stok_table_find(b, key, NULL, NULL, 0);

        if (i >= 0) {
            stok_table_begin(b);
            stok_table_clear(b, (uint32_t) i);
            stok_table_end(b);
            found = 1;
        }
    }

    return found;
}


/* a bucket whose writer died is emptied: what it holds is anyone's guess */

static void
stok_table_begin(stok_bucket_t *b)
{
    uint32_t  i, seq;

    seq = stok_load(&b->seq);

    if (seq & 1) {
        for (i = 0; i < STOK_TABLE_SLOTS; i++) {
            stok_store(&b->tag[i], 0);
            stok_table_hook("heal");
        }

        return;
    }

    stok_store(&b->seq, seq + 1);
    atomic_thread_fence(memory_order_release);

    stok_table_hook("begin");
}


static void
stok_table_end(stok_bucket_t *b)
{
    stok_table_hook("end");

    atomic_store_explicit(&b->seq, stok_load(&b->seq) + 1,
                          memory_order_release);

    stok_table_hook("done");
}
