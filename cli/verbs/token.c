/*
 * The verbs of token, and check.
 */


#include "deliver.h"
#include "rows.h"

#include <openssl/crypto.h>
#include <string.h>


static const cli_field_t  cli_token_fields[] = {
    { .name = "id", .column = { "ID", 20, 0 } },
    { .name = "user", .column = { "USER", 10, 1 } },
    { .name = "name", .column = { "NAME", 8, 3 } },
    { .name = "type", .wide = 1, .column = { "TYPE", 8, 9 } },
    { .name = "scope", .wide = 1, .column = { "SCOPE", 5, 8 } },
    { .name = "env", .column = { "ENV", 4, 2 } },
    { .name = "state", .column = { "STATE", 7, 6 } },
    { .name = "created_at", .wide = 1, .column = { "CREATED", 10, 10 } },
    { .name = "created_by", .wide = 1, .column = { "CREATED BY", 10, 11 } },
    { .name = "expires_at", .none = "never",
      .column = { "EXPIRES", 10, 5 } },
    { .name = "last_used", .none = "never", .column = { "LAST USED", 5, 4 } },
    { .name = "revoked_at", .wide = 1, .column = { "REVOKED", 10, 12 } },
    { .name = "rotated_from", .wide = 1,
      .column = { "ROTATED FROM", 12, 13 } },
    { .name = "rotated_to", .wide = 1, .column = { "ROTATED TO", 12, 14 } },
    { .name = "networks", .wide = 1, .column = { "NETWORKS", 8, 15 } },
    { .name = "rate", .wide = 1, .column = { "RATE", 4, 16 } },
};


static int cli_token_confirm(cli_t *cli, cli_args_t *args);
static int cli_check_print(cli_t *cli, json_t *answer);


int
cli_token_create(cli_t *cli, cli_args_t *args)
{
    int              code;
    cli_out_t        out;
    ctl_deliver_t    deliver;
    ctl_token_new_t  new;

    memset(&new, 0, sizeof(new));
    new.user = cli_option(args, "user");
    new.name = cli_option(args, "name");
    new.env = cli_option(args, "env");
    new.expires_in = cli_option(args, "expires-in");
    new.scim = cli_option(args, "scim-only") != NULL;

    if (new.user == NULL || new.name == NULL || new.env == NULL) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "token create needs --user, "
                        "--name and --env");
    }

    code = cli_deliver_options(cli, args, &new, &out, &deliver);

    return code == CTL_OK ? ctl_token_create(&cli->ctl, &new, &deliver)
                          : code;
}


/* of create and rotate: how the token is delivered */

int
cli_token_new_check(cli_t *cli, cli_args_t *args)
{
    int              code;
    cli_out_t        out;
    ctl_deliver_t    deliver;
    ctl_token_new_t  new;

    memset(&new, 0, sizeof(new));
    code = cli_deliver_options(cli, args, &new, &out, &deliver);

    return code == CTL_OK ? ctl_secret_check(&cli->ctl, &new) : code;
}


int
cli_token_rotate(cli_t *cli, cli_args_t *args)
{
    int              code;
    cli_out_t        out;
    ctl_deliver_t    deliver;
    ctl_token_new_t  new;

    memset(&new, 0, sizeof(new));
    new.name = cli_option(args, "name");
    new.expires_in = cli_option(args, "expires-in");
    new.overlap = cli_option(args, "overlap");

    code = cli_deliver_options(cli, args, &new, &out, &deliver);

    if (code == CTL_OK) {
        code = ctl_token_rotate(&cli->ctl, args->arg[0], &new, &deliver);
    }

    return cli_changed(cli, code, cli->json && cli->ctl.dry
                                  ? json_pack("{s:s}", "rotated_from",
                                              args->arg[0])
                                  : NULL);
}


