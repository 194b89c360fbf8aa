/*
 * Verbs and options that do not exist: what may be meant.
 */


#include "args.h"

#include "guess.h"
#include "help.h"

#include <stdio.h>
#include <string.h>


static void cli_guess_verb(cli_guess_t *guess, const cli_verb_t *verb,
    const cli_args_t *args);
static int cli_turned(stok_str_t group, const char *first,
    const char *second);
static int cli_begins_group(const char *word);
static int cli_known_as(const char *list, const char *word);


/* what the verb that is known so far takes is nearer than what others do */

int
cli_unknown_option(cli_t *cli, cli_args_t *args, const char *word)
{
    char               near[256];
    size_t             i, len;
    cli_guess_t        guess;
    const cli_opt_t   *opt;
    const cli_verb_t  *verb, *other;

    len = strcspn(word, "=");
    verb = cli_find(args, NULL);

    cli_guess_init(&guess, word + 2, word[1] == '-' && len > 2 ? len - 2 : 0);

    for (i = 0; (other = cli_verb(i)) != NULL; i++) {
        if (verb == NULL || other == verb) {
            for (opt = other->options; opt && opt->name; opt++) {
                cli_guess_add(&guess, opt->name);
            }
        }
    }

    for (opt = cli_globals; opt->name; opt++) {
        cli_guess_add(&guess, opt->name);
    }

    cli_guess_text(&guess, "--", "", near, sizeof(near));

    if (near[0] == '\0') {
        snprintf(near, sizeof(near), ": see service-token help%s%s",
                 verb ? " " : "", verb ? verb->words : "");
    }

    return ctl_fail(&cli->ctl, CTL_INVALID, "unknown option %.*s%s",
                    (int) len, word, near);
}


/* half a verb is answered by help, too, but it is an error of a script */

int
cli_unknown_verb(cli_t *cli, const cli_args_t *args)
{
    char               typed[CLI_WORDS_MAX], near[256];
    size_t             i, grouped;
    cli_guess_t        guess;
    const char        *name, *group;
    const cli_verb_t  *verb;

    if (args->n == 0) {
        cli_help_all(cli, stderr);
        return CTL_INVALID;
    }

    group = cli_group(args->arg[0]);

    if (args->n == 1 && group) {
        cli_help_group(stderr, args->arg[0]);
        return CTL_INVALID;
    }

    snprintf(typed, sizeof(typed), "%s%s%s", args->arg[0],
             args->n > 1 ? " " : "", args->n > 1 ? args->arg[1] : "");
    cli_guess_init(&guess, typed, strlen(typed));

    for (i = 0; args->n == 1 && (name = cli_groups[i]) != NULL; i++) {
        cli_guess_add(&guess, name);
    }

    grouped = guess.n;

    for (i = 0; !grouped && (verb = cli_verb(i)) != NULL; i++) {
        if (!(verb->flags & CLI_HIDDEN)) {
            cli_guess_verb(&guess, verb, args);
        }
    }

    cli_guess_text(&guess, "", "\"", near, sizeof(near));

    if (near[0] == '\0') {
        snprintf(near, sizeof(near), ": see service-token help%s%s",
                 group ? " " : "", group ? group : "");
    }

    return ctl_fail(&cli->ctl, CTL_INVALID, "unknown verb \"%s\"%s", typed,
                    near);
}


/* by its letters, by another word for it, by its words in another order */

static void
cli_guess_verb(cli_guess_t *guess, const cli_verb_t *verb,
    const cli_args_t *args)
{
    int          distance;
    stok_str_t   group, last, whole;
    const char  *first, *second;

    first = args->arg[0];
    second = args->n > 1 ? args->arg[1] : "";

    whole.data = verb->words;
    whole.len = strlen(verb->words);
    group.data = verb->words;
    group.len = strcspn(verb->words, " ");
    last.len = whole.len - group.len;

    if (last.len == 0) {
        distance = cli_known_as(verb->also, first)
                   ? 0 : cli_guess_near(first, strlen(first), whole);

    } else {
        last.len--;
        last.data = whole.data + group.len + 1;

        if (strlen(first) == group.len
            && memcmp(first, group.data, group.len) == 0)
        {
            distance = cli_known_as(verb->also, second)
                       ? 0 : cli_guess_near(second, strlen(second), last);

        } else if (cli_turned(group, first, second)
                   && (strcmp(last.data, first) == 0
                       || cli_known_as(verb->also, first)))
        {
            distance = 0;

        } else {
            distance = cli_guess_near(guess->typed, guess->len, whole);
        }
    }

    if (distance >= 0) {
        cli_guess_keep(guess, verb->words, distance);
    }
}


/* "create user", "list tokens", or no group at all: "revoke tok_..." */

static int
cli_turned(stok_str_t group, const char *first, const char *second)
{
    return strncmp(second, group.data, group.len) == 0
           || (cli_group(first) == NULL && !cli_begins_group(second));
}


/* "tokens" is nearly one */

static int
cli_begins_group(const char *word)
{
    size_t  i;

    for (i = 0; cli_groups[i]; i++) {
        if (strncmp(word, cli_groups[i], strlen(cli_groups[i])) == 0) {
            return 1;
        }
    }

    return 0;
}


/* whether a word is in a list with blanks between */

static int
cli_known_as(const char *list, const char *word)
{
    size_t  len, n;

    n = strlen(word);

    for ( /* void */ ; n && *list; list += len + strspn(list + len, " ")) {
        len = strcspn(list, " ");

        if (len == n && strncmp(list, word, n) == 0) {
            return 1;
        }
    }

    return 0;
}
