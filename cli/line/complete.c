/*
 * Completion: the hidden verb "complete", which shells call by the scripts in
 * completion/.
 *
 * It takes the words behind "service-token", the last one of which is the one
 * to complete, and prints a line for each word that it may be, and behind a
 * tab what it is.  A line that is ":file" asks the shell for names of files.
 * Words, options and values come from the table, ids from Redis (ids.c).
 * If anything goes wrong, it offers nothing and prints no message.
 */


#include "args.h"

#include "ids.h"

#include <stdio.h>
#include <string.h>


/* what stands before the word that is completed */
typedef struct {
    cli_t             *cli;
    const char        *word;                     /* that one */
    const char        *before;                   /* "--env=", or "" */
    const cli_opt_t   *option;                   /* whose value it is */
    cli_args_t         args;                     /* words and options */
    char              *words[CLI_OPTIONS];
} cli_complete_t;


static void cli_complete_walk(cli_complete_t *c, char **word, int n);
static int cli_complete_option(cli_complete_t *c, char **word, int n);
static void cli_complete_options(cli_complete_t *c, const cli_verb_t *verb);
static void cli_complete_list(cli_complete_t *c, const cli_opt_t *list);
static void cli_complete_verbs(cli_complete_t *c);
static void cli_complete_value(cli_complete_t *c, const cli_opt_t *opt);
static void cli_complete_words(cli_complete_t *c, const cli_opt_t *opt);
static void cli_complete_say(cli_complete_t *c, const char *mark,
    stok_str_t word, const char *text);


int
cli_complete(cli_t *cli, cli_args_t *args)
{
    int                words;
    cli_complete_t     c;
    const cli_opt_t   *opt;
    const cli_verb_t  *verb;

    memset(&c, 0, sizeof(c));
    c.cli = cli;
    c.before = "";
    c.word = args->arg[args->n - 1];
    c.args.arg = c.words;

    cli->ctl.note = NULL;
    cli_complete_walk(&c, args->arg, args->n - 1);
    cli_settings(cli, &c.args);

    if (cli_settings_check(cli) != CTL_OK) {
        return CTL_OK;
    }

    verb = cli_find(&c.args, &words);

    if (c.option) {
        opt = cli_opt_of(verb, c.option->name, strlen(c.option->name));
        cli_complete_value(&c, opt ? opt : c.option);

    } else if (c.word[0] == '-' && c.word[1]) {
        cli_complete_options(&c, verb);

    } else {

        if (verb == NULL || c.args.n == words) {
            cli_complete_verbs(&c);
        }

        opt = verb ? verb->args : NULL;

        for (words = c.args.n - (verb ? words : 0);
             opt && opt->name && words && !(opt->flags & CLI_MANY); words--)
        {
            opt++;
        }

        if (opt && opt->name) {
            cli_complete_value(&c, opt);
        }
    }

    return cli_flush(cli);
}


/* bash parts "--env=x" into three words */

static void
cli_complete_walk(cli_complete_t *c, char **word, int n)
{
    int  i;

    for (i = 0; i < n; i++) {

        if (word[i][0] == '-' && word[i][1]) {
            i += cli_complete_option(c, word + i, n - i);

        } else if (c->args.n < CLI_OPTIONS
                   && !(c->args.n == 0 && strcmp(word[i], "help") == 0))
        {
            c->words[c->args.n++] = word[i];
        }
    }

    /* the word itself may have both */

    i = (int) strcspn(c->word, "=");

    if (c->option == NULL && strncmp(c->word, "--", 2) == 0 && c->word[i]) {
        c->option = cli_opt_of(NULL, c->word + 2, (size_t) i - 2);
        c->before = c->word;
        c->word += i + 1;

    } else if (strcmp(c->word, "=") == 0) {
        c->word = "";
    }
}


/* how many words more it takes */

static int
cli_complete_option(cli_complete_t *c, char **word, int n)
{
    int               next;
    size_t            len;
    const cli_opt_t  *opt;

    if (word[0][1] == '-') {
        len = strcspn(word[0], "=");
        opt = len > 2 ? cli_opt_of(NULL, word[0] + 2, len - 2) : NULL;

    } else {
        len = 2;
        opt = cli_letter(cli_find(&c->args, NULL), word[0][1]);
    }

    if (opt == NULL) {
        return 0;
    }

    next = opt->value && word[0][len] == '\0';
    next += next && n > 1 && strcmp(word[1], "=") == 0;

    if (next >= n) {
        c->option = opt;

    } else if (c->args.options < CLI_OPTIONS) {
        c->args.option[c->args.options] = opt->name;
        c->args.value[c->args.options++] = next ? word[next]
                                           : opt->value
                                             ? word[0] + len
                                               + (word[0][len] == '=')
                                           : "";
    }

    return next;
}


