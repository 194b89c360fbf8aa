/*
 * Values of arguments and options: the words that one may be, and whether it
 * can be understood, before anybody asks Redis.  The functions of control/
 * that use a text say what it means.
 */


#include "args.h"

#include "guess.h"
#include "stok_value.h"

#include <stdio.h>
#include <string.h>


#define CLI_LISTED  512                          /* words of a value */


static int cli_value(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text);
static int cli_value_words(cli_t *cli, const cli_opt_t *opt,
    const char *shown, const char *text);
static int cli_value_word(cli_t *cli, const cli_opt_t *opt,
    const char *shown, stok_str_t text);
static int cli_value_fits(cli_t *cli, const char *shown, int wrong,
    const char *why);
static int cli_value_entry(const char *text);
static int cli_values_together(cli_t *cli, const cli_verb_t *verb,
    cli_args_t *args);
static int cli_value_id(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text);


int
cli_values(cli_t *cli, const cli_verb_t *verb, cli_args_t *args)
{
    int               i, code;
    char              shown[64];
    const cli_opt_t  *opt;

    code = cli_values_together(cli, verb, args);
    opt = verb->args;

    for (i = 0; i < args->n && code == CTL_OK; i++) {
        code = cli_value(cli, opt, opt->value, args->arg[i]);
        opt += !(opt->flags & CLI_MANY);
    }

    for (i = 0; i < args->options && code == CTL_OK; i++) {
        opt = cli_opt_of(verb, args->option[i], strlen(args->option[i]));
        snprintf(shown, sizeof(shown), "--%s", opt->name);
        code = cli_value(cli, opt, shown, args->value[i]);
    }

    return code;
}


static int
cli_value(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text)
{
    int64_t     number;
    stok_str_t  word;
    ctl_time_t  ignored;

    switch (opt->kind) {

    case CLI_WORD:
    case CLI_ROLE:
    case CLI_ENV:
    case CLI_USE_CASE:
        word.data = text;
        word.len = strlen(text);
        return cli_value_word(cli, opt, shown, word);

    case CLI_WORDS:
    case CLI_RULES:
        return cli_value_words(cli, opt, shown, text);

    case CLI_TIME:
        return ctl_time(&cli->ctl, opt->name, text, &ignored);

    case CLI_LIFETIME:
        return ctl_time(&cli->ctl, "expires-in", text, &ignored);

    case CLI_EXTENSION:
        return ctl_time(&cli->ctl, "extend", text, &ignored);

    case CLI_UNTIL:
        return ctl_time(&cli->ctl, "until", text, &ignored);

    case CLI_COUNT:
        return ctl_count(&cli->ctl, opt->name, text, &number);

    case CLI_NAME:
        return ctl_name_new(&cli->ctl, shown, text);

    case CLI_BRAND:
        return cli_value_fits(cli, shown, stok_brand_check(text, strlen(text)),
                              "2 to 16 of a-z 0-9");

    case CLI_SCOPE:
        word.data = text;
        word.len = strlen(text);
        return cli_value_fits(cli, shown, stok_scope_check(word),
                              "it has blanks, or is too long");

    case CLI_ENTRY:
        return cli_value_fits(cli, shown, cli_value_entry(text),
                              "NUMBER:HASH, as audit verify prints it");

    case CLI_NEW_FILE:
        return cli_value_fits(cli, shown, text[0] == '\0'
                              || (shown[0] == '-' && strcmp(text, "-") == 0),
                              "it is the name of a new file");

    case CLI_USER:
    case CLI_ID:
    case CLI_ID_OR_INPUT:
        return cli_value_id(cli, opt, shown, text);

    default:
        return CTL_OK;
    }
}


static int
cli_value_words(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text)
{
    int         code;
    stok_str_t  word;

    for ( ;; ) {
        word.data = text;
        word.len = strcspn(text, ",");

        code = cli_value_word(cli, opt, shown, word);

        if (code != CTL_OK || text[word.len] == '\0') {
            return code;
        }

        text += word.len + 1;
    }
}


