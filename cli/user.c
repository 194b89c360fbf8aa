/*
 * user: service users and people, their roles and states.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* a change of one field, as a verb asks for it */
typedef struct {
    const char  *action;
    const char  *from[4];                        /* states it goes from */
    const char  *to;                             /* NULL: the state stays */
    const char  *role;                           /* NULL: the role stays */
    int          other;                          /* not by the creator */
} cli_user_change_t;


static int cli_user_role(cli_t *cli, cli_args_t *args, const char **role);
static int cli_user_identity(cli_args_t *args, char id[STOK_USER_ID_MAX + 1]);
static int cli_user_text(cli_args_t *args, const char *name);
static int cli_user_new(cli_t *cli, cli_args_t *args, const char *id,
    const char *role);
static int cli_user_change(cli_t *cli, const char *id,
    const cli_user_change_t *change);
static int cli_user_try(cli_t *cli, const char *id,
    const cli_user_change_t *change);
static void cli_user_seal(cli_t *cli, const char *id, stok_user_record_t *user,
    const cli_user_change_t *change, char seal[STOK_SEAL_MAX + 1]);


int
cli_user_create(cli_t *cli, cli_args_t *args)
{
    int           code, tries;
    char          id[STOK_USER_ID_MAX + 1];
    const char   *role, *why;
    cli_record_t  rec;

    code = cli_user_role(cli, args, &role);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_user_identity(args, id);
    if (code != CLI_OK) {
        return code;
    }

    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_user_new(cli, args, id, role);
    }

    if (code != CLI_OK) {
        return code;
    }

    why = cli_option(args, "human") ? NULL : cli_name_lint(id);

    if (why) {
        cli_note("warning: the name is %s: say what it does, "
                 "as in pipeline_automation", why);
    }

    if (!cli->json) {
        printf("%s\n", id);
        return CLI_OK;
    }

    code = cli_read_user(cli, id, &rec);
    if (code == CLI_OK) {
        cli_answer(cli, cli_json(&rec, id));
        cli_free(&rec);
    }

    return code;
}


static int
cli_user_role(cli_t *cli, cli_args_t *args, const char **role)
{
    size_t       i;
    stok_str_t   name;
    const char  *use;

    static char         lowest[STOK_ROLE_MAX + 1];
    static const char  *uses[][2] = {
        { "catalog-sync", "manager" }, { "pipeline", "manager" },
        { "cli", "manager" }, { "read-only-api", "member" },
        { "bi", "member" }, { "platform", "admin" }
    };

    *role = cli_option(args, "role");
    use = cli_option(args, "use-case");

    if (*role && use) {
        return cli_fail(CLI_USAGE, "give --role or --use-case, not both");
    }

    if (use) {
        for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
            if (strcmp(use, uses[i][0]) == 0) {
                *role = uses[i][1];
            }
        }

        if (*role == NULL) {
            return cli_fail(CLI_USAGE, "bad --use-case: catalog-sync, "
                            "pipeline, cli, read-only-api, bi or platform");
        }
    }

    if (*role == NULL) {
        *role = cli->role_names;
    }

    name.data = *role;
    name.len = *role == cli->role_names ? cli->roles.name[0].len
                                        : strlen(*role);

    if (*role == cli->role_names) {
        name = cli->roles.name[0];
        snprintf(lowest, sizeof(lowest), "%.*s", (int) name.len, name.data);
        *role = lowest;
    }

    if (stok_role_rank(&cli->roles, name) < 0) {
        return cli_fail(CLI_USAGE, "no role \"%s\": the roles are %s",
                        *role, cli->role_names);
    }

    return CLI_OK;
}


static int
cli_user_identity(cli_args_t *args, char id[STOK_USER_ID_MAX + 1])
{
    stok_str_t   text;
    const char  *at;

    text.data = args->arg[0];
    text.len = strlen(args->arg[0]);

    if (stok_name_check(text) != STOK_OK) {
        return cli_fail(CLI_REFUSED, "bad name: 1 to %d characters, none a "
                        "control character", STOK_NAME_MAX);
    }

    if (cli_option(args, "human")) {
        at = strchr(text.data, '@');

        if (stok_user_id_check(text) != STOK_OK || at == NULL
            || at == text.data || at[1] == '\0' || strchr(at + 1, '@')
            || strcmp(at, "@service") == 0)
        {
            return cli_fail(CLI_REFUSED, "the name of a human is an e-mail "
                            "address");
        }

        memcpy(id, text.data, text.len + 1);

    } else if (cli_user_id(text.data, id) != CLI_OK) {
        return CLI_REFUSED;
    }

    return cli_user_text(args, "purpose") != CLI_OK
           || cli_user_text(args, "owner") != CLI_OK
           ? CLI_USAGE : CLI_OK;
}


/* purpose or owner: a service user has to have both */

