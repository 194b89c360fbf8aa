/*
 * What the files of import share: import.c is the verb, import_lines.c reads
 * the file, batch.c sends.
 */


#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H


#include "dump.h"

#include <openssl/evp.h>
#include <stdio.h>


#define CLI_BATCH_RECORDS  250                   /* of a script's call */
#define CLI_BATCH_FLIGHT   4                     /* calls without answer */
#define CLI_BATCH_ARGS     64                    /* of a record, about */


enum {
    CLI_SHAPE_USER = 0,
    CLI_SHAPE_TOKEN,
    CLI_SHAPE_USAGE,
    CLI_SHAPES
};


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


/* names that the batch has, for records of the same ones behind it */
typedef struct {
    size_t   n;                                  /* strings; 0: none yet */
    int      argc;                               /* number of the first */
    size_t   text;                               /* and where it is */
} cli_shape_t;


typedef struct {
    FILE           *in;
    char           *buffer;                      /* one line */
    char            block[65536];                /* of the file */
    size_t          at;                          /* in the block */
    size_t          end;
    int             overwrite;
    int             exists;                      /* the dataset, before */
    int             empty;                       /* it has no record */
    int             write;                       /* the second pass */

    EVP_MD_CTX     *md;                          /* of the first pass */
    char            digest[STOK_DIGEST_HEX + 1]; /* of the file */

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
    cli_shape_t     shape[CLI_SHAPES];

    cli_call_t      call[CLI_BATCH_FLIGHT + 1];  /* a ring */
    size_t          first;
    size_t          flying;

    cli_counted_t   count;
} cli_import_t;


/*
 * import_lines.c: every line of the file, to be checked, or to be written.
 * name: for cli_walk_tokens(): refuses a token here that is not in the file
 * if its user has one of its name there.
 */
int cli_import_pass(ctl_t *ctl, cli_import_t *im, int write);
int cli_import_name(ctl_t *ctl, const char *id, cli_record_t *rec,
    void *data);

/*
 * batch.c: a record to Redis, together with others; flush sends what is left
 * and waits for every answer.  CTL_REJECTED: said, with the line.
 */
int cli_batch_load(ctl_t *ctl, cli_import_t *im);
int cli_batch_add(ctl_t *ctl, cli_import_t *im, const cli_line_t *line);
int cli_batch_flush(ctl_t *ctl, cli_import_t *im);
void cli_batch_free(cli_import_t *im);


#endif /* CLI_IMPORT_H */
