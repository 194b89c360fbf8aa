/*
 * Our own tokens: what is one, what is a foreign one, and how they are made.
 */


#include "guard.h"

#include <stdio.h>

#include "stok_token.h"


static const char token_digits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* from the design, made by another implementation */

static const struct {
    const char   *text;
    const char   *brand;
    stok_kind_e   kind;
} token_examples[] = {
    { "stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL", "stk",
      STOK_KIND_SVC },
    { "stk_pat_eby3abP3E2Zs8IQ9Y7aJZqhB6baeCN6Z0laLBv", "stk",
      STOK_KIND_PAT },
    { "acme_scim_j4a3dDVhYRnKTbxTNJFoBinF5aJXVuLk13wo76", "acme",
      STOK_KIND_SCIM }
};

#define TOKEN_EXAMPLES  (sizeof(token_examples) / sizeof(token_examples[0]))


/* bit by bit, as the standard writes it */

static uint32_t
token_crc(const char *p, size_t len)
{
    int       bit;
    uint32_t  crc;

    for (crc = ~(uint32_t) 0; len > 0; len--, p++) {
        crc ^= (uint8_t) *p;

        for (bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
    }

    return ~crc;
}


/* head and secret, then the check that belongs to them */

static size_t
token_build(char *out, const char *head, const char *secret)
{
    int       i;
    size_t    len;
    uint32_t  crc;

    len = (size_t) sprintf(out, "%s%s", head, secret);
    crc = token_crc(out, len);

    for (i = 5; i >= 0; i--) {
        out[len + (size_t) i] = token_digits[crc % 62];
        crc /= 62;
    }

    return len + 6;
}


static int
token_parse(guard_t *guard, const char *text, size_t len, stok_token_t *token)
{
    int  rc;

    rc = stok_token_parse(guard_head(guard, text, len), len, token);

    assert_int_equal(stok_token_parse(guard_tail(guard, text, len), len,
                                      token), rc);
    return rc;
}


static void
token_crc32(void **state)
{
    char       text[300];
    size_t     len;
    guard_t   *guard;
    uint32_t   seed;

    guard = *state;
    seed = 1;

    assert_int_equal(stok_crc32("", 0), 0);
    assert_int_equal(stok_crc32("123456789", 9), 0xcbf43926);

    for (len = 0; len < sizeof(text); len++) {
        assert_int_equal(stok_crc32(guard_tail(guard, text, len), len),
                         token_crc(text, len));
        text[len] = (char) guard_random(&seed);
    }
}


static void
token_known(void **state)
{
    size_t        i, len;
    stok_token_t  token;

    for (i = 0; i < TOKEN_EXAMPLES; i++) {
        len = strlen(token_examples[i].text);

        assert_int_equal(token_parse(*state, token_examples[i].text, len,
                                     &token), STOK_OK);
        assert_int_equal(token.kind, token_examples[i].kind);
        assert_int_equal(token.brand.len, strlen(token_examples[i].brand));
        assert_memory_equal(token.brand.data, token_examples[i].brand,
                            token.brand.len);
    }
}


/* one character of the secret or of the check: always noticed */

static void
token_changed(void **state)
{
    int           ch;
    char          text[64];
    size_t        i, k, len;
    stok_token_t  token;

    for (i = 0; i < TOKEN_EXAMPLES; i++) {
        len = strlen(token_examples[i].text);

        for (k = len - 38; k < len; k++) {
            for (ch = 0; ch < 256; ch++) {
                memcpy(text, token_examples[i].text, len);

                if (text[k] == (char) ch) {
                    continue;
                }

                text[k] = (char) ch;

                assert_int_equal(token_parse(*state, text, len, &token),
                                 ch != 0 && strchr(token_digits, ch)
                                 ? STOK_INVALID : STOK_DECLINED);
            }
        }

        for (k = 0; k < len; k++) {
            memcpy(text, token_examples[i].text, k);
            memcpy(text + k, token_examples[i].text + k + 1, len - k - 1);

            assert_int_not_equal(token_parse(*state, text, len - 1, &token),
                                 STOK_OK);
            assert_int_equal(token.brand.len == 0,
                             token.kind == STOK_KIND_FOREIGN);
        }

        for (k = 0; k < len; k++) {
            assert_int_not_equal(token_parse(*state, token_examples[i].text,
                                             k, &token), STOK_OK);
        }
    }
}


static void
token_foreign(void **state)
{
    size_t        i, len;
    char          text[128];
    stok_token_t  token;

    static const struct {
        const char  *head;
        int          rc;
    } heads[] = {
        { "ab_svc_", STOK_OK },
        { "a1_pat_", STOK_OK },
        { "00_scim_", STOK_OK },
        { "abcdefghij012345_svc_", STOK_OK },
        { "abcdefghij012345_pat_", STOK_OK },
        { "abcdefghij012345_scim_", STOK_OK },
        { "svc_svc_", STOK_OK },
        { "abcdefghij0123456_svc_", STOK_DECLINED },
        { "abcdefghij0123456_scim_", STOK_DECLINED },
        { "a_svc_", STOK_DECLINED },
        { "_svc_", STOK_DECLINED },
        { "svc_", STOK_DECLINED },
        { "stk_SVC_", STOK_DECLINED },
        { "stk_sv_", STOK_DECLINED },
        { "stk_svcs_", STOK_DECLINED },
        { "stk_xyz_", STOK_DECLINED },
        { "stk_scimm_", STOK_DECLINED },
        { "stk__", STOK_DECLINED },
        { "stksvc_", STOK_DECLINED },
        { "stk_svc", STOK_DECLINED },
        { "stk_svc_svc_", STOK_DECLINED },
        { "stk_svc__", STOK_DECLINED },
        { "stk-svc-", STOK_DECLINED },
        { "Stk_svc_", STOK_DECLINED },
        { "stK_svc_", STOK_DECLINED },
        { "s.k_svc_", STOK_DECLINED },
        { "s~_svc_", STOK_DECLINED },
        { "", STOK_DECLINED }
    };

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        len = token_build(text, heads[i].head,
                          "0123456789ABCDEFGHIJKLMNOPQRSTUV");

        if (token_parse(*state, text, len, &token) != heads[i].rc) {
            fail_msg("%.*s is not %d", (int) len, text, heads[i].rc);
        }

        if (heads[i].rc == STOK_DECLINED) {
            assert_int_equal(token.kind, STOK_KIND_FOREIGN);
            assert_int_equal(token.brand.len, 0);
        }
    }

    assert_int_equal(token_parse(*state, "", 0, &token), STOK_DECLINED);

    len = token_build(text, "stk_svc_", "0123456789ABCDEFGHIJKLMNOPQRSTU");
    assert_int_equal(token_parse(*state, text, len, &token), STOK_DECLINED);

    len = token_build(text, "stk_svc_", "0123456789ABCDEFGHIJKLMNOPQRSTUVW");
    assert_int_equal(token_parse(*state, text, len, &token), STOK_DECLINED);
}


