/*
 * The layout of a bucket, between the files of the table; not for others.
 *
 * A slot's words: in its first, kind (8 bits), length of the key (8), length
 * of the data (16), epoch (32); then when it was stored; then the
 * key and the data, each from a new word on.  An entry of several slots goes
 * on in the words of the next ones, whose tag says STOK_TABLE_MORE.
 */


#ifndef STOK_TABLE_SLOT_H
#define STOK_TABLE_SLOT_H


#include "stok_table.h"


#define STOK_TABLE_MORE  1                       /* tag: not the first slot */
#define STOK_TABLE_HEAD  2                       /* words before the key */
#define STOK_TABLE_ALL   (STOK_TABLE_SLOTS * STOK_TABLE_WORDS)

#define stok_table_words(len)   (((len) + 7) / 8)
#define stok_table_kind(head)   ((uint8_t) ((head) & 0xff))
#define stok_table_klen(head)   ((uint8_t) ((head) >> 8 & 0xff))
#define stok_table_dlen(head)   ((uint16_t) ((head) >> 16 & 0xffff))
#define stok_table_epoch(head)  ((uint32_t) ((head) >> 32))

/* where a test's build has the writer die; see t/hook.h */

#ifndef stok_table_hook
#define stok_table_hook(point)
#endif

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


/*
 * The slot, or -1; entry NULL: only where it is.  The entry may be torn: the
 * caller finds out.
 */
int stok_table_find(stok_bucket_t *b, const stok_table_key_t *key,
    stok_table_entry_t *entry, void *buf, size_t size) stok_hot;


#endif /* STOK_TABLE_SLOT_H */
