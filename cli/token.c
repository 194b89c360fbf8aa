/*
 * token: create, show, revoke, restore.
 */


#include "cli.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    const char  *user;
    const char  *name;
    const char  *env;
    int64_t      lifetime;                       /* seconds, 0: never */
    int          scim;
} cli_new_t;


static int cli_token_options(cli_args_t *args, cli_new_t *new);
static int cli_token_try(cli_t *cli, const cli_new_t *new,
    char token[STOK_TOKEN_MAX + 1], char id[STOK_ID_LEN + 1]);
static int cli_token_random(const char *brand, stok_kind_e kind,
    char token[STOK_TOKEN_MAX + 1], char id[STOK_ID_LEN + 1]);
static int cli_token_write(cli_t *cli, const cli_new_t *new,
    const char *token, const char *id, int personal);
static int cli_token_shown(cli_t *cli, const char *token, const char *id);
static int cli_token_change(cli_t *cli, const char *id, int revoke);
static int cli_token_change_try(cli_t *cli, const char *id, int revoke);


int
cli_token_create(cli_t *cli, cli_args_t *args)
{
    int        code, tries;
    char       token[STOK_TOKEN_MAX + 1], id[STOK_ID_LEN + 1];
    cli_new_t  new;

    code = cli_token_options(args, &new);
    if (code != CLI_OK) {
        return code;
    }

    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_token_try(cli, &new, token, id);
    }

    if (code == CLI_OK) {
        if (new.lifetime == 0 && strcmp(new.env, "production") == 0) {
            cli_note("warning: a production token that never expires: "
                     "every review will find it");
        }

        code = cli_token_shown(cli, token, id);
    }

    OPENSSL_cleanse(token, sizeof(token));

    return code;
}


static int
cli_token_options(cli_args_t *args, cli_new_t *new)
{
    size_t       i;
    stok_str_t   name;
    const char  *expires;

    static const struct {
        const char  *env;
        int          days;
    } envs[] = {
        { "production", 365 }, { "staging", 180 }, { "development", 90 },
        { "testing", 30 }
    };

    new->user = cli_option(args, "user");
    new->name = cli_option(args, "name");
    new->env = cli_option(args, "env");
    new->scim = cli_option(args, "scim-only") != NULL;
    new->lifetime = -1;

    if (new->user == NULL || new->name == NULL || new->env == NULL) {
        return cli_fail(CLI_USAGE, "token create needs --user, --name and "
                        "--env");
    }

    name.data = new->name;
    name.len = strlen(new->name);

    if (stok_name_check(name) != STOK_OK) {
        return cli_fail(CLI_REFUSED, "bad --name: 1 to %d characters, none a "
                        "control character", STOK_NAME_MAX);
    }

    for (i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
        if (strcmp(new->env, envs[i].env) == 0) {
            new->lifetime = (int64_t) envs[i].days * CLI_DAY;
        }
    }

    if (new->lifetime == -1) {
        return cli_fail(CLI_USAGE, "bad --env: production, staging, "
                        "development or testing");
    }

    expires = cli_option(args, "expires-in");

    return expires ? cli_days(expires, &new->lifetime) : CLI_OK;
}


static int
cli_token_try(cli_t *cli, const cli_new_t *new,
    char token[STOK_TOKEN_MAX + 1], char id[STOK_ID_LEN + 1])
{
    int                  code, personal;
    char                *brand;
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_read_user(cli, new->user, &rec);

    if (code == CLI_OK) {
        code = cli_decode_user(cli, new->user, &rec, &user);
        personal = user.kind == STOK_USER_HUMAN;

        if (code == CLI_OK) {
            code = cli_token_random(brand[0] ? brand : "stk",
                                    new->scim ? STOK_KIND_SCIM
                                    : personal ? STOK_KIND_PAT
                                               : STOK_KIND_SVC, token, id);
        }

        if (code == CLI_OK) {
            code = cli_token_write(cli, new, token, id, personal);
        }

        if (code == CLI_OK && user.status != STOK_USER_ACTIVE) {
            cli_note("note: the user is %s: the token is refused until it "
                     "is active", stok_user_status_name(user.status).data);
        }

        cli_free(&rec);
    }

    free(brand);

    return code;
}


