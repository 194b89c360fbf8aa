/*
 * approval: users that wait for a second person, roles that are asked for, and
 * whether and by what a dataset tells the two apart.
 *
 * The scripts compare, and only what this command says of itself: somebody who
 * has the key file and may write to Redis can say anything.  It stops a
 * mistake and a person who stays within the command; the audit has all three
 * names of each step.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_approval_trust(const char *text, char out[32]);
static int ctl_raise_try(ctl_t *ctl, const char *id, const char *role);
static int ctl_approve_try(ctl_t *ctl, const char *id);
static int ctl_approve_role(ctl_t *ctl, const char *id, char **role);
static int ctl_approve_write(ctl_t *ctl, const char *id, ctl_record_t *rec,
    const char *role);


/* sets it, or asks for it */

int
ctl_approval_set(ctl_t *ctl, const char *approval, const char *trust,
    json_t **now)
{
    int          code;
    char        *word, *has, words[32];
    const char  *arg[2];

    if (strcmp(approval, "required") != 0 && strcmp(approval, "none") != 0) {
        return ctl_fail(ctl, CTL_INVALID, "bad approval: required or none");
    }

    if (trust && ctl_approval_trust(trust, words) != CTL_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad --trust: one or more of os, "
                        "actor and redis, with commas between");
    }

    has = NULL;
    code = trust ? CTL_OK : ctl_meta(ctl, "trust", &has);

    if (code != CTL_OK) {
        return code;
    }

    arg[0] = approval;
    arg[1] = trust ? words : has[0] ? has : "os";

    code = ctl_script_texts(ctl, stok_script_approval, 2, arg, &word);

    if (code == CTL_OK) {
        ctl_done(ctl, "set", "set", "approval to %s, by %s", arg[0], arg[1]);

    } else if (code == CTL_FOUND) {
        ctl_note(ctl, CTL_NOTE_NOTE, "nothing was changed yet: approval is "
                 "required here, so another admin has to run the same command");
        code = CTL_OK;
    }

    free(has);
    free(word);

    return code == CTL_OK ? ctl_approval_get(ctl, now) : code;
}


int
ctl_approval_get(ctl_t *ctl, json_t **now)
{
    int     code;
    char   *approval, *trust;

    code = ctl_meta(ctl, "approval", &approval);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_meta(ctl, "trust", &trust);

    if (code == CTL_OK) {
        *now = json_pack("{s:s, s:s}", "approval",
                         approval[0] ? approval : "none", "trust",
                         trust[0] ? trust : "os");
        free(trust);

        if (*now == NULL) {
            code = ctl_fail(ctl, CTL_BROKEN, "the dataset's approval cannot "
                            "be read");
        }
    }

    free(approval);

    return code;
}


/* in one order, so that the same is the same text */

static int
ctl_approval_trust(const char *text, char out[32])
{
    size_t       i, len;
    unsigned     seen;

    static const char  *words[] = { "os", "actor", "redis" };

    for (seen = 0; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");

        for (i = 0; i < 3 && (strlen(words[i]) != len
                              || memcmp(words[i], text, len) != 0); i++)
        {
            /* void */
        }

        if (i == 3) {
            return CTL_INVALID;
        }

        seen |= 1u << i;
    }

    for (i = 0, out[0] = '\0'; i < 3; i++) {
        if (seen & 1u << i) {
            strcat(out, out[0] ? " " : "");
            strcat(out, words[i]);
        }
    }

    return seen ? CTL_OK : CTL_INVALID;
}


int
ctl_approval_raise(ctl_t *ctl, const char *id, const char *role)
{
    int    code, tries;
    char  *approval;

    code = ctl_meta(ctl, "approval", &approval);
    if (code != CTL_OK) {
        return code;
    }

    tries = strcmp(approval, "required") == 0 ? 0 : CTL_TRIES;
    code = tries ? CTL_FOUND : CTL_CHANGED;
    free(approval);

    for ( /* void */ ; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_raise_try(ctl, id, role);
    }

    return code;
}


