/*
 * Single values of the schema; see stok_value.h.
 */


#include "stok_value.h"

#include <string.h>


static size_t stok_utf8_length(const uint8_t *p, size_t len);


int
stok_record_id_check(stok_str_t id)
{
    return stok_graph_check(id, STOK_RECORD_ID_MAX);
}


int
stok_user_id_check(stok_str_t id)
{
    return stok_graph_check(id, STOK_USER_ID_MAX);
}


int
stok_scope_check(stok_str_t scope)
{
    return stok_graph_check(scope, STOK_SCOPE_MAX);
}


int
stok_env_check(stok_str_t env)
{
    return stok_graph_check(env, STOK_ENV_MAX);
}


int
stok_name_check(stok_str_t name)
{
    size_t          i, n, chars;
    const uint8_t  *p;

    if (name.len == 0 || name.len > STOK_NAME_BYTES) {
        return STOK_INVALID;
    }

    p = (const uint8_t *) name.data;

    for (i = 0, chars = 0; i < name.len; i += n) {

        /* mostly ASCII: worth no call */

        n = (p[i] >= 0x20 && p[i] < 0x7f)
            ? 1 : stok_utf8_length(p + i, name.len - i);

        if (n == 0 || ++chars > STOK_NAME_MAX) {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


int
stok_date_parse(stok_str_t text, int64_t *date)
{
    size_t   i;
    int64_t  value;

    if (text.len == 0 || text.len > sizeof("253402300799") - 1
        || (text.data[0] == '0' && text.len != 1))
    {
        return STOK_INVALID;
    }

    for (i = 0, value = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return STOK_INVALID;
        }

        value = value * 10 + (text.data[i] - '0');
    }

    if (value > STOK_DATE_MAX) {
        return STOK_INVALID;
    }

    *date = value;

    return STOK_OK;
}


int
stok_rate_parse(stok_str_t text, stok_rate_t *rate)
{
    int64_t      requests;
    stok_str_t   number;
    const char  *unit;

    if (text.len < sizeof("1r/s") - 1 || text.len > STOK_RATE_TEXT) {
        return STOK_INVALID;
    }

    number.data = text.data;
    number.len = text.len - 3;
    unit = text.data + number.len;

    if (stok_date_parse(number, &requests) != STOK_OK
        || requests == 0 || requests > STOK_RATE_MAX
        || memcmp(unit, "r/", 2) != 0 || (unit[2] != 's' && unit[2] != 'm'))
    {
        return STOK_INVALID;
    }

    rate->requests = (uint32_t) requests;
    rate->seconds = unit[2] == 's' ? 1 : 60;

    return STOK_OK;
}


int
stok_graph_check(stok_str_t value, size_t max)
{
    size_t  i;

    if (value.len == 0 || value.len > max) {
        return STOK_INVALID;
    }

    for (i = 0; i < value.len; i++) {
        if ((uint8_t) (value.data[i] - 0x21) > 0x7e - 0x21) {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


/* bytes of the first character; 0: none, or a control character */

static size_t
stok_utf8_length(const uint8_t *p, size_t len)
{
    size_t    i, n;
    uint32_t  c, min;

    c = p[0];

    if (c < 0x80) {
        return (c < 0x20 || c == 0x7f) ? 0 : 1;
    }

    if (c >= 0xc0 && c < 0xe0) {
        n = 2;
        c &= 0x1f;
        min = 0xa0;                              /* and past the C1 set */

    } else if (c >= 0xe0 && c < 0xf0) {
        n = 3;
        c &= 0xf;
        min = 0x800;

    } else if (c >= 0xf0 && c < 0xf8) {
        n = 4;
        c &= 0x7;
        min = 0x10000;

    } else {
        return 0;
    }

    if (len < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }

    return n;
}
