/*
 * service-token: options, verbs, usage.
 */


#include "cli.h"

#include <getopt.h>
#include <pwd.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


typedef struct {
    const char  *group;
    const char  *verb;                           /* NULL: the group is it */
    const char  *args;                           /* as usage shows them */
    int          n;                              /* of arguments; -1: some */
    const char  *options;                        /* besides the global ones */
    int          offline;                        /* needs no Redis */
    int        (*run)(ctl_t *ctl, cli_args_t *args);
} cli_verb_t;


static const cli_verb_t  cli_verbs[] = {
    { "init", NULL, "[--brand B] [--approval required|none]", 0,
      "brand approval", 0, ctl_init },
    { "key", "new", "NAME", 1, "", 1, ctl_key_new },
    { "user", "create",
      "NAME --purpose TEXT --owner TEXT [--role R | --use-case U] [--human]",
      1, "purpose owner role use-case human", 0, ctl_user_create },
    { "user", "list", "", 0, "", 0, ctl_user_list },
    { "user", "show", "ID", 1, "", 0, ctl_user_show },
    { "user", "approve", "ID [--wait 5s]", 1, "wait", 0,
      ctl_user_approve },
    { "user", "set-role", "ID ROLE [--wait 5s]", 2, "wait", 0,
      ctl_user_set_role },
    { "user", "describe", "ID [--purpose TEXT] [--owner TEXT] [--wait 5s]", 1,
      "purpose owner wait", 0, ctl_user_describe },
    { "user", "disable", "ID [--wait 5s]", 1, "wait", 0, ctl_user_disable },
    { "user", "enable", "ID [--wait 5s]", 1, "wait", 0, ctl_user_enable },
    { "user", "delete", "ID [--wait 5s]", 1, "wait", 0, ctl_user_delete },
    { "user", "revoke-all", "ID [--wait 5s]", 1, "wait", 0,
      ctl_user_revoke_all },
    { "token", "create",
      "--user ID --name N --env production|staging|development|testing "
      "[--expires-in 90d|never] [--scim-only] [--out FILE] "
      "[--format env|json|k8s-secret]", 0,
      "user name env expires-in scim-only out format", 0, ctl_token_create },
    { "token", "list",
      "[--user ID] [--status active|revoked|expired|rotating]", 0,
      "user status", 0, ctl_token_list },
    { "token", "show", "ID", 1, "", 0, ctl_token_show },
    { "token", "rotate",
      "ID [--overlap 7d] [--name N] [--expires-in 90d|never] [--out FILE] "
      "[--format env|json|k8s-secret] [--wait 5s]", 1,
      "overlap name expires-in out format wait", 0, ctl_token_rotate },
    { "token", "rotation", "ID", 1, "", 0, ctl_token_rotation },
    { "token", "revoke", "ID [--wait 5s]", 1, "wait", 0, ctl_token_revoke },
    { "token", "restore", "ID [--wait 5s]", 1, "wait", 0, ctl_token_restore },
    { "token", "delete", "ID [--force] [--wait 5s]", 1, "force wait", 0,
      ctl_token_delete },
    { "check", NULL, "[--role R] [--scope S] [--type service|personal]", 0,
      "role scope type", 0, ctl_check },
    { "audit", "verify", "", 0, "", 0, ctl_audit_verify },
    { "audit", NULL, "[--token ID | --user ID] [--since T] [--follow]", 0,
      "token user since follow", 0, ctl_audit },
    { "review", "monthly", "[--fail-on RULE,...]", 0, "fail-on", 0,
      ctl_review_monthly },
    { "review", "quarterly", "[--fail-on RULE,...]", 0, "fail-on", 0,
      ctl_review_quarterly },
    { "review", NULL, "[--fail-on RULE,...]", 0, "fail-on", 0,
      ctl_review_all },
    { "incident", "token", "ID [--wait 5s]", 1, "wait", 0,
      ctl_incident_token },
    { "incident", "user", "ID [--wait 5s]", 1, "wait", 0, ctl_incident_user },
    { "seal", NULL, "[--user ID | --token ID] [--unsealed] [--force] "
      "[--dry-run] [--wait 5s]", 0,
      "user token unsealed force dry-run wait", 0, ctl_seal },
    { "fsck", NULL, "[--fix] [--wait 5s]", 0, "fix wait", 0, ctl_fsck },
    { "scan", NULL, "PATH... [--revoke] [--all] [--wait 5s]", -1,
      "revoke all wait", 1, cli_scan },
    { "export", NULL, "FILE|-", 1, "", 0, ctl_export },
    { "import", NULL, "FILE|- [--overwrite] [--dry-run] [--wait 5s]", 1,
      "overwrite dry-run wait", 0, ctl_import },
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
    { "follow", no_argument, NULL, 0 },
    { "fail-on", required_argument, NULL, 0 },
    { "overlap", required_argument, NULL, 0 },
    { "out", required_argument, NULL, 0 },
    { "format", required_argument, NULL, 0 },
    { "unsealed", no_argument, NULL, 0 },
    { "dry-run", no_argument, NULL, 0 },
    { "revoke", no_argument, NULL, 0 },
    { "all", no_argument, NULL, 0 },
    { "overwrite", no_argument, NULL, 0 },
    { "fix", no_argument, NULL, 0 },
    { NULL, 0, NULL, 0 }
};


