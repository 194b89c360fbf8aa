/*
 * token extend: a later end for a token that goes on, for who cannot finish a
 * rotation in time.
 *
 * Within what a new token could have: 1 to 365 days from now, for an active
 * token that has not ended.  One that is revoked or has ended is not brought
 * back by this, and an end never comes nearer.
 */


#include "internal.h"

#include <stdio.h>
#include <string.h>


static int ctl_extend_try(ctl_t *ctl, const char *id, const ctl_time_t *ends);
static int ctl_extend_judge(ctl_t *ctl, const char *id,
    const ctl_record_t *rec, stok_token_record_t *token, int64_t now,
    int64_t expires_at);
static void ctl_extend_warn(ctl_t *ctl, const ctl_record_t *rec,
    const stok_token_record_t *token);
static int ctl_extend_write(ctl_t *ctl, const char *id, ctl_record_t *rec,
    stok_token_record_t *token, int64_t expires_at);


int
ctl_token_extend(ctl_t *ctl, const char *id, const char *expires_in,
    json_t **token)
{
    int           code, tries;
    ctl_time_t    ends;
    ctl_record_t  rec;

    code = ctl_time(ctl, "extend", expires_in, &ends);

    if (code == CTL_OK) {
        code = ctl_ready(ctl);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_extend_try(ctl, id, &ends);
    }

    if (code != CTL_OK || token == NULL) {
        return code;
    }

    code = ctl_read_token(ctl, id, &rec);

    if (code == CTL_OK) {
        code = ctl_token_json(ctl, &rec, token);
        ctl_free(&rec);
    }

    return code;
}


static int
ctl_extend_try(ctl_t *ctl, const char *id, const ctl_time_t *ends)
{
    int                   code;
    int64_t               now, expires_at;
    ctl_record_t          rec;
    stok_token_record_t   token;

    code = ctl_now(ctl, &now);

    if (code == CTL_OK) {
        code = ctl_time_ahead(ctl, "extend", ends, now, &expires_at);
    }

    if (code == CTL_OK) {
        code = ctl_read_token(ctl, id, &rec);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_token(ctl, id, &rec, &token);

    if (code == CTL_OK) {
        code = ctl_extend_judge(ctl, id, &rec, &token, now, expires_at);
    }

    if (code == CTL_OK) {
        code = ctl_extend_write(ctl, id, &rec, &token, expires_at);
    }

    if (code == CTL_OK) {
        ctl_extend_warn(ctl, &rec, &token);
    }

    ctl_free(&rec);

    return code;
}


static int
ctl_extend_judge(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_token_record_t *token, int64_t now, int64_t expires_at)
{
    char  date[24];

    if (token->status != STOK_TOKEN_ACTIVE) {
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" is %s: only an active "
                        "one is extended", id, ctl_get(rec, "status"));
    }

    if (token->expires_at == 0) {
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" never expires: there is "
                        "nothing to extend", id);
    }

    if (token->expires_at <= now) {
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" has expired: make a new "
                        "one", id);
    }

    if (token->expires_at >= expires_at) {
        ctl_iso(token->expires_at, date);
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" is valid until %s, which "
                        "is not earlier: nothing was changed", id, date);
    }

    return CTL_OK;
}


static int
ctl_extend_write(ctl_t *ctl, const char *id, ctl_record_t *rec,
    stok_token_record_t *token, int64_t expires_at)
{
    int          n, code;
    char         seal[STOK_SEAL_MAX + 1], expires[24], date[24];
    char         before[64], after[64];
    const char  *field[4];

    snprintf(expires, sizeof(expires), "%lld", (long long) expires_at);
    snprintf(before, sizeof(before), "active, expires_at %lld",
             (long long) token->expires_at);
    snprintf(after, sizeof(after), "active, expires_at %s", expires);

    token->expires_at = expires_at;

    n = 0;
    field[n++] = "expires_at";
    field[n++] = expires;

    if (ctl_token_seal(ctl, rec, token, seal)) {
        field[n++] = "seal";
        field[n++] = seal;
    }

    code = ctl_change(ctl, rec, id, ctl_get(rec, "user"), "token.extend",
                      before, after, "", n, field);

    if (code == CTL_OK) {
        ctl_iso(expires_at, date);
        ctl_done(ctl, "extended", "extend", "%s (%s) of %s: it is valid until "
                 "%s", id, ctl_get(rec, "name"), ctl_get(rec, "user"), date);
    }

    return code;
}


/* of what a review finds ("lifetime"): it counts from the creation */

static void
ctl_extend_warn(ctl_t *ctl, const ctl_record_t *rec,
    const stok_token_record_t *token)
{
    const char  *env;

    env = ctl_get(rec, "env");

    if (strcmp(env, "production") != 0 && ctl_get(rec, "rotated_to")[0] == '\0')
    {
        ctl_env_warn(ctl, env, token->expires_at
                               - ctl_number(ctl_get(rec, "created_at")));
    }
}
