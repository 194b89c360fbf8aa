/*
 * The shared table; see stok_table.h.
 *
 * A slot's words: in its first, kind (8 bits), length of the key (8), length
 * of the data (16), epoch (32); then when it was stored; then the
 * key and the data, each from a new word on.  An entry of several slots goes
 * on in the words of the next ones, whose tag says STOK_TABLE_MORE.
 */


#include "stok_table.h"

#include <string.h>


#define STOK_TABLE_MORE  1                       /* tag: not the first slot */
#define STOK_TABLE_HEAD  2                       /* words before the key */
#define STOK_TABLE_ALL   (STOK_TABLE_SLOTS * STOK_TABLE_WORDS)

#define stok_table_words(len)   (((len) + 7) / 8)
#define stok_table_kind(head)   ((uint8_t) ((head) & 0xff))
#define stok_table_klen(head)   ((uint8_t) ((head) >> 8 & 0xff))
#define stok_table_dlen(head)   ((uint16_t) ((head) >> 16 & 0xffff))
#define stok_table_epoch(head)  ((uint32_t) ((head) >> 32))


_Static_assert(sizeof(stok_bucket_t) == 1792, "a bucket has 28 lines");


static int stok_table_find(stok_bucket_t *b, const stok_table_key_t *key,
    stok_table_entry_t *entry, void *buf, size_t size);
static int stok_table_equal(stok_bucket_t *b, uint32_t i,
    const stok_table_key_t *key);
static uint32_t stok_table_need(const stok_table_key_t *key, size_t len);
static uint32_t stok_table_room(stok_bucket_t *b, uint32_t need, int absent,
    uint64_t *cost);
static uint64_t stok_table_cost(stok_bucket_t *b, uint32_t i, int absent,
    int full);
static void stok_table_put(stok_bucket_t *b, uint32_t i, uint32_t need,
    const stok_table_key_t *key, uint32_t now,
    const stok_table_entry_t *entry, const void *data);
static void stok_table_put_bytes(_Atomic uint64_t *word, const void *data,
    size_t len);
static inline void stok_table_get_bytes(_Atomic uint64_t *word, void *buf,
    size_t len);
static uint32_t stok_table_first(stok_bucket_t *b, uint32_t i);
static void stok_table_clear(stok_bucket_t *b, uint32_t i);
static void stok_table_begin(stok_bucket_t *b);
static void stok_table_end(stok_bucket_t *b);


#define stok_load(p)      atomic_load_explicit(p, memory_order_relaxed)
#define stok_store(p, v)  atomic_store_explicit(p, v, memory_order_relaxed)


/* the two buckets; the second is never the first, if there are two */

static inline stok_bucket_t *
stok_table_bucket(const stok_table_t *table, uint64_t hash, uint32_t choice)
{
    uint64_t  first, step;

    first = ((hash & 0xffffffff) * table->n) >> 32;

    if (choice && table->n > 1) {
        step = ((hash >> 32) * (table->n - 1)) >> 32;
        first = (first + 1 + step) % table->n;
    }

    return &table->bucket[first];
}


static inline uint32_t
stok_table_tag(uint64_t hash)
{
    return (uint32_t) (hash ^ hash >> 32) | 2;
}


