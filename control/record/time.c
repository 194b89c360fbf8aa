/*
 * Times, as options give them and as people read them.
 *
 * One grammar for every option: a length ("90s", "15m", "12h", "7d", "2w",
 * "1y"), a moment (ISO 8601: a date, or a date and a time), or "never".  A
 * table has a row for each option, with the forms that it takes.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_MS      1000LL
#define CTL_DAY_MS  (CTL_DAY * CTL_MS)
#define CTL_MAX_MS  1000000000000000000LL

/* the calendar repeats after 400 years; day 0 of it is 0000-03-01 */
#define CTL_ERA_DAYS  146097LL
#define CTL_EPOCH     719468LL                   /* 1970-01-01 */


/* a day of the calendar, as people write it */
typedef struct {
    int64_t  year;
    int      month;
    int      day;
} ctl_day_t;


/* what an option takes: a length from min to max, in ms */
typedef struct {
    const char  *name;
    const char  *option;                         /* NULL: as its name */
    int64_t      min;
    int64_t      max;
    int          never;
    const char  *takes;
} ctl_time_rule_t;


static const ctl_time_rule_t  ctl_time_rules[] = {
    { "expires-in", NULL, CTL_DAY_MS, CTL_YEAR * CTL_MS, 1,
      "1d to 1y, as in 90d, 12w or 2026-12-31, or never" },
    { "extend", "expires-in", CTL_DAY_MS, CTL_YEAR * CTL_MS, 0,
      "1d to 1y, as in 30d, 12w or 2026-12-31" },
    { "overlap", NULL, CTL_MS, CTL_YEAR * CTL_MS, 0,
      "1s to 1y, as in 30m, 12h or 7d, or a time as in "
      "2026-12-31T12:00:00Z" },
    { "wait", NULL, 1, 3600 * CTL_MS, 0,
      "1ms to 1h, as in 500ms, 5s or 1m" },
    { "timeout", NULL, 1, 3600 * CTL_MS, 0,
      "1ms to 1h, as in 500ms, 5s or 1m" },
    { "until", "timeout", CTL_MS, CTL_YEAR * CTL_MS, 0,
      "1s to 1y, as in 15m, 12h or 7d, or a time as in 2026-12-31T12:00:00Z" },
    { "expiring", NULL, CTL_MS, 100 * CTL_MS * CTL_YEAR, 0,
      "12h, 30d, 2w or 1y, or a time as in 2026-12-31T12:00:00Z" },
    { NULL, NULL, 0, CTL_MAX_MS, 0,
      "30m, 24h, 7d, 2w or 1y, or a time as in 2026-01-31T12:00:00Z" }
};


static const ctl_time_rule_t *ctl_time_rule(const char *option);
static int ctl_length(const char *text, int64_t *ms);
static int ctl_moment(const char *text, int64_t *at);
static const char *ctl_after(const char *p, char ch);
static const char *ctl_digits(const char *p, int n, int min, int max,
    int *value);
static int ctl_month(int year, int month);
static int64_t ctl_days(const ctl_day_t *day);
static void ctl_day(int64_t date, ctl_day_t *day);


int
ctl_time(ctl_t *ctl, const char *option, const char *text, ctl_time_t *given)
{
    const ctl_time_rule_t  *rule;

    rule = ctl_time_rule(option);
    memset(given, 0, sizeof(*given));

    if (rule->never && strcmp(text, "never") == 0) {
        given->kind = CTL_TIME_NEVER;
        return CTL_OK;
    }

    if (ctl_length(text, &given->ms) == CTL_OK
        && given->ms >= rule->min && given->ms <= rule->max)
    {
        given->kind = CTL_TIME_LENGTH;
        return CTL_OK;
    }

    if (ctl_moment(text, &given->at) == CTL_OK) {
        given->kind = CTL_TIME_MOMENT;
        return CTL_OK;
    }

    return ctl_fail(ctl, CTL_INVALID, "bad --%s \"%.64s\": %s",
                    rule->option ? rule->option : option, text, rule->takes);
}


