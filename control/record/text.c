/*
 * Durations, dates and digests.
 */


#define _DEFAULT_SOURCE                          /* timegm */

#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


static int ctl_ago(const char *text, int64_t now, int64_t *since);
static int ctl_moment(const char *text, int64_t *since);
static const char *ctl_after(const char *p, char ch);
static const char *ctl_digits(const char *p, int n, int min, int max,
    int *value);
static int ctl_month(int year, int month);
static int ctl_nibble(char ch);


/* "90d" -> seconds; "never" -> 0; 1 to 365 days */

int
ctl_days(ctl_t *ctl, const char *text, int64_t *seconds)
{
    char  *end;
    long   days;

    if (strcmp(text, "never") == 0) {
        *seconds = 0;
        return CTL_OK;
    }

    days = isdigit((unsigned char) text[0]) ? strtol(text, &end, 10) : 0;

    if (days < 1 || days > 365 || strcmp(end, "d") != 0) {
        return ctl_fail(ctl, CTL_INVALID, "bad --expires-in: 1d to 365d, or "
                        "never");
    }

    *seconds = (int64_t) days * CTL_DAY;

    return CTL_OK;
}


/*
 * A moment: "30m", "24h", "7d", "4w" before now, or ISO 8601, a date or a date
 * and a time, in UTC unless it says another offset
 */

int
ctl_since(ctl_t *ctl, const char *text, int64_t now, int64_t *since)
{
    if (ctl_ago(text, now, since) != CTL_OK
        && ctl_moment(text, since) != CTL_OK)
    {
        return ctl_fail(ctl, CTL_INVALID, "bad --since: 30m, 24h or 7d, or a "
                        "time as in 2026-01-31T12:00:00Z");
    }

    *since = *since > 0 ? *since : 0;

    return CTL_OK;
}


static int
ctl_ago(const char *text, int64_t now, int64_t *since)
{
    size_t       n;
    const char  *unit;

    static const char      units[] = "smhdw";
    static const int64_t   seconds[] = { 1, 60, 3600, CTL_DAY, 7 * CTL_DAY };

    n = strspn(text, "0123456789");

    if (n == 0 || n > 9 || text[n] == '\0' || text[n + 1] != '\0') {
        return CTL_INVALID;
    }

    unit = strchr(units, text[n]);

    if (unit == NULL) {
        return CTL_INVALID;
    }

    *since = now - ctl_number(text) * seconds[unit - units];

    return CTL_OK;
}


/* not by strptime() and sscanf(), which take signs, blanks and less digits */

static int
ctl_moment(const char *text, int64_t *since)
{
    int          year, sign, hours, minutes;
    struct tm    tm;
    const char  *p;

    memset(&tm, 0, sizeof(tm));
    hours = 0;
    minutes = 0;
    sign = 1;

    p = ctl_digits(text, 4, 0, 9999, &year);
    p = ctl_digits(ctl_after(p, '-'), 2, 1, 12, &tm.tm_mon);
    p = ctl_digits(ctl_after(p, '-'), 2, 1, 31, &tm.tm_mday);

    if (p && (*p == 'T' || *p == ' ')) {
        p = ctl_digits(p + 1, 2, 0, 23, &tm.tm_hour);
        p = ctl_digits(ctl_after(p, ':'), 2, 0, 59, &tm.tm_min);

        if (p && *p == ':') {
            p = ctl_digits(p + 1, 2, 0, 59, &tm.tm_sec);
        }
    }

    if (p && (*p == '+' || *p == '-')) {
        sign = *p == '-' ? -1 : 1;
        p = ctl_digits(p + 1, 2, 0, 23, &hours);
        p = ctl_digits(ctl_after(p, ':'), 2, 0, 59, &minutes);

    } else if (p && *p == 'Z') {
        p++;
    }

    if (p == NULL || *p || tm.tm_mday > ctl_month(year, tm.tm_mon)) {
        return CTL_INVALID;
    }

    tm.tm_year = year - 1900;
    tm.tm_mon--;

    *since = (int64_t) timegm(&tm) - sign * (hours * 3600 + minutes * 60);

    return CTL_OK;
}


/* what follows ch, or NULL: it is another, or there was nothing before */

static const char *
ctl_after(const char *p, char ch)
{
    return p && *p == ch ? p + 1 : NULL;
}


/* what follows n digits, or NULL: they are less, or not from min to max */

static const char *
ctl_digits(const char *p, int n, int min, int max, int *value)
{
    if (p == NULL) {
        return NULL;
    }

    for (*value = 0; n > 0; n--, p++) {
        if (*p < '0' || *p > '9') {
            return NULL;
        }

        *value = *value * 10 + (*p - '0');
    }

    return *value >= min && *value <= max ? p : NULL;
}


static int
ctl_month(int year, int month)
{
    static const int  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                 31 };

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}


/* "30m", "12h", "7d": above 0, 365 days at most */

int
ctl_duration(const char *text, int64_t *seconds)
{
    char        *end;
    long         n;
    const char  *unit;

    static const char  units[] = "smhd";
    static const int   length[] = { 1, 60, 3600, CTL_DAY };

    n = isdigit((unsigned char) text[0]) ? strtol(text, &end, 10) : 0;

    if (n < 1 || end[0] == '\0' || end[1] != '\0') {
        return CTL_INVALID;
    }

    unit = strchr(units, end[0]);

    if (unit == NULL || n > 365 * CTL_DAY / length[unit - units]) {
        return CTL_INVALID;
    }

    *seconds = (int64_t) n * length[unit - units];

    return CTL_OK;
}


void
ctl_iso(int64_t date, char out[24])
{
    time_t     t;
    struct tm  tm;

    t = (time_t) date;

    if (gmtime_r(&t, &tm) == NULL
        || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
    {
        strcpy(out, "?");
    }
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


int
ctl_is_date(const char *name)
{
    size_t  len;

    len = strlen(name);

    return (len > 3 && strcmp(name + len - 3, "_at") == 0)
           || strcmp(name, "last_used") == 0
           || strcmp(name, "first_used") == 0;
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
