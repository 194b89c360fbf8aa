/*
 * Tokens found in any bytes: wherever they stand, however the bytes are cut,
 * and nothing that is none.
 */


#include "guard.h"

#include "stok_scan.h"


#define SCAN_TEXT  4096


static const struct {
    const char   *text;
    stok_kind_e   kind;
    size_t        brand;
} scan_known[] = {
    { "stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL", STOK_KIND_SVC, 3 },
    { "stk_pat_eby3abP3E2Zs8IQ9Y7aJZqhB6baeCN6Z0laLBv", STOK_KIND_PAT, 3 },
    { "acme_scim_j4a3dDVhYRnKTbxTNJFoBinF5aJXVuLk13wo76", STOK_KIND_SCIM, 4 }
};

#define SCAN_KNOWN  (sizeof(scan_known) / sizeof(scan_known[0]))


/* a token of a length of brand, from random bytes */

static size_t
scan_make(char *out, uint32_t *seed, size_t brand, stok_kind_e kind)
{
    char     name[STOK_BRAND_MAX];
    size_t   i, len;
    uint8_t  random[STOK_TOKEN_RANDOM];

    for (i = 0; i < brand; i++) {
        name[i] = "abcdefghijklmnopqrstuvwxyz0123456789"
                  [guard_random(seed) % 36];
    }

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t) (guard_random(seed) % 248);
    }

    assert_int_equal(stok_token_make(name, brand, kind, random, out, &len),
                     STOK_OK);

    return len;
}


static void
scan_known_tokens(void **state)
{
    char          *p;
    size_t         i, k, len, pos;
    guard_t       *guard = *state;
    stok_token_t   token;

    static const char  *before[] = {
        "", " ", "\"", "Bearer ", "TOKEN=", "x_", "_", "_svc_", "\\n", "\0",
        "STK", "\xff", "a_svc_b_pat_c_scim_"
    };

    for (i = 0; i < SCAN_KNOWN; i++) {
        for (k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
            char  text[256];

            len = strlen(before[k]);
            memcpy(text, before[k], len);
            strcpy(text + len, scan_known[i].text);

            p = guard_tail(guard, text, strlen(text));
            pos = 0;

            assert_int_equal(stok_scan_next(p, strlen(text), &pos, &token),
                             STOK_OK);
            assert_ptr_equal(token.brand.data, p + len);
            assert_int_equal(token.brand.len, scan_known[i].brand);
            assert_int_equal(token.kind, scan_known[i].kind);
            assert_int_equal(stok_scan_len(&token),
                             strlen(scan_known[i].text));
            assert_int_equal(pos, strlen(text));

            assert_int_equal(stok_scan_next(p, strlen(text), &pos, &token),
                             STOK_DECLINED);
        }
    }
}


/* each byte of it changed, or missing at either end: no token is found */

static void
scan_changed(void **state)
{
    char          text[64], *p;
    size_t        i, k, len, pos;
    guard_t      *guard = *state;
    stok_token_t  token;

    for (k = 0; k < SCAN_KNOWN; k++) {
        len = strlen(scan_known[k].text);

        for (i = 0; i < len; i++) {
            memcpy(text, scan_known[k].text, len);
            text[i] ^= 1;
            p = guard_tail(guard, text, len);
            pos = 0;
            assert_int_equal(stok_scan_next(p, len, &pos, &token),
                             STOK_DECLINED);
        }

        for (i = 0; i < len; i++) {
            p = guard_head(guard, scan_known[k].text, i);
            pos = 0;
            assert_int_equal(stok_scan_next(p, i, &pos, &token),
                             STOK_DECLINED);

            p = guard_tail(guard, scan_known[k].text + len - i, i);
            pos = 0;
            assert_int_equal(stok_scan_next(p, i, &pos, &token),
                             STOK_DECLINED);
        }
    }
}


/* one behind the other, with nothing between: each is found once */

static void
scan_close(void **state)
{
    char          text[SCAN_TEXT], *p;
    size_t        i, len, pos, start[40];
    guard_t      *guard = *state;
    uint32_t      seed;
    stok_token_t  token;

    seed = 7;
    len = 0;

    for (i = 0; i < 40; i++) {
        start[i] = len;
        len += scan_make(text + len, &seed, STOK_BRAND_MIN + i % 15,
                         (stok_kind_e) (1 + i % 3));
    }

    p = guard_tail(guard, text, len);
    pos = 0;

    for (i = 0; i < 40; i++) {
        assert_int_equal(stok_scan_next(p, len, &pos, &token), STOK_OK);
        assert_ptr_equal(token.brand.data, p + start[i]);
    }

    assert_int_equal(stok_scan_next(p, len, &pos, &token), STOK_DECLINED);
}


/* tokens in noise that is like tokens; cut anywhere, they are found once */

static void
scan_stream(void **state)
{
    char          text[SCAN_TEXT], part[SCAN_TEXT], *p;
    size_t        i, n, len, size, pos, kept, step, found, done;
    guard_t      *guard = *state;
    uint32_t      seed;
    stok_token_t  token;

    static const char  noise[] = "_svc_pat_scim_stk0aZ\n";

    seed = 11;

    for (step = 1; step < 200; step++) {
        len = 0;
        n = 0;

        while (len < SCAN_TEXT - 200) {
            size = guard_random(&seed) % 90;

            for (i = 0; i < size; i++) {
                text[len++] = noise[guard_random(&seed)
                                    % (sizeof(noise) - 1)];
            }

            text[len++] = ' ';
            len += scan_make(text + len, &seed,
                             STOK_BRAND_MIN + guard_random(&seed) % 15,
                             (stok_kind_e) (1 + n % 3));
            n++;
        }

        found = 0;
        kept = 0;

        for (done = 0; done < len; done += size) {
            size = step < len - done ? step : len - done;
            memcpy(part + kept, text + done, size);
            kept += size;

            p = guard_tail(guard, part, kept);
            pos = 0;

            while (stok_scan_next(p, kept, &pos, &token) == STOK_OK) {
                found++;
            }

            pos = stok_scan_keep(kept, pos);
            memmove(part, part + pos, kept - pos);
            kept -= pos;

            assert_true(kept < STOK_TOKEN_MAX);
        }

        assert_int_equal(found, n);
    }
}


static void
scan_lines(void **state)
{
    char      text[300], *p;
    size_t    i, k, n;
    guard_t  *guard = *state;
    uint32_t  seed;

    seed = 3;

    for (i = 0; i <= sizeof(text); i++) {
        n = 0;

        for (k = 0; k < i; k++) {
            text[k] = "\n\n\x0b\x8a\x09\0a\xff"[guard_random(&seed) % 8];
            n += text[k] == '\n';
        }

        p = guard_tail(guard, text, i);
        assert_int_equal(stok_scan_lines(p, i), n);
    }
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(scan_known_tokens, &guard),
        cmocka_unit_test_prestate(scan_changed, &guard),
        cmocka_unit_test_prestate(scan_close, &guard),
        cmocka_unit_test_prestate(scan_stream, &guard),
        cmocka_unit_test_prestate(scan_lines, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("scan", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
