/*
 * review: walks the indexes a page at a time and prints what is found.
 */


#include "review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CTL_BAR      40                          /* characters */
#define CTL_COLUMNS  80


typedef int (*ctl_page_pt)(ctl_t *ctl, ctl_review_t *review,
    const ctl_item_t *item, size_t n);


static const struct {
    const char  *id;
    unsigned     period;
    const char  *review;
} ctl_rules[CTL_RULES] = {
    { "unused", CTL_MONTHLY, "monthly" },
    { "role", CTL_MONTHLY, "monthly" },
    { "unexpected-use", CTL_MONTHLY, "monthly" },
    { "failed-attempts", CTL_MONTHLY, "monthly" },
    { "purpose", CTL_QUARTERLY, "quarterly" },
    { "owner", CTL_QUARTERLY, "quarterly" },
    { "user-name", CTL_QUARTERLY, "quarterly" },
    { "token-name", CTL_QUARTERLY, "quarterly" },
    { "expiring", CTL_QUARTERLY, "quarterly" },
    { "least-privilege", CTL_QUARTERLY, "quarterly" },
    { "orphaned", CTL_QUARTERLY, "quarterly" },
    { "personal-production", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "never-expires", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "many-environments", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "unreadable", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "tampered", CTL_MONTHLY|CTL_QUARTERLY, "compliance" }
};


static int ctl_review(ctl_t *ctl, cli_args_t *args, unsigned period);
static int ctl_review_fail_on(ctl_t *ctl, ctl_review_t *review,
    const char *list);
static int ctl_review_no_rule(ctl_t *ctl, const char *name, size_t len);
static int ctl_review_begin(ctl_t *ctl, ctl_review_t *review);
static int ctl_review_walk(ctl_t *ctl, ctl_review_t *review,
    const char *index, ctl_page_pt handler);
static size_t ctl_review_page(redisReply *reply, ctl_item_t *item,
    int64_t *score, char last[512]);
static int ctl_found_json(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    const ctl_finding_t *finding);
static void ctl_found_row(ctl_rule_e rule, const ctl_finding_t *finding);
static void ctl_found_mend(const char *mend);
static void ctl_review_end(ctl_t *ctl, ctl_review_t *review);
static void ctl_progress(ctl_review_t *review);
static void ctl_progress_clear(ctl_review_t *review);

static const char *ctl_severities[] = { "low", "medium", "high" };


int
ctl_review_all(ctl_t *ctl, cli_args_t *args)
{
    return ctl_review(ctl, args, CTL_MONTHLY|CTL_QUARTERLY);
}


int
ctl_review_monthly(ctl_t *ctl, cli_args_t *args)
{
    return ctl_review(ctl, args, CTL_MONTHLY);
}


int
ctl_review_quarterly(ctl_t *ctl, cli_args_t *args)
{
    return ctl_review(ctl, args, CTL_QUARTERLY);
}


static int
ctl_review(ctl_t *ctl, cli_args_t *args, unsigned period)
{
    int           code;
    ctl_review_t  review;

    memset(&review, 0, sizeof(review));
    review.period = period;

    code = ctl_review_fail_on(ctl, &review, cli_option(args, "fail-on"));

    if (code == CTL_OK) {
        code = ctl_review_begin(ctl, &review);
    }

    if (code == CTL_OK) {
        code = ctl_review_walk(ctl, &review, "tokens", ctl_review_tokens);
    }

    if (code == CTL_OK) {
        code = ctl_review_walk(ctl, &review, "users", ctl_review_users);
    }

    ctl_progress_clear(&review);

    if (code != CTL_OK) {
        return code;
    }

    ctl_review_end(ctl, &review);

    code = cli_flush(ctl);

    return code != CTL_OK ? code : review.failed ? CTL_FOUND : CTL_OK;
}


/* without a list, every finding is one */

