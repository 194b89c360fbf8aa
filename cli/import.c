/*
 * import: lines of JSON to a dataset; see cli_dump.h.
 *
 * Two passes over the file.  The first reads every line, asks Redis what is
 * there, and changes nothing; the second writes, in batches, each record as a
 * whole.  The script judges again when it writes, so what changed in between
 * is not overwritten by accident.  Broken off, it may be run again: what is
 * there already and the same is passed over.
 *
 * Nothing becomes active by an import that is not: a token that was revoked
 * here stays so, one that was deleted stays away (the audit knows of it), and
 * so does a user that was disabled.
 */


#include "cli_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int cli_import_open(const char *path, FILE **in);
static int cli_import_spool(FILE *in, FILE **out);
static int cli_import_run(cli_t *cli, cli_args_t *args, cli_import_t *im);
static int cli_import_schema(cli_t *cli, cli_import_t *im);
static int cli_import_gone(cli_t *cli, cli_import_t *im);
static void cli_import_gone_entry(redisReply *fields, json_t *gone);
static int cli_import_pass(cli_t *cli, cli_import_t *im, int write);
static ssize_t cli_import_read(cli_import_t *im);
static int cli_import_line(cli_t *cli, cli_import_t *im, cli_line_t *line);
static int cli_import_order(cli_import_t *im, cli_line_t *line);
static int cli_import_twice(cli_import_t *im, cli_line_t *line);
static int cli_import_name(cli_t *cli, const char *id, cli_record_t *rec,
    void *data);
static int cli_import_end(cli_import_t *im, cli_line_t *line);
static int cli_import_finish(cli_t *cli, cli_import_t *im);
static int cli_import_print(cli_t *cli, cli_import_t *im, int dry);


int
cli_import(cli_t *cli, cli_args_t *args)
{
    int           code;
    cli_import_t  im;

    memset(&im, 0, sizeof(im));
    im.overwrite = cli_option(args, "overwrite") != NULL;

    code = cli_import_open(args->arg[0], &im.in);
    if (code != CLI_OK) {
        return code;
    }

    im.buffer = malloc(CLI_LINE_MAX + 1);
    im.gone = json_object();

    code = im.buffer && im.gone ? cli_import_run(cli, args, &im)
                                : cli_fail(CLI_UNAVAILABLE, "no memory");

    fclose(im.in);
    free(im.buffer);
    json_decref(im.gone);
    cli_batch_free(&im);
    cli_set_free(&im.users);
    cli_set_free(&im.ids);
    cli_set_free(&im.digests);
    cli_set_free(&im.names);

    return code;
}


/* what cannot be read twice is copied first */

static int
cli_import_open(const char *path, FILE **in)
{
    int   code;
    FILE *file;

    if (strcmp(path, "-") == 0) {
        return cli_import_spool(stdin, in);
    }

    file = fopen(path, "re");

    if (file == NULL) {
        return cli_fail(CLI_REFUSED, "cannot read \"%s\": %s", path,
                        strerror(errno));
    }

    if (fseeko(file, 0, SEEK_SET) == 0) {
        *in = file;
        return CLI_OK;
    }

    code = cli_import_spool(file, in);
    fclose(file);

    return code;
}


static int
cli_import_spool(FILE *in, FILE **out)
{
    char    part[65536];
    size_t  n;

    *out = tmpfile();                            /* 0600, and has no name */

    if (*out == NULL) {
        return cli_fail(CLI_REFUSED, "cannot make a temporary file: %s",
                        strerror(errno));
    }

    while ((n = fread(part, 1, sizeof(part), in)) > 0) {
        if (fwrite(part, 1, n, *out) != n) {
            break;
        }
    }

    if (ferror(in) || ferror(*out) || fflush(*out) != 0) {
        fclose(*out);
        return cli_fail(CLI_REFUSED, "cannot copy the input: %s",
                        strerror(errno));
    }

    return CLI_OK;
}


