/*
 * The verbs of audit: one line an entry; and what comes anew, until it is
 * interrupted.
 */


#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    cli_t         *cli;
    ctl_audit_t    audit;
    int            follow;
    size_t         shown;
} cli_audit_t;


static volatile sig_atomic_t  cli_interrupted;


static int cli_audit_show(ctl_t *ctl, json_t *entry, void *data);
static void cli_audit_line(json_t *entry);
static void cli_audit_state(const char *text);
static int cli_audit_tells(json_t *entry, const char *name);
static void cli_audit_value(json_t *value);
static int cli_audit_follow(cli_audit_t *a);
static void cli_audit_interrupt(int number);
static int cli_word(const char *list, const char *word);


int
cli_audit(cli_t *cli, cli_args_t *args)
{
    int          code;
    cli_audit_t  a;

    memset(&a, 0, sizeof(a));
    a.cli = cli;
    a.audit.token = cli_option(args, "token");
    a.audit.user = cli_option(args, "user");
    a.audit.since = cli_option(args, "since");
    a.follow = cli_option(args, "follow") != NULL;

    code = ctl_audit_begin(&cli->ctl, &a.audit);
    if (code != CTL_OK) {
        return code;
    }

    if (a.follow && a.audit.since == NULL) {
        code = ctl_audit_newest(&cli->ctl, &a.audit);
        return code == CTL_OK ? cli_audit_follow(&a) : code;
    }

    code = ctl_audit_query(&cli->ctl, &a.audit, cli_audit_show, &a);

    if (code == CTL_OK && a.follow) {
        return cli_audit_follow(&a);
    }

    if (code == CTL_OK && a.shown == 0) {
        code = ctl_audit_known(&cli->ctl, &a.audit);
    }

    if (code == CTL_OK && cli->json) {
        cli_print_end(a.shown);
    }

    return code;
}


static int
cli_audit_show(ctl_t *ctl, json_t *entry, void *data)
{
    char         *text;
    cli_audit_t  *a;

    a = data;

    if (!a->cli->json) {
        a->shown++;
        cli_audit_line(entry);
        return CTL_OK;
    }

    if (!a->follow) {
        return cli_print_item(a->cli, entry, a->shown++);
    }

    text = json_dumps(entry, JSON_COMPACT|JSON_ENSURE_ASCII);

    if (text == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    cli_raw(text);
    cli_say("\n");
    free(text);

    return CTL_OK;
}


/* when, who, what, of whom, before and after, and what else there is */

static void
cli_audit_line(json_t *entry)
{
    char         date[CLI_DATE];
    size_t       i;
    json_t      *value;
    const char  *name, *before, *after;

    static const char  *known = " id at actor action token user user_name "
                                "before after seq prev hash ";

    cli_say("%s  ", cli_date(cli_integer(entry, "at"), date));
    cli_safe(ctl_text(entry, "actor"));
    cli_say("  ");
    cli_safe(ctl_text(entry, "action"));

    for (i = 0; i < 2; i++) {
        name = ctl_text(entry, i ? "user" : "token");

        if (name[0]) {
            cli_say("  ");
            cli_safe(name);
        }
    }

    before = ctl_text(entry, "before");
    after = ctl_text(entry, "after");

    if (before[0] || after[0]) {
        cli_say("  ");
        cli_audit_state(before[0] ? before : "-");
        cli_say(" -> ");
        cli_audit_state(after[0] ? after : "-");
    }

    json_object_foreach(entry, name, value) {
        if (!cli_word(known, name) && cli_audit_tells(entry, name)
            && !json_is_null(value))
        {
            cli_say("  ");
            cli_safe(name);
            cli_say("=");
            cli_audit_value(value);
        }
    }

    cli_say("\n");
}


/* an entry keeps seconds; people read dates */

static void
cli_audit_state(const char *text)
{
    char         date[24];
    size_t       n;
    const char  *at;

    static const char  name[] = "expires_at ";

    at = strstr(text, name);
    n = at ? strspn(at + sizeof(name) - 1, "0123456789") : 0;

    if (n == 0 || n > 12) {
        cli_safe(text);
        return;
    }

    at += sizeof(name) - 1;
    strcpy(date, "never");

    if (ctl_number(at)) {
        ctl_iso(ctl_number(at), date);
    }

    cli_say("%.*s%s", (int) (at - text), text, date);
    cli_safe(at + n);
}


/* of the other names of who acted those that say more than the first */

static int
cli_audit_tells(json_t *entry, const char *name)
{
    const char  *value;

    value = ctl_text(entry, name);

    return strcmp(name, "os") == 0
           ? strcmp(value, ctl_text(entry, "actor")) != 0
           : strcmp(name, "redis") != 0 || strcmp(value, "default") != 0;
}


static void
cli_audit_value(json_t *value)
{
    if (json_is_integer(value)) {
        cli_say("%lld", (long long) json_integer_value(value));

    } else {
        cli_safe(json_is_string(value) ? json_string_value(value) : "?");
    }
}


static int
cli_audit_follow(cli_audit_t *a)
{
    int               code;
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = cli_audit_interrupt;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    do {
        code = cli_flush(a->cli);

        if (code == CTL_OK) {
            code = ctl_audit_wait(&a->cli->ctl, &a->audit, cli_audit_show, a);
        }

    } while (code == CTL_OK && !cli_interrupted);

    return code;
}


static void
cli_audit_interrupt(int number)
{
    (void) number;
    cli_interrupted = 1;
}


/* whether a word stands in a list of words with blanks around each */

static int
cli_word(const char *list, const char *word)
{
    size_t       len;
    const char  *p;

    len = strlen(word);

    for (p = strstr(list, word); p && len; p = strstr(p + 1, word)) {
        if (p > list && p[-1] == ' ' && p[len] == ' ') {
            return 1;
        }
    }

    return 0;
}


int
cli_audit_verify(cli_t *cli, cli_args_t *args)
{
    int      code, rc;
    size_t   i;
    json_t  *report, *findings, *finding;

    code = ctl_audit_verify(&cli->ctl, cli_option(args, "expect"), &report);

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    if (cli->json) {
        rc = cli_print_json(cli, report);
        return rc != CTL_OK ? rc : code;
    }

    findings = json_object_get(report, "findings");

    json_array_foreach(findings, i, finding) {
        cli_say("%-10s %s\n", ctl_text(finding, "finding"),
               ctl_text(finding, "seen"));
    }

    if (cli_integer(report, "found") > (long long) json_array_size(findings)) {
        cli_say("and %lld more\n", cli_integer(report, "found")
               - (long long) json_array_size(findings));
    }

    cli_say("%lld entries, %lld to %lld; %lld older ones were removed\n",
            cli_integer(report, "entries"),
           cli_integer(report, "first"), cli_integer(report, "last"),
           cli_integer(report, "trimmed"));

    /* a chain that is broken is nothing to compare with later */

    if (code == CTL_FOUND) {
        cli_say("the chain is broken\n");

    } else {
        cli_say("the chain is whole; the last entry, to be noted elsewhere for "
               "--expect:\n%lld:%s\n", cli_integer(report, "last"),
               ctl_text(report, "hash"));
    }

    json_decref(report);

    return code;
}
