/*
 * Everything is made from the table, and no line is longer than 80 columns.
 */


#include "help.h"

#include <stdio.h>
#include <string.h>


#define CLI_WIDTH      80
#define CLI_VERB_AT    20                        /* where the texts begin */
#define CLI_OPTION_AT  24
#define CLI_TEXTS      1024


static void cli_help_section(FILE *out, const char *title,
    const cli_verb_t *verbs, const char *group);
static void cli_help_options(cli_t *cli, FILE *out, const char *title,
    const cli_opt_t *list);
static void cli_help_usage(FILE *out, const cli_verb_t *verb);
static void cli_help_tables(FILE *out, const cli_verb_t *verb);
static void cli_help_examples(FILE *out, const cli_verb_t *verb);
static void cli_help_exits(FILE *out);
static void cli_help_row(FILE *out, const char *term, const char *text,
    size_t column);
static int cli_help_has(const cli_verb_t *verb, cli_kind_e kind);
static void cli_wrap(FILE *out, const char *text, size_t column,
    size_t indent, const char *end);


void
cli_help_all(cli_t *cli, FILE *out)
{
    const cli_section_t  *section;

    cli_say_to(out, "Create, rotate, review and revoke the service tokens "
               "that nginx checks.\n\n"
               "usage: service-token [OPTIONS] VERB [ARGUMENTS]\n");

    for (section = cli_sections; section->title; section++) {
        cli_help_section(out, section->title, section->verbs, NULL);
    }

    cli_help_options(cli, out, "Options for every verb", cli_globals);
    cli_help_exits(out);

    cli_say_to(out, "\nOptions and examples of a verb: service-token help "
               "token create\n");
}


void
cli_help_group(FILE *out, const char *group)
{
    char                  title[64];
    const cli_section_t  *section;

    cli_say_to(out, "usage: service-token %s VERB [ARGUMENTS]\n", group);
    snprintf(title, sizeof(title), "Verbs of %s", group);

    for (section = cli_sections; section->title; section++) {
        cli_help_section(out, title, section->verbs, group);
    }

    cli_say_to(out, "\nOptions and examples of a verb: service-token help %s "
               "VERB\n", group);
}


/* those of a group, or all */

static void
cli_help_section(FILE *out, const char *title, const cli_verb_t *verbs,
    const char *group)
{
    int     head;
    size_t  len;

    head = 0;
    len = group ? strlen(group) : 0;

    for ( /* void */ ; verbs->words; verbs++) {

        if ((verbs->flags & CLI_HIDDEN)
            || (group && (strncmp(verbs->words, group, len) != 0
                          || (verbs->words[len] != ' '
                              && verbs->words[len] != '\0'))))
        {
            continue;
        }

        if (!head) {
            cli_say_to(out, "\n%s\n", title);
            head = 1;
        }

        cli_help_row(out, verbs->words, verbs->summary, CLI_VERB_AT);
    }
}


void
cli_help_verb(cli_t *cli, FILE *out, const cli_verb_t *verb)
{
    char              text[CLI_TEXTS];
    size_t            len, i;
    const cli_opt_t  *opt;
    const cli_verb_t *other;

    cli_say_to(out, "%s.\n\n", verb->summary);
    cli_help_usage(out, verb);

    if (verb->text) {
        cli_say_to(out, "\n");
        cli_wrap(out, verb->text, 0, 0, "");
    }

    for (opt = verb->args; opt && opt->name; opt++) {
        cli_say_to(out, opt == verb->args ? "\nArguments\n" : "");
        cli_help_row(out, opt->name,
                     cli_opt_text(cli, opt, text, sizeof(text)),
                     CLI_OPTION_AT);
    }

    if (verb->options) {
        cli_help_options(cli, out, "Options", verb->options);
    }

    cli_help_tables(out, verb);
    cli_help_examples(out, verb);

    len = strlen(verb->words);

    for (i = 0; (other = cli_verb(i)) != NULL; i++) {
        if (strncmp(other->words, verb->words, len) == 0
            && other->words[len] == ' ')
        {
            cli_say_to(out, "\nSee also: service-token help %s\n",
                       other->words);
        }
    }

    cli_say_to(out, "\nOptions for every verb: service-token help\n");
}


/* "usage: service-token token create --user ID [--wait TIME]" */

static void
cli_help_usage(FILE *out, const cli_verb_t *verb)
{
    char              word[64], term[64];
    size_t            column, indent;
    const cli_opt_t  *opt;

    cli_say_to(out, "usage: service-token %s", verb->words);

    column = strlen("usage: service-token ") + strlen(verb->words);
    indent = strlen("usage: service-token ");

    for (opt = verb->args; opt && opt->name; opt++) {
        snprintf(word, sizeof(word), " %s%s%s%s",
                 opt->flags & CLI_MAYBE ? "[" : "", opt->name,
                 opt->flags & CLI_MANY ? "..." : "",
                 opt->flags & CLI_MAYBE ? "]" : "");
        cli_say_to(out, "%s", word);
        column += strlen(word);
    }

    for (opt = verb->options; opt && opt->name; opt++) {
        snprintf(term, sizeof(term), "--%s%s%s", opt->name,
                 opt->value ? " " : "", opt->value ? opt->value : "");
        snprintf(word, sizeof(word), opt->flags & CLI_NEEDED ? "%s" : "[%s]",
                 term);

        if (column + 1 + strlen(word) > CLI_WIDTH) {
            cli_say_to(out, "\n%*s", (int) indent, "");
            column = indent;

        } else {
            cli_say_to(out, " ");
            column++;
        }

        cli_say_to(out, "%s", word);
        column += strlen(word);
    }

    cli_say_to(out, "\n");
}


