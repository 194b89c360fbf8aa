/*
 * The decision.  Pure: the same arguments give the same verdict, in nginx
 * and in "service-token check".
 */


#ifndef STOK_DECIDE_H
#define STOK_DECIDE_H


#include "stok_network.h"
#include "stok_record.h"
#include "stok_role.h"


typedef enum {
    STOK_ALLOWED = 0,
    STOK_MISSING,
    STOK_MALFORMED,
    STOK_UNKNOWN,
    STOK_TAMPERED,
    STOK_REVOKED,
    STOK_EXPIRED,
    STOK_ORPHANED,
    STOK_USER_OFF,                               /* USER_DISABLED */
    STOK_NETWORK,
    STOK_TYPE,
    STOK_SCOPE,
    STOK_ENV,
    STOK_ROLE,
    STOK_UNAVAILABLE,
    STOK_THROTTLED,
    STOK_VERDICTS                                /* how many there are */
} stok_verdict_e;


typedef struct {
    const stok_roles_t  *roles;
    int                  role;                   /* rank needed, from 0 */
    unsigned             types;                  /* set of stok_type_e */
    stok_str_t           scope;                  /* empty: none */
    const stok_str_t    *env;                    /* those that are taken */
    size_t               envs;                   /* how many; 0: any */
} stok_require_t;


/*
 * token NULL: no such record; user NULL: no such user.  addr: where the
 * request comes from; it is looked at only if the token has networks, and NULL
 * stands for a client without one.  now: seconds since the epoch; a token is
 * expired from the second expires_at on.
 *
 * The first that holds, in this order:
 *
 *     UNKNOWN        no token record
 *     TAMPERED       the token's or the user's seal is wrong
 *     REVOKED        the token's status is not active
 *     EXPIRED        expires_at is not 0 and is not after now
 *     ORPHANED       no user record, or its status is deleted
 *     USER_DISABLED  the user's status is anything else but active
 *     NETWORK        the token has networks, and addr is in none of them
 *     TYPE           the token's type is not among require->types
 *     SCOPE          the token has a scope and it is not require->scope
 *     ENV            require->env has some, and none is the token's
 *     UNAVAILABLE    the user's role is none of require->roles, or
 *                    require->role is not one of them
 *     ROLE           the user's role is below require->role
 *     ALLOWED
 */
stok_verdict_e stok_decide(const stok_token_record_t *token,
    const stok_user_record_t *user, const stok_require_t *require,
    const stok_addr_t *addr, int64_t now) stok_hot;

/* the word of a verdict, as $service_token_status shows it */
stok_str_t stok_verdict_word(stok_verdict_e verdict);


#endif /* STOK_DECIDE_H */
