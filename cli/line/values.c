/*
 * Values of arguments and options: the words that one may be, and whether it
 * can be understood, before anybody asks Redis.  What a text means is reported
 * by the functions of control/ that use it.
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
static int cli_value_id(cli_t *cli, const cli_opt_t *opt, const char *shown,
    const char *text);


int
cli_values(cli_t *cli, const cli_verb_t *verb, cli_args_t *args)
{
    int               i, code;
    char              shown[64];
    const cli_opt_t  *opt;

    code = CTL_OK;
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