static int cli_run(ctl_t *ctl, const cli_verb_t *verb, cli_args_t *args);
static int cli_parse(ctl_t *ctl, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb);
static int cli_parse_options(ctl_t *ctl, int argc, char **argv,
    cli_args_t *args, int *help);
static int cli_parse_verb(ctl_t *ctl, cli_args_t *args,
    const cli_verb_t **verb,
    int help);
static int cli_allowed(const char *options, const char *name);
static void cli_global(ctl_t *ctl, int option, const char *value);
static int cli_globals_check(ctl_t *ctl);
static const char *cli_actor(void);
static void cli_usage(FILE *out, const cli_verb_t *only);
static const char *cli_env(const char *name, const char *value);
static void cli_note(void *data, ctl_note_e note, const char *text);
static int cli_exit(ctl_t *ctl, int kind);


int
main(int argc, char **argv)
{
    int                code;
    ctl_t              ctl;
    cli_args_t         args;
    const cli_verb_t  *verb;

    memset(&ctl, 0, sizeof(ctl));
    ctl.note = cli_note;

    ctl.redis = cli_env("SERVICE_TOKEN_REDIS", "redis://127.0.0.1:6379");
    ctl.key_file = cli_env("SERVICE_TOKEN_KEY_FILE", NULL);
    ctl.prefix = cli_env("SERVICE_TOKEN_PREFIX", "{st}:");
    ctl.role_names = cli_env("SERVICE_TOKEN_ROLES", "member manager admin");
    ctl.actor = cli_env("SERVICE_TOKEN_ACTOR", NULL);

    code = cli_parse(&ctl, argc, argv, &args, &verb);

    if (code == CTL_OK && verb != NULL) {

        if (!verb->offline) {
            code = ctl_keys_read(&ctl);

            if (code == CTL_OK) {
                code = ctl_connect(&ctl);
            }
        }

        if (code == CTL_OK) {
            code = cli_run(&ctl, verb, &args);
        }
    }

    if (ctl.ctx) {
        redisFree(ctl.ctx);
    }

    OPENSSL_cleanse(&ctl.keys, sizeof(ctl.keys));

    return cli_exit(&ctl, code);
}


static int
cli_run(ctl_t *ctl, const cli_verb_t *verb, cli_args_t *args)
{
    int          code, rc;
    const char  *wait;

    wait = cli_option(args, "wait");

    if (wait) {
        code = ctl_wait_parse(ctl, wait, &ctl->wait);
        if (code != CTL_OK) {
            return code;
        }
    }

    code = verb->run(ctl, args);

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    /* what was done is told, whatever comes of the waiting */

    if (wait && ctl->ctx) {
        (void) cli_flush(ctl);
        rc = ctl_wait(ctl);
        code = rc == CTL_OK ? code : rc;
    }

    rc = ctl->answer ? cli_print_json(ctl, ctl->answer) : CTL_OK;

    if (rc == CTL_OK) {
        rc = cli_flush(ctl);
    }

    return rc == CTL_OK ? code : rc;
}


static int
cli_parse(ctl_t *ctl, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb)
{
    int  code, help;

    memset(args, 0, sizeof(*args));
    *verb = NULL;
    help = 0;

    code = cli_parse_options(ctl, argc, argv, args, &help);
    if (code != CTL_OK) {
        return code;
    }

    args->arg = argv + optind;
    args->n = argc - optind;

    if (args->n == 0) {
        cli_usage(help ? stdout : stderr, NULL);
        return help ? cli_flush(ctl) : CTL_INVALID;
    }

    code = cli_parse_verb(ctl, args, verb, help);

    if (help && *verb) {
        cli_usage(stdout, *verb);
        *verb = NULL;
        return cli_flush(ctl);
    }

    return code == CTL_OK ? cli_globals_check(ctl) : code;
}


