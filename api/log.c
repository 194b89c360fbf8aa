/*
 * The log: lines on standard error, which systemd or whoever starts the daemon
 * keeps.  What others wrote may hold anything: bytes that are no text, or that
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
    int      plain;
    char     text[LOG_LINE], line[LOG_LINE + 32];
    size_t   i, n, len, end;
    va_list  ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    end = strlen(text);
    n = (size_t) snprintf(line, sizeof(line), "service-token serve: ");

    for (i = 0; i < end; i += len) {
        len = ctl_char(text + i, end - i, &plain);

        if (plain) {
            memcpy(line + n, text + i, len);
            n += len;

        } else {
            line[n++] = '?';
        }
    }

    line[n++] = '\n';

    /* in one write, so that lines of two processes are not mixed */

    (void) !fwrite(line, 1, n, stderr);
}
