/*
 * The replies of Redis (RESP2) that are read for every question: the strings
 * of a hash, or of some of its fields.  They are read where they lie, without
 * a copy.  Every other reply is left to hiredis' reader, which knows the whole
 * protocol; so this says "no" rather than judge.
 */


#ifndef STOK_RESP_H
#define STOK_RESP_H


#include "stok.h"


#define STOK_RESP_NILS  2

/*
 * The number of bytes that a reply at the start of buf has, if all of it is
 * there and it is a string or an array of at most max strings: *n of them are
 * then in str, and point into buf; *array is 0 for a string, 1 for an array,
 * and STOK_RESP_NILS for an array with nils, whose data is NULL.  0: it is
 * something else, in part, longer, or wrong.
 */
size_t stok_resp_strings(const char *buf, size_t len, stok_str_t *str,
    size_t max, size_t *n, int *array);


#endif /* STOK_RESP_H */
