/*
 * A new token: of token create, and of token rotate.
 *
 * Nobody can be shown a token again, so the order is: check, deliver, write.
 * First all that may be refused is checked, in Redis too, and nothing is
 * changed.  Then the clear token leaves, to standard output or to a file.
 * Only then one script makes it, and with it hands a predecessor over.
 *
 * So a failure or a kill at any moment leaves one of two states: nothing was
 * changed, and a predecessor is as it was; or all is made, and the clear token
 * is where it was asked for.  The other order could shorten a predecessor's
 * life for a successor that nobody has.  The price: when the last step fails,
 * what was delivered is no token.  It lets nobody in, the exit code and a line
 * say so, and a file is taken away again.
 */


#include "issue.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_issue_steps(cli_t *cli, cli_new_t *new, const char *mode,
    cli_issue_step_pt step, void *data);
static int cli_issue_random(cli_new_t *new, stok_kind_e kind);
static int cli_issue_write(cli_t *cli, cli_new_t *new, cli_issue_step_pt step,
    void *data);
static void cli_issue_warn(cli_new_t *new);


int
cli_issue_lifetime(const char *env, int64_t *seconds)
{
    size_t  i;

    static const struct {
        const char  *env;
        int          days;
    } envs[] = {
        { "production", 365 }, { "staging", 180 }, { "development", 90 },
        { "testing", 30 }
    };

    for (i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
        if (strcmp(env, envs[i].env) == 0) {
            *seconds = (int64_t) envs[i].days * CLI_DAY;
            return CLI_OK;
        }
    }

    return CLI_REFUSED;
}


/* a name that is given, and how the token leaves */

int
cli_issue_options(cli_t *cli, cli_args_t *args, cli_new_t *new)
{
    stok_str_t   name;
    const char  *given;

    given = cli_option(args, "name");

    if (given) {
        name.data = given;
        name.len = strlen(given);

        if (stok_name_check(name) != STOK_OK) {
            return cli_fail(CLI_REFUSED, "bad --name: 1 to %d characters, "
                            "none a control character", STOK_NAME_MAX);
        }

        memcpy(new->name, given, name.len + 1);
    }

    return cli_deliver_options(cli, args, new);
}


int
cli_issue(cli_t *cli, cli_new_t *new, cli_issue_step_pt step, void *data)
{
    int  code;

    code = cli_meta(cli, "brand", &new->brand);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_issue_steps(cli, new, new->choose ? "name" : "check", step,
                           data);

    if (code == CLI_OK) {
        code = cli_deliver(cli, new);
    }

    if (code == CLI_OK) {
        code = cli_issue_write(cli, new, step, data);
    }

    if (code == CLI_OK) {
        cli_issue_warn(new);
    }

    free(new->brand);
    OPENSSL_cleanse(new->token, sizeof(new->token));

    return code;
}


static int
cli_issue_write(cli_t *cli, cli_new_t *new, cli_issue_step_pt step,
    void *data)
{
    int  code;

    cli_hint("what was shown or written is no token, unless "
             "\"token show %s\" finds it", new->id);

    code = cli_issue_steps(cli, new, "write", step, data);

    if (code == CLI_CHANGED) {
        code = cli_fail(CLI_REFUSED, "the record keeps changing");
    }

    cli_hint(NULL);

    if (code == CLI_OK) {
        cli_deliver_done(cli, new);

    } else {
        cli_deliver_undo(cli, new, code);
    }

    return code;
}


static void
cli_issue_warn(cli_new_t *new)
{
    if (new->lifetime == 0 && strcmp(new->env, "production") == 0) {
        cli_note("warning: a production token that never expires: "
                 "every review will find it");
    }

    if (new->owner != STOK_USER_ACTIVE) {
        cli_note("note: the user is %s: the token is refused until it "
                 "is active", stok_user_status_name(new->owner).data);
    }
}


static int
cli_issue_steps(cli_t *cli, cli_new_t *new, const char *mode,
    cli_issue_step_pt step, void *data)
{
    int  code, tries;

    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = step(cli, new, mode, data);
    }

    return code;
}


