/*
 * The verbs that are of the whole dataset: init, key, fsck, export, import.
 */


#include "cli.h"
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CLI_FSCK_MOST  1000                      /* findings as JSON */
#define CLI_FSCK_SAID  160                       /* the sums, as text */


/* lines, or what is kept of them for --json */
typedef struct {
    json_t  *array;                              /* NULL: lines */
    int      fix;
    FILE    *out;                                /* of an export */
} cli_data_t;


static void cli_fsck_said(cli_t *cli, json_t *sums, int fix);
static int cli_fsck_row(ctl_t *ctl, json_t *item, void *data);
static int cli_export_row(ctl_t *ctl, json_t *item, void *data);
static int cli_export_open(ctl_t *ctl, const char *path, FILE **out);
static int cli_export_close(ctl_t *ctl, const char *path, FILE *out,
    int code);
static int cli_import_confirm(cli_t *cli, cli_args_t *args, int fd,
    ctl_import_want_t want);
static int cli_import_open(ctl_t *ctl, const char *path, FILE **in);
static int cli_import_spool(ctl_t *ctl, FILE *in, FILE **out);


int
cli_init(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *made;

    code = ctl_init(&cli->ctl, cli_option(args, "brand"),
                    cli_option(args, "approval"), &made);

    if (code != CTL_OK) {
        return code;
    }

    if (json_is_true(json_object_get(made, "created"))) {
        ctl_note(&cli->ctl, CTL_NOTE_DONE, "created a dataset at \"%s\"",
                 cli->ctl.prefix);
    }

    if (cli->json) {
        return cli_print_json(cli, made);
    }

    json_decref(made);

    return CTL_OK;
}


int
cli_key_new(cli_t *cli, cli_args_t *args)
{
    int     code;
    char    line[CTL_KEY_LINE];
    size_t  name;

    code = ctl_key_new(&cli->ctl, args->arg[0], line);

    if (code == CTL_OK && cli->json) {
        name = strcspn(line, " ");
        cli_say("{\n  \"name\": \"%.*s\",\n  \"key\": \"%s\"\n}\n",
                (int) name, line, line + name + 1);

    } else if (code == CTL_OK) {
        cli_say("%s\n", line);
    }

    OPENSSL_cleanse(line, sizeof(line));

    return code;
}


int
cli_fsck(cli_t *cli, cli_args_t *args)
{
    int         code, rc;
    json_t     *sums;
    cli_data_t  d;

    d.array = cli->json ? json_array() : NULL;
    d.fix = cli_option(args, "fix") != NULL;

    cli_progress_begin(cli);
    code = ctl_fsck(&cli->ctl, d.fix, cli_fsck_row, &d, &sums);
    cli_progress_end(cli);

    if (code != CTL_OK && code != CTL_FOUND) {
        json_decref(d.array);
        return code;
    }

    rc = CTL_OK;

    if (d.fix || !cli->json) {
        cli_fsck_said(cli, sums, d.fix);
    }

    if (cli->json) {
        json_object_set_new(sums, "findings", d.array);

        if (cli->ctl.dry) {
            json_object_set_new(sums, "dry_run", json_true());
        }

        rc = cli_print_json(cli, sums);

    } else {
        json_decref(sums);
    }

    return rc == CTL_OK ? code : rc;
}


/* what was fixed is a change; what was found alone is the answer */

static void
cli_fsck_said(cli_t *cli, json_t *sums, int fix)
{
    char  text[CLI_FSCK_SAID];

    snprintf(text, sizeof(text), "%lld token%s and %lld user%s: %lld found, "
             "%lld %sfixed", cli_integer(sums, "tokens"),
             ctl_s(cli_integer(sums, "tokens")), cli_integer(sums, "users"),
             ctl_s(cli_integer(sums, "users")), cli_integer(sums, "found"),
             cli_integer(sums, "fixed"),
             cli->ctl.dry && fix ? "would be " : "");

    if (fix) {
        (void) cli_flush(cli);
        ctl_note(&cli->ctl, CTL_NOTE_DONE, "%s", text);

    } else {
        cli_say("%s\n", text);
    }
}


static int
cli_fsck_row(ctl_t *ctl, json_t *item, void *data)
{
    cli_data_t  *d;
    const char  *subject;

    d = data;

    if (d->array) {
        if (json_array_size(d->array) < CLI_FSCK_MOST) {
            json_array_append(d->array, item);
        }

        return CTL_OK;
    }

    subject = ctl_text(item, "token")[0] ? ctl_text(item, "token")
                                         : ctl_text(item, "user");

    cli_say("%-11s ", ctl_text(item, "finding"));
    cli_safe(subject[0] ? subject : "-");
    cli_say("  ");
    cli_safe(ctl_text(item, "seen"));
    cli_say("%s\n", !d->fix ? ""
                   : !json_is_true(json_object_get(item, "fixed"))
                   ? ": not fixed" : ctl->dry ? ": would be fixed"
                                              : ": fixed");

    return CTL_OK;
}


