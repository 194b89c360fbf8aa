/*
 * Seals; see stok_seal.h.
 */


#include "stok_seal.h"

#include <openssl/crypto.h>
#include <string.h>


/* HMAC of text that comes in parts */
typedef struct {
    SHA256_CTX         ctx;
    const stok_key_t  *key;
} stok_seal_t;


static size_t stok_seal_token_by(char out[STOK_SEAL_MAX],
    const stok_keys_t *keys, const stok_key_t *key,
    const uint8_t digest[STOK_DIGEST_LEN], const stok_token_record_t *rec);
static size_t stok_seal_user_by(char out[STOK_SEAL_MAX],
    const stok_keys_t *keys, const stok_key_t *key, stok_str_t id,
    const stok_user_record_t *rec);
static uint8_t stok_seal_tampered(stok_str_t seal, const char *right,
    size_t len);
static void stok_seal_start(stok_seal_t *seal, const stok_keys_t *keys,
    const stok_key_t *key, const char *head);
static void stok_seal_field(stok_seal_t *seal, stok_str_t value);
static void stok_seal_number(stok_seal_t *seal, uint64_t value);
static size_t stok_seal_done(stok_seal_t *seal, char out[STOK_SEAL_MAX]);
static const stok_key_t *stok_seal_key(const stok_keys_t *keys,
    stok_str_t seal);
static size_t stok_seal_decimal(char out[20], uint64_t value);


size_t
stok_seal_token(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    const uint8_t digest[STOK_DIGEST_LEN], const stok_token_record_t *rec)
{
    if (keys->dataset_len == 0) {
        return 0;
    }

    return stok_seal_token_by(out, keys, &keys->key[0], digest, rec);
}


size_t
stok_seal_user(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    stok_str_t id, const stok_user_record_t *rec)
{
    if (keys->dataset_len == 0) {
        return 0;
    }

    return stok_seal_user_by(out, keys, &keys->key[0], id, rec);
}


void
stok_seal_check_token(const stok_keys_t *keys,
    const uint8_t digest[STOK_DIGEST_LEN], stok_token_record_t *rec)
{
    char               seal[STOK_SEAL_MAX];
    size_t             len;
    const stok_key_t  *key;

    rec->tampered = 1;

    key = stok_seal_key(keys, rec->seal);
    if (key == NULL) {
        return;
    }

    len = stok_seal_token_by(seal, keys, key, digest, rec);

    rec->tampered = stok_seal_tampered(rec->seal, seal, len);
}


void
stok_seal_check_user(const stok_keys_t *keys, stok_str_t id,
    stok_user_record_t *rec)
{
    char               seal[STOK_SEAL_MAX];
    size_t             len;
    const stok_key_t  *key;

    rec->tampered = 1;

    key = stok_seal_key(keys, rec->seal);
    if (key == NULL) {
        return;
    }

    len = stok_seal_user_by(seal, keys, key, id, rec);

    rec->tampered = stok_seal_tampered(rec->seal, seal, len);
}


static size_t
stok_seal_token_by(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    const stok_key_t *key, const uint8_t digest[STOK_DIGEST_LEN],
    const stok_token_record_t *rec)
{
    char         hex[STOK_DIGEST_HEX];
    stok_str_t   text;
    stok_seal_t  seal;

    stok_digest_hex(digest, hex);
    text.data = hex;
    text.len = STOK_DIGEST_HEX;

    stok_seal_start(&seal, keys, key, "stok-seal-2 token\n");
    stok_seal_field(&seal, text);
    stok_seal_field(&seal, rec->id);
    stok_seal_field(&seal, rec->user);
    stok_seal_field(&seal, rec->name);
    stok_seal_field(&seal, stok_type_name(rec->type));
    stok_seal_field(&seal, rec->scope);
    stok_seal_field(&seal, rec->env);
    stok_seal_field(&seal, stok_token_status_name(rec->status));
    stok_seal_number(&seal, (uint64_t) rec->expires_at);
    stok_seal_field(&seal, rec->networks);
    stok_seal_field(&seal, rec->rate);

    return stok_seal_done(&seal, out);
}


static size_t
stok_seal_user_by(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    const stok_key_t *key, stok_str_t id, const stok_user_record_t *rec)
{
    stok_seal_t  seal;

    stok_seal_start(&seal, keys, key, "stok-seal-2 user\n");
    stok_seal_field(&seal, id);
    stok_seal_field(&seal, stok_user_kind_name(rec->kind));
    stok_seal_field(&seal, rec->name);
    stok_seal_field(&seal, rec->role);
    stok_seal_field(&seal, stok_user_status_name(rec->status));
    stok_seal_field(&seal, rec->use_case);

    return stok_seal_done(&seal, out);
}


static uint8_t
stok_seal_tampered(stok_str_t seal, const char *right, size_t len)
{
    return len != seal.len || !stok_digest_equal(right, seal.data, len);
}


static void
stok_seal_start(stok_seal_t *seal, const stok_keys_t *keys,
    const stok_key_t *key, const char *head)
{
    stok_str_t  dataset;

    seal->key = key;
    seal->ctx = key->inner;

    dataset.data = keys->dataset;
    dataset.len = keys->dataset_len;

    SHA256_Update(&seal->ctx, head, strlen(head));
    stok_seal_field(seal, dataset);
}


static void
stok_seal_field(stok_seal_t *seal, stok_str_t value)
{
    char    len[20];
    size_t  n;

    n = stok_seal_decimal(len, value.len);

    SHA256_Update(&seal->ctx, len, n);
    SHA256_Update(&seal->ctx, ":", 1);
    SHA256_Update(&seal->ctx, value.data, value.len);
    SHA256_Update(&seal->ctx, "\n", 1);
}


static void
stok_seal_number(stok_seal_t *seal, uint64_t value)
{
    char        text[20];
    stok_str_t  field;

    field.data = text;
    field.len = stok_seal_decimal(text, value);

    stok_seal_field(seal, field);
}


static size_t
stok_seal_done(stok_seal_t *seal, char out[STOK_SEAL_MAX])
{
    size_t   n;
    uint8_t  mac[STOK_DIGEST_LEN];

    SHA256_Final(mac, &seal->ctx);

    seal->ctx = seal->key->outer;
    SHA256_Update(&seal->ctx, mac, STOK_DIGEST_LEN);
    SHA256_Final(mac, &seal->ctx);

    OPENSSL_cleanse(&seal->ctx, sizeof(seal->ctx));

    n = seal->key->name_len;

    memcpy(out, seal->key->name, n);
    out[n++] = ':';
    stok_digest_hex(mac, out + n);

    return n + STOK_DIGEST_HEX;
}


/* the key that a seal names, or NULL: then it is wrong */

static const stok_key_t *
stok_seal_key(const stok_keys_t *keys, stok_str_t seal)
{
    size_t  name;

    if (keys == NULL || keys->dataset_len == 0
        || seal.len <= STOK_DIGEST_HEX + 1)
    {
        return NULL;
    }

    name = seal.len - STOK_DIGEST_HEX - 1;

    if (seal.data[name] != ':') {
        return NULL;
    }

    return stok_keys_find(keys, seal.data, name);
}


static size_t
stok_seal_decimal(char out[20], uint64_t value)
{
    char    text[20];
    size_t  i, n;

    n = 0;

    do {
        text[n++] = (char) ('0' + value % 10);
        value /= 10;
    } while (value);

    for (i = 0; i < n; i++) {
        out[i] = text[n - 1 - i];
    }

    return n;
}
