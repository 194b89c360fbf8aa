/*
 * review: walks the indexes a page at a time and prints what is found.
 */


#include "review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CLI_BAR      40                          /* characters */
#define CLI_COLUMNS  80


typedef int (*cli_page_pt)(cli_t *cli, cli_review_t *review,
    const cli_item_t *item, size_t n);


static const struct {
    const char  *id;
    unsigned     period;
    const char  *review;
} cli_rules[CLI_RULES] = {
    { "unused", CLI_MONTHLY, "monthly" },
    { "role", CLI_MONTHLY, "monthly" },
    { "unexpected-use", CLI_MONTHLY, "monthly" },
    { "failed-attempts", CLI_MONTHLY, "monthly" },
    { "purpose", CLI_QUARTERLY, "quarterly" },
    { "owner", CLI_QUARTERLY, "quarterly" },
    { "user-name", CLI_QUARTERLY, "quarterly" },
    { "token-name", CLI_QUARTERLY, "quarterly" },
    { "expiring", CLI_QUARTERLY, "quarterly" },
    { "least-privilege", CLI_QUARTERLY, "quarterly" },
    { "orphaned", CLI_QUARTERLY, "quarterly" },
    { "personal-production", CLI_MONTHLY|CLI_QUARTERLY, "compliance" },
    { "never-expires", CLI_MONTHLY|CLI_QUARTERLY, "compliance" },
    { "many-environments", CLI_MONTHLY|CLI_QUARTERLY, "compliance" },
    { "unreadable", CLI_MONTHLY|CLI_QUARTERLY, "compliance" },
    { "tampered", CLI_MONTHLY|CLI_QUARTERLY, "compliance" }
};


static int cli_review(cli_t *cli, cli_args_t *args, unsigned period);
static int cli_review_fail_on(cli_review_t *review, const char *list);
static int cli_review_begin(cli_t *cli, cli_review_t *review);
static int cli_review_walk(cli_t *cli, cli_review_t *review,
    const char *index, cli_page_pt handler);
static size_t cli_review_page(redisReply *reply, cli_item_t *item,
    int64_t *score, char last[512]);
static int cli_found_json(cli_review_t *review, cli_rule_e rule,
    const cli_finding_t *finding);
static void cli_found_row(cli_rule_e rule, const cli_finding_t *finding);
static void cli_found_mend(const char *mend);
static void cli_review_end(cli_t *cli, cli_review_t *review);
static void cli_progress(cli_review_t *review);
static void cli_progress_clear(cli_review_t *review);

static const char *cli_severities[] = { "low", "medium", "high" };


int
cli_review_all(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CLI_MONTHLY|CLI_QUARTERLY);
}


int
cli_review_monthly(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CLI_MONTHLY);
}


int
cli_review_quarterly(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CLI_QUARTERLY);
}


static int
cli_review(cli_t *cli, cli_args_t *args, unsigned period)
{
    int           code;
    cli_review_t  review;

    memset(&review, 0, sizeof(review));
    review.period = period;

    code = cli_review_fail_on(&review, cli_option(args, "fail-on"));

    if (code == CLI_OK) {
        code = cli_review_begin(cli, &review);
    }

    if (code == CLI_OK) {
        code = cli_review_walk(cli, &review, "tokens", cli_review_tokens);
    }

    if (code == CLI_OK) {
        code = cli_review_walk(cli, &review, "users", cli_review_users);
    }

    cli_progress_clear(&review);

    if (code != CLI_OK) {
        return code;
    }

    cli_review_end(cli, &review);

    code = cli_flush();

    return code != CLI_OK ? code : review.failed ? CLI_FOUND : CLI_OK;
}


/* without a list, every finding is one */

static int
cli_review_fail_on(cli_review_t *review, const char *list)
{
    int          i;
    size_t       len;
    const char  *p;

    review->fail = (1u << CLI_RULES) - 1;

    if (list == NULL) {
        return CLI_OK;
    }

    review->fail = 0;
    p = list;

    do {
        len = strcspn(p, ",");

        for (i = 0; i < CLI_RULES; i++) {
            if (strlen(cli_rules[i].id) == len
                && strncmp(cli_rules[i].id, p, len) == 0)
            {
                break;
            }
        }

        if (i == CLI_RULES) {
            fprintf(stderr, "service-token: no rule \"%.*s\": the rules are",
                    (int) len, p);

            for (i = 0; i < CLI_RULES; i++) {
                fprintf(stderr, " %s", cli_rules[i].id);
            }

            fprintf(stderr, "\n");
            return CLI_USAGE;
        }

        if (!cli_review_wants(review, (cli_rule_e) i)) {
            return cli_fail(CLI_USAGE, "rule %s is not of this review: it "
                            "would never fail", cli_rules[i].id);
        }

        review->fail |= 1u << i;
        p += len;

    } while (*p++ == ',');

    return CLI_OK;
}


int
cli_review_wants(const cli_review_t *review, cli_rule_e rule)
{
    return (cli_rules[rule].period & review->period) != 0;
}


