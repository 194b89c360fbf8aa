/*
 * Shared by creating, rotating and adopting a token.
 */


#ifndef CTL_ISSUE_H
#define CTL_ISSUE_H


#include "internal.h"


/*
 * Reads what the verb needs, judges it, and ends with ctl_issue_script(): in
 * the mode "check" or "name", which changes nothing, then "write".  Called
 * again if it answers CTL_CHANGED.
 */
typedef int (*ctl_issue_step_pt)(ctl_t *ctl, ctl_new_t *new,
    const char *mode, void *data);


/* issue.c */
int ctl_issue_name(ctl_t *ctl, const char *name, ctl_new_t *new);
void ctl_issue_ends(ctl_new_t *new, const ctl_time_t *ends);
int ctl_issue(ctl_t *ctl, ctl_new_t *new, const ctl_deliver_t *deliver,
    ctl_issue_step_pt step, void *data);
int ctl_issue_draw(ctl_t *ctl, ctl_new_t *new);

/* what is to be said of a token that was made */
void ctl_issue_warn(ctl_t *ctl, ctl_new_t *new);

/* token.c: name, environment, lifetime and scope, as they are wanted */
int ctl_token_want(ctl_t *ctl, const ctl_token_new_t *want, ctl_new_t *new);

/* the same for a token that is there: its digest, an id, and dates */
int ctl_issue_id(ctl_t *ctl, ctl_new_t *new, const char *text, size_t len);
int ctl_issue_script(ctl_t *ctl, ctl_new_t *new, const char *mode, size_t n,
    const stok_str_t *more);

/*
 * secret.c: what was asked for, if it may be; what it is, once the token has
 * its id; and as it is stored, "" without a Secret
 */
int ctl_secret_want(ctl_t *ctl, const ctl_token_new_t *want, ctl_new_t *new);
int ctl_secret_choose(ctl_t *ctl, ctl_new_t *new);
void ctl_secret_text(const ctl_new_t *new, char secret[CTL_SECRET_MAX + 1]);

/* strength.c: bits, at most */
int ctl_strength(const char *text, size_t len);

/*
 * leak.c: the record that has the token's digest, by each key of the key file;
 * plain: then by none, too.  CTL_FOUND: rec->digest and id are its; CTL_OK: no
 * such record.
 */
int ctl_leak_find(ctl_t *ctl, const char *clear, size_t len, int plain,
    ctl_record_t *rec, char id[STOK_RECORD_ID_MAX + 1]);


#endif /* CTL_ISSUE_H */
