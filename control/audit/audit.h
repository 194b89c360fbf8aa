/*
 * The audit as the command reads it: entries from a stream, oldest first, and
 * the chain that holds them together.
 */


#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H


#include "internal.h"


#define CTL_CHAIN_LEN  40                        /* hex of SHA-1 */


/* an entry is the id and the names and values of one XRANGE element */
typedef int (*ctl_entry_pt)(ctl_t *ctl, redisReply *entry, void *data);


/*
 * Calls handler for each entry from an id ("-", or "<ms>-0") to the newest, in
 * batches; stops with what is not CTL_OK.
 */
int ctl_audit_walk(ctl_t *ctl, const char *from, ctl_entry_pt handler,
    void *data);

/*
 * both.c: the audit and the refusals, by time; a refusal has the shape of an
 * entry of the audit.  "last" are the ids of what a handler was called for
 * last, of each: walk and newest set them, wait goes on from there and waits
 * for a second.
 */

#define CTL_BOTH  2

typedef char  ctl_both_t[CTL_BOTH][64];

int ctl_both_walk(ctl_t *ctl, ctl_both_t last, const char *from,
    ctl_entry_pt handler, void *data);
int ctl_both_newest(ctl_t *ctl, ctl_both_t last);
int ctl_both_wait(ctl_t *ctl, ctl_both_t last, ctl_entry_pt handler,
    void *data);

/* a well-formed entry */
int ctl_entry_check(ctl_t *ctl, redisReply *entry);

/* the value, or "" */
const char *ctl_entry_get(redisReply *entry, const char *name);

/* numbers as numbers, all else as text */
json_t *ctl_entry_json(redisReply *entry);

/* what an entry's hash has to be; "" for what has none */
void ctl_entry_hash(redisReply *entry, char out[CTL_CHAIN_LEN + 1]);


/*
 * audit_verify.c: what does not fit in the chain, as objects with "finding",
 * "seq", "id" and "seen"; the first ones, and the number of all.  The caller
 * frees them, whatever the answer.
 */
int ctl_audit_findings(ctl_t *ctl, json_t **findings, int64_t *found);

/* NUMBER:HASH, as verify printed it; seq 0: text is NULL */
int ctl_audit_noted(ctl_t *ctl, const char *text, int64_t *seq,
    char hash[CTL_CHAIN_LEN + 1]);


#endif /* CTL_AUDIT_H */
