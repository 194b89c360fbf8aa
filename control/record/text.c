/*
 * Names, numbers and digests.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_nibble(char ch);


int64_t
ctl_number(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}


static int
ctl_nibble(char ch)
{
    return ch <= '9' ? ch - '0' : ch - 'a' + 10;
}


int
ctl_unhex(const char *hex, size_t len, uint8_t digest[STOK_DIGEST_LEN])
{
    size_t  i;

    if (hex == NULL || len != STOK_DIGEST_HEX
        || strspn(hex, "0123456789abcdef") != STOK_DIGEST_HEX)
    {
        return CTL_INVALID;
    }

    for (i = 0; i < STOK_DIGEST_LEN; i++) {
        digest[i] = (uint8_t) (ctl_nibble(hex[i * 2]) << 4
                               | ctl_nibble(hex[i * 2 + 1]));
    }

    return CTL_OK;
}


void
ctl_quote(const char *text, char out[CTL_QUOTED])
{
    size_t       n;
    const char  *p;

    static const char  *plain = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@.+-/:";

    text = text ? text : "";

    if (text[0] && text[strspn(text, plain)] == '\0'
        && strlen(text) < CTL_QUOTED)
    {
        strcpy(out, text);
        return;
    }

    n = 0;
    out[n++] = '\'';

    for (p = text; *p && n < CTL_QUOTED - 6; p++) {
        if (*p == '\'') {
            memcpy(out + n, "'\\'", 3);
            n += 3;
        }

        out[n++] = *p;
    }

    out[n++] = '\'';
    out[n] = '\0';
}


const char *
ctl_text(json_t *json, const char *name)
{
    const char  *text;

    text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}


void
ctl_words(json_t *array, char *out, size_t size)
{
    size_t       i, n;
    json_t      *item;
    const char  *text;

    out[0] = '\0';

    for (i = 0, n = 0; i < json_array_size(array) && n < size; i++) {
        item = json_array_get(array, i);
        text = json_is_string(item) ? json_string_value(item) : "?";
        n += (size_t) snprintf(out + n, size - n, "%s%s", n ? ", " : "",
                               text);
    }
}


stok_str_t
ctl_str(const char *text)
{
    stok_str_t  str;

    str.data = text;
    str.len = strlen(text);

    return str;
}


int
ctl_str_is(stok_str_t text, const char *value)
{
    return text.len == strlen(value)
           && memcmp(text.data, value, text.len) == 0;
}


char
ctl_lower(char ch)
{
    static const char  upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char  lower[] = "abcdefghijklmnopqrstuvwxyz";

    const char  *p;

    p = ch ? strchr(upper, ch) : NULL;

    if (p) {
        return lower[p - upper];
    }

    return ch;
}


int
ctl_str_same(stok_str_t one, stok_str_t other)
{
    return one.len == other.len
           && memcmp(one.data, other.data, one.len) == 0;
}
