/*
 * Token -> digest, and the key file; see stok_digest.h.
 */


#include "stok_digest.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <string.h>


#define STOK_HMAC_BLOCK  64                      /* of SHA-256, RFC 2104 */

/*
 * The compiler keeps the stores before it, though nothing reads them: this is
 * explicit_bzero() in place, without its calls.
 */
#define stok_keep(p)  __asm__ volatile ("" : : "r" (p) : "memory")


static void stok_digest_last(SHA256_CTX *ctx, size_t before, const void *data,
    size_t len, uint8_t digest[STOK_DIGEST_LEN]) stok_hot;
static int stok_keys_line(stok_keys_t *keys, const char *p, size_t len,
    const char **why);
static int stok_keys_line_dataset(stok_keys_t *keys, const char *p,
    size_t len, const char **why);
static int stok_keys_word(const char *p, size_t len, const char *word);
static int stok_key_name_check(const char *name, size_t len);
static int stok_hex_bytes(const char *hex, uint8_t *bytes, size_t n);
static int stok_hex_digit(char ch);


void
stok_digest(const stok_key_t *key, const void *data, size_t len,
    uint8_t digest[STOK_DIGEST_LEN])
{
    SHA256_CTX  ctx;

    if (stok_likely(key == NULL)) {
        SHA256_Init(&ctx);
        stok_digest_last(&ctx, 0, data, len, digest);

    } else {
        ctx = key->inner;
        stok_digest_last(&ctx, STOK_HMAC_BLOCK, data, len, digest);

        ctx = key->outer;
        stok_digest_last(&ctx, STOK_HMAC_BLOCK, digest, STOK_DIGEST_LEN,
                         digest);
    }
}


/*
 * The rest of a message of which ctx has taken whole blocks, so many bytes.
 * A text that fits the last block, as most tokens do, is padded here (FIPS
 * 180-4, section 5.1.1): Update and Final would take some 400 instructions
 * more.  Nothing is left but the digest: ctx holds the same, and no key; Final
 * wipes what it was given.
 */

static void
stok_digest_last(SHA256_CTX *ctx, size_t before, const void *data, size_t len,
    uint8_t digest[STOK_DIGEST_LEN])
{
    size_t    i, bits;
    uint8_t   block[SHA256_CBLOCK];
    uint32_t  word;

    if (stok_unlikely(len > sizeof(block) - 1 - sizeof(uint64_t))) {
        SHA256_Update(ctx, data, len);
        SHA256_Final(digest, ctx);
        return;
    }

    memset(block, 0, sizeof(block));
    if (stok_likely(len)) {
        memcpy(block, data, len);
    }

    block[len] = 0x80;

    bits = (before + len) * 8;
    block[sizeof(block) - 2] = (uint8_t) (bits >> 8);
    block[sizeof(block) - 1] = (uint8_t) bits;

    SHA256_Transform(ctx, block);

    for (i = 0; i < STOK_DIGEST_LEN; i += sizeof(word)) {
        word = htonl((uint32_t) ctx->h[i / sizeof(word)]);
        memcpy(digest + i, &word, sizeof(word));
    }

    memset(block, 0, sizeof(block));
    stok_keep(block);
}


/*
 * Four bytes at a time: each half of a byte in a byte of its own, the first in
 * the highest.  Six more than a digit has a carry if it is a letter.
 */

void
stok_digest_hex(const uint8_t digest[STOK_DIGEST_LEN],
    char hex[STOK_DIGEST_HEX])
{
    size_t    i, k;
    uint32_t  word;
    uint64_t  x;

    for (i = 0; i < STOK_DIGEST_LEN; i += sizeof(word)) {
        memcpy(&word, digest + i, sizeof(word));

        x = ntohl(word);
        x = (x | x << 16) & 0x0000ffff0000ffff;
        x = (x | x << 8) & 0x00ff00ff00ff00ff;
        x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;

        x += 0x3030303030303030
             + (((x + 0x0606060606060606) >> 4) & 0x0101010101010101)
               * ('a' - '0' - 10);

        for (k = 0; k < sizeof(x); k++) {
            hex[i * 2 + k] = (char) (x >> (56 - k * 8));
        }
    }
}


int
stok_digest_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


int
stok_key_init(stok_key_t *key, const char *name, size_t name_len,
    const uint8_t secret[STOK_KEY_LEN])
{
    size_t   i;
    uint8_t  pad[STOK_HMAC_BLOCK];

    if (stok_key_name_check(name, name_len) != STOK_OK) {
        return STOK_INVALID;
    }

    memset(key, 0, sizeof(*key));
    memcpy(key->name, name, name_len);
    key->name_len = name_len;

    memset(pad, 0x36, sizeof(pad));

    for (i = 0; i < STOK_KEY_LEN; i++) {
        pad[i] ^= secret[i];
    }

    SHA256_Init(&key->inner);
    SHA256_Update(&key->inner, pad, sizeof(pad));

    for (i = 0; i < STOK_HMAC_BLOCK; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }

    SHA256_Init(&key->outer);
    SHA256_Update(&key->outer, pad, sizeof(pad));

    OPENSSL_cleanse(pad, sizeof(pad));

    return STOK_OK;
}


