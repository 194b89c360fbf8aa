/*
 * Digests against published values and against libcrypto's own HMAC; the key
 * file.
 */


#include "guard.h"

#include <stdio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "stok_digest.h"


#define HEX_A  "000102030405060708090a0b0c0d0e0f"                            \
               "101112131415161718191a1b1c1d1e1f"
#define HEX_B  "F0E1D2C3B4A5968778695A4B3C2D1E0F"                            \
               "00112233445566778899AABBCCDDEEFF"

#define ID       "0123456789abcdef0123456789abcdef"
#define DATASET  "dataset " ID


static void
digest_expect(const stok_key_t *key, const char *text, const char *want)
{
    char     hex[STOK_DIGEST_HEX];
    uint8_t  digest[STOK_DIGEST_LEN];

    stok_digest(key, text, strlen(text), digest);
    stok_digest_hex(digest, hex);

    assert_memory_equal(hex, want, STOK_DIGEST_HEX);
}


static void
digest_known(void **state)
{
    size_t      i;
    uint8_t     secret[STOK_KEY_LEN];
    stok_key_t  key;

    /* from the design, made by another implementation */

    static const char  *cases[][3] = {
        { "stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL",
          "39c52ab0c97f88bc4c26187c567af794ad0286e89b31bd7f000bcfd535b8e30e",
          "4deb3ad592a061688749b4ee6dc91a7ce03ed50a2527dc758120bf08eae9e60c" },
        { "stk_pat_eby3abP3E2Zs8IQ9Y7aJZqhB6baeCN6Z0laLBv",
          "4d888445fe57bad748d46bb5f6353cf8f20915568ce897af22d7a074ddd099c6",
          "2ac5630a05c82e0c15736c5f3ce118d84ac007ec460e24aee9cbb8369a1392f3" },
        { "acme_scim_j4a3dDVhYRnKTbxTNJFoBinF5aJXVuLk13wo76",
          "075b087ab87ea595d1518908bc4b4fef437473f27343a5451155fbe48d0f90c1",
          "9386ed5e0967d702906d0d8d4530a7a5fe5fb3031c13108a930911acd756df57" }
    };

    (void) state;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t) i;
    }

    assert_int_equal(stok_key_init(&key, "k", 1, secret), STOK_OK);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        digest_expect(NULL, cases[i][0], cases[i][1]);
        digest_expect(&key, cases[i][0], cases[i][2]);
        digest_expect(&key, cases[i][0], cases[i][2]);
    }

    /* FIPS 180-4, and RFC 4231 case 2: a short key is padded with zeros */

    digest_expect(NULL, "abc", "ba7816bf8f01cfea414140de5dae2223"
                               "b00361a396177a9cb410ff61f20015ad");
    digest_expect(NULL, "", "e3b0c44298fc1c149afbf4c8996fb924"
                            "27ae41e4649b934ca495991b7852b855");

    memset(secret, 0, sizeof(secret));
    memcpy(secret, "Jefe", 4);
    assert_int_equal(stok_key_init(&key, "k", 1, secret), STOK_OK);

    digest_expect(&key, "what do ya want for nothing?",
                  "5bdcc146bf60754e6a042426089575c7"
                  "5a003f089d2739839dec58b964ec3843");
}


static void
digest_lengths(void **state)
{
    char        text[300], *p;
    size_t      i, len;
    guard_t    *guard;
    uint8_t     secret[STOK_KEY_LEN], digest[32], want[32];
    uint32_t    seed;
    stok_key_t  key;

    guard = *state;
    seed = 7;

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (uint8_t) (guard_random(&seed) >> 8);
    }

    stok_key_init(&key, "k", 1, secret);

    for (len = 0; len < sizeof(text); len++) {
        p = guard_tail(guard, text, len);

        stok_digest(&key, p, len, digest);
        HMAC(EVP_sha256(), secret, sizeof(secret), (uint8_t *) p, len, want,
             NULL);
        assert_memory_equal(digest, want, sizeof(want));

        stok_digest(NULL, p, len, digest);
        EVP_Digest(p, len, want, NULL, EVP_sha256(), NULL);
        assert_memory_equal(digest, want, sizeof(want));

        text[len] = (char) (guard_random(&seed) >> 8);
    }
}


static void
digest_hex(void **state)
{
    char      want[3], *hex;
    size_t    i;
    uint8_t   digest[STOK_DIGEST_LEN];
    guard_t  *guard;
    unsigned  byte;

    guard = *state;
    hex = guard->end - STOK_DIGEST_HEX;

    for (byte = 0; byte < 256; byte++) {
        memset(digest, (int) byte, sizeof(digest));
        sprintf(want, "%02x", byte);

        stok_digest_hex(digest, hex);

        for (i = 0; i < STOK_DIGEST_HEX; i++) {
            assert_int_equal(hex[i], want[i % 2]);
        }
    }
}


