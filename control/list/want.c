/*
 * The filters of a list: words, times and numbers, judged.
 */


#include "list.h"

#include <string.h>


/* those that end by themselves, or that nobody uses: where it matters */
#define CTL_LIST_LIVE  "active,rotating,disabled,pending"


static int ctl_list_words(ctl_t *ctl, const char *option, const char *words,
    const char *known, const char *says);
static int ctl_list_sort(ctl_t *ctl, ctl_list_t *list, const char *sort);


int
ctl_list_wanted(ctl_t *ctl, ctl_list_t *list)
{
    int                     code;
    ctl_time_t              ignored;
    const ctl_list_want_t  *want;

    want = list->want;
    list->states = want->state;

    if (list->users) {
        code = ctl_list_words(ctl, "state", want->state,
                              "pending,active,disabled,deleted,tampered,"
                              "unsealed,unreadable",
                              "pending, active, disabled, deleted, "
                              "tampered, unsealed or unreadable");
        if (code == CTL_OK) {
            code = ctl_list_words(ctl, "type", want->type, "service,human",
                                  "service or human");
        }

    } else {
        code = ctl_list_words(ctl, "state", want->state,
                              "active,rotating,revoked,expired,disabled,"
                              "pending,orphaned,tampered,unsealed,"
                              "unreadable",
                              "active, rotating, revoked, expired, disabled, "
                              "pending, orphaned, tampered, unsealed or "
                              "unreadable");
        if (code == CTL_OK) {
            code = ctl_list_words(ctl, "type", want->type,
                                  "service,personal,scim",
                                  "service, personal or scim");
        }
    }

    if (code == CTL_OK) {
        code = ctl_list_words(ctl, "env", want->env,
                              "production,staging,development,testing",
                              "production, staging, development or testing");
    }

    if (code == CTL_OK && want->expiring) {
        code = ctl_time(ctl, "expiring", want->expiring, &ignored);
    }

    if (code == CTL_OK && want->unused) {
        code = ctl_time(ctl, "unused", want->unused, &ignored);
    }

    if (code == CTL_OK && (want->expiring || want->unused)
        && list->states == NULL)
    {
        list->states = CTL_LIST_LIVE;
    }

    if (code == CTL_OK) {
        code = ctl_list_sort(ctl, list, want->sort);
    }

    return code == CTL_OK && want->limit
           ? ctl_count(ctl, "limit", want->limit, &list->limit) : code;
}


int
ctl_list_times(ctl_t *ctl, ctl_list_t *list)
{
    int         code;
    ctl_time_t  given;

    code = ctl_now(ctl, &list->now);

    if (code == CTL_OK && list->want->expiring) {
        code = ctl_time(ctl, "expiring", list->want->expiring, &given);

        if (code == CTL_OK) {
            code = ctl_time_ahead(ctl, "expiring", &given, list->now,
                                  &list->expiring);
        }
    }

    if (code == CTL_OK && list->want->unused) {
        code = ctl_time(ctl, "unused", list->want->unused, &given);
        list->unused = ctl_time_back(&given, list->now);

        if (code == CTL_OK && list->unused > list->now) {
            code = ctl_fail(ctl, CTL_INVALID, "bad --unused \"%.64s\": that is "
                            "in the future", list->want->unused);
        }
    }

    return code;
}


int
ctl_list_word(const char *words, const char *word)
{
    size_t       len, n;
    const char  *p;

    if (words == NULL) {
        return 1;
    }

    len = strlen(word);

    for (p = words; /* void */ ; p += n + 1) {
        n = strcspn(p, ",");

        if (n == len && memcmp(p, word, n) == 0) {
            return 1;
        }

        if (p[n] == '\0') {
            return 0;
        }
    }
}


/* each of them is known */

static int
ctl_list_words(ctl_t *ctl, const char *option, const char *words,
    const char *known, const char *says)
{
    char         word[24];
    size_t       n;
    const char  *p;

    for (p = words; p; p = p[n] ? p + n + 1 : NULL) {
        n = strcspn(p, ",");

        if (n < sizeof(word)) {
            memcpy(word, p, n);
            word[n] = '\0';
        }

        if (n == 0 || n >= sizeof(word) || !ctl_list_word(known, word)) {
            return ctl_fail(ctl, CTL_INVALID, "bad --%s: %s, or some with "
                            "commas between", option, says);
        }
    }

    return CTL_OK;
}


/* what is asked for says which order is of use */

static int
ctl_list_sort(ctl_t *ctl, ctl_list_t *list, const char *sort)
{
    size_t  i;

    static const struct {
        const char  *name;
        ctl_sort_e   sort;
    } sorts[] = {
        { "created", CTL_SORT_CREATED }, { "expires", CTL_SORT_EXPIRES },
        { "last-used", CTL_SORT_USED },
    };

    if (sort == NULL) {
        list->sort = list->want->expiring ? CTL_SORT_EXPIRES
                     : list->want->unused ? CTL_SORT_USED : CTL_SORT_CREATED;
        return CTL_OK;
    }

    list->reverse = sort[0] == '-';
    sort += list->reverse;

    for (i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
        if (strcmp(sort, sorts[i].name) == 0
            && (i == 0 || !list->users))
        {
            list->sort = sorts[i].sort;
            return CTL_OK;
        }
    }

    return ctl_fail(ctl, CTL_INVALID, list->users
                    ? "bad --sort: created, or -created for the newest first"
                    : "bad --sort: created, expires or last-used, which have "
                      "an index, or -created and so on for the other way");
}


int
ctl_count(ctl_t *ctl, const char *option, const char *text, int64_t *count)
{
    size_t  n;

    n = strspn(text, "0123456789");
    *count = ctl_number(text);

    if (n == 0 || n > 12 || text[n] || *count == 0) {
        return ctl_fail(ctl, CTL_INVALID, "bad --%s: a number from 1 on",
                        option);
    }

    return CTL_OK;
}
