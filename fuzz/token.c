/*
 * stok_token: what is parsed against the format, read from its end; what is
 * made is parsed again.
 *
 * Input: a byte that says which, and
 *     "r"      a token, as it stands
 *     "c"      a token without its last six digits: they are put right
 *     else     64 bytes of chance and a brand, to make one
 */


#include "fuzz.h"
#include "stok_token.h"


#define TOKEN_TAIL  (STOK_TOKEN_SECRET + STOK_TOKEN_CHECK)


static int token_base62(unsigned ch);
static void token_check(const char *p, size_t len, char *out);
static int token_format(const char *p, size_t len, stok_token_t *token);
static void token_parse(const char *p, size_t len);
static void token_make(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  *copy;

    if (size == 0) {
        return 0;
    }

    switch (*data) {

    case 'r':
        token_parse((const char *) data + 1, size - 1);
        break;

    case 'c':
        copy = malloc(size - 1 + STOK_TOKEN_CHECK);
        fuzz_check(copy != NULL);

        memcpy(copy, data + 1, size - 1);
        token_check(copy, size - 1, copy + size - 1);
        token_parse(copy, size - 1 + STOK_TOKEN_CHECK);
        free(copy);
        break;

    default:
        token_make(data + 1, size - 1);
    }

    return 0;
}


static void
token_parse(const char *p, size_t len)
{
    int           rc;
    stok_token_t  token, expected;

    rc = stok_token_parse(p, len, &token);

    fuzz_check(rc == token_format(p, len, &expected));
    fuzz_check(token.kind == expected.kind);
    fuzz_check(token.brand.data == p);
    fuzz_check(token.brand.len == expected.brand.len);
}


static void
token_make(const uint8_t *data, size_t size)
{
    int           rc, bad;
    char          out[STOK_TOKEN_MAX], *brand;
    size_t        i, len, n;
    stok_kind_e   kind;
    stok_token_t  token;

    if (size < 1 + STOK_TOKEN_RANDOM) {
        return;
    }

    kind = (stok_kind_e) (data[0] % 5);
    n = size - 1 - STOK_TOKEN_RANDOM;

    brand = malloc(n + 1);
    fuzz_check(brand != NULL);
    memcpy(brand, data + 1 + STOK_TOKEN_RANDOM, n);

    rc = stok_token_make(brand, n, kind, data + 1, out, &len);

    bad = n < 2 || n > 16 || kind == STOK_KIND_FOREIGN || kind > 3;

    for (i = 0; i < n; i++) {
        bad |= brand[i] == '_' || (brand[i] >= 'A' && brand[i] <= 'Z')
               || !token_base62((uint8_t) brand[i]);
    }

    fuzz_check((rc == STOK_INVALID) == bad);

    if (rc == STOK_OK) {
        fuzz_check(token_format(out, len, &token) == STOK_OK);
        fuzz_check(token.kind == kind);
        fuzz_check(token.brand.len == n && memcmp(out, brand, n) == 0);
        token_parse(out, len);
    }

    free(brand);

    if (stok_id_make(data + 1, out) == STOK_OK) {
        fuzz_check(memcmp(out, "tok_", 4) == 0);

        for (i = 4; i < STOK_ID_LEN; i++) {
            fuzz_check(token_base62((uint8_t) out[i]));
        }
    }
}


static int
token_base62(unsigned ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
           || (ch >= '0' && ch <= '9');
}


/* CRC-32 bit by bit */

static void
token_check(const char *p, size_t len, char *out)
{
    int       bit;
    size_t    i;
    uint32_t  crc;

    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        crc ^= (uint8_t) p[i];

        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
        }
    }

    crc = ~crc;

    for (i = 6; i > 0; i--) {
        out[i - 1] = digits[crc % 62];
        crc /= 62;
    }
}


/* brand, kind and tail, by the two underscores */

static int
token_format(const char *p, size_t len, stok_token_t *token)
{
    char    check[6];
    size_t  i, n, brand, kind;

    token->kind = STOK_KIND_FOREIGN;
    token->brand.len = 0;

    for (brand = 0; brand < len && p[brand] != '_'; brand++) { /* void */ }

    if (brand == len || brand < 2 || brand > 16) {
        return STOK_DECLINED;
    }

    for (i = 0; i < brand; i++) {
        if (!token_base62((uint8_t) p[i]) || (p[i] >= 'A' && p[i] <= 'Z')) {
            return STOK_DECLINED;
        }
    }

    kind = brand + 1;

    for (n = kind; n < len && p[n] != '_'; n++) { /* void */ }

    if (n == len || len - n - 1 != TOKEN_TAIL) {
        return STOK_DECLINED;
    }

    for (i = n + 1; i < len; i++) {
        if (!token_base62((uint8_t) p[i])) {
            return STOK_DECLINED;
        }
    }

    if (n - kind == 3 && memcmp(p + kind, "svc", 3) == 0) {
        token->kind = STOK_KIND_SVC;

    } else if (n - kind == 3 && memcmp(p + kind, "pat", 3) == 0) {
        token->kind = STOK_KIND_PAT;

    } else if (n - kind == 4 && memcmp(p + kind, "scim", 4) == 0) {
        token->kind = STOK_KIND_SCIM;

    } else {
        return STOK_DECLINED;
    }

    token_check(p, len - 6, check);

    if (memcmp(check, p + len - 6, 6) != 0) {
        token->kind = STOK_KIND_FOREIGN;
        return STOK_INVALID;
    }

    token->brand.len = brand;

    return STOK_OK;
}
