/*
 * The audit as the command reads it: entries from a stream, oldest first, and
 * the chain that holds them together.
 */


#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H


#include "cli.h"


#define CLI_CHAIN_LEN  40                        /* hex of SHA-1 */


/* an entry is the id and the names and values of one XRANGE element */
typedef int (*cli_entry_pt)(ctl_t *ctl, redisReply *entry, void *data);


/*
 * Calls handler for each entry from an id ("-", or "<ms>-0") to the newest, in
 * batches; stops with what is not CTL_OK.
 */
int cli_audit_walk(ctl_t *ctl, const char *from, cli_entry_pt handler,
    void *data);

/* a well-formed entry */
int cli_entry_check(ctl_t *ctl, redisReply *entry);

/* the value, or "" */
const char *cli_entry_get(redisReply *entry, const char *name);

/* numbers as numbers, all else as text */
json_t *cli_entry_json(redisReply *entry);

/* what an entry's hash has to be; "" for what has none */
void cli_entry_hash(redisReply *entry, char out[CLI_CHAIN_LEN + 1]);


/*
 * audit_verify.c: what does not fit in the chain, as objects with "finding",
 * "seq", "id" and "seen"; the first ones, and the number of all.  The caller
 * frees them, whatever the answer.
 */
int cli_audit_findings(ctl_t *ctl, json_t **findings, int64_t *found);


#endif /* CLI_AUDIT_H */
