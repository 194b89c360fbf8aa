/*
 * stok_bearer against the grammar of RFC 6750 section 2.1, read byte by byte.
 *
 * Input: the value of an Authorization header.
 */


#include "fuzz.h"
#include "stok_bearer.h"


static int bearer_alnum(unsigned ch);
static int bearer_tchar(unsigned ch);
static int bearer_b64(unsigned ch);
static int bearer_token(const uint8_t *p, size_t len);
static int bearer_value(const uint8_t *p, size_t len, size_t *start);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          rc, found;
    size_t       start;
    stok_str_t   token, rest;
    const char  *value;

    value = (const char *) data;

    rc = stok_bearer_parse(value, size, &token);

    fuzz_check(rc == bearer_value(data, size, &start));

    if (rc == STOK_OK) {
        fuzz_check(token.data == value + start);
        fuzz_check(token.len == size - start);

    } else {
        fuzz_check(token.len == 0);
    }

    /* find answers the same, but for what check says of the rest */

    found = stok_bearer_find(value, size, &rest);

    if (found != rc) {
        fuzz_check(found == STOK_OK && rc == STOK_INVALID);
        fuzz_check(stok_bearer_check(rest.data, rest.len) == STOK_INVALID);
    }

    if (found == STOK_OK) {
        fuzz_check(rest.len >= 1 && rest.len <= STOK_BEARER_MAX);
        fuzz_check(rest.data + rest.len == value + size);

    } else {
        fuzz_check(rest.len == 0);
    }

    fuzz_check((stok_bearer_check(value, size) == STOK_OK)
               == bearer_token(data, size));

    return 0;
}


static int
bearer_alnum(unsigned ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
           || (ch >= '0' && ch <= '9');
}


/* RFC 9110 section 5.6.2 */

static int
bearer_tchar(unsigned ch)
{
    return bearer_alnum(ch)
           || (ch != 0 && strchr("!#$%&'*+-.^_`|~", (int) ch) != NULL);
}


static int
bearer_b64(unsigned ch)
{
    return bearer_alnum(ch)
           || (ch != 0 && strchr("-._~+/", (int) ch) != NULL);
}


/* 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */

static int
bearer_token(const uint8_t *p, size_t len)
{
    size_t  i;
    enum { FIRST, BODY, PADDING } state;

    state = FIRST;

    for (i = 0; i < len; i++) {

        if (bearer_b64(p[i]) && state != PADDING) {
            state = BODY;

        } else if (p[i] == '=' && state != FIRST) {
            state = PADDING;

        } else {
            return 0;
        }
    }

    return state != FIRST && len <= STOK_BEARER_MAX;
}


static int
bearer_value(const uint8_t *p, size_t len, size_t *start)
{
    size_t  i;

    static const char  lower[] = "bearer";
    static const char  upper[] = "BEARER";

    for (i = 0; i < 6; i++) {
        if (i == len || (p[i] != lower[i] && p[i] != upper[i])) {
            return STOK_DECLINED;
        }
    }

    if (i == len) {
        return STOK_INVALID;
    }

    if (bearer_tchar(p[i])) {
        return STOK_DECLINED;
    }

    if (p[i] != ' ') {
        return STOK_INVALID;
    }

    while (i < len && p[i] == ' ') {
        i++;
    }

    *start = i;

    return bearer_token(p + i, len - i) ? STOK_OK : STOK_INVALID;
}
