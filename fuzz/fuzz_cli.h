/*
 * For targets of the command's files: what those files ask of main.c.
 */


#ifndef FUZZ_CLI_H
#define FUZZ_CLI_H


#include "fuzz.h"


/* the code goes up; a line on standard error for each input would be slow */

int
cli_fail(int code, const char *format, ...)
{
    char     line[1024];
    va_list  ap;

    va_start(ap, format);
    fuzz_check(vsnprintf(line, sizeof(line), format, ap) > 0);
    va_end(ap);

    return code;
}


#endif /* FUZZ_CLI_H */
