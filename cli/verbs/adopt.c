/*
 * token adopt: tokens that another system has made, from standard input.
 *
 * One line is one token, whose name is an option.  A CSV has many: its first
 * line names the columns.  A line that is refused is named, by its number and
 * not by what it holds, and the others are still adopted.  Each token
 * is adopted at once or not at all; after a signal, or when Redis has gone,
 * the same input is given again, and what was adopted is skipped.
 */


#include "lines.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>


enum {
    CLI_ADOPT_TOKEN = 0,
    CLI_ADOPT_NAME,
    CLI_ADOPT_USER,
    CLI_ADOPT_ENV,
    CLI_ADOPT_EXPIRES,
    CLI_ADOPT_COLUMNS
};

static const char  *cli_adopt_columns[CLI_ADOPT_COLUMNS] = {
    "token", "name", "user", "env", "expires_in"
};


typedef struct {
    cli_t            *cli;
    ctl_token_new_t   want;
    int               weak;
    int               column[CLI_ADOPT_COLUMNS]; /* -1: it is not there */
    int               cells;                     /* of the first line */

    size_t            adopted;
    size_t            known;
    size_t            refused;

    cli_lines_t       lines;
} cli_adopt_t;


static void cli_adopt_options(cli_adopt_t *adopt, cli_args_t *args);
static int cli_adopt_needs(cli_t *cli);
static int cli_adopt_one(cli_adopt_t *adopt, const char *text, size_t len);
static int cli_adopt_input(cli_adopt_t *adopt);
static int cli_adopt_list(cli_adopt_t *adopt, char *head);
static int cli_adopt_head(cli_adopt_t *adopt, char *head);
static int cli_adopt_column(cli_adopt_t *adopt, const char *name, int cell);
static int cli_adopt_row(cli_adopt_t *adopt, char *line);
static int cli_adopt_refused(cli_adopt_t *adopt, int code);
static int cli_adopt_print(cli_adopt_t *adopt, json_t *json);
static int cli_adopt_end(cli_adopt_t *adopt, int code);
static void cli_adopt_signals(void);
static void cli_adopt_signal(int signo);


static volatile sig_atomic_t  cli_adopt_stop;


int
cli_token_adopt(cli_t *cli, cli_args_t *args)
{
    int               code;
    cli_adopt_t       adopt;
    cli_plaintext_t   plaintext;

    memset(&adopt, 0, sizeof(adopt));
    adopt.cli = cli;
    adopt.lines.stop = &cli_adopt_stop;

    cli_adopt_options(&adopt, args);

    if (isatty(STDIN_FILENO)) {
        code = cli_plaintext_read(cli, &plaintext);

        if (code == CTL_OK) {
            code = cli_adopt_one(&adopt, plaintext.text, plaintext.len);
        }

        OPENSSL_cleanse(&plaintext, sizeof(plaintext));

        return code;
    }

    cli_adopt_signals();

    code = cli_adopt_input(&adopt);
    OPENSSL_cleanse(&adopt.lines, sizeof(adopt.lines));

    return code;
}


/* a token alone needs all three; a CSV has its names in a column */

int
cli_token_adopt_check(cli_t *cli, cli_args_t *args)
{
    const char  *user, *name, *env;

    user = cli_option(args, "user");
    name = cli_option(args, "name");
    env = cli_option(args, "env");

    return (user && name && env) || (name == NULL && !isatty(STDIN_FILENO))
           ? CTL_OK : cli_adopt_needs(cli);
}


static int
cli_adopt_needs(cli_t *cli)
{
    return ctl_fail(&cli->ctl, CTL_INVALID, "token adopt needs --user, --name "
                    "and --env, or a CSV on standard input");
}


static void
cli_adopt_options(cli_adopt_t *adopt, cli_args_t *args)
{
    adopt->weak = cli_option(args, "allow-weak") != NULL;
    adopt->want.user = cli_option(args, "user");
    adopt->want.name = cli_option(args, "name");
    adopt->want.env = cli_option(args, "env");
    adopt->want.expires_in = cli_option(args, "expires-in");
    adopt->want.scim = cli_option(args, "scim-only") != NULL;
}


static int
cli_adopt_one(cli_adopt_t *adopt, const char *text, size_t len)
{
    int      code;
    cli_t   *cli;
    json_t  *token;

    cli = adopt->cli;

    if (adopt->want.user == NULL || adopt->want.name == NULL
        || adopt->want.env == NULL)
    {
        return cli_adopt_needs(cli);
    }

    code = ctl_token_adopt(&cli->ctl, &adopt->want, text, len, adopt->weak,
                           &token);

    if (code != CTL_OK) {
        return code;
    }

    if (strcmp(ctl_text(token, "result"), "known") == 0) {
        ctl_note(&cli->ctl, CTL_NOTE_NOTE, "the token was adopted already: "
                 "nothing was changed");
    }

    if (cli->json) {
        cli_answer(cli, token);
        return CTL_OK;
    }

    cli_say("%s\n", ctl_text(token, "id"));
    json_decref(token);

    return CTL_OK;
}


