/*
 * How a plaintext token leaves.
 */


#ifndef CLI_DELIVER_H
#define CLI_DELIVER_H


#include "cli.h"


typedef enum {
    CLI_FORMAT_PLAIN = 0,
    CLI_FORMAT_JSON,
    CLI_FORMAT_ENV,
    CLI_FORMAT_SECRET
} cli_format_e;


typedef struct {
    cli_t         *cli;
    cli_format_e   format;
    const char    *path;                         /* NULL: standard output */
} cli_out_t;


/* --out and --format; out is deliver's data */
int cli_deliver_options(cli_t *cli, cli_args_t *args, cli_out_t *out,
    ctl_deliver_t *deliver);


#endif /* CLI_DELIVER_H */