int
stok_keys_parse(stok_keys_t *keys, const char *text, size_t len, size_t *line,
    const char **why)
{
    size_t       i, n, next;
    const char  *p, *end;

    keys->n = 0;
    keys->dataset_len = 0;
    *line = 0;
    *why = NULL;

    for (i = 0; i < len; i = next) {
        (*line)++;

        p = text + i;
        end = memchr(p, '\n', len - i);
        n = (end == NULL) ? len - i : (size_t) (end - p);
        next = i + n + 1;

        while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'
                     || p[n - 1] == '\r'))
        {
            n--;
        }

        if (n == 0 || p[0] == '#') {
            continue;
        }

        if (stok_keys_line(keys, p, n, why) != STOK_OK) {
            OPENSSL_cleanse(keys, sizeof(*keys));
            return STOK_INVALID;
        }
    }

    if (keys->n == 0) {
        OPENSSL_cleanse(keys, sizeof(*keys));
        *line = 0;
        *why = "there is no key";
        return STOK_INVALID;
    }

    return STOK_OK;
}


int
stok_keys_dataset(const stok_keys_t *keys, const char *id, size_t len)
{
    return len != 0 && len == keys->dataset_len
           && memcmp(keys->dataset, id, len) == 0;
}


const stok_key_t *
stok_keys_find(const stok_keys_t *keys, const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < keys->n; i++) {
        if (keys->key[i].name_len == len
            && memcmp(keys->key[i].name, name, len) == 0)
        {
            return &keys->key[i];
        }
    }

    return NULL;
}


static int
stok_keys_line(stok_keys_t *keys, const char *p, size_t len, const char **why)
{
    int      rc;
    size_t   i, name;
    uint8_t  secret[STOK_KEY_LEN];

    for (name = 0; name < len; name++) {
        if (p[name] == ' ' || p[name] == '\t') {
            break;
        }
    }

    for (i = name; i < len && (p[i] == ' ' || p[i] == '\t'); i++) {
        /* void */
    }

    if (stok_keys_word(p, name, "dataset")) {
        return stok_keys_line_dataset(keys, p + i, len - i, why);
    }

    if (stok_key_name_check(p, name) != STOK_OK) {
        *why = "a key name is 1 to 32 of [A-Za-z0-9._-]";
        return STOK_INVALID;
    }

    if (len - i != STOK_KEY_LEN * 2) {
        *why = "a name, blanks and 64 hex digits are expected";
        return STOK_INVALID;
    }

    if (stok_keys_find(keys, p, name) != NULL) {
        *why = "a key of this name is there already";
        return STOK_INVALID;
    }

    if (keys->n == STOK_KEYS_MAX) {
        *why = "there are more than 8 keys";
        return STOK_INVALID;
    }

    rc = stok_hex_bytes(p + i, secret, STOK_KEY_LEN);

    if (rc == STOK_OK) {
        rc = stok_key_init(&keys->key[keys->n++], p, name, secret);

    } else {
        *why = "a key is 64 hex digits";
    }

    OPENSSL_cleanse(secret, sizeof(secret));

    return rc;
}


static int
stok_keys_line_dataset(stok_keys_t *keys, const char *p, size_t len,
    const char **why)
{
    size_t   i;
    uint8_t  id[STOK_DATASET_LEN / 2];

    if (keys->dataset_len) {
        *why = "a dataset is named already";
        return STOK_INVALID;
    }

    if (len != STOK_DATASET_LEN || stok_hex_bytes(p, id, sizeof(id)) != STOK_OK)
    {
        *why = "a dataset is 32 hex digits";
        return STOK_INVALID;
    }

    for (i = 0; i < STOK_DATASET_LEN; i++) {
        keys->dataset[i] = (char) (p[i] | (p[i] >= 'A' ? 0x20 : 0));
    }

    keys->dataset_len = STOK_DATASET_LEN;

    return STOK_OK;
}


static int
stok_keys_word(const char *p, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(p, word, len) == 0;
}


static int
stok_key_name_check(const char *name, size_t len)
{
    size_t  i;
    char    ch;

    if (len == 0 || len > STOK_KEY_NAME_MAX
        || stok_keys_word(name, len, "dataset"))
    {
        return STOK_INVALID;
    }

    for (i = 0; i < len; i++) {
        ch = name[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '.' || ch == '_'
              || ch == '-'))
        {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


static int
stok_hex_bytes(const char *hex, uint8_t *bytes, size_t n)
{
    int     hi, lo;
    size_t  i;

    for (i = 0; i < n; i++) {
        hi = stok_hex_digit(hex[i * 2]);
        lo = stok_hex_digit(hex[i * 2 + 1]);

        if (hi < 0 || lo < 0) {
            return STOK_INVALID;
        }

        bytes[i] = (uint8_t) (hi << 4 | lo);
    }

    return STOK_OK;
}


static int
stok_hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}
