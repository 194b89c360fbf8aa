/*
 * Options, verbs, usage.
 */


#include "args.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static const cli_verb_t  cli_verbs[] = {
    { "init", NULL, "[--brand B] [--approval required|none]", 0,
      "brand approval", 0, cli_init },
    { "approval", "show", "", 0, "", 0, cli_approval_show },
    { "approval", "set", "required|none [--trust os,actor,redis]", 1, "trust",
      0, cli_approval_set },
    { "key", "new", "NAME", 1, "", CLI_OFFLINE, cli_key_new },
    { "user", "create",
      "NAME --purpose TEXT --owner TEXT [--role R | --use-case U] [--human]",
      1, "purpose owner role use-case human", 0, cli_user_create },
    { "user", "list", "", 0, "", 0, cli_user_list },
    { "user", "show", "ID", 1, "", 0, cli_user_show },
    { "user", "approve", "ID [--wait 5s]", 1, "wait", 0,
      cli_user_approve },
    { "user", "set-role", "ID ROLE [--wait 5s]", 2, "wait", 0,
      cli_user_set_role },
    { "user", "describe", "ID [--purpose TEXT] [--owner TEXT] [--wait 5s]", 1,
      "purpose owner wait", 0, cli_user_describe },
    { "user", "disable", "ID [--wait 5s]", 1, "wait", 0, cli_user_disable },
    { "user", "enable", "ID [--wait 5s]", 1, "wait", 0, cli_user_enable },
    { "user", "delete", "ID [--wait 5s]", 1, "wait", 0, cli_user_delete },
    { "user", "revoke-all", "ID [--wait 5s]", 1, "wait", 0,
      cli_user_revoke_all },
    { "token", "create",
      "--user ID --name N --env production|staging|development|testing "
      "[--expires-in 90d|never] [--scim-only] [--out FILE] "
      "[--format env|json|k8s-secret]", 0,
      "user name env expires-in scim-only out format secret-name namespace "
      "server", 0, cli_token_create },
    { "token", "list",
      "[--user ID] [--status active|revoked|expired|rotating]", 0,
      "user status", 0, cli_token_list },
    { "token", "show", "ID|-", 1, "", CLI_TOKEN, cli_token_show },
    { "token", "rotate",
      "ID|- [--overlap 12h] [--name N] [--expires-in 90d|never] [--out FILE] "
      "[--format env|json|k8s-secret] [--wait 5s]", 1,
      "overlap name expires-in out format secret-name namespace server wait",
      CLI_TOKEN,
      cli_token_rotate },
    { "token", "rotation", "ID|- [--wait-until safe] [--timeout 12h]", 1,
      "wait-until timeout", CLI_TOKEN, cli_token_rotation },
    { "token", "extend", "ID|- --expires-in 30d [--wait 5s]", 1,
      "expires-in wait", CLI_TOKEN, cli_token_extend },
    { "token", "revoke", "ID|- [--wait 5s]", 1, "wait", CLI_TOKEN,
      cli_token_revoke },
    { "token", "restore", "ID|- [--wait 5s]", 1, "wait", CLI_TOKEN,
      cli_token_restore },
    { "token", "delete", "ID|- [--force] [--wait 5s]", 1, "force wait",
      CLI_TOKEN, cli_token_delete },
    { "check", NULL, "[--role R] [--scope S] [--type service|personal]", 0,
      "role scope type", 0, cli_check },
    { "status", NULL, "[--format prometheus] [--expect SEQ:HASH]", 0,
      "format expect", 0, cli_status },
    { "audit", "verify", "[--expect SEQ:HASH]", 0, "expect", 0,
      cli_audit_verify },
    { "audit", NULL, "[--token ID | --user ID] [--since T] [--follow]", 0,
      "token user since follow", 0, cli_audit },
    { "review", "monthly", "[--fail-on RULE,...]", 0, "fail-on", 0,
      cli_review_monthly },
    { "review", "quarterly", "[--fail-on RULE,...]", 0, "fail-on", 0,
      cli_review_quarterly },
    { "review", NULL, "[--fail-on RULE,...]", 0, "fail-on", 0,
      cli_review_all },
    { "incident", "token", "ID|- [--wait 5s]", 1, "wait", CLI_TOKEN,
      cli_incident_token },
    { "incident", "user", "ID [--wait 5s]", 1, "wait", 0, cli_incident_user },
    { "seal", NULL, "[--first [--yes] | --user ID | --token ID] [--force] "
      "[--dry-run] [--wait 5s]", 0,
      "first yes user token force dry-run wait", 0, cli_seal },
    { "fsck", NULL, "[--fix] [--wait 5s]", 0, "fix wait", 0, cli_fsck },
    { "scan", NULL, "PATH... [--revoke] [--all] [--wait 5s]", -1,
      "revoke all wait", CLI_OFFLINE, cli_scan },
    { "export", NULL, "FILE|-", 1, "", 0, cli_export },
    { "import", NULL, "FILE|- [--overwrite] [--restore-access] [--dry-run] "
      "[--wait 5s]", 1, "overwrite restore-access dry-run wait", 0,
      cli_import },
    { "serve", NULL, "[--socket PATH] [--peer USER] [--workers 4]", 0,
      "socket peer workers", 0, cli_serve },
    { NULL, NULL, NULL, 0, NULL, 0, NULL }
};

