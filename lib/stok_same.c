/*
 * Whether two short strings are the same.  On every request, several times,
 * where memcmp() is a call out of the module: so by words, here.
 */


#include "stok.h"

#include <string.h>


int
stok_same(const void *a, const void *b, size_t len)
{
    uint32_t        s, t;
    uint64_t        v, w;
    const uint8_t  *p, *q;

    p = a;
    q = b;

    if (len >= sizeof(v)) {

        for ( /* void */ ; len > sizeof(v); len -= sizeof(v)) {
            memcpy(&v, p, sizeof(v));
            memcpy(&w, q, sizeof(w));

            if (stok_unlikely(v != w)) {
                return 0;
            }

            p += sizeof(v);
            q += sizeof(w);
        }

        /* the last eight, some of them twice */

        memcpy(&v, p + len - sizeof(v), sizeof(v));
        memcpy(&w, q + len - sizeof(w), sizeof(w));

        return v == w;
    }

    if (len >= sizeof(s)) {
        memcpy(&s, p, sizeof(s));
        memcpy(&t, q, sizeof(t));

        if (s != t) {
            return 0;
        }

        memcpy(&s, p + len - sizeof(s), sizeof(s));
        memcpy(&t, q + len - sizeof(t), sizeof(t));

        return s == t;
    }

    while (len && *p == *q) {
        p++;
        q++;
        len--;
    }

    return len == 0;
}
