/*
 * Names, durations and dates.
 */


#define _GNU_SOURCE                              /* strptime, timegm */

#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define CLI_ID_MAX  64                           /* before "@service" */


/*
 * The id of a service user: ASCII letters to lower case, a run of white space
 * to one underscore, all but a-z 0-9 _ removed, underscores at the ends
 * removed.
 */

int
cli_user_id(const char *name, char id[STOK_USER_ID_MAX + 1])
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
        return cli_fail(CLI_REFUSED, "the name has no letter or digit "
                        "from which to make an id");
    }

    if (n > CLI_ID_MAX) {
        return cli_fail(CLI_REFUSED, "the id made from this name is longer "
                        "than %d characters", CLI_ID_MAX);
    }

    strcpy(id + n, "@service");

    return CLI_OK;
}


/* why a service user's name is a poor one, or NULL */

const char *
cli_name_lint(const char *id)
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


/* "90d" -> seconds; "never" -> 0; 1 to 365 days */

int
cli_days(const char *text, int64_t *seconds)
{
    char  *end;
    long   days;

    if (strcmp(text, "never") == 0) {
        *seconds = 0;
        return CLI_OK;
    }

    days = isdigit((unsigned char) text[0]) ? strtol(text, &end, 10) : 0;

    if (days < 1 || days > 365 || strcmp(end, "d") != 0) {
        return cli_fail(CLI_USAGE, "bad --expires-in: 1d to 365d, or never");
    }

    *seconds = (int64_t) days * CLI_DAY;

    return CLI_OK;
}


/*
 * A moment: "30m", "24h", "7d", "4w" before now, or ISO 8601, a date or a date
 * and a time, in UTC unless it says another offset
 */

int
cli_since(const char *text, int64_t now, int64_t *since)
{
    int          n, sign, day;
    char         unit[2];
    size_t       i;
    unsigned     hours, minutes;
    struct tm    tm;
    long long    value;
    const char  *rest;

    static const char      units[] = "smhdw";
    static const int64_t   seconds[] = { 1, 60, 3600, CLI_DAY, 7 * CLI_DAY };

    n = 0;
    i = strspn(text, "0123456789");

    if (i > 0 && i < 10 && sscanf(text, "%lld%1[smhdw]%n", &value, unit, &n)
        == 2 && text[n] == '\0')
    {
        *since = now - value * seconds[strchr(units, unit[0]) - units];
        *since = *since > 0 ? *since : 0;
        return CLI_OK;
    }

    memset(&tm, 0, sizeof(tm));
    rest = i == 4 ? strptime(text, "%Y-%m-%d", &tm) : NULL;

    if (rest && (*rest == 'T' || *rest == ' ')) {
        i = strspn(rest + 1, "0123456789:");
        rest = strptime(rest + 1, i > 5 ? "%H:%M:%S" : "%H:%M", &tm);
    }

    sign = rest && *rest == '-' ? -1 : 1;
    hours = 0;
    minutes = 0;
    n = 0;

    if (rest && (*rest == '+' || *rest == '-')
        && sscanf(rest + 1, "%2u:%2u%n", &hours, &minutes, &n) == 2 && n == 5)
    {
        rest += 6;

    } else if (rest && *rest == 'Z') {
        rest++;
    }

    day = tm.tm_mday;
    value = (long long) timegm(&tm);

    if (rest == NULL || *rest || hours > 23 || minutes > 59
        || tm.tm_mday != day)
    {
        return cli_fail(CLI_USAGE, "bad --since: 30m, 24h or 7d, or a time as "
                        "in 2026-01-31T12:00:00Z");
    }

    *since = value - sign * (int64_t) (hours * 3600 + minutes * 60);
    *since = *since > 0 ? *since : 0;

    return CLI_OK;
}


/* "30m", "12h", "7d": above 0, 365 days at most */

int
cli_duration(const char *text, int64_t *seconds)
{
    char        *end;
    long         n;
    const char  *unit;

    static const char  units[] = "smhd";
    static const int   length[] = { 1, 60, 3600, CLI_DAY };

    n = isdigit((unsigned char) text[0]) ? strtol(text, &end, 10) : 0;

    if (n < 1 || end[0] == '\0' || end[1] != '\0') {
        return CLI_USAGE;
    }

    unit = strchr(units, end[0]);

    if (unit == NULL || n > 365 * CLI_DAY / length[unit - units]) {
        return CLI_USAGE;
    }

    *seconds = (int64_t) n * length[unit - units];

    return CLI_OK;
}


void
cli_iso(int64_t date, char out[24])
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
cli_number(const char *text)
{
    return text ? strtoll(text, NULL, 10) : 0;
}
