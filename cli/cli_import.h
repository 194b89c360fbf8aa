/*
 * What the two files of import share: import.c reads, batch.c sends.
 */


#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H


#include "cli_dump.h"

#include <stdio.h>


#define CLI_BATCH_RECORDS  100                   /* of a script's call */
#define CLI_BATCH_FLIGHT   4                     /* calls without answer */
#define CLI_BATCH_ARGS     64                    /* of a record, about */


/* records, by what became of them */
typedef struct {
    size_t   new;
    size_t   same;
    size_t   overwritten;
    size_t   kept;                               /* as they are, not active */
    size_t   refused;                            /* changed meanwhile */
} cli_counted_t;


/* the lines of a call, to name them when it is answered */
typedef struct {
    size_t   n;
    size_t   line[CLI_BATCH_RECORDS];
} cli_call_t;


typedef struct {
    FILE           *in;
    char           *buffer;                      /* one line */
    int             overwrite;
    int             exists;                      /* the dataset, before */
    int             empty;                       /* it has no record */
    int             write;                       /* the second pass */

    size_t          line;                        /* its number, from 1 */
    size_t          lines_users;
    size_t          lines_tokens;
    int             ended;                       /* by its end line */
    int             seals;                       /* there are some */
    char            brand[STOK_BRAND_MAX + 1];
    int             approval;

    cli_set_t       users;
    cli_set_t       ids;
    cli_set_t       digests;
    cli_set_t       names;
    json_t         *gone;                        /* ids that were active */

    char            sha[64];                     /* of the script */
    char           *text;                        /* the batch's arguments */
    size_t          text_len;
    size_t          text_size;
    size_t         *len;                         /* of each */
    int             argc;
    int             argc_size;

    cli_call_t      call[CLI_BATCH_FLIGHT + 1];  /* a ring */
    size_t          first;
    size_t          flying;

    cli_counted_t   count;
} cli_import_t;


/*
 * batch.c: a record to Redis, together with others; flush sends what is left
 * and waits for every answer.  CLI_REFUSED: said, with the line.
 */
int cli_batch_load(cli_t *cli, cli_import_t *im);
int cli_batch_add(cli_t *cli, cli_import_t *im, const cli_line_t *line);
int cli_batch_flush(cli_t *cli, cli_import_t *im);
void cli_batch_free(cli_import_t *im);


#endif /* CLI_IMPORT_H */