static void
cli_help_options(cli_t *cli, FILE *out, const char *title,
    const cli_opt_t *list)
{
    char  term[64], text[CLI_TEXTS];

    cli_say_to(out, "\n%s\n", title);

    for ( /* void */ ; list->name; list++) {
        cli_help_row(out, cli_opt_term(list, term, sizeof(term)),
                     cli_opt_text(cli, list, text, sizeof(text)),
                     CLI_OPTION_AT);
    }
}


/* what the operations themselves go by */

static void
cli_help_tables(FILE *out, const cli_verb_t *verb)
{
    int          days;
    char         text[64];
    size_t       i;
    const char  *name, *role;

    if (cli_help_has(verb, CLI_USE_CASE)) {
        cli_say_to(out, "\nThe role of each use case\n");

        for (i = 0; (name = ctl_use_case(i, &role)) != NULL; i++) {
            cli_help_row(out, name, role, CLI_OPTION_AT);
        }
    }

    if (cli_help_has(verb, CLI_ENV) && cli_help_has(verb, CLI_LIFETIME)) {
        cli_say_to(out, "\nThe lifetime in each environment\n");

        for (i = 0; (name = ctl_env(i, &days)) != NULL; i++) {
            snprintf(text, sizeof(text), "%d days", days);
            cli_help_row(out, name, text, CLI_OPTION_AT);
        }
    }
}


static int
cli_help_has(const cli_verb_t *verb, cli_kind_e kind)
{
    const cli_opt_t  *opt;

    for (opt = verb->options; opt && opt->name; opt++) {
        if (opt->kind == kind) {
            return 1;
        }
    }

    return 0;
}


/* a long one goes on in a next line, as a shell takes it */

static void
cli_help_examples(FILE *out, const cli_verb_t *verb)
{
    size_t  i;

    cli_say_to(out, "\nExamples\n");

    for (i = 0; i < CLI_EXAMPLES && verb->example[i]; i++) {
        cli_say_to(out, "  service-token");
        cli_wrap(out, verb->example[i], strlen("  service-token"), 6,
                 " \\");
    }
}


static void
cli_help_exits(FILE *out)
{
    char               code[8];
    const cli_exit_t  *e;

    cli_say_to(out, "\nExit codes\n");

    for (e = cli_exits; e->text; e++) {
        snprintf(code, sizeof(code), "%d", e->code);
        cli_say_to(out, "  %s  ", code);
        cli_wrap(out, e->text, 5, 5, "");
    }
}


const char *
cli_opt_term(const cli_opt_t *opt, char *out, size_t size)
{
    char  letter[8];

    letter[0] = '\0';

    if (opt->letter) {
        snprintf(letter, sizeof(letter), "-%c, ", opt->letter);
    }

    snprintf(out, size, "%s--%s%s%s", letter, opt->name,
             opt->value ? " " : "", opt->value ? opt->value : "");

    return out;
}


const char *
cli_opt_text(cli_t *cli, const cli_opt_t *opt, char *out, size_t size)
{
    size_t      i, len;
    stok_str_t  word;

    snprintf(out, size, "%s", opt->text);

    for (i = 0; cli_opt_word(cli, opt, i, &word); i++) {
        len = strlen(out);
        snprintf(out + len, size - len, "%s%.*s", i ? ", " : " [one of: ",
                 (int) word.len, word.data);
    }

    len = strlen(out);
    snprintf(out + len, size - len, "%s%s%s%s%s%s%s%s", i ? "]" : "",
             opt->flags & CLI_NEEDED ? " [required]" : "",
             opt->fallback ? " [default: " : "",
             opt->fallback ? opt->fallback : "", opt->fallback ? "]" : "",
             opt->env ? " [variable: " : "", opt->env ? opt->env : "",
             opt->env ? "]" : "");

    return out;
}


/* "  --term     text": beside it, or below a long term */

static void
cli_help_row(FILE *out, const char *term, const char *text, size_t column)
{
    size_t  len;

    len = 2 + strlen(term);
    cli_say_to(out, "  %s", term);

    if (len + 2 > column) {
        cli_say_to(out, "\n");
        len = 0;
    }

    cli_say_to(out, "%*s", (int) (column - len), "");
    cli_wrap(out, text, column, column, "");
}


/*
 * Words from a column on, in lines that begin at indent; what is within double
 * quotes is not parted.  end: of each line but the last; of a command, whose
 * options stay with their values.
 */

static void
cli_wrap(FILE *out, const char *text, size_t column, size_t indent,
    const char *end)
{
    int     quoted, first;
    size_t  len, room;

    room = CLI_WIDTH - strlen(end);
    first = column == indent;

    while (*text) {
        for (len = 0, quoted = 0; text[len]; len++) {
            quoted ^= text[len] == '"';

            if (text[len] == ' ' && !quoted
                && !(end[0] && text[0] == '-' && text[len + 1] != '-'
                     && memchr(text, ' ', len) == NULL))
            {
                break;
            }
        }

        if (!first && column + 1 + len > room) {
            cli_say_to(out, "%s\n%*s", end, (int) indent, "");
            column = indent;
            first = 1;
        }

        cli_say_to(out, "%s%.*s", first ? "" : " ", (int) len, text);
        column += len + !first;
        first = 0;

        text += len;
        text += *text == ' ';
    }

    cli_say_to(out, "\n");
}
