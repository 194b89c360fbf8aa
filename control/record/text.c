/*
 * Names, numbers and digests.
 */


#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_ID_MAX  64                           /* before "@service" */


static int ctl_nibble(char ch);


/*
 * The id of a service user: ASCII letters to lower case, a run of white space
 * to one underscore, all but a-z 0-9 _ removed, underscores at the ends
 * removed.
 */

int
ctl_user_id(ctl_t *ctl, const char *name, char id[STOK_USER_ID_MAX + 1])
{
    int          blank;
    char         ch;
    size_t       n;
    const char  *p;

    for (p = name, n = 0, blank = 0; *p; p++) {
        ch = *p;

        if (ch == ' ' || (ch >= '\t' && ch <= '\r')) {
            if (blank) {
                continue;
            }

            blank = 1;
            ch = '_';

        } else {
            blank = 0;

            if (ch >= 'A' && ch <= 'Z') {
                ch = (char) (ch + ('a' - 'A'));
            }

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '_'))
            {
                continue;
            }
        }

        if (n == STOK_USER_ID_MAX) {
            break;
        }

        if (n || ch != '_') {
            id[n++] = ch;
        }
    }

    while (n && id[n - 1] == '_') {
        n--;
    }

    if (n == 0) {
        return ctl_fail(ctl, CTL_REJECTED, "the name has no letter or digit "
                        "from which to make an id");
    }

    if (n > CTL_ID_MAX) {
        return ctl_fail(ctl, CTL_REJECTED, "the id made from this name is "
                        "longer than %d characters", CTL_ID_MAX);
    }

    strcpy(id + n, "@service");

    return CTL_OK;
}


/* why a service user's name is a poor one, or NULL */

const char *
ctl_name_lint(const char *id)
{
    size_t  i, n;

    static const struct {
        const char  *word;
        const char  *why;
    } poor[] = {
        { "service", "not descriptive" }, { "svc", "not descriptive" },
        { "app", "not descriptive" }, { "api", "not descriptive" },
        { "job", "not descriptive" }, { "script", "not descriptive" },
        { "user", "not descriptive" }, { "bot", "not descriptive" },
        { "token", "not descriptive" }, { "account", "not descriptive" },
        { "temp", "vague" }, { "tmp", "vague" }, { "misc", "vague" },
        { "stuff", "vague" }, { "foo", "vague" }, { "bar", "vague" },
        { "new", "vague" }, { "old", "vague" },
        { "test", "generic" }, { "testing", "generic" },
        { "demo", "generic" }, { "example", "generic" },
        { "default", "generic" }, { "admin", "generic" },
    };

    n = strcspn(id, "@");

    while (n && (isdigit((unsigned char) id[n - 1]) || id[n - 1] == '_')) {
        n--;
    }

    if (n < 2) {
        return "vague";
    }

    for (i = 0; i < sizeof(poor) / sizeof(poor[0]); i++) {
        if (strlen(poor[i].word) == n
            && strncmp(poor[i].word, id, n) == 0)
        {
            return poor[i].why;
        }
    }

    return NULL;
}


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


int
ctl_str_same(stok_str_t one, stok_str_t other)
{
    return one.len == other.len
           && memcmp(one.data, other.data, one.len) == 0;
}
