/*
 * The manual page's part that the table makes: options, verbs, exit codes and
 * the environment, for man(7).  The Makefile puts man/head.1 before and
 * man/tail.1 behind it.
 */


#include "args.h"

#include "help.h"

#include <stdio.h>
#include <string.h>


#define CLI_MAN_TEXT  1024


static void cli_man_verb(cli_t *cli, const cli_verb_t *verb);
static void cli_man_usage(const cli_verb_t *verb);
static void cli_man_options(cli_t *cli, const cli_opt_t *list);
static void cli_man_argument(const cli_opt_t *opt);
static void cli_man_ends(void);
static void cli_man_text(const char *text);


int
cli_man(cli_t *cli, cli_args_t *args)
{
    const cli_verb_t     *verb;
    const cli_section_t  *section;

    (void) args;

    cli_say(".SH OPTIONS\nOptions may appear anywhere on the line, and "
            "\\fB\\-\\-\\fR ends them.\n");
    cli_man_options(cli, cli_globals);

    for (section = cli_sections; section->title; section++) {
        cli_say(".SH \"VERBS: %s\"\n", section->title);

        for (verb = section->verbs; verb->words; verb++) {
            if (!(verb->flags & CLI_HIDDEN)) {
                cli_man_verb(cli, verb);
            }
        }
    }

    cli_man_ends();

    return cli_flush(cli);
}


static void
cli_man_verb(cli_t *cli, const cli_verb_t *verb)
{
    char              text[CLI_MAN_TEXT];
    size_t            i;
    const cli_opt_t  *opt;

    cli_say(".SS \"");
    cli_man_text(verb->words);
    cli_say("\"\n");
    cli_man_text(verb->summary);
    cli_say(".\n");

    if (verb->text) {
        cli_man_text(verb->text);
        cli_say("\n");
    }

    cli_man_usage(verb);

    for (opt = verb->args; opt && opt->name; opt++) {
        cli_say(".TP\n.I \"");
        cli_man_text(opt->name);
        cli_say("\"\n");
        cli_man_text(cli_opt_text(cli, opt, text, sizeof(text)));
        cli_say("\n");
    }

    cli_man_options(cli, verb->options);

    cli_say(".PP\nExamples:\n.PP\n.in +4n\n.EX\n");

    for (i = 0; i < CLI_EXAMPLES && verb->example[i]; i++) {
        cli_say("service\\-token ");
        cli_man_text(verb->example[i]);
        cli_say("\n");
    }

    cli_say(".EE\n.in\n");
}


static void
cli_man_usage(const cli_verb_t *verb)
{
    const cli_opt_t  *opt;

    cli_say(".PP\n\\fBservice\\-token ");
    cli_man_text(verb->words);
    cli_say("\\fR");

    for (opt = verb->args; opt && opt->name; opt++) {
        cli_say(" %s\\fI", opt->flags & CLI_MAYBE ? "[" : "");
        cli_man_text(opt->name);
        cli_say("\\fR%s%s", opt->flags & CLI_MANY ? "..." : "",
                opt->flags & CLI_MAYBE ? "]" : "");
    }

    for (opt = verb->options; opt && opt->name; opt++) {
        cli_say(opt->flags & CLI_NEEDED ? " " : " [");
        cli_man_argument(opt);
        cli_say(opt->flags & CLI_NEEDED ? "" : "]");
    }

    cli_say("\n");
}


static void
cli_man_options(cli_t *cli, const cli_opt_t *list)
{
    char  text[CLI_MAN_TEXT];

    for ( /* void */ ; list && list->name; list++) {
        cli_say(".TP\n");

        if (list->letter) {
            cli_say("\\fB\\-%c\\fR, ", list->letter);
        }

        cli_man_argument(list);
        cli_say("\n");
        cli_man_text(cli_opt_text(cli, list, text, sizeof(text)));
        cli_say("\n");
    }
}


/* an option and its value, which a line break does not part */

static void
cli_man_argument(const cli_opt_t *opt)
{
    cli_say("\\fB\\-\\-");
    cli_man_text(opt->name);
    cli_say("\\fR");

    if (opt->value) {
        cli_say("\\~\\fI");
        cli_man_text(opt->value);
        cli_say("\\fR");
    }
}


static void
cli_man_ends(void)
{
    const cli_opt_t   *opt;
    const cli_exit_t  *end;

    cli_say(".SH \"EXIT STATUS\"\n");

    for (end = cli_exits; end->text; end++) {
        cli_say(".TP\n.B %d\n", end->code);
        cli_man_text(end->text);
        cli_say("\n");
    }

    cli_say(".SH ENVIRONMENT\nEach is used if its option is not given.\n");

    for (opt = cli_globals; opt->name; opt++) {
        if (opt->env) {
            cli_say(".TP\n.B %s\nThe option ", opt->env);
            cli_man_argument(opt);
            cli_say(".\n");
        }
    }
}


/* what roff would take for its own is text */

static void
cli_man_text(const char *text)
{
    size_t  n;

    cli_say(*text == '.' || *text == '\'' ? "\\&" : "");

    for ( /* void */ ; *text; text += n) {
        n = strcspn(text, "\\-\"~^`'");

        if (n) {
            cli_say("%.*s", (int) n, text);
            continue;
        }

        n = 1;
        cli_say(*text == '\\' ? "\\e" : *text == '-' ? "\\-"
                : *text == '"' ? "\\(dq" : *text == '~' ? "\\(ti"
                : *text == '^' ? "\\(ha" : *text == '`' ? "\\(ga" : "\\(aq");
    }
}
