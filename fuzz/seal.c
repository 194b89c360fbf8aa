/*
 * stok_seal: the seal is the HMAC, by libcrypto, of the text that the header
 * describes; two records have the same seal only if all of their fields are
 * the same, so no bytes can move from one field into the next; and a check
 * says "right" to no other bytes than the seal's.
 *
 * Input: "t" or "u", a byte with types and statuses, then fields up to a line
 * feed each: of one record, of another, and at last a seal.  Fields may hold
 * any other byte, and digits and colons, as the sealed text has them.
 */


#include "fuzz.h"
#include "stok_seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>


#define SEAL_TEXT     65536
#define SEAL_DATASET  "0123456789abcdef0123456789abcdef"


static stok_keys_t  seal_keys;
static uint8_t      seal_secret[STOK_KEY_LEN] = "a key for fuzzing";


static void seal_setup(void);
static void seal_tokens(stok_str_t rest, unsigned bits);
static void seal_users(stok_str_t rest, unsigned bits);
static void seal_token_fill(stok_token_record_t *rec, uint8_t *digest,
    stok_str_t *rest, unsigned bits);
static size_t seal_text(char *text, const char *head,
    const stok_str_t *field, size_t n);
static void seal_expect(const char *seal, size_t len, const char *text,
    size_t n);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stok_str_t  rest;

    if (size < 2 || size > SEAL_TEXT / 4) {
        return 0;
    }

    seal_setup();

    rest.data = (const char *) data + 2;
    rest.len = size - 2;

    if (data[0] == 't') {
        seal_tokens(rest, data[1]);

    } else {
        seal_users(rest, data[1]);
    }

    return 0;
}


static void
seal_setup(void)
{
    if (seal_keys.n) {
        return;
    }

    fuzz_check(stok_key_init(&seal_keys.key[0], "k1", 2, seal_secret)
               == STOK_OK);
    seal_keys.n = 1;
    memcpy(seal_keys.dataset, SEAL_DATASET, STOK_DATASET_LEN);
    seal_keys.dataset_len = STOK_DATASET_LEN;
}


static void
seal_tokens(stok_str_t rest, unsigned bits)
{
    int                   same;
    char                  out[2][STOK_SEAL_MAX], date[24], *text;
    char                  hex[STOK_DIGEST_HEX];
    size_t                i, len[2];
    uint8_t               digest[2][STOK_DIGEST_LEN];
    stok_str_t            field[11];
    stok_token_record_t   rec[2];

    text = malloc(SEAL_TEXT);
    fuzz_check(text != NULL);

    for (i = 0; i < 2; i++, bits >>= 2) {
        seal_token_fill(&rec[i], digest[i], &rest, bits);

        stok_digest_hex(digest[i], hex);
        field[0].data = hex;
        field[0].len = sizeof(hex);
        field[1] = rec[i].id;
        field[2] = rec[i].user;
        field[3] = rec[i].name;
        field[4] = stok_type_name(rec[i].type);
        field[5] = rec[i].scope;
        field[6] = rec[i].env;
        field[7] = stok_token_status_name(rec[i].status);
        field[8].data = date;
        field[8].len = (size_t) snprintf(date, sizeof(date), "%lld",
                                         (long long) rec[i].expires_at);
        field[9] = rec[i].networks;
        field[10] = rec[i].rate;

        len[i] = stok_seal_token(out[i], &seal_keys, digest[i], &rec[i]);
        seal_expect(out[i], len[i], text,
                    seal_text(text, "stok-seal-2 token\n", field, 11));
    }

    free(text);

    same = fuzz_same(rec[0].id, rec[1].id)
           && fuzz_same(rec[0].user, rec[1].user)
           && fuzz_same(rec[0].name, rec[1].name)
           && fuzz_same(rec[0].scope, rec[1].scope)
           && fuzz_same(rec[0].env, rec[1].env)
           && fuzz_same(rec[0].networks, rec[1].networks)
           && fuzz_same(rec[0].rate, rec[1].rate)
           && rec[0].type == rec[1].type && rec[0].status == rec[1].status
           && rec[0].expires_at == rec[1].expires_at
           && memcmp(digest[0], digest[1], STOK_DIGEST_LEN) == 0;

    fuzz_check(len[0] == len[1]);
    fuzz_check((memcmp(out[0], out[1], len[0]) == 0) == same);

    /* what is left is a seal that someone else has made */

    rec[0].seal = rest;
    stok_seal_check_token(&seal_keys, digest[0], &rec[0]);
    fuzz_check(rec[0].tampered == !(rest.len == len[0]
                                    && memcmp(rest.data, out[0], len[0])
                                       == 0));

    rec[0].seal.data = out[0];
    rec[0].seal.len = len[0];
    stok_seal_check_token(&seal_keys, digest[0], &rec[0]);
    fuzz_check(rec[0].tampered == 0);

    rec[0].seal.data = out[1];
    stok_seal_check_token(&seal_keys, digest[0], &rec[0]);
    fuzz_check(rec[0].tampered == !same);
}