/* token, id, digest and dates: the first time only */

int
cli_issue_draw(cli_t *cli, cli_new_t *new)
{
    int  code;

    if (new->created_at) {
        return CLI_OK;
    }

    code = cli_issue_random(new, new->scope[0] ? STOK_KIND_SCIM
                                 : new->personal ? STOK_KIND_PAT
                                                 : STOK_KIND_SVC);

    if (code == CLI_OK) {
        stok_digest(cli->keys.n ? &cli->keys.key[0] : NULL, new->token,
                    strlen(new->token), new->digest);
        code = cli_now(cli, &new->created_at);
    }

    if (code == CLI_OK) {
        new->expires_at = new->lifetime ? new->created_at + new->lifetime : 0;
    }

    return code;
}


static int
cli_issue_random(cli_new_t *new, stok_kind_e kind)
{
    int          rc;
    size_t       len;
    uint8_t      random[2][STOK_TOKEN_RANDOM];
    const char  *brand;

    brand = new->brand[0] ? new->brand : "stk";

    do {
        if (RAND_bytes(random[0], sizeof(random)) != 1) {
            return cli_fail(CLI_UNAVAILABLE, "no random numbers");
        }

        rc = stok_token_make(brand, strlen(brand), kind, random[0],
                             new->token, &len);

        if (rc == STOK_OK) {
            rc = stok_id_make(random[1], new->id);
        }

    } while (rc == STOK_ERROR);

    OPENSSL_cleanse(random, sizeof(random));

    if (rc != STOK_OK) {
        return cli_fail(CLI_REFUSED, "the dataset's brand \"%s\" is no brand",
                        brand);
    }

    new->token[len] = '\0';
    new->id[STOK_ID_LEN] = '\0';

    return CLI_OK;
}


/* more: n arguments that say what becomes of a predecessor */

int
cli_issue_script(cli_t *cli, cli_new_t *new, const char *mode, int n,
    const char **more)
{
    int                   i, code;
    char                  hex[STOK_DIGEST_HEX + 1], seal[STOK_SEAL_MAX + 1];
    char                  created[24], expires[24], *word;
    cli_record_t          made;
    const char           *arg[16 + 2 * CLI_FIELDS];
    stok_token_record_t   rec;

    stok_digest_hex(new->digest, hex);
    hex[STOK_DIGEST_HEX] = '\0';

    memset(&rec, 0, sizeof(rec));
    rec.id.data = new->id;
    rec.id.len = STOK_ID_LEN;
    rec.user.data = new->user;
    rec.user.len = strlen(new->user);
    rec.name.data = new->name;
    rec.name.len = strlen(new->name);
    rec.scope.data = new->scope;
    rec.scope.len = strlen(new->scope);
    rec.env.data = new->env;
    rec.env.len = strlen(new->env);
    rec.type = new->personal ? STOK_TYPE_PERSONAL : STOK_TYPE_SERVICE;
    rec.status = STOK_TOKEN_ACTIVE;
    rec.expires_at = new->expires_at;

    snprintf(created, sizeof(created), "%lld", (long long) new->created_at);
    snprintf(expires, sizeof(expires), "%lld", (long long) new->expires_at);

    memcpy(made.digest, new->digest, sizeof(made.digest));
    (void) cli_token_seal(cli, &made, &rec, seal);

    arg[0] = mode;
    arg[1] = hex;
    arg[2] = new->id;
    arg[3] = new->user;
    arg[4] = new->name;
    arg[5] = stok_type_name(rec.type).data;
    arg[6] = new->scope;
    arg[7] = new->env;
    arg[8] = created;
    arg[9] = expires;
    arg[10] = seal;

    for (i = 0; i < n; i++) {
        arg[11 + i] = more[i];
    }

    code = cli_script(cli, stok_script_token_create, 11 + n, arg, &word);

    if (code == CLI_OK) {
        snprintf(new->name, sizeof(new->name), "%s", word);
        free(word);
    }

    return code;
}
