/*
 * Marks of the shared table: whether what was read is still there.
 */


#include "table.h"


/*
 * A mark that is unchanged is where its key is, with what was read there; any
 * change of that key, and a writer that died in its bucket, changes it.
 */

static void
mark_random(void **state)
{
    char                 buf[2048], text[400];
    uint8_t              data[32];
    uint32_t             i, k, r, kept, changed, dropped;
    stok_table_t        *table;
    stok_table_key_t     key;
    stok_table_entry_t   entry;

    static struct {
        int                there;
        char               text[400];
        size_t             len;
        stok_table_mark_t  mark;
    } seen[31];

    (void) state;

    table = table_new(3);
    r = 1;
    kept = 0;
    changed = 0;
    dropped = 0;

    for (i = 0; i < 200000; i++) {
        r = r * 1664525 + 1013904223;
        k = (r >> 8) % 31;

        if ((r >> 16) % 8 == 0) {
            memset(text, (int) (r >> 24), sizeof(text));
            (void) table_write(table, k, i, text, (r >> 20) % 400);
            assert_false(seen[k].there
                         && stok_table_unchanged(&seen[k].mark, i));

        } else if ((r >> 16) % 64 == 1) {
            key = table_key(data, k);

            if (stok_table_drop(table, &key, 0)) {
                dropped++;
                assert_false(seen[k].there
                             && stok_table_unchanged(&seen[k].mark, i));
            }
        }

        if (seen[k].there && stok_table_unchanged(&seen[k].mark, i)) {
            kept++;
            assert_int_equal(table_read(table, k, i, buf, &entry), STOK_OK);
            assert_int_equal(entry.len, seen[k].len);
            assert_memory_equal(buf, seen[k].text, entry.len);
            assert_ptr_equal(entry.mark.bucket, seen[k].mark.bucket);
            assert_int_equal(entry.mark.slot, seen[k].mark.slot);
            continue;
        }

        changed += seen[k].there;
        seen[k].there = table_read(table, k, i, buf, &entry) == STOK_OK;

        if (seen[k].there) {
            seen[k].len = entry.len;
            seen[k].mark = entry.mark;
            memcpy(seen[k].text, buf, entry.len);
            assert_true(stok_table_unchanged(&entry.mark, i));
        }
    }

    assert_true(kept > 1000);
    assert_true(changed > 1000);
    assert_true(dropped > 1000);

    table_free(table);
}


/* its use is noted; and a writer begins, dies, and the next one heals */

static void
mark_used(void **state)
{
    char                 buf[2048];
    uint8_t              data[32];
    stok_table_t        *table;
    stok_table_key_t     key;
    stok_table_entry_t   entry;

    (void) state;

    table = table_new(3);

    assert_true(table_write(table, 1, 5, "use", 3) >= 0);
    assert_int_equal(table_read(table, 1, 5, buf, &entry), STOK_OK);
    assert_true(stok_table_unchanged(&entry.mark, 123456));
    assert_int_equal(atomic_load(&entry.mark.bucket->used[entry.mark.slot]),
                     123456);

    atomic_fetch_add(&entry.mark.bucket->seq, 1);
    assert_false(stok_table_unchanged(&entry.mark, 6));
    key = table_key(data, 1);
    (void) stok_table_drop(table, &key, 0);
    assert_false(stok_table_unchanged(&entry.mark, 6));

    table_free(table);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(mark_random),
        cmocka_unit_test(mark_used)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("mark", tests, NULL, NULL);
}