static int
cli_adopt_input(cli_adopt_t *adopt)
{
    int     code;
    char    first[CLI_LINE + 1], *line;
    size_t  len;

    code = cli_lines_next(&adopt->cli->ctl, &adopt->lines, &line);

    if (code == CTL_FOUND && !cli_adopt_stop) {
        return ctl_fail(&adopt->cli->ctl, CTL_INVALID, "standard input is "
                        "empty: a token, or a CSV, is expected there");
    }

    if (code != CTL_OK) {
        return cli_adopt_stop ? cli_adopt_end(adopt, code) : code;
    }

    len = strlen(line);
    memcpy(first, line, len + 1);

    if (strchr(first, ',')) {
        code = cli_adopt_list(adopt, first);

    } else {
        code = cli_lines_next(&adopt->cli->ctl, &adopt->lines, &line);

        if (code == CTL_OK) {
            code = ctl_fail(&adopt->cli->ctl, CTL_INVALID, "one line with a "
                            "token is expected, or a CSV whose first line is "
                            "token,name");

        } else if (code == CTL_FOUND && !cli_adopt_stop) {
            code = cli_adopt_one(adopt, first, len);
        }
    }

    OPENSSL_cleanse(first, sizeof(first));

    return code;
}


static int
cli_adopt_list(cli_adopt_t *adopt, char *head)
{
    int    code;
    char  *line;

    code = cli_adopt_head(adopt, head);
    if (code != CTL_OK) {
        return code;
    }

    while (code == CTL_OK) {
        code = cli_lines_next(&adopt->cli->ctl, &adopt->lines, &line);

        if (code == CTL_OK && line[0]) {
            code = cli_adopt_row(adopt, line);
        }
    }

    return cli_adopt_end(adopt, code);
}


/* it is not repeated: it may be a line with a token */

static int
cli_adopt_head(cli_adopt_t *adopt, char *head)
{
    int   i, code;
    char  *cell[CLI_CELLS];

    for (i = 0; i < CLI_ADOPT_COLUMNS; i++) {
        adopt->column[i] = -1;
    }

    if (strncmp(head, "\xef\xbb\xbf", 3) == 0) {
        head += 3;
    }

    adopt->cells = cli_lines_split(head, cell);

    for (i = 0, code = CTL_OK; i < adopt->cells && code == CTL_OK; i++) {
        code = cli_adopt_column(adopt, cell[i], i);
    }

    if (code != CTL_OK || adopt->cells < 1
        || adopt->column[CLI_ADOPT_TOKEN] == -1
        || adopt->column[CLI_ADOPT_NAME] == -1)
    {
        return ctl_fail(&adopt->cli->ctl, CTL_INVALID, "the first line of the "
                        "CSV does not name its columns: token and name, and "
                        "user, env and expires_in where no option says them");
    }

    if (adopt->want.name) {
        return ctl_fail(&adopt->cli->ctl, CTL_INVALID, "the CSV has a column "
                        "for names: leave out --name");
    }

    if ((adopt->want.user == NULL && adopt->column[CLI_ADOPT_USER] == -1)
        || (adopt->want.env == NULL && adopt->column[CLI_ADOPT_ENV] == -1))
    {
        return ctl_fail(&adopt->cli->ctl, CTL_INVALID, "the CSV needs a "
                        "column, or else an option, for user and env");
    }

    return CTL_OK;
}


static int
cli_adopt_column(cli_adopt_t *adopt, const char *name, int cell)
{
    int  i;

    for (i = 0; i < CLI_ADOPT_COLUMNS; i++) {
        if (strcasecmp(name, cli_adopt_columns[i]) == 0
            && adopt->column[i] == -1)
        {
            adopt->column[i] = cell;
            return CTL_OK;
        }
    }

    return CTL_INVALID;
}


