/*
 * Tokens at other places; see stok_source.h.
 */


#include "stok_source.h"


static int stok_source_note(const char *p, size_t len, int rc,
    stok_str_t *text);
static size_t stok_source_next(const char *p, size_t len, char delimiter);
static int stok_source_digit(char ch);
static int stok_source_hex(char ch);
static char stok_source_lower(char ch);


stok_str_t
stok_source_trim(const char *p, size_t len)
{
    stok_str_t  text;

    while (len && (*p == ' ' || *p == '\t')) {
        p++;
        len--;
    }

    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
        len--;
    }

    text.data = p;
    text.len = len;

    return text;
}


int
stok_source_scheme(const char *value, size_t len, stok_str_t scheme,
    stok_str_t *text)
{
    size_t  i;

    *text = stok_source_trim(value, len);

    if (text->len < scheme.len) {
        return STOK_DECLINED;
    }

    for (i = 0; i < scheme.len; i++) {
        if (stok_source_lower(text->data[i]) != scheme.data[i]) {
            return STOK_DECLINED;
        }
    }

    if (i < text->len && text->data[i] != ' ' && text->data[i] != '\t') {
        return STOK_DECLINED;
    }

    *text = stok_source_trim(text->data + i, text->len - i);

    return STOK_OK;
}


int
stok_source_basic(const char *p, size_t len, char *buf, stok_str_t *text)
{
    int          digit;
    size_t       i, n, pad;
    uint32_t     bits;
    const char  *colon;

    if (len == 0 || len % 4) {
        return STOK_INVALID;
    }

    pad = (p[len - 1] == '=') + (p[len - 1] == '=' && p[len - 2] == '=');
    bits = 0;
    n = 0;

    for (i = 0; i < len - pad; i++) {
        digit = stok_source_digit(p[i]);

        if (digit < 0) {
            return STOK_INVALID;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4) {
            buf[n++] = (char) (bits >> (6 - i % 4 * 2));
        }
    }

    colon = memchr(buf, ':', n);

    if (colon == NULL) {
        return STOK_INVALID;
    }

    text->data = colon + 1;
    text->len = n - (size_t) (colon + 1 - buf);

    if (text->len == 0) {
        text->data = buf;
        text->len = (size_t) (colon - buf);
    }

    return STOK_OK;
}


int
stok_source_cookie(const char *value, size_t len, stok_str_t name,
    stok_str_t *text)
{
    int         rc;
    size_t      n;
    stok_str_t  pair;

    rc = STOK_DECLINED;

    for ( ;; ) {
        n = stok_source_next(value, len, ';');
        pair = stok_source_trim(value, n);

        if (pair.len > name.len && pair.data[name.len] == '='
            && stok_same(pair.data, name.data, name.len))
        {
            pair = stok_source_trim(pair.data + name.len + 1,
                                    pair.len - name.len - 1);

            if (pair.len > 1 && pair.data[0] == '"'
                && pair.data[pair.len - 1] == '"')
            {
                pair.data++;
                pair.len -= 2;
            }

            rc = stok_source_note(pair.data, pair.len, rc, text);
        }

        if (n == len) {
            return rc;
        }

        value += n + 1;
        len -= n + 1;
    }
}


int
stok_source_query(const char *args, size_t len, stok_str_t name,
    stok_str_t *text)
{
    int     rc;
    size_t  n;

    rc = STOK_DECLINED;

    for ( ;; ) {
        n = stok_source_next(args, len, '&');

        if (n > name.len && args[name.len] == '='
            && stok_same(args, name.data, name.len))
        {
            rc = stok_source_note(args + name.len + 1, n - name.len - 1, rc,
                                  text);
        }

        if (n == len) {
            return rc;
        }

        args += n + 1;
        len -= n + 1;
    }
}


int
stok_source_decode(const char *p, size_t len, char *buf, stok_str_t *text)
{
    int     hi, lo;
    size_t  i, n;

    for (i = 0, n = 0; i < len; i++) {

        if (p[i] != '%') {
            buf[n++] = p[i];
            continue;
        }

        if (len - i < 3) {
            return STOK_INVALID;
        }

        hi = stok_source_hex(p[i + 1]);
        lo = stok_source_hex(p[i + 2]);

        if (hi < 0 || lo < 0) {
            return STOK_INVALID;
        }

        buf[n++] = (char) (hi << 4 | lo);
        i += 2;
    }

    text->data = buf;
    text->len = n;

    return STOK_OK;
}


int
stok_source_subprotocol(const char *value, size_t len, stok_str_t *text)
{
    int               rc, named;
    size_t            n;
    stok_str_t        word;
    static const char name[] = "bearer";

    rc = STOK_DECLINED;
    named = 0;

    for ( ;; ) {
        n = stok_source_next(value, len, ',');
        word = stok_source_trim(value, n);

        if (named) {
            rc = stok_source_note(word.data, word.len, rc, text);
            named = 0;

        } else if (word.len >= sizeof(name) - 1
                   && stok_same(word.data, name, sizeof(name) - 1))
        {
            if (word.len == sizeof(name) - 1) {
                named = 1;

            } else if (word.data[sizeof(name) - 1] == '.') {
                rc = stok_source_note(word.data + sizeof(name),
                                      word.len - sizeof(name), rc, text);
            }
        }

        if (n == len) {
            return named ? STOK_INVALID : rc;
        }

        value += n + 1;
        len -= n + 1;
    }
}


/* found, after rc: once is enough */

static int
stok_source_note(const char *p, size_t len, int rc, stok_str_t *text)
{
    text->data = p;
    text->len = len;

    return rc == STOK_DECLINED ? STOK_OK : STOK_INVALID;
}


/* bytes up to the delimiter, or all */

static size_t
stok_source_next(const char *p, size_t len, char delimiter)
{
    const char  *end;

    if (len == 0) {
        return 0;
    }

    end = memchr(p, delimiter, len);

    return end == NULL ? len : (size_t) (end - p);
}


static int
stok_source_digit(char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}


static int
stok_source_hex(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch = stok_source_lower(ch);

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}


static char
stok_source_lower(char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return (char) (ch | 0x20);
    }

    return ch;
}