#define CLI_GLOBALS  7                           /* the first of these */

static const struct option  cli_options[] = {
    { "redis", required_argument, NULL, 0 },
    { "key-file", required_argument, NULL, 0 },
    { "prefix", required_argument, NULL, 0 },
    { "roles", required_argument, NULL, 0 },
    { "actor", required_argument, NULL, 0 },
    { "json", no_argument, NULL, 0 },
    { "help", no_argument, NULL, 0 },
    { "brand", required_argument, NULL, 0 },
    { "approval", required_argument, NULL, 0 },
    { "purpose", required_argument, NULL, 0 },
    { "owner", required_argument, NULL, 0 },
    { "role", required_argument, NULL, 0 },
    { "use-case", required_argument, NULL, 0 },
    { "human", no_argument, NULL, 0 },
    { "user", required_argument, NULL, 0 },
    { "name", required_argument, NULL, 0 },
    { "env", required_argument, NULL, 0 },
    { "expires-in", required_argument, NULL, 0 },
    { "scim-only", no_argument, NULL, 0 },
    { "status", required_argument, NULL, 0 },
    { "force", no_argument, NULL, 0 },
    { "scope", required_argument, NULL, 0 },
    { "type", required_argument, NULL, 0 },
    { "wait", required_argument, NULL, 0 },
    { "token", required_argument, NULL, 0 },
    { "since", required_argument, NULL, 0 },
    { "expect", required_argument, NULL, 0 },
    { "follow", no_argument, NULL, 0 },
    { "fail-on", required_argument, NULL, 0 },
    { "overlap", required_argument, NULL, 0 },
    { "out", required_argument, NULL, 0 },
    { "format", required_argument, NULL, 0 },
    { "secret-name", required_argument, NULL, 0 },
    { "namespace", required_argument, NULL, 0 },
    { "server", required_argument, NULL, 0 },
    { "first", no_argument, NULL, 0 },
    { "yes", no_argument, NULL, 0 },
    { "dry-run", no_argument, NULL, 0 },
    { "revoke", no_argument, NULL, 0 },
    { "all", no_argument, NULL, 0 },
    { "overwrite", no_argument, NULL, 0 },
    { "restore-access", no_argument, NULL, 0 },
    { "fix", no_argument, NULL, 0 },
    { "trust", required_argument, NULL, 0 },
    { "wait-until", required_argument, NULL, 0 },
    { "timeout", required_argument, NULL, 0 },
    { "socket", required_argument, NULL, 0 },
    { "peer", required_argument, NULL, 0 },
    { "workers", required_argument, NULL, 0 },
    { NULL, 0, NULL, 0 }
};


static int cli_parse_options(cli_t *cli, int argc, char **argv,
    cli_args_t *args, int *help);
static int cli_parse_verb(cli_t *cli, cli_args_t *args,
    const cli_verb_t **verb,
    int help);
static int cli_allowed(const char *options, const char *name);
static void cli_global(cli_t *cli, int option, const char *value);
static int cli_globals_check(cli_t *cli);
static const char *cli_actor(void);
static void cli_usage(FILE *out, const cli_verb_t *only);


int
cli_parse(cli_t *cli, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb)
{
    int  code, help;

    memset(args, 0, sizeof(*args));
    *verb = NULL;
    help = 0;

    code = cli_parse_options(cli, argc, argv, args, &help);
    if (code != CTL_OK) {
        return code;
    }

    args->arg = argv + optind;
    args->n = argc - optind;

    if (args->n == 0) {
        cli_usage(help ? stdout : stderr, NULL);
        return help ? cli_flush(cli) : CTL_INVALID;
    }

    code = cli_plaintext_refuse(cli, args);

    if (code == CTL_OK) {
        code = cli_parse_verb(cli, args, verb, help);
    }

    if (help && *verb) {
        cli_usage(stdout, *verb);
        *verb = NULL;
        return cli_flush(cli);
    }

    return code == CTL_OK ? cli_globals_check(cli) : code;
}


