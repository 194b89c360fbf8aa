/*
 * Classes of bytes, for the grammars of the Authorization header and of
 * tokens.  Between the files of the library; not for others.
 */


#ifndef STOK_CLASS_H
#define STOK_CLASS_H


#include "stok.h"


#define STOK_TCHAR   1                           /* RFC 9110 section 5.6.2 */
#define STOK_B64     2                           /* b64token without "=" */
#define STOK_BASE62  4                           /* 0-9 A-Z a-z */


extern const uint8_t  stok_class[256];


/* the classes that all bytes have; on every request, so four at a time */

static inline unsigned
stok_class_all(const char *p, size_t len)
{
    size_t          i;
    unsigned        all;
    const uint8_t  *s;

    s = (const uint8_t *) p;
    all = 0xff;

    for (i = 0; i + 4 <= len; i += 4) {
        all &= stok_class[s[i]] & stok_class[s[i + 1]]
               & stok_class[s[i + 2]] & stok_class[s[i + 3]];
    }

    for ( /* void */ ; i < len; i++) {
        all &= stok_class[s[i]];
    }

    return all;
}


#endif /* STOK_CLASS_H */
