/*
 * Token -> digest: SHA-256, or HMAC-SHA-256 (RFC 2104) with a key; and the
 * key file, which names the dataset that its keys belong to.  SHA-256 is
 * libcrypto's; its states lie in the caller's memory, so nothing is allocated.
 */


#ifndef STOK_DIGEST_H
#define STOK_DIGEST_H


/* deprecated, but the other functions of libcrypto 3 allocate */

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include <openssl/sha.h>

#include "stok.h"


#define STOK_DIGEST_LEN    32
#define STOK_DIGEST_HEX    64                    /* lower case, no zero */
#define STOK_KEY_LEN       32                    /* bytes */
#define STOK_KEY_NAME_MAX  32
#define STOK_KEYS_MAX      8
#define STOK_KEY_FILE_MAX  8192                  /* bytes of a key file */
#define STOK_DATASET_LEN   32                    /* hex digits of its id */


/* a key, with the two halves of HMAC computed ahead */
typedef struct {
    char        name[STOK_KEY_NAME_MAX];
    size_t      name_len;
    SHA256_CTX  inner;
    SHA256_CTX  outer;
} stok_key_t;


/* the first key is the current one; the dataset's id is in lower case */
typedef struct {
    stok_key_t  key[STOK_KEYS_MAX];
    size_t      n;
    char        dataset[STOK_DATASET_LEN];
    size_t      dataset_len;                     /* 0: none is named */
} stok_keys_t;


/* key NULL: SHA-256, else HMAC-SHA-256 */
void stok_digest(const stok_key_t *key, const void *data, size_t len,
    uint8_t digest[STOK_DIGEST_LEN]) stok_hot;

void stok_digest_hex(const uint8_t digest[STOK_DIGEST_LEN],
    char hex[STOK_DIGEST_HEX]);

/* 1 if equal, 0 if not, in a time that does not depend on the bytes */
int stok_digest_equal(const void *a, const void *b, size_t len);

/*
 * name: 1 to STOK_KEY_NAME_MAX of [A-Za-z0-9._-] and not "dataset", else
 * STOK_INVALID
 */
int stok_key_init(stok_key_t *key, const char *name, size_t name_len,
    const uint8_t secret[STOK_KEY_LEN]);

/*
 * The text of a key file: one key per line, a name, blanks, 64 hex digits of
 * either case; and a line "dataset", blanks, 32 hex digits, which a file may
 * lack only until a dataset is made for it: the caller refuses such a file
 * before it seals or checks seals.  Empty lines and lines that begin with "#"
 * are passed over, and so are blanks and a CR at the end of a line.
 * STOK_INVALID: no key, more than STOK_KEYS_MAX, two of one name, two
 * datasets, or a line of another form; *line is its number, from 1 (0: no key
 * at all), and *why says what is wrong, without the key; keys is wiped.  The
 * caller wipes text and, when it is done, keys.
 */
int stok_keys_parse(stok_keys_t *keys, const char *text, size_t len,
    size_t *line, const char **why);

/* 1: the file names this dataset, and no other */
int stok_keys_dataset(const stok_keys_t *keys, const char *id, size_t len);

/* the key of that name, or NULL */
const stok_key_t *stok_keys_find(const stok_keys_t *keys, const char *name,
    size_t len);


#endif /* STOK_DIGEST_H */