uint32_t
stok_table_fit(size_t size)
{
    size_t  n;

    n = size / sizeof(stok_bucket_t);

    return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


void
stok_table_init(stok_bucket_t *bucket, uint32_t n)
{
    uint32_t  i, k;

    for (i = 0; i < n; i++) {
        atomic_init(&bucket[i].seq, 0);
        atomic_init(&bucket[i].generation, 0);

        for (k = 0; k < STOK_TABLE_SLOTS; k++) {
            atomic_init(&bucket[i].tag[k], 0);
            atomic_init(&bucket[i].used[k], 0);
        }
    }
}


void
stok_table_key(stok_table_key_t *key, uint8_t kind, const void *data,
    size_t len, int spread)
{
    uint64_t        h;
    const uint8_t  *p;

    key->data = data;
    key->len = (uint8_t) len;
    key->kind = kind;

    if (spread) {
        memcpy(&key->hash, data, sizeof(uint64_t));
        return;
    }

    /* FNV-1a, and a last mixing so that its high bits are good, too */

    h = 0xcbf29ce484222325;

    for (p = data; len; len--) {
        h = (h ^ *p++) * 0x100000001b3;
    }

    h ^= h >> 33;
    h *= 0xff51afd7ed558ccd;
    h ^= h >> 33;

    key->hash = h;
}


int
stok_table_read(const stok_table_t *table, const stok_table_key_t *key,
    uint32_t now, stok_table_entry_t *entry, void *buf, size_t size)
{
    int             i;
    uint32_t        seq, choice, tries;
    stok_bucket_t  *b;

    for (choice = 0; choice < 2; choice++) {
        b = stok_table_bucket(table, key->hash, choice);

        for (tries = 0; tries < STOK_TABLE_TRIES; tries++) {
            seq = atomic_load_explicit(&b->seq, memory_order_acquire);

            if (seq & 1) {
                continue;
            }

            i = stok_table_find(b, key, entry, buf, size);

            atomic_thread_fence(memory_order_acquire);

            if (stok_load(&b->seq) != seq) {
                continue;
            }

            if (i < 0) {
                break;
            }

            /* a write may have come between: then this is a wrong hint */

            if (stok_load(&b->used[i]) != now) {
                stok_store(&b->used[i], now);
            }

            return STOK_OK;
        }
    }

    return STOK_DECLINED;
}


/* the slot, or -1; what is read may be torn: the caller finds out */

static int
stok_table_find(stok_bucket_t *b, const stok_table_key_t *key,
    stok_table_entry_t *entry, void *buf, size_t size)
{
    size_t             len;
    uint32_t           i, tag;
    uint64_t           head;
    _Atomic uint64_t  *word;

    tag = stok_table_tag(key->hash);

    for (i = 0; i < STOK_TABLE_SLOTS; i++) {

        if (stok_load(&b->tag[i]) != tag || !stok_table_equal(b, i, key)) {
            continue;
        }

        if (entry == NULL) {
            return (int) i;
        }

        word = &b->word[i * STOK_TABLE_WORDS];
        head = stok_load(&word[0]);
        len = stok_table_dlen(head);

        if (len > size
            || i * STOK_TABLE_WORDS + STOK_TABLE_HEAD
               + stok_table_words(key->len) + stok_table_words(len)
               > STOK_TABLE_ALL)
        {
            return -1;
        }

        entry->len = (uint16_t) len;
        entry->epoch = stok_table_epoch(head);
        entry->stored_at = (int64_t) stok_load(&word[1]);

        stok_table_get_bytes(word + STOK_TABLE_HEAD
                             + stok_table_words(key->len), buf, len);

        return (int) i;
    }

    return -1;
}


static int
stok_table_equal(stok_bucket_t *b, uint32_t i, const stok_table_key_t *key)
{
    size_t             len;
    uint64_t           head, w, k;
    const uint8_t     *p;
    _Atomic uint64_t  *word;

    word = &b->word[i * STOK_TABLE_WORDS];
    head = stok_load(&word[0]);

    if (stok_table_kind(head) != key->kind
        || stok_table_klen(head) != key->len
        || i * STOK_TABLE_WORDS + STOK_TABLE_HEAD
           + stok_table_words((uint32_t) key->len)
           > STOK_TABLE_ALL)
    {
        return 0;
    }

    word += STOK_TABLE_HEAD;
    p = key->data;

    for (len = key->len; len >= sizeof(w); len -= sizeof(w)) {
        memcpy(&k, p, sizeof(k));

        if (stok_load(word++) != k) {
            return 0;
        }

        p += sizeof(k);
    }

    if (len) {
        k = 0;
        memcpy(&k, p, len);
        w = stok_load(word);
        return w == k;
    }

    return 1;
}


uint32_t
stok_table_generation(const stok_table_t *table, const stok_table_key_t *key)
{
    return atomic_load_explicit(
                       &stok_table_bucket(table, key->hash, 0)->generation,
                       memory_order_acquire);
}


int
stok_table_write(stok_table_t *table, const stok_table_key_t *key,
    uint32_t now, const stok_table_entry_t *entry, const void *data)
{
    int             evicted, absent;
    uint32_t        i, k, at[2], need, choice;
    uint64_t        cost[2];
    stok_bucket_t  *b;

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

        at[choice] = stok_table_room(b, need, absent, &cost[choice]);
    }

    choice = cost[1] < cost[0];

    if (cost[choice] == UINT64_MAX) {
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
 * The cheapest place for need slots, and its cost: 0 if they are free, and
 * among free ones the fuller bucket costs more; UINT64_MAX: there is none.
 */

static uint32_t
stok_table_room(stok_bucket_t *b, uint32_t need, int absent, uint64_t *cost)
{
    int       full;
    uint32_t  i, k, at, taken, unknown;
    uint64_t  sum, c, head;

    taken = 0;
    unknown = 0;

    for (i = 0; i < STOK_TABLE_SLOTS; i++) {
        if (stok_load(&b->tag[i])) {
            taken++;
            head = stok_load(&b->word[stok_table_first(b, i)
                                      * STOK_TABLE_WORDS]);
            unknown += stok_table_dlen(head) == 0;
        }
    }

    full = absent && unknown + need > STOK_TABLE_ABSENT;
    at = 0;
    *cost = UINT64_MAX;

    for (i = 0; i + need <= STOK_TABLE_SLOTS; i++) {
        sum = 0;

        for (k = i; k < i + need; k++) {
            c = stok_table_cost(b, k, absent, full);

            if (c == UINT64_MAX) {
                sum = c;
                break;
            }

            sum = c > sum ? c : sum;
        }

        if (sum < *cost) {
            *cost = sum;
            at = i;
        }
    }

    if (*cost == 0) {
        *cost = taken;
    }

    return at;
}


/*
 * What it costs to take a slot: 0 if it is free; who was used later costs
 * more; who is absent less than any who is not.
 */

static uint64_t
stok_table_cost(stok_bucket_t *b, uint32_t i, int absent, int full)
{
    uint32_t  first;
    uint64_t  head, cost;

    if (stok_load(&b->tag[i]) == 0) {
        return full ? UINT64_MAX : 0;
    }

    first = stok_table_first(b, i);
    head = stok_load(&b->word[first * STOK_TABLE_WORDS]);
    cost = (uint64_t) stok_load(&b->used[first]) + STOK_TABLE_SLOTS + 1;

    if (stok_table_dlen(head)) {
        return absent ? UINT64_MAX : cost + UINT32_MAX;
    }

    return cost;
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

    word += STOK_TABLE_HEAD;
    stok_table_put_bytes(word, key->data, key->len);

    word += stok_table_words((uint32_t) key->len);
    stok_table_put_bytes(word, data, entry->len);

    stok_store(&b->tag[i], stok_table_tag(key->hash));
    stok_store(&b->used[i], now);

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


static inline void
stok_table_get_bytes(_Atomic uint64_t *word, void *buf, size_t len)
{
    uint8_t   *p;
    uint64_t   w;

    for (p = buf; len >= sizeof(w); len -= sizeof(w)) {
        w = stok_load(word++);
        memcpy(p, &w, sizeof(w));
        p += sizeof(w);
    }

    if (len) {
        w = stok_load(word);
        memcpy(p, &w, len);
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

    while (++i < STOK_TABLE_SLOTS
           && stok_load(&b->tag[i]) == STOK_TABLE_MORE)
    {
        stok_store(&b->tag[i], 0);
    }
}


int
stok_table_drop(stok_table_t *table, const stok_table_key_t *key)
{
    int             i, found;
    uint32_t        choice;
    stok_bucket_t  *b;

    found = 0;

    atomic_fetch_add_explicit(
                       &stok_table_bucket(table, key->hash, 0)->generation,
                       1, memory_order_acq_rel);

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
        }

        return;
    }

    stok_store(&b->seq, seq + 1);
    atomic_thread_fence(memory_order_release);
}


static void
stok_table_end(stok_bucket_t *b)
{
    atomic_store_explicit(&b->seq, stok_load(&b->seq) + 1,
                          memory_order_release);
}


uint32_t
stok_table_count(const stok_table_t *table, uint8_t kind, int absent)
{
    uint32_t        i, k, n;
    uint64_t        head;
    stok_bucket_t  *b;

    n = 0;

    for (i = 0; i < table->n; i++) {
        b = &table->bucket[i];

        for (k = 0; k < STOK_TABLE_SLOTS; k++) {
            if (stok_load(&b->tag[k]) > STOK_TABLE_MORE) {
                head = stok_load(&b->word[k * STOK_TABLE_WORDS]);
                n += stok_table_kind(head) == kind
                     && absent == (stok_table_dlen(head) == 0);
            }
        }
    }

    return n;
}
