/*
 * stok_scan against a search at every byte, in one piece and as a stream in
 * small pieces.
 *
 * Input: a byte for the size of the pieces, and text.  In it, byte 1 stands
 * for a token that is right: the next byte says of which brand and kind.
 */


#include "fuzz.h"
#include "stok_scan.h"


#define SCAN_TAIL   (STOK_TOKEN_SECRET + STOK_TOKEN_CHECK)
#define SCAN_INPUT  4096
#define SCAN_FINDS  (SCAN_INPUT / 2)             /* two bytes make a token */


typedef struct {
    size_t       start;
    size_t       len;
    stok_kind_e  kind;
} scan_find_t;


static char *scan_text(const uint8_t *data, size_t size, size_t *len);
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
    size_t        i, n, len, lines;
    scan_find_t   naive[SCAN_FINDS], find[SCAN_FINDS];

    if (size == 0 || size > SCAN_INPUT) {
        return 0;
    }

    text = scan_text(data + 1, size - 1, &len);

    n = scan_naive(text, len, naive);

    scan_same(naive, n, find, scan_whole(text, len, find));
    scan_same(naive, n, find, scan_stream(text, len, 1 + data[0], find));

    for (i = 0, lines = 0; i < len; i++) {
        lines += text[i] == '\n';
    }

    fuzz_check(stok_scan_lines(text, len) == lines);

    free(text);

    return 0;
}


static char *
scan_text(const uint8_t *data, size_t size, size_t *len)
{
    int          rc;
    char        *out, *text;
    size_t       i, n, made, brand;
    uint8_t      random[STOK_TOKEN_RANDOM];

    static const char  name[] = "stk0123456789abcdef";

    out = malloc(size * STOK_TOKEN_MAX + 1);
    fuzz_check(out != NULL);

    for (i = 0, n = 0; i < size; i++) {

        if (data[i] != 1 || i + 1 == size) {
            out[n++] = (char) data[i];
            continue;
        }

        i++;
        memset(random, data[i] % 248, sizeof(random));
        brand = 2 + data[i] / 3 % 15;

        rc = stok_token_make(name, brand, (stok_kind_e) (1 + data[i] % 3),
                             random, out + n, &made);
        fuzz_check(rc == STOK_OK);
        n += made;
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
