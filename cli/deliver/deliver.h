/*
 * How a plaintext token leaves.
 */


#ifndef CLI_DELIVER_H
#define CLI_DELIVER_H


#include "cli.h"


typedef enum {
    CLI_FORMAT_PLAIN = 0,                        /* a line */
    CLI_FORMAT_RAW,                              /* without its end */
    CLI_FORMAT_JSON,
    CLI_FORMAT_ENV,
    CLI_FORMAT_SECRET,
    CLI_FORMAT_VAULT,
    CLI_FORMAT_DOCKER
} cli_format_e;


typedef struct {
    cli_t         *cli;
    cli_format_e   format;
    const char    *path;                         /* NULL: standard output */
    const char    *server;                       /* of docker-config */
} cli_out_t;


/* --out, --format and what belongs to it; out is deliver's data */
int cli_deliver_options(cli_t *cli, cli_args_t *args, ctl_token_new_t *want,
    cli_out_t *out, ctl_deliver_t *deliver);

/* format.c.  CTL_INVALID: no such format; nothing was said */
int cli_format_find(const char *name, cli_format_e *format);

/* without an end of its line, to be wiped and freed; NULL: no memory */
char *cli_format_text(ctl_t *ctl, const cli_out_t *out, const ctl_new_t *new);


#endif /* CLI_DELIVER_H */
