/*
 * The command's names, durations and dates, against their descriptions.
 *
 * Input: a text, as it stands on the command line: up to the first zero.
 */


#include "internal.h"
#include "fuzz.h"


#define TEXT_NOW  1790000000


static ctl_t  text_ctl;


static void text_user_id(const char *text);
static void text_days(const char *text);
static void text_duration(const char *text);
static void text_since(const char *text);
static int text_moment(const char *text, int64_t *since);
static int text_two(const char **text, int max);
static int64_t text_epoch(int year, int month, int day);
static int text_month(int year, int month);
static int64_t text_number(const char **text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  *text;

    text = malloc(size + 1);
    fuzz_check(text != NULL);

    if (size) {
        memcpy(text, data, size);
    }

    text[size] = '\0';

    text_user_id(text);
    text_days(text);
    text_duration(text);
    text_since(text);

    (void) ctl_name_lint(text);

    free(text);

    return 0;
}


/* word by word; a word of no letters leaves nothing, its blanks stay blanks */

static void
text_user_id(const char *text)
{
    int          rc;
    char         id[STOK_USER_ID_MAX + 1], again[STOK_USER_ID_MAX + 1];
    size_t       i, n;
    stok_str_t   str;

    rc = ctl_user_id(&text_ctl, text, id);

    if (rc != CTL_OK) {
        fuzz_check(rc == CTL_REJECTED);
        return;
    }

    n = strlen(id);
    fuzz_check(n > 8 && strcmp(id + n - 8, "@service") == 0);
    n -= 8;
    fuzz_check(n <= 64);

    for (i = 0; i < n; i++) {
        fuzz_check((id[i] >= 'a' && id[i] <= 'z')
                   || (id[i] >= '0' && id[i] <= '9') || id[i] == '_');
    }

    fuzz_check(id[0] != '_' && id[n - 1] != '_');

    str.data = id;
    str.len = n + 8;
    fuzz_check(stok_user_id_check(str) == STOK_OK);

    (void) ctl_name_lint(id);

    /* an id is its own */

    id[n] = '\0';
    fuzz_check(ctl_user_id(&text_ctl, id, again) == CTL_OK);
    fuzz_check(strncmp(again, id, n) == 0 && again[n] == '@');
}


static void
text_days(const char *text)
{
    int          rc;
    int64_t      seconds, days;
    const char  *p;

    rc = ctl_days(&text_ctl, text, &seconds);

    if (strcmp(text, "never") == 0) {
        fuzz_check(rc == CTL_OK && seconds == 0);
        return;
    }

    p = text;
    days = text_number(&p);

    if (days >= 1 && days <= 365 && strcmp(p, "d") == 0) {
        fuzz_check(rc == CTL_OK && seconds == days * 86400);

    } else {
        fuzz_check(rc == CTL_INVALID);
    }
}


static void
text_duration(const char *text)
{
    int          rc;
    int64_t      seconds, expected;
    const char  *p;

    rc = ctl_duration(text, &seconds);

    p = text;
    expected = text_number(&p);

    expected *= strcmp(p, "s") == 0 ? 1 : strcmp(p, "m") == 0 ? 60
                : strcmp(p, "h") == 0 ? 3600 : strcmp(p, "d") == 0 ? 86400
                : 0;

    if (expected >= 1 && expected <= 365 * 86400) {
        fuzz_check(rc == CTL_OK && seconds == expected);

    } else {
        fuzz_check(rc == CTL_INVALID);
    }
}


static void
text_since(const char *text)
{
    int          rc;
    int64_t      since, expected;
    const char  *p;

    static const char     units[] = "smhdw";
    static const int64_t  seconds[] = { 1, 60, 3600, 86400, 7 * 86400 };

    rc = ctl_since(&text_ctl, text, TEXT_NOW, &since);

    p = text;
    expected = text_number(&p);

    if (expected >= 0 && p - text < 10 && *p && strchr(units, *p)
        && p[1] == '\0')
    {
        expected = TEXT_NOW - expected * seconds[strchr(units, *p) - units];

    } else if (!text_moment(text, &expected)) {
        fuzz_check(rc == CTL_INVALID);
        return;
    }

    fuzz_check(rc == CTL_OK);
    fuzz_check(since == (expected < 0 ? 0 : expected));
}


/* ISO 8601: YYYY-MM-DD, T or a blank and hh:mm[:ss], Z or +hh:mm or -hh:mm */

static int
text_moment(const char *text, int64_t *since)
{
    int          i, year, month, day, hour, minute, second, offset, sign;
    const char  *p;

    for (i = 0, p = text, year = 0; i < 4; i++, p++) {
        if (*p < '0' || *p > '9') {
            return 0;
        }

        year = year * 10 + *p - '0';
    }

    if (*p++ != '-' || (month = text_two(&p, 12)) < 1 || *p++ != '-'
        || (day = text_two(&p, 31)) < 1 || day > text_month(year, month))
    {
        return 0;
    }

    hour = minute = second = offset = 0;

    if (*p == 'T' || *p == ' ') {
        p++;

        if ((hour = text_two(&p, 23)) < 0 || *p++ != ':'
            || (minute = text_two(&p, 59)) < 0)
        {
            return 0;
        }

        if (*p == ':') {
            p++;

            if ((second = text_two(&p, 59)) < 0) {
                return 0;
            }
        }
    }

    if (*p == 'Z') {
        p++;

    } else if (*p == '+' || *p == '-') {
        sign = *p++ == '-' ? -1 : 1;

        if ((i = text_two(&p, 23)) < 0 || *p++ != ':') {
            return 0;
        }

        offset = sign * i * 3600;

        if ((i = text_two(&p, 59)) < 0) {
            return 0;
        }

        offset += sign * i * 60;
    }

    *since = text_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60
             + second - offset;

    return *p == '\0';
}


/* -1: no two digits, or more than max */

static int
text_two(const char **text, int max)
{
    int          n;
    const char  *p;

    p = *text;

    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
        return -1;
    }

    n = (p[0] - '0') * 10 + p[1] - '0';
    *text += 2;

    return n <= max ? n : -1;
}


/* days since 1970 */

static int64_t
text_epoch(int year, int month, int day)
{
    int      y, m;
    int64_t  days;

    days = day - 1;

    for (m = 1; m < month; m++) {
        days += text_month(year, m);
    }

    for (y = 1970; y < year; y++) {
        days += text_month(y, 2) + 337;
    }

    for (y = year; y < 1970; y++) {
        days -= text_month(y, 2) + 337;
    }

    return days;
}


static int
text_month(int year, int month)
{
    static const int  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                 31 };

    return days[month - 1]
           + (month == 2 && year % 4 == 0
              && (year % 100 != 0 || year % 400 == 0));
}


/* -1: no digit; what is much too large stays so */

static int64_t
text_number(const char **text)
{
    int64_t  n;

    if (**text < '0' || **text > '9') {
        return -1;
    }

    for (n = 0; **text >= '0' && **text <= '9'; (*text)++) {
        n = n < 1000000000000 ? n * 10 + **text - '0' : n;
    }

    return n;
}
