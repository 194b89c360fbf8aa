/*
 * Seals: the sealed text is written out here by hand, and every change of a
 * record that decides or that a variable shows breaks its seal.
 */


#include "guard.h"

#include <stdio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "stok_seal.h"


#define DATASET  "0123456789abcdef0123456789abcdef"


static stok_str_t
seal_str(const char *text)
{
    stok_str_t  str;

    str.data = text;
    str.len = strlen(text);

    return str;
}


static void
seal_keys(stok_keys_t *keys)
{
    uint8_t  secret[STOK_KEY_LEN];

    memset(secret, 1, sizeof(secret));
    stok_key_init(&keys->key[0], "new", 3, secret);

    memset(secret, 2, sizeof(secret));
    stok_key_init(&keys->key[1], "old", 3, secret);

    keys->n = 2;

    memcpy(keys->dataset, DATASET, STOK_DATASET_LEN);
    keys->dataset_len = STOK_DATASET_LEN;
}


/* the same keys, the other one first */

static void
seal_keys_turned(stok_keys_t *keys)
{
    stok_key_t  first;

    first = keys->key[0];
    keys->key[0] = keys->key[1];
    keys->key[1] = first;
}


/* "<name>:<hex>" of text by the key that seal_keys fills with byte */

static void
seal_reference(char *out, const char *name, int byte, const char *text)
{
    int       i, n;
    uint8_t   secret[STOK_KEY_LEN], mac[32];

    memset(secret, byte, sizeof(secret));

    HMAC(EVP_sha256(), secret, sizeof(secret), (const uint8_t *) text,
         strlen(text), mac, NULL);

    n = sprintf(out, "%s:", name);

    for (i = 0; i < 32; i++) {
        n += sprintf(out + n, "%02x", mac[i]);
    }
}


static void
seal_token_record(stok_token_record_t *rec)
{
    memset(rec, 0, sizeof(*rec));

    rec->id = seal_str("tok_0123456789ABCDEF");
    rec->user = seal_str("etl@service");
    rec->name = seal_str("nightly");
    rec->env = seal_str("testing");
    rec->type = STOK_TYPE_SERVICE;
    rec->status = STOK_TOKEN_ACTIVE;
    rec->expires_at = 1800000000;
}


static void
seal_user_record(stok_user_record_t *rec)
{
    memset(rec, 0, sizeof(*rec));

    rec->kind = STOK_USER_SERVICE;
    rec->name = seal_str("ETL");
    rec->role = seal_str("manager");
    rec->status = STOK_USER_ACTIVE;
}


static void
seal_text(void **state)
{
    char                 want[STOK_SEAL_MAX + 1], out[STOK_SEAL_MAX];
    size_t               len;
    uint8_t              digest[STOK_DIGEST_LEN];
    stok_keys_t          keys;
    stok_token_record_t  token;

    (void) state;

    seal_keys(&keys);
    seal_token_record(&token);
    memset(digest, 0xab, sizeof(digest));

    seal_reference(want, "new", 1,
                   "stok-seal-2 token\n"
                   "32:" DATASET "\n"
                   "64:abababababababababababababababab"
                   "abababababababababababababababab\n"
                   "20:tok_0123456789ABCDEF\n"
                   "11:etl@service\n"
                   "7:nightly\n"
                   "7:service\n"
                   "0:\n"
                   "7:testing\n"
                   "6:active\n"
                   "10:1800000000\n"
                   "0:\n"
                   "0:\n");

    len = stok_seal_token(out, &keys, digest, &token);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);

    token.type = STOK_TYPE_PERSONAL;
    token.status = STOK_TOKEN_REVOKED;
    token.scope = seal_str("scim");
    token.env = seal_str("");
    token.networks = seal_str("192.0.2.0/24,2001:db8::/32");
    token.rate = seal_str("600r/m");
    token.expires_at = 0;

    seal_reference(want, "old", 2,
                   "stok-seal-2 token\n"
                   "32:" DATASET "\n"
                   "64:abababababababababababababababab"
                   "abababababababababababababababab\n"
                   "20:tok_0123456789ABCDEF\n"
                   "11:etl@service\n"
                   "7:nightly\n"
                   "8:personal\n"
                   "4:scim\n"
                   "0:\n"
                   "7:revoked\n"
                   "1:0\n"
                   "26:192.0.2.0/24,2001:db8::/32\n"
                   "6:600r/m\n");

    seal_keys_turned(&keys);
    len = stok_seal_token(out, &keys, digest, &token);
    seal_keys_turned(&keys);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
}