int
cli_export(cli_t *cli, cli_args_t *args)
{
    int          code;
    json_t      *sums;
    cli_data_t   d;
    const char  *path;

    path = args->arg[0];
    sums = NULL;

    code = ctl_ready(&cli->ctl);

    if (code == CTL_OK) {
        code = cli_export_open(&cli->ctl, path, &d.out);
    }

    if (code != CTL_OK) {
        return code;
    }

    cli_progress_begin(cli);
    code = ctl_export(&cli->ctl, cli_export_row, &d, &sums);
    cli_progress_end(cli);

    code = cli_export_close(&cli->ctl, path, d.out, code);

    if (sums == NULL || (code != CTL_OK && code != CTL_FOUND)) {
        json_decref(sums);
        return code;
    }

    ctl_note(&cli->ctl, CTL_NOTE_PLAIN, "%lld user%s, %lld token%s",
             cli_integer(sums, "users"), ctl_s(cli_integer(sums, "users")),
             cli_integer(sums, "tokens"), ctl_s(cli_integer(sums, "tokens")));

    if (code == CTL_FOUND) {
        ctl_note(&cli->ctl, CTL_NOTE_PLAIN, "%lld record%s left out",
                 cli_integer(sums, "left"),
                 cli_integer(sums, "left") == 1 ? " was" : "s were");
    }

    if (cli->json && strcmp(path, "-") != 0) {
        return cli_print_json(cli, sums) == CTL_OK ? code : CTL_UNAVAILABLE;
    }

    json_decref(sums);

    return code;
}


static int
cli_export_row(ctl_t *ctl, json_t *item, void *data)
{
    char        *text;
    cli_data_t  *d;

    d = data;

    text = json_dumps(item, JSON_COMPACT|JSON_ENSURE_ASCII);
    if (text == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    cli_raw_to(d->out, text);
    free(text);

    return fputc('\n', d->out) != EOF && !ferror(d->out) ? CTL_OK
           : ctl_fail(ctl, CTL_REJECTED, "cannot write: %s", strerror(errno));
}


/* digests are in it: for its owner only, and never over another file */

static int
cli_export_open(ctl_t *ctl, const char *path, FILE **out)
{
    if (strcmp(path, "-") == 0) {
        *out = stdout;
        return CTL_OK;
    }

    return cli_newfile_open(ctl, path, out);
}


static int
cli_export_close(ctl_t *ctl, const char *path, FILE *out, int code)
{
    int  rc, done;

    done = code == CTL_OK || code == CTL_FOUND;

    if (out == stdout) {
        return done && (fflush(out) != 0 || ferror(out))
               ? ctl_fail(ctl, CTL_FAILED, "cannot write to standard "
                          "output")
               : code;
    }

    rc = cli_newfile_close(ctl, path, out, done);

    return rc == CTL_OK ? code : rc;
}


int
cli_import(cli_t *cli, cli_args_t *args)
{
    int                code, rc;
    FILE              *in;
    json_t            *sums;
    ctl_import_want_t  want;

    want.overwrite = cli_option(args, "overwrite") != NULL;
    want.restore = cli_option(args, "restore-access") != NULL;
    want.dry = cli_option(args, "dry-run") != NULL;
    sums = NULL;

    code = cli_import_open(&cli->ctl, args->arg[0], &in);
    if (code != CTL_OK) {
        return code;
    }

    code = want.overwrite ? cli_import_confirm(cli, args, fileno(in), want)
                          : CTL_OK;

    if (code == CTL_OK) {
        cli_progress_begin(cli);
        code = ctl_import(&cli->ctl, fileno(in), &want, &sums);
        cli_progress_end(cli);
    }

    fclose(in);

    if (sums == NULL) {
        return code;
    }

    ctl_note(&cli->ctl, CTL_NOTE_DONE, "%lld new, %lld the same, %lld "
             "overwritten%s", cli_integer(sums, "new"),
             cli_integer(sums, "same"), cli_integer(sums, "overwritten"),
             want.dry ? ": nothing was changed" : "");

    if (cli->json) {
        rc = cli_print_json(cli, sums);
        return rc == CTL_OK ? code : rc;
    }

    json_decref(sums);

    return code;
}


/* only if there is something to overwrite: so it is looked first */

static int
cli_import_confirm(cli_t *cli, cli_args_t *args, int fd,
    ctl_import_want_t want)
{
    int           code;
    json_t       *sums;
    long long     n;
    ctl_note_pt   note;

    if (!cli_confirm_asks(cli, args)) {
        return CTL_OK;
    }

    want.dry = 1;
    sums = NULL;
    note = cli->ctl.note;
    cli->ctl.note = NULL;

    code = ctl_import(&cli->ctl, fd, &want, &sums);

    cli->ctl.note = note;
    n = cli_integer(sums, "overwritten");
    json_decref(sums);

    return code == CTL_OK && n
           ? cli_confirm(cli, args, "overwrite", "This replaces %lld record%s "
                         "of the dataset at %s, database %d, prefix \"%s\".",
                         n, ctl_s(n), cli->ctl.where, cli->ctl.db,
                         cli->ctl.prefix)
           : code;
}


/* what cannot be read twice is copied first */

static int
cli_import_open(ctl_t *ctl, const char *path, FILE **in)
{
    int   code;
    FILE *file;

    if (strcmp(path, "-") == 0) {
        return cli_import_spool(ctl, stdin, in);
    }

    file = fopen(path, "re");

    if (file == NULL) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot read \"%s\": %s", path,
                        strerror(errno));
    }

    if (fseeko(file, 0, SEEK_SET) == 0) {
        *in = file;
        return CTL_OK;
    }

    code = cli_import_spool(ctl, file, in);
    fclose(file);

    return code;
}


static int
cli_import_spool(ctl_t *ctl, FILE *in, FILE **out)
{
    char    part[65536];
    size_t  n;

    *out = tmpfile();                            /* 0600, and has no name */

    if (*out == NULL) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot make a temporary file: %s",
                        strerror(errno));
    }

    while ((n = fread(part, 1, sizeof(part), in)) > 0) {
        if (fwrite(part, 1, n, *out) != n) {
            break;
        }
    }

    if (ferror(in) || ferror(*out) || fflush(*out) != 0) {
        fclose(*out);
        return ctl_fail(ctl, CTL_REJECTED, "cannot copy the input: %s",
                        strerror(errno));
    }

    return CTL_OK;
}