static int
cli_token_random(const char *brand, stok_kind_e kind,
    char token[STOK_TOKEN_MAX + 1], char id[STOK_ID_LEN + 1])
{
    int      rc;
    size_t   len;
    uint8_t  random[2][STOK_TOKEN_RANDOM];

    do {
        if (RAND_bytes(random[0], sizeof(random)) != 1) {
            return cli_fail(CLI_UNAVAILABLE, "no random numbers");
        }

        rc = stok_token_make(brand, strlen(brand), kind, random[0], token,
                             &len);

        if (rc == STOK_OK) {
            rc = stok_id_make(random[1], id);
        }

    } while (rc == STOK_ERROR);

    OPENSSL_cleanse(random, sizeof(random));

    if (rc != STOK_OK) {
        return cli_fail(CLI_REFUSED, "the dataset's brand \"%s\" is no brand",
                        brand);
    }

    token[len] = '\0';
    id[STOK_ID_LEN] = '\0';

    return CLI_OK;
}


static int
cli_token_write(cli_t *cli, const cli_new_t *new, const char *token,
    const char *id, int personal)
{
    int                   code;
    char                  hex[STOK_DIGEST_HEX + 1], seal[STOK_SEAL_MAX + 1];
    char                  expires[24], *word;
    size_t                len;
    int64_t               now;
    uint8_t               digest[STOK_DIGEST_LEN];
    const char           *arg[9];
    stok_token_record_t   rec;

    code = cli_now(cli, &now);
    if (code != CLI_OK) {
        return code;
    }

    stok_digest(cli->keys.n ? &cli->keys.key[0] : NULL, token, strlen(token),
                digest);
    stok_digest_hex(digest, hex);
    hex[STOK_DIGEST_HEX] = '\0';

    memset(&rec, 0, sizeof(rec));
    rec.id.data = id;
    rec.id.len = STOK_ID_LEN;
    rec.user.data = new->user;
    rec.user.len = strlen(new->user);
    rec.name.data = new->name;
    rec.name.len = strlen(new->name);
    rec.scope.data = new->scim ? "scim" : "";
    rec.scope.len = strlen(rec.scope.data);
    rec.type = personal ? STOK_TYPE_PERSONAL : STOK_TYPE_SERVICE;
    rec.status = STOK_TOKEN_ACTIVE;
    rec.expires_at = new->lifetime ? now + new->lifetime : 0;

    snprintf(expires, sizeof(expires), "%lld", (long long) rec.expires_at);

    seal[0] = '\0';

    if (cli->keys.n) {
        len = stok_seal_token(seal, &cli->keys.key[0], digest, &rec);
        seal[len] = '\0';
    }

    arg[0] = hex;
    arg[1] = id;
    arg[2] = new->user;
    arg[3] = new->name;
    arg[4] = stok_type_name(rec.type).data;
    arg[5] = rec.scope.data;
    arg[6] = new->env;
    arg[7] = expires;
    arg[8] = seal;

    code = cli_script(cli, stok_script_token_create, 9, arg, &word);
    free(word);

    return code;
}


/* the only time that the clear token is shown */

static int
cli_token_shown(cli_t *cli, const char *token, const char *id)
{
    int            code;
    char          *text;
    json_t        *json;
    cli_record_t   rec;

    if (cli->json) {
        code = cli_read_token(cli, id, &rec);
        if (code != CLI_OK) {
            return code;
        }

        json = cli_json(&rec, NULL);
        cli_free(&rec);

        json_object_set_new(json, "token", json_string(token));
        text = json_dumps(json, JSON_INDENT(2));
        json_decref(json);

        if (text) {
            printf("%s\n", text);
            OPENSSL_cleanse(text, strlen(text));
            free(text);
        }

    } else {
        printf("%s\n", token);
    }

    if (fflush(stdout) != 0 || ferror(stdout)) {
        clearerr(stdout);
        return cli_fail(CLI_REFUSED, "token %s was made but could not be "
                        "shown: revoke and delete it", id);
    }

    if (!cli->json) {
        cli_note("%s", id);
    }

    return CLI_OK;
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

    len = stok_seal_token(seal, &cli->keys.key[0], rec->digest, token);
    seal[len] = '\0';

    return 1;
}
