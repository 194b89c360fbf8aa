/*
 * Tokens in any bytes; see stok_scan.h.
 *
 * A token ends with 38 base62 digits in a row, so each 38th byte is looked
 * at: if it is none, no such row goes through it, and the next to be looked
 * at is 38 further.  If it is one, the row's beginning is looked for, and
 * only behind "_svc_", "_pat_" or "_scim_" the brand and the checksum are.
 * That is fast in any bytes, be they all letters or all "_".
 */


#include "stok_scan.h"
#include "stok_class.h"

#include <string.h>


#define STOK_SCAN_ROW  (STOK_TOKEN_SECRET + STOK_TOKEN_CHECK)

#define stok_scan_digit(ch)  (stok_class[(uint8_t) (ch)] & STOK_BASE62)


static size_t stok_scan_kind(const char *start, const char *row);
static int stok_scan_token(const char *start, const char *row,
    stok_token_t *token);


int
stok_scan_next(const char *data, size_t len, size_t *pos, stok_token_t *token)
{
    size_t  i, low, row;

    low = *pos;                          /* no row begins before it */

    for (i = low + STOK_SCAN_ROW - 1; i < len; i = low + STOK_SCAN_ROW - 1) {

        for (row = i + 1; row > low && stok_scan_digit(data[row - 1]); row--) {
            /* void */
        }

        if (row > low) {
            low = row;
            continue;
        }

        if (stok_scan_token(data + *pos, data + row, token) == STOK_OK) {
            *pos = i + 1;
            return STOK_OK;
        }

        for (low = i + 1; low < len && stok_scan_digit(data[low]); low++) {
            /* void */
        }
    }

    return STOK_DECLINED;
}


size_t
stok_scan_keep(size_t len, size_t pos)
{
    if (len < STOK_TOKEN_MAX || len - (STOK_TOKEN_MAX - 1) < pos) {
        return pos < len ? pos : len;
    }

    return len - (STOK_TOKEN_MAX - 1);
}


size_t
stok_scan_len(const stok_token_t *token)
{
    return token->brand.len + (token->kind == STOK_KIND_SCIM ? 6 : 5)
           + STOK_SCAN_ROW;
}


/* eight bytes at a time: a byte of x is 0 where there is a line feed */

size_t
stok_scan_lines(const char *data, size_t len)
{
    size_t    i, n;
    uint64_t  x;

    n = 0;

    for (i = 0; len - i >= 8; i += 8) {
        memcpy(&x, data + i, 8);

        x ^= 0x0a0a0a0a0a0a0a0aULL;
        x = ~(((x & 0x7f7f7f7f7f7f7f7fULL) + 0x7f7f7f7f7f7f7f7fULL) | x
              | 0x7f7f7f7f7f7f7f7fULL);

        n += (size_t) (((x >> 7) * 0x0101010101010101ULL) >> 56);
    }

    for ( /* void */ ; i < len; i++) {
        n += data[i] == '\n';
    }

    return n;
}


/* the length of "_svc_" and so on before a row; 0: it is none of them */

static size_t
stok_scan_kind(const char *start, const char *row)
{
    if (row - start < 6 || row[-1] != '_') {
        return 0;
    }

    if (memcmp(row - 5, "_svc", 4) == 0 || memcmp(row - 5, "_pat", 4) == 0) {
        return 5;
    }

    return memcmp(row - 6, "_scim", 5) == 0 ? 6 : 0;
}


/*
 * The text before may run into the brand ("\nstk_svc_" in a string of JSON):
 * the checksum says where it begins.
 */

static int
stok_scan_token(const char *start, const char *row, stok_token_t *token)
{
    size_t       brand, kind;
    const char  *p;

    kind = stok_scan_kind(start, row);

    if (kind == 0) {
        return STOK_DECLINED;
    }

    p = row - kind;

    for (brand = 1; brand <= STOK_BRAND_MAX && p - start > 0; brand++) {
        p--;

        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))) {
            break;
        }

        if (stok_token_parse(p, brand + kind + STOK_SCAN_ROW, token)
            == STOK_OK)
        {
            return STOK_OK;
        }
    }

    return STOK_DECLINED;
}