static int
cli_review_begin(cli_t *cli, cli_review_t *review)
{
    int          i, code;
    char        *brand;
    redisReply  *reply;

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    free(brand);

    code = cli_now(cli, &review->now);

    for (i = 0; i < 2 && code == CLI_OK; i++) {
        code = cli_command(cli, &reply, "ZCARD %s%s", cli->prefix,
                           i ? "users" : "tokens");
        if (code == CLI_OK) {
            review->total += reply->integer;
            freeReplyObject(reply);
        }
    }

    review->shown = isatty(STDERR_FILENO) ? 0 : -1;

    if (code == CLI_OK && !cli->json) {
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
cli_review_walk(cli_t *cli, cli_review_t *review, const char *index,
    cli_page_pt handler)
{
    int           code;
    char          last[512];
    size_t        n;
    int64_t       score;
    long long     from, to;
    cli_item_t    item[CLI_PAGE];
    redisReply   *reply;

    code = cli_command(cli, &reply, "ZCARD %s%s", cli->prefix, index);
    if (code != CLI_OK) {
        return code;
    }

    to = reply->integer - 1;
    freeReplyObject(reply);

    score = INT64_MAX;
    last[0] = '\0';

    for ( /* void */ ; to >= 0 && code == CLI_OK; to = from - 1) {
        from = to < CLI_PAGE ? 0 : to - CLI_PAGE + 1;

        code = cli_command(cli, &reply, "ZRANGE %s%s %lld %lld WITHSCORES",
                           cli->prefix, index, from, to);
        if (code != CLI_OK) {
            break;
        }

        n = cli_review_page(reply, item, &score, last);
        code = handler(cli, review, item, n);

        review->done += to - from + 1;
        cli_progress(review);
        freeReplyObject(reply);
    }

    return code;
}


static size_t
cli_review_page(redisReply *reply, cli_item_t *item, int64_t *score,
    char last[512])
{
    size_t       i, n;
    int64_t      at;
    const char  *id;

    for (i = reply->elements / 2, n = 0; i > 0 && n < CLI_PAGE; i--) {
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
cli_found(cli_t *cli, cli_review_t *review, cli_rule_e rule,
    const cli_finding_t *finding)
{
    int  code;

    if (!cli_review_wants(review, rule)) {
        return CLI_OK;
    }

    cli_progress_clear(review);

    if (cli->json) {
        code = cli_found_json(review, rule, finding);
        if (code != CLI_OK) {
            return code;
        }

    } else {
        cli_found_row(rule, finding);
    }

    review->found++;
    review->count[rule]++;
    review->failed += (review->fail & (1u << rule)) != 0;

    return CLI_OK;
}


static int
cli_found_json(cli_review_t *review, cli_rule_e rule,
    const cli_finding_t *finding)
{
    char    *text;
    size_t   i;
    json_t  *json, *value;

    const char  *field[][2] = {
        { "rule", cli_rules[rule].id },
        { "review", cli_rules[rule].review },
        { "severity", cli_severities[finding->severity] },
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
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    printf("%s  %s", review->found ? ",\n" : "[\n", text);
    free(text);

    return CLI_OK;
}


static void
cli_found_row(cli_rule_e rule, const cli_finding_t *finding)
{
    cli_cell(cli_severities[finding->severity], 8);
    cli_cell(cli_rules[rule].id, 19);
    cli_cell(finding->token ? finding->token : finding->user, 20);
    cli_cell(finding->seen, -30);
    cli_found_mend(finding->mend);
}


/* in lines that a shell takes for one; a word is never cut */

static void
cli_found_mend(const char *mend)
{
    size_t  len, column;

    printf("  service-token");
    column = 15;

    while (*mend) {
        len = strcspn(mend, " ");

        if (column + 1 + len + 2 > CLI_COLUMNS) {
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
cli_review_end(cli_t *cli, cli_review_t *review)
{
    int  i;

    if (cli->json) {
        printf(review->found ? "\n]\n" : "[]\n");
        return;
    }

    printf("\n%lld finding%s in %lld token%s and %lld user%s\n",
           (long long) review->found, review->found == 1 ? "" : "s",
           (long long) review->tokens, review->tokens == 1 ? "" : "s",
           (long long) review->users, review->users == 1 ? "" : "s");

    for (i = 0; i < CLI_RULES; i++) {
        if (review->count[i]) {
            printf("  %-20s %lld\n", cli_rules[i].id,
                   (long long) review->count[i]);
        }
    }
}


/* on a terminal only, on standard error only, once a percent */

static void
cli_progress(cli_review_t *review)
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
    fprintf(stderr, "\r[%-*.*s] %3d%%", CLI_BAR, percent * CLI_BAR / 100,
            "########################################", percent);
    fflush(stderr);

    review->shown = percent;
}


static void
cli_progress_clear(cli_review_t *review)
{
    if (review->shown > 0) {
        fprintf(stderr, "\r%*s\r", CLI_BAR + 7, "");
        fflush(stderr);
        review->shown = 0;
    }
}
