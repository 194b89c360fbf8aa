/*
 * Shared by the fuzzing targets.  libFuzzer gives each input in memory of its
 * own length, so ASan sees a byte that is read beyond it.
 */


#ifndef FUZZ_H
#define FUZZ_H


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stok.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* what must hold for every input; a crash keeps the input */

#define fuzz_check(what)                                                     \
    do {                                                                     \
        if (!(what)) {                                                       \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,          \
                    __LINE__, #what);                                        \
            abort();                                                         \
        }                                                                    \
    } while (0)


static inline int
fuzz_same(stok_str_t a, stok_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


/* what stands before the first stop byte, which is left out; *rest moves */

static inline stok_str_t
fuzz_part(stok_str_t *rest, char stop)
{
    size_t      i;
    stok_str_t  part;

    for (i = 0; i < rest->len && rest->data[i] != stop; i++) { /* void */ }

    part.data = rest->data;
    part.len = i;

    i += i < rest->len;

    rest->data += i;
    rest->len -= i;

    return part;
}


#endif /* FUZZ_H */
