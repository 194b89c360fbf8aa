/*
 * Stopping a user and its tokens, which are found by a walk over all records
 * and not by an index, which somebody may have written.
 *
 * The tokens that the user's index names are stopped first, since that takes
 * no time; then all records are walked until a whole walk has met none of the
 * user's that is active.  SCAN meets whatever is there from its beginning to
 * its end, and Redis answers others between two pages.
 *
 * If the command dies on the way, some tokens are revoked and others are not:
 * running it again finishes it.  "incident user" has disabled the user before.
 */


#include "cli_meet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CLI_STOP_BATCH   100                     /* tokens of a step */
#define CLI_STOP_WALKS   5


typedef struct {
    const char    *user;
    int64_t        revoked;
    int64_t        changed;                      /* to be met again */
    size_t         n;                            /* of the step */
    cli_record_t   rec[CLI_STOP_BATCH];
    char           seal[CLI_STOP_BATCH][STOK_SEAL_MAX + 1];
} cli_stop_t;


static int cli_halt_try(cli_t *cli, const char *id, int *halted);
static int cli_stop_user(cli_t *cli, const char *id);
static int cli_stop_all(cli_t *cli, cli_stop_t *stop);
static int cli_stop_index(cli_t *cli, cli_stop_t *stop);
static int cli_stop_meet(cli_t *cli, const cli_met_t *met, void *data);
static int cli_stop_judge(cli_t *cli, cli_stop_t *stop, cli_record_t *rec);
static int cli_stop_step(cli_t *cli, cli_stop_t *stop);
static int cli_stop_end(cli_t *cli, cli_stop_t *stop);


int
cli_user_stop(cli_t *cli, const char *user, int64_t *n)
{
    int          code;
    size_t       i;
    cli_stop_t  *stop;

    *n = 0;

    stop = calloc(1, sizeof(cli_stop_t));
    if (stop == NULL) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    stop->user = user;
    code = cli_stop_all(cli, stop);

    for (i = 0; i < stop->n; i++) {
        cli_free(&stop->rec[i]);
    }

    /* what was done is noted, even if it is not all that was asked for */

    if (stop->revoked && cli_stop_end(cli, stop) != CLI_OK && code == CLI_OK) {
        code = CLI_UNAVAILABLE;
    }

    *n = stop->revoked;
    free(stop);

    return code;
}


int
cli_user_halt(cli_t *cli, const char *id, int *halted)
{
    int  code, tries;

    *halted = 0;
    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_halt_try(cli, id, halted);
    }

    return code;
}


/* what is wrong with a record is no reason to let the user's tokens in */

static int
cli_halt_try(cli_t *cli, const char *id, int *halted)
{
    int                  n, code;
    char                 seal[STOK_SEAL_MAX + 1];
    stok_str_t           text;
    const char          *field[4];
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    if (strcmp(cli_get(&rec, "status"), "active") != 0) {
        cli_free(&rec);
        return CLI_OK;
    }

    n = 0;
    field[n++] = "status";
    field[n++] = stok_user_status_name(STOK_USER_DISABLED).data;

    code = cli_decode_user(cli, id, &rec, &user);

    if (code == CLI_OK && cli->keys.n) {
        text.data = id;
        text.len = strlen(id);
        user.status = STOK_USER_DISABLED;

        seal[stok_seal_user(seal, &cli->keys.key[0], text, &user)] = '\0';
        field[n++] = "seal";
        field[n++] = seal;
    }

    if (code == CLI_OK || !cli_needs_key(cli, &rec)) {
        code = cli_change(cli, &rec, "", id, "user.disable", "active",
                          "disabled", "", n, field);
        *halted = code == CLI_OK;
    }

    cli_free(&rec);

    return code;
}


/* there is such a user, and, if it is sealed, a key file */

static int
cli_stop_user(cli_t *cli, const char *id)
{
    int                  code;
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_decode_user(cli, id, &rec, &user);

    if (!cli_needs_key(cli, &rec)) {
        code = CLI_OK;
    }

    cli_free(&rec);

    return code;
}


static int
cli_stop_all(cli_t *cli, cli_stop_t *stop)
{
    int      code, walks;
    int64_t  before;

    code = cli_stop_user(cli, stop->user);

    if (code == CLI_OK) {
        code = cli_stop_index(cli, stop);
    }

    for (walks = 0; code == CLI_OK && walks < CLI_STOP_WALKS; walks++) {
        before = stop->revoked;
        stop->changed = 0;

        code = cli_meet_walk(cli, cli_stop_meet, stop);

        if (code == CLI_OK) {
            code = cli_stop_step(cli, stop);
        }

        if (code == CLI_OK && stop->revoked == before && stop->changed == 0) {
            return CLI_OK;
        }
    }

    return code != CLI_OK ? code
           : cli_fail(CLI_REFUSED, "tokens of \"%s\" are still being made or "
                      "changed: disable the user, then run this again",
                      stop->user);
}


