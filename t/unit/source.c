/*
 * Tokens at other places: what is found, what is sent twice, what cannot be
 * read; and no byte outside is looked at.
 */


#include "guard.h"

#include "stok_source.h"


typedef struct {
    const char  *in;
    int          rc;
    const char  *text;
} source_case_t;


typedef int (*source_find_pt)(const char *p, size_t len, stok_str_t *text);


static char  source_buf[256];


static void
source_table(guard_t *guard, source_find_pt find, const source_case_t *c,
    size_t n)
{
    int         rc;
    char       *p;
    size_t      i;
    stok_str_t  text;

    for (i = 0; i < n; i++) {
        p = guard_tail(guard, c[i].in, strlen(c[i].in));
        rc = find(p, strlen(c[i].in), &text);

        if (rc != c[i].rc) {
            fail_msg("\"%s\": %d", c[i].in, rc);
        }

        if (rc == STOK_OK) {
            assert_int_equal(text.len, strlen(c[i].text));
            assert_memory_equal(text.data, c[i].text, text.len);
        }
    }
}


#define source_all(state, find, cases)                                       \
    source_table(*(state), find, cases, sizeof(cases) / sizeof((cases)[0]))


static int
source_cookie(const char *p, size_t len, stok_str_t *text)
{
    stok_str_t  name = stok_string("tok");

    return stok_source_cookie(p, len, name, text);
}


static int
source_query(const char *p, size_t len, stok_str_t *text)
{
    stok_str_t  name = stok_string("tok");

    return stok_source_query(p, len, name, text);
}


static int
source_scheme(const char *p, size_t len, stok_str_t *text)
{
    stok_str_t  name = stok_string("token");

    return stok_source_scheme(p, len, name, text);
}


static int
source_basic(const char *p, size_t len, stok_str_t *text)
{
    return stok_source_basic(p, len, source_buf, text);
}


static int
source_decode(const char *p, size_t len, stok_str_t *text)
{
    return stok_source_decode(p, len, source_buf, text);
}


static void
source_cookies(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_DECLINED, NULL },
        { "tok", STOK_DECLINED, NULL },
        { "tok=", STOK_OK, "" },
        { "tok=x", STOK_OK, "x" },
        { "a=b; tok=x; c=d", STOK_OK, "x" },
        { "a=b;tok=x;", STOK_OK, "x" },
        { " \ttok=x\t ", STOK_OK, "x" },
        { "tok=\"x\"", STOK_OK, "x" },
        { "tok=\"\"", STOK_OK, "" },
        { "tok=\"", STOK_OK, "\"" },
        { "tok=\"x", STOK_OK, "\"x" },
        { "tok=a=b", STOK_OK, "a=b" },
        { "Tok=x; atok=y; tok2=z", STOK_DECLINED, NULL },
        { "a=\"; tok=x\"", STOK_OK, "x\"" },
        { "tok=x; tok=x", STOK_INVALID, NULL },
        { "tok=x; tok=", STOK_INVALID, NULL }
    };

    source_all(state, source_cookie, cases);
}


static void
source_queries(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_DECLINED, NULL },
        { "tok", STOK_DECLINED, NULL },
        { "tok=", STOK_OK, "" },
        { "tok=x", STOK_OK, "x" },
        { "a=b&tok=x&c", STOK_OK, "x" },
        { "&&tok=x&&", STOK_OK, "x" },
        { "a=tok=x", STOK_DECLINED, NULL },
        { "a;tok=x", STOK_DECLINED, NULL },
        { "TOK=x&%74ok=y", STOK_DECLINED, NULL },
        { "tok=%41+", STOK_OK, "%41+" },
        { "tok=x&tok=x", STOK_INVALID, NULL },
        { "tok=&tok=x", STOK_INVALID, NULL }
    };

    source_all(state, source_query, cases);
}


static void
source_schemes(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_DECLINED, NULL },
        { "tok", STOK_DECLINED, NULL },
        { "token", STOK_OK, "" },
        { "token x", STOK_OK, "x" },
        { "TOKEN \t x \t", STOK_OK, "x" },
        { "\ttoken\tx", STOK_OK, "x" },
        { "token x y", STOK_OK, "x y" },
        { "tokens x", STOK_DECLINED, NULL },
        { "token=x", STOK_DECLINED, NULL }
    };

    source_all(state, source_scheme, cases);
}


static void
source_basics(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_INVALID, NULL },
        { "dTp4", STOK_OK, "x" },                /* u:x */
        { "Ong=", STOK_OK, "x" },                /* :x */
        { "eDo=", STOK_OK, "x" },                /* x: */
        { "dTp4Onk=", STOK_OK, "x:y" },          /* u:x:y */
        { "Og==", STOK_OK, "" },                 /* : */
        { "eA==", STOK_INVALID, NULL },          /* x */
        { "dTp", STOK_INVALID, NULL },
        { "dTp4=", STOK_INVALID, NULL },
        { "====", STOK_INVALID, NULL },
        { "=Tp4", STOK_INVALID, NULL },
        { "dT=4", STOK_INVALID, NULL },
        { "d-p4", STOK_INVALID, NULL },
        { "dTp4 ", STOK_INVALID, NULL },
        { "d\xff" "p4", STOK_INVALID, NULL }
    };

    source_all(state, source_basic, cases);
}


static void
source_decodes(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_OK, "" },
        { "a+b", STOK_OK, "a+b" },
        { "%41%2b%2F", STOK_OK, "A+/" },
        { "%2541", STOK_OK, "%41" },
        { "%0d%0A", STOK_OK, "\r\n" },
        { "%", STOK_INVALID, NULL },
        { "a%4", STOK_INVALID, NULL },
        { "%4g", STOK_INVALID, NULL },
        { "%%41", STOK_INVALID, NULL }
    };

    source_all(state, source_decode, cases);
}


static void
source_subprotocols(void **state)
{
    static const source_case_t  cases[] = {
        { "", STOK_DECLINED, NULL },
        { "chat, v2", STOK_DECLINED, NULL },
        { "bearer, x", STOK_OK, "x" },
        { "bearer,x,chat", STOK_OK, "x" },
        { "chat,\tbearer.x", STOK_OK, "x" },
        { "bearer.", STOK_OK, "" },
        { "bearer, bearer", STOK_OK, "bearer" },
        { "bearers, x", STOK_DECLINED, NULL },
        { "bearer", STOK_INVALID, NULL },
        { "bearer, x, bearer", STOK_INVALID, NULL },
        { "bearer,", STOK_OK, "" },
        { "bearer, x, bearer.x", STOK_INVALID, NULL }
    };

    source_all(state, stok_source_subprotocol, cases);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(source_cookies, &guard),
        cmocka_unit_test_prestate(source_queries, &guard),
        cmocka_unit_test_prestate(source_schemes, &guard),
        cmocka_unit_test_prestate(source_basics, &guard),
        cmocka_unit_test_prestate(source_decodes, &guard),
        cmocka_unit_test_prestate(source_subprotocols, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("source", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
