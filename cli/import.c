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
static int cli_import_digest(cli_import_t *im);
static int cli_import_schema(cli_t *cli, cli_import_t *im);
static int cli_import_empty(cli_t *cli, cli_import_t *im);
static int cli_import_gone(cli_t *cli, cli_import_t *im);
static void cli_import_gone_entry(redisReply *fields, json_t *gone);
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
    im.md = EVP_MD_CTX_new();

    code = im.buffer && im.gone && im.md
           && EVP_DigestInit_ex(im.md, EVP_sha256(), NULL)
           ? cli_import_run(cli, args, &im)
           : cli_fail(CLI_UNAVAILABLE, "no memory");

    fclose(im.in);
    free(im.buffer);
    json_decref(im.gone);
    EVP_MD_CTX_free(im.md);
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

    if (code == CLI_OK) {
        code = cli_import_digest(im);
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


/* of the file, as the audit names it */

static int
cli_import_digest(cli_import_t *im)
{
    uint8_t  digest[STOK_DIGEST_LEN];

    if (!EVP_DigestFinal_ex(im->md, digest, NULL)) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    stok_digest_hex(digest, im->digest);

    return CLI_OK;
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
        code = cli_import_empty(cli, im);
    }

    return code;
}


/* whether there is nothing but what init makes: then nothing is asked */

static int
cli_import_empty(cli_t *cli, cli_import_t *im)
{
    int          code;
    long long    n;
    redisReply  *reply;

    code = cli_command(cli, &reply, "DBSIZE");
    if (code != CLI_OK) {
        return code;
    }

    n = reply->integer;
    freeReplyObject(reply);

    code = cli_command(cli, &reply, "EXISTS %smeta %saudit %saudit-head",
                       cli->prefix, cli->prefix, cli->prefix);
    if (code != CLI_OK) {
        return code;
    }

    im->empty = reply->integer == n;
    freeReplyObject(reply);

    return CLI_OK;
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


/* the marker of a dataset that was not there comes last */

static int
cli_import_finish(cli_t *cli, cli_import_t *im)
{
    int          code;
    char        *word, dataset[STOK_DATASET_LEN + 1];
    const char  *arg[4];

    if (im->exists) {
        return CLI_OK;
    }

    arg[0] = im->brand;
    arg[1] = im->approval ? "required" : "none";
    arg[3] = cli->keys.n ? "1" : "";

    code = cli_key_dataset(cli, dataset);
    if (code != CLI_OK) {
        return code;
    }

    arg[2] = dataset;

    code = cli_script(cli, stok_script_init, 4, arg, &word);
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
