/*
 * import: lines of JSON to a dataset; see ctl_dump.h.
 *
 * Two passes over the file.  The first reads every line, asks Redis what is
 * there, and changes nothing; the second writes, in batches, each record as a
 * whole.  The script judges again when it writes, so what changed in between
 * is not overwritten by accident.  Broken off, it may be run again: what is
 * there already and the same is skipped.
 *
 * Nothing lets in by an import that does not today, unless --restore-access
 * says so: a token that was revoked or has expired here stays so, one that was
 * deleted stays away (the audit knows of it), a user that was disabled stays
 * so, and keeps a role that is lower.
 *
 * While it writes, the marker says so ("importing"), and if it is broken off,
 * it goes on saying so until the same file is whole: nginx answers 503
 * meanwhile, another file is refused, and status and fsck tell.
 */


#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int ctl_import_stopped(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_run(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_write(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_mark(ctl_t *ctl, ctl_import_t *im, const char *mode,
    char **word);
static int ctl_import_mine(ctl_t *ctl, ctl_import_t *im, const char *mark);
static int ctl_import_digest(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_schema(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_empty(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_gone(ctl_t *ctl, ctl_import_t *im);
static void ctl_import_gone_entry(redisReply *fields, json_t *gone);
static int ctl_import_finish(ctl_t *ctl, ctl_import_t *im);
static int ctl_import_sums(ctl_t *ctl, ctl_import_t *im, json_t **sums);


int
ctl_import(ctl_t *ctl, int fd, const ctl_import_want_t *want, json_t **sums)
{
    int           code;
    ctl_import_t  im;

    code = want->dry ? CTL_OK : ctl_writable(ctl);
    if (code != CTL_OK) {
        return code;
    }

    memset(&im, 0, sizeof(im));
    im.overwrite = want->overwrite;
    im.restore = want->restore;
    im.dry = want->dry;
    im.fd = fd;
    im.buffer = malloc(CTL_LINE_MAX + 1);
    im.gone = json_object();
    im.md = EVP_MD_CTX_new();

    if (im.buffer && im.gone && im.md
        && EVP_DigestInit_ex(im.md, EVP_sha256(), NULL))
    {
        im.size = lseek(fd, 0, SEEK_END) * (im.dry ? 1 : 2);
        code = ctl_import_run(ctl, &im);

        if (code == CTL_STOPPED) {
            code = ctl_import_stopped(ctl, &im);
        }

        if (code == CTL_OK) {
            code = ctl_import_sums(ctl, &im, sums);
        }

    } else {
        code = ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    free(im.buffer);
    json_decref(im.gone);
    EVP_MD_CTX_free(im.md);
    ctl_batch_free(&im);
    ctl_set_free(&im.users);
    ctl_set_free(&im.ids);
    ctl_set_free(&im.digests);
    ctl_set_free(&im.names);

    return code;
}


static int
ctl_import_stopped(ctl_t *ctl, ctl_import_t *im)
{
    return im->write ? ctl_fail(ctl, CTL_STOPPED, "stopped on the way: run "
                                "the same import again to finish it; until "
                                "then, nginx answers 503")
                     : ctl_fail(ctl, CTL_STOPPED, "stopped: nothing was "
                                "changed");
}


static int
ctl_import_run(ctl_t *ctl, ctl_import_t *im)
{
    int  code;

    code = ctl_import_schema(ctl, im);

    if (code == CTL_OK) {
        code = ctl_import_gone(ctl, im);
    }

    if (code == CTL_OK) {
        code = ctl_batch_load(ctl, im);
    }

    if (code == CTL_OK) {
        code = ctl_import_pass(ctl, im, 0);
    }

    if (code == CTL_OK) {
        code = ctl_import_digest(ctl, im);
    }

    if (code == CTL_OK) {
        code = ctl_import_mine(ctl, im, im->importing);
    }

    if (code == CTL_OK && im->count.new + im->count.overwritten) {
        code = ctl_walk_tokens(ctl, NULL, ctl_import_name, im);
    }

    if (code == CTL_OK && !im->dry) {
        code = ctl_import_write(ctl, im);
    }

    return code;
}


/* where there is nothing to write, nginx need not stop for it */

static int
ctl_import_write(ctl_t *ctl, ctl_import_t *im)
{
    int    code, mark;
    char  *word;

    code = CTL_OK;
    mark = im->importing[0] || !im->exists
           || im->count.new + im->count.overwritten;

    if (mark) {
        code = ctl_import_mark(ctl, im, "begin", &word);

        if (code == CTL_OK) {
            code = ctl_import_mine(ctl, im, word);
        }

        free(word);
    }

    memset(&im->count, 0, sizeof(im->count));

    if (code == CTL_OK) {
        code = ctl_import_pass(ctl, im, 1);
    }

    if (code == CTL_OK) {
        code = ctl_import_finish(ctl, im);
    }

    if (code == CTL_OK && mark && im->count.refused == 0) {
        code = ctl_import_mark(ctl, im, "end", &word);
        free(word);
    }

    return code;
}


static int
ctl_import_mark(ctl_t *ctl, ctl_import_t *im, const char *mode, char **word)
{
    const char  *arg[4];

    arg[0] = mode;
    arg[1] = "";
    arg[2] = im->digest;
    arg[3] = "";

    return ctl_script_texts(ctl, stok_script_import, 4, arg, word);
}


/* what stood in the marker: the half of another file must not become live */

static int
ctl_import_mine(ctl_t *ctl, ctl_import_t *im, const char *mark)
{
    return mark[0] == '\0' || strcmp(mark, im->digest) == 0 ? CTL_OK
           : ctl_fail(ctl, CTL_STATE, "the import of another file is not "
                      "finished: import that file again first; its SHA-256 "
                      "is %.64s", mark);
}


/* of the file, as the audit names it */

static int
ctl_import_digest(ctl_t *ctl, ctl_import_t *im)
{
    uint8_t  digest[STOK_DIGEST_LEN];

    if (!EVP_DigestFinal_ex(im->md, digest, NULL)) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    stok_digest_hex(digest, im->digest);

    return CTL_OK;
}


/* a dataset of this schema, or none at all */

static int
ctl_import_schema(ctl_t *ctl, ctl_import_t *im)
{
    int          code, asked;
    redisReply  *reply;

    asked = 0;

    code = ctl_command(ctl, CTL_IS_VALUES, &reply, "HMGET %smeta schema "
                       "importing approval", ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) {
        code = ctl_fail(ctl, CTL_BROKEN, "the dataset's marker cannot be "
                        "read");

    } else if (reply->element[0]->type == REDIS_REPLY_STRING) {
        im->exists = 1;

        if (strcmp(reply->element[0]->str, STOK_SCHEMA) != 0) {
            code = ctl_fail(ctl, CTL_STATE, "there is a dataset of another "
                            "schema");
        }
    }

    if (code == CTL_OK) {
        snprintf(im->importing, sizeof(im->importing), "%s",
                 reply->element[1]->type == REDIS_REPLY_STRING
                 ? reply->element[1]->str : "");
        asked = reply->element[2]->type == REDIS_REPLY_STRING && !im->restore;
    }

    freeReplyObject(reply);

    /* an approval may be needed: the script tells of each user */

    if (code == CTL_OK && !asked) {
        code = ctl_import_empty(ctl, im);
    }

    return code;
}


/* whether there is nothing but what init makes: then nothing is asked */

static int
ctl_import_empty(ctl_t *ctl, ctl_import_t *im)
{
    int          code;
    long long    n;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "DBSIZE");
    if (code != CTL_OK) {
        return code;
    }

    n = reply->integer;
    freeReplyObject(reply);

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %smeta %saudit "
                       "%saudit-head", ctl->prefix, ctl->prefix, ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    im->empty = reply->integer == n;
    freeReplyObject(reply);

    return CTL_OK;
}


/* tokens that the audit knows as revoked or deleted */

static int
ctl_import_gone(ctl_t *ctl, ctl_import_t *im)
{
    int          code;
    char         from[64];
    size_t       i, n;
    redisReply  *reply, *entry;

    strcpy(from, "-");

    do {
        code = ctl_command(ctl, CTL_IS_ENTRIES, &reply, "XRANGE %saudit %s + "
                           "COUNT 1000", ctl->prefix, from);
        if (code != CTL_OK) {
            return code;
        }

        n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;

        for (i = 0; i < n; i++) {
            entry = reply->element[i];

            if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 2) {
                ctl_import_gone_entry(entry->element[1], im->gone);
                snprintf(from, sizeof(from), "(%s", entry->element[0]->str);
            }
        }

        freeReplyObject(reply);

    } while (n == 1000);

    return CTL_OK;
}


static void
ctl_import_gone_entry(redisReply *fields, json_t *gone)
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
ctl_import_finish(ctl_t *ctl, ctl_import_t *im)
{
    int  code;

    if (im->exists) {
        return CTL_OK;
    }

    code = ctl_init_make(ctl, im->brand, im->approval ? "required" : "none",
                         "import");

    return code == CTL_CHANGED ? CTL_OK : code;
}


static int
ctl_import_sums(ctl_t *ctl, ctl_import_t *im, json_t **sums)
{
    ctl_counted_t  *c;

    c = &im->count;

    if (im->seals && ctl->keys.n == 0) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the seals were not checked: there is "
                 "no --key-file");
    }

    *sums = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
                      "users", (json_int_t) im->lines_users,
                      "tokens", (json_int_t) im->lines_tokens,
                      "new", (json_int_t) c->new,
                      "same", (json_int_t) c->same,
                      "overwritten", (json_int_t) c->overwritten,
                      "kept", (json_int_t) c->kept, "dry_run", im->dry);

    if (c->kept) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "%zu were revoked, deleted, disabled, "
                 "expired, or allow less here: they stay so without "
                 "--restore-access", c->kept);
    }

    return c->refused
           ? ctl_fail(ctl, CTL_CHANGED, "%zu records changed meanwhile and "
                      "were not written: run import again", c->refused)
           : CTL_OK;
}