static void
digest_equal(void **state)
{
    int      bit;
    size_t   i;
    uint8_t  a[32], b[32];

    (void) state;

    memset(a, 0x5a, sizeof(a));
    memcpy(b, a, sizeof(a));

    assert_int_equal(stok_digest_equal(a, b, 32), 1);
    assert_int_equal(stok_digest_equal(a, b, 0), 1);

    for (i = 0; i < 32; i++) {
        for (bit = 0; bit < 8; bit++) {
            b[i] ^= (uint8_t) (1 << bit);
            assert_int_equal(stok_digest_equal(a, b, 32), 0);
            assert_int_equal(stok_digest_equal(a, b, i), 1);
            b[i] = a[i];
        }
    }
}


static void
digest_key_name(void **state)
{
    int         ch, good;
    char        text[STOK_KEY_NAME_MAX + 1];
    size_t      i, len;
    guard_t    *guard;
    uint8_t     secret[STOK_KEY_LEN] = { 0 };
    stok_key_t  key;

    guard = *state;

    memset(text, 'k', sizeof(text));

    for (len = 0; len <= sizeof(text); len++) {
        assert_int_equal(stok_key_init(&key, guard_tail(guard, text, len),
                                       len, secret),
                         len >= 1 && len <= 32 ? STOK_OK : STOK_INVALID);
    }

    for (i = 0; i < 3; i++) {
        for (ch = 0; ch < 256; ch++) {
            memset(text, 'k', sizeof(text));
            text[i] = (char) ch;

            good = ch != 0
                   && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ", ch);

            assert_int_equal(stok_key_init(&key, guard_tail(guard, text, 3),
                                           3, secret),
                             good ? STOK_OK : STOK_INVALID);
        }
    }
}


static void
digest_keys(void **state)
{
    char               *p;
    size_t              line;
    guard_t            *guard;
    uint8_t             a[32], b[32];
    const char         *why, *text;
    stok_keys_t         keys;
    const stok_key_t   *key;

    guard = *state;

    text = "# the current one first\n"
           "\n"
           "two \t " HEX_B "\n"
           "   \n"
           "one\t" HEX_A " \r\n"
           "#" HEX_A;

    p = guard_tail(guard, text, strlen(text));

    assert_int_equal(stok_keys_parse(&keys, p, strlen(text), &line, &why),
                     STOK_OK);
    assert_int_equal(keys.n, 2);
    assert_ptr_equal(stok_keys_find(&keys, "two", 3), &keys.key[0]);
    assert_ptr_equal(stok_keys_find(&keys, "one", 3), &keys.key[1]);
    assert_null(stok_keys_find(&keys, "on", 2));
    assert_null(stok_keys_find(&keys, "ones", 4));
    assert_null(stok_keys_find(&keys, "One", 3));
    assert_null(stok_keys_find(&keys, "", 0));

    /* it names no dataset, not even the empty one */

    assert_int_equal(keys.dataset_len, 0);
    assert_int_equal(stok_keys_dataset(&keys, "", 0), 0);

    digest_expect(&keys.key[1],
          "stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL",
          "4deb3ad592a061688749b4ee6dc91a7ce03ed50a2527dc758120bf08eae9e60c");

    /* either case of digits is the same key */

    text = "x " HEX_B "\ny f0e1d2c3b4a5968778695a4b3c2d1e0f"
           "00112233445566778899aabbccddeeff";

    assert_int_equal(stok_keys_parse(&keys, text, strlen(text), &line, &why),
                     STOK_OK);

    key = keys.key;
    stok_digest(&key[0], "a", 1, a);
    stok_digest(&key[1], "a", 1, b);
    assert_memory_equal(a, b, sizeof(a));
}


/* anywhere in the file, in either case, and only whole */