static int
cli_user_text(cli_args_t *args, const char *name)
{
    int          blank;
    const char  *text, *p;

    text = cli_option(args, name);
    blank = 1;

    for (p = text; p && *p; p++) {

        if ((unsigned char) *p < ' ' || *p == 127) {
            return cli_fail(CLI_USAGE, "--%s has a control character", name);
        }

        blank &= *p == ' ';
    }

    if (blank && !cli_option(args, "human")) {
        return cli_fail(CLI_USAGE, "a service user needs --purpose and "
                        "--owner");
    }

    if (text && strlen(text) > STOK_TEXT_MAX) {
        return cli_fail(CLI_USAGE, "--%s has %d bytes at most", name,
                        STOK_TEXT_MAX);
    }

    return CLI_OK;
}


static int
cli_user_new(cli_t *cli, cli_args_t *args, const char *id, const char *role)
{
    int                  code, human;
    char                 seal[STOK_SEAL_MAX + 1], *approval, *word;
    size_t               len;
    stok_str_t           text;
    const char          *arg[9];
    stok_user_record_t   user;

    code = cli_meta(cli, "approval", &approval);
    if (code != CLI_OK) {
        return code;
    }

    human = cli_option(args, "human") != NULL;

    memset(&user, 0, sizeof(user));
    user.kind = human ? STOK_USER_HUMAN : STOK_USER_SERVICE;
    user.status = (!human && strcmp(approval, "required") == 0)
                  ? STOK_USER_PENDING : STOK_USER_ACTIVE;
    user.name.data = args->arg[0];
    user.name.len = strlen(args->arg[0]);
    user.role.data = role;
    user.role.len = strlen(role);

    seal[0] = '\0';

    if (cli->keys.n) {
        text.data = id;
        text.len = strlen(id);
        len = stok_seal_user(seal, &cli->keys, text, &user);
        seal[len] = '\0';
    }

    arg[0] = id;
    arg[1] = stok_user_kind_name(user.kind).data;
    arg[2] = args->arg[0];
    arg[3] = role;
    arg[4] = stok_user_status_name(user.status).data;
    arg[5] = cli_option(args, "purpose") ? cli_option(args, "purpose") : "";
    arg[6] = cli_option(args, "owner") ? cli_option(args, "owner") : "";
    arg[7] = seal;
    arg[8] = approval;

    code = cli_script(cli, stok_script_user_create, 9, arg, &word);

    if (code == CLI_OK && user.status == STOK_USER_PENDING) {
        cli_note("note: the user is pending: another admin has to run "
                 "service-token user approve %s", id);
    }

    free(word);
    free(approval);

    return code;
}


int
cli_user_approve(cli_t *cli, cli_args_t *args)
{
    static const cli_user_change_t  change = {
        "user.approve", { "pending" }, "active", NULL, 1
    };

    return cli_user_change(cli, args->arg[0], &change);
}


int
cli_user_disable(cli_t *cli, cli_args_t *args)
{
    static const cli_user_change_t  change = {
        "user.disable", { "active" }, "disabled", NULL, 0
    };

    return cli_user_change(cli, args->arg[0], &change);
}


int
cli_user_enable(cli_t *cli, cli_args_t *args)
{
    static const cli_user_change_t  change = {
        "user.enable", { "disabled" }, "active", NULL, 0
    };

    return cli_user_change(cli, args->arg[0], &change);
}


int
cli_user_delete(cli_t *cli, cli_args_t *args)
{
    static const cli_user_change_t  change = {
        "user.delete", { "pending", "active", "disabled" }, "deleted", NULL, 0
    };

    int          code;
    redisReply  *reply;

    code = cli_user_change(cli, args->arg[0], &change);

    if (code == CLI_OK) {
        code = cli_command(cli, &reply, "SCARD %suser-tokens:%s", cli->prefix,
                           args->arg[0]);

        if (code == CLI_OK) {
            if (reply->integer) {
                cli_note("note: %lld of its tokens are orphaned: they are "
                         "refused, and every review finds them",
                         reply->integer);
            }

            freeReplyObject(reply);
        }
    }

    return code;
}


int
cli_user_set_role(cli_t *cli, cli_args_t *args)
{
    stok_str_t         role;
    cli_user_change_t  change = {
        "user.set-role", { "pending", "active", "disabled" }, NULL, NULL, 0
    };

    role.data = args->arg[1];
    role.len = strlen(args->arg[1]);

    if (stok_role_rank(&cli->roles, role) < 0) {
        return cli_fail(CLI_USAGE, "no role \"%s\": the roles are %s",
                        args->arg[1], cli->role_names);
    }

    change.role = args->arg[1];

    return cli_user_change(cli, args->arg[0], &change);
}


/* purpose and owner decide nothing: no seal is over them */

