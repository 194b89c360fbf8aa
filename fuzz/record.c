/*
 * stok_record and stok_pack: what is decoded against the schema, read field
 * by field; and what is decoded is packed and unpacked unchanged.
 *
 * Input: "t" or "u", then names and values in turn, each up to a line feed.
 * A value ends a name's line, so there may be a name without a value.
 */


#include "fuzz.h"
#include "stok_record.h"


#define RECORD_MAX  64


typedef struct {
    const char  *name;
    char         kind;                           /* see record_value() */
    size_t       max;
    int          needed;
    const char  *words;                          /* with blanks around */
} record_field_t;


static int record_schema(const record_field_t *known, const stok_str_t *fields,
    size_t n);
static int record_value(const record_field_t *field, stok_str_t value);
static int record_utf8(stok_str_t value, size_t max);
static const stok_str_t *record_get(const stok_str_t *fields, size_t n,
    const char *name);
static void record_token(const stok_str_t *fields, size_t n);
static void record_user(const stok_str_t *fields, size_t n);
static void record_equal(stok_str_t value, const stok_str_t *fields, size_t n,
    const char *name);


static const record_field_t  record_token_fields[] = {
    { "id", 'g', 64, 1, NULL },
    { "user", 'g', 254, 1, NULL },
    { "name", 'n', 255, 1, NULL },
    { "type", 'w', 0, 1, " service personal " },
    { "scope", 'g', 64, 0, NULL },
    { "env", 'g', 32, 0, NULL },
    { "networks", 'c', 0, 0, NULL },
    { "rate", 'r', 0, 0, NULL },
    { "status", 'w', 0, 1, " active revoked " },
    { "created_at", 'd', 0, 0, NULL },
    { "created_by", 't', 1024, 0, NULL },
    { "expires_at", 'd', 0, 1, NULL },
    { "revoked_at", 'd', 0, 0, NULL },
    { "rotated_from", 'g', 64, 0, NULL },
    { "rotated_to", 'g', 64, 0, NULL },
    { "seal", 't', 97, 0, NULL },
    { NULL, 0, 0, 0, NULL }
};

static const record_field_t  record_user_fields[] = {
    { "kind", 'w', 0, 1, " service human " },
    { "name", 'n', 255, 0, NULL },
    { "role", 'g', 32, 1, NULL },
    { "status", 'w', 0, 1, " pending active disabled deleted " },
    { "purpose", 't', 1024, 0, NULL },
    { "owner", 't', 1024, 0, NULL },
    { "use_case", 'g', 64, 0, NULL },
    { "created_at", 'd', 0, 0, NULL },
    { "created_by", 't', 1024, 0, NULL },
    { "seal", 't', 97, 0, NULL },
    { NULL, 0, 0, 0, NULL }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      n;
    stok_str_t  rest, field[RECORD_MAX];

    if (size == 0) {
        return 0;
    }

    rest.data = (const char *) data + 1;
    rest.len = size - 1;

    for (n = 0; n < RECORD_MAX && rest.len; n++) {
        field[n] = fuzz_part(&rest, '\n');
    }

    if (*data == 't') {
        record_token(field, n);

    } else {
        record_user(field, n);
    }

    return 0;
}


