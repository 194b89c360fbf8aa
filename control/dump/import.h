/*
 * Shared by the files of import: import.c is the verb, import_lines.c reads
 * the file, batch.c sends.
 */


#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H


#include "dump.h"

#include <openssl/evp.h>


#define CTL_BATCH_RECORDS  250                   /* of a script's call */
#define CTL_BATCH_FLIGHT   4                     /* calls without answer */
#define CTL_BATCH_ARGS     64                    /* of a record, about */


enum {
    CTL_SHAPE_USER = 0,
    CTL_SHAPE_TOKEN,
    CTL_SHAPE_USAGE,
    CTL_SHAPES
};


/* records, by what became of them */
typedef struct {
    size_t   new;
    size_t   same;
    size_t   overwritten;
    size_t   kept;                               /* as they are, not active */
    size_t   refused;                            /* changed meanwhile */
} ctl_counted_t;


/* the lines of a call, to name them when it is answered */
typedef struct {
    size_t   n;
    size_t   line[CTL_BATCH_RECORDS];
} ctl_call_t;


/* names that the batch has, for records of the same ones behind it */
typedef struct {
    size_t   n;                                  /* strings; 0: none yet */
    int      argc;                               /* number of the first */
    size_t   text;                               /* and where it is */
} ctl_shape_t;


typedef struct {
    int             fd;                          /* of the file */
    int             error;                       /* errno of a read */
    int64_t         size;                        /* of all passes */
    int64_t         done;                        /* read of it */
    char           *buffer;                      /* one line */
    char            block[65536];                /* of the file */
    size_t          at;                          /* in the block */
    size_t          end;
    int             overwrite;
    int             restore;                     /* what lets in more, too */
    int             exists;                      /* the dataset, before */
    char            importing[STOK_DIGEST_HEX + 1];  /* it did not end */
    int             empty;                       /* it has no record */
    int             write;                       /* the second pass */
    int             dry;                         /* nothing is written */

    EVP_MD_CTX     *md;                          /* of the first pass */
    char            digest[STOK_DIGEST_HEX + 1]; /* of the file */

    size_t          line;                        /* its number, from 1 */
    size_t          lines_users;
    size_t          lines_tokens;
    int             ended;                       /* by its end line */
    int             seals;                       /* there are some */
    char            brand[STOK_BRAND_MAX + 1];
    int             approval;

    ctl_set_t       users;
    ctl_set_t       ids;
    ctl_set_t       digests;
    ctl_set_t       names;
    json_t         *gone;                        /* ids that were active */

    char            sha[64];                     /* of the script */
    char           *text;                        /* the batch's arguments */
    size_t          text_len;
    size_t          text_size;
    size_t         *len;                         /* of each */
    int             argc;
    int             argc_size;
    ctl_shape_t     shape[CTL_SHAPES];

    ctl_call_t      call[CTL_BATCH_FLIGHT + 1];  /* a ring */
    size_t          first;
    size_t          flying;

    ctl_counted_t   count;
} ctl_import_t;


/*
 * import_lines.c: every line of the file, to be checked, or to be written.
 * name: for ctl_walk_tokens(): refuses a token here that is not in the file
 * if its user has one of its name there.
 */
int ctl_import_pass(ctl_t *ctl, ctl_import_t *im, int write);
int ctl_import_name(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);

/*
 * batch.c: a record to Redis, together with others; flush sends what is left
 * and waits for every answer.  CTL_REJECTED: said, with the line.
 */
int ctl_batch_load(ctl_t *ctl, ctl_import_t *im);
int ctl_batch_add(ctl_t *ctl, ctl_import_t *im, const ctl_line_t *line);
int ctl_batch_flush(ctl_t *ctl, ctl_import_t *im);
void ctl_batch_free(ctl_import_t *im);


#endif /* CTL_IMPORT_H */
