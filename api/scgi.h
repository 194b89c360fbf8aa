/*
 * SCGI: the head of a request, as nginx sends it.
 *
 *     <length> ":" <name> NUL <value> NUL ... "," <body>
 *
 * Pure: what is found points into what was given.  The body is not looked at:
 * its length is the value of CONTENT_LENGTH, which stands first.
 */


#ifndef API_SCGI_H
#define API_SCGI_H


#include "stok.h"


#define SCGI_HEAD_MAX    16384                   /* bytes between ":" and "," */
#define SCGI_PARAMS_MAX  32


typedef struct {
    stok_str_t  name;
    stok_str_t  value;
} scgi_param_t;


typedef struct {
    size_t        n;
    scgi_param_t  param[SCGI_PARAMS_MAX];
    size_t        size;                          /* of the whole head */
    size_t        body;                          /* CONTENT_LENGTH */
} scgi_head_t;


/*
 * STOK_OK: a head.  STOK_DECLINED: so far it may become one, more bytes are
 * needed.  STOK_INVALID: not a head, too long, too many parameters, or a name
 * twice; no more bytes can make it one.
 */
int scgi_parse(const char *buf, size_t len, scgi_head_t *head);

/* NULL: there is no such parameter */
const stok_str_t *scgi_get(const scgi_head_t *head, const char *name);


#endif /* API_SCGI_H */
