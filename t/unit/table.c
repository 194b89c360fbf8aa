/*
 * The shared table: what is written is read, until it is dropped, pushed out,
 * or half-written; and readers never see a mixture.
 */


#include "table.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>


static void
test_every_length(void **state)
{
    char                 buf[2048], text[2048];
    size_t               len, size;
    guard_t              guard;
    uint8_t              data[32];
    stok_table_t        *table;
    stok_table_key_t     key;
    stok_table_entry_t   entry;

    (void) state;

    guard_create(&guard);
    table = table_new(4);

    for (len = 0; len < sizeof(text); len++) {
        text[len] = (char) (len * 7 + len / 256);
    }

    for (len = 0; len <= 1500; len++) {
        assert_true(table_write(table, 1, 9, text, len) >= 0);
        memset(buf, 0, sizeof(buf));
        assert_int_equal(table_read(table, 1, 9, buf, &entry), STOK_OK);
        assert_int_equal(entry.len, len);
        assert_int_equal(entry.epoch, 5);
        assert_int_equal(entry.stored_at, 77);
        assert_memory_equal(buf, text, len);

        /* whole words, and not a byte beyond */

        key = table_key(data, 1);
        size = (len + 7) / 8 * 8;
        assert_int_equal(stok_table_read(table, &key, 9, &entry,
                                         guard.end - size, size), STOK_OK);

        if (len) {
            assert_int_equal(stok_table_read(table, &key, 9, &entry, buf,
                                             size - 1), STOK_DECLINED);
        }
    }

    assert_int_equal(stok_table_count(table, KIND_A, 0), 1);

    table_free(table);
}


static void
test_keys(void **state)
{
    char                 text[256], buf[8];
    size_t               len;
    stok_table_t        *table;
    stok_table_key_t     key;
    stok_table_entry_t   entry = { .stored_at = 1, .epoch = 1, .len = 4 };

    (void) state;

    table = table_new(64);
    memset(text, 'x', sizeof(text));

    /* every length of key; a kind of its own; a prefix is another key */

    for (len = 1; len <= STOK_TABLE_KEY_MAX; len++) {
        stok_table_key(&key, KIND_B, text, len, 0);
        assert_int_equal(stok_table_write(table, &key, 1, &entry, "data"), 0);
        assert_int_equal(stok_table_read(table, &key, 1, &entry, buf, 8),
                         STOK_OK);
        assert_memory_equal(buf, "data", 4);

        key.kind = KIND_A;
        assert_int_equal(stok_table_read(table, &key, 1, &entry, buf, 8),
                         STOK_DECLINED);
        key.kind = KIND_B;
        assert_int_equal(stok_table_drop(table, &key, 0), 1);
        assert_int_equal(stok_table_drop(table, &key, 0), 0);
        assert_int_equal(stok_table_read(table, &key, 1, &entry, buf, 8),
                         STOK_DECLINED);
    }

    table_free(table);
}


static void
test_generation(void **state)
{
    uint8_t            data[32];
    uint32_t           before;
    stok_table_t      *table;
    stok_table_key_t   key;

    (void) state;

    table = table_new(8);
    key = table_key(data, 3);

    before = stok_table_generation(table, &key);
    table_write(table, 3, 1, "x", 1);
    assert_int_equal(stok_table_generation(table, &key), before);

    assert_int_equal(stok_table_dropped(table, &key), 0);
    stok_table_drop(table, &key, 0x123456789abcdef0);
    assert_int_equal(stok_table_generation(table, &key), before + 1);
    assert_true(stok_table_dropped(table, &key) == 0x123456789abcdef0);

    /* also where there was nothing: a question may be under way */

    stok_table_drop(table, &key, 7);
    assert_int_equal(stok_table_generation(table, &key), before + 2);
    assert_int_equal(stok_table_dropped(table, &key), 7);

    table_free(table);
}


