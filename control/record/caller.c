/*
 * The caller of the HTTP API: nginx says who it is, the records say what they
 * may do, now.
 */


#include "internal.h"
#include "ctl_caller.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>


static void ctl_caller_addr(const char *text, stok_addr_t *addr);


int
ctl_caller(ctl_t *ctl, const ctl_caller_want_t *want, ctl_caller_t *caller)
{
    int                  code;
    stok_addr_t          addr;
    ctl_record_t         token_rec, user_rec;
    stok_require_t       require;
    stok_user_record_t   user;
    stok_token_record_t  token;

    memset(caller, 0, sizeof(*caller));
    memset(&token_rec, 0, sizeof(token_rec));
    memset(&user_rec, 0, sizeof(user_rec));

    code = want->token ? ctl_read_token(ctl, want->token, &token_rec) : CTL_OK;

    if (code == CTL_OK) {
        code = ctl_read_user(ctl, want->user, &user_rec);
    }

    if (code == CTL_OK) {
        code = ctl_decode_user(ctl, want->user, &user_rec, &user);
    }

    if (code == CTL_OK && want->token) {
        code = ctl_decode_token(ctl, want->token, &token_rec, &token);
    }

    if (code != CTL_OK) {
        goto done;
    }

    /* somebody whom another check let in has no token: only the user counts */

    if (want->token == NULL) {
        memset(&token, 0, sizeof(token));
        token.type = STOK_TYPE_PERSONAL;
        token.status = STOK_TOKEN_ACTIVE;
        token.user = ctl_str(want->user);
    }

    if (!ctl_str_is(token.user, want->user)) {
        code = ctl_fail(ctl, CTL_FORBIDDEN, "the token is another user's");
        goto done;
    }

    memset(&require, 0, sizeof(require));
    require.roles = &ctl->roles;
    require.role = want->role;
    require.types = STOK_TYPE_ANY;
    require.scope = want->scope ? ctl_str(want->scope) : token.scope;

    ctl_caller_addr(want->addr, &addr);

    caller->verdict = stok_decide(&token, &user, &require, &addr, time(NULL));
    caller->rank = stok_role_rank(&ctl->roles, user.role);

    strcpy(caller->user, want->user);
    strcpy(caller->token, want->token ? want->token : "");
    memcpy(caller->role, user.role.data, user.role.len);

done:

    ctl_free(&token_rec);
    ctl_free(&user_rec);

    return code;
}


/* "unix:", or another text that is not an address: no address */

static void
ctl_caller_addr(const char *text, stok_addr_t *addr)
{
    unsigned char  bytes[16];

    if (inet_pton(AF_INET, text, bytes) == 1) {
        stok_addr_set(addr, bytes, 4);

    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        stok_addr_set(addr, bytes, 16);

    } else {
        stok_addr_set(addr, NULL, 0);
    }
}
