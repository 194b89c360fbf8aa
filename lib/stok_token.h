/*
 * The format of our own tokens:
 *
 *     <brand>_<svc|pat|scim>_<32 base62><6 base62>
 *
 * brand is 2 to 16 of [a-z0-9]; the last six digits are the CRC-32 (IEEE
 * 802.3, as in zlib) of all that stands before them, base62, most significant
 * digit first, zero-padded.  Digits are 0-9A-Za-z in that order.
 */


#ifndef STOK_TOKEN_H
#define STOK_TOKEN_H


#include "stok.h"


#define STOK_BRAND_MIN     2
#define STOK_BRAND_MAX     16
#define STOK_TOKEN_SECRET  32                    /* base62, 190 bits */
#define STOK_TOKEN_CHECK   6
#define STOK_TOKEN_RANDOM  64                    /* bytes that make needs */
#define STOK_TOKEN_MAX     (STOK_BRAND_MAX + 6 + STOK_TOKEN_SECRET           \
                            + STOK_TOKEN_CHECK)

#define STOK_ID_DIGITS     16
#define STOK_ID_LEN        (sizeof("tok_") - 1 + STOK_ID_DIGITS)


typedef enum {
    STOK_KIND_FOREIGN = 0,
    STOK_KIND_SVC,
    STOK_KIND_PAT,
    STOK_KIND_SCIM
} stok_kind_e;


typedef struct {
    stok_kind_e  kind;
    stok_str_t   brand;                          /* empty if foreign */
} stok_token_t;


/*
 * STOK_OK: ours, and the checksum is right; *token says what it is.
 * STOK_DECLINED: of another shape: foreign, token->kind says so.
 * STOK_INVALID: of our shape, with a checksum that is wrong.
 * The caller has checked the grammar (stok_bearer_check).
 */
int stok_token_parse(const char *p, size_t len, stok_token_t *token);

/* STOK_OK if brand may be one, else STOK_INVALID */
int stok_brand_check(const char *p, size_t len);

/*
 * Writes a token into out (no closing zero) and its length into *len.
 * random: STOK_TOKEN_RANDOM bytes from a CSPRNG; digits are drawn from them
 * without bias.  STOK_INVALID: a bad brand or kind.  STOK_ERROR: too many of
 * the bytes were unusable (chance below 2^-90): call again with new ones.
 */
int stok_token_make(const char *brand, size_t brand_len, stok_kind_e kind,
    const uint8_t random[STOK_TOKEN_RANDOM], char out[STOK_TOKEN_MAX],
    size_t *len);

/* "tok_" and 16 base62 digits, no closing zero; random, answers as above */
int stok_id_make(const uint8_t random[STOK_TOKEN_RANDOM],
    char out[STOK_ID_LEN]);

/* CRC-32 as in zlib */
uint32_t stok_crc32(const char *p, size_t len);


#endif /* STOK_TOKEN_H */
