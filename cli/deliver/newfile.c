/*
 * A new file that has its name only when it is whole.
 *
 * It is written beside its name, under that and six more characters, and gets
 * the name by a link, which never replaces another file.  A signal that ends
 * the command takes it away first, and a full disk or a limit is an error like
 * others.  After kill -9 a file may be left, but not under the name.
 */


#define _GNU_SOURCE                              /* mkostemp, renameat2 */

#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static void cli_newfile_signals(void (*handler)(int));
static void cli_newfile_end(int number);
static int cli_newfile_name(const char *path);


/* of the only one that is open; "": none */
static char  cli_newfile_temp[4096];


int
cli_newfile_open(ctl_t *ctl, const char *path, FILE **out)
{
    int          fd, n;
    struct stat  st;

    if (lstat(path, &st) == 0) {
        return ctl_fail(ctl, CTL_REJECTED, "cannot make \"%s\": %s", path,
                        strerror(EEXIST));
    }

    n = snprintf(cli_newfile_temp, sizeof(cli_newfile_temp), "%s.XXXXXX",
                 path);

    if (n < 0 || (size_t) n >= sizeof(cli_newfile_temp)) {
        cli_newfile_temp[0] = '\0';
        return ctl_fail(ctl, CTL_REJECTED, "cannot make \"%s\": %s", path,
                        strerror(ENAMETOOLONG));
    }

    /* a signal between the two finds the name, or a file that is not there */

    cli_newfile_signals(cli_newfile_end);
    fd = mkostemp(cli_newfile_temp, O_CLOEXEC);  /* 0600 */

    if (fd == -1) {
        cli_newfile_temp[0] = '\0';
        return ctl_fail(ctl, CTL_REJECTED, "cannot make \"%s\": %s", path,
                        strerror(errno));
    }

    *out = fdopen(fd, "w");

    if (*out == NULL) {
        close(fd);
        unlink(cli_newfile_temp);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    return CTL_OK;
}


int
cli_newfile_close(ctl_t *ctl, const char *path, FILE *out, int keep)
{
    int  err;

    err = 0;

    if (keep && (fflush(out) != 0 || ferror(out) || fsync(fileno(out)) != 0)) {
        err = errno ? errno : EIO;
    }

    if (fclose(out) != 0 && err == 0) {
        err = errno;
    }

    if (keep && err == 0 && cli_newfile_name(path) != 0) {
        err = errno;
    }

    unlink(cli_newfile_temp);
    cli_newfile_signals(SIG_DFL);
    cli_newfile_temp[0] = '\0';

    return keep && err
           ? ctl_fail(ctl, CTL_REJECTED, "cannot write \"%s\": %s", path,
                      strerror(err))
           : CTL_OK;
}


/* where there are no links, by a rename that replaces nothing */

static int
cli_newfile_name(const char *path)
{
    if (link(cli_newfile_temp, path) == 0) {
        return 0;
    }

    return errno == EEXIST
           ? -1 : renameat2(AT_FDCWD, cli_newfile_temp, AT_FDCWD, path,
                            RENAME_NOREPLACE);
}


static void
cli_newfile_signals(void (*handler)(int))
{
    size_t            i;
    struct sigaction  action, was;

    static const int  ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = handler;

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {

        /* nohup wants one of them ignored */

        if (sigaction(ends[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN) {
            sigaction(ends[i], &action, NULL);
        }
    }
}


static void
cli_newfile_end(int number)
{
    unlink(cli_newfile_temp);
    signal(number, SIG_DFL);
    raise(number);
}