int
ctl_time_ahead(ctl_t *ctl, const char *option, const ctl_time_t *given,
    int64_t now, int64_t *at)
{
    char                    is[24], date[24];
    const ctl_time_rule_t  *rule;

    rule = ctl_time_rule(option);

    if (given->kind != CTL_TIME_MOMENT) {
        *at = given->kind == CTL_TIME_NEVER ? 0 : now + given->ms / CTL_MS;
        return CTL_OK;
    }

    *at = given->at;

    if (*at < now + rule->min / CTL_MS || *at > now + rule->max / CTL_MS) {
        ctl_iso(*at, date);
        ctl_iso(now, is);
        return ctl_fail(ctl, CTL_INVALID, "bad --%s: %s is %s: %s; it is now "
                        "%s", rule->option ? rule->option : option, date,
                        *at <= now ? "in the past"
                        : *at > now + rule->max / CTL_MS ? "too far away"
                                                         : "too near",
                        rule->takes, is);
    }

    return CTL_OK;
}


int
ctl_time_left(ctl_t *ctl, const char *option, const char *text, int64_t *ms)
{
    int         code;
    int64_t     now, at;
    ctl_time_t  given;

    code = ctl_time(ctl, option, text, &given);

    if (code != CTL_OK || given.kind == CTL_TIME_LENGTH) {
        *ms = given.ms;
        return code;
    }

    now = (int64_t) time(NULL);

    code = ctl_time_ahead(ctl, option, &given, now, &at);

    if (code == CTL_OK) {
        *ms = (at - now) * CTL_MS;
        code = *ms > 0 ? CTL_OK
                       : ctl_fail(ctl, CTL_INVALID, "bad --%s: that is over",
                                  option);
    }

    return code;
}


int64_t
ctl_time_back(const ctl_time_t *given, int64_t now)
{
    int64_t  at;

    at = given->kind == CTL_TIME_MOMENT ? given->at : now - given->ms / CTL_MS;

    return at > 0 ? at : 0;
}


/* the last row is for every other option */

static const ctl_time_rule_t *
ctl_time_rule(const char *option)
{
    const ctl_time_rule_t  *rule;

    for (rule = ctl_time_rules; rule->name; rule++) {
        if (strcmp(rule->name, option) == 0) {
            break;
        }
    }

    return rule;
}


static int
ctl_length(const char *text, int64_t *ms)
{
    size_t   i, n;
    int64_t  value;

    static const struct {
        const char  *name;
        int64_t      ms;
    } units[] = {
        { "ms", 1 }, { "s", CTL_MS }, { "m", 60 * CTL_MS },
        { "h", 3600 * CTL_MS }, { "d", CTL_DAY_MS },
        { "w", 7 * CTL_DAY_MS }, { "y", CTL_YEAR * CTL_MS },
    };

    n = strspn(text, "0123456789");

    if (n == 0 || n > 9) {
        return CTL_INVALID;
    }

    value = ctl_number(text);

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + n, units[i].name) == 0
            && value <= CTL_MAX_MS / units[i].ms)
        {
            *ms = value * units[i].ms;
            return CTL_OK;
        }
    }

    return CTL_INVALID;
}


/* not by strptime() and sscanf(), which take signs, blanks and fewer digits */