static int
ctl_review_fail_on(ctl_t *ctl, ctl_review_t *review, const char *list)
{
    int          i;
    size_t       len;
    const char  *p;

    review->fail = (1u << CTL_RULES) - 1;

    if (list == NULL) {
        return CTL_OK;
    }

    review->fail = 0;
    p = list;

    do {
        len = strcspn(p, ",");

        for (i = 0; i < CTL_RULES; i++) {
            if (strlen(ctl_rules[i].id) == len
                && strncmp(ctl_rules[i].id, p, len) == 0)
            {
                break;
            }
        }

        if (i == CTL_RULES) {
            return ctl_review_no_rule(ctl, p, len);
        }

        if (!ctl_review_wants(review, (ctl_rule_e) i)) {
            return ctl_fail(ctl, CTL_INVALID, "rule %s is not of this review: "
                            "it would never fail", ctl_rules[i].id);
        }

        review->fail |= 1u << i;
        p += len;

    } while (*p++ == ',');

    return CTL_OK;
}


static int
ctl_review_no_rule(ctl_t *ctl, const char *name, size_t len)
{
    int     i;
    char    rules[512];
    size_t  n;

    for (i = 0, n = 0; i < CTL_RULES; i++) {
        n += (size_t) snprintf(rules + n, sizeof(rules) - n, " %s",
                               ctl_rules[i].id);
    }

    return ctl_fail(ctl, CTL_INVALID, "no rule \"%.*s\": the rules are%s",
                    (int) len, name, rules);
}


int
ctl_review_wants(const ctl_review_t *review, ctl_rule_e rule)
{
    return (ctl_rules[rule].period & review->period) != 0;
}


static int
ctl_review_begin(ctl_t *ctl, ctl_review_t *review)
{
    int          i, code;
    char        *brand;
    redisReply  *reply;

    code = ctl_meta(ctl, "brand", &brand);
    if (code != CTL_OK) {
        return code;
    }

    free(brand);

    code = ctl_now(ctl, &review->now);

    for (i = 0; i < 2 && code == CTL_OK; i++) {
        code = ctl_command(ctl, &reply, "ZCARD %s%s", ctl->prefix,
                           i ? "users" : "tokens");
        if (code == CTL_OK) {
            review->total += reply->integer;
            freeReplyObject(reply);
        }
    }

    review->shown = isatty(STDERR_FILENO) ? 0 : -1;

    if (code == CTL_OK && !ctl->json) {
        cli_cell("SEVERITY", 8);
        cli_cell("RULE", 19);
        cli_cell("WHAT", 20);
        cli_cell("SEEN", -30);
    }

    return code;
}


/*
 * From the newest to the oldest, by rank: what is made meanwhile comes before
 * the first page, and what is deleted moves only what was seen into the next,
 * where it is passed over.
 */

static int
ctl_review_walk(ctl_t *ctl, ctl_review_t *review, const char *index,
    ctl_page_pt handler)
{
    int           code;
    char          last[512];
    size_t        n;
    int64_t       score;
    long long     from, to;
    ctl_item_t    item[CTL_PAGE];
    redisReply   *reply;

    code = ctl_command(ctl, &reply, "ZCARD %s%s", ctl->prefix, index);
    if (code != CTL_OK) {
        return code;
    }

    to = reply->integer - 1;
    freeReplyObject(reply);

    score = INT64_MAX;
    last[0] = '\0';

    for ( /* void */ ; to >= 0 && code == CTL_OK; to = from - 1) {
        from = to < CTL_PAGE ? 0 : to - CTL_PAGE + 1;

        code = ctl_command(ctl, &reply, "ZRANGE %s%s %lld %lld WITHSCORES",
                           ctl->prefix, index, from, to);
        if (code != CTL_OK) {
            break;
        }

        n = ctl_review_page(reply, item, &score, last);
        code = handler(ctl, review, item, n);

        review->done += to - from + 1;
        ctl_progress(review);
        freeReplyObject(reply);
    }

    return code;
}


static size_t
ctl_review_page(redisReply *reply, ctl_item_t *item, int64_t *score,
    char last[512])
{
    size_t       i, n;
    int64_t      at;
    const char  *id;

    for (i = reply->elements / 2, n = 0; i > 0 && n < CTL_PAGE; i--) {
        id = reply->element[2 * i - 2]->str;
        at = (int64_t) strtod(reply->element[2 * i - 1]->str, NULL);

        if (at > *score || (at == *score && strcmp(id, last) >= 0)) {
            continue;
        }

        item[n].id = id;
        item[n++].score = at;

        *score = at;
        snprintf(last, 512, "%s", id);
    }

    return n;
}


