/*
 * From argv to a verb, its arguments and its options, all by the table of
 * verbs.h.  Options may stand anywhere; "--" ends them.
 */


#include "args.h"

#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int cli_parse_words(cli_t *cli, int argc, char **argv,
    cli_args_t *args);
static int cli_parse_option(cli_t *cli, int argc, char **argv, int *i,
    cli_args_t *args);
static int cli_parse_add(cli_t *cli, cli_args_t *args, const cli_opt_t *opt,
    const char *value);
static int cli_help(cli_t *cli, cli_args_t *args);
static int cli_parse_verb(cli_t *cli, cli_args_t *args,
    const cli_verb_t *verb);


int
cli_parse(cli_t *cli, int argc, char **argv, cli_args_t *args,
    const cli_verb_t **verb)
{
    int                code, words;
    const char        *env;
    const cli_verb_t  *found;

    memset(args, 0, sizeof(*args));
    *verb = NULL;

    code = cli_parse_words(cli, argc, argv, args);

    if (code == CTL_OK) {
        cli_settings(cli, args);
        code = cli_plaintext_refuse(cli, args);
    }

    if (code != CTL_OK) {
        return code;
    }

    if (cli_option(args, "version")) {
        cli_say("service-token %s\n", STOK_VERSION);
        return cli_flush(cli);
    }

    found = cli_find(args, &words);

    if (cli_option(args, "help") || (found && found->run == NULL)) {
        return cli_help(cli, args);
    }

    if (found == NULL) {
        return cli_unknown_verb(cli, args);
    }

    args->arg += words;
    args->n -= words;

    /* where --timeout is something else, the environment alone sets it */

    if (found->options && cli_opt(found->options, "timeout", 7)) {
        env = getenv("SERVICE_TOKEN_TIMEOUT");
        cli->timeout = env && *env ? env : NULL;
    }

    code = cli_parse_verb(cli, args, found);

    if (code == CTL_OK) {
        code = cli_settings_check(cli);
    }

    if (code == CTL_OK) {
        code = cli_values(cli, found, args);
    }

    if (code == CTL_OK && found->check) {
        code = found->check(cli, args);
    }

    if (code == CTL_OK) {
        *verb = found;
    }

    return code;
}


/* words come to the front of argv, in their order */

static int
cli_parse_words(cli_t *cli, int argc, char **argv, cli_args_t *args)
{
    int  i, code, ended;

    args->arg = argv;
    ended = 0;

    for (i = 1; i < argc; i++) {

        if (ended || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[args->n++] = argv[i];

        } else if (strcmp(argv[i], "--") == 0) {
            ended = 1;

        } else {
            code = cli_parse_option(cli, argc, argv, &i, args);
            if (code != CTL_OK) {
                return code;
            }
        }
    }

    return CTL_OK;
}


/* --name, --name=value, --name value, -o value, -ovalue */

static int
cli_parse_option(cli_t *cli, int argc, char **argv, int *i, cli_args_t *args)
{
    size_t            len;
    const char       *word, *value;
    const cli_opt_t  *opt;

    word = argv[*i];

    if (word[1] == '-') {
        len = strcspn(word + 2, "=");
        value = word[2 + len] ? word + 2 + len + 1 : NULL;
        opt = cli_opt_of(NULL, word + 2, len);

    } else {
        value = word[2] ? word + 2 : NULL;
        opt = cli_letter(cli_find(args, NULL), word[1]);
    }

    if (opt == NULL) {
        return cli_unknown_option(cli, args, word);
    }

    if (opt->value == NULL && value) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "option --%s takes no value",
                        opt->name);
    }

    if (opt->value && value == NULL) {
        if (*i + 1 == argc) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "option --%s needs a "
                            "value", opt->name);
        }

        value = argv[++*i];
    }

    return cli_parse_add(cli, args, opt, value ? value : "");
}


/* of all verbs, of this one, or of any */

