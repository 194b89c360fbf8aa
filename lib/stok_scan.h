/*
 * Finds our tokens in any bytes: by their shape and their checksum, whatever
 * stands around them and whatever their brand.
 *
 * A wrong find has a chance of 2^-32 for each text of the right shape.
 *
 * stok_scan64 finds those in base64, of either alphabet, wherever in it they
 * begin, in one line or in lines of 32 digits and more, and in base64 that is
 * in base64 itself, as Kubernetes stores the logins of registries.
 */


#ifndef STOK_SCAN_H
#define STOK_SCAN_H


#include "stok.h"
#include "stok_token.h"


/*
 * The first token in data that begins at *pos or later, and ends within len.
 * STOK_OK: *token says what it is; token->brand.data is where it begins; *pos
 * is behind it.  STOK_DECLINED: no token.
 *
 * In a stream: keep what follows stok_scan_keep() and put the next bytes
 * behind it; nothing is missed then, and nothing found twice.
 */
int stok_scan_next(const char *data, size_t len, size_t *pos,
    stok_token_t *token);

/*
 * Where a token may begin that data does not hold in full: pos is where the
 * last call of stok_scan_next() began that found none.
 */
size_t stok_scan_keep(size_t len, size_t pos);

/* bytes from token->brand.data on */
size_t stok_scan_len(const stok_token_t *token);

/* line feeds */
size_t stok_scan_lines(const char *data, size_t len);


#define STOK_SCAN64_TEXT  128
#define STOK_SCAN64_MAX   512                    /* bytes around a token */

typedef struct {
    stok_token_t  token;                         /* its brand is in text */
    size_t        at;                            /* within its base64 */
    char          text[STOK_SCAN64_TEXT];        /* decoded; for the caller to
                                                  * wipe */
} stok_scan64_t;

/* as those above; *pos is not behind the token, but so that it is not found
 * again */
int stok_scan64_next(const char *data, size_t len, size_t *pos,
    stok_scan64_t *found);
size_t stok_scan64_keep(size_t len, size_t pos);


#endif /* STOK_SCAN_H */
