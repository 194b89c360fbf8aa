/*
 * Standard input by lines, and the cells of a CSV.
 *
 * Not by stdio, which keeps copies that are not wiped; and so that a signal is
 * seen while the next line is waited for.
 */


#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>


#define CLI_LINES_POLL  200                      /* ms */


static int cli_lines_read(ctl_t *ctl, cli_lines_t *lines);


int
cli_lines_next(ctl_t *ctl, cli_lines_t *lines, char **line)
{
    int    code;
    char  *end, *p;

    for ( ;; ) {
        if (*lines->stop) {
            return CTL_FOUND;
        }

        *line = lines->buffer + lines->pos;
        end = memchr(*line, '\n', lines->len - lines->pos);

        if (end == NULL && lines->eof && lines->pos < lines->len) {
            end = lines->buffer + lines->len;
        }

        if (end) {
            lines->pos = (size_t) (end - lines->buffer);
            lines->pos += lines->pos < lines->len;
            lines->line++;

            if (end > *line && end[-1] == '\r') {
                end--;
            }

            *end = '\0';

            /* a zero would end the token before its end */

            for (p = *line; p < end; p++) {
                if (*p == '\0') {
                    *p = '\x01';
                }
            }

            return CTL_OK;
        }

        if (lines->eof) {
            return CTL_FOUND;
        }

        code = cli_lines_read(ctl, lines);
        if (code != CTL_OK) {
            return code;
        }
    }
}


/* behind what is there; a signal is seen in time, whenever it comes */

static int
cli_lines_read(ctl_t *ctl, cli_lines_t *lines)
{
    ssize_t        n;
    struct pollfd  poller;

    lines->len -= lines->pos;
    memmove(lines->buffer, lines->buffer + lines->pos, lines->len);
    lines->pos = 0;

    if (lines->len == CLI_LINE) {
        return ctl_fail(ctl, CTL_INVALID, "line %zu is longer "
                        "than %d bytes", lines->line + 1, CLI_LINE);
    }

    poller.fd = STDIN_FILENO;
    poller.events = POLLIN;

    if (poll(&poller, 1, CLI_LINES_POLL) < 1) {
        return CTL_OK;
    }

    n = read(STDIN_FILENO, lines->buffer + lines->len,
             CLI_LINE - lines->len);

    if (n == -1 && errno != EINTR && errno != EAGAIN) {
        return ctl_fail(ctl, CTL_INVALID, "cannot read standard "
                        "input: %s", strerror(errno));
    }

    lines->eof = n == 0;
    lines->len += n > 0 ? (size_t) n : 0;

    return CTL_OK;
}


int
cli_lines_split(char *line, char *cell[CLI_CELLS])
{
    int    n;
    char  *p, *out;

    for (p = line, n = 0; n < CLI_CELLS; n++, p++) {
        cell[n] = p;
        out = p;

        if (*p == '"') {
            for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
                p += *p == '"';
                *out++ = *p;
            }

            if (*p++ != '"') {
                return 0;
            }

        } else {
            p += strcspn(p, ",");
            out = p;
        }

        if (*p == '\0') {
            *out = '\0';
            return n + 1;
        }

        if (*p != ',') {
            return 0;
        }

        *out = '\0';
    }

    return 0;
}