static void
seal_users(stok_str_t rest, unsigned bits)
{
    int                  same;
    char                 out[2][STOK_SEAL_MAX], *text;
    size_t               i, len[2];
    stok_str_t           id[2], field[6];
    stok_user_record_t   rec[2];

    memset(rec, 0, sizeof(rec));

    text = malloc(SEAL_TEXT);
    fuzz_check(text != NULL);

    for (i = 0; i < 2; i++, bits >>= 3) {
        id[i] = fuzz_part(&rest, '\n');
        rec[i].name = fuzz_part(&rest, '\n');
        rec[i].role = fuzz_part(&rest, '\n');
        rec[i].use_case = fuzz_part(&rest, '\n');
        rec[i].kind = (uint8_t) (1 + (bits & 1));
        rec[i].status = (uint8_t) (1 + (bits >> 1 & 3));

        field[0] = id[i];
        field[1] = stok_user_kind_name(rec[i].kind);
        field[2] = rec[i].name;
        field[3] = rec[i].role;
        field[4] = stok_user_status_name(rec[i].status);
        field[5] = rec[i].use_case;

        len[i] = stok_seal_user(out[i], &seal_keys, id[i], &rec[i]);
        seal_expect(out[i], len[i], text,
                    seal_text(text, "stok-seal-2 user\n", field, 6));
    }

    free(text);

    same = fuzz_same(id[0], id[1]) && fuzz_same(rec[0].name, rec[1].name)
           && fuzz_same(rec[0].role, rec[1].role)
           && fuzz_same(rec[0].use_case, rec[1].use_case)
           && rec[0].kind == rec[1].kind && rec[0].status == rec[1].status;

    fuzz_check((memcmp(out[0], out[1], len[0]) == 0) == same);

    rec[0].seal = rest;
    stok_seal_check_user(&seal_keys, id[0], &rec[0]);
    fuzz_check(rec[0].tampered == !(rest.len == len[0]
                                    && memcmp(rest.data, out[0], len[0])
                                       == 0));

    rec[0].seal.data = out[1];
    rec[0].seal.len = len[1];
    stok_seal_check_user(&seal_keys, id[0], &rec[0]);
    fuzz_check(rec[0].tampered == !same);
}


static void
seal_token_fill(stok_token_record_t *rec, uint8_t *digest, stok_str_t *rest,
    unsigned bits)
{
    size_t      i;
    stok_str_t  text;

    memset(rec, 0, sizeof(*rec));
    memset(digest, 0, STOK_DIGEST_LEN);

    rec->id = fuzz_part(rest, '\n');
    rec->user = fuzz_part(rest, '\n');
    rec->name = fuzz_part(rest, '\n');
    rec->scope = fuzz_part(rest, '\n');
    rec->env = fuzz_part(rest, '\n');
    rec->networks = fuzz_part(rest, '\n');
    rec->rate = fuzz_part(rest, '\n');
    rec->type = (uint8_t) (1 + (bits & 1));
    rec->status = (uint8_t) (1 + (bits >> 1 & 1));

    text = fuzz_part(rest, '\n');

    for (i = 0; i < text.len && i < 11; i++) {
        rec->expires_at = rec->expires_at * 10 + (text.data[i] & 7);
    }

    digest[0] = (uint8_t) (text.len ? text.data[0] >> 3 : 0);
}


static size_t
seal_text(char *text, const char *head, const stok_str_t *field, size_t n)
{
    size_t  i, len;

    len = (size_t) sprintf(text, "%s32:%s\n", head, SEAL_DATASET);

    for (i = 0; i < n; i++) {
        len += (size_t) sprintf(text + len, "%zu:", field[i].len);

        if (field[i].len) {
            memcpy(text + len, field[i].data, field[i].len);
            len += field[i].len;
        }

        text[len++] = '\n';
    }

    return len;
}


static void
seal_expect(const char *seal, size_t len, const char *text, size_t n)
{
    char      hex[3 + 2 * STOK_DIGEST_LEN + 1];
    size_t    i;
    uint8_t   mac[STOK_DIGEST_LEN];
    unsigned  size;

    fuzz_check(HMAC(EVP_sha256(), seal_secret, STOK_KEY_LEN,
                    (const uint8_t *) text, n, mac, &size) != NULL);

    sprintf(hex, "k1:");

    for (i = 0; i < size; i++) {
        sprintf(hex + 3 + 2 * i, "%02x", mac[i]);
    }

    fuzz_check(len == strlen(hex) && memcmp(seal, hex, len) == 0);
}
