/*
 * service-token: from arguments to an exit code.
 */


#include "args.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_begin(cli_t *cli, const cli_verb_t *verb, cli_args_t *args,
    cli_plaintext_t *plaintext);
static int cli_named(const cli_verb_t *verb, cli_args_t *args, char *id);
static int cli_people(cli_t *cli, const cli_verb_t *verb, cli_args_t *args);
static int cli_person(cli_t *cli, const char **id);
static int cli_run(cli_t *cli, const cli_verb_t *verb, cli_args_t *args);
static int cli_wait(cli_t *cli);
static void cli_note(void *data, ctl_note_e note, const char *text);
static int cli_exit(ctl_t *ctl, int kind);


int
main(int argc, char **argv)
{
    int                code;
    cli_t              cli;
    cli_args_t         args;
    cli_plaintext_t    plaintext;
    const cli_verb_t  *verb;

    memset(&cli, 0, sizeof(cli));
    cli.ctl.note = cli_note;
    cli.ctl.note_data = &cli;

    /* beyond a limit of the shell, write() fails instead */

    (void) signal(SIGXFSZ, SIG_IGN);

    code = cli_descriptors(&cli);
    if (code != CTL_OK) {
        return cli_exit(&cli.ctl, code);
    }

    code = cli_parse(&cli, argc, argv, &args, &verb);

    if (code == CTL_OK && verb != NULL) {
        code = cli_begin(&cli, verb, &args, &plaintext);

        if (code == CTL_OK) {
            code = cli_run(&cli, verb, &args);
        }
    }

    ctl_close(&cli.ctl);
    OPENSSL_cleanse(&cli.ctl.keys, sizeof(cli.ctl.keys));

    return cli_exit(&cli.ctl, code);
}


/* a token that stands for its id is read before anybody waits for it */

static int
cli_begin(cli_t *cli, const cli_verb_t *verb, cli_args_t *args,
    cli_plaintext_t *plaintext)
{
    int  code, named;

    code = CTL_OK;
    named = cli_named(verb, args, NULL);

    if (named) {
        code = cli_plaintext_read(cli, plaintext);
    }

    if (code == CTL_OK && !(verb->flags & CLI_OFFLINE)) {
        code = cli_open(cli, verb->run == cli_init);
    }

    if (code == CTL_OK && !(verb->flags & CLI_OFFLINE)) {
        code = cli_people(cli, verb, args);
    }

    if (code == CTL_OK && named) {
        code = cli_plaintext_id(cli, plaintext);
        (void) cli_named(verb, args, plaintext->id);
    }

    if (named) {
        OPENSSL_cleanse(plaintext->text, sizeof(plaintext->text));
    }

    return code;
}


/* the id of a person as the record has it, however it was typed */

static int
cli_people(cli_t *cli, const cli_verb_t *verb, cli_args_t *args)
{
    int               i, code;
    const char       *id;
    const cli_opt_t  *opt;

    code = CTL_OK;

    if (args->n && verb->args && verb->args[0].kind == CLI_USER) {
        id = args->arg[0];
        code = cli_person(cli, &id);
        args->arg[0] = (char *) id;
    }

    for (i = 0; i < args->options && code == CTL_OK; i++) {
        opt = cli_opt_of(verb, args->option[i], strlen(args->option[i]));

        if (opt && opt->kind == CLI_USER) {
            code = cli_person(cli, &args->value[i]);
        }
    }

    return code;
}


/* a user that is not there is the verb's to report */

static int
cli_person(cli_t *cli, const char **id)
{
    int          code;
    static char  found[STOK_USER_ID_MAX + 1];

    if (strchr(*id, '@') == NULL || strstr(*id, "@service")) {
        return CTL_OK;
    }

    code = ctl_user_find(&cli->ctl, *id, found);

    if (code == CTL_OK) {
        *id = found;
    }

    return code == CTL_NOTFOUND ? CTL_OK : code;
}


/* 1: "-" stands for the id of a token; it becomes id, unless that is NULL */

