/*
 * A token: create, revoke, restore.
 */


#include "issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_token_step(ctl_t *ctl, ctl_new_t *new, const char *mode,
    void *data);
static int ctl_token_change(ctl_t *ctl, const char *id, int revoke,
    json_t **token);
static int ctl_token_change_try(ctl_t *ctl, const char *id, int revoke);
static int ctl_token_done(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    int revoke);


int
ctl_token_create(ctl_t *ctl, const ctl_token_new_t *want,
    const ctl_deliver_t *deliver)
{
    int        code;
    ctl_new_t  new;

    memset(&new, 0, sizeof(new));

    code = ctl_token_want(ctl, want, &new);

    if (code == CTL_OK) {
        code = ctl_secret_want(ctl, want, &new);
    }

    if (code == CTL_OK) {
        code = ctl_issue(ctl, &new, deliver, ctl_token_step,
                         (void *) want->user);
    }

    if (code == CTL_OK) {
        ctl_done(ctl, "created", "create", "%s (%s) of %s", new.id, new.name,
                 new.user);
    }

    return code;
}


int
ctl_token_want(ctl_t *ctl, const ctl_token_new_t *want, ctl_new_t *new)
{
    int         code;
    ctl_time_t  ends;

    code = ctl_issue_name(ctl, want->name, new);
    if (code != CTL_OK) {
        return code;
    }

    if (ctl_env_lifetime(want->env, &new->lifetime) != CTL_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad --env: production, staging, "
                        "development or testing");
    }

    strcpy(new->env, want->env);
    strcpy(new->scope, want->scim ? "scim" : "");

    if (want->expires_in) {
        code = ctl_time(ctl, "expires-in", want->expires_in, &ends);

        if (code == CTL_OK) {
            ctl_issue_ends(new, &ends);
        }
    }

    return code;
}


static int
ctl_token_step(ctl_t *ctl, ctl_new_t *new, const char *mode, void *data)
{
    int                  code;
    const char          *id;
    ctl_record_t         rec;
    stok_user_record_t   user;

    id = data;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, id, &rec, &user);
    ctl_free(&rec);

    if (code == CTL_OK) {
        strcpy(new->user, id);
        new->personal = user.kind == STOK_USER_HUMAN;
        new->owner = user.status;

        code = ctl_issue_draw(ctl, new);
    }

    if (code == CTL_OK) {
        code = ctl_issue_script(ctl, new, mode, 0, NULL);
    }

    return code;
}


int
ctl_token_revoke(ctl_t *ctl, const char *id, json_t **token)
{
    return ctl_token_change(ctl, id, 1, token);
}


int
ctl_token_restore(ctl_t *ctl, const char *id, json_t **token)
{
    return ctl_token_change(ctl, id, 0, token);
}


static int
ctl_token_change(ctl_t *ctl, const char *id, int revoke, json_t **token)
{
    int           code;
    ctl_record_t  rec;

    code = ctl_ready(ctl);

    if (code == CTL_OK) {
        code = ctl_token_set(ctl, id, revoke);
    }

    if (code != CTL_OK || token == NULL) {
        return code;
    }

    code = revoke ? ctl_stop_token(ctl, id, &rec)
                  : ctl_read_token(ctl, id, &rec);

    if (code == CTL_OK) {
        code = ctl_token_json(ctl, &rec, token);
        ctl_free(&rec);
    }

    return code;
}


int
ctl_token_set(ctl_t *ctl, const char *id, int revoke)
{
    int  code, tries;

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_token_change_try(ctl, id, revoke);
    }

    return code;
}


static int
ctl_token_change_try(ctl_t *ctl, const char *id, int revoke)
{
    int                   n, code;
    char                  seal[STOK_SEAL_MAX + 1];
    int64_t               now;
    const char           *field[6];
    ctl_record_t          rec;
    stok_token_record_t   token;

    code = ctl_now(ctl, &now);
    if (code != CTL_OK) {
        return code;
    }

    code = revoke ? ctl_stop_token(ctl, id, &rec)
                  : ctl_read_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_token(ctl, id, &rec, &token);

    if (code == CTL_OK && !revoke && token.expires_at
        && token.expires_at <= now)
    {
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" has expired: make a new "
                        "one", id);
    }

    if (code == CTL_OK
        && token.status == (revoke ? STOK_TOKEN_REVOKED : STOK_TOKEN_ACTIVE))
    {
        ctl_note(ctl, CTL_NOTE_DONE, "%s (%s) of %s %s already", id,
                 ctl_get(&rec, "name"), ctl_get(&rec, "user"),
                 revoke ? "was revoked" : "is active");
        ctl_free(&rec);
        return CTL_OK;
    }

    if (code == CTL_OK) {
        n = 0;
        token.status = revoke ? STOK_TOKEN_REVOKED : STOK_TOKEN_ACTIVE;

        field[n++] = "status";
        field[n++] = revoke ? "revoked" : "active";

        if (!revoke) {
            field[n++] = "revoked_at";
            field[n++] = "0";
        }

        if (ctl_token_seal(ctl, &rec, &token, seal)) {
            field[n++] = "seal";
            field[n++] = seal;
        }

        code = ctl_change(ctl, &rec, id, ctl_get(&rec, "user"),
                          revoke ? "token.revoke" : "token.restore",
                          ctl_get(&rec, "status"), field[1],
                          revoke ? "revoked_at" : "", n, field);
    }

    if (code == CTL_OK) {
        code = ctl_token_done(ctl, id, &rec, revoke);
    }

    ctl_free(&rec);

    return code;
}


static int
ctl_token_done(ctl_t *ctl, const char *id, const ctl_record_t *rec, int revoke)
{
    int   code;
    char  used[CTL_USED];

    used[0] = '\0';
    code = ctl->dry ? ctl_effect_used(ctl, id, used) : CTL_OK;

    if (code == CTL_OK) {
        ctl_done(ctl, revoke ? "revoked" : "restored",
                 revoke ? "revoke" : "restore", "%s (%s) of %s%s", id,
                 ctl_get(rec, "name"), ctl_get(rec, "user"), used);
    }

    return code;
}


int
ctl_token_seal(ctl_t *ctl, ctl_record_t *rec, stok_token_record_t *token,
    char seal[STOK_SEAL_MAX + 1])
{
    size_t  len;

    seal[0] = '\0';

    if (ctl->keys.n == 0) {
        return 0;
    }

    len = stok_seal_token(seal, &ctl->keys, rec->digest, token);
    seal[len] = '\0';

    return 1;
}