int
cli_token_list(cli_t *cli, cli_args_t *args)
{
    int              code;
    cli_rows_t       rows;
    ctl_list_want_t  want;

    memset(&want, 0, sizeof(want));
    want.user = cli_option(args, "user");
    want.env = cli_option(args, "env");
    want.type = cli_option(args, "type");
    want.state = cli_option(args, "state");
    want.expiring = cli_option(args, "expiring");
    want.unused = cli_option(args, "unused");
    want.sort = cli_option(args, "sort");
    want.limit = cli_option(args, "limit");

    if (want.state == NULL) {
        want.state = cli_option(args, "status");
    }

    code = cli_rows_init(&rows, cli, args, cli_token_fields,
                         sizeof(cli_token_fields)
                         / sizeof(cli_token_fields[0]));

    if (code == CTL_OK) {
        code = ctl_token_list(&cli->ctl, &want, cli_rows_add, &rows);
    }

    return cli_rows_done(&rows, code);
}


int
cli_token_show(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *token;

    code = ctl_token_get(&cli->ctl, args->arg[0], &token);

    return code == CTL_OK ? cli_print_record(cli, token) : code;
}


int
cli_token_revoke(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *token;

    token = NULL;
    code = ctl_token_revoke(&cli->ctl, args->arg[0],
                            cli->json ? &token : NULL);

    return cli_changed(cli, code, token);
}


int
cli_token_restore(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *token;

    token = NULL;
    code = ctl_token_restore(&cli->ctl, args->arg[0],
                             cli->json ? &token : NULL);

    return cli_changed(cli, code, token);
}


int
cli_token_delete(cli_t *cli, cli_args_t *args)
{
    int      code, force;
    json_t  *json;

    force = cli_option(args, "force") != NULL;
    code = force ? cli_token_confirm(cli, args) : CTL_OK;

    if (code == CTL_OK) {
        code = ctl_token_delete(&cli->ctl, args->arg[0], force);
    }

    json = code == CTL_OK && cli->json
           ? json_pack("{s:s, s:b}", "id", args->arg[0], "deleted",
                       !cli->ctl.dry)
           : NULL;

    return cli_changed(cli, code, json);
}


/* what is still watched, and by which name people know it */

static int
cli_token_confirm(cli_t *cli, cli_args_t *args)
{
    int          code;
    json_t      *token;
    const char  *id;

    if (!cli_confirm_asks(cli, args)) {
        return CTL_OK;
    }

    id = args->arg[0];

    code = ctl_token_get(&cli->ctl, id, &token);
    if (code != CTL_OK) {
        return code;
    }

    code = cli_confirm(cli, args, id, "This deletes %s (%s) of %s, whether or "
                       "not somebody still tries it.", id,
                       ctl_text(token, "name"), ctl_text(token, "user"));
    json_decref(token);

    return code;
}


int
cli_token_extend(cli_t *cli, cli_args_t *args)
{
    int          code;
    json_t      *token;
    const char  *expires_in;

    expires_in = cli_option(args, "expires-in");

    if (expires_in == NULL) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "token extend needs "
                        "--expires-in");
    }

    token = NULL;
    code = ctl_token_extend(&cli->ctl, args->arg[0], expires_in,
                            cli->json ? &token : NULL);

    return cli_changed(cli, code, token);
}


int
cli_check(cli_t *cli, cli_args_t *args)
{
    int               code, rc;
    json_t           *answer;
    stok_require_t    require;
    cli_plaintext_t   plaintext;

    answer = NULL;

    code = ctl_check_require(&cli->ctl, cli_option(args, "role"),
                             cli_option(args, "scope"),
                             cli_option(args, "type"), &require);
    if (code != CTL_OK) {
        return code;
    }

    code = cli_plaintext_input(cli, &plaintext);

    if (code == CTL_OK) {
        code = ctl_check(&cli->ctl, plaintext.text, plaintext.len, &require,
                         &answer);
    }

    OPENSSL_cleanse(&plaintext, sizeof(plaintext));

    rc = answer ? cli_check_print(cli, answer) : CTL_OK;

    return rc == CTL_OK ? code : rc;
}


static int
cli_check_print(cli_t *cli, json_t *answer)
{
    size_t       i;
    const char  *text;

    static const char  *fields[] = { "id", "user", "role" };

    if (cli->json) {
        return cli_print_json(cli, answer);
    }

    cli_say("%s", ctl_text(answer, "verdict"));

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        text = ctl_text(answer, fields[i]);

        if (text[0]) {
            cli_say(" ");
            cli_safe(text);
        }
    }

    cli_say("\n");
    json_decref(answer);

    return cli_flush(cli);
}
