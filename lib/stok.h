/*
 * What every file of the library shares: answers, a string view, and whether
 * two strings are the same.
 *
 * The library is pure: no allocation, no globals, no logging, no input or
 * output.  Strings are a pointer and a length and need no closing zero; an
 * answer that points at text points into what the caller gave.
 */


#ifndef STOK_H
#define STOK_H


#include <stddef.h>
#include <stdint.h>


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

/* 1: so many bytes are the same; not for secrets: it stops at a difference */
int stok_same(const void *a, const void *b, size_t len) stok_hot;


#endif /* STOK_H */
