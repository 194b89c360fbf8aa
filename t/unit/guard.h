/*
 * Memory between two unreadable pages, for the inputs of parsers: a byte read
 * before or after the input ends the test with a fault.
 *
 * Include it first: it says which of the system's functions are wanted, and
 * brings in cmocka and what that needs.
 */


#ifndef GUARD_H
#define GUARD_H


#define _DEFAULT_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>


#define GUARD_PAGES  4                           /* that may be used */


typedef struct {
    char    *start;
    char    *end;
    size_t   page;
} guard_t;


static inline void
guard_create(guard_t *guard)
{
    char    *p;
    size_t   page;

    page = (size_t) sysconf(_SC_PAGESIZE);

    p = mmap(NULL, (GUARD_PAGES + 2) * page, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        abort();
    }

    if (mprotect(p, page, PROT_NONE) != 0
        || mprotect(p + (GUARD_PAGES + 1) * page, page, PROT_NONE) != 0)
    {
        abort();
    }

    guard->page = page;
    guard->start = p + page;
    guard->end = guard->start + GUARD_PAGES * page;
}


static inline void
guard_destroy(guard_t *guard)
{
    munmap(guard->start - guard->page, (GUARD_PAGES + 2) * guard->page);
}


/* len bytes that end where the memory ends */

static inline char *
guard_tail(guard_t *guard, const void *data, size_t len)
{
    if (len > (size_t) (guard->end - guard->start)) {
        abort();
    }

    if (len != 0) {
        memcpy(guard->end - len, data, len);
    }

    return guard->end - len;
}


/* len bytes that begin where the memory begins */

static inline char *
guard_head(guard_t *guard, const void *data, size_t len)
{
    if (len > (size_t) (guard->end - guard->start)) {
        abort();
    }

    if (len != 0) {
        memcpy(guard->start, data, len);
    }

    return guard->start;
}


/* a small generator, the same numbers in every run */

static inline uint32_t
guard_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;

    return *state;
}


#endif /* GUARD_H */