static void
record_token(const stok_str_t *fields, size_t n)
{
    int                   rc;
    size_t                len;
    uint8_t               buf[STOK_PACK_MAX], *copy;
    const char           *why;
    const stok_str_t     *value;
    stok_token_record_t   rec, read;

    rc = stok_token_record_decode(&rec, fields, n, &why);

    fuzz_check(rc == record_schema(record_token_fields, fields, n));
    fuzz_check((rc == STOK_INVALID) == (why != NULL));

    if (rc != STOK_OK) {
        fuzz_check(rec.user.len == 0 && rec.type == 0 && rec.status == 0);
        return;
    }

    record_equal(rec.id, fields, n, "id");
    record_equal(rec.user, fields, n, "user");
    record_equal(rec.name, fields, n, "name");
    record_equal(rec.scope, fields, n, "scope");
    record_equal(rec.env, fields, n, "env");
    record_equal(rec.networks, fields, n, "networks");
    record_equal(rec.rate, fields, n, "rate");
    record_equal(rec.seal, fields, n, "seal");
    record_equal(stok_type_name(rec.type), fields, n, "type");
    record_equal(stok_token_status_name(rec.status), fields, n, "status");

    value = record_get(fields, n, "expires_at");
    snprintf((char *) buf, sizeof(buf), "%lld", (long long) rec.expires_at);
    fuzz_check(strlen((char *) buf) == value->len);
    fuzz_check(memcmp(buf, value->data, value->len) == 0);

    rec.tampered = n & 2 ? 1 : 0;
    len = stok_token_record_pack(&rec, buf, sizeof(buf));
    fuzz_check(len != 0);
    fuzz_check(stok_token_record_pack(&rec, buf, len - 1) == 0);

    copy = malloc(len);
    fuzz_check(copy != NULL);
    fuzz_check(stok_token_record_pack(&rec, copy, len) == len);
    fuzz_check(stok_token_record_unpack(&read, copy, len) == STOK_OK);
    fuzz_check(fuzz_same(read.id, rec.id) && fuzz_same(read.user, rec.user));
    fuzz_check(fuzz_same(read.name, rec.name));
    fuzz_check(fuzz_same(read.scope, rec.scope));
    fuzz_check(fuzz_same(read.env, rec.env));
    fuzz_check(fuzz_same(read.networks, rec.networks));
    fuzz_check(fuzz_same(read.rate, rec.rate));
    fuzz_check(read.expires_at == rec.expires_at && read.type == rec.type);
    fuzz_check(read.status == rec.status && read.tampered == rec.tampered);
    fuzz_check(stok_token_record_unpack(&read, copy, len - 1)
               == STOK_INVALID);
    free(copy);
}


static void
record_user(const stok_str_t *fields, size_t n)
{
    int                  rc;
    size_t               len;
    uint8_t              buf[STOK_PACK_MAX], *copy;
    const char          *why;
    stok_user_record_t   rec, read;

    rc = stok_user_record_decode(&rec, fields, n, &why);

    fuzz_check(rc == record_schema(record_user_fields, fields, n));
    fuzz_check((rc == STOK_INVALID) == (why != NULL));

    if (rc != STOK_OK) {
        fuzz_check(rec.role.len == 0 && rec.status == 0);
        return;
    }

    record_equal(rec.name, fields, n, "name");
    record_equal(rec.role, fields, n, "role");
    record_equal(rec.use_case, fields, n, "use_case");
    record_equal(rec.seal, fields, n, "seal");
    record_equal(stok_user_kind_name(rec.kind), fields, n, "kind");
    record_equal(stok_user_status_name(rec.status), fields, n, "status");

    rec.tampered = n & 2 ? 1 : 0;
    len = stok_user_record_pack(&rec, buf, sizeof(buf));
    fuzz_check(len != 0);
    fuzz_check(stok_user_record_pack(&rec, buf, len - 1) == 0);

    copy = malloc(len);
    fuzz_check(copy != NULL);
    fuzz_check(stok_user_record_pack(&rec, copy, len) == len);
    fuzz_check(stok_user_record_unpack(&read, copy, len) == STOK_OK);
    fuzz_check(fuzz_same(read.role, rec.role) && read.kind == rec.kind);
    fuzz_check(read.status == rec.status && read.tampered == rec.tampered);
    fuzz_check(stok_user_record_unpack(&read, copy, len - 1) == STOK_INVALID);
    free(copy);
}


/* each known field once at most, no other, and every value as it may be */

static int
record_schema(const record_field_t *known, const stok_str_t *fields, size_t n)
{
    size_t                 i, k, found;
    const stok_str_t      *value;
    const record_field_t  *field;

    if (n == 0) {
        return STOK_DECLINED;
    }

    if (n % 2) {
        return STOK_INVALID;
    }

    found = 0;

    for (field = known; field->name; field++) {

        for (i = 0, k = 0; i < n; i += 2) {
            k += fields[i].len == strlen(field->name)
                 && memcmp(fields[i].data, field->name, fields[i].len) == 0;
        }

        if (k > 1 || (k == 0 && field->needed)) {
            return STOK_INVALID;
        }

        found += k;
        value = record_get(fields, n, field->name);

        if (value && (value->len || field->needed)
            && !record_value(field, *value))
        {
            return STOK_INVALID;
        }
    }

    return found == n / 2 ? STOK_OK : STOK_INVALID;
}