static int
cli_adopt_row(cli_adopt_t *adopt, char *line)
{
    int               i, n, code;
    char             *cell[CLI_CELLS], *value[CLI_ADOPT_COLUMNS];
    json_t           *token;
    ctl_token_new_t   want;

    token = NULL;
    want = adopt->want;
    n = cli_lines_split(line, cell);

    if (n != adopt->cells) {
        return cli_adopt_refused(adopt,
                                 ctl_fail(&adopt->cli->ctl, CTL_REJECTED,
                                          "the line has other columns than "
                                          "the first one"));
    }

    for (i = 0; i < CLI_ADOPT_COLUMNS; i++) {
        value[i] = adopt->column[i] == -1 ? "" : cell[adopt->column[i]];
    }

    want.name = value[CLI_ADOPT_NAME];
    want.user = value[CLI_ADOPT_USER][0] ? value[CLI_ADOPT_USER] : want.user;
    want.env = value[CLI_ADOPT_ENV][0] ? value[CLI_ADOPT_ENV] : want.env;

    if (value[CLI_ADOPT_EXPIRES][0]) {
        want.expires_in = value[CLI_ADOPT_EXPIRES];
    }

    if (want.user == NULL || want.env == NULL) {
        code = ctl_fail(&adopt->cli->ctl, CTL_REJECTED, "the line has no user "
                        "or no environment");

    } else {
        code = ctl_token_adopt(&adopt->cli->ctl, &want,
                               value[CLI_ADOPT_TOKEN],
                               strlen(value[CLI_ADOPT_TOKEN]), adopt->weak,
                               &token);
    }

    return code == CTL_OK ? cli_adopt_print(adopt, token)
                          : cli_adopt_refused(adopt, code);
}


/* the line is named, and the next one is read, unless Redis has gone */

static int
cli_adopt_refused(cli_adopt_t *adopt, int code)
{
    ctl_t  *ctl;

    ctl = &adopt->cli->ctl;

    if (code == CTL_UNAVAILABLE) {
        return code;
    }

    adopt->refused++;

    ctl_note(ctl, CTL_NOTE_ERROR, "line %zu: %s", adopt->lines.line,
             ctl->error.text);

    if (!adopt->cli->json) {
        ctl->error.text[0] = '\0';
        return CTL_OK;
    }

    code = cli_adopt_print(adopt, json_pack("{s:s, s:s}", "result", "refused",
                                            "reason", ctl->error.text));
    ctl->error.text[0] = '\0';

    return code;
}


static int
cli_adopt_print(cli_adopt_t *adopt, json_t *json)
{
    int          code;
    size_t       before;
    const char  *result;

    code = CTL_OK;
    before = adopt->adopted + adopt->known + adopt->refused;
    result = ctl_text(json, "result");

    if (strcmp(result, "adopted") == 0) {
        adopt->adopted++;

    } else if (strcmp(result, "known") == 0) {
        adopt->known++;

    } else {
        before--;                                /* counted already */
    }

    if (adopt->cli->json) {
        json_object_set_new(json, "line",
                            json_integer((json_int_t) adopt->lines.line));
        code = cli_print_item(adopt->cli, json, before);

    } else {
        cli_say("%s %s %s\n", ctl_text(json, "id"), result,
                ctl_text(json, "name"));
    }

    json_decref(json);

    return code == CTL_OK ? cli_flush(adopt->cli) : code;
}


/* CTL_FOUND: the input is at its end, or a signal came */

static int
cli_adopt_end(cli_adopt_t *adopt, int code)
{
    ctl_t  *ctl;
    size_t  n;

    ctl = &adopt->cli->ctl;
    n = adopt->adopted + adopt->known + adopt->refused;

    if (adopt->cli->json && (n || code == CTL_FOUND)) {
        cli_print_end(n);
        (void) cli_flush(adopt->cli);            /* before the note */
    }

    ctl_note(ctl, CTL_NOTE_PLAIN, "%zu adopted, %zu known already, %zu "
             "refused", adopt->adopted, adopt->known, adopt->refused);

    if (cli_adopt_stop) {
        (void) cli_flush(adopt->cli);
        ctl_note(ctl, CTL_NOTE_ERROR, "interrupted after line %zu: give the "
                 "same input again to adopt the remaining lines",
                 adopt->lines.line);
        signal(cli_adopt_stop, SIG_DFL);
        raise(cli_adopt_stop);
    }

    if (code == CTL_UNAVAILABLE) {
        ctl_note(ctl, CTL_NOTE_NOTE, "line %zu was not adopted: give the same "
                 "input again to adopt the remaining lines",
                 adopt->lines.line);
    }

    if (code != CTL_FOUND) {
        return code;
    }

    return adopt->refused ? ctl_fail(ctl, CTL_REJECTED, "%zu of %zu lines were "
                                     "refused", adopt->refused, n)
                          : CTL_OK;
}


static void
cli_adopt_signals(void)
{
    size_t            i;
    struct sigaction  action;

    static const int  ends[] = { SIGINT, SIGTERM, SIGHUP };

    memset(&action, 0, sizeof(action));
    action.sa_handler = cli_adopt_signal;
    action.sa_flags = SA_RESTART;                /* Redis is read to the end */

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        sigaction(ends[i], &action, NULL);
    }
}


static void
cli_adopt_signal(int signo)
{
    cli_adopt_stop = signo;
}
