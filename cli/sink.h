/*
 * What is printed: nothing else in this folder writes to a stream.
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

/* bytes of the next character; shown 0: it is none, or not to be shown */
size_t cli_char(const char *text, size_t len, int *shown);

/* JSON in ASCII, or a plaintext token: as it is */
void cli_raw(const char *text);


#endif /* CLI_SINK_H */
