/*
 * check: the decision of the edge, for a token on standard input.
 */


#include "cli.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


typedef struct {
    stok_verdict_e        verdict;
    cli_record_t          token_rec;
    cli_record_t          user_rec;
    stok_token_record_t   token;
    stok_user_record_t    user;
    int                   token_found;
    int                   user_found;
    size_t                key;                   /* of the token's digest */
} cli_checked_t;


static int cli_check_require(cli_t *cli, cli_args_t *args,
    stok_require_t *require);
static int cli_check_input(char *text, size_t size, size_t *len);
static int cli_check_judge(cli_t *cli, const char *text, size_t len,
    const stok_require_t *require, cli_checked_t *checked);
static int cli_check_records(cli_t *cli, const char *text, size_t len,
    cli_checked_t *checked);
static int cli_check_token(cli_t *cli, const char *text, size_t len,
    cli_checked_t *checked);
static int cli_check_fetch(cli_t *cli, cli_record_t *rec);
static int cli_check_print(cli_t *cli, cli_checked_t *checked);


int
cli_check(cli_t *cli, cli_args_t *args)
{
    int             code;
    char            text[STOK_BEARER_MAX + 3];
    size_t          len;
    cli_checked_t   checked;
    stok_require_t  require;

    memset(&checked, 0, sizeof(checked));

    code = cli_check_require(cli, args, &require);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_check_input(text, sizeof(text), &len);

    if (code == CLI_OK) {
        code = cli_check_judge(cli, text, len, &require, &checked);
    }

    OPENSSL_cleanse(text, sizeof(text));

    if (code == CLI_OK) {
        code = cli_check_print(cli, &checked);
    }

    cli_free(&checked.token_rec);
    cli_free(&checked.user_rec);

    return code;
}


static int
cli_check_require(cli_t *cli, cli_args_t *args, stok_require_t *require)
{
    stok_str_t   text;
    const char  *value;

    require->roles = &cli->roles;
    require->role = 0;
    require->types = STOK_TYPE_ANY;
    require->scope.data = "";
    require->scope.len = 0;

    value = cli_option(args, "role");

    if (value) {
        text.data = value;
        text.len = strlen(value);
        require->role = stok_role_rank(&cli->roles, text);

        if (require->role < 0) {
            return cli_fail(CLI_USAGE, "no role \"%s\": the roles are %s",
                            value, cli->role_names);
        }
    }

    value = cli_option(args, "scope");

    if (value) {
        require->scope.data = value;
        require->scope.len = strlen(value);

        if (stok_scope_check(require->scope) != STOK_OK) {
            return cli_fail(CLI_USAGE, "bad --scope");
        }
    }

    value = cli_option(args, "type");

    if (value == NULL) {
        return CLI_OK;
    }

    if (strcmp(value, "service") == 0) {
        require->types = STOK_TYPE_SERVICE;

    } else if (strcmp(value, "personal") == 0) {
        require->types = STOK_TYPE_PERSONAL;

    } else {
        return cli_fail(CLI_USAGE, "bad --type: service or personal");
    }

    return CLI_OK;
}


/* what is longer than any token stays too long; line ends go */

static int
cli_check_input(char *text, size_t size, size_t *len)
{
    *len = fread(text, 1, size, stdin);

    if (ferror(stdin)) {
        return cli_fail(CLI_USAGE, "cannot read the token from standard "
                        "input");
    }

    if (*len && text[*len - 1] == '\n') {
        (*len)--;
    }

    if (*len && text[*len - 1] == '\r') {
        (*len)--;
    }

    return CLI_OK;
}


static int
cli_check_judge(cli_t *cli, const char *text, size_t len,
    const stok_require_t *require, cli_checked_t *checked)
{
    int           code;
    stok_token_t  parsed;

    if (len == 0) {
        checked->verdict = STOK_MISSING;
        return CLI_OK;
    }

    if (stok_bearer_check(text, len) != STOK_OK) {
        checked->verdict = STOK_MALFORMED;
        return CLI_OK;
    }

    if (stok_token_parse(text, len, &parsed) == STOK_INVALID) {
        checked->verdict = STOK_UNKNOWN;
        return CLI_OK;
    }

    code = cli_check_records(cli, text, len, checked);

    if (code == CLI_OK) {
        checked->verdict = stok_decide(checked->token_found ? &checked->token
                                                            : NULL,
                                       checked->user_found ? &checked->user
                                                           : NULL,
                                       require, NULL, time(NULL));
        return CLI_OK;
    }

    if (code == CLI_FOUND) {
        checked->verdict = STOK_UNAVAILABLE;
        return CLI_OK;
    }

    return code;
}


/* CLI_FOUND: a record, or the dataset's marker, cannot be read */

