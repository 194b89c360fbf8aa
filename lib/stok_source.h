/*
 * Tokens at other places than in Authorization: Bearer.  The result points
 * into the input; whether it is a b64token is asked later, as of any
 * (stok_bearer_check).
 *
 * STOK_OK: it is there, and *text is what it is, perhaps empty.
 * STOK_DECLINED: it is not there.  STOK_INVALID: it was sent twice, or cannot
 * be read.
 */


#ifndef STOK_SOURCE_H
#define STOK_SOURCE_H


#include "stok.h"


/* without blanks and tabs around it */
stok_str_t stok_source_trim(const char *p, size_t len);

/* "<scheme> <text>", in any case of letters; scheme is in lower case */
int stok_source_scheme(const char *value, size_t len, stok_str_t scheme,
    stok_str_t *text);

/*
 * The text behind "Basic" (RFC 7617): the password, or the user's name if the
 * password is empty.  buf has len / 4 * 3 bytes, or more, and *text points
 * there; STOK_OK or STOK_INVALID.
 */
int stok_source_basic(const char *p, size_t len, char *buf, stok_str_t *text);

/* of a Cookie header (RFC 6265), without double quotes around it */
int stok_source_cookie(const char *value, size_t len, stok_str_t name,
    stok_str_t *text);

/*
 * Of a query, "name=value&...", as it stands there.  A name that is encoded is
 * another name: configurations that take the argument out know only this one.
 */
int stok_source_query(const char *args, size_t len, stok_str_t name,
    stok_str_t *text);

/* "%41" -> "A", in buf of len bytes; STOK_OK or STOK_INVALID */
int stok_source_decode(const char *p, size_t len, char *buf,
    stok_str_t *text);

/* of Sec-WebSocket-Protocol: "bearer.<text>", or what follows "bearer" */
int stok_source_subprotocol(const char *value, size_t len, stok_str_t *text);


#endif /* STOK_SOURCE_H */
