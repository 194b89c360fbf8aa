/*
 * The Authorization header: the table of RFC 6750 and RFC 9110, and every
 * byte at every kind of place against a reference written from the grammar.
 */


#include "guard.h"

#include "stok_bearer.h"


typedef struct {
    const char  *value;
    int          rc;
    const char  *token;
} bearer_case_t;


static const bearer_case_t bearer_cases[] = {

    /* no credentials, or another scheme */

    { "", STOK_DECLINED, "" },
    { "B", STOK_DECLINED, "" },
    { "Beare", STOK_DECLINED, "" },
    { "Basic dXNlcjpwYXNz", STOK_DECLINED, "" },
    { "Bearers abc", STOK_DECLINED, "" },
    { "Bearerabc", STOK_DECLINED, "" },
    { "Bearer-x abc", STOK_DECLINED, "" },
    { "XBearer abc", STOK_DECLINED, "" },
    { " Bearer abc", STOK_DECLINED, "" },
    { "\tBearer abc", STOK_DECLINED, "" },
    { "abc", STOK_DECLINED, "" },
    { "Digest username=\"a\"", STOK_DECLINED, "" },
    { ",", STOK_DECLINED, "" },
    { "bea\022er abc", STOK_DECLINED, "" },
    { "\342earer abc", STOK_DECLINED, "" },

    /* the scheme in any case of letters */

    { "Bearer abc", STOK_OK, "abc" },
    { "bearer abc", STOK_OK, "abc" },
    { "BEARER abc", STOK_OK, "abc" },
    { "bEaReR abc", STOK_OK, "abc" },

    /* one or more spaces, nothing else */

    { "Bearer  abc", STOK_OK, "abc" },
    { "Bearer          abc", STOK_OK, "abc" },
    { "Bearer\tabc", STOK_INVALID, "" },
    { "Bearer \tabc", STOK_INVALID, "" },
    { "Bearer", STOK_INVALID, "" },
    { "Bearer ", STOK_INVALID, "" },
    { "Bearer    ", STOK_INVALID, "" },
    { "Bearer,abc", STOK_INVALID, "" },
    { "Bearer=abc", STOK_INVALID, "" },
    { "Bearer\r\nabc", STOK_INVALID, "" },

    /* b64token */

    { "Bearer a", STOK_OK, "a" },
    { "Bearer azAZ09-._~+/", STOK_OK, "azAZ09-._~+/" },
    { "Bearer abc=", STOK_OK, "abc=" },
    { "Bearer abc====", STOK_OK, "abc====" },
    { "Bearer =", STOK_INVALID, "" },
    { "Bearer =abc", STOK_INVALID, "" },
    { "Bearer a=b", STOK_INVALID, "" },
    { "Bearer a==b=", STOK_INVALID, "" },
    { "Bearer abc def", STOK_INVALID, "" },
    { "Bearer abc ", STOK_INVALID, "" },
    { "Bearer abc\t", STOK_INVALID, "" },
    { "Bearer abc,", STOK_INVALID, "" },
    { "Bearer abc, Basic eA==", STOK_INVALID, "" },
    { "Bearer \"abc\"", STOK_INVALID, "" },
    { "Bearer token=abc", STOK_INVALID, "" },
    { "Bearer a:b", STOK_INVALID, "" },
    { "Bearer ab\303\251", STOK_INVALID, "" },
    { "Bearer \377", STOK_INVALID, "" }
};


/* the grammar, as sets of characters in words */

