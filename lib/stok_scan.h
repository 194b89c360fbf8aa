/*
 * Finds our tokens in any bytes: by their shape and their checksum, whatever
 * stands around them and whatever their brand.
 *
 * A wrong find has a chance of 2^-32 for each text of the right shape.
 */


#ifndef STOK_SCAN_H
#define STOK_SCAN_H


#include "stok.h"
#include "stok_token.h"


/*
 * The first token in data that begins at *pos or later, and ends within len.
 * STOK_OK: *token says what it is; token->brand.data is where it begins; *pos
 * is behind it.  STOK_DECLINED: there is none.
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


#endif /* STOK_SCAN_H */
