/*
 * A new file that has its name only when it is whole.
 */


#ifndef CLI_NEWFILE_H
#define CLI_NEWFILE_H


#include "cli.h"

#include <stdio.h>


/* beside path, for its owner only; CTL_REJECTED: path is there, or cannot be */
int cli_newfile_open(ctl_t *ctl, const char *path, FILE **out);

/* gives it its name if keep, else takes it away; closes out in any case */
int cli_newfile_close(ctl_t *ctl, const char *path, FILE *out, int keep);


#endif /* CLI_NEWFILE_H */