static void
token_brand(void **state)
{
    int       ch, good;
    char      text[17];
    size_t    i, len;
    guard_t  *guard;

    guard = *state;

    memset(text, 'a', sizeof(text));

    for (len = 0; len <= sizeof(text); len++) {
        assert_int_equal(stok_brand_check(guard_tail(guard, text, len), len),
                         len >= 2 && len <= 16 ? STOK_OK : STOK_INVALID);
    }

    for (i = 0; i < 3; i++) {
        for (ch = 0; ch < 256; ch++) {
            memset(text, 'a', sizeof(text));
            text[i] = (char) ch;

            good = ch != 0
                   && strchr("abcdefghijklmnopqrstuvwxyz0123456789", ch);

            assert_int_equal(stok_brand_check(guard_tail(guard, text, 3), 3),
                             good ? STOK_OK : STOK_INVALID);
        }
    }
}


/* what is made is read again, and is what the reference makes */

static void
token_made(void **state)
{
    int           n;
    char         *out, head[32], secret[33], want[64];
    size_t        i, k, len, brand;
    uint8_t       random[STOK_TOKEN_RANDOM];
    guard_t      *guard;
    uint32_t      seed;
    stok_kind_e   kind;
    stok_token_t  token;
    const char   *kinds[] = { "", "svc", "pat", "scim" };

    guard = *state;
    seed = 2463534242u;

    for (n = 0; n < 3000; n++) {
        kind = (stok_kind_e) (1 + n % 3);
        brand = 2 + (size_t) n % 15;

        for (i = 0; i < sizeof(random); i++) {
            random[i] = (uint8_t) (guard_random(&seed) >> 8);
        }

        for (i = 0, k = 0; k < 32; i++) {
            if (random[i] < 248) {
                secret[k++] = token_digits[random[i] % 62];
            }
        }

        secret[32] = '\0';

        sprintf(head, "%.*s_%s_", (int) brand, "a1b2c3d4e5f6g7h8",
                kinds[kind]);

        out = guard->end - STOK_TOKEN_MAX;

        assert_int_equal(stok_token_make("a1b2c3d4e5f6g7h8", brand, kind,
                                         random, out, &len), STOK_OK);

        assert_int_equal(len, token_build(want, head, secret));
        assert_memory_equal(out, want, len);

        assert_int_equal(token_parse(guard, want, len, &token), STOK_OK);
        assert_int_equal(token.kind, kind);
        assert_int_equal(token.brand.len, brand);
    }
}