static int
ctl_raise_try(ctl_t *ctl, const char *id, const char *role)
{
    int                  code;
    char                 has[STOK_ROLE_MAX + 1], *word;
    stok_str_t           name;
    const char          *arg[3];
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, id, &rec, &user);

    name.data = role;
    name.len = strlen(role);

    if (code == CTL_OK && stok_role_rank(&ctl->roles, name)
                          <= stok_role_rank(&ctl->roles, user.role))
    {
        code = CTL_FOUND;
    }

    snprintf(has, sizeof(has), "%s", ctl_get(&rec, "role"));
    ctl_free(&rec);

    if (code != CTL_OK) {
        return code;
    }

    arg[0] = id;
    arg[1] = has;
    arg[2] = role;

    code = ctl_script_texts(ctl, stok_script_user_raise, 3, arg, &word);
    free(word);

    if (code == CTL_OK) {
        if (ctl->dry) {
            ctl_done(ctl, "", "request", "the role %s for %s, which has %s",
                     role, id, has);

        } else {
            ctl_note(ctl, CTL_NOTE_NOTE, "the role was requested: another "
                     "admin has to run service-token user approve %s", id);
        }
    }

    return code;
}


int
ctl_user_approve(ctl_t *ctl, const char *id, json_t **user)
{
    int  code, tries;

    code = ctl_ready(ctl);
    if (code != CTL_OK) {
        return code;
    }

    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_approve_try(ctl, id);
    }

    return code == CTL_OK ? ctl_user_again(ctl, id, user) : code;
}


static int
ctl_approve_try(ctl_t *ctl, const char *id)
{
    int                  code;
    char                *role;
    stok_str_t           name;
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    role = NULL;
    code = ctl_decode_user(ctl, id, &rec, &user);

    if (code == CTL_OK && user.status != STOK_USER_PENDING) {
        code = ctl_approve_role(ctl, id, &role);

        if (code == CTL_OK && role == NULL
            && user.status == STOK_USER_ACTIVE)
        {
            ctl_note(ctl, CTL_NOTE_DONE, "%s is active already, and no role "
                     "is asked for", id);
            ctl_free(&rec);
            return CTL_OK;
        }

        if (code == CTL_OK && (role == NULL
                               || user.status == STOK_USER_DELETED))
        {
            code = ctl_fail(ctl, CTL_STATE, "user \"%s\" is %s, and no role "
                            "was requested: nothing was changed", id,
                            stok_user_status_name(user.status).data);
        }
    }

    if (code == CTL_OK && role) {
        name.data = role;
        name.len = strlen(role);

        if (stok_role_rank(&ctl->roles, name) < 0) {
            code = ctl_fail(ctl, CTL_STATE, "the requested role does not "
                            "exist: the roles are %s", ctl->role_names);
        }
    }

    if (code == CTL_OK) {
        code = ctl_approve_write(ctl, id, &rec, role);
    }

    if (code == CTL_OK && role) {
        ctl_done(ctl, "approved", "approve", "the role %s of %s", role, id);

    } else if (code == CTL_OK) {
        ctl_done(ctl, "approved", "approve", "%s", id);
    }

    free(role);
    ctl_free(&rec);

    return code;
}


/* NULL: none is asked for */

static int
ctl_approve_role(ctl_t *ctl, const char *id, char **role)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGET %srequest:%s role",
                       ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    if (ctl_is_text(reply) && reply->len == strlen(reply->str)) {
        *role = strdup(reply->str);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_approve_write(ctl_t *ctl, const char *id, ctl_record_t *rec,
    const char *role)
{
    int                  code;
    char                 count[24], seal[STOK_SEAL_MAX + 1], *word;
    char                 before[STOK_TEXT_MAX + 64];
    size_t               i, argc;
    stok_str_t           arg[5 + CTL_FIELDS + 4];
    stok_user_record_t   user;

    user = rec->user;

    if (role) {
        user.role.data = role;
        user.role.len = strlen(role);
        snprintf(before, sizeof(before), "%s", ctl_get(rec, "role"));

    } else {
        user.status = STOK_USER_ACTIVE;
        snprintf(before, sizeof(before), "pending, created_by %s",
                 ctl_get(rec, "created_by"));
    }

    snprintf(count, sizeof(count), "%zu", rec->n / 2);

    argc = 0;
    arg[argc++] = ctl_str(id);
    arg[argc++] = ctl_str(role ? role : "");
    arg[argc++] = ctl_str(before);
    arg[argc++] = ctl_str(role ? role : "active");
    arg[argc++] = ctl_str(count);

    for (i = 0; i < rec->n; i++) {
        arg[argc++] = rec->field[i];
    }

    arg[argc++] = ctl_str(role ? "role" : "status");
    arg[argc++] = ctl_str(role ? role : "active");

    if (ctl->keys.n) {
        seal[stok_seal_user(seal, &ctl->keys, ctl_str(id), &user)] = '\0';
        arg[argc++] = ctl_str("seal");
        arg[argc++] = ctl_str(seal);
    }

    code = ctl_script(ctl, stok_script_user_approve, argc, arg, &word);
    free(word);

    return code;
}