static int
cli_import_run(cli_t *cli, cli_args_t *args, cli_import_t *im)
{
    int  code, dry;

    dry = cli_option(args, "dry-run") != NULL;

    code = cli_import_schema(cli, im);

    if (code == CLI_OK) {
        code = cli_import_gone(cli, im);
    }

    if (code == CLI_OK) {
        code = cli_batch_load(cli, im);
    }

    if (code == CLI_OK) {
        code = cli_import_pass(cli, im, 0);
    }

    if (code == CLI_OK && im->count.new + im->count.overwritten) {
        code = cli_walk_tokens(cli, NULL, cli_import_name, im);
    }

    if (code == CLI_OK && !dry) {
        memset(&im->count, 0, sizeof(im->count));
        code = cli_import_pass(cli, im, 1);

        if (code == CLI_OK) {
            code = cli_import_finish(cli, im);
        }
    }

    return code == CLI_OK ? cli_import_print(cli, im, dry) : code;
}


/* a dataset of this schema, or none at all */

static int
cli_import_schema(cli_t *cli, cli_import_t *im)
{
    int          code;
    redisReply  *reply;

    code = cli_command(cli, &reply, "HMGET %smeta schema brand", cli->prefix);
    if (code != CLI_OK) {
        return code;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        code = cli_fail(CLI_REFUSED, "the dataset's marker cannot be read");

    } else if (reply->element[0]->type == REDIS_REPLY_STRING) {
        im->exists = 1;

        if (strcmp(reply->element[0]->str, STOK_SCHEMA) != 0) {
            code = cli_fail(CLI_REFUSED, "there is a dataset of another "
                            "schema");
        }
    }

    freeReplyObject(reply);

    if (code == CLI_OK) {
        code = cli_command(cli, &reply, "EXISTS %susers %stokens",
                           cli->prefix, cli->prefix);
    }

    if (code == CLI_OK) {
        im->empty = reply->integer == 0;
        freeReplyObject(reply);
    }

    return code;
}


/* tokens that the audit knows as revoked or deleted */

static int
cli_import_gone(cli_t *cli, cli_import_t *im)
{
    int          code;
    char         from[64];
    size_t       i, n;
    redisReply  *reply, *entry;

    strcpy(from, "-");

    do {
        code = cli_command(cli, &reply, "XRANGE %saudit %s + COUNT 1000",
                           cli->prefix, from);
        if (code != CLI_OK) {
            return code;
        }

        n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;

        for (i = 0; i < n; i++) {
            entry = reply->element[i];

            if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 2) {
                cli_import_gone_entry(entry->element[1], im->gone);
                snprintf(from, sizeof(from), "(%s", entry->element[0]->str);
            }
        }

        freeReplyObject(reply);

    } while (n == 1000);

    return CLI_OK;
}


static void
cli_import_gone_entry(redisReply *fields, json_t *gone)
{
    size_t       i;
    const char  *name, *action, *token;

    action = "";
    token = "";

    for (i = 0; i + 1 < fields->elements; i += 2) {
        name = fields->element[i]->str;

        if (strcmp(name, "action") == 0) {
            action = fields->element[i + 1]->str;

        } else if (strcmp(name, "token") == 0) {
            token = fields->element[i + 1]->str;
        }
    }

    if (strcmp(action, "token.revoke") == 0
        || strcmp(action, "token.delete") == 0)
    {
        (void) json_object_set_new_nocheck(gone, token, json_true());

    } else if (strcmp(action, "token.restore") == 0) {
        (void) json_object_del(gone, token);
    }
}