int
ctl_found(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    const ctl_finding_t *finding)
{
    int  code;

    if (!ctl_review_wants(review, rule)) {
        return CTL_OK;
    }

    ctl_progress_clear(review);

    if (ctl->json) {
        code = ctl_found_json(ctl, review, rule, finding);
        if (code != CTL_OK) {
            return code;
        }

    } else {
        ctl_found_row(rule, finding);
    }

    review->found++;
    review->count[rule]++;
    review->failed += (review->fail & (1u << rule)) != 0;

    return CTL_OK;
}


static int
ctl_found_json(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    const ctl_finding_t *finding)
{
    char    *text;
    size_t   i;
    json_t  *json, *value;

    const char  *field[][2] = {
        { "rule", ctl_rules[rule].id },
        { "review", ctl_rules[rule].review },
        { "severity", ctl_severities[finding->severity] },
        { "token", finding->token },
        { "user", finding->user },
        { "seen", finding->seen },
        { "mend", finding->mend }
    };

    json = json_object();

    /* what is not UTF-8 cannot be shown as JSON */

    for (i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
        value = field[i][1] ? json_string(field[i][1]) : NULL;
        json_object_set_new(json, field[i][0], value ? value : json_null());
    }

    text = json_dumps(json, JSON_COMPACT);
    json_decref(json);

    if (text == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    printf("%s  %s", review->found ? ",\n" : "[\n", text);
    free(text);

    return CTL_OK;
}


static void
ctl_found_row(ctl_rule_e rule, const ctl_finding_t *finding)
{
    cli_cell(ctl_severities[finding->severity], 8);
    cli_cell(ctl_rules[rule].id, 19);
    cli_cell(finding->token ? finding->token : finding->user, 20);
    cli_cell(finding->seen, -30);
    ctl_found_mend(finding->mend);
}


/* in lines that a shell takes for one; a word is never cut */

static void
ctl_found_mend(const char *mend)
{
    size_t  len, column;

    printf("  service-token");
    column = 15;

    while (*mend) {
        len = strcspn(mend, " ");

        if (column + 1 + len + 2 > CTL_COLUMNS) {
            printf(" \\\n   ");
            column = 3;
        }

        printf(" %.*s", (int) len, mend);
        column += 1 + len;

        mend += len;
        mend += strspn(mend, " ");
    }

    printf("\n");
}


static void
ctl_review_end(ctl_t *ctl, ctl_review_t *review)
{
    int  i;

    if (ctl->json) {
        printf(review->found ? "\n]\n" : "[]\n");
        return;
    }

    printf("\n%lld finding%s in %lld token%s and %lld user%s\n",
           (long long) review->found, review->found == 1 ? "" : "s",
           (long long) review->tokens, review->tokens == 1 ? "" : "s",
           (long long) review->users, review->users == 1 ? "" : "s");

    for (i = 0; i < CTL_RULES; i++) {
        if (review->count[i]) {
            printf("  %-20s %lld\n", ctl_rules[i].id,
                   (long long) review->count[i]);
        }
    }
}


/* on a terminal only, on standard error only, once a percent */

static void
ctl_progress(ctl_review_t *review)
{
    int  percent;

    if (review->shown < 0 || review->total == 0) {
        return;
    }

    percent = (int) (review->done * 100 / review->total);
    percent = percent < 100 ? percent : 100;

    if (percent == review->shown) {
        return;
    }

    fflush(stdout);
    fprintf(stderr, "\r[%-*.*s] %3d%%", CTL_BAR, percent * CTL_BAR / 100,
            "########################################", percent);
    fflush(stderr);

    review->shown = percent;
}


static void
ctl_progress_clear(ctl_review_t *review)
{
    if (review->shown > 0) {
        fprintf(stderr, "\r%*s\r", CTL_BAR + 7, "");
        fflush(stderr);
        review->shown = 0;
    }
}
