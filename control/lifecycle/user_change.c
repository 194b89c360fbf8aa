/*
 * Changes of a user that there is: its state and its role.
 *
 * A user that is as it is to be is left alone, and that is not an error: a
 * command that is run again asks only that its result holds.
 */


#include "internal.h"

#include <stdio.h>
#include <string.h>


/* a change of one field, as a verb asks for it */
typedef struct {
    const char  *action;
    const char  *did;
    const char  *verb;
    const char  *from[4];                        /* states it goes from */
    const char  *to;                             /* NULL: the state stays */
    const char  *role;                           /* NULL: the role stays */
} ctl_user_change_t;


static int ctl_user_change(ctl_t *ctl, const char *id,
    const ctl_user_change_t *change, json_t **user);
static int ctl_user_try(ctl_t *ctl, const char *id,
    const ctl_user_change_t *change);
static void ctl_user_already(ctl_t *ctl, const char *id,
    const ctl_user_change_t *change);
static int ctl_user_done(ctl_t *ctl, const char *id,
    const ctl_user_change_t *change, const char *before);
static void ctl_user_seal(ctl_t *ctl, const char *id, stok_user_record_t *user,
    const ctl_user_change_t *change, char seal[STOK_SEAL_MAX + 1]);


int
ctl_user_disable(ctl_t *ctl, const char *id, json_t **user)
{
    static const ctl_user_change_t  change = {
        "user.disable", "disabled", "disable", { "active" }, "disabled", NULL
    };

    return ctl_user_change(ctl, id, &change, user);
}


int
ctl_user_enable(ctl_t *ctl, const char *id, json_t **user)
{
    static const ctl_user_change_t  change = {
        "user.enable", "enabled", "enable", { "disabled" }, "active", NULL
    };

    return ctl_user_change(ctl, id, &change, user);
}


int
ctl_user_delete(ctl_t *ctl, const char *id, json_t **user)
{
    static const ctl_user_change_t  change = {
        "user.delete", "deleted", "delete",
        { "pending", "active", "disabled" }, "deleted", NULL
    };

    int          code;
    redisReply  *reply;

    code = ctl_user_change(ctl, id, &change, user);

    if (code == CTL_OK && !ctl->dry) {
        code = ctl_command(ctl, CTL_IS_ANY, &reply, "SCARD %suser-tokens:%s",
                           ctl->prefix, id);

        if (code == CTL_OK) {
            if (reply->type == REDIS_REPLY_INTEGER && reply->integer) {
                ctl_note(ctl, CTL_NOTE_NOTE, "%lld of its tokens %s "
                         "refused, and the quarterly review finds %s",
                         reply->integer, reply->integer == 1
                                         ? "is orphaned: it is"
                                         : "are orphaned: they are",
                         reply->integer == 1 ? "it" : "them");
            }

            freeReplyObject(reply);
        }
    }

    return code;
}


int
ctl_user_set_role(ctl_t *ctl, const char *id, const char *role,
    json_t **user)
{
    int                code;
    stok_str_t         name;
    ctl_user_change_t  change = {
        "user.set-role", "changed", "change",
        { "pending", "active", "disabled" }, NULL, NULL
    };

    name.data = role;
    name.len = strlen(role);

    if (stok_role_rank(&ctl->roles, name) < 0) {
        return ctl_fail(ctl, CTL_INVALID, "no role \"%s\": the roles are %s",
                        role, ctl->role_names);
    }

    change.role = role;

    code = ctl_approval_raise(ctl, id, role);

    if (code != CTL_FOUND) {
        return code == CTL_OK ? ctl_user_again(ctl, id, user) : code;
    }

    return ctl_user_change(ctl, id, &change, user);
}


static int
ctl_user_change(ctl_t *ctl, const char *id, const ctl_user_change_t *change,
    json_t **user)
{
    int  code, tries;

    code = ctl_ready(ctl);
    if (code != CTL_OK) {
        return code;
    }
    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_user_try(ctl, id, change);
    }

    return code == CTL_OK ? ctl_user_again(ctl, id, user) : code;
}


static int
ctl_user_try(ctl_t *ctl, const char *id, const ctl_user_change_t *change)
{
    int                  i, n, code, found;
    char                 seal[STOK_SEAL_MAX + 1];
    const char          *status, *field[6], *before, *after;
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, id, &rec, &user);
    if (code != CTL_OK) {
        goto done;
    }

    status = ctl_get(&rec, "status");

    for (i = 0, found = 0; i < 4 && change->from[i]; i++) {
        found |= strcmp(status, change->from[i]) == 0;
    }

    before = change->role ? ctl_get(&rec, "role") : status;
    after = change->role ? change->role : change->to;

    if ((found || change->to) && strcmp(before, after) == 0) {
        ctl_user_already(ctl, id, change);
        goto done;
    }

    if (!found) {
        code = ctl_fail(ctl, CTL_STATE, "user \"%s\" is %s: nothing was "
                        "changed", id, status);
        goto done;
    }

    n = 0;
    field[n++] = change->role ? "role" : "status";
    field[n++] = after;

    if (ctl->keys.n) {
        ctl_user_seal(ctl, id, &user, change, seal);
        field[n++] = "seal";
        field[n++] = seal;
    }

    code = ctl_change(ctl, &rec, "", id, change->action, before, after, "",
                      n, field);

    if (code == CTL_OK) {
        code = ctl_user_done(ctl, id, change, before);
    }

done:

    ctl_free(&rec);

    return code;
}


static void
ctl_user_already(ctl_t *ctl, const char *id, const ctl_user_change_t *change)
{
    if (change->role) {
        ctl_note(ctl, CTL_NOTE_DONE, "%s has the role %s already", id,
                 change->role);

    } else {
        ctl_note(ctl, CTL_NOTE_DONE, "%s is %s already", id, change->to);
    }
}


static int
ctl_user_done(ctl_t *ctl, const char *id, const ctl_user_change_t *change,
    const char *before)
{
    int           code;
    char          felt[128];
    ctl_effect_t  effect;

    felt[0] = '\0';

    if (ctl->dry) {
        code = ctl_user_effect(ctl, id, &effect);
        if (code != CTL_OK) {
            return code;
        }

        strcpy(felt, ": ");
        ctl_effect_text(&effect, felt + 2, sizeof(felt) - 2);
    }

    if (change->role) {
        ctl_done(ctl, change->did, change->verb, "the role of %s from %s to "
                 "%s%s", id, before, change->role, felt);

    } else {
        ctl_done(ctl, change->did, change->verb, "%s%s", id, felt);
    }

    return CTL_OK;
}


/* the seal of what a change makes of a user */

static void
ctl_user_seal(ctl_t *ctl, const char *id, stok_user_record_t *user,
    const ctl_user_change_t *change, char seal[STOK_SEAL_MAX + 1])
{
    unsigned     i;
    stok_str_t   text;

    if (change->role) {
        user->role.data = change->role;
        user->role.len = strlen(change->role);
    }

    for (i = STOK_USER_PENDING; change->to && i <= STOK_USER_DELETED; i++) {
        if (strcmp(stok_user_status_name(i).data, change->to) == 0) {
            user->status = (uint8_t) i;
        }
    }

    text.data = id;
    text.len = strlen(id);

    seal[stok_seal_user(seal, &ctl->keys, text, user)] = '\0';
}