const cli_opt_t *
cli_letter(const cli_verb_t *verb, char letter)
{
    size_t            i;
    const cli_opt_t  *opt;

    for (opt = cli_globals; opt->name; opt++) {
        if (opt->letter == letter) {
            return opt;
        }
    }

    for (opt = verb ? verb->options : NULL; opt && opt->name; opt++) {
        if (opt->letter == letter) {
            return opt;
        }
    }

    for (i = 0; (verb = cli_verb(i)) != NULL; i++) {
        for (opt = verb->options; opt && opt->name; opt++) {
            if (opt->letter == letter) {
                return opt;
            }
        }
    }

    return NULL;
}


static int
cli_parse_add(cli_t *cli, cli_args_t *args, const cli_opt_t *opt,
    const char *value)
{
    if (args->options == CLI_OPTIONS) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "too many options");
    }

    args->option[args->options] = opt->name;
    args->value[args->options++] = value;

    return CTL_OK;
}


/* the verb of the first words: of two words before one of one */

const cli_verb_t *
cli_find(const cli_args_t *args, int *words)
{
    int                n;
    char               name[CLI_WORDS_MAX];
    size_t             i;
    const cli_verb_t  *verb;

    for (n = args->n < 2 ? args->n : 2; n > 0; n--) {
        snprintf(name, sizeof(name), "%s%s%s", args->arg[0], n > 1 ? " " : "",
                 n > 1 ? args->arg[1] : "");

        for (i = 0; (verb = cli_verb(i)) != NULL; i++) {
            if (strcmp(verb->words, name) == 0) {

                if (words) {
                    *words = n;
                }

                return verb;
            }
        }
    }

    return NULL;
}


/*
 * "help", "token --help", "help token create", "token create --help".  It shows
 * the roles, too, whether or not they are right.
 */

static int
cli_help(cli_t *cli, cli_args_t *args)
{
    const cli_verb_t  *verb;

    if (args->n && strcmp(args->arg[0], "help") == 0
        && (args->n > 1 || cli_option(args, "help") == NULL))
    {
        args->arg++;
        args->n--;
    }

    verb = cli_find(args, NULL);
    (void) cli_settings_check(cli);

    if (args->n == 0) {
        cli_help_all(cli, stdout);

    } else if (verb) {
        cli_help_verb(cli, stdout, verb);

    } else if (args->n == 1 && cli_group(args->arg[0])) {
        cli_help_group(stdout, args->arg[0]);

    } else {
        return cli_unknown_verb(cli, args);
    }

    return cli_flush(cli);
}


static int
cli_parse_verb(cli_t *cli, cli_args_t *args, const cli_verb_t *verb)
{
    int               i;
    char              list[256];
    size_t            len;
    const char       *name;
    const cli_opt_t  *opt;

    for (i = 0; i < args->options; i++) {
        name = args->option[i];

        if (cli_opt_of(verb, name, strlen(name)) == NULL) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "option --%s is not for "
                            "\"%s\": see service-token help %s", name,
                            verb->words, verb->words);
        }
    }

    for (i = 0, opt = verb->args; opt && opt->name; opt++, i++) {

        if (i == args->n && !(opt->flags & CLI_MAYBE)) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "\"%s\" needs %s: see "
                            "service-token help %s", verb->words, opt->name,
                            verb->words);
        }

        if (opt->flags & CLI_MANY) {
            i = args->n;
            break;
        }
    }

    if (i < args->n) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "\"%s\" does not take \"%s\": "
                        "see service-token help %s", verb->words,
                        args->arg[i], verb->words);
    }

    for (opt = verb->options, len = 0; opt && opt->name; opt++) {
        if ((opt->flags & CLI_NEEDED) && cli_option(args, opt->name) == NULL) {
            snprintf(list + len, sizeof(list) - len, "%s--%s",
                     len ? " and " : "", opt->name);
            len = strlen(list);
        }
    }

    return len ? ctl_fail(&cli->ctl, CTL_INVALID, "\"%s\" needs %s: see "
                          "service-token help %s", verb->words, list,
                          verb->words)
               : CTL_OK;
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