static void
cli_complete_options(cli_complete_t *c, const cli_verb_t *verb)
{
    if (verb) {
        cli_complete_list(c, verb->options);
    }

    cli_complete_list(c, cli_globals);
}


/* what is given already is not offered */

static void
cli_complete_list(cli_complete_t *c, const cli_opt_t *list)
{
    stok_str_t  word;

    for ( /* void */ ; list && list->name; list++) {
        if (cli_option(&c->args, list->name) == NULL) {
            word.data = list->name;
            word.len = strlen(list->name);
            cli_complete_say(c, "--", word, list->text);
        }
    }
}


static void
cli_complete_verbs(cli_complete_t *c)
{
    char               text[64];
    size_t             i;
    stok_str_t         word, last;
    const cli_verb_t  *verb;

    last.data = "";
    last.len = 0;

    for (i = 0; (verb = cli_verb(i)) != NULL; i++) {
        word.data = verb->words;
        word.len = strcspn(verb->words, " ");

        if ((verb->flags & CLI_HIDDEN) || c->args.n > 1) {
            continue;
        }

        if (c->args.n == 1) {

            if (strncmp(c->words[0], word.data, word.len) == 0
                && c->words[0][word.len] == '\0' && word.data[word.len])
            {
                word.data += word.len + 1;
                word.len = strlen(word.data);
                cli_complete_say(c, "", word, verb->summary);
            }

            continue;
        }

        if (word.len == last.len && memcmp(word.data, last.data, word.len) == 0)
        {
            continue;
        }

        last = word;
        snprintf(text, sizeof(text), "Verbs of %.*s", (int) word.len,
                 word.data);
        cli_complete_say(c, "", word, word.data[word.len] ? text
                                                          : verb->summary);
    }
}


static void
cli_complete_value(cli_complete_t *c, const cli_opt_t *opt)
{
    cli_ids_t  ids;

    switch (opt->kind) {

    case CLI_FILE:
    case CLI_NEW_FILE:
        cli_say(":file\n");
        break;

    case CLI_VERB:
        cli_complete_verbs(c);
        break;

    case CLI_USER:
    case CLI_ID:
    case CLI_ID_OR_INPUT:
        ids.users = opt->kind == CLI_USER;
        ids.word = c->word;
        ids.before = c->before;
        cli_ids(c->cli, &ids);
        break;

    default:
        cli_complete_words(c, opt);
    }
}


static void
cli_complete_words(cli_complete_t *c, const cli_opt_t *opt)
{
    size_t       i, len;
    cli_opt_t    usual;
    stok_str_t   word;
    const char  *comma;

    usual = *opt;

    if (opt->words == NULL) {
        usual.words = opt->kind == CLI_LIFETIME ? "30d 90d 180d 1y never"
                      : opt->kind == CLI_EXTENSION ? "7d 30d 90d"
                      : opt->kind == CLI_UNTIL ? "1h 12h 1d 7d"
                      : opt->kind != CLI_TIME ? NULL
                      : strcmp(opt->name, "wait") == 0 ? "5s 30s 1m"
                      : "1h 24h 7d 30d 90d";
    }

    /* of a list with commas the last word */

    comma = opt->kind == CLI_WORDS || opt->kind == CLI_RULES
            ? strrchr(c->word, ',') : NULL;
    len = comma ? (size_t) (comma - c->word) + 1 : 0;

    for (i = 0; cli_opt_word(c->cli, &usual, i, &word); i++) {
        if (strlen(c->word + len) <= word.len
            && strncmp(c->word + len, word.data, strlen(c->word + len)) == 0)
        {
            cli_say("%.*s%.*s%.*s\n", c->before[0] ? (int) (c->word
                    - c->before) : 0, c->before, (int) len, c->word,
                    (int) word.len, word.data);
        }
    }
}


static void
cli_complete_say(cli_complete_t *c, const char *mark, stok_str_t word,
    const char *text)
{
    char  whole[CLI_WORDS_MAX];

    snprintf(whole, sizeof(whole), "%s%.*s", mark, (int) word.len, word.data);

    if (strncmp(whole, c->word, strlen(c->word)) == 0) {
        cli_say("%s\t%.*s\n", whole, (int) strcspn(text, "."), text);
    }
}
