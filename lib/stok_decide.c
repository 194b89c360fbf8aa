/*
 * The decision; see stok_decide.h.
 */


#include "stok_decide.h"


static int stok_decide_type(unsigned type, unsigned types) stok_hot;
static int stok_decide_env(stok_str_t env, const stok_require_t *require);
static int stok_decide_same(stok_str_t a, stok_str_t b) stok_hot;


stok_verdict_e
stok_decide(const stok_token_record_t *token, const stok_user_record_t *user,
    const stok_require_t *require, const stok_addr_t *addr, int64_t now)
{
    int  rank;

    if (stok_unlikely(token == NULL)) {
        return STOK_UNKNOWN;
    }

    if (stok_unlikely(token->tampered || (user != NULL && user->tampered))) {
        return STOK_TAMPERED;
    }

    if (stok_unlikely(token->status != STOK_TOKEN_ACTIVE)) {
        return STOK_REVOKED;
    }

    if (stok_unlikely(token->expires_at != 0 && token->expires_at <= now)) {
        return STOK_EXPIRED;
    }

    if (stok_unlikely(user == NULL || user->status == STOK_USER_DELETED)) {
        return STOK_ORPHANED;
    }

    if (stok_unlikely(user->status != STOK_USER_ACTIVE)) {
        return STOK_USER_OFF;
    }

    if (stok_unlikely(token->networks.len != 0)
        && (addr == NULL || !stok_networks_match(token->networks, addr)))
    {
        return STOK_NETWORK;
    }

    if (stok_unlikely(!stok_decide_type(token->type, require->types))) {
        return STOK_TYPE;
    }

    if (token->scope.len && !stok_decide_same(token->scope, require->scope)) {
        return STOK_SCOPE;
    }

    if (require->envs && !stok_decide_env(token->env, require)) {
        return STOK_ENV;
    }

    rank = stok_role_rank(require->roles, user->role);

    if (stok_unlikely(rank < 0 || require->role < 0
                      || (size_t) require->role >= require->roles->n))
    {
        return STOK_UNAVAILABLE;
    }

    if (stok_unlikely(rank < require->role)) {
        return STOK_ROLE;
    }

    return STOK_ALLOWED;
}


stok_str_t
stok_verdict_word(stok_verdict_e verdict)
{
    static const stok_str_t  words[STOK_VERDICTS] = {
        [STOK_ALLOWED] = stok_string("ALLOWED"),
        [STOK_MISSING] = stok_string("MISSING"),
        [STOK_MALFORMED] = stok_string("MALFORMED"),
        [STOK_UNKNOWN] = stok_string("UNKNOWN"),
        [STOK_TAMPERED] = stok_string("TAMPERED"),
        [STOK_REVOKED] = stok_string("REVOKED"),
        [STOK_EXPIRED] = stok_string("EXPIRED"),
        [STOK_ORPHANED] = stok_string("ORPHANED"),
        [STOK_USER_OFF] = stok_string("USER_DISABLED"),
        [STOK_NETWORK] = stok_string("NETWORK"),
        [STOK_TYPE] = stok_string("TYPE"),
        [STOK_SCOPE] = stok_string("SCOPE"),
        [STOK_ENV] = stok_string("ENV"),
        [STOK_ROLE] = stok_string("ROLE"),
        [STOK_UNAVAILABLE] = stok_string("UNAVAILABLE"),
        [STOK_THROTTLED] = stok_string("THROTTLED")
    };

    if ((unsigned) verdict >= STOK_VERDICTS) {
        verdict = STOK_UNAVAILABLE;
    }

    return words[verdict];
}


static int
stok_decide_type(unsigned type, unsigned types)
{
    if (type != STOK_TYPE_SERVICE && type != STOK_TYPE_PERSONAL) {
        return 0;
    }

    return (types & type) != 0;
}


/* a token that was made for none is taken only where none is asked for */

static int
stok_decide_env(stok_str_t env, const stok_require_t *require)
{
    size_t  i;

    for (i = 0; i < require->envs; i++) {
        if (stok_decide_same(env, require->env[i])) {
            return 1;
        }
    }

    return 0;
}


static int
stok_decide_same(stok_str_t a, stok_str_t b)
{
    return a.len == b.len && stok_same(a.data, b.data, a.len);
}
