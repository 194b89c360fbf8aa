/*
 * token: create, show, revoke, restore.
 */


#include "issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_token_options(cli_t *cli, cli_args_t *args, cli_new_t *new);
static int cli_token_step(cli_t *cli, cli_new_t *new, const char *mode,
    void *data);
static int cli_token_change(cli_t *cli, const char *id, int revoke);
static int cli_token_change_try(cli_t *cli, const char *id, int revoke);


int
cli_token_create(cli_t *cli, cli_args_t *args)
{
    int        code;
    cli_new_t  new;

    memset(&new, 0, sizeof(new));

    code = cli_token_options(cli, args, &new);

    return code == CLI_OK ? cli_issue(cli, &new, cli_token_step,
                                      (void *) cli_option(args, "user"))
                          : code;
}


static int
cli_token_options(cli_t *cli, cli_args_t *args, cli_new_t *new)
{
    int          code;
    const char  *env, *expires;

    env = cli_option(args, "env");

    if (cli_option(args, "user") == NULL || cli_option(args, "name") == NULL
        || env == NULL)
    {
        return cli_fail(CLI_USAGE, "token create needs --user, --name and "
                        "--env");
    }

    code = cli_issue_options(cli, args, new);
    if (code != CLI_OK) {
        return code;
    }

    if (cli_issue_lifetime(env, &new->lifetime) != CLI_OK) {
        return cli_fail(CLI_USAGE, "bad --env: production, staging, "
                        "development or testing");
    }

    strcpy(new->env, env);
    strcpy(new->scope, cli_option(args, "scim-only") ? "scim" : "");

    expires = cli_option(args, "expires-in");

    return expires ? cli_days(expires, &new->lifetime) : CLI_OK;
}


static int
cli_token_step(cli_t *cli, cli_new_t *new, const char *mode, void *data)
{
    int                  code;
    const char          *id;
    cli_record_t         rec;
    stok_user_record_t   user;

    id = data;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_decode_user(cli, id, &rec, &user);
    cli_free(&rec);

    if (code == CLI_OK) {
        strcpy(new->user, id);
        new->personal = user.kind == STOK_USER_HUMAN;
        new->owner = user.status;

        code = cli_issue_draw(cli, new);
    }

    if (code == CLI_OK) {
        code = cli_issue_script(cli, new, mode, 0, NULL);
    }

    return code;
}


int
cli_token_show(cli_t *cli, cli_args_t *args)
{
    int            code;
    json_t        *json;
    int64_t        now;
    cli_record_t   rec;

    code = cli_now(cli, &now);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_read_token(cli, args->arg[0], &rec);
    if (code != CLI_OK) {
        return code;
    }

    json = cli_json(&rec, NULL);
    cli_free(&rec);

    code = cli_token_more(cli, json, now);

    if (code == CLI_OK) {
        code = cli_usage_read(cli, args->arg[0], json);
    }

    if (code != CLI_OK) {
        json_decref(json);
        return code;
    }

    if (cli->json) {
        return cli_print_json(json);
    }

    cli_print_fields(json);

    return CLI_OK;
}


int
cli_token_revoke(cli_t *cli, cli_args_t *args)
{
    return cli_token_change(cli, args->arg[0], 1);
}


int
cli_token_restore(cli_t *cli, cli_args_t *args)
{
    return cli_token_change(cli, args->arg[0], 0);
}


static int
cli_token_change(cli_t *cli, const char *id, int revoke)
{
    int           code;
    char         *brand;
    cli_record_t  rec;

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    free(brand);
    code = cli_token_set(cli, id, revoke);

    if (code != CLI_OK || !cli->json) {
        return code;
    }

    code = cli_read_token(cli, id, &rec);
    if (code == CLI_OK) {
        cli_answer(cli, cli_json(&rec, NULL));
        cli_free(&rec);
    }

    return code;
}


int
cli_token_set(cli_t *cli, const char *id, int revoke)
{
    int  code, tries;

    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_token_change_try(cli, id, revoke);
    }

    return code;
}


static int
cli_token_change_try(cli_t *cli, const char *id, int revoke)
{
    int                   n, code;
    char                  seal[STOK_SEAL_MAX + 1];
    int64_t               now;
    const char           *field[6];
    cli_record_t          rec;
    stok_token_record_t   token;

    code = cli_now(cli, &now);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_read_token(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_decode_token(cli, id, &rec, &token);

    if (code == CLI_OK
        && token.status == (revoke ? STOK_TOKEN_REVOKED : STOK_TOKEN_ACTIVE))
    {
        code = cli_fail(CLI_REFUSED, "token \"%s\" is %s already: nothing "
                        "was changed", id, cli_get(&rec, "status"));
    }

    if (code == CLI_OK && !revoke && token.expires_at
        && token.expires_at <= now)
    {
        code = cli_fail(CLI_REFUSED, "token \"%s\" has expired: make a new "
                        "one", id);
    }

    if (code == CLI_OK) {
        n = 0;
        token.status = revoke ? STOK_TOKEN_REVOKED : STOK_TOKEN_ACTIVE;

        field[n++] = "status";
        field[n++] = revoke ? "revoked" : "active";
        field[n++] = "revoked_at";
        field[n++] = revoke ? "@now" : "0";

        if (cli_token_seal(cli, &rec, &token, seal)) {
            field[n++] = "seal";
            field[n++] = seal;
        }

        code = cli_change(cli, &rec, id, cli_get(&rec, "user"),
                          revoke ? "token.revoke" : "token.restore",
                          cli_get(&rec, "status"), field[1], n, field);
    }

    cli_free(&rec);

    return code;
}


int
cli_token_seal(cli_t *cli, cli_record_t *rec, stok_token_record_t *token,
    char seal[STOK_SEAL_MAX + 1])
{
    size_t  len;

    seal[0] = '\0';

    if (cli->keys.n == 0) {
        return 0;
    }

    len = stok_seal_token(seal, &cli->keys, rec->digest, token);
    seal[len] = '\0';

    return 1;
}