static void
least_recently_used(uint32_t t)
{
    char                 buf[2048], text[300];
    uint32_t             i;
    stok_table_t        *table;
    stok_table_entry_t   entry;

    table = table_new(1);
    memset(text, 'y', sizeof(text));

    for (i = 0; i < STOK_TABLE_SLOTS; i++) {
        assert_int_equal(table_write(table, i, t + i, "data", 4), 0);
    }

    /* the oldest was used again: the second oldest goes */

    assert_int_equal(table_read(table, 0, t + 100, buf, &entry), STOK_OK);
    assert_int_equal(table_write(table, 50, t + 101, "data", 4), 1);
    assert_int_equal(table_read(table, 0, t + 101, buf, &entry), STOK_OK);
    assert_int_equal(table_read(table, 1, t + 101, buf, &entry),
                     STOK_DECLINED);
    assert_int_equal(table_read(table, 2, t + 101, buf, &entry), STOK_OK);
    assert_int_equal(table_read(table, 50, t + 101, buf, &entry), STOK_OK);

    /* another process' clock is ahead */

    assert_int_equal(table_read(table, 0, t + 104, buf, &entry), STOK_OK);

    /* one of three slots takes three neighbours with it, and no more */

    assert_int_equal(table_write(table, 51, t + 102, text, 300), 3);
    assert_int_equal(stok_table_count(table, KIND_A, 0),
                     STOK_TABLE_SLOTS - 2);
    assert_int_equal(table_read(table, 0, t + 102, buf, &entry), STOK_OK);

    table_free(table);
}


static void
test_least_recently_used(void **state)
{
    uint32_t  t;

    (void) state;

    least_recently_used(100);

    /* the clock turns round */

    for (t = UINT32_MAX - 110; t != 1; t++) {
        least_recently_used(t);
    }
}


/* guesses cannot push out real tokens, and not each other's share */

static void
test_absent(void **state)
{
    char                 buf[2048];
    uint32_t             i, n;
    stok_table_t        *table;
    stok_table_entry_t   entry;

    (void) state;

    table = table_new(1);

    for (i = 0; i < STOK_TABLE_SLOTS - 1; i++) {
        assert_int_equal(table_write(table, i, i, "data", 4), 0);
    }

    for (i = 100; i < 1100; i++) {
        (void) table_write(table, i, i, NULL, 0);
    }

    for (i = 0; i < STOK_TABLE_SLOTS - 1; i++) {
        assert_int_equal(table_read(table, i, 5, buf, &entry), STOK_OK);
        assert_int_equal(entry.len, 4);
    }

    assert_int_equal(stok_table_count(table, KIND_A, 1), 1);
    assert_int_equal(table_read(table, 1099, 5, buf, &entry), STOK_OK);
    assert_int_equal(entry.len, 0);

    /* a real one takes the place of an absent one, not the oldest's */

    assert_int_equal(table_write(table, 99, 2000, "data", 4), 1);
    assert_int_equal(stok_table_count(table, KIND_A, 1), 0);
    assert_int_equal(table_read(table, 0, 5, buf, &entry), STOK_OK);
    table_free(table);

    /* in an empty bucket they still have their share only */

    table = table_new(1);

    for (i = 0; i < 1000; i++) {
        (void) table_write(table, i, i, NULL, 0);
        n = stok_table_count(table, KIND_A, 1);
        assert_true(n <= STOK_TABLE_ABSENT);
    }

    table_free(table);
}


/* of as many tokens as the zone is said to hold, nearly all stay */