static int
record_value(const record_field_t *field, stok_str_t value)
{
    char    text[64];
    size_t  i;

    switch (field->kind) {

    case 'g':                                    /* ASCII that is seen */
        for (i = 0; i < value.len; i++) {
            if (value.data[i] <= ' ' || value.data[i] >= 0x7f) {
                return 0;
            }
        }

        return value.len && value.len <= field->max;

    case 'n':                                    /* a name */
        return record_utf8(value, field->max);

    case 'w':
        snprintf(text, sizeof(text), " %.*s ", (int) value.len, value.data);
        return value.len && strlen(text) == value.len + 2
               && memchr(value.data, ' ', value.len) == NULL
               && strstr(field->words, text) != NULL;

    case 'd':                                    /* a date */
        for (i = 0; i < value.len; i++) {
            if (value.data[i] < '0' || value.data[i] > '9') {
                return 0;
            }
        }

        return value.len && value.len <= 12
               && (value.data[0] != '0' || value.len == 1)
               && (value.len < 12
                   || memcmp(value.data, "253402300799", 12) <= 0);

    case 'c':                                    /* networks: their own test */
        return stok_networks_check(value) == STOK_OK;

    case 'r':                                    /* a rate */
        for (i = 0; i < value.len && i < 7; i++) {
            if (value.data[i] < '0' || value.data[i] > '9') {
                break;
            }
        }

        return i && value.data[0] != '0' && value.len == i + 3
               && (i < 7 || memcmp(value.data, "1000000", 7) == 0)
               && (memcmp(value.data + i, "r/s", 3) == 0
                   || memcmp(value.data + i, "r/m", 3) == 0);

    default:                                     /* any bytes */
        return value.len <= field->max;
    }
}


/* by the table of RFC 3629 section 4, without the control characters */

static int
record_utf8(stok_str_t value, size_t max)
{
    size_t          i, k, n, chars;
    const uint8_t  *p;

    static const uint8_t  table[][9] = {         /* bytes, ranges of each */
        { 1, 0x20, 0x7e },
        { 2, 0xc2, 0xc2, 0xa0, 0xbf },
        { 2, 0xc3, 0xdf, 0x80, 0xbf },
        { 3, 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf },
        { 3, 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf },
        { 3, 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf },
        { 3, 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf },
        { 4, 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf },
        { 4, 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf },
        { 4, 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf }
    };

    p = (const uint8_t *) value.data;

    for (i = 0, chars = 0; i < value.len; i += n, chars++) {

        for (k = 0, n = 0; k < sizeof(table) / sizeof(table[0]); k++) {
            n = 0;

            while (n < table[k][0] && n < value.len - i
                   && p[i + n] >= table[k][1 + 2 * n]
                   && p[i + n] <= table[k][2 + 2 * n])
            {
                n++;
            }

            if (n == table[k][0]) {
                break;
            }

            n = 0;
        }

        if (n == 0) {
            return 0;
        }
    }

    return chars > 0 && chars <= max;
}


static const stok_str_t *
record_get(const stok_str_t *fields, size_t n, const char *name)
{
    size_t  i;

    for (i = 0; i + 1 < n; i += 2) {
        if (fields[i].len == strlen(name)
            && memcmp(fields[i].data, name, fields[i].len) == 0)
        {
            return &fields[i + 1];
        }
    }

    return NULL;
}


static void
record_equal(stok_str_t value, const stok_str_t *fields, size_t n,
    const char *name)
{
    const stok_str_t  *field;

    field = record_get(fields, n, name);

    fuzz_check(field ? fuzz_same(*field, value) : value.len == 0);
}