static void
seal_user_text(void **state)
{
    char                want[STOK_SEAL_MAX + 1], out[STOK_SEAL_MAX];
    size_t              len;
    stok_keys_t         keys;
    stok_user_record_t  user;

    (void) state;

    seal_keys(&keys);
    seal_user_record(&user);

    seal_reference(want, "new", 1,
                   "stok-seal-2 user\n"
                   "32:" DATASET "\n"
                   "11:etl@service\n"
                   "7:service\n"
                   "3:ETL\n"
                   "7:manager\n"
                   "6:active\n"
                   "0:\n");

    len = stok_seal_user(out, &keys, seal_str("etl@service"), &user);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);

    user.kind = STOK_USER_HUMAN;
    user.name = seal_str("");
    user.use_case = seal_str("pipeline");

    seal_reference(want, "new", 1,
                   "stok-seal-2 user\n"
                   "32:" DATASET "\n"
                   "11:etl@service\n"
                   "5:human\n"
                   "0:\n"
                   "7:manager\n"
                   "6:active\n"
                   "8:pipeline\n");

    len = stok_seal_user(out, &keys, seal_str("etl@service"), &user);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
}


static unsigned
seal_broken_token(const stok_keys_t *keys, const uint8_t *digest,
    const stok_token_record_t *rec)
{
    stok_token_record_t  copy;

    copy = *rec;
    copy.tampered = 7;
    stok_seal_check_token(keys, digest, &copy);

    return copy.tampered;
}


static unsigned
seal_broken_user(const stok_keys_t *keys, const char *id,
    const stok_user_record_t *rec)
{
    stok_user_record_t  copy;

    copy = *rec;
    copy.tampered = 7;
    stok_seal_check_user(keys, seal_str(id), &copy);

    return copy.tampered;
}


static void
seal_token_changes(void **state)
{
    char                 seal[STOK_SEAL_MAX];
    size_t               k;
    uint8_t              digest[STOK_DIGEST_LEN];
    stok_keys_t          keys;
    stok_token_record_t  rec, bad;

    (void) state;

    seal_keys(&keys);
    seal_token_record(&rec);
    memset(digest, 0xab, sizeof(digest));

    for (k = 0; k < 2; k++) {
        rec.seal.data = seal;
        rec.seal.len = stok_seal_token(seal, &keys, digest, &rec);
        seal_keys_turned(&keys);
        assert_int_equal(seal_broken_token(&keys, digest, &rec), 0);
    }

    bad = rec; bad.id = seal_str("tok_0123456789ABCDEG");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.user = seal_str("root@service");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.name = seal_str("nightly2");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.type = STOK_TYPE_PERSONAL;
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.scope = seal_str("scim");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.status = STOK_TOKEN_REVOKED;
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.env = seal_str("production");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.env = seal_str("");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.networks = seal_str("0.0.0.0/0");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.rate = seal_str("1r/s");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    bad = rec; bad.expires_at = 0;
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    /* text that moved from one field to the next */

    bad = rec;
    bad.id = seal_str("tok_0123456789ABCDEFe");
    bad.user = seal_str("tl@service");
    assert_int_equal(seal_broken_token(&keys, digest, &bad), 1);

    /* a record under another token's key, and one without any key */

    digest[31] ^= 1;
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);
    digest[31] ^= 1;

    assert_int_equal(seal_broken_token(NULL, digest, &rec), 1);
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 0);
}


/* the same record in another dataset, under the same key */

static void
seal_datasets(void **state)
{
    char                 seal[STOK_SEAL_MAX];
    uint8_t              digest[STOK_DIGEST_LEN] = { 0 };
    stok_keys_t          keys;
    stok_user_record_t   user;
    stok_token_record_t  token;

    (void) state;

    seal_keys(&keys);
    seal_token_record(&token);
    seal_user_record(&user);

    token.seal.data = seal;
    token.seal.len = stok_seal_token(seal, &keys, digest, &token);
    assert_int_equal(seal_broken_token(&keys, digest, &token), 0);

    keys.dataset[31] = 'e';
    assert_int_equal(seal_broken_token(&keys, digest, &token), 1);

    keys.dataset_len = 0;
    assert_int_equal(seal_broken_token(&keys, digest, &token), 1);
    assert_int_equal(stok_seal_token(seal, &keys, digest, &token), 0);

    keys.dataset_len = STOK_DATASET_LEN;
    user.seal.data = seal;
    user.seal.len = stok_seal_user(seal, &keys, seal_str("a@service"), &user);
    assert_int_equal(seal_broken_user(&keys, "a@service", &user), 0);

    keys.dataset[31] = 'f';
    assert_int_equal(seal_broken_user(&keys, "a@service", &user), 1);

    keys.dataset_len = 0;
    assert_int_equal(stok_seal_user(seal, &keys, seal_str("a"), &user), 0);
}


