/*
 * The value of an Authorization header -> the bearer token in it.
 *
 * RFC 9110 section 11.4 (credentials), RFC 6750 section 2.1:
 *
 *     credentials = "Bearer" 1*SP b64token
 *     b64token    = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" )
 *                   *"="
 */


#ifndef STOK_BEARER_H
#define STOK_BEARER_H


#include "stok.h"


/* bytes of the longest token that is looked at; a longer one is invalid */
#define STOK_BEARER_MAX  512


/*
 * STOK_OK: *token is the token inside value.
 * STOK_DECLINED: an empty value, or another scheme; *token is empty.
 * STOK_INVALID: the scheme is Bearer (in any case of letters) and what
 * follows is not 1*SP b64token, or is longer than STOK_BEARER_MAX.
 */
int stok_bearer_parse(const char *value, size_t len, stok_str_t *token);

/*
 * The two halves of it.  find: the same, but what follows may be anything of 1
 * to STOK_BEARER_MAX bytes.  check: STOK_OK if that is one b64token, else
 * STOK_INVALID.
 */
int stok_bearer_find(const char *value, size_t len, stok_str_t *token)
    stok_hot;
int stok_bearer_check(const char *p, size_t len);


#endif /* STOK_BEARER_H */
