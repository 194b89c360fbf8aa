/*
 * How many columns of a terminal a text takes.
 *
 * The C library knows that of each character, in a locale of UTF-8; the one
 * that is asked for is always there, whatever the environment says.  Without
 * it every character counts as one.
 */


#define _GNU_SOURCE                              /* wcwidth, uselocale */

#include "table.h"

#include "ctl.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>


static int cli_width_char(const char *p, size_t n);


size_t
cli_width_next(const char *text, size_t len, int *width)
{
    int     shown;
    size_t  n;

    n = ctl_char(text, len, &shown);
    *width = shown ? cli_width_char(text, n) : 1;

    return n;
}


int
cli_width(const char *text, size_t len)
{
    int     all, width;
    size_t  i;

    for (i = 0, all = 0; i < len; all += width) {
        i += cli_width_next(text + i, len - i, &width);
    }

    return all;
}


/* of a character that is right: see ctl_char() */

static int
cli_width_char(const char *p, size_t n)
{
    int       width;
    size_t    i;
    wchar_t   ch;
    locale_t  was;

    static locale_t  utf8;

    if (n == 1) {
        return 1;
    }

    if (utf8 == (locale_t) 0) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);

        if (utf8 == (locale_t) 0) {
            return 1;
        }
    }

    ch = (wchar_t) ((unsigned char) p[0] & (0xff >> (n + 1)));

    for (i = 1; i < n; i++) {
        ch = ch << 6 | (p[i] & 0x3f);
    }

    was = uselocale(utf8);
    width = wcwidth(ch);
    (void) uselocale(was);

    return width < 0 ? 1 : width;
}


int
cli_terminal(void)
{
    long             columns;
    const char      *text;
    struct winsize   size;

    if (!isatty(STDOUT_FILENO)) {
        return 0;
    }

    text = getenv("COLUMNS");
    columns = text ? strtol(text, NULL, 10) : 0;

    if (columns > 0 && columns < 10000) {
        return (int) columns;
    }

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
           ? size.ws_col : 80;
}
