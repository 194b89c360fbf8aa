/*
 * Tokens in any bytes; see stok_scan.h.
 *
 * What is looked for is the "_" before "svc_", "pat_" or "scim_": most bytes
 * are passed over by memchr().  Only where 38 base62 digits follow is the
 * brand looked at, and the checksum computed.
 */


#include "stok_scan.h"
#include "stok_class.h"

#include <string.h>


#define STOK_SCAN_TAIL  (STOK_TOKEN_SECRET + STOK_TOKEN_CHECK)
#define STOK_SCAN_NEAR  8                        /* "_" that are close */


static const char *stok_scan_mark(const char *p, const char *end);
static size_t stok_scan_kind(const char *p, size_t len);
static int stok_scan_token(const char *start, const char *mark, size_t kind,
    stok_token_t *token);


int
stok_scan_next(const char *data, size_t len, size_t *pos, stok_token_t *token)
{
    size_t       kind;
    const char  *p, *end, *start;

    if (*pos >= len) {
        return STOK_DECLINED;
    }

    start = data + *pos;
    end = data + len;

    for (p = start; (p = stok_scan_mark(p, end)) != NULL; p++) {

        kind = stok_scan_kind(p, (size_t) (end - p));

        if (kind && (size_t) (end - p) >= kind + STOK_SCAN_TAIL
            && (stok_class_all(p + kind, STOK_SCAN_TAIL) & STOK_BASE62)
            && stok_scan_token(start, p, kind, token) == STOK_OK)
        {
            *pos = (size_t) (p - data) + kind + STOK_SCAN_TAIL;
            return STOK_OK;
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
           + STOK_SCAN_TAIL;
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


/*
 * The next "_" before an "s" or a "p".  Where they stand close together,
 * calling memchr() for each would cost more than the bytes do.
 */

static const char *
stok_scan_mark(const char *p, const char *end)
{
    const char  *near;

    while (p != NULL && end - p > 1) {

        near = end - p - 1 > STOK_SCAN_NEAR ? p + STOK_SCAN_NEAR : end - 1;

        for ( /* void */ ; p < near; p++) {
            if (p[0] == '_' && (p[1] == 's' || p[1] == 'p')) {
                return p;
            }
        }

        p = memchr(p, '_', (size_t) (end - p));
    }

    return NULL;
}


/* the length of "_svc_" and so on; 0: it is none of them */

static size_t
stok_scan_kind(const char *p, size_t len)
{
    if (len < 6) {
        return 0;
    }

    if (memcmp(p, "_svc_", 5) == 0 || memcmp(p, "_pat_", 5) == 0) {
        return 5;
    }

    return memcmp(p, "_scim_", 6) == 0 ? 6 : 0;
}


/*
 * What stands before may run into the brand ("\nstk_svc_" in a string of
 * JSON): the checksum says where it begins.
 */

static int
stok_scan_token(const char *start, const char *mark, size_t kind,
    stok_token_t *token)
{
    size_t  brand, max;

    for (max = 0; max < STOK_BRAND_MAX && mark - max > start; max++) {
        if (!((mark[-1 - (ptrdiff_t) max] >= 'a'
               && mark[-1 - (ptrdiff_t) max] <= 'z')
              || (mark[-1 - (ptrdiff_t) max] >= '0'
                  && mark[-1 - (ptrdiff_t) max] <= '9')))
        {
            break;
        }
    }

    for (brand = max; brand >= STOK_BRAND_MIN; brand--) {
        if (stok_token_parse(mark - brand, brand + kind + STOK_SCAN_TAIL,
                             token)
            == STOK_OK)
        {
            return STOK_OK;
        }
    }

    return STOK_DECLINED;
}