static int
cli_value_word(cli_t *cli, const cli_opt_t *opt, const char *shown,
    stok_str_t text)
{
    char         list[CLI_LISTED];
    size_t       i, len;
    stok_str_t   word;
    cli_guess_t  guess;

    cli_guess_init(&guess, text.data, text.len);
    list[0] = '\0';

    for (i = 0; cli_opt_word(cli, opt, i, &word); i++) {

        if (word.len == text.len
            && memcmp(word.data, text.data, text.len) == 0)
        {
            return CTL_OK;
        }

        cli_guess_add_str(&guess, word);

        len = strlen(list);
        snprintf(list + len, sizeof(list) - len, "%s%.*s",
                 i ? ", " : ": one of ", (int) word.len, word.data);
    }

    if (guess.n) {
        cli_guess_text(&guess, "", "", list, sizeof(list));
    }

    return ctl_fail(&cli->ctl, CTL_INVALID, "bad %s \"%.*s\"%s", shown,
                    (int) text.len, text.data, list);
}


static int
cli_value_fits(cli_t *cli, const char *shown, int wrong, const char *why)
{
    return wrong ? ctl_fail(&cli->ctl, CTL_INVALID, "bad %s: %s", shown, why)
                 : CTL_OK;
}


static int
cli_value_entry(const char *text)
{
    size_t  n, len;

    n = strspn(text, "0123456789");
    len = strspn(text + n + (text[n] == ':'), "0123456789abcdef");

    return n == 0 || text[n] != ':' || len == 0 || text[n + 1 + len];
}


/* two options of which one is enough, and one that needs another */

static int
cli_values_together(cli_t *cli, const cli_verb_t *verb, cli_args_t *args)
{
    const cli_opt_t  *opt;

    for (opt = verb->options; opt && opt->name; opt++) {

        if (cli_option(args, opt->name) == NULL) {
            continue;
        }

        if (opt->not_with && cli_option(args, opt->not_with)) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "give --%s or --%s, not "
                            "both", opt->name, opt->not_with);
        }

        if (opt->only_with && cli_option(args, opt->only_with) == NULL) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "--%s goes with --%s",
                            opt->name, opt->only_with);
        }
    }

    return CTL_OK;
}


/* the grammar of an id; whether there is one, Redis knows */

static int
cli_value_id(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text)
{
    int         rc;
    stok_str_t  id;

    if (opt->kind == CLI_ID_OR_INPUT && strcmp(text, "-") == 0) {
        return CTL_OK;
    }

    id.data = text;
    id.len = strlen(text);

    rc = opt->kind == CLI_USER ? stok_user_id_check(id)
                               : stok_record_id_check(id);

    return rc == STOK_OK
           ? CTL_OK
           : ctl_fail(&cli->ctl, CTL_INVALID, "bad %s \"%s\": the id of a "
                      "%s is as in %s", shown, text,
                      opt->kind == CLI_USER ? "user" : "token",
                      opt->kind == CLI_USER ? "pipeline_automation@service"
                                            : "tok_2bsYV9S9kRkdzKPF");
}


int
cli_opt_word(cli_t *cli, const cli_opt_t *opt, size_t i, stok_str_t *word)
{
    int          days;
    const char  *text;

    switch (opt->kind) {

    case CLI_ROLE:
        if (i >= cli->ctl.roles.n) {
            return 0;
        }

        *word = cli->ctl.roles.name[i];
        return 1;

    case CLI_ENV:
        text = ctl_env(i, &days);
        break;

    case CLI_USE_CASE:
        text = ctl_use_case(i, &(const char *) { NULL });
        break;

    case CLI_RULES:
        text = ctl_rule(i);
        break;

    default:
        for (text = opt->words; text && i; i--) {
            text = strchr(text, ' ');
            text += text != NULL;
        }
    }

    if (text == NULL) {
        return 0;
    }

    word->data = text;
    word->len = strcspn(text, " ");

    return 1;
}
