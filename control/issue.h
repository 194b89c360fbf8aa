/*
 * A new token, on its way from a verb to who asked for it.
 */


#ifndef ISSUE_H
#define ISSUE_H


#include "cli.h"


typedef enum {
    CTL_FORMAT_PLAIN = 0,
    CTL_FORMAT_JSON,
    CTL_FORMAT_ENV,
    CTL_FORMAT_SECRET
} ctl_format_e;


typedef struct {

    /* set by the verb */

    char                 user[STOK_USER_ID_MAX + 1];
    char                 name[STOK_NAME_BYTES + 1];
    char                 env[STOK_TEXT_MAX + 1];
    char                 scope[STOK_SCOPE_MAX + 1];
    int                  personal;
    int                  choose;                 /* name is where to begin */
    int64_t              lifetime;               /* seconds, 0: never */
    uint8_t              owner;                  /* stok_user_status_e */

    /* of a rotation: the predecessor, and what becomes of it */

    const char          *old;                    /* NULL: no rotation */
    int64_t              old_expires_at;

    /* how it leaves */

    ctl_format_e         format;
    const char          *out;                    /* a file, or NULL */

    /* drawn once, and kept whatever else is read again */

    char                *brand;
    char                 token[STOK_TOKEN_MAX + 1];
    char                 id[STOK_ID_LEN + 1];
    uint8_t              digest[STOK_DIGEST_LEN];
    int64_t              created_at;
    int64_t              expires_at;
} ctl_new_t;


/*
 * Reads what the verb needs, judges it, and ends with ctl_issue_script(): in
 * the mode "check" or "name", which changes nothing, then "write".  Called
 * again if it answers CTL_CHANGED.
 */
typedef int (*ctl_issue_step_pt)(ctl_t *ctl, ctl_new_t *new,
    const char *mode, void *data);


/* issue.c */
int ctl_issue_options(ctl_t *ctl, cli_args_t *args, ctl_new_t *new);
int ctl_issue_lifetime(const char *env, int64_t *seconds);
int ctl_issue(ctl_t *ctl, ctl_new_t *new, ctl_issue_step_pt step, void *data);
int ctl_issue_draw(ctl_t *ctl, ctl_new_t *new);
int ctl_issue_script(ctl_t *ctl, ctl_new_t *new, const char *mode, int n,
    const char **more);

/* deliver.c */
int cli_deliver_options(ctl_t *ctl, cli_args_t *args, ctl_new_t *new);

/* the clear token leaves; not CTL_OK: nobody has it, and no file is left */
int cli_deliver(ctl_t *ctl, ctl_new_t *new);

/* what was delivered is no token, or may be none */
void cli_deliver_undo(ctl_t *ctl, ctl_new_t *new, int code);

/* the rest, when it is a token */
void cli_deliver_done(ctl_t *ctl, ctl_new_t *new);


#endif /* ISSUE_H */
