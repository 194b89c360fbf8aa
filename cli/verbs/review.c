/*
 * The verbs of review: findings as they are found.
 */


#include "cli.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CLI_COLUMNS  80


typedef struct {
    cli_t         *cli;
    ctl_review_t   review;
    cli_table_t    table;
} cli_review_t;


/* of what a command follows that has the whole id, the id is cut first */
static const cli_column_t  cli_found_columns[] = {
    { "SEVERITY", 8, 0 }, { "RULE", 15, 0 }, { "WHAT", 20, 1 },
    { "SEEN", 20, 2 },
};


static int cli_review(cli_t *cli, cli_args_t *args, unsigned period);
static int cli_review_check(cli_t *cli, cli_args_t *args, unsigned period);
static int cli_found(ctl_t *ctl, const ctl_found_t *found, void *data);
static int cli_found_json(cli_review_t *r, const ctl_found_t *found);
static void cli_found_row(cli_review_t *r, const ctl_found_t *found);
static void cli_found_fix(const char *fix);
static void cli_review_end(cli_t *cli, ctl_review_t *review);


int
cli_review_all(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CTL_MONTHLY|CTL_QUARTERLY);
}


int
cli_review_monthly(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CTL_MONTHLY);
}


int
cli_review_quarterly(cli_t *cli, cli_args_t *args)
{
    return cli_review(cli, args, CTL_QUARTERLY);
}


int
cli_review_monthly_check(cli_t *cli, cli_args_t *args)
{
    return cli_review_check(cli, args, CTL_MONTHLY);
}


int
cli_review_quarterly_check(cli_t *cli, cli_args_t *args)
{
    return cli_review_check(cli, args, CTL_QUARTERLY);
}


static int
cli_review_check(cli_t *cli, cli_args_t *args, unsigned period)
{
    ctl_review_t  review;

    memset(&review, 0, sizeof(review));
    review.period = period;
    review.fail_on = cli_option(args, "fail-on");

    return ctl_review_check(&cli->ctl, &review);
}


static int
cli_review(cli_t *cli, cli_args_t *args, unsigned period)
{
    int           code;
    cli_review_t  r;

    memset(&r, 0, sizeof(r));
    r.cli = cli;
    r.review.period = period;
    r.review.fail_on = cli_option(args, "fail-on");
    r.review.each = cli_found;
    r.review.data = &r;

    cli_table_init(&r.table, cli_found_columns, 4);
    r.table.under = cli_found_fix;

    cli_progress_begin(cli);
    code = ctl_review(&cli->ctl, &r.review);
    cli_progress_end(cli);

    if (r.table.rows) {
        cli_table_done(&r.table);
    }

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    cli_review_end(cli, &r.review);

    return cli_printed(cli, code);
}


static int
cli_found(ctl_t *ctl, const ctl_found_t *found, void *data)
{
    cli_review_t  *r;

    (void) ctl;
    r = data;

    if (r->cli->json) {
        return cli_found_json(r, found);
    }

    cli_found_row(r, found);

    return CTL_OK;
}


static int
cli_found_json(cli_review_t *r, const ctl_found_t *found)
{
    int      code;
    size_t   i;
    json_t  *json, *value;

    const char  *field[][2] = {
        { "rule", found->rule },
        { "review", found->review },
        { "severity", found->severity },
        { "token", found->token },
        { "user", found->user },
        { "seen", found->seen },
        { "fix", found->fix }
    };

    json = json_object();

    /* what is not UTF-8 cannot be shown as JSON */

    for (i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
        value = field[i][1] ? json_string(field[i][1]) : NULL;
        json_object_set_new(json, field[i][0], value ? value : json_null());
    }

    code = cli_print_item(r->cli, json, (size_t) r->review.found);
    json_decref(json);

    return code;
}


static void
cli_found_row(cli_review_t *r, const ctl_found_t *found)
{
    const char  *cell[4];

    cell[0] = found->severity;
    cell[1] = found->rule;
    cell[2] = found->token ? found->token : found->user;
    cell[3] = found->seen;

    cli_table_row(&r->table, cell);
    cli_table_note(&r->table, found->fix);
}


/* in lines that a shell takes for one; a word is never cut */

static void
cli_found_fix(const char *fix)
{
    size_t  len, column;

    cli_say("  service-token");
    column = 15;

    while (*fix) {
        len = strcspn(fix, " ");

        if (column + 1 + len + 2 > CLI_COLUMNS) {
            cli_say(" \\\n   ");
            column = 3;
        }

        cli_say(" %.*s", (int) len, fix);
        column += 1 + len;

        fix += len;
        fix += strspn(fix, " ");
    }

    cli_say("\n");
}


static void
cli_review_end(cli_t *cli, ctl_review_t *review)
{
    size_t  i;

    if (cli->json) {
        cli_print_end((size_t) review->found);
        return;
    }

    cli_say(review->found ? "\n" : "");
    cli_say("%lld finding%s in %lld token%s and %lld user%s\n",
           (long long) review->found, ctl_s(review->found),
           (long long) review->tokens, ctl_s(review->tokens),
           (long long) review->users, ctl_s(review->users));

    for (i = 0; ctl_rule(i); i++) {
        if (review->count[i]) {
            cli_say("  %-20s %lld\n", ctl_rule(i),
                   (long long) review->count[i]);
        }
    }
}
