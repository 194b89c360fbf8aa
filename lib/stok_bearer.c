/*
 * Authorization -> bearer token; see stok_bearer.h.
 */


#include "stok_bearer.h"


#define STOK_TCHAR  1                            /* RFC 9110 section 5.6.2 */
#define STOK_B64    2                            /* b64token without "=" */


static const uint8_t  stok_bearer_class[256] = {
    ['!'] = STOK_TCHAR, ['#'] = STOK_TCHAR, ['$'] = STOK_TCHAR,
    ['%'] = STOK_TCHAR, ['&'] = STOK_TCHAR, ['\''] = STOK_TCHAR,
    ['*'] = STOK_TCHAR, ['^'] = STOK_TCHAR, ['`'] = STOK_TCHAR,
    ['|'] = STOK_TCHAR,
    ['/'] = STOK_B64,
    ['+'] = 3, ['-'] = 3, ['.'] = 3, ['_'] = 3, ['~'] = 3,
    ['0'] = 3, ['1'] = 3, ['2'] = 3, ['3'] = 3, ['4'] = 3,
    ['5'] = 3, ['6'] = 3, ['7'] = 3, ['8'] = 3, ['9'] = 3,
    ['A'] = 3, ['B'] = 3, ['C'] = 3, ['D'] = 3, ['E'] = 3, ['F'] = 3,
    ['G'] = 3, ['H'] = 3, ['I'] = 3, ['J'] = 3, ['K'] = 3, ['L'] = 3,
    ['M'] = 3, ['N'] = 3, ['O'] = 3, ['P'] = 3, ['Q'] = 3, ['R'] = 3,
    ['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3,
    ['Y'] = 3, ['Z'] = 3,
    ['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3,
    ['g'] = 3, ['h'] = 3, ['i'] = 3, ['j'] = 3, ['k'] = 3, ['l'] = 3,
    ['m'] = 3, ['n'] = 3, ['o'] = 3, ['p'] = 3, ['q'] = 3, ['r'] = 3,
    ['s'] = 3, ['t'] = 3, ['u'] = 3, ['v'] = 3, ['w'] = 3, ['x'] = 3,
    ['y'] = 3, ['z'] = 3
};


static int stok_bearer_scheme(const char *p, size_t len);


int
stok_bearer_parse(const char *value, size_t len, stok_str_t *token)
{
    size_t  i;

    token->data = value;
    token->len = 0;

    for (i = 0; i < len; i++) {
        if (!(stok_bearer_class[(uint8_t) value[i]] & STOK_TCHAR)) {
            break;
        }
    }

    if (!stok_bearer_scheme(value, i)) {
        return STOK_DECLINED;
    }

    if (i == len || value[i] != ' ') {
        return STOK_INVALID;
    }

    while (i < len && value[i] == ' ') {
        i++;
    }

    if (stok_bearer_check(value + i, len - i) != STOK_OK) {
        return STOK_INVALID;
    }

    token->data = value + i;
    token->len = len - i;

    return STOK_OK;
}


int
stok_bearer_check(const char *p, size_t len)
{
    size_t  i;

    if (len == 0 || len > STOK_BEARER_MAX) {
        return STOK_INVALID;
    }

    for (i = 0; i < len; i++) {
        if (!(stok_bearer_class[(uint8_t) p[i]] & STOK_B64)) {
            break;
        }
    }

    if (i == 0) {
        return STOK_INVALID;
    }

    while (i < len) {
        if (p[i++] != '=') {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


static int
stok_bearer_scheme(const char *p, size_t len)
{
    size_t             i;
    static const char  name[] = "bearer";

    if (len != sizeof(name) - 1) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if ((p[i] | 0x20) != name[i]) {
            return 0;
        }
    }

    return 1;
}