/* each usable byte gives a digit, each digit has four; others are dropped */

static void
token_unbiased(void **state)
{
    int      byte, seen[256];
    char     out[STOK_TOKEN_MAX], id[STOK_ID_LEN];
    size_t   i, len;
    uint8_t  random[STOK_TOKEN_RANDOM];

    (void) state;

    memset(seen, 0, sizeof(seen));

    for (byte = 0; byte < 256; byte++) {
        memset(random, 0, sizeof(random));
        random[0] = (uint8_t) byte;
        random[1] = 1;

        assert_int_equal(stok_token_make("stk", 3, STOK_KIND_SVC, random,
                                         out, &len), STOK_OK);
        assert_int_equal(stok_id_make(random, id), STOK_OK);
        assert_int_equal(out[8], id[4]);

        if (byte >= 248) {
            assert_int_equal(out[8], '1');
            assert_int_equal(out[9], '0');
            continue;
        }

        assert_int_equal(out[9], '1');
        seen[(uint8_t) out[8]]++;
    }

    for (i = 0; i < 62; i++) {
        assert_int_equal(seen[(uint8_t) token_digits[i]], 4);
    }
}


static void
token_exhausted(void **state)
{
    char      id[STOK_ID_LEN], out[STOK_TOKEN_MAX];
    size_t    i, bad, len;
    guard_t  *guard;
    uint8_t   random[STOK_TOKEN_RANDOM], *p;

    guard = *state;

    for (bad = 0; bad <= STOK_TOKEN_RANDOM; bad++) {
        for (i = 0; i < STOK_TOKEN_RANDOM; i++) {
            random[i] = i < bad ? (uint8_t) (248 + i % 8) : 7;
        }

        p = (uint8_t *) guard_tail(guard, random, sizeof(random));

        assert_int_equal(stok_token_make("stk", 3, STOK_KIND_PAT, p, out,
                                         &len),
                         64 - bad >= 32 ? STOK_OK : STOK_ERROR);
        assert_int_equal(stok_id_make(p, id),
                         64 - bad >= 16 ? STOK_OK : STOK_ERROR);
    }
}


static void
token_refused(void **state)
{
    char     out[STOK_TOKEN_MAX];
    size_t   len;
    uint8_t  random[STOK_TOKEN_RANDOM] = { 0 };

    (void) state;

    assert_int_equal(stok_token_make("s", 1, STOK_KIND_SVC, random, out,
                                     &len), STOK_INVALID);
    assert_int_equal(stok_token_make("a1b2c3d4e5f6g7h8i", 17, STOK_KIND_SVC,
                                     random, out, &len), STOK_INVALID);
    assert_int_equal(stok_token_make("s_k", 3, STOK_KIND_SVC, random, out,
                                     &len), STOK_INVALID);
    assert_int_equal(stok_token_make("stk", 3, STOK_KIND_FOREIGN, random,
                                     out, &len), STOK_INVALID);
    assert_int_equal(stok_token_make("stk", 3, (stok_kind_e) 4, random, out,
                                     &len), STOK_INVALID);
}


static void
token_id(void **state)
{
    char     id[STOK_ID_LEN];
    size_t   i;
    uint8_t  random[STOK_TOKEN_RANDOM];

    (void) state;

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t) i;
    }

    assert_int_equal(stok_id_make(random, id), STOK_OK);
    assert_int_equal(sizeof(id), 20);
    assert_memory_equal(id, "tok_0123456789ABCDEF", 20);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(token_crc32, &guard),
        cmocka_unit_test_prestate(token_known, &guard),
        cmocka_unit_test_prestate(token_changed, &guard),
        cmocka_unit_test_prestate(token_foreign, &guard),
        cmocka_unit_test_prestate(token_brand, &guard),
        cmocka_unit_test_prestate(token_made, &guard),
        cmocka_unit_test_prestate(token_unbiased, &guard),
        cmocka_unit_test_prestate(token_exhausted, &guard),
        cmocka_unit_test_prestate(token_refused, &guard),
        cmocka_unit_test_prestate(token_id, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("token", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