static int
cli_parse_options(cli_t *cli, int argc, char **argv, cli_args_t *args,
    int *help)
{
    int  ch, i;

    opterr = 0;

    while ((ch = getopt_long(argc, argv, ":", cli_options, &i)) != -1) {

        if (ch == ':') {
            return ctl_fail(&cli->ctl, CTL_INVALID, "option %s needs a value",
                            argv[optind - 1]);
        }

        if (ch != 0 && optopt) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "unknown option -%c: "
                            "see service-token --help", optopt);
        }

        if (ch != 0) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "unknown option %s: "
                            "see service-token --help", argv[optind - 1]);
        }

        if (strcmp(cli_options[i].name, "help") == 0) {
            *help = 1;

        } else if (i < CLI_GLOBALS) {
            cli_global(cli, i, optarg);

        } else if (args->options == CLI_OPTIONS) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "too many options");

        } else {
            args->option[args->options] = cli_options[i].name;
            args->value[args->options++] = optarg ? optarg : "";
        }
    }

    return CTL_OK;
}


static int
cli_parse_verb(cli_t *cli, cli_args_t *args, const cli_verb_t **verb, int help)
{
    int                i, words;
    const cli_verb_t  *v;

    words = 0;

    for (v = cli_verbs; v->group; v++) {
        words = v->verb ? 2 : 1;

        if (strcmp(v->group, args->arg[0]) == 0
            && (v->verb == NULL
                || (args->n > 1 && strcmp(v->verb, args->arg[1]) == 0)))
        {
            break;
        }
    }

    if (v->group == NULL) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "unknown verb \"%s%s%s\": "
                        "see service-token --help", args->arg[0],
                        args->n > 1 ? " " : "",
                        args->n > 1 ? args->arg[1] : "");
    }

    *verb = v;
    args->arg += words;
    args->n -= words;

    if (help) {
        return CTL_OK;
    }

    for (i = 0; i < args->options; i++) {
        if (!cli_allowed(v->options, args->option[i])) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "option --%s is not for "
                            "\"%s%s%s\"", args->option[i], v->group,
                            v->verb ? " " : "", v->verb ? v->verb : "");
        }
    }

    if (v->n < 0 ? args->n == 0 : args->n != v->n) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "usage: service-token %s%s%s "
                        "%s", v->group, v->verb ? " " : "",
                        v->verb ? v->verb : "", v->args);
    }

    return CTL_OK;
}


static int
cli_allowed(const char *options, const char *name)
{
    size_t       len;
    const char  *p;

    len = strlen(name);

    for (p = options; (p = strstr(p, name)) != NULL; p += len) {
        if ((p == options || p[-1] == ' ')
            && (p[len] == '\0' || p[len] == ' '))
        {
            return 1;
        }
    }

    return 0;
}


static void
cli_global(cli_t *cli, int option, const char *value)
{
    switch (option) {

    case 0:
        cli->redis = value;
        break;

    case 1:
        cli->key_file = value;
        break;

    case 2:
        cli->ctl.prefix = value;
        break;

    case 3:
        cli->ctl.role_names = value;
        break;

    case 4:
        cli->ctl.actor = value;
        break;

    default:
        cli->json = 1;
        break;
    }
}


static int
cli_globals_check(cli_t *cli)
{
    size_t       len;
    stok_str_t   name;
    const char  *p, *why;

    len = strlen(cli->ctl.prefix);

    if (len == 0 || len > STOK_PREFIX_MAX) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "a prefix has 1 to %d "
                        "characters", STOK_PREFIX_MAX);
    }

    cli->ctl.os = cli_actor();
    cli->ctl.sudo = getenv("SUDO_USER");

    if (cli->ctl.actor == NULL) {
        cli->ctl.actor = cli_actor();
    }

    name.data = cli->ctl.actor;
    name.len = strlen(cli->ctl.actor);
    why = ctl_text_wrong(name, CTL_TEXT_NAME);

    if (why) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --actor: it %s",
                        why);
    }

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


static void
cli_usage(FILE *out, const cli_verb_t *only)
{
    const cli_verb_t  *v;

    if (only == NULL) {
        cli_say_to(out, "usage: service-token [--redis URI] [--key-file PATH] "
                "[--prefix P]\n"
                "       [--roles \"low high\"] [--actor WHO] [--json] "
                "VERB ...\n\n");
    }

    for (v = cli_verbs; v->group; v++) {
        if (only == NULL || only == v) {
            cli_say_to(out, "  %s%s%s %s\n", v->group, v->verb ? " " : "",
                    v->verb ? v->verb : "", v->args);
        }
    }

    if (only == NULL) {
        cli_say_to(out, "\nAlso from SERVICE_TOKEN_REDIS, _KEY_FILE, _PREFIX, "
                "_ROLES, _ACTOR.\n"
                "Exit: 0 done, 1 found something, 2 usage, "
                "3 not found or refused,\n      4 Redis unavailable.\n");
    }
}


const char *
cli_option(cli_args_t *args, const char *name)
{
    int  i;

    for (i = args->options - 1; i >= 0; i--) {
        if (strcmp(args->option[i], name) == 0) {
            return args->value[i];
        }
    }

    return NULL;
}