static int
cli_parse_options(ctl_t *ctl, int argc, char **argv, cli_args_t *args,
    int *help)
{
    int  ch, i;

    opterr = 0;

    while ((ch = getopt_long(argc, argv, ":", cli_options, &i)) != -1) {

        if (ch == ':') {
            return ctl_fail(ctl, CTL_INVALID, "option %s needs a value",
                            argv[optind - 1]);
        }

        if (ch != 0 && optopt) {
            return ctl_fail(ctl, CTL_INVALID, "unknown option -%c: "
                            "see service-token --help", optopt);
        }

        if (ch != 0) {
            return ctl_fail(ctl, CTL_INVALID, "unknown option %s: "
                            "see service-token --help", argv[optind - 1]);
        }

        if (strcmp(cli_options[i].name, "help") == 0) {
            *help = 1;

        } else if (i < CLI_GLOBALS) {
            cli_global(ctl, i, optarg);

        } else if (args->options == CLI_OPTIONS) {
            return ctl_fail(ctl, CTL_INVALID, "too many options");

        } else {
            args->option[args->options] = cli_options[i].name;
            args->value[args->options++] = optarg ? optarg : "";
        }
    }

    return CTL_OK;
}


static int
cli_parse_verb(ctl_t *ctl, cli_args_t *args, const cli_verb_t **verb, int help)
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
        return ctl_fail(ctl, CTL_INVALID, "unknown verb \"%s%s%s\": "
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
            return ctl_fail(ctl, CTL_INVALID, "option --%s is not for "
                            "\"%s%s%s\"", args->option[i], v->group,
                            v->verb ? " " : "", v->verb ? v->verb : "");
        }
    }

    if (v->n < 0 ? args->n == 0 : args->n != v->n) {
        return ctl_fail(ctl, CTL_INVALID, "usage: service-token %s%s%s %s",
                        v->group, v->verb ? " " : "", v->verb ? v->verb : "",
                        v->args);
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
cli_global(ctl_t *ctl, int option, const char *value)
{
    switch (option) {

    case 0:
        ctl->redis = value;
        break;

    case 1:
        ctl->key_file = value;
        break;

    case 2:
        ctl->prefix = value;
        break;

    case 3:
        ctl->role_names = value;
        break;

    case 4:
        ctl->actor = value;
        break;

    default:
        ctl->json = 1;
        break;
    }
}


static int
cli_globals_check(ctl_t *ctl)
{
    size_t       len;
    stok_str_t   name;
    const char  *p;

    len = strlen(ctl->prefix);

    if (len == 0 || len > STOK_PREFIX_MAX) {
        return ctl_fail(ctl, CTL_INVALID, "a prefix has 1 to %d characters",
                        STOK_PREFIX_MAX);
    }

    if (ctl->actor == NULL) {
        ctl->actor = cli_actor();
    }

    name.data = ctl->actor;
    name.len = strlen(ctl->actor);

    if (stok_name_check(name) != STOK_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad --actor: 1 to %d characters",
                        STOK_NAME_MAX);
    }

    ctl->roles.n = 0;

    for (p = ctl->role_names; *p; p += len) {
        len = strspn(p, " ");

        if (len == 0) {
            len = strcspn(p, " ");
            name.data = p;
            name.len = len;

            if (stok_roles_add(&ctl->roles, name) != STOK_OK) {
                return ctl_fail(ctl, CTL_INVALID, "bad --roles: names, low to "
                                "high, with blanks between");
            }
        }
    }

    if (ctl->roles.n == 0) {
        return ctl_fail(ctl, CTL_INVALID, "bad --roles: no role");
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


static const char *
cli_env(const char *name, const char *value)
{
    const char  *env;

    env = getenv(name);

    return env && *env ? env : value;
}


static void
cli_usage(FILE *out, const cli_verb_t *only)
{
    const cli_verb_t  *v;

    if (only == NULL) {
        fprintf(out, "usage: service-token [--redis URI] [--key-file PATH] "
                "[--prefix P]\n"
                "       [--roles \"low high\"] [--actor WHO] [--json] "
                "VERB ...\n\n");
    }

    for (v = cli_verbs; v->group; v++) {
        if (only == NULL || only == v) {
            fprintf(out, "  %s%s%s %s\n", v->group, v->verb ? " " : "",
                    v->verb ? v->verb : "", v->args);
        }
    }

    if (only == NULL) {
        fprintf(out, "\nAlso from SERVICE_TOKEN_REDIS, _KEY_FILE, _PREFIX, "
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


static void
cli_note(void *data, ctl_note_e note, const char *text)
{
    static const char  *prefix[] = { "", "note: ", "warning: ",
                                     "service-token: " };

    (void) data;

    fprintf(stderr, "%s%s\n", prefix[note], text);
}


/* the error's line, if there is one; the kind's exit code */

static int
cli_exit(ctl_t *ctl, int kind)
{
    ctl_error_t  *error;

    error = &ctl->error;

    if (kind == CTL_OK || kind == CTL_FOUND) {
        return kind;
    }

    if (error->text[0]) {
        fprintf(stderr, "service-token: %s%s%s\n", error->text,
                error->hint[0] ? ": " : "", error->hint);
    }

    return kind == CTL_INVALID ? 2 : kind == CTL_UNAVAILABLE ? 4 : 3;
}