static void
seal_user_changes(void **state)
{
    char                 seal[STOK_SEAL_MAX];
    stok_keys_t          keys;
    stok_user_record_t   rec, bad;

    (void) state;

    seal_keys(&keys);
    seal_user_record(&rec);

    rec.seal.data = seal;
    rec.seal.len = stok_seal_user(seal, &keys, seal_str("a@service"),
                                  &rec);

    assert_int_equal(seal_broken_user(&keys, "a@service", &rec), 0);
    assert_int_equal(seal_broken_user(&keys, "b@service", &rec), 1);
    assert_int_equal(seal_broken_user(NULL, "a@service", &rec), 1);

    bad = rec; bad.kind = STOK_USER_HUMAN;
    assert_int_equal(seal_broken_user(&keys, "a@service", &bad), 1);

    bad = rec; bad.name = seal_str("");
    assert_int_equal(seal_broken_user(&keys, "a@service", &bad), 1);

    bad = rec; bad.role = seal_str("admin");
    assert_int_equal(seal_broken_user(&keys, "a@service", &bad), 1);

    bad = rec; bad.use_case = seal_str("cli");
    assert_int_equal(seal_broken_user(&keys, "a@service", &bad), 1);

    bad = rec; bad.status = STOK_USER_DISABLED;
    assert_int_equal(seal_broken_user(&keys, "a@service", &bad), 1);
}


/* every byte of a seal, every length of it, at an unreadable page */

static void
seal_forms(void **state)
{
    int                  ch;
    char                 seal[STOK_SEAL_MAX + 1], text[2 * STOK_SEAL_MAX];
    size_t               i, len;
    uint8_t              digest[STOK_DIGEST_LEN] = { 0 };
    guard_t             *guard;
    stok_keys_t          keys;
    stok_token_record_t  rec;

    guard = *state;

    seal_keys(&keys);
    seal_token_record(&rec);

    len = stok_seal_token(seal, &keys, digest, &rec);

    for (i = 0; i < len; i++) {
        for (ch = 0; ch < 256; ch++) {
            memcpy(text, seal, len);
            text[i] = (char) ch;

            rec.seal.data = guard_tail(guard, text, len);
            rec.seal.len = len;

            assert_int_equal(seal_broken_token(&keys, digest, &rec),
                             text[i] != seal[i]);
        }
    }

    for (i = 0; i < len; i++) {
        rec.seal.data = guard_tail(guard, seal, i);
        rec.seal.len = i;
        assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);

        rec.seal.data = guard_head(guard, seal + i + 1, len - i - 1);
        rec.seal.len = len - i - 1;
        assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);
    }

    rec.seal.data = NULL;
    rec.seal.len = 0;
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);

    memcpy(text, seal, len);
    memcpy(text + len, "0", 1);
    rec.seal.data = guard_tail(guard, text, len + 1);
    rec.seal.len = len + 1;
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);

    /* the name of the other key, or of none */

    memcpy(seal, "old", 3);
    rec.seal.data = guard_tail(guard, seal, len);
    rec.seal.len = len;
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);

    memcpy(seal, "new", 3);
    keys.n = 0;
    rec.seal.data = guard_tail(guard, seal, len);
    assert_int_equal(seal_broken_token(&keys, digest, &rec), 1);
}


/* the longest of everything fits */

static void
seal_longest(void **state)
{
    char                 name[STOK_KEY_NAME_MAX], *out, *text;
    uint8_t              secret[STOK_KEY_LEN] = { 3 }, digest[32] = { 0 };
    guard_t             *guard;
    stok_key_t           key;
    stok_keys_t          keys;
    stok_token_record_t  rec;

    guard = *state;

    seal_keys(&keys);

    memset(name, 'n', sizeof(name));
    assert_int_equal(stok_key_init(&key, name, sizeof(name), secret),
                     STOK_OK);

    seal_token_record(&rec);

    text = guard->start;
    memset(text, 'x', STOK_NAME_BYTES);
    rec.name.data = text;
    rec.name.len = STOK_NAME_BYTES;
    rec.expires_at = STOK_DATE_MAX;

    out = guard->end - STOK_SEAL_MAX;

    keys.key[0] = key;

    assert_int_equal(stok_seal_token(out, &keys, digest, &rec),
                     STOK_SEAL_MAX);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(seal_text, &guard),
        cmocka_unit_test_prestate(seal_user_text, &guard),
        cmocka_unit_test_prestate(seal_token_changes, &guard),
        cmocka_unit_test_prestate(seal_user_changes, &guard),
        cmocka_unit_test_prestate(seal_datasets, &guard),
        cmocka_unit_test_prestate(seal_forms, &guard),
        cmocka_unit_test_prestate(seal_longest, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("seal", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