static int
cli_check_records(cli_t *cli, const char *text, size_t len,
    cli_checked_t *checked)
{
    int            code;
    stok_str_t     prefix, user;
    const char    *why;
    redisReply    *reply;
    cli_record_t  *rec;

    rec = &checked->token_rec;
    prefix.data = "";
    prefix.len = 0;

    code = cli_check_token(cli, text, len, checked);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_command(cli, &reply, "HGET %smeta schema", cli->prefix);
    if (code != CLI_OK) {
        return code;
    }

    code = reply->type == REDIS_REPLY_STRING
           && strcmp(reply->str, STOK_SCHEMA) == 0 ? CLI_OK : CLI_FOUND;
    freeReplyObject(reply);

    if (code != CLI_OK || rec->n == 0) {
        return code;
    }

    if (stok_token_record_decode(&checked->token, rec->field, rec->n, &why)
        != STOK_OK)
    {
        return CLI_FOUND;
    }

    checked->token_found = 1;

    if (cli->keys.n) {
        stok_seal_check_token(&cli->keys, rec->digest, &checked->token);
    }

    user = checked->token.user;
    rec = &checked->user_rec;
    rec->key[stok_user_key(rec->key, prefix, user)] = '\0';

    code = cli_check_fetch(cli, rec);
    if (code != CLI_OK || rec->n == 0) {
        return code;
    }

    if (stok_user_record_decode(&checked->user, rec->field, rec->n, &why)
        != STOK_OK)
    {
        return CLI_FOUND;
    }

    checked->user_found = 1;

    if (cli->keys.n) {
        stok_seal_check_user(&cli->keys, user, &checked->user);
    }

    return CLI_OK;
}


/* by the current key, and while there is no such record, by each older one */

static int
cli_check_token(cli_t *cli, const char *text, size_t len,
    cli_checked_t *checked)
{
    int            code;
    stok_str_t     prefix;
    cli_record_t  *rec;

    rec = &checked->token_rec;
    prefix.data = "";
    prefix.len = 0;

    for ( ;; ) {
        stok_digest(cli->keys.n ? &cli->keys.key[checked->key] : NULL, text,
                    len, rec->digest);
        rec->key[stok_token_key(rec->key, prefix, rec->digest)] = '\0';

        code = cli_check_fetch(cli, rec);

        if (code != CLI_OK || rec->n || checked->key + 1 >= cli->keys.n) {
            return code;
        }

        cli_free(rec);
        checked->key++;
    }
}


static int
cli_check_fetch(cli_t *cli, cli_record_t *rec)
{
    size_t  i;

    if (redisAppendCommand(cli->ctx, "HGETALL %s%s", cli->prefix, rec->key)
        != REDIS_OK
        || redisGetReply(cli->ctx, (void **) &rec->reply) != REDIS_OK)
    {
        rec->reply = NULL;
        return cli_fail(CLI_UNAVAILABLE, "Redis went away: %s",
                        cli->ctx->errstr);
    }

    if (rec->reply->type != REDIS_REPLY_ARRAY
        || rec->reply->elements > CLI_FIELDS)
    {
        return CLI_FOUND;
    }

    rec->n = rec->reply->elements;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = rec->reply->element[i]->str;
        rec->field[i].len = (size_t) rec->reply->element[i]->len;
    }

    return CLI_OK;
}


static int
cli_check_print(cli_t *cli, cli_checked_t *checked)
{
    int                code;
    json_t            *json;
    stok_str_t         word;
    const stok_key_t  *key;

    word = stok_verdict_word(checked->verdict);

    code = checked->verdict == STOK_ALLOWED ? CLI_OK
           : checked->verdict == STOK_UNAVAILABLE ? CLI_UNAVAILABLE
           : CLI_FOUND;

    if (cli->json) {
        json = json_pack("{s:s}", "verdict", word.data);

        if (checked->token_found) {
            json_object_set_new(json, "id",
                                json_stringn(checked->token.id.data,
                                             checked->token.id.len));
            json_object_set_new(json, "user",
                                json_stringn(checked->token.user.data,
                                             checked->token.user.len));
        }

        if (checked->token_found && cli->keys.n) {
            key = &cli->keys.key[checked->key];
            json_object_set_new(json, "key",
                                json_stringn(key->name, key->name_len));
        }

        if (checked->user_found) {
            json_object_set_new(json, "role",
                                json_stringn(checked->user.role.data,
                                             checked->user.role.len));
        }

        (void) cli_print_json(json);

    } else {
        printf("%s", word.data);

        if (checked->token_found) {
            printf(" %.*s %.*s", (int) checked->token.id.len,
                   checked->token.id.data, (int) checked->token.user.len,
                   checked->token.user.data);
        }

        if (checked->user_found) {
            printf(" %.*s", (int) checked->user.role.len,
                   checked->user.role.data);
        }

        printf("\n");
    }

    return cli_flush() == CLI_OK ? code : CLI_UNAVAILABLE;
}
