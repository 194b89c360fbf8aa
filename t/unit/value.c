/*
 * Single values of the schema: dates, names, ids and words.
 */


#include "guard.h"

#include "stok_record.h"


#define value_count(a)  (sizeof(a) / sizeof((a)[0]))


static stok_str_t
value_str(const char *data, size_t len)
{
    stok_str_t  str;

    str.data = data;
    str.len = len;

    return str;
}


static void
value_dates(void **state)
{
    char        *p;
    size_t       i, len;
    int64_t      date;
    guard_t     *guard;

    static const struct {
        const char  *text;
        int          rc;
        int64_t      date;
    } cases[] = {
        { "0", STOK_OK, 0 },
        { "1", STOK_OK, 1 },
        { "2147483648", STOK_OK, 2147483648 },
        { "253402300799", STOK_OK, 253402300799 },
        { "253402300800", STOK_INVALID, 0 },
        { "999999999999", STOK_INVALID, 0 },
        { "1000000000000", STOK_INVALID, 0 },
        { "18446744073709551617", STOK_INVALID, 0 },
        { "", STOK_INVALID, 0 },
        { "-0", STOK_INVALID, 0 },
        { "+1", STOK_INVALID, 0 },
        { " 1", STOK_INVALID, 0 },
        { "1 ", STOK_INVALID, 0 },
        { "00", STOK_INVALID, 0 },
        { "01", STOK_INVALID, 0 },
        { "1.0", STOK_INVALID, 0 },
        { "1e9", STOK_INVALID, 0 },
        { "0x1", STOK_INVALID, 0 },
        { "/", STOK_INVALID, 0 },
        { ":", STOK_INVALID, 0 }
    };

    guard = *state;

    for (i = 0; i < value_count(cases); i++) {
        len = strlen(cases[i].text);
        p = guard_tail(guard, cases[i].text, len);
        date = -7;

        assert_int_equal(stok_date_parse(value_str(p, len), &date),
                         cases[i].rc);
        assert_int_equal(date, cases[i].rc == STOK_OK ? cases[i].date : -7);
    }
}


/* RFC 3629 as its table, byte ranges of well-formed characters */

static size_t
value_utf8(const uint8_t *p, size_t len)
{
    size_t  i, k;

    static const struct {
        uint8_t  low[4];
        uint8_t  high[4];
        size_t   n;
    } rows[] = {
        { { 0x20 }, { 0x7e }, 1 },
        { { 0xc2, 0xa0 }, { 0xc2, 0xbf }, 2 },
        { { 0xc3, 0x80 }, { 0xdf, 0xbf }, 2 },
        { { 0xe0, 0xa0, 0x80 }, { 0xe0, 0xbf, 0xbf }, 3 },
        { { 0xe1, 0x80, 0x80 }, { 0xec, 0xbf, 0xbf }, 3 },
        { { 0xed, 0x80, 0x80 }, { 0xed, 0x9f, 0xbf }, 3 },
        { { 0xee, 0x80, 0x80 }, { 0xef, 0xbf, 0xbf }, 3 },
        { { 0xf0, 0x90, 0x80, 0x80 }, { 0xf0, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf1, 0x80, 0x80, 0x80 }, { 0xf3, 0xbf, 0xbf, 0xbf }, 4 },
        { { 0xf4, 0x80, 0x80, 0x80 }, { 0xf4, 0x8f, 0xbf, 0xbf }, 4 }
    };

    for (k = 0; k < value_count(rows); k++) {

        for (i = 0; i < rows[k].n && i < len; i++) {
            if (p[i] < rows[k].low[i] || p[i] > rows[k].high[i]) {
                break;
            }
        }

        if (i == rows[k].n) {
            return i;
        }
    }

    return 0;
}


static int
value_name(const uint8_t *p, size_t len)
{
    size_t  i, n, chars;

    for (i = 0, chars = 0; i < len; i += n, chars++) {
        n = value_utf8(p + i, len - i);

        if (n == 0) {
            return STOK_INVALID;
        }
    }

    return chars >= 1 && chars <= 255 ? STOK_OK : STOK_INVALID;
}


static void
value_name_compare(guard_t *guard, const uint8_t *text, size_t len)
{
    char  *p;

    p = guard_tail(guard, text, len);

    if (stok_name_check(value_str(p, len)) != value_name(text, len)) {
        fail_msg("%d bytes: %02x %02x %02x %02x", (int) len, text[0],
                 text[1], text[2], text[3]);
    }
}


static void
value_names(void **state)
{
    unsigned        a, b, c, d;
    uint8_t         text[4];

    static const uint8_t  edges[] = {
        0x00, 0x1f, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
        0xc2, 0xe0, 0xff
    };

    for (a = 0; a < 256; a++) {
        text[0] = (uint8_t) a;
        value_name_compare(*state, text, 1);

        for (b = 0; b < 256; b++) {
            text[1] = (uint8_t) b;
            value_name_compare(*state, text, 2);

            for (c = 0; c < sizeof(edges); c++) {
                text[2] = edges[c];
                value_name_compare(*state, text, 3);

                for (d = 0; a >= 0xe0 && d < sizeof(edges); d++) {
                    text[3] = edges[d];
                    value_name_compare(*state, text, 4);
                }
            }
        }
    }
}


