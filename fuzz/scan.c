/*
 * stok_scan against a search at every byte, in one piece and as a stream in
 * small pieces.
 *
 * Input: a byte for the size of the pieces, and text.  In it, byte 1 stands
 * for a token that is right: the next byte says of which brand and kind.
 * Byte 2 stands for such a token in base64, between quotes: all of those are
 * found by stok_scan64, in one piece and as a stream, and each once.
 */


#include "fuzz.h"
#include "stok_scan.h"


#define SCAN_TAIL   (STOK_TOKEN_SECRET + STOK_TOKEN_CHECK)
#define SCAN_INPUT  4096
#define SCAN_FINDS  (SCAN_INPUT / 2)             /* two bytes make a token */
#define SCAN_CODED  (STOK_TOKEN_MAX * 2 + 16)    /* base64 in base64 */


typedef struct {
    size_t       start;
    size_t       len;
    stok_kind_e  kind;
} scan_find_t;


static char *scan_text(const uint8_t *data, size_t size, size_t *len,
    size_t *coded);
static size_t scan_token(uint8_t of, char *out);
static size_t scan_encode(const char *text, size_t len, char *out);
static size_t scan64_whole(const char *text, size_t len);
static size_t scan64_stream(const char *text, size_t len, size_t piece);
static size_t scan_whole(const char *text, size_t len, scan_find_t *find);
static size_t scan_stream(const char *text, size_t len, size_t piece,
    scan_find_t *find);
static size_t scan_naive(const char *text, size_t len, scan_find_t *find);
static int scan_naive_at(const char *text, size_t low, size_t row,
    scan_find_t *find);
static void scan_same(const scan_find_t *a, size_t n, const scan_find_t *b,
    size_t m);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *text;
    size_t        i, n, len, lines, coded;
    scan_find_t   naive[SCAN_FINDS], find[SCAN_FINDS];

    if (size == 0 || size > SCAN_INPUT) {
        return 0;
    }

    text = scan_text(data + 1, size - 1, &len, &coded);

    n = scan_naive(text, len, naive);

    scan_same(naive, n, find, scan_whole(text, len, find));
    scan_same(naive, n, find, scan_stream(text, len, 1 + data[0], find));

    for (i = 0, lines = 0; i < len; i++) {
        lines += text[i] == '\n';
    }

    fuzz_check(stok_scan_lines(text, len) == lines);

    n = scan64_whole(text, len);
    fuzz_check(n >= coded);
    fuzz_check(scan64_stream(text, len, 1 + (size_t) data[0]) == n);

    free(text);

    return 0;
}


static char *
scan_text(const uint8_t *data, size_t size, size_t *len, size_t *coded)
{
    char    *out, *text, token[STOK_TOKEN_MAX], once[SCAN_CODED];
    size_t   i, n, made;

    out = malloc(size * SCAN_CODED + 1);
    fuzz_check(out != NULL);
    *coded = 0;

    for (i = 0, n = 0; i < size; i++) {

        if ((data[i] != 1 && data[i] != 2) || i + 1 == size) {
            out[n++] = (char) data[i];
            continue;
        }

        i++;

        if (data[i - 1] == 1) {
            n += scan_token(data[i], out + n);
            continue;
        }

        made = scan_token(data[i], token);
        out[n++] = '"';

        if (data[i] % 2) {
            made = scan_encode(token, made, once);
            n += scan_encode(once, made, out + n);

        } else {
            n += scan_encode(token, made, out + n);
        }

        out[n++] = '"';
        (*coded)++;
    }

    /* of its own length, so that a byte beyond is seen */

    text = malloc(n + !n);
    fuzz_check(text != NULL);
    memcpy(text, out, n);
    free(out);

    *len = n;

    return text;
}


static size_t
scan_token(uint8_t of, char *out)
{
    int      rc;
    size_t   made;
    uint8_t  random[STOK_TOKEN_RANDOM];

    static const char  name[] = "stk0123456789abcdef";

    memset(random, of % 248, sizeof(random));

    rc = stok_token_make(name, (size_t) (2 + of / 3 % 15),
                         (stok_kind_e) (1 + of % 3), random, out, &made);
    fuzz_check(rc == STOK_OK);

    return made;
}


static size_t
scan_encode(const char *text, size_t len, char *out)
{
    size_t    i, k, n;
    uint32_t  bits;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for (i = 0, n = 0; i < len; i += 3) {
        bits = 0;

        for (k = 0; k < 3; k++) {
            bits = bits << 8 | (i + k < len ? (uint8_t) text[i + k] : 0);
        }

        for (k = 0; k < 4; k++) {
            out[n++] = k > len - i ? '=' : digits[bits >> (18 - 6 * k) & 63];
        }
    }

    return n;
}