static int
cli_import_pass(cli_t *cli, cli_import_t *im, int write)
{
    int          code;
    ssize_t      n;
    cli_line_t   line;

    rewind(im->in);
    im->write = write;
    im->line = 0;
    im->lines_users = 0;
    im->lines_tokens = 0;
    im->ended = 0;
    code = CLI_OK;

    while (code == CLI_OK && (n = cli_import_read(im)) >= 0) {
        code = cli_line_parse(cli, &line, im->buffer, (size_t) n);

        if (code == CLI_OK) {
            code = cli_import_line(cli, im, &line);
        }

        if (code != CLI_OK && line.why[0]) {
            code = cli_fail(code, "line %zu: %s", im->line, line.why);
        }

        cli_line_free(&line);
    }

    if (code == CLI_OK && n == -2) {
        return cli_fail(CLI_REFUSED, "line %zu: it is longer than %d bytes",
                        im->line, CLI_LINE_MAX);
    }

    if (code == CLI_OK && ferror(im->in)) {
        return cli_fail(CLI_REFUSED, "cannot read the file: %s",
                        strerror(errno));
    }

    if (code == CLI_OK && !im->ended) {
        return cli_fail(CLI_REFUSED, "line %zu: the file ends too early: "
                        "there is no end line", im->line + 1);
    }

    return code == CLI_OK ? cli_batch_flush(cli, im) : code;
}


/* its length without the line feed; -1: there is none; -2: too long */

static ssize_t
cli_import_read(cli_import_t *im)
{
    int     ch;
    size_t  n;

    n = 0;

    for ( ;; ) {
        ch = getc_unlocked(im->in);

        if (ch == EOF && n == 0) {
            return -1;
        }

        if (ch == '\n' || ch == EOF) {
            im->line++;
            return (ssize_t) n;
        }

        if (n == CLI_LINE_MAX) {
            im->line++;
            return -2;
        }

        im->buffer[n++] = (char) ch;
    }
}


static int
cli_import_line(cli_t *cli, cli_import_t *im, cli_line_t *line)
{
    int  code;

    code = cli_import_order(im, line);

    if (code != CLI_OK) {
        return code;
    }

    if (line->kind == CLI_LINE_META || line->kind == CLI_LINE_END) {
        return CLI_OK;
    }

    if (!im->write) {
        code = cli_import_twice(im, line);

        if (code != CLI_OK) {
            return code;
        }
    }

    return cli_batch_add(cli, im, line);
}


static int
cli_import_order(cli_import_t *im, cli_line_t *line)
{
    if (im->ended) {
        snprintf(line->why, sizeof(line->why), "it stands behind the end");
        return CLI_REFUSED;
    }

    if ((im->line == 1) != (line->kind == CLI_LINE_META)) {
        snprintf(line->why, sizeof(line->why), "%s", im->line == 1
                 ? "it is no export: the first line is not meta"
                 : "meta is the first line, and no other");
        return CLI_REFUSED;
    }

    switch (line->kind) {

    case CLI_LINE_META:
        snprintf(im->brand, sizeof(im->brand), "%s",
                 json_string_value(json_object_get(line->object, "brand")));
        im->approval = json_object_get(line->object, "approval")
                       && strcmp(json_string_value(
                                  json_object_get(line->object, "approval")),
                                 "required") == 0;
        break;

    case CLI_LINE_USER:
        im->lines_users++;
        break;

    case CLI_LINE_TOKEN:
        im->lines_tokens++;
        break;

    default:
        return cli_import_end(im, line);
    }

    return CLI_OK;
}


/* a second record of an id, a digest, or a name of a user's token */

