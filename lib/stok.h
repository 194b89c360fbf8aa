/*
 * Shared by all files of the library: answers, a string view, and whether two
 * strings are the same.
 *
 * The library is pure: no allocation, no globals, no logging, no input or
 * output.  Strings are a pointer and a length and need no closing zero; an
 * answer that points at text points into what the caller gave.
 */


#ifndef STOK_H
#define STOK_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define STOK_VERSION  "0.1.0"

#define STOK_OK         0
#define STOK_INVALID   -1       /* the input's fault */
#define STOK_ERROR     -2       /* ours, or the caller's: a buffer too small */
#define STOK_DECLINED  -3       /* well-formed, but not what was asked for */


typedef struct {
    const char  *data;
    size_t       len;
} stok_str_t;


#define stok_string(s)  { s, sizeof(s) - 1 }

/*
 * On the way of each request: these lie together.  Between two requests the
 * kernel and nginx need the processor's caches, so what is spread over more
 * pages and lines is slower.
 */
#define stok_hot          __attribute__((hot))
#define stok_likely(x)    __builtin_expect(!!(x), 1)
#define stok_unlikely(x)  __builtin_expect(!!(x), 0)

/* beside what is frequent, which needs neither its registers nor its stack */
#define stok_apart        __attribute__((noinline))

/*
 * 1: so many bytes are the same; not for secrets: it stops at a difference.
 * For short strings, on each request several times, where memcmp() would be a
 * call out of the module: so by words, and in place.
 */
static inline int
stok_same(const void *a, const void *b, size_t len)
{
    uint32_t        s, t;
    uint64_t        v, w;
    const uint8_t  *p, *q;

    p = (const uint8_t *) a;
    q = (const uint8_t *) b;

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

        memcpy(&v, p - (sizeof(v) - len), sizeof(v));
        memcpy(&w, q - (sizeof(w) - len), sizeof(w));

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


#endif /* STOK_H */
