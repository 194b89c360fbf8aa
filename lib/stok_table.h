/*
 * A fixed table of records in memory that several processes share.  Reads
 * take no lock; writes are made by one process at a time: the caller has a
 * lock.  The layout is fixed at init; nothing is allocated afterwards.
 *
 * A key belongs to two buckets (two choices, so that buckets fill evenly) and
 * lies in one of them.  A bucket has STOK_TABLE_SLOTS slots of equal size; an
 * entry takes as many neighbouring slots as it needs, mostly one.
 *
 * Invariants:
 *
 * - a reader gets an entry as it was written, whole, or none.  Each bucket
 *   has a sequence: odd while it is written.  A reader that saw it odd, or
 *   saw it change, tries again a few times, then answers "none".  All shared
 *   words are C11 atomics, so there is no data race by the standard's rules
 *   (H.-J. Boehm, "Can seqlocks get along with programming language memory
 *   models?", MSPC 2012);
 * - a writer may die between any two stores: the bucket's sequence stays odd,
 *   readers find nothing in it, and the next writer empties it;
 * - a drop raises the generation of the key's first bucket, and keeps there
 *   what the caller says of it.  Code that asks elsewhere for a record notes
 *   the generation first, and writes the answer only if it is the same, under
 *   the lock;
 * - entries that say "absent" never push out others, and hold at most
 *   STOK_TABLE_ABSENT slots of a bucket; others push out these first.
 */


#ifndef STOK_TABLE_H
#define STOK_TABLE_H


#include <stdatomic.h>

#include "stok.h"


#define STOK_TABLE_VERSION  4            /* of layout, hashes and records */
#define STOK_TABLE_SLOTS    11                   /* of a bucket */
#define STOK_TABLE_WORDS    19                   /* 8 bytes each, of a slot */
#define STOK_TABLE_ABSENT   2                    /* slots, of a bucket */
#define STOK_TABLE_TRIES    4                    /* of a reader */
#define STOK_TABLE_KEY_MAX  255


/* 1792 bytes, 28 lines of a cache */
typedef struct {
    _Atomic uint32_t  seq;
    _Atomic uint32_t  generation;
    _Atomic uint32_t  tag[STOK_TABLE_SLOTS];     /* 0: free */
    _Atomic uint32_t  used[STOK_TABLE_SLOTS];    /* when; by readers, too */
    _Atomic uint64_t  word[STOK_TABLE_SLOTS * STOK_TABLE_WORDS];
    _Atomic uint64_t  dropped;                   /* of the caller */
    uint8_t           unused[16];
} stok_bucket_t;


typedef struct {
    stok_bucket_t    *bucket;
    uint32_t          n;                         /* buckets */
} stok_table_t;


typedef struct {
    const void       *data;
    uint8_t           len;
    uint8_t           kind;                      /* of the caller */
    uint64_t          hash;                      /* by stok_table_key() */
} stok_table_key_t;


/* a place in the table, as it was when it was read */
typedef struct {
    stok_bucket_t    *bucket;
    uint32_t          seq;
    uint32_t          slot;
} stok_table_mark_t;


typedef struct {
    int64_t           stored_at;                 /* of the caller */
    uint32_t          epoch;                     /* of the caller */
    uint16_t          len;                       /* bytes; 0: absent */
    stok_table_mark_t mark;                      /* by read */
} stok_table_entry_t;


/*
 * How many buckets fit size bytes (0: none); memory is aligned to 64 bytes.
 */
uint32_t stok_table_fit(size_t size);

/* empties n buckets; a table is then opened on them with n */
void stok_table_init(stok_bucket_t *bucket, uint32_t n);

/*
 * spread: the data is evenly distributed already (a digest), and its first
 * eight bytes are its hash.
 */
void stok_table_key(stok_table_key_t *key, uint8_t kind, const void *data,
    size_t len, int spread) stok_hot;

/*
 * Without a lock.  STOK_OK: *entry and its bytes are in buf, which gets whole
 * words of 8, at most size bytes.
 * STOK_DECLINED: no such entry, or it cannot be read now.  now: of any clock
 * and unit, for "least recently used"; it is written when it has changed.
 */
int stok_table_read(const stok_table_t *table, const stok_table_key_t *key,
    uint32_t now, stok_table_entry_t *entry, void *buf, size_t size) stok_hot;

/*
 * Without a lock.  1: nothing was written to that bucket since it was read, so
 * to read that key again would give the same entry.  now: as above.
 */
static inline int stok_table_unchanged(const stok_table_mark_t *mark,
    uint32_t now);

/* without a lock */
uint32_t stok_table_generation(const stok_table_t *table,
    const stok_table_key_t *key);

/*
 * With the lock.  Takes the place of an older entry of that key, else of
 * those that were used least recently.  The number of other entries that had
 * to go, or STOK_DECLINED: there is no place for it, and nothing of that key
 * is left.
 */
int stok_table_write(stok_table_t *table, const stok_table_key_t *key,
    uint32_t now, const stok_table_entry_t *entry, const void *data);

/*
 * With the lock; 1 if there was such an entry, else 0.  when: of the caller;
 * stok_table_dropped() gives it back for every key of the same bucket, 0 if
 * there was no drop.
 */
int stok_table_drop(stok_table_t *table, const stok_table_key_t *key,
    uint64_t when);
uint64_t stok_table_dropped(const stok_table_t *table,
    const stok_table_key_t *key);

/* entries of a kind, absent ones or others; without a lock, a good guess */
uint32_t stok_table_count(const stok_table_t *table, uint8_t kind,
    int absent);

/*
 * Entries of each kind below kinds, without a lock.  Looks at no more than
 * most buckets and about as many entries, spread evenly: if there are more,
 * the numbers are reckoned from these.
 */
void stok_table_tally(const stok_table_t *table, uint32_t most, uint8_t kinds,
    uint64_t *live, uint64_t *absent);


/* for both: a write may have come between: then this is a wrong hint */

static inline void
stok_table_use(stok_bucket_t *b, uint32_t i, uint32_t now)
{
    if (stok_unlikely(atomic_load_explicit(&b->used[i], memory_order_relaxed)
                      != now))
    {
        atomic_store_explicit(&b->used[i], now, memory_order_relaxed);
    }
}


static inline int
stok_table_unchanged(const stok_table_mark_t *mark, uint32_t now)
{
    stok_bucket_t  *b;

    b = mark->bucket;

    if (stok_unlikely(atomic_load_explicit(&b->seq, memory_order_acquire)
                      != mark->seq))
    {
        return 0;
    }

    stok_table_use(b, mark->slot, now);

    return 1;
}


#endif /* STOK_TABLE_H */
