/*
 * Records as the command reads and changes them.
 *
 * A change is judged on what was read, sealed here, and written by a script
 * only if the record still is what was read.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_read(cli_t *cli, cli_record_t *rec, const char *what,
    const char *id);
static void cli_record_set(cli_record_t *rec);
static int cli_sealed(cli_t *cli, const char *what, const char *id,
    stok_str_t seal, int tampered);


int
cli_read_user(cli_t *cli, const char *id, cli_record_t *rec)
{
    stok_str_t  text;

    memset(rec, 0, sizeof(*rec));

    text.data = id;
    text.len = strlen(id);

    if (stok_user_id_check(text) != STOK_OK) {
        return cli_fail(CLI_REFUSED, "no user \"%s\"", id);
    }

    snprintf(rec->key, sizeof(rec->key), "user:%s", id);

    return cli_read(cli, rec, "user", id);
}


int
cli_read_token(cli_t *cli, const char *id, cli_record_t *rec)
{
    int  code;

    code = cli_lookup_token(cli, id, rec);

    return code == CLI_REFUSED || code == CLI_USAGE
           ? cli_fail(CLI_REFUSED, "no token \"%s\"", id) : code;
}


int
cli_lookup_token(cli_t *cli, const char *id, cli_record_t *rec)
{
    int          code;
    stok_str_t   text;
    redisReply  *reply;

    memset(rec, 0, sizeof(*rec));

    text.data = id;
    text.len = strlen(id);

    if (stok_record_id_check(text) != STOK_OK) {
        return CLI_USAGE;
    }

    code = cli_try(cli, &reply, "GET %sid:%s", cli->prefix, id);
    if (code != CLI_OK) {
        return code;
    }

    code = reply->type == REDIS_REPLY_STRING
           && cli_unhex(reply->str, reply->len, rec->digest) == CLI_OK
           ? cli_read_digest(cli, reply->str, rec) : CLI_REFUSED;

    freeReplyObject(reply);

    /* the index only says where to look */

    if (code == CLI_OK && strcmp(cli_get(rec, "id"), id) != 0) {
        cli_free(rec);
        return CLI_REFUSED;
    }

    return code;
}


int
cli_read_digest(cli_t *cli, const char *hex, cli_record_t *rec)
{
    int  code;

    memset(rec, 0, sizeof(*rec));

    if (cli_unhex(hex, strlen(hex), rec->digest) != CLI_OK) {
        return CLI_REFUSED;
    }

    snprintf(rec->key, sizeof(rec->key), "token:%s", hex);

    code = cli_try(cli, &rec->reply, "HGETALL %s%s", cli->prefix, rec->key);
    if (code != CLI_OK) {
        rec->reply = NULL;
        return code;
    }

    if (rec->reply->type != REDIS_REPLY_ARRAY || rec->reply->elements == 0
        || rec->reply->elements > CLI_FIELDS)
    {
        cli_free(rec);
        return CLI_REFUSED;
    }

    cli_record_set(rec);

    return CLI_OK;
}


static void
cli_record_set(cli_record_t *rec)
{
    size_t  i;

    rec->n = rec->reply->elements;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = rec->reply->element[i]->str;
        rec->field[i].len = (size_t) rec->reply->element[i]->len;
    }
}


static int
cli_read(cli_t *cli, cli_record_t *rec, const char *what, const char *id)
{
    int  code;

    code = cli_command(cli, &rec->reply, "HGETALL %s%s", cli->prefix,
                       rec->key);
    if (code != CLI_OK) {
        rec->reply = NULL;
        return code;
    }

    if (rec->reply->type != REDIS_REPLY_ARRAY || rec->reply->elements == 0) {
        cli_free(rec);
        return cli_fail(CLI_REFUSED, "no %s \"%s\"", what, id);
    }

    if (rec->reply->elements > CLI_FIELDS) {
        cli_free(rec);
        return cli_fail(CLI_REFUSED, "%s \"%s\" has too many fields", what,
                        id);
    }

    cli_record_set(rec);

    return CLI_OK;
}


void
cli_free(cli_record_t *rec)
{
    if (rec->reply) {
        freeReplyObject(rec->reply);
        rec->reply = NULL;
    }
}


const char *
cli_get(const cli_record_t *rec, const char *name)
{
    size_t  i;

    for (i = 0; i + 1 < rec->n; i += 2) {
        if (strcmp(rec->field[i].data, name) == 0) {
            return rec->field[i + 1].data;
        }
    }

    return "";
}


int
cli_decode_user(cli_t *cli, const char *id, const cli_record_t *rec,
    stok_user_record_t *user)
{
    stok_str_t   text;
    const char  *why;

    if (stok_user_record_decode(user, rec->field, rec->n, &why) != STOK_OK) {
        return cli_fail(CLI_REFUSED, "user \"%s\" is unreadable: %s", id,
                        why);
    }

    text.data = id;
    text.len = strlen(id);

    if (cli->keys.n) {
        stok_seal_check_user(&cli->keys, text, user);
    }

    return cli_sealed(cli, "user", id, user->seal, user->tampered);
}


int
cli_decode_token(cli_t *cli, const char *id, const cli_record_t *rec,
    stok_token_record_t *token)
{
    const char  *why;

    if (stok_token_record_decode(token, rec->field, rec->n, &why) != STOK_OK)
    {
        return cli_fail(CLI_REFUSED, "token \"%s\" is unreadable: %s", id,
                        why);
    }

    if (cli->keys.n) {
        stok_seal_check_token(&cli->keys, rec->digest, token);
    }

    return cli_sealed(cli, "token", id, token->seal, token->tampered);
}


static int
cli_sealed(cli_t *cli, const char *what, const char *id, stok_str_t seal,
    int tampered)
{
    if (tampered) {
        return cli_fail(CLI_REFUSED, "%s \"%s\" has no valid seal: "
                        "somebody else wrote it", what, id);
    }

    if (seal.len && cli->keys.n == 0) {
        return cli_fail(CLI_REFUSED, "%s \"%s\" is sealed: give --key-file",
                        what, id);
    }

    return CLI_OK;
}


int
cli_needs_key(cli_t *cli, const cli_record_t *rec)
{
    return cli->keys.n == 0 && cli_get(rec, "seal")[0] != '\0';
}


int
cli_change(cli_t *cli, const cli_record_t *rec, const char *token,
    const char *user, const char *action, const char *before,
    const char *after, const char *times, int n, const char **fields)
{
    int          i, argc, code;
    size_t       k;
    char         count[24], *word;
    const char  *arg[8 + CLI_FIELDS + CLI_FIELDS];

    snprintf(count, sizeof(count), "%zu", rec->n / 2);

    argc = 0;
    arg[argc++] = rec->key;
    arg[argc++] = token;
    arg[argc++] = user;
    arg[argc++] = action;
    arg[argc++] = before;
    arg[argc++] = after;
    arg[argc++] = times;
    arg[argc++] = count;

    for (k = 0; k < rec->n; k++) {
        arg[argc++] = rec->field[k].data;
    }

    for (i = 0; i < n; i++) {
        arg[argc++] = fields[i];
    }

    code = cli_script(cli, stok_script_change, argc, arg, &word);
    free(word);

    return code;
}
