/*
 * Keys of the invalidation stream: what each stands for, and that anything
 * else is unknown, so that the epoch is raised rather than a change missed.
 */


#include "guard.h"

#include "stok_record.h"
#include "stok_watch.h"


#define HEX   "00112233445566778899aabbccddeeff"                             \
              "ffeeddccbbaa99887766554433221100"


static stok_str_t  watch_prefix = stok_string("{st}:");


/* behind an unreadable page, and then before one */

static stok_watch_e
watch_parse(guard_t *guard, stok_str_t prefix, const char *key, size_t len,
    stok_watch_t *watch)
{
    stok_watch_e  kind;

    kind = stok_watch_parse(prefix, guard_head(guard, key, len), len, watch);

    assert_int_equal(kind, stok_watch_parse(prefix,
                                            guard_tail(guard, key, len),
                                            len, watch));
    return kind;
}


static void
watch_known(void **state)
{
    size_t         i;
    guard_t        guard;
    stok_watch_t   watch;

    static const struct {
        const char    *key;
        stok_watch_e   kind;
        const char    *text;
        uint64_t       tick;
    } cases[] = {
        { "{st}:user:a", STOK_WATCH_USER, "a", 0 },
        { "{st}:user:ci@service", STOK_WATCH_USER, "ci@service", 0 },
        { "{st}:user:user:", STOK_WATCH_USER, "user:", 0 },
        { "{st}:watch:tick:0", STOK_WATCH_TICK, "", 0 },
        { "{st}:watch:tick:1", STOK_WATCH_TICK, "", 1 },
        { "{st}:watch:tick:9223372036854775807", STOK_WATCH_TICK, "",
          INT64_MAX },
        { "{st}:watch:mark:5f", STOK_WATCH_MARK, "5f", 0 }
    };

    (void) state;

    guard_create(&guard);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(watch_parse(&guard, watch_prefix, cases[i].key,
                                     strlen(cases[i].key), &watch),
                         cases[i].kind);

        assert_int_equal(watch.text.len, strlen(cases[i].text));

        if (watch.text.len) {
            assert_memory_equal(watch.text.data, cases[i].text,
                                watch.text.len);
        }

        assert_true(watch.tick == cases[i].tick);
    }

    guard_destroy(&guard);
}


static void
watch_token(void **state)
{
    size_t         i;
    guard_t        guard;
    stok_str_t     none = { NULL, 0 };
    stok_watch_t   watch;

    (void) state;

    guard_create(&guard);

    assert_int_equal(watch_parse(&guard, watch_prefix, "{st}:token:" HEX,
                                 sizeof("{st}:token:" HEX) - 1, &watch),
                     STOK_WATCH_TOKEN);

    for (i = 0; i < 16; i++) {
        assert_int_equal(watch.digest[i], i * 0x11);
        assert_int_equal(watch.digest[31 - i], i * 0x11);
    }

    assert_int_equal(watch_parse(&guard, none, "token:" HEX,
                                 sizeof("token:" HEX) - 1, &watch),
                     STOK_WATCH_TOKEN);

    guard_destroy(&guard);
}


static void
watch_unknown(void **state)
{
    size_t         i;
    guard_t        guard;
    stok_watch_t   watch;

    static const char  *keys[] = {
        "", "{", "{st}:", "{st}", "x", "user:a", "{sT}:user:a",
        "{st}:user:", "{st}:user", "{st}:users", "{st}:meta",
        "{st}:token:", "{st}:token:" HEX "0",
        "{st}:token:0" "0112233445566778899AABBCCDDEEFF"
                       "ffeeddccbbaa99887766554433221100",
        "{st}:token:0g112233445566778899aabbccddeeff"
                       "ffeeddccbbaa99887766554433221100",
        "{st}:token:00112233445566778899aabbccddeeff"
                       "ffeeddccbbaa998877665544332211",
        "{st}:watch:", "{st}:watch:tick:", "{st}:watch:mark:",
        "{st}:watch:tick:-1", "{st}:watch:tick:1 ", "{st}:watch:tick:1x",
        "{st}:watch:tick:9223372036854775808",
        "{st}:watch:tick:18446744073709551616",
        "{st}:watch:tick:18446744073709551617",
        "{st}:watch:tock:1", "{st}:Watch:tick:1"
    };

    (void) state;

    guard_create(&guard);

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(watch_parse(&guard, watch_prefix, keys[i],
                                     strlen(keys[i]), &watch),
                         STOK_WATCH_UNKNOWN);
        assert_int_equal(watch.text.len, 0);
        assert_true(watch.tick == 0);
    }

    guard_destroy(&guard);
}


/* a longer id is not a user's; its key is not looked up cut */

static void
watch_long(void **state)
{
    char           key[512];
    size_t         n;
    guard_t        guard;
    stok_watch_t   watch;

    (void) state;

    guard_create(&guard);

    n = sizeof("{st}:user:") - 1;
    memcpy(key, "{st}:user:", n);
    memset(key + n, 'u', sizeof(key) - n);

    assert_int_equal(watch_parse(&guard, watch_prefix, key,
                                 n + STOK_USER_ID_MAX, &watch),
                     STOK_WATCH_USER);
    assert_int_equal(watch.text.len, STOK_USER_ID_MAX);

    assert_int_equal(watch_parse(&guard, watch_prefix, key,
                                 n + STOK_USER_ID_MAX + 1, &watch),
                     STOK_WATCH_UNKNOWN);

    guard_destroy(&guard);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(watch_known),
        cmocka_unit_test(watch_token),
        cmocka_unit_test(watch_unknown),
        cmocka_unit_test(watch_long)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
