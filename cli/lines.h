/*
 * Standard input by lines, and the cells of a CSV.
 */


#ifndef CLI_LINES_H
#define CLI_LINES_H


#include "cli.h"

#include <signal.h>


#define CLI_LINE   4096
#define CLI_CELLS  16


/* all zero but for stop; the caller wipes it */
typedef struct {
    volatile sig_atomic_t  *stop;                /* not 0: no more lines */
    size_t                  line;                /* of the last one */
    int                     eof;
    size_t                  pos;
    size_t                  len;
    char                    buffer[CLI_LINE + 1];
} cli_lines_t;


/* without its end, until the next call.  CTL_FOUND: no more lines */
int cli_lines_next(ctl_t *ctl, cli_lines_t *lines, char **line);

/*
 * Cells, with commas between; in one that begins with a quote, a quote is
 * written twice.  The number of them, or 0: too many, or a quote without an
 * end.  They are in place of the line.
 */
int cli_lines_split(char *line, char *cell[CLI_CELLS]);


#endif /* CLI_LINES_H */
