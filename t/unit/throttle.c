/*
 * Leaky buckets of failures: as many as fit, as soon as they leak out, for
 * each key by itself, and whoever overdraws pays it back.
 */


#include "guard.h"

#include <sys/wait.h>

#include "stok_throttle.h"


#define STEP   1000
#define BURST  4
#define START  1000000
#define MOST   (1000000 * STEP)


static void
table_new(stok_throttle_t *table, uint32_t n)
{
    size_t  size;

    size = n * sizeof(stok_throttle_set_t);

    table->set = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(table->set != MAP_FAILED);

    table->n = stok_throttle_fit(size);
    assert_int_equal(table->n, n);
}


static void
table_free(stok_throttle_t *table)
{
    munmap(table->set, table->n * sizeof(stok_throttle_set_t));
}


static uint64_t
wait_of(stok_throttle_t *table, uint64_t key, uint64_t now)
{
    return stok_throttle_wait(table, key, now, STEP, BURST);
}


static void
throttle_fit(void **state)
{
    (void) state;

    assert_int_equal(stok_throttle_fit(0), 0);
    assert_int_equal(stok_throttle_fit(sizeof(stok_throttle_set_t) - 1), 0);
    assert_int_equal(sizeof(stok_throttle_set_t), 128);
}


static void
throttle_exact(void **state)
{
    int              i, key;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 1);

    /* a key of 0 is as good as any */

    for (key = 0; key < 3; key++) {
        for (i = 0; i <= BURST; i++) {
            assert_int_equal(wait_of(&table, key * 2, START), 0);
            stok_throttle_fail(&table, key * 2, START, STEP, MOST);
        }

        assert_int_equal(wait_of(&table, key * 2, START), STEP);
    }

    /* another burst, the same failures */

    assert_int_equal(stok_throttle_wait(&table, 2, START, STEP, 0),
                     (BURST + 1) * STEP);
    assert_int_equal(stok_throttle_wait(&table, 2, START, STEP, BURST + 1),
                     0);

    /* one leaks out, one fits */

    assert_int_equal(wait_of(&table, 2, START + STEP - 1), 1);
    assert_int_equal(wait_of(&table, 2, START + STEP), 0);
    stok_throttle_fail(&table, 2, START + STEP, STEP, MOST);
    assert_int_equal(wait_of(&table, 2, START + STEP), STEP);

    /* all leak out, and no more than all */

    assert_int_equal(wait_of(&table, 2, START * 2), 0);

    for (i = 0; i <= BURST; i++) {
        assert_int_equal(wait_of(&table, 2, START * 2), 0);
        stok_throttle_fail(&table, 2, START * 2, STEP, MOST);
    }

    assert_int_equal(wait_of(&table, 2, START * 2), STEP);
    assert_int_equal(wait_of(&table, 77, START * 2), 0);

    table_free(&table);
}


static void
throttle_overdrawn(void **state)
{
    int              i;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 1);

    for (i = 0; i < BURST + 1 + 10; i++) {
        stok_throttle_fail(&table, 5, START, STEP, MOST);
    }

    assert_int_equal(wait_of(&table, 5, START), 11 * STEP);

    /* but not for ever; who may overdraw further does not lose it */

    for (i = 0; i < 100; i++) {
        stok_throttle_fail(&table, 5, START, STEP, (BURST + 20) * STEP);
    }

    assert_int_equal(wait_of(&table, 5, START), 20 * STEP);

    stok_throttle_fail(&table, 5, START, STEP, STEP);
    assert_int_equal(wait_of(&table, 5, START), 20 * STEP);

    table_free(&table);
}


/* a full set: who is nearest to empty goes, and who is not stays */

static void
throttle_full(void **state)
{
    int              i;
    uint64_t         key;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 1);

    for (i = 0; i < 20; i++) {
        stok_throttle_fail(&table, 1, START, STEP, MOST);
    }

    for (key = 2; key < 1000; key++) {
        stok_throttle_fail(&table, key, START, STEP, MOST);
        assert_int_equal(stok_throttle_wait(&table, key, START, STEP, 0),
                         STEP);
    }

    assert_int_equal(stok_throttle_wait(&table, 1, START, STEP, 0),
                     20 * STEP);

    table_free(&table);
}


static void
throttle_sets(void **state)
{
    uint64_t         n, key;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 64);

    /* 64 sets, a key for each: none pushes out another */

    for (n = 0; n < 64; n++) {
        key = n << 58 | 1;
        stok_throttle_fail(&table, key, START, STEP, MOST);
    }

    for (n = 0; n < 64; n++) {
        key = n << 58 | 1;
        assert_int_equal(stok_throttle_wait(&table, key, START, STEP, 0),
                         STEP);
        assert_int_equal(atomic_load(&table.set[n].key[1]), 0);
    }

    stok_throttle_fail(&table, UINT64_MAX, START, STEP, MOST);
    assert_int_equal(atomic_load(&table.set[63].key[1]), UINT64_MAX);

    table_free(&table);
}


/* two processes, one key: each failure is counted */

/* of keys that are spread over all sets, some of which overdrew */

static void
throttle_tally(void **state)
{
    uint64_t         i, k, key, failing, over;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 100);

    for (i = 0; i < 200; i++) {
        key = (i % 100 * (UINT32_MAX / 100) + 1000) << 32 | (i + 1);

        for (k = 0; k <= (i < 50 ? BURST : 0); k++) {
            stok_throttle_fail(&table, key, START, STEP, MOST);
        }
    }

    failing = 7;
    over = 9;

    stok_throttle_tally(&table, 100, START, STEP, BURST, &failing, &over);
    assert_int_equal(failing, 7 + 200);
    assert_int_equal(over, 9 + 50);

    /* of one set in ten */

    failing = 0;
    over = 0;

    stok_throttle_tally(&table, 10, START, STEP, BURST, &failing, &over);
    assert_int_equal(failing, 200);
    assert_int_equal(over, 50);

    /* what leaked out is not counted */

    failing = 0;
    over = 0;

    stok_throttle_tally(&table, 1000, START + STEP, STEP, BURST, &failing,
                        &over);
    assert_int_equal(failing, 50);
    assert_int_equal(over, 0);

    table_free(&table);
}


static void
throttle_processes(void **state)
{
    int              i, status;
    pid_t            pid;
    stok_throttle_t  table;

    (void) state;

    table_new(&table, 1);
    stok_throttle_fail(&table, 9, START, STEP, MOST);

    pid = fork();
    assert_true(pid >= 0);

    for (i = 0; i < 100000; i++) {
        stok_throttle_fail(&table, 9, START, STEP, MOST);
    }

    if (pid == 0) {
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(stok_throttle_wait(&table, 9, START, STEP, 0),
                     200001 * STEP);

    table_free(&table);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(throttle_fit),
        cmocka_unit_test(throttle_exact),
        cmocka_unit_test(throttle_overdrawn),
        cmocka_unit_test(throttle_full),
        cmocka_unit_test(throttle_sets),
        cmocka_unit_test(throttle_tally),
        cmocka_unit_test(throttle_processes)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
