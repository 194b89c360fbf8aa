/*
 * The verbs of user, and of approval.
 */


#include "rows.h"

#include <stdio.h>
#include <string.h>


static const cli_field_t  cli_user_fields[] = {
    { .name = "id", .column = { "ID", 20, 20 } },
    { .name = "kind", .wide = 1, .column = { "TYPE", 7, 6 } },
    { .name = "name", .wide = 1, .column = { "NAME", 8, 4 } },
    { .name = "role", .column = { "ROLE", 7, 2 } },
    { .name = "state", .column = { "STATE", 8, 3 } },
    { .name = "owner", .column = { "OWNER", 8, 1 } },
    { .name = "purpose", .wide = 1, .column = { "PURPOSE", 8, 5 } },
    { .name = "use_case", .wide = 1, .column = { "USE CASE", 8, 7 } },
    { .name = "created_at", .wide = 1, .column = { "CREATED", 10, 8 } },
    { .name = "created_by", .wide = 1, .column = { "CREATED BY", 10, 9 } },
};


static void cli_user_new(cli_args_t *args, ctl_user_new_t *new);
static int cli_approval_print(cli_t *cli, json_t *now);


int
cli_user_create(cli_t *cli, cli_args_t *args)
{
    int             code;
    json_t         *user;
    ctl_user_new_t  new;

    cli_user_new(args, &new);

    user = NULL;
    code = ctl_user_create(&cli->ctl, &new, cli->json ? &user : NULL);

    if (code == CTL_OK && !cli->json) {
        cli_say("%s\n", new.id);
    }

    return cli_changed(cli, code, user);
}


int
cli_user_create_check(cli_t *cli, cli_args_t *args)
{
    ctl_user_new_t  new;

    cli_user_new(args, &new);

    return ctl_user_create_check(&cli->ctl, &new);
}


static void
cli_user_new(cli_args_t *args, ctl_user_new_t *new)
{
    new->name = args->arg[0];
    new->purpose = cli_option(args, "purpose");
    new->owner = cli_option(args, "owner");
    new->role = cli_option(args, "role");
    new->use_case = cli_option(args, "use-case");
    new->human = cli_option(args, "human") != NULL;
}


int
cli_user_list(cli_t *cli, cli_args_t *args)
{
    int              code;
    cli_rows_t       rows;
    ctl_list_want_t  want;

    memset(&want, 0, sizeof(want));
    want.role = cli_option(args, "role");
    want.type = cli_option(args, "type");
    want.state = cli_option(args, "state");
    want.sort = cli_option(args, "sort");
    want.limit = cli_option(args, "limit");

    code = cli_rows_init(&rows, cli, args, cli_user_fields,
                         sizeof(cli_user_fields)
                         / sizeof(cli_user_fields[0]));

    if (code == CTL_OK) {
        code = ctl_user_list(&cli->ctl, &want, cli_rows_add, &rows);
    }

    return cli_rows_done(&rows, code);
}


int
cli_user_show(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    code = ctl_user_get(&cli->ctl, args->arg[0], &user);

    return code == CTL_OK ? cli_print_record(cli, user) : code;
}


int
cli_user_approve(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_approve(&cli->ctl, args->arg[0], cli->json ? &user : NULL);

    return cli_changed(cli, code, user);
}


int
cli_user_disable(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_disable(&cli->ctl, args->arg[0], cli->json ? &user : NULL);

    return cli_changed(cli, code, user);
}


int
cli_user_enable(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_enable(&cli->ctl, args->arg[0], cli->json ? &user : NULL);

    return cli_changed(cli, code, user);
}


int
cli_user_delete(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = cli_confirm_user(cli, args, "deletes", "");

    if (code == CTL_OK) {
        code = ctl_user_delete(&cli->ctl, args->arg[0],
                               cli->json ? &user : NULL);
    }

    return cli_changed(cli, code, user);
}


int
cli_user_set_role(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_set_role(&cli->ctl, args->arg[0], args->arg[1],
                             cli->json ? &user : NULL);

    return cli_changed(cli, code, user);
}


int
cli_user_describe(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_describe(&cli->ctl, args->arg[0],
                             cli_option(args, "purpose"),
                             cli_option(args, "owner"),
                             cli->json ? &user : NULL);

    return cli_changed(cli, code, user);
}


int
cli_user_describe_check(cli_t *cli, cli_args_t *args)
{
    return ctl_user_describe_check(&cli->ctl, cli_option(args, "purpose"),
                                   cli_option(args, "owner"));
}


int
cli_user_revoke_all(cli_t *cli, cli_args_t *args)
{
    int            code;
    json_t        *json;
    ctl_effect_t   done;

    code = cli_confirm_user(cli, args, "revokes all tokens of", "");

    if (code == CTL_OK) {
        cli_progress_begin(cli);
        code = ctl_user_revoke_all(&cli->ctl, args->arg[0], &done);
        cli_progress_end(cli);
    }

    json = code == CTL_OK && cli->json
           ? json_pack("{s:s, s:I}", "user", args->arg[0], "revoked",
                       (json_int_t) done.active)
           : NULL;

    return cli_changed(cli, code, json);
}


int
cli_approval_show(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *now;

    (void) args;

    code = ctl_approval_get(&cli->ctl, &now);

    return code == CTL_OK ? cli_approval_print(cli, now) : code;
}


int
cli_approval_set(cli_t *cli, cli_args_t *args)
{
    int      code;
    json_t  *now;

    code = ctl_approval_set(&cli->ctl, args->arg[0],
                            cli_option(args, "trust"), &now);

    return code == CTL_OK ? cli_approval_print(cli, now) : code;
}


static int
cli_approval_print(cli_t *cli, json_t *now)
{
    if (cli->json) {
        return cli_print_json(cli, now);
    }

    cli_say("approval %s, people are told apart by: %s\n",
            ctl_text(now, "approval"), ctl_text(now, "trust"));
    json_decref(now);

    return CTL_OK;
}
