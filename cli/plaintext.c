/*
 * A plaintext token where an id is asked for.
 *
 * Somebody who found a leaked token knows the token and not its id.  On a
 * command line it would stand in the list of processes and in the shell's
 * history, so it is refused there and never repeated; on standard input it
 * stands for its id.  A terminal does not show it.
 */


#include "cli.h"
#include "stok_scan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>


static int cli_plaintext_held(const char *text);
static int cli_plaintext_line(cli_t *cli, cli_plaintext_t *plaintext,
    int terminal);
static int cli_plaintext_quiet(cli_t *cli, cli_plaintext_t *plaintext);
static void cli_plaintext_signal(int signo);

static const int  cli_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
                                    SIGTSTP };
#define CLI_SIGNALS  (sizeof(cli_signals) / sizeof(cli_signals[0]))

static volatile sig_atomic_t  cli_signal;


/* a path may have any name: what scan is to look at is not an id */

int
cli_plaintext_refuse(cli_t *cli, const cli_args_t *args)
{
    int  i, held;

    if (strcmp(args->arg[0], "scan") == 0) {
        return CTL_OK;
    }

    held = cli_plaintext_held(cli->ctl.prefix)
           || cli_plaintext_held(cli->ctl.role_names)
           || (cli->ctl.actor && cli_plaintext_held(cli->ctl.actor));

    for (i = 0; i < args->n && !held; i++) {
        held = cli_plaintext_held(args->arg[i]);
    }

    for (i = 0; i < args->options && !held; i++) {
        held = cli_plaintext_held(args->value[i]);
    }

    return held ? ctl_fail(&cli->ctl, CTL_INVALID, "that is a token, not its "
                           "id: give it on standard input, with - as the id")
                : CTL_OK;
}


/* one that was mistyped is nearly as good as one */

static int
cli_plaintext_held(const char *text)
{
    size_t         len, pos;
    stok_token_t   token;

    len = strlen(text);
    pos = 0;

    return stok_scan_next(text, len, &pos, &token) == STOK_OK
           || (stok_bearer_check(text, len) == STOK_OK
               && stok_token_parse(text, len, &token) == STOK_INVALID);
}


int
cli_plaintext_read(cli_t *cli, cli_plaintext_t *plaintext)
{
    int  code;

    code = cli_plaintext_input(cli, plaintext);

    return code == CTL_OK
           ? ctl_plaintext_check(&cli->ctl, plaintext->text, plaintext->len)
           : code;
}


int
cli_plaintext_input(cli_t *cli, cli_plaintext_t *plaintext)
{
    int  code;

    code = isatty(STDIN_FILENO) ? cli_plaintext_quiet(cli, plaintext)
                                : cli_plaintext_line(cli, plaintext, 0);
    if (code != CTL_OK) {
        return code;
    }

    if (plaintext->len && plaintext->text[plaintext->len - 1] == '\n') {
        plaintext->len--;
    }

    if (plaintext->len && plaintext->text[plaintext->len - 1] == '\r') {
        plaintext->len--;
    }

    return CTL_OK;
}


/* not by stdio, which keeps a copy; what is too long is not a token */

static int
cli_plaintext_line(cli_t *cli, cli_plaintext_t *plaintext, int terminal)
{
    ssize_t  n;

    plaintext->len = 0;

    while (plaintext->len < sizeof(plaintext->text)) {
        n = read(STDIN_FILENO, plaintext->text + plaintext->len,
                 sizeof(plaintext->text) - plaintext->len);

        if (n == -1 && errno == EINTR && !cli_signal) {
            continue;
        }

        if (n == -1) {
            return ctl_fail(&cli->ctl, CTL_INVALID, "cannot read the token "
                            "from standard input");
        }

        plaintext->len += (size_t) n;

        if (n == 0 || (terminal
                       && plaintext->text[plaintext->len - 1] == '\n'))
        {
            break;
        }
    }

    return CTL_OK;
}


/* a signal ends the reading first, and the terminal is as it was */

static int
cli_plaintext_quiet(cli_t *cli, cli_plaintext_t *plaintext)
{
    int                code;
    size_t             i;
    struct termios     was, quiet;
    struct sigaction   action, old[CLI_SIGNALS];

    if (tcgetattr(STDIN_FILENO, &was) == -1) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "cannot turn off the "
                        "terminal's echo");
    }

    memset(&action, 0, sizeof(action));
    action.sa_handler = cli_plaintext_signal;

    for (i = 0; i < CLI_SIGNALS; i++) {
        sigaction(cli_signals[i], &action, &old[i]);
    }

    quiet = was;
    quiet.c_lflag &= ~(tcflag_t) (ECHO|ECHONL);

    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == -1) {
        code = ctl_fail(&cli->ctl, CTL_INVALID, "cannot turn off the "
                        "terminal's echo");

    } else {
        cli_say_to(stderr, "Token (it is not shown): ");
        code = cli_plaintext_line(cli, plaintext, 1);
        cli_say_to(stderr, "\n");
        (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
    }

    for (i = 0; i < CLI_SIGNALS; i++) {
        sigaction(cli_signals[i], &old[i], NULL);
    }

    if (cli_signal) {
        (void) raise(cli_signal);
    }

    return code;
}


static void
cli_plaintext_signal(int signo)
{
    cli_signal = signo;
}


int
cli_plaintext_id(cli_t *cli, cli_plaintext_t *plaintext)
{
    int  code;

    code = ctl_plaintext_id(&cli->ctl, plaintext->text, plaintext->len,
                            plaintext->id);

    if (code == CTL_OK) {
        ctl_note(&cli->ctl, CTL_NOTE_NOTE, "the token is %s", plaintext->id);
    }

    return code;
}
