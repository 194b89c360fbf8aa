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
static void text_time(const char *text);
static int text_length(const char *text, int64_t *ms);
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
    text_time(text);

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
        fuzz_check(rc == CTL_INVALID);
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


/* a length, a moment or "never", as each option takes them */

static void
text_time(const char *text)
{
    size_t      i;
    int64_t     ms, at, ahead;
    ctl_time_t  time;

    static const struct {
        const char  *option;
        int64_t      min;
        int64_t      max;
        int          never;
    } options[] = {
        { "expires-in", 86400000, 365 * 86400000LL, 1 },
        { "extend", 86400000, 365 * 86400000LL, 0 },
        { "overlap", 1000, 365 * 86400000LL, 0 },
        { "wait", 1, 3600000, 0 },
        { "since", 0, 1000000000000000000LL, 0 },
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {

        if (ctl_time(&text_ctl, options[i].option, text, &time) != CTL_OK) {
            fuzz_check(!(options[i].never && strcmp(text, "never") == 0)
                       && !text_moment(text, &at)
                       && (!text_length(text, &ms) || ms < options[i].min
                           || ms > options[i].max));
            continue;
        }

        switch (time.kind) {

        case CTL_TIME_NEVER:
            fuzz_check(options[i].never && strcmp(text, "never") == 0);
            break;

        case CTL_TIME_MOMENT:
            fuzz_check(text_moment(text, &at) && at == time.at);
            fuzz_check(ctl_time_back(&time, TEXT_NOW) == (at < 0 ? 0 : at));

            if (ctl_time_ahead(&text_ctl, options[i].option, &time, TEXT_NOW,
                               &ahead) == CTL_OK)
            {
                fuzz_check(ahead == at
                           && at >= TEXT_NOW + options[i].min / 1000
                           && at <= TEXT_NOW + options[i].max / 1000);
            }

            break;

        default:
            fuzz_check(text_length(text, &ms) && ms == time.ms
                       && ms >= options[i].min && ms <= options[i].max);
            at = TEXT_NOW - ms / 1000;
            fuzz_check(ctl_time_back(&time, TEXT_NOW) == (at < 0 ? 0 : at));
            break;
        }
    }
}


static int
text_length(const char *text, int64_t *ms)
{
    size_t       i;
    const char  *p;

    static const struct {
        const char  *name;
        int64_t      ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
        { "d", 86400000 }, { "w", 604800000 }, { "y", 31536000000 },
    };

    p = text;
    *ms = text_number(&p);

    for (i = 0; *ms >= 0 && p - text < 10 && i < 7; i++) {
        if (strcmp(p, units[i].name) == 0) {
            if (*ms > 1000000000000000000LL / units[i].ms) {
                return 0;
            }

            *ms *= units[i].ms;
            return 1;
        }
    }

    return 0;
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