static void
digest_dataset(void **state)
{
    size_t       i, line;
    uint8_t      secret[STOK_KEY_LEN] = { 0 };
    const char  *why;
    stok_key_t   key;
    stok_keys_t  keys;

    static const char *const  texts[] = {
        DATASET "\nk " HEX_A,
        "k " HEX_A "\n" DATASET,
        "k " HEX_A "\ndataset \t 0123456789ABCDEF0123456789ABCDEF \r\n"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(stok_keys_parse(&keys, texts[i], strlen(texts[i]),
                                         &line, &why),
                         STOK_OK);
        assert_int_equal(keys.n, 1);
        assert_int_equal(keys.dataset_len, STOK_DATASET_LEN);
        assert_int_equal(stok_keys_dataset(&keys, ID, strlen(ID)), 1);
        assert_int_equal(stok_keys_dataset(&keys, ID, strlen(ID) - 1), 0);
        assert_int_equal(stok_keys_dataset(&keys, ID "0", strlen(ID) + 1), 0);
        assert_int_equal(stok_keys_dataset(&keys, "", 0), 0);
        assert_int_equal(stok_keys_dataset(&keys,
                                           "0123456789abcdef0123456789abcdee",
                                           strlen(ID)), 0);
    }

    assert_int_equal(stok_key_init(&key, "dataset", 7, secret), STOK_INVALID);
    assert_int_equal(stok_key_init(&key, "dataset2", 8, secret), STOK_OK);
    assert_int_equal(stok_key_init(&key, "datase", 6, secret), STOK_OK);
}


static const struct {
    const char  *text;
    size_t       line;
} digest_bad[] = {
    { "", 0 },
    { "\n\n\n", 0 },
    { "# a " HEX_A "\n", 0 },
    { DATASET "\n", 0 },
    { DATASET "\n" DATASET "\nk " HEX_A, 2 },
    { "k " HEX_A "\ndataset", 2 },
    { "k " HEX_A "\ndataset " HEX_A, 2 },
    { "k " HEX_A "\ndataset 0123456789abcdef0123456789abcde", 2 },
    { "k " HEX_A "\ndataset 0123456789abcdef0123456789abcdeg", 2 },
    { "k " HEX_A "\ndataset 0123456789abcdef 123456789abcdef", 2 },
    { "k " HEX_A "\nDataset 0123456789abcdef0123456789abcdef", 2 },
    { "a", 1 },
    { "a ", 1 },
    { HEX_A, 1 },
    { " a " HEX_A, 1 },
    { "a " HEX_A "0", 1 },
    { "\na " HEX_A " # mine", 2 },
    { "a " HEX_A "\nb 00", 2 },
    { "a " HEX_A "\na " HEX_B "\n", 2 },
    { "a/b " HEX_A, 1 },
    { "a:" HEX_A, 1 },
    { "a=" HEX_A, 1 },
    { "abcdefghijklmnopqrstuvwxyz0123456 " HEX_A, 1 },
    { "a g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      1 },
    { "a 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1 ",
      1 },
    { "a 00010203040506070809 a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      1 },
    { "a 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1@",
      1 },
    { "1 " HEX_A "\n2 " HEX_A "\n3 " HEX_A "\n4 " HEX_A "\n5 " HEX_A
      "\n6 " HEX_A "\n7 " HEX_A "\n8 " HEX_A "\n9 " HEX_A, 9 }
};


static void
digest_keys_bad(void **state)
{
    char         *p;
    size_t        i, k, line, len;
    guard_t      *guard;
    const char   *why;
    stok_keys_t   keys;

    guard = *state;

    for (i = 0; i < sizeof(digest_bad) / sizeof(digest_bad[0]); i++) {
        len = strlen(digest_bad[i].text);
        p = guard_tail(guard, digest_bad[i].text, len);
        why = NULL;
        line = 99;

        memset(&keys, 0, sizeof(keys));

        if (stok_keys_parse(&keys, p, len, &line, &why) != STOK_INVALID) {
            fail_msg("taken: \"%s\"", digest_bad[i].text);
        }

        assert_int_equal(line, digest_bad[i].line);
        assert_non_null(why);
        assert_int_equal(keys.n, 0);

        /* no key is left behind, or in the message */

        for (k = 0; k < sizeof(keys); k++) {
            assert_int_equal(((uint8_t *) &keys)[k], 0);
        }

        assert_null(strstr(why, "0001"));
    }

    /* eight are not too many, and no shortened file is read past its end */

    len = strlen(digest_bad[i - 1].text) - 2 - 64 - 1;
    p = guard_tail(guard, digest_bad[i - 1].text, len);
    assert_int_equal(stok_keys_parse(&keys, p, len, &line, &why), STOK_OK);
    assert_int_equal(keys.n, 8);

    for (k = 0; k < len; k++) {
        p = guard_tail(guard, digest_bad[i - 1].text, k);
        (void) stok_keys_parse(&keys, p, k, &line, &why);
    }
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(digest_known, &guard),
        cmocka_unit_test_prestate(digest_lengths, &guard),
        cmocka_unit_test_prestate(digest_hex, &guard),
        cmocka_unit_test_prestate(digest_equal, &guard),
        cmocka_unit_test_prestate(digest_key_name, &guard),
        cmocka_unit_test_prestate(digest_keys, &guard),
        cmocka_unit_test_prestate(digest_dataset, &guard),
        cmocka_unit_test_prestate(digest_keys_bad, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("digest", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