int
cli_user_describe(cli_t *cli, cli_args_t *args)
{
    int           i, n, code, tries;
    char          before[2 * STOK_TEXT_MAX + 4];
    char          after[2 * STOK_TEXT_MAX + 4];
    const char   *field[4], *text[2];
    cli_record_t  rec;

    static const char  *names[] = { "purpose", "owner" };

    for (i = 0, n = 0; i < 2; i++) {
        text[i] = cli_option(args, names[i]);

        if (text[i]) {
            field[n++] = names[i];
            field[n++] = text[i];
        }

        if (text[i]
            && (text[i][0] == '\0' || strlen(text[i]) > STOK_TEXT_MAX))
        {
            return cli_fail(CLI_USAGE, "--purpose and --owner have 1 to %d "
                            "bytes", STOK_TEXT_MAX);
        }
    }

    if (n == 0) {
        return cli_fail(CLI_USAGE, "give --purpose, --owner or both");
    }

    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_read_user(cli, args->arg[0], &rec);
        if (code != CLI_OK) {
            return code;
        }

        snprintf(before, sizeof(before), "%.*s%s%.*s",
                 text[0] ? STOK_TEXT_MAX : 0, cli_get(&rec, "purpose"),
                 text[0] && text[1] ? ", " : "",
                 text[1] ? STOK_TEXT_MAX : 0, cli_get(&rec, "owner"));
        snprintf(after, sizeof(after), "%s%s%s", text[0] ? text[0] : "",
                 text[0] && text[1] ? ", " : "", text[1] ? text[1] : "");

        code = cli_change(cli, &rec, "", args->arg[0], "user.describe",
                          before, after, n, field);
        cli_free(&rec);
    }

    if (code != CLI_OK || !cli->json) {
        return code;
    }

    code = cli_read_user(cli, args->arg[0], &rec);
    if (code == CLI_OK) {
        cli_answer(cli, cli_json(&rec, args->arg[0]));
        cli_free(&rec);
    }

    return code;
}


static int
cli_user_change(cli_t *cli, const char *id, const cli_user_change_t *change)
{
    int           code, tries;
    char         *brand;
    cli_record_t  rec;

    code = cli_meta(cli, "brand", &brand);
    if (code != CLI_OK) {
        return code;
    }

    free(brand);
    code = CLI_CHANGED;

    for (tries = 0; code == CLI_CHANGED && tries < CLI_TRIES; tries++) {
        code = cli_user_try(cli, id, change);
    }

    if (code != CLI_OK || !cli->json) {
        return code;
    }

    code = cli_read_user(cli, id, &rec);
    if (code == CLI_OK) {
        cli_answer(cli, cli_json(&rec, id));
        cli_free(&rec);
    }

    return code;
}


static int
cli_user_try(cli_t *cli, const char *id, const cli_user_change_t *change)
{
    int                  i, n, code, found;
    char                 seal[STOK_SEAL_MAX + 1];
    char                 both[STOK_TEXT_MAX + 64];
    const char          *status, *field[6], *before, *after;
    cli_record_t         rec;
    stok_user_record_t   user;

    code = cli_read_user(cli, id, &rec);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_decode_user(cli, id, &rec, &user);
    if (code != CLI_OK) {
        goto done;
    }

    status = cli_get(&rec, "status");

    for (i = 0, found = 0; i < 4 && change->from[i]; i++) {
        found |= strcmp(status, change->from[i]) == 0;
    }

    if (!found) {
        code = cli_fail(CLI_REFUSED, "user \"%s\" is %s: nothing was changed",
                        id, status);
        goto done;
    }

    if (change->other && strcmp(cli_get(&rec, "created_by"), cli->actor) == 0)
    {
        code = cli_fail(CLI_REFUSED, "user \"%s\" was created by %s: another "
                        "admin has to approve it", id, cli->actor);
        goto done;
    }

    n = 0;
    before = change->role ? cli_get(&rec, "role") : status;

    if (change->other) {

        /* who acts is in the entry; who made it, too */

        snprintf(both, sizeof(both), "%s, created_by %s", status,
                 cli_get(&rec, "created_by"));
        before = both;
    }

    after = change->role ? change->role : change->to;

    field[n++] = change->role ? "role" : "status";
    field[n++] = after;

    if (cli->keys.n) {
        cli_user_seal(cli, id, &user, change, seal);
        field[n++] = "seal";
        field[n++] = seal;
    }

    code = cli_change(cli, &rec, "", id, change->action, before, after, n,
                      field);

done:

    cli_free(&rec);

    return code;
}


/* the seal of what a change makes of a user */

static void
cli_user_seal(cli_t *cli, const char *id, stok_user_record_t *user,
    const cli_user_change_t *change, char seal[STOK_SEAL_MAX + 1])
{
    unsigned     i;
    stok_str_t   text;

    if (change->role) {
        user->role.data = change->role;
        user->role.len = strlen(change->role);
    }

    for (i = STOK_USER_PENDING; change->to && i <= STOK_USER_DELETED; i++) {
        if (strcmp(stok_user_status_name(i).data, change->to) == 0) {
            user->status = (uint8_t) i;
        }
    }

    text.data = id;
    text.len = strlen(id);

    seal[stok_seal_user(seal, &cli->keys, text, user)] = '\0';
}