static int
cli_named(const cli_verb_t *verb, cli_args_t *args, char *id)
{
    int  i, named;

    named = (verb->flags & CLI_INPUT) && strcmp(args->arg[0], "-") == 0;

    if (named && id) {
        args->arg[0] = id;
    }

    for (i = 0; i < args->options; i++) {
        if (strcmp(args->option[i], "token") == 0
            && strcmp(args->value[i], "-") == 0)
        {
            named = 1;
            args->value[i] = id ? id : args->value[i];
        }
    }

    return named;
}


int
cli_open(cli_t *cli, int making)
{
    int  code;

    code = cli->timeout ? ctl_timeout_parse(&cli->ctl, cli->timeout) : CTL_OK;
    code = cli_profile_blame(cli, cli->timeout, code);

    if (code == CTL_OK && cli->key_file) {
        code = ctl_keys_read(&cli->ctl, cli->key_file);
        code = cli_profile_blame(cli, cli->key_file, code);
    }

    if (code == CTL_OK && !making) {
        code = ctl_keys_need(&cli->ctl);
    }

    if (code == CTL_OK) {
        code = ctl_connect(&cli->ctl, cli->redis);
        code = cli_profile_blame(cli, cli->redis, code);
    }

    return code == CTL_OK && !making ? ctl_dataset_open(&cli->ctl) : code;
}


static int
cli_run(cli_t *cli, const cli_verb_t *verb, cli_args_t *args)
{
    int          code, rc;
    int64_t      ms;
    const char  *wait;

    wait = cli_option(args, "wait");
    cli->ctl.dry = cli_option(args, "dry-run") != NULL;

    if (wait) {
        code = ctl_time_left(&cli->ctl, "wait", wait, &ms);
        if (code != CTL_OK) {
            return code;
        }

        cli->wait = (int) ms;
    }

    code = verb->run(cli, args);

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    /* say what was done, whatever the wait finds */

    if (wait && cli->ctl.ctx && !cli->ctl.dry) {
        (void) cli_flush(cli);
        rc = cli_wait(cli);
        code = rc == CTL_OK ? code : rc;
    }

    rc = cli->answer ? cli_print_json(cli, cli->answer) : CTL_OK;

    if (rc == CTL_OK) {
        rc = cli_flush(cli);
    }

    return rc == CTL_OK ? code : rc;
}


static int
cli_wait(cli_t *cli)
{
    int      code;
    size_t   i;
    json_t  *wait, *missing, *name;

    wait = NULL;

    code = ctl_wait(&cli->ctl, cli->wait, &wait);

    if (wait == NULL) {
        return code;
    }

    missing = json_object_get(wait, "missing");

    if (cli->answer) {
        json_object_set(cli->answer, "wait", wait);

    } else {
        ctl_note(&cli->ctl, CTL_NOTE_PLAIN, "%lld of %lld nodes acknowledged "
                 "in %.1f ms", cli_integer(wait, "acknowledged"),
                 cli_integer(wait, "nodes"),
                 json_real_value(json_object_get(wait, "milliseconds")));
    }

    json_array_foreach(missing, i, name) {
        ctl_note(&cli->ctl, CTL_NOTE_ERROR, "node %s did not acknowledge: "
                 "the change is in force there when its lease is over",
                 json_string_value(name));
    }

    json_decref(wait);

    return code;
}


/* --quiet: what was done is known to whoever asked for it */

static void
cli_note(void *data, ctl_note_e note, const char *text)
{
    const cli_t  *cli;

    static const char  *prefix[] = { "", "", "note: ", "warning: ",
                                     "service-token: " };

    cli = data;

    if (!cli->quiet || (note != CTL_NOTE_PLAIN && note != CTL_NOTE_DONE)) {
        cli_say_to(stderr, "%s%s\n", prefix[note], text);
    }
}


/* the error's line, if there is one; the kind's exit code */

static int
cli_exit(ctl_t *ctl, int kind)
{
    ctl_error_t  *error;

    error = &ctl->error;

    if (kind == CTL_OK || kind == CTL_FOUND) {
        return kind;
    }

    if (error->text[0]) {
        cli_say_to(stderr, "service-token: %s%s%s\n", error->text,
                error->hint[0] ? ": " : "", error->hint);
    }

    if (kind == CTL_STOPPED) {
        cli_progress_raise(ctl->stop);
    }

    return kind == CTL_INVALID ? 2 : kind == CTL_UNAVAILABLE ? 4 : 3;
}
