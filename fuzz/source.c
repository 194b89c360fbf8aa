/*
 * stok_source against references of its own: a cookie, an argument and a
 * subprotocol found by looking at every place where one may begin, and base64
 * by a table, one bit at a time.
 *
 * Input: a name and the text to search, separated by a zero byte.
 */


#include "fuzz.h"
#include "stok_source.h"


static void source_pairs(stok_str_t name, stok_str_t text);
static stok_str_t source_bare(stok_str_t text);
static void source_protocol(stok_str_t text);
static void source_basic(stok_str_t text);
static void source_decode(stok_str_t text);
static void source_expect(int rc, stok_str_t found, size_t n,
    stok_str_t wanted);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stok_str_t  name, text;

    text.data = (const char *) data;
    text.len = size;

    name = fuzz_part(&text, '\0');

    if (name.len) {
        source_pairs(name, text);
    }

    source_protocol(text);
    source_basic(text);
    source_decode(text);

    return 0;
}


/* once: the same bytes; twice: refused */

static void
source_expect(int rc, stok_str_t found, size_t n, stok_str_t wanted)
{
    if (n == 0) {
        fuzz_check(rc == STOK_DECLINED);

    } else if (n > 1) {
        fuzz_check(rc == STOK_INVALID);

    } else {
        fuzz_check(rc == STOK_OK);
        fuzz_check(found.len == wanted.len);
        fuzz_check(found.len == 0 || found.data == wanted.data);
    }
}


static void
source_pairs(stok_str_t name, stok_str_t text)
{
    int         rc;
    size_t      cookies, args;
    stok_str_t  rest, part, found, cookie, arg;

    cookies = 0;
    args = 0;
    memset(&cookie, 0, sizeof(cookie));
    memset(&arg, 0, sizeof(arg));

    for (rest = text; rest.len; ) {
        part = source_bare(fuzz_part(&rest, ';'));

        if (part.len > name.len && part.data[name.len] == '='
            && memcmp(part.data, name.data, name.len) == 0)
        {
            cookies++;
            cookie.data = part.data + name.len + 1;
            cookie.len = part.len - name.len - 1;
            cookie = source_bare(cookie);

            if (cookie.len >= 2 && cookie.data[0] == '"'
                && cookie.data[cookie.len - 1] == '"')
            {
                cookie.data++;
                cookie.len -= 2;
            }
        }
    }

    for (rest = text; rest.len; ) {
        part = fuzz_part(&rest, '&');

        if (part.len > name.len && part.data[name.len] == '='
            && memcmp(part.data, name.data, name.len) == 0)
        {
            args++;
            arg.data = part.data + name.len + 1;
            arg.len = part.len - name.len - 1;
        }
    }

    rc = stok_source_cookie(text.data, text.len, name, &found);
    source_expect(rc, found, cookies, cookie);

    rc = stok_source_query(text.data, text.len, name, &found);
    source_expect(rc, found, args, arg);
}


static stok_str_t
source_bare(stok_str_t text)
{
    while (text.len && strchr(" \t", text.data[text.len - 1])
           && text.data[text.len - 1])
    {
        text.len--;
    }

    while (text.len && strchr(" \t", text.data[0]) && text.data[0]) {
        text.data++;
        text.len--;
    }

    return text;
}


static void
source_protocol(stok_str_t text)
{
    int         rc, after;
    size_t      i, n, words;
    stok_str_t  rest, part, found, wanted;

    n = 0;
    after = 0;
    words = 1;
    rest = text;
    memset(&wanted, 0, sizeof(wanted));

    for (i = 0; i < text.len; i++) {
        words += (text.data[i] == ',');
    }

    for (i = 0; i < words; i++) {
        part = source_bare(fuzz_part(&rest, ','));

        if (after) {
            n++;
            wanted = part;
            after = 0;

        } else if (part.len == 6 && memcmp(part.data, "bearer", 6) == 0) {
            after = 1;

        } else if (part.len > 6 && memcmp(part.data, "bearer.", 7) == 0) {
            n++;
            wanted.data = part.data + 7;
            wanted.len = part.len - 7;
        }
    }

    rc = stok_source_subprotocol(text.data, text.len, &found);
    source_expect(rc, found, after ? 2 : n, wanted);
}


static void
source_basic(stok_str_t text)
{
    int          rc;
    char        *buf, *plain;
    size_t       i, bit, digits, n;
    stok_str_t   found;
    const char  *at, *colon;

    static const char  digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    buf = malloc(text.len / 4 * 3 + 1);
    plain = calloc(1, text.len + 1);

    if (buf == NULL || plain == NULL) {
        abort();
    }

    rc = stok_source_basic(text.data, text.len, buf, &found);
    digits = text.len;

    for (i = 0; i < 2 && digits && text.data[digits - 1] == '='; i++) {
        digits--;
    }

    n = text.len % 4 || text.len == 0 ? 0 : digits * 6 / 8;

    for (i = 0; i < digits && n; i++) {
        at = text.data[i] ? strchr(digit, text.data[i]) : NULL;

        if (at == NULL) {
            n = 0;
            break;
        }

        for (bit = 0; bit < 6; bit++) {
            if ((at - digit) >> (5 - bit) & 1) {
                plain[(i * 6 + bit) / 8] |= (char) (0x80 >> (i * 6 + bit) % 8);
            }
        }
    }

    colon = n ? memchr(plain, ':', n) : NULL;

    if (colon == NULL) {
        fuzz_check(rc == STOK_INVALID);

    } else {
        i = (size_t) (colon + 1 - plain);
        fuzz_check(rc == STOK_OK);

        if (i == n) {
            fuzz_check(found.len == n - 1);
            fuzz_check(memcmp(found.data, plain, found.len) == 0);

        } else {
            fuzz_check(found.len == n - i);
            fuzz_check(memcmp(found.data, colon + 1, found.len) == 0);
        }
    }

    free(buf);
    free(plain);
}


/* what is decoded, and all of it encoded again, is the same text */

static void
source_decode(stok_str_t text)
{
    int         rc;
    char       *buf, pair[3];
    size_t      i, n;
    stok_str_t  found;

    buf = malloc(text.len + 1);

    if (buf == NULL) {
        abort();
    }

    rc = stok_source_decode(text.data, text.len, buf, &found);

    for (i = 0, n = 0; i < text.len; i++, n++) {

        if (text.data[i] != '%') {
            fuzz_check(rc == STOK_INVALID || found.data[n] == text.data[i]);
            continue;
        }

        memset(pair, 0, sizeof(pair));
        memcpy(pair, text.data + i + 1,
               text.len - i - 1 < 2 ? text.len - i - 1 : 2);

        if (strspn(pair, "0123456789abcdefABCDEF") != 2) {
            fuzz_check(rc == STOK_INVALID);
            break;
        }

        fuzz_check(rc == STOK_INVALID
                   || (uint8_t) found.data[n] == strtoul(pair, NULL, 16));
        i += 2;
    }

    fuzz_check(i < text.len || (rc == STOK_OK && found.len == n));

    free(buf);
}
