/*
 * A rate of accepted requests, against a simple count: a bucket of tokens that
 * is filled continuously.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "stok_limit.h"


#define SECOND  1000000


static void
test_burst(void **state)
{
    uint32_t      i;
    uint64_t      word;
    stok_rate_t   rate = { 10, 1 };
    stok_limit_t  limit;

    (void) state;

    word = 0;

    for (i = 0; i < 6; i++) {
        assert_int_equal(stok_limit_take(&rate, 5, SECOND, &word, &limit),
                         STOK_OK);
        assert_int_equal(limit.left, 5 - i);
        assert_int_equal(limit.retry, i < 5 ? 0 : SECOND / 10);
    }

    assert_int_equal(stok_limit_take(&rate, 5, SECOND, &word, &limit),
                     STOK_DECLINED);
    assert_int_equal(limit.left, 0);
    assert_int_equal(limit.retry, SECOND / 10);

    /* not a moment before, and then one */

    assert_int_equal(stok_limit_take(&rate, 5, SECOND + SECOND / 10 - 1, &word,
                                     &limit), STOK_DECLINED);
    assert_int_equal(limit.retry, 1);
    assert_int_equal(stok_limit_take(&rate, 5, SECOND + SECOND / 10, &word,
                                     &limit), STOK_OK);
    assert_int_equal(stok_limit_take(&rate, 5, SECOND + SECOND / 10, &word,
                                     &limit), STOK_DECLINED);
}


/* every rate and burst, with requests at random: as many as the bucket has */

static void
test_product(void **state)
{
    int           rc;
    double        bucket;
    uint32_t      burst, requests, seconds, n;
    uint64_t      word, now, last, step;
    stok_rate_t   rate;
    stok_limit_t  limit;

    (void) state;

    srand(1);

    for (seconds = 1; seconds <= 60; seconds += 59) {
        for (requests = 1; requests <= 1000; requests *= 10) {
            for (burst = 0; burst <= 20; burst += 5) {

                rate.requests = requests;
                rate.seconds = seconds;
                step = (uint64_t) seconds * SECOND / requests;
                now = SECOND;
                last = now;
                word = 0;
                bucket = burst + 1;

                for (n = 0; n < 2000; n++) {
                    now += (uint64_t) rand() % (2 * step) / (1 + n % 3);
                    bucket += (double) (now - last) / (double) step;
                    bucket = bucket > burst + 1 ? burst + 1 : bucket;
                    last = now;

                    rc = stok_limit_take(&rate, burst, now, &word, &limit);

                    if (bucket >= 1.001) {
                        assert_int_equal(rc, STOK_OK);

                    } else if (bucket < 0.999) {
                        assert_int_equal(rc, STOK_DECLINED);
                        assert_true(limit.retry > 0 && limit.retry <= step);
                    }

                    bucket -= rc == STOK_OK;
                    assert_true(limit.left <= burst);
                }
            }
        }
    }
}


/* a clock that began anew: no longer than a full burst */

static void
test_future(void **state)
{
    uint64_t      word;
    stok_rate_t   rate = { 1, 60 };
    stok_limit_t  limit;

    (void) state;

    word = UINT64_MAX;

    assert_int_equal(stok_limit_take(&rate, 3, SECOND, &word, &limit),
                     STOK_DECLINED);
    assert_int_equal(limit.retry, (uint64_t) 60 * SECOND);
}


/* the largest of everything does not turn round */

static void
test_largest(void **state)
{
    uint64_t      word;
    stok_rate_t   rate = { 1, 60 };
    stok_limit_t  limit;

    (void) state;

    word = 0;

    assert_int_equal(stok_limit_take(&rate, UINT32_MAX - 1, SECOND, &word,
                                     &limit), STOK_OK);
    assert_int_equal(limit.left, UINT32_MAX - 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_future),
        cmocka_unit_test(test_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
