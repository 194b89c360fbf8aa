/*
 * A key that Redis names as changed -> what it stands for.  The names are
 * those under the tracked prefixes; anybody with write access to Redis chooses
 * them, so they may hold any bytes.
 */


#ifndef STOK_WATCH_H
#define STOK_WATCH_H


#include "stok.h"
#include "stok_digest.h"


/* Redis counts with signed numbers of 64 bits */
#define STOK_WATCH_TICK_MAX  INT64_MAX


typedef enum {
    STOK_WATCH_UNKNOWN = 0,                      /* no key of this dataset */
    STOK_WATCH_TOKEN,                            /* digest */
    STOK_WATCH_USER,                             /* text: the user's id */
    STOK_WATCH_TICK,                             /* tick */
    STOK_WATCH_MARK                              /* text: the nonce */
} stok_watch_e;


typedef struct {
    uint8_t     digest[STOK_DIGEST_LEN];
    stok_str_t  text;                            /* points into the key */
    uint64_t    tick;
} stok_watch_t;


/*
 *     <prefix>token:<64 hex, lower case>
 *     <prefix>user:<1 to STOK_USER_ID_MAX bytes>
 *     <prefix>watch:tick:<decimal, at most STOK_WATCH_TICK_MAX>
 *     <prefix>watch:mark:<1 byte or more>
 *
 * Only the member that belongs to the answer is set, the others are zero.
 */
stok_watch_e stok_watch_parse(stok_str_t prefix, const char *key, size_t len,
    stok_watch_t *watch);


#endif /* STOK_WATCH_H */
