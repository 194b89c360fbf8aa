/*
 * The audit and the refusals, as ctl.h includes them.
 */


#ifndef CTL_OPS_AUDIT_H
#define CTL_OPS_AUDIT_H


/*
 * audit.c: entries of the audit and refusals, oldest first; last: the ids of
 * the newest of each that was seen, from which ctl_audit_wait() goes on.  Not
 * CTL_OK: of no token or user.
 */
typedef struct {
    const char  *token;                          /* NULL: of all */
    const char  *user;
    const char  *since;                          /* NULL: all */
    char         from[64];                       /* the first id, or "-" */
    char         last[2][64];
} ctl_audit_t;

int ctl_audit_begin(ctl_t *ctl, ctl_audit_t *audit);
int ctl_audit_query(ctl_t *ctl, ctl_audit_t *audit, ctl_item_pt each,
    void *data);

/* from the newest on: nothing that was before is seen */
int ctl_audit_newest(ctl_t *ctl, ctl_audit_t *audit);

/* what comes within a second */
int ctl_audit_wait(ctl_t *ctl, ctl_audit_t *audit, ctl_item_pt each,
    void *data);

/* whether there is such a token or user at all */
int ctl_audit_known(ctl_t *ctl, const ctl_audit_t *audit);

/*
 * audit_verify.c: {entries, first, last, hash, trimmed, found, findings}.
 * expect: NUMBER:HASH of an entry that was noted elsewhere, or NULL.
 * CTL_FOUND: the chain is broken.
 */
int ctl_audit_verify(ctl_t *ctl, const char *expect, json_t **report);


#endif /* CTL_OPS_AUDIT_H */
