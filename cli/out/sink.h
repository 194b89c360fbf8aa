/*
 * All output: nothing else in this folder writes to a stream.
 */


#ifndef CLI_SINK_H
#define CLI_SINK_H


#include <stdarg.h>
#include <stdio.h>


/*
 * As printf(), with %s, %d, %lld, %zu and %f: what %s prints cannot steer a
 * terminal, and has one line.
 */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_say_to(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_vsay(FILE *out, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* JSON in ASCII, or a plaintext token: as it is */
void cli_raw(const char *text);
void cli_raw_to(FILE *out, const char *text);


/*
 * A line on standard error that stays the last one: it goes when something else
 * is printed on the terminal, and comes when it is shown again.
 */
void cli_bar_show(const char *text);
void cli_bar_clear(void);


#endif /* CLI_SINK_H */