static const char bearer_alnum[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";


static int
bearer_in(const char *set, int ch)
{
    return ch != 0 && strchr(set, ch) != NULL;
}


static int
bearer_tchar(int ch)
{
    return bearer_in(bearer_alnum, ch) || bearer_in("!#$%&'*+-.^_`|~", ch);
}


static int
bearer_reference_token(const char *p, size_t len)
{
    size_t  n;

    if (len > 512) {
        return STOK_INVALID;
    }

    for (n = len; n > 0 && p[n - 1] == '='; n--) { /* void */ }

    if (n == 0) {
        return STOK_INVALID;
    }

    while (n > 0) {
        n--;

        if (!bearer_in(bearer_alnum, p[n]) && !bearer_in("-._~+/", p[n])) {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


static int
bearer_reference(const char *p, size_t len, size_t *at)
{
    size_t       i, scheme;
    const char  *upper = "BEARER", *lower = "bearer";

    *at = 0;

    for (scheme = 0; scheme < len && bearer_tchar(p[scheme]); scheme++) {
        /* void */
    }

    if (scheme != 6) {
        return STOK_DECLINED;
    }

    for (i = 0; i < 6; i++) {
        if (p[i] != upper[i] && p[i] != lower[i]) {
            return STOK_DECLINED;
        }
    }

    for (i = 6; i < len && p[i] == ' '; i++) { /* void */ }

    if (i == 6) {
        return STOK_INVALID;
    }

    *at = i;

    return bearer_reference_token(p + i, len - i);
}


static void
bearer_compare(guard_t *guard, const char *value, size_t len)
{
    int          rc, want, k;
    char        *p;
    size_t       at;
    stok_str_t   token;

    want = bearer_reference(value, len, &at);

    for (k = 0; k < 2; k++) {
        p = k ? guard_head(guard, value, len) : guard_tail(guard, value, len);

        rc = stok_bearer_parse(p, len, &token);

        if (rc != want) {
            print_error("\"%.*s\"\n", (int) len, value);
        }

        assert_int_equal(rc, want);

        if (rc == STOK_OK) {
            assert_ptr_equal(token.data, p + at);
            assert_int_equal(token.len, len - at);

        } else {
            assert_int_equal(token.len, 0);
        }
    }
}


static void
bearer_table(void **state)
{
    char                 *p;
    size_t                i, len;
    guard_t              *guard;
    stok_str_t            token;
    const bearer_case_t  *c;

    guard = *state;

    for (i = 0; i < sizeof(bearer_cases) / sizeof(bearer_cases[0]); i++) {
        c = &bearer_cases[i];
        len = strlen(c->value);
        p = guard_tail(guard, c->value, len);

        if (stok_bearer_parse(p, len, &token) != c->rc) {
            fail_msg("\"%s\" is not %d", c->value, c->rc);
        }

        assert_int_equal(token.len, strlen(c->token));
        assert_memory_equal(token.data, c->token, token.len);

        bearer_compare(guard, c->value, len);
    }

    assert_int_equal(stok_bearer_parse(NULL, 0, &token), STOK_DECLINED);
    assert_int_equal(token.len, 0);
}


/* every byte instead of, before and after each byte of these */

static void
bearer_bytes(void **state)
{
    int          byte;
    char         text[64];
    size_t       i, k, len;
    guard_t     *guard;
    const char  *bases[] = { "Bearer abc.d==", "bearer  a", "Bearer ab=",
                             "Basic abc", "Bearer " };

    guard = *state;

    for (k = 0; k < sizeof(bases) / sizeof(bases[0]); k++) {
        len = strlen(bases[k]);

        for (i = 0; i <= len; i++) {
            for (byte = 0; byte < 256; byte++) {
                memcpy(text, bases[k], len);

                if (i < len) {
                    text[i] = (char) byte;
                    bearer_compare(guard, text, len);
                }

                memcpy(text, bases[k], i);
                text[i] = (char) byte;
                memcpy(text + i + 1, bases[k] + i, len - i);
                bearer_compare(guard, text, len + 1);
            }
        }
    }
}


/* every byte as the first, a middle and the last one of a token */

static void
bearer_token_bytes(void **state)
{
    int       byte;
    char     *p, text[16];
    size_t    i, len;
    guard_t  *guard;

    guard = *state;

    for (len = 1; len <= 5; len++) {
        for (i = 0; i < len; i++) {
            for (byte = 0; byte < 256; byte++) {
                memset(text, 'a', sizeof(text));
                text[i] = (char) byte;

                p = guard_tail(guard, text, len);

                assert_int_equal(stok_bearer_check(p, len),
                                 bearer_reference_token(text, len));

                p = guard_head(guard, text, len);

                assert_int_equal(stok_bearer_check(p, len),
                                 bearer_reference_token(text, len));
            }
        }
    }
}


static void
bearer_length(void **state)
{
    char        *p, text[1024];
    size_t       len;
    guard_t     *guard;
    stok_str_t   token;

    guard = *state;

    memset(text, 'a', sizeof(text));

    for (len = 1; len < 600; len++) {
        p = guard_tail(guard, text, len);

        assert_int_equal(stok_bearer_check(p, len),
                         len <= 512 ? STOK_OK : STOK_INVALID);

        memcpy(text, "Bearer ", 7);
        bearer_compare(guard, text, 7 + len);
        memset(text, 'a', 7);
    }

    assert_int_equal(stok_bearer_check(text, 0), STOK_INVALID);

    /* "=" counts, the spaces before do not */

    memset(text + 500, '=', 100);
    assert_int_equal(stok_bearer_check(text, 512), STOK_OK);
    assert_int_equal(stok_bearer_check(text, 513), STOK_INVALID);

    memset(text, ' ', sizeof(text));
    memcpy(text, "Bearer", 6);
    memset(text + 512, 'a', 512);
    assert_int_equal(stok_bearer_parse(text, 1024, &token), STOK_OK);
    assert_int_equal(token.len, 512);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(bearer_table, &guard),
        cmocka_unit_test_prestate(bearer_bytes, &guard),
        cmocka_unit_test_prestate(bearer_token_bytes, &guard),
        cmocka_unit_test_prestate(bearer_length, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("bearer", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
