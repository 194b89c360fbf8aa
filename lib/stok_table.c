/*
 * The shared table, read: no lock is taken.  See stok_table.h.
 */


#include "stok_table_slot.h"

#include <string.h>


_Static_assert(sizeof(stok_bucket_t) == 1792, "a bucket has 28 lines");


static uint32_t stok_table_step(const stok_table_t *table, uint32_t most);
static int stok_table_equal(stok_bucket_t *b, uint32_t i,
    const stok_table_key_t *key) stok_hot;
static inline void stok_table_get_bytes(_Atomic uint64_t *word, void *buf,
    size_t len) stok_hot;


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
        atomic_init(&bucket[i].dropped, 0);

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
    uint64_t        h, w;
    const uint8_t  *p;

    key->data = data;
    key->len = (uint8_t) len;
    key->kind = kind;

    if (spread) {
        memcpy(&key->hash, data, sizeof(uint64_t));
        return;
    }

    /* as FNV-1a, by words; and a last mixing so that its high bits are good */

    h = 0xcbf29ce484222325 ^ len;

    for (p = data; len > sizeof(w); len -= sizeof(w)) {
        memcpy(&w, p, sizeof(w));
        h = (h ^ w) * 0x9e3779b97f4a7c15;
        h ^= h >> 32;
        p += sizeof(w);
    }

    /* the last eight bytes, some of them twice; fewer if there are no more */

    if (key->len >= sizeof(w)) {
        memcpy(&w, p + len - sizeof(w), sizeof(w));

    } else {
        w = 0;
        memcpy(&w, p, len);
    }

    h = (h ^ w) * 0x9e3779b97f4a7c15;
    h ^= h >> 32;

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

            stok_table_use(b, (uint32_t) i, now);

            entry->mark.bucket = b;
            entry->mark.seq = seq;
            entry->mark.slot = (uint32_t) i;

            return STOK_OK;
        }
    }

    return STOK_DECLINED;
}


/* the slot, or -1; what is read may be torn: the caller finds out */

int
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

        if (stok_table_words(len) * sizeof(uint64_t) > size
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


uint64_t
stok_table_dropped(const stok_table_t *table, const stok_table_key_t *key)
{
    return stok_load(&stok_table_bucket(table, key->hash, 0)->dropped);
}


/* whole words: buf has room for them */

static inline void
stok_table_get_bytes(_Atomic uint64_t *word, void *buf, size_t len)
{
    size_t     n;
    uint8_t   *p;
    uint64_t   w;

    p = buf;

    for (n = stok_table_words(len); n; n--) {
        w = stok_load(word++);
        memcpy(p, &w, sizeof(w));
        p += sizeof(w);
    }
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


void
stok_table_tally(const stok_table_t *table, uint32_t most, uint8_t kinds,
    uint64_t *live, uint64_t *absent)
{
    uint8_t         kind;
    uint32_t        i, k, step, seen;
    uint64_t        head;
    stok_bucket_t  *b;

    for (k = 0; k < kinds; k++) {
        live[k] = 0;
        absent[k] = 0;
    }

    seen = 0;
    step = stok_table_step(table, most);

    for (i = 0; i < table->n; i += step) {
        b = &table->bucket[i];
        seen++;

        for (k = 0; k < STOK_TABLE_SLOTS; k++) {
            if (stok_load(&b->tag[k]) <= STOK_TABLE_MORE) {
                continue;
            }

            head = stok_load(&b->word[k * STOK_TABLE_WORDS]);
            kind = stok_table_kind(head);

            if (kind >= kinds) {
                continue;
            }

            if (stok_table_dlen(head)) {
                live[kind]++;

            } else {
                absent[kind]++;
            }
        }
    }

    if (step == 1 || seen == 0) {
        return;
    }

    for (k = 0; k < kinds; k++) {
        live[k] = live[k] * table->n / seen;
        absent[k] = absent[k] * table->n / seen;
    }
}


/*
 * From one bucket to the next that is looked into.  A bucket's tags share a
 * line of the processor's cache and each entry has its own, so what costs are
 * the entries.
 */

static uint32_t
stok_table_step(const stok_table_t *table, uint32_t most)
{
    uint32_t        i, k, step, used;
    stok_bucket_t  *b;

    used = 0;
    step = (table->n - 1) / most + 1;

    for (i = 0; i < table->n; i += step) {
        b = &table->bucket[i];

        for (k = 0; k < STOK_TABLE_SLOTS; k++) {
            used += stok_load(&b->tag[k]) > STOK_TABLE_MORE;
        }
    }

    return used > most ? step * ((used - 1) / most + 1) : step;
}
