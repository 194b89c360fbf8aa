/*
 * Whether two strings are the same: every length, a difference at every byte,
 * and no byte read outside.
 */


#include "guard.h"

#include "stok.h"


#define SAME_MAX  70


static void
same_lengths(void **state)
{
    char        text[SAME_MAX], *p;
    size_t      i, len, off;
    guard_t    *guard, other;

    guard = *state;
    guard_create(&other);

    for (i = 0; i < sizeof(text); i++) {
        text[i] = (char) (i * 37 + 11);
    }

    for (len = 0; len <= sizeof(text); len++) {
        p = guard_tail(guard, text, len);

        assert_true(stok_same(p, guard_tail(&other, text, len), len));
        assert_true(stok_same(p, guard_head(&other, text, len), len));

        for (off = 0; off < len; off++) {
            text[off] ^= 0x40;
            assert_false(stok_same(p, guard_tail(&other, text, len), len));
            assert_false(stok_same(guard_head(&other, text, len), p, len));
            text[off] ^= 0x40;
        }
    }

    guard_destroy(&other);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(same_lengths, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("same", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