static void
test_density(void **state)
{
    char                 buf[2048], text[104];
    uint32_t             i, n, found;
    uint64_t             live[KIND_B + 1], absent[KIND_B + 1];
    stok_table_t        *table;
    stok_table_entry_t   entry;

    (void) state;

    memset(text, 'x', sizeof(text));
    table = table_new(1000);
    n = 1000 * STOK_TABLE_SLOTS * 85 / 100;

    for (i = 0; i < n; i++) {
        (void) table_write(table, i, i, text, sizeof(text));
    }

    found = 0;

    for (i = 0; i < n; i++) {
        found += table_read(table, i, i, buf, &entry) == STOK_OK;
    }

    assert_true(found >= n * 998 / 1000);
    assert_int_equal(stok_table_count(table, KIND_A, 0), found);

    /* all at once, from each bucket and from every tenth or so */

    (void) table_write(table, n, n, NULL, 0);
    stok_table_tally(table, n + 1, KIND_B + 1, live, absent);

    assert_int_equal(live[KIND_A], stok_table_count(table, KIND_A, 0));
    assert_int_equal(absent[KIND_A], stok_table_count(table, KIND_A, 1));
    assert_int_equal(live[KIND_B], 0);
    assert_int_equal(absent[KIND_B], 0);

    stok_table_tally(table, 1000, KIND_B + 1, live, absent);

    assert_true(live[KIND_A] > (uint64_t) found * 9 / 10
                && live[KIND_A] < (uint64_t) found * 11 / 10);

    table_free(table);
}


/* a writer that dies in the middle: nothing of the bucket is believed */

static void
test_half_written(void **state)
{
    char                 buf[2048];
    uint8_t              data[32];
    uint32_t             i;
    stok_table_t        *table;
    stok_table_key_t     key;
    stok_table_entry_t   entry;

    (void) state;

    for (i = 0; i < 3; i++) {
        table = table_new(1);
        key = table_key(data, 1);

        table_write(table, 1, 1, "one", 3);
        table_write(table, 2, 1, "two", 3);
        atomic_fetch_add(&table->bucket[0].seq, 1);

        assert_int_equal(table_read(table, 1, 1, buf, &entry),
                         STOK_DECLINED);

        switch (i) {

        case 0:
            assert_int_equal(table_write(table, 3, 1, "new", 3), 0);
            assert_int_equal(table_read(table, 3, 1, buf, &entry), STOK_OK);
            break;

        case 1:
            assert_int_equal(stok_table_drop(table, &key, 0), 0);
            break;

        default:
            assert_int_equal(table_write(table, 1, 1, "new", 3), 0);
            assert_int_equal(table_read(table, 1, 1, buf, &entry), STOK_OK);
            assert_memory_equal(buf, "new", 3);
            break;
        }

        assert_int_equal(table_read(table, 2, 1, buf, &entry),
                         STOK_DECLINED);
        assert_int_equal(table->bucket[0].seq & 1, 0);
        table_free(table);
    }
}


/*
 * A process writes, another reads: a record is of one piece, of the key that
 * was asked for; and the writer is killed at some moment.
 */

static void
test_two_processes(void **state)
{
    int                  round, status;
    char                 buf[2048], text[400];
    pid_t                pid;
    uint32_t             i, k, hits;
    stok_table_t        *table;
    stok_table_entry_t   entry;

    (void) state;

    hits = 0;

    for (round = 0; round < 20; round++) {
        table = table_new(2);

        pid = fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            for (i = 0; ; i++) {
                k = i % 31;
                memset(text, (int) (k ^ i / 31 % 7 * 32), sizeof(text));
                (void) table_write(table, k, i, text, 1 + i % 399);
            }
        }

        for (i = 0; i < 30000; i++) {
            k = i % 31;

            if (table_read(table, k, i, buf, &entry) != STOK_OK) {
                continue;
            }

            hits++;
            assert_int_equal(buf[0] & 0x1f, k);
            memset(text, buf[0], entry.len);
            assert_memory_equal(buf, text, entry.len);
        }

        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        for (k = 0; k < 31; k++) {
            (void) table_write(table, k, i, "after", 5);
            assert_int_equal(table_read(table, k, i, buf, &entry), STOK_OK);
            assert_memory_equal(buf, "after", 5);
        }

        table_free(table);
    }

    assert_true(hits > 1000);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_generation),
        cmocka_unit_test(test_least_recently_used),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_density),
        cmocka_unit_test(test_half_written),
        cmocka_unit_test(test_two_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