static int
ctl_moment(const char *text, int64_t *at)
{
    int          year, sign, hours, minutes, hour, min, sec;
    ctl_day_t    day;
    const char  *p;

    hours = 0;
    minutes = 0;
    hour = 0;
    min = 0;
    sec = 0;
    sign = 1;

    p = ctl_digits(text, 4, 0, 9999, &year);
    p = ctl_digits(ctl_after(p, '-'), 2, 1, 12, &day.month);
    p = ctl_digits(ctl_after(p, '-'), 2, 1, 31, &day.day);

    if (p && (*p == 'T' || *p == ' ')) {
        p = ctl_digits(p + 1, 2, 0, 23, &hour);
        p = ctl_digits(ctl_after(p, ':'), 2, 0, 59, &min);

        if (p && *p == ':') {
            p = ctl_digits(p + 1, 2, 0, 59, &sec);
        }
    }

    if (p && (*p == '+' || *p == '-')) {
        sign = *p == '-' ? -1 : 1;
        p = ctl_digits(p + 1, 2, 0, 23, &hours);
        p = ctl_digits(ctl_after(p, ':'), 2, 0, 59, &minutes);

    } else if (p && *p == 'Z') {
        p++;
    }

    if (p == NULL || *p || day.day > ctl_month(year, day.month)) {
        return CTL_INVALID;
    }

    day.year = year;

    *at = ctl_days(&day) * CTL_DAY + hour * 3600 + min * 60 + sec
          - sign * (hours * 3600 + minutes * 60);

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


/*
 * Days since 1970, and back: not by timegm() and gmtime(), which end in 2038
 * where time_t has 32 bits.  A year begins in March here, so that a leap day is
 * its last one.
 */

static int64_t
ctl_days(const ctl_day_t *day)
{
    int      month;
    int64_t  year;

    year = day->year + 400 - (day->month <= 2);
    month = (day->month + 9) % 12;

    return year * 365 + year / 4 - year / 100 + year / 400
           + (month * 153 + 2) / 5 + day->day - 1 - CTL_ERA_DAYS - CTL_EPOCH;
}


static void
ctl_day(int64_t date, ctl_day_t *day)
{
    int64_t  days, era, year, month;

    days = date / CTL_DAY - (date % CTL_DAY < 0) + CTL_EPOCH;
    era = days / CTL_ERA_DAYS - (days % CTL_ERA_DAYS < 0);
    days -= era * CTL_ERA_DAYS;

    year = (days - days / 1460 + days / 36524 - days / 146096) / 365;
    days -= year * 365 + year / 4 - year / 100;
    month = (days * 5 + 2) / 153;

    day->day = (int) (days - (month * 153 + 2) / 5 + 1);
    day->month = (int) (month < 10 ? month + 3 : month - 9);
    day->year = year + era * 400 + (day->month <= 2);
}


int64_t
ctl_year(int64_t date)
{
    ctl_day_t  day;

    ctl_day(date, &day);

    return day.year;
}


void
ctl_iso(int64_t date, char out[24])
{
    int        second;
    ctl_day_t  day;

    ctl_day(date, &day);
    second = (int) ((date % CTL_DAY + CTL_DAY) % CTL_DAY);

    if (day.year < 0 || day.year > 9999) {
        strcpy(out, "?");
        return;
    }

    snprintf(out, 24, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int) day.year,
             day.month, day.day, second / 3600, second / 60 % 60, second % 60);
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


const char *
ctl_s(int64_t n)
{
    return n == 1 ? "" : "s";
}


/* "in 26 days", "3 hours ago" */

void
ctl_when(int64_t date, int64_t now, char out[CTL_WHEN])
{
    size_t      i;
    int64_t     n, left;

    static const struct {
        int64_t      least;                      /* from which on it is used */
        int64_t      length;
        const char  *name;
    } units[] = {
        { 2 * CTL_YEAR, CTL_YEAR, "year" }, { 2 * CTL_DAY, CTL_DAY, "day" },
        { 2 * 3600, 3600, "hour" }, { 2 * 60, 60, "minute" },
        { 0, 1, "second" },
    };

    left = date > now ? date - now : now - date;

    for (i = 0; left < units[i].least; i++) { /* void */ }

    n = (left + units[i].length / 2) / units[i].length;

    snprintf(out, CTL_WHEN, "%s%lld %s%s%s", date > now ? "in " : "",
             (long long) n, units[i].name, ctl_s(n),
             date > now ? "" : " ago");
}
