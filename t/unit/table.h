/*
 * A table of the test's own, and entries by a number.
 */


#ifndef TABLE_H
#define TABLE_H


#include "guard.h"

#include "stok_table.h"


#define KIND_A  1
#define KIND_B  2


static inline stok_table_t *
table_new(uint32_t n)
{
    static stok_table_t  table;

    size_t  size;

    size = (size_t) n * sizeof(stok_bucket_t);

    table.bucket = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(table.bucket != MAP_FAILED);

    table.n = stok_table_fit(size);
    assert_int_equal(table.n, n);

    stok_table_init(table.bucket, n);

    return &table;
}


static inline void
table_free(stok_table_t *table)
{
    munmap(table->bucket, (size_t) table->n * sizeof(stok_bucket_t));
}


/* a key of 32 bytes that look like a digest; its memory is the caller's */

static inline stok_table_key_t
table_key(uint8_t data[32], uint32_t n)
{
    int               i;
    uint64_t          h;
    stok_table_key_t  key;

    h = n + 0x9e3779b97f4a7c15;

    for (i = 0; i < 4; i++) {
        h ^= h >> 30;
        h *= 0xbf58476d1ce4e5b9;
        h ^= h >> 27;
        h *= 0x94d049bb133111eb;
        h ^= h >> 31;
        memcpy(data + i * 8, &h, 8);
    }

    stok_table_key(&key, KIND_A, data, 32, 1);

    return key;
}


static inline int
table_write(stok_table_t *table, uint32_t n, uint32_t now, const char *text,
    size_t len)
{
    uint8_t             data[32];
    stok_table_key_t    key;
    stok_table_entry_t  entry = { .stored_at = 77, .epoch = 5,
                                  .len = (uint16_t) len };

    key = table_key(data, n);

    return stok_table_write(table, &key, now, &entry, text);
}


static inline int
table_read(stok_table_t *table, uint32_t n, uint32_t now, char *buf,
    stok_table_entry_t *entry)
{
    uint8_t           data[32];
    stok_table_key_t  key;

    key = table_key(data, n);

    return stok_table_read(table, &key, now, entry, buf, 2048);
}


#endif /* TABLE_H */
