/*
 * A string, or an array of strings, that has come whole is read in place;
 * all else is left to another reader, and no byte beyond is looked at.
 */


#include "guard.h"

#include "stok_resp.h"


#define RESP_MAX  4


static const struct {
    const char  *text;
    size_t       n;
    int          array;
    const char  *str[RESP_MAX];
} resp_good[] = {
    { "$1\r\n1\r\n", 1, 0, { "1" } },
    { "$12\r\nhello, world\r\n", 1, 0, { "hello, world" } },
    { "$4\r\na\r\nb\r\n", 1, 0, { "a\r\nb" } },
    { "*1\r\n$2\r\nid\r\n", 1, 1, { "id" } },
    { "*2\r\n$2\r\nid\r\n$5\r\ntok_1\r\n", 2, 1, { "id", "tok_1" } },
    { "*2\r\n$0\r\n\r\n$3\r\n$1\r\r\n", 2, 1, { "", "$1\r" } },
    { "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n", 4, 1,
      { "a", "b", "c", "d" } },
    { "*2\r\n$1\r\n2\r\n$-1\r\n", 2, STOK_RESP_NILS, { "2", NULL } },
    { "*3\r\n$-1\r\n$-1\r\n$1\r\n2\r\n", 3, STOK_RESP_NILS,
      { NULL, NULL, "2" } }
};

static const char *resp_other[] = {
    "$-1\r\n_______",
    "$\r\n\r\n_______",
    "$:\r\nx\r\n_______",
    "$1\n1\r\n_______",
    "$1\rx1\r\n_______",
    "$1\r\n12\r\n_______",
    "$1\r\n1\n\n_______",
    "$1x\r\n1\r\n_______",
    "$05\r\nhello\r\n",                          /* hiredis refuses these */
    "$00\r\n\r\n_______",
    "$0001\r\na\r\n",
    "*01\r\n$1\r\na\r\n",
    "$00001\r\n1\r\n_______",
    "$9999\r\nno such length\r\n",
    "$99999\r\nno such length\r\n",
    "$18446744073709551615\r\nx\r\n",
    "+OK\r\n_______",
    ":1000000\r\n",
    "-ERR what\r\n",
    "*-1\r\n_______",
    "*5\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n",
    "*2\r\n$1\r\na\r\n:1\r\n_______",
    "*2\r\n$1\r\na\r\n$-2\r\n_______",
    "*2\r\n$1\r\na\r\n$-1\n\r_______",
    "*2\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n",
    "*1\r\n*1\r\n$1\r\nb\r\n",
    "%1\r\n$1\r\na\r\n$1\r\nb\r\n",
    "$1\r\n1\r",
    "*0\r\n",
    "*",
    ""
};


static size_t
resp_read(guard_t *guard, const char *text, size_t len, stok_str_t *str,
    size_t *n, int *array)
{
    char  *p;

    p = guard->end - len;
    memcpy(p, text, len);

    return stok_resp_strings(p, len, str, RESP_MAX, n, array);
}


static void
test_good(void **state)
{
    int         array;
    char        text[128];
    size_t      i, k, n, len;
    guard_t     guard;
    stok_str_t  str[RESP_MAX];

    (void) state;

    guard_create(&guard);

    for (i = 0; i < sizeof(resp_good) / sizeof(resp_good[0]); i++) {
        len = strlen(resp_good[i].text);

        /* with another reply behind it, and without */

        memcpy(text, resp_good[i].text, len);
        memcpy(text + len, "$1\r\n1\r\n", 7);

        for (k = 0; k < 2; k++) {
            assert_int_equal(resp_read(&guard, text, len + k * 7, str, &n,
                                       &array), len);
            assert_int_equal(n, resp_good[i].n);
            assert_int_equal(array, resp_good[i].array);
        }

        for (k = 0; k < n; k++) {

            if (resp_good[i].str[k] == NULL) {
                assert_null(str[k].data);
                continue;
            }

            assert_int_equal(str[k].len, strlen(resp_good[i].str[k]));
            assert_memory_equal(str[k].data, resp_good[i].str[k],
                                str[k].len);
        }

        /* in part */

        for (k = 0; k < len; k++) {
            assert_int_equal(resp_read(&guard, text, k, str, &n, &array), 0);
        }
    }

    /* no hash at all, and the answer to the next command */

    assert_int_equal(resp_read(&guard, "*0\r\n$1\r\n1\r\n", 11, str, &n,
                               &array), 4);
    assert_int_equal(n, 0);
    assert_int_equal(array, 1);
}


static void
test_other(void **state)
{
    int         array;
    size_t      i, n;
    guard_t     guard;
    stok_str_t  str[RESP_MAX];

    (void) state;

    guard_create(&guard);

    for (i = 0; i < sizeof(resp_other) / sizeof(resp_other[0]); i++) {
        assert_int_equal(resp_read(&guard, resp_other[i],
                                   strlen(resp_other[i]), str, &n, &array),
                         0);
    }
}


/* the longest that is read, and one byte more */

static void
test_length(void **state)
{
    int         array;
    char        text[10100];
    size_t      n;
    guard_t     guard;
    stok_str_t  str[RESP_MAX];

    (void) state;

    guard_create(&guard);

    memset(text, 'x', sizeof(text));
    memcpy(text, "$9999\r\n", 7);
    memcpy(text + 7 + 9999, "\r\n", 2);

    assert_int_equal(resp_read(&guard, text, 7 + 9999 + 2, str, &n, &array),
                     7 + 9999 + 2);
    assert_int_equal(str[0].len, 9999);

    memset(text, 'x', sizeof(text));
    memcpy(text, "$10000\r\n", 8);
    memcpy(text + 8 + 10000, "\r\n", 2);

    assert_int_equal(resp_read(&guard, text, 8 + 10000 + 2, str, &n, &array),
                     0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_other),
        cmocka_unit_test(test_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