static int
cli_import_twice(cli_import_t *im, cli_line_t *line)
{
    int          rc;
    char         name[STOK_USER_ID_MAX + 1 + STOK_NAME_BYTES];
    size_t       len;
    const char  *what;

    if (line->kind == CLI_LINE_USER) {
        what = "a user of this id";
        rc = cli_set_add(&im->users, line->id.data, line->id.len);

    } else {
        what = "a token of this id";
        rc = cli_set_add(&im->ids, line->id.data, line->id.len);

        if (rc == 1) {
            what = "a token of this digest";
            rc = cli_set_add(&im->digests, line->digest, STOK_DIGEST_LEN);
        }

        if (rc == 1) {
            len = line->token.user.len;
            memcpy(name, line->token.user.data, len);
            name[len++] = '\n';
            memcpy(name + len, line->token.name.data, line->token.name.len);
            len += line->token.name.len;

            what = "a token of this name and user";
            rc = cli_set_add(&im->names, name, len);
        }
    }

    if (rc == -1) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    if (rc == 0) {
        snprintf(line->why, sizeof(line->why), "%s is there already", what);
        return CLI_REFUSED;
    }

    im->seals |= (line->kind == CLI_LINE_USER ? line->user.seal.len
                                              : line->token.seal.len) != 0;

    return CLI_OK;
}


/* a token that is here and not in the file keeps its name for itself */

static int
cli_import_name(cli_t *cli, const char *id, cli_record_t *rec, void *data)
{
    char           name[STOK_USER_ID_MAX + 1 + STOK_NAME_BYTES + 1];
    int            len;
    cli_import_t  *im;

    (void) cli;
    im = data;

    len = snprintf(name, sizeof(name), "%s\n%s", cli_get(rec, "user"),
                   cli_get(rec, "name"));

    if (len >= (int) sizeof(name)
        || cli_set_has(&im->ids, id, strlen(id))
        || !cli_set_has(&im->names, name, (size_t) len))
    {
        return CLI_OK;
    }

    return cli_fail(CLI_REFUSED, "token \"%s\" is here and not in the file, "
                    "where its user has another of its name", id);
}


static int
cli_import_end(cli_import_t *im, cli_line_t *line)
{
    json_t  *users, *tokens;

    users = json_object_get(line->object, "users");
    tokens = json_object_get(line->object, "tokens");

    if (!json_is_integer(users) || !json_is_integer(tokens)
        || json_integer_value(users) != (json_int_t) im->lines_users
        || json_integer_value(tokens) != (json_int_t) im->lines_tokens)
    {
        snprintf(line->why, sizeof(line->why), "it counts other users or "
                 "tokens than %zu and %zu: lines are missing",
                 im->lines_users, im->lines_tokens);
        return CLI_REFUSED;
    }

    im->ended = 1;

    return CLI_OK;
}


/* the marker of a dataset that was not there comes last */

static int
cli_import_finish(cli_t *cli, cli_import_t *im)
{
    int          code;
    char        *word;
    const char  *arg[2];

    if (im->exists) {
        return CLI_OK;
    }

    arg[0] = im->brand;
    arg[1] = im->approval ? "required" : "none";

    code = cli_script(cli, stok_script_init, 2, arg, &word);
    free(word);

    return code == CLI_FOUND ? CLI_OK : code;
}


static int
cli_import_print(cli_t *cli, cli_import_t *im, int dry)
{
    int             code;
    cli_counted_t  *c;

    c = &im->count;

    if (im->seals && cli->keys.n == 0) {
        cli_note("note: the seals were not checked: there is no --key-file");
    }

    if (cli->json) {
        code = cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
                              "users", (json_int_t) im->lines_users,
                              "tokens", (json_int_t) im->lines_tokens,
                              "new", (json_int_t) c->new,
                              "same", (json_int_t) c->same,
                              "overwritten", (json_int_t) c->overwritten,
                              "kept", (json_int_t) c->kept, "dry_run", dry));

    } else {
        printf("%zu new, %zu the same, %zu overwritten%s\n", c->new, c->same,
               c->overwritten, dry ? ": nothing was changed" : "");
        code = CLI_OK;
    }

    if (c->kept) {
        cli_note("%zu were revoked, deleted or disabled here: they stay so",
                 c->kept);
    }

    if (code == CLI_OK && c->refused) {
        return cli_fail(CLI_REFUSED, "%zu records changed meanwhile and were "
                        "not written: run import again", c->refused);
    }

    return code;
}
