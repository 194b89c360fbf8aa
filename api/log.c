/*
 * The log: lines on standard error, which systemd or whoever starts the daemon
 * keeps.  Text from others may hold anything: bytes that are not text, or that
 * could steer a terminal, become question marks.
 */


#include "api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define LOG_LINE  1024


void
api_log(const char *format, ...)
{
    char     text[LOG_LINE], line[LOG_LINE + 32];
    size_t   n;
    va_list  ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    n = (size_t) snprintf(line, sizeof(line), "service-token serve: ");
    n += api_plain(line + n, text, strlen(text));
    line[n++] = '\n';

    /* in one write, so that lines of two processes are not mixed */

    (void) !fwrite(line, 1, n, stderr);
}


size_t
api_plain(char *out, const char *text, size_t n)
{
    int      plain;
    char    *p;
    size_t   i, len;

    for (i = 0, p = out; i < n; i += len) {
        len = ctl_char(text + i, n - i, &plain);

        if (plain) {
            memmove(p, text + i, len);
            p += len;

        } else {
            *p++ = '?';
        }
    }

    return (size_t) (p - out);
}
