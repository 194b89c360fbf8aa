/*
 * A walk over all records of tokens, whatever the indexes say.
 */


#ifndef CTL_MEET_H
#define CTL_MEET_H


#include "internal.h"


#define CTL_MEET_COUNT  300                      /* keys of a page, about */


/* a token's record, as a walk meets it */
typedef struct {
    redisReply    *digest;                       /* in hex */
    redisReply    *id;
    redisReply    *user;
    redisReply    *status;
} ctl_met_t;


/* another answer than CTL_OK ends the walk; it may ask Redis */
typedef int (*ctl_meet_pt)(ctl_t *ctl, const ctl_met_t *met, void *data);


/*
 * SCAN: what is there from its beginning to its end is met, maybe twice.
 * ctl_meet_records: those of n digests, which it may sort; other replies among
 * them are passed over.
 */
int ctl_meet_walk(ctl_t *ctl, ctl_meet_pt meet, void *data);
int ctl_meet_records(ctl_t *ctl, redisReply **digest, size_t n,
    ctl_meet_pt meet, void *data);

/* the reply is this text, to its last byte */
int ctl_says(const redisReply *reply, const char *text);


#endif /* CTL_MEET_H */
