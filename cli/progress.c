/*
 * Long work: one bar on a terminal, and an end in good order.
 *
 * The bar stands on standard error, is drawn ten times a second at most, and
 * goes when something is printed or the work is done.  The first signal asks
 * the operation to end at its next step; a second one ends the command as it
 * would have without this file.
 */


#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define CLI_BAR        40                        /* characters */
#define CLI_BAR_PAUSE  100                       /* ms */
#define CLI_SIGNALS    3


static void cli_progress_stop(int number);
static void cli_progress_signals(void);
static void cli_progress_bar(void *data, int64_t done, int64_t total);


static const int  cli_progress_number[CLI_SIGNALS] = {
    SIGINT, SIGTERM, SIGHUP
};

static struct sigaction  cli_progress_was[CLI_SIGNALS];
static ctl_t            *cli_progress_ctl;


void
cli_progress_begin(cli_t *cli)
{
    size_t            i;
    struct sigaction  action;

    cli_progress_ctl = &cli->ctl;

    if (isatty(STDERR_FILENO) && !cli->quiet) {
        cli->ctl.progress = cli_progress_bar;
    }

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = cli_progress_stop;

    for (i = 0; i < CLI_SIGNALS; i++) {
        sigaction(cli_progress_number[i], NULL, &cli_progress_was[i]);

        /* nohup wants one of them ignored */

        if (cli_progress_was[i].sa_handler != SIG_IGN) {
            sigaction(cli_progress_number[i], &action, NULL);
        }
    }
}


void
cli_progress_end(cli_t *cli)
{
    cli_progress_signals();
    cli_bar_clear();
    cli->ctl.progress = NULL;
}


static void
cli_progress_stop(int number)
{
    cli_progress_ctl->stop = number;
    cli_progress_signals();
}


/* as they were */

static void
cli_progress_signals(void)
{
    size_t  i;

    for (i = 0; i < CLI_SIGNALS; i++) {
        sigaction(cli_progress_number[i], &cli_progress_was[i], NULL);
    }
}


void
cli_progress_raise(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}


static void
cli_progress_bar(void *data, int64_t done, int64_t total)
{
    int              percent;
    char             text[CLI_BAR + 16];
    int64_t          now;
    struct timespec  ts;

    static int64_t  last;

    (void) data;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    now = (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    if (last && now < last + CLI_BAR_PAUSE) {
        return;
    }

    last = now;

    if (total > 0) {
        percent = done < total ? (int) (done * 100 / total) : 100;
        snprintf(text, sizeof(text), "[%-*.*s] %3d%%", CLI_BAR,
                 percent * CLI_BAR / 100,
                 "########################################", percent);

    } else {
        snprintf(text, sizeof(text), "%lld files", (long long) done);
    }

    cli_bar_show(text);
}
