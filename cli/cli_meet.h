/*
 * A walk over all records of tokens, whatever the indexes say.
 */


#ifndef CLI_MEET_H
#define CLI_MEET_H


#include "cli.h"


#define CLI_MEET_COUNT  300                      /* keys of a page, about */


/* a token's record, as a walk meets it */
typedef struct {
    const char    *hex;
    redisReply    *id;
    redisReply    *user;
    redisReply    *status;
} cli_met_t;


/* another answer than CLI_OK ends the walk; it may ask Redis */
typedef int (*cli_meet_pt)(cli_t *cli, const cli_met_t *met, void *data);


/*
 * SCAN: what is there from its beginning to its end is met, maybe twice.
 * cli_meet_records: those of n digests, which it may sort; other replies among
 * them are passed over.
 */
int cli_meet_walk(cli_t *cli, cli_meet_pt meet, void *data);
int cli_meet_records(cli_t *cli, redisReply **digest, size_t n,
    cli_meet_pt meet, void *data);

/* the reply is this text, to its last byte */
int cli_says(const redisReply *reply, const char *text);


#endif /* CLI_MEET_H */
