/*
 * The options for every verb: from the command line, else from the
 * environment, else from a profile, else their default in the table.
 */


#include "args.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static int cli_roles(cli_t *cli);
static const char *cli_actor(void);


const char *
cli_setting(cli_args_t *args, const char *name)
{
    const char       *value;
    const cli_opt_t  *opt;

    opt = cli_opt(cli_globals, name, strlen(name));
    value = cli_option(args, name);

    if (value == NULL && opt->env) {
        value = getenv(opt->env);
        value = value && *value ? value : NULL;
    }

    if (value == NULL && strcmp(name, "profile") != 0) {
        value = cli_profile_value(name);
    }

    return value ? value : opt->fallback;
}


/* help wants them, too: they are checked later */

void
cli_settings(cli_t *cli, cli_args_t *args)
{
    cli_profile_read(args);

    cli->redis = cli_setting(args, "redis");
    cli->key_file = cli_setting(args, "key-file");
    cli->timeout = cli_setting(args, "timeout");
    cli->quiet = cli_option(args, "quiet") != NULL;
    cli->json = cli_option(args, "json") != NULL;
    cli->ctl.prefix = cli_setting(args, "prefix");
    cli->ctl.role_names = cli_setting(args, "roles");
    cli->ctl.actor = cli_setting(args, "actor");
    cli->ctl.os = cli_actor();
    cli->ctl.sudo = getenv("SUDO_USER");

    if (cli->ctl.actor == NULL) {
        cli->ctl.actor = cli->ctl.os;
    }
}


int
cli_settings_check(cli_t *cli)
{
    int          code;
    size_t       len;
    stok_str_t   name;
    const char  *why;

    code = cli_profile_check(cli);
    if (code != CTL_OK) {
        return code;
    }

    len = strlen(cli->ctl.prefix);

    if (len == 0 || len > STOK_PREFIX_MAX) {
        code = ctl_fail(&cli->ctl, CTL_INVALID, "a prefix has 1 to %d "
                        "characters", STOK_PREFIX_MAX);
        return cli_profile_blame(cli, cli->ctl.prefix, code);
    }

    name.data = cli->ctl.actor;
    name.len = strlen(cli->ctl.actor);
    why = ctl_text_wrong(name, CTL_TEXT_NAME);

    if (why) {
        code = ctl_fail(&cli->ctl, CTL_INVALID, "bad --actor: it %s", why);
        return cli_profile_blame(cli, cli->ctl.actor, code);
    }

    return cli_profile_blame(cli, cli->ctl.role_names, cli_roles(cli));
}


static int
cli_roles(cli_t *cli)
{
    size_t       len;
    stok_str_t   name;
    const char  *p;

    cli->ctl.roles.n = 0;

    for (p = cli->ctl.role_names; *p; p += len) {
        len = strspn(p, " ");

        if (len == 0) {
            len = strcspn(p, " ");
            name.data = p;
            name.len = len;

            if (stok_roles_add(&cli->ctl.roles, name) != STOK_OK) {
                return ctl_fail(&cli->ctl, CTL_INVALID, "bad --roles: names, "
                                "low to high, with blanks between");
            }
        }
    }

    if (cli->ctl.roles.n == 0) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --roles: no role");
    }

    return CTL_OK;
}


static const char *
cli_actor(void)
{
    struct passwd  *pw;

    pw = getpwuid(getuid());

    return pw ? pw->pw_name : "unknown";
}
