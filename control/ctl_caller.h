/*
 * For a front end that runs one operation after the other, each for somebody
 * else: the HTTP API.
 */


#ifndef CTL_CALLER_H
#define CTL_CALLER_H


#include "ctl.h"


/*
 * redis.c: after one of several operations over a connection: error, hint and
 * who acts are forgotten.  A connection with replies that are due is closed.
 */
void ctl_reset(ctl_t *ctl);

/*
 * caller.c: whoever nginx let in, by the records as they are now.  token NULL:
 * another check let the user in.  scope: of the location, NULL: any.  CTL_OK:
 * the verdict says whether they have the role.
 */
typedef struct {
    const char      *token;
    const char      *user;
    const char      *addr;
    const char      *scope;
    int              role;                       /* a rank */
} ctl_caller_want_t;

typedef struct {
    char             token[STOK_RECORD_ID_MAX + 1];
    char             user[STOK_USER_ID_MAX + 1];
    char             role[STOK_ROLE_MAX + 1];
    int              rank;
    stok_verdict_e   verdict;
} ctl_caller_t;

int ctl_caller(ctl_t *ctl, const ctl_caller_want_t *want,
    ctl_caller_t *caller);

/*
 * record.c: the revision of a record, by its fields and its seal.  While
 * ctl->match is one, a change of a record with another is CTL_CHANGED.
 */
#define CTL_REVISION  16
int ctl_revision_token(ctl_t *ctl, const char *id, char out[CTL_REVISION + 1]);
int ctl_revision_user(ctl_t *ctl, const char *id, char out[CTL_REVISION + 1]);


#endif /* CTL_CALLER_H */