/* 255 characters of each length; one more is too many */

static void
value_name_lengths(void **state)
{
    char         text[4 * 256], *p;
    size_t       i, k, n;
    guard_t     *guard;
    const char  *chars[] = { "a", "\303\266", "\342\202\254",
                             "\364\217\277\277" };

    guard = *state;

    for (k = 0; k < 4; k++) {
        n = strlen(chars[k]);

        for (i = 0; i < 256; i++) {
            memcpy(text + i * n, chars[k], n);
        }

        p = guard_tail(guard, text, 255 * n);
        assert_int_equal(stok_name_check(value_str(p, 255 * n)), STOK_OK);

        p = guard_tail(guard, text, 256 * n);
        assert_int_equal(stok_name_check(value_str(p, 256 * n)),
                         STOK_INVALID);
    }

    assert_int_equal(stok_name_check(value_str(NULL, 0)), STOK_INVALID);
}


static void
value_ids(void **state)
{
    int         ch, k, want;
    char        text[3], *p;
    size_t      i;
    guard_t    *guard;
    stok_str_t  str;

    int  (*checks[])(stok_str_t) = { stok_record_id_check,
                                     stok_user_id_check, stok_scope_check };

    guard = *state;

    for (k = 0; k < 3; k++) {
        for (i = 0; i < 3; i++) {
            for (ch = 0; ch < 256; ch++) {
                memset(text, 'a', sizeof(text));
                text[i] = (char) ch;
                p = guard_tail(guard, text, sizeof(text));
                str = value_str(p, sizeof(text));

                want = ch >= 0x21 && ch <= 0x7e ? STOK_OK : STOK_INVALID;
                assert_int_equal(checks[k](str), want);
            }
        }

        assert_int_equal(checks[k](value_str(NULL, 0)), STOK_INVALID);
    }
}


static void
value_rates(void **state)
{
    char         *p;
    size_t        i, len;
    stok_rate_t   rate;

    static const struct {
        const char  *text;
        int          rc;
        uint32_t     requests;
        uint32_t     seconds;
    } cases[] = {
        { "1r/s", STOK_OK, 1, 1 },
        { "100r/s", STOK_OK, 100, 1 },
        { "600r/m", STOK_OK, 600, 60 },
        { "1000000r/m", STOK_OK, 1000000, 60 },
        { "1000001r/s", STOK_INVALID, 0, 0 },
        { "10000000r/s", STOK_INVALID, 0, 0 },
        { "0r/s", STOK_INVALID, 0, 0 },
        { "01r/s", STOK_INVALID, 0, 0 },
        { "-1r/s", STOK_INVALID, 0, 0 },
        { " 1r/s", STOK_INVALID, 0, 0 },
        { "1 r/s", STOK_INVALID, 0, 0 },
        { "1.5r/s", STOK_INVALID, 0, 0 },
        { "r/s", STOK_INVALID, 0, 0 },
        { "1r/h", STOK_INVALID, 0, 0 },
        { "1R/s", STOK_INVALID, 0, 0 },
        { "1r/s ", STOK_INVALID, 0, 0 },
        { "1r/", STOK_INVALID, 0, 0 },
        { "100", STOK_INVALID, 0, 0 },
        { "1", STOK_INVALID, 0, 0 },
        { "", STOK_INVALID, 0, 0 }
    };

    for (i = 0; i < value_count(cases); i++) {
        len = strlen(cases[i].text);
        p = guard_tail(*state, cases[i].text, len);
        memset(&rate, 0, sizeof(rate));

        if (stok_rate_parse(value_str(p, len), &rate) != cases[i].rc) {
            fail_msg("\"%s\"", cases[i].text);
        }

        assert_int_equal(rate.requests, cases[i].requests);
        assert_int_equal(rate.seconds, cases[i].seconds);
    }
}


static void
value_words(void **state)
{
    stok_str_t  word;

    (void) state;

    word = stok_type_name(STOK_TYPE_PERSONAL);
    assert_memory_equal(word.data, "personal", word.len);
    word = stok_token_status_name(STOK_TOKEN_REVOKED);
    assert_memory_equal(word.data, "revoked", word.len);
    word = stok_user_kind_name(STOK_USER_HUMAN);
    assert_memory_equal(word.data, "human", word.len);
    word = stok_user_status_name(STOK_USER_DELETED);
    assert_memory_equal(word.data, "deleted", word.len);

    assert_int_equal(stok_type_name(0).len, 0);
    assert_int_equal(stok_type_name(STOK_TYPE_ANY).len, 0);
    assert_int_equal(stok_token_status_name(3).len, 0);
    assert_int_equal(stok_user_kind_name(255).len, 0);
    assert_int_equal(stok_user_status_name(5).len, 0);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(value_dates, &guard),
        cmocka_unit_test_prestate(value_names, &guard),
        cmocka_unit_test_prestate(value_name_lengths, &guard),
        cmocka_unit_test_prestate(value_ids, &guard),
        cmocka_unit_test_prestate(value_rates, &guard),
        cmocka_unit_test_prestate(value_words, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("value", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
