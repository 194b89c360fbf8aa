/*
 * Descriptors 0, 1 and 2 are open before anything else is.
 *
 * If one of them was closed, the next thing to be opened would have its
 * number: a plaintext token meant for standard output, or a message for
 * standard error, would go to Redis, which would take a line for a command.
 * So /dev/null is put there first.
 *
 * A closed standard output is refused besides, before anything is made or
 * connected: what is shown once would be shown to nobody.
 */


#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>


/* the lowest free number is taken: those below fd are open */

int
cli_descriptors(cli_t *cli)
{
    int  fd, closed;

    closed = 0;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {

        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
            continue;
        }

        closed |= fd == STDOUT_FILENO;

        if (open("/dev/null", O_RDWR) != fd) {
            _exit(2);
        }
    }

    return closed ? ctl_fail(&cli->ctl, CTL_INVALID, "standard output is "
                             "closed: nothing was done")
                  : CTL_OK;
}
