/*
 * seal: what is sealed, line by line, and on a terminal the question before a
 * dataset is sealed for the first time.
 */


#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


/* lines, or what is kept of them for --json */
typedef struct {
    json_t  *array;                              /* NULL: lines */
} cli_seal_t;


static void cli_seal_want(cli_args_t *args, ctl_seal_want_t *want);
static int cli_seal_whole(const ctl_seal_want_t *want);
static int cli_seal_list(cli_t *cli, ctl_seal_want_t *want);
static int cli_seal_none(ctl_t *ctl, json_t *item, void *data);
static int cli_seal_ask(cli_t *cli);
static int cli_seal_run(cli_t *cli, const ctl_seal_want_t *want);
static int cli_seal_row(ctl_t *ctl, json_t *item, void *data);


int
cli_seal(cli_t *cli, cli_args_t *args)
{
    int              code;
    ctl_seal_want_t  want;

    cli_seal_want(args, &want);

    if (!cli_seal_whole(&want)) {
        return cli_seal_run(cli, &want);
    }

    want.listed = json_object();
    want.dry = 1;

    if (cli_option(args, "yes")) {
        code = cli_seal_list(cli, &want);

    } else {
        code = cli_seal_run(cli, &want);

        if (code == CTL_OK || code == CTL_BROKEN) {
            code = cli_seal_ask(cli);
        }
    }

    if (code == CTL_OK) {
        want.dry = 0;
        code = cli_seal_run(cli, &want);
    }

    json_decref(want.listed);

    return code;
}


int
cli_seal_check(cli_t *cli, cli_args_t *args)
{
    int              code;
    ctl_seal_want_t  want;

    cli_seal_want(args, &want);
    code = ctl_seal_check(&cli->ctl, &want, cli->key_file != NULL);

    return code != CTL_OK || !cli_seal_whole(&want) || cli_option(args, "yes")
           || isatty(STDIN_FILENO)
           ? code
           : ctl_fail(&cli->ctl, CTL_INVALID, "seal --first vouches for what "
                      "has no seal: look at \"seal --first --dry-run\", then "
                      "give --yes");
}


static void
cli_seal_want(cli_args_t *args, ctl_seal_want_t *want)
{
    memset(want, 0, sizeof(*want));
    want->user = cli_option(args, "user");
    want->token = cli_option(args, "token");
    want->force = cli_option(args, "force") != NULL;
    want->first = cli_option(args, "first") != NULL;
    want->dry = cli_option(args, "dry-run") != NULL;
}


/* somebody vouches for all of it */

static int
cli_seal_whole(const ctl_seal_want_t *want)
{
    return want->first && !want->dry;
}


/* what is going to be sealed, without a word */

static int
cli_seal_list(cli_t *cli, ctl_seal_want_t *want)
{
    int          code;
    json_t      *sums;
    ctl_note_pt  note;

    note = cli->ctl.note;
    cli->ctl.note = NULL;
    sums = NULL;

    cli_progress_begin(cli);
    code = ctl_seal(&cli->ctl, want, cli_seal_none, NULL, &sums);
    cli_progress_end(cli);

    cli->ctl.note = note;
    json_decref(sums);

    /* the second pass says what cannot be sealed */

    return code == CTL_BROKEN ? CTL_OK : code;
}


static int
cli_seal_none(ctl_t *ctl, json_t *item, void *data)
{
    (void) ctl;
    (void) item;
    (void) data;

    return CTL_OK;
}


static int
cli_seal_ask(cli_t *cli)
{
    char  answer[8];

    cli_say_to(stderr, "Seal all of these? [y/N] ");

    if (fgets(answer, sizeof(answer), stdin) == NULL
        || strcmp(answer, "y\n") != 0)
    {
        return ctl_fail(&cli->ctl, CTL_STATE, "nothing was sealed");
    }

    return CTL_OK;
}


static int
cli_seal_run(cli_t *cli, const ctl_seal_want_t *want)
{
    int          code, rc;
    json_t      *sums;
    cli_seal_t   d;

    d.array = cli->json ? json_array() : NULL;
    sums = NULL;

    cli_progress_begin(cli);
    code = ctl_seal(&cli->ctl, want, cli_seal_row, &d, &sums);
    cli_progress_end(cli);

    if (sums == NULL) {
        json_decref(d.array);
        return code;
    }

    (void) cli_flush(cli);
    ctl_note(&cli->ctl, CTL_NOTE_DONE, "%lld sealed, %lld sealed again, %lld "
             "unchanged, %lld refused%s", cli_integer(sums, "sealed"),
             cli_integer(sums, "again"), cli_integer(sums, "right"),
             cli_integer(sums, "refused"),
             want->dry ? ": nothing was changed" : "");

    if (cli->json) {
        json_object_set_new(sums, "sealed", d.array);
        json_object_set_new(sums, "dry_run", json_boolean(want->dry));
        rc = cli_print_json(cli, sums);

    } else {
        json_decref(sums);
        rc = cli_flush(cli);
    }

    return rc == CTL_OK ? code : rc;
}


static int
cli_seal_row(ctl_t *ctl, json_t *item, void *data)
{
    cli_seal_t  *d;
    const char  *was;

    (void) ctl;
    d = data;

    if (d->array) {
        json_array_append(d->array, item);
        return CTL_OK;
    }

    was = ctl_text(item, "was");

    if (json_is_null(json_object_get(item, "token"))) {
        cli_say("user %s (%s", ctl_text(item, "user"),
                ctl_text(item, "role"));

    } else {
        cli_say("token %s (of %s, %s", ctl_text(item, "token"),
                ctl_text(item, "user"), ctl_text(item, "env"));
    }

    cli_say(", %s)", ctl_text(item, "status"));

    /* a key's name has no blank */

    cli_say(": sealed by %s, had %s%s\n", ctl_text(item, "key"),
           strchr(was, ' ') ? "" : "one by ", was);

    return CTL_OK;
}