static size_t
scan64_whole(const char *text, size_t len)
{
    size_t         n, pos, before;
    stok_scan64_t  found;

    n = 0;
    pos = 0;

    for ( ;; ) {
        before = pos;

        if (stok_scan64_next(text, len, &pos, &found) != STOK_OK) {
            fuzz_check(pos == before);
            return n;
        }

        fuzz_check(pos > before && pos <= len && found.at <= len);
        fuzz_check(found.token.brand.data >= found.text);
        fuzz_check(found.token.brand.data + stok_scan_len(&found.token)
                   <= found.text + sizeof(found.text));
        n++;
    }
}


static size_t
scan64_stream(const char *text, size_t len, size_t piece)
{
    char           *buf;
    size_t          n, pos, kept, read, part;
    stok_scan64_t   found;

    buf = malloc(piece + STOK_SCAN64_MAX);
    fuzz_check(buf != NULL);

    for (n = 0, read = 0, kept = 0; read < len; /* void */ ) {
        part = len - read < piece ? len - read : piece;

        memcpy(buf + kept, text + read, part);
        kept += part;
        read += part;
        pos = 0;

        while (stok_scan64_next(buf, kept, &pos, &found) == STOK_OK) {
            n++;
        }

        pos = stok_scan64_keep(kept, pos);
        fuzz_check(pos <= kept && kept - pos <= STOK_SCAN64_MAX);

        kept -= pos;
        memmove(buf, buf + pos, kept);
    }

    free(buf);

    return n;
}


static size_t
scan_whole(const char *text, size_t len, scan_find_t *find)
{
    size_t        n, pos, before;
    stok_token_t  token;

    n = 0;
    pos = 0;

    for ( ;; ) {
        before = pos;

        if (stok_scan_next(text, len, &pos, &token) != STOK_OK) {
            fuzz_check(pos == before);
            return n;
        }

        fuzz_check(n < SCAN_FINDS);
        find[n].start = (size_t) (token.brand.data - text);
        find[n].len = stok_scan_len(&token);
        find[n].kind = token.kind;

        fuzz_check(find[n].start >= before);
        fuzz_check(find[n].start + find[n].len == pos && pos <= len);
        n++;
    }
}


/* as the command does it: pieces are put behind what was kept */

static size_t
scan_stream(const char *text, size_t len, size_t piece, scan_find_t *find)
{
    char          *buf;
    size_t         n, pos, kept, read, part;
    stok_token_t   token;

    buf = malloc(piece + STOK_TOKEN_MAX);
    fuzz_check(buf != NULL);

    for (n = 0, read = 0, kept = 0; read < len; /* void */ ) {
        part = len - read < piece ? len - read : piece;

        memcpy(buf + kept, text + read, part);
        kept += part;
        read += part;
        pos = 0;

        while (stok_scan_next(buf, kept, &pos, &token) == STOK_OK) {
            fuzz_check(n < SCAN_FINDS);
            find[n].start = read - kept + (size_t) (token.brand.data - buf);
            find[n].len = stok_scan_len(&token);
            find[n].kind = token.kind;
            n++;
        }

        pos = stok_scan_keep(kept, pos);
        fuzz_check(pos <= kept && kept - pos < STOK_TOKEN_MAX);

        kept -= pos;
        memmove(buf, buf + pos, kept);
    }

    free(buf);

    return n;
}


static size_t
scan_naive(const char *text, size_t len, scan_find_t *find)
{
    size_t  n, low, row;

    n = 0;
    low = 0;

    for (row = 0; len >= SCAN_TAIL && row <= len - SCAN_TAIL; row++) {

        if (n < SCAN_FINDS && scan_naive_at(text, low, row, &find[n])) {
            low = row + SCAN_TAIL;
            n++;
        }
    }

    return n;
}


/* the shortest brand whose checksum is right */

static int
scan_naive_at(const char *text, size_t low, size_t row, scan_find_t *find)
{
    size_t        start, len;
    stok_token_t  token;

    for (len = SCAN_TAIL + 1; len <= STOK_TOKEN_MAX; len++) {

        if (row + SCAN_TAIL < low + len) {
            return 0;
        }

        start = row + SCAN_TAIL - len;

        if (stok_token_parse(text + start, len, &token) == STOK_OK) {
            find->start = start;
            find->len = len;
            find->kind = token.kind;
            return 1;
        }
    }

    return 0;
}


static void
scan_same(const scan_find_t *a, size_t n, const scan_find_t *b, size_t m)
{
    size_t  i;

    fuzz_check(n == m);

    for (i = 0; i < n; i++) {
        fuzz_check(a[i].start == b[i].start);
        fuzz_check(a[i].len == b[i].len);
        fuzz_check(a[i].kind == b[i].kind);
    }
}