/* whatever is wrong with the index: the walk comes after it */

static int
cli_stop_index(cli_t *cli, cli_stop_t *stop)
{
    int            code;
    size_t         i, k, n;
    redisReply    *ids, **digest;

    code = cli_try(cli, &ids, "SMEMBERS %suser-tokens:%s", cli->prefix,
                   stop->user);
    if (code != CLI_OK) {
        return code;
    }

    digest = NULL;

    for (i = 0; ids->type == REDIS_REPLY_ARRAY && i < ids->elements
                && code == CLI_OK; i += n)
    {
        n = ids->elements - i < CLI_MEET_COUNT ? ids->elements - i
                                               : CLI_MEET_COUNT;

        for (k = 0; k < n; k++) {
            redisAppendCommand(cli->ctx, "GET %sid:%b", cli->prefix,
                               ids->element[i + k]->str,
                               (size_t) ids->element[i + k]->len);
        }

        code = cli_tries(cli, n, &digest);

        if (code == CLI_OK) {
            code = cli_meet_records(cli, digest, n, cli_stop_meet, stop);
            cli_tries_free(digest, n);
        }
    }

    freeReplyObject(ids);

    return code == CLI_OK ? cli_stop_step(cli, stop) : code;
}


static int
cli_stop_meet(cli_t *cli, const cli_met_t *met, void *data)
{
    int            code;
    cli_stop_t    *stop = data;
    cli_record_t  *rec;

    if (!cli_says(met->user, stop->user) || !cli_says(met->status, "active")) {
        return CLI_OK;
    }

    rec = &stop->rec[stop->n];
    code = cli_read_digest(cli, met->hex, rec);

    /* one with too many fields is revoked, too */

    if (code == CLI_OK || code == CLI_REFUSED) {
        stop->seal[stop->n++][0] = '\0';
        code = code == CLI_OK ? cli_stop_judge(cli, stop, rec) : CLI_OK;
    }

    return code == CLI_OK && stop->n == CLI_STOP_BATCH
           ? cli_stop_step(cli, stop) : code;
}


/*
 * One that cannot be read, or whose seal is wrong, does not keep the others
 * from being revoked: it is revoked too, and its seal stays as wrong as it is.
 */

static int
cli_stop_judge(cli_t *cli, cli_stop_t *stop, cli_record_t *rec)
{
    int                   code;
    char                  name[STOK_USER_ID_MAX + 1];
    stok_str_t            id;
    stok_token_record_t   token;

    id.data = cli_get(rec, "id");
    id.len = strlen(id.data);

    if (stok_record_id_check(id) == STOK_OK) {
        snprintf(name, sizeof(name), "%s", id.data);

    } else {
        snprintf(name, sizeof(name), "%.14s...", rec->key);
    }

    code = cli_decode_token(cli, name, rec, &token);

    if (code == CLI_OK) {
        token.status = STOK_TOKEN_REVOKED;
        (void) cli_token_seal(cli, rec, &token, stop->seal[stop->n - 1]);
        return CLI_OK;
    }

    return cli_needs_key(cli, rec) ? code : CLI_OK;
}


static int
cli_stop_step(cli_t *cli, cli_stop_t *stop)
{
    int          argc, code;
    char        *word, *p;
    size_t       i;
    const char  *argv[2 + 4 * CLI_STOP_BATCH];

    if (stop->n == 0) {
        return CLI_OK;
    }

    argc = 0;
    argv[argc++] = stop->user;
    argv[argc++] = "step";

    for (i = 0; i < stop->n; i++) {
        argv[argc++] = stop->rec[i].key + sizeof("token:") - 1;

        /* a record with a seal of ours can be read: it has an id */

        argv[argc++] = stop->seal[i][0] ? cli_get(&stop->rec[i], "id") : "";
        argv[argc++] = stop->seal[i][0] ? cli_get(&stop->rec[i], "seal") : "";
        argv[argc++] = stop->seal[i];
    }

    code = cli_script(cli, stok_script_user_revoke_all, argc, argv, &word);

    for (p = word; p && *p; p++) {
        stop->revoked += *p == 'R';
        stop->changed += *p == 'C';
    }

    free(word);

    for (i = 0; i < stop->n; i++) {
        cli_free(&stop->rec[i]);
    }

    stop->n = 0;

    return code;
}


static int
cli_stop_end(cli_t *cli, cli_stop_t *stop)
{
    int          code;
    char         n[24], *word;
    const char  *argv[3];

    snprintf(n, sizeof(n), "%lld", (long long) stop->revoked);

    argv[0] = stop->user;
    argv[1] = "end";
    argv[2] = n;

    code = cli_script(cli, stok_script_user_revoke_all, 3, argv, &word);
    free(word);

    return code;
}
