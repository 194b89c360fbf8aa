/*
 * The one way to a terminal.
 *
 * Text of others may hold anything: escape sequences, line breaks, characters
 * that turn the direction of writing.  So whatever a conversion prints is
 * decoded here, and what could steer a terminal or deceive who reads (see
 * control/record/judge.c) becomes a question mark.  Formats are our own.
 * Texts are bounded: a long one is cut.
 */


#include "sink.h"

#include "ctl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define CLI_SHOWN  1024                          /* characters of a text */


/* a conversion: "%-20s", "%.*s", "%lld" */
typedef struct {
    int    left;
    int    width;
    int    precision;                            /* -1: none */
    char   conversion;
    char   spec[16];                             /* as it stands there */
} cli_spec_t;


static void cli_bar_away(FILE *out);
static const char *cli_sink_spec(const char *p, cli_spec_t *spec,
    va_list *ap);
static void cli_sink_number(FILE *out, const cli_spec_t *spec, va_list *ap);
static void cli_sink_text(FILE *out, const cli_spec_t *spec,
    const char *text);


static int  cli_bar;                             /* characters; 0: none */


void
cli_say(const char *format, ...)
{
    va_list  ap;

    va_start(ap, format);
    cli_vsay(stdout, format, ap);
    va_end(ap);
}


void
cli_say_to(FILE *out, const char *format, ...)
{
    va_list  ap;

    va_start(ap, format);
    cli_vsay(out, format, ap);
    va_end(ap);
}


void
cli_vsay(FILE *out, const char *format, va_list ap)
{
    va_list      args;
    cli_spec_t   spec;
    const char  *p;

    cli_bar_away(out);
    va_copy(args, ap);

    for (p = format; *p; p++) {

        if (*p != '%' || *++p == '%') {
            putc(*p, out);
            continue;
        }

        p = cli_sink_spec(p, &spec, &args);

        if (spec.conversion == 's') {
            cli_sink_text(out, &spec, va_arg(args, const char *));

        } else {
            cli_sink_number(out, &spec, &args);
        }
    }

    va_end(args);
}


/* from behind the '%' to the conversion's last character */

static const char *
cli_sink_spec(const char *p, cli_spec_t *spec, va_list *ap)
{
    size_t       n;
    const char  *begin;

    memset(spec, 0, sizeof(*spec));
    spec->precision = -1;
    begin = p;

    if (*p == '-') {
        spec->left = 1;
        p++;
    }

    if (*p == '*') {
        spec->width = va_arg(*ap, int);
        p++;
    }

    for ( /* void */ ; isdigit((unsigned char) *p); p++) {
        spec->width = spec->width * 10 + *p - '0';
    }

    if (*p == '.') {
        spec->precision = 0;

        if (*++p == '*') {
            spec->precision = va_arg(*ap, int);
            p++;
        }

        for ( /* void */ ; isdigit((unsigned char) *p); p++) {
            spec->precision = spec->precision * 10 + *p - '0';
        }
    }

    p += strspn(p, "lz");
    spec->conversion = *p;

    n = (size_t) (p - begin) + 1;
    spec->spec[0] = '%';
    memcpy(spec->spec + 1, begin, n < sizeof(spec->spec) - 1
                                  ? n : sizeof(spec->spec) - 2);

    return p;
}


static void
cli_sink_number(FILE *out, const cli_spec_t *spec, va_list *ap)
{
    /* NOLINTBEGIN(bugprone-branch-clone): each takes another type */

    if (strstr(spec->spec, "ll")) {
        fprintf(out, spec->spec, va_arg(*ap, long long));

    } else if (strchr(spec->spec, 'z')) {
        fprintf(out, spec->spec, va_arg(*ap, size_t));

    } else if (spec->conversion == 'f') {
        fprintf(out, spec->spec, va_arg(*ap, double));

    } else {
        fprintf(out, spec->spec, va_arg(*ap, int));
    }

    /* NOLINTEND(bugprone-branch-clone) */
}


static void
cli_sink_text(FILE *out, const cli_spec_t *spec, const char *text)
{
    int          shown, width;
    size_t       len, n;
    const char  *p, *end;

    text = text ? text : "?";
    len = spec->precision < 0 ? strlen(text)
                              : strnlen(text, (size_t) spec->precision);
    end = text + len;
    width = 0;

    for (p = text; p < end && width < CLI_SHOWN; p += n) {
        n = ctl_char(p, (size_t) (end - p), &shown);
        width++;
    }

    if (!spec->left && spec->width > width) {
        fprintf(out, "%*s", spec->width - width, "");
    }

    width = 0;

    for (p = text; p < end && width < CLI_SHOWN; p += n) {
        n = ctl_char(p, (size_t) (end - p), &shown);
        width++;

        if (shown) {
            fwrite(p, 1, n, out);

        } else {
            putc('?', out);
        }
    }

    if (p < end) {
        fputs("\xe2\x80\xa6", out);
    }

    if (spec->left && spec->width > width) {
        fprintf(out, "%*s", spec->width - width, "");
    }
}


/* JSON is escaped but for DEL, which stands in texts only */

void
cli_raw(const char *text)
{
    cli_raw_to(stdout, text);
}


void
cli_raw_to(FILE *out, const char *text)
{
    size_t  n;

    cli_bar_away(out);

    for ( /* void */ ; *text; text += n) {
        n = strcspn(text, "\x7f");
        fwrite(text, 1, n, out);

        if (text[n]) {
            fputs("\\u007f", out);
            n++;
        }
    }
}


void
cli_bar_show(const char *text)
{
    int  n;

    n = (int) strlen(text);

    fflush(stdout);
    fprintf(stderr, "\r%s%*s", text, n < cli_bar ? cli_bar - n : 0, "");
    fflush(stderr);

    cli_bar = n < cli_bar ? cli_bar : n;
}


void
cli_bar_clear(void)
{
    if (cli_bar) {
        fprintf(stderr, "\r%*s\r", cli_bar, "");
        fflush(stderr);
        cli_bar = 0;
    }
}


/* what goes to a file or a pipe does not meet it */

static void
cli_bar_away(FILE *out)
{
    if (cli_bar && (out == stderr || isatty(fileno(out)))) {
        cli_bar_clear();
    }
}
