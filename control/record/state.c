/*
 * The state of a token: what nginx would say of it now, wherever it asks for no
 * more than a valid token.
 */


#include "internal.h"
#include "stok_decide.h"

#include <string.h>


static const char *ctl_forged_word(const ctl_record_t *rec);


const char *
ctl_token_word(ctl_t *ctl, const ctl_record_t *token,
    const ctl_record_t *user, int64_t now)
{
    int             owned;
    stok_require_t  any;

    if (ctl_record_forged(token)) {
        return ctl_forged_word(token);
    }

    if (token->state == CTL_REC_ODD || user->state == CTL_REC_ODD) {
        return "unreadable";
    }

    memset(&any, 0, sizeof(any));
    any.roles = &ctl->roles;
    any.types = STOK_TYPE_ANY;
    any.scope = ctl_str("");

    owned = user->state != CTL_REC_NONE;

    switch (stok_decide(&token->token, owned ? &user->user : NULL, &any, NULL,
                        now))
    {
    case STOK_TAMPERED:
        return ctl_forged_word(user);

    case STOK_REVOKED:
        return "revoked";

    case STOK_EXPIRED:
        return "expired";

    case STOK_ORPHANED:
        return "orphaned";

    case STOK_USER_OFF:
        return stok_user_status_name(user->user.status).data;

    default:
        return ctl_get(token, "rotated_to")[0] ? "rotating" : "active";
    }
}


int
ctl_token_json(ctl_t *ctl, const ctl_record_t *rec, json_t **token)
{
    int           code;
    int64_t       now;
    redisReply   *reply;
    ctl_record_t  user;

    code = ctl_now(ctl, &now);
    if (code != CTL_OK) {
        return code;
    }

    ctl_record_user(&user, rec->state == CTL_REC_ODD
                           ? "" : ctl_get(rec, "user"));

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %s%s", ctl->prefix,
                       user.key);
    if (code != CTL_OK) {
        return code;
    }

    ctl_record_take(ctl, &user, reply, NULL);

    code = ctl_command(ctl, CTL_IS_TEXT, &reply, "ZSCORE %slast_used %s",
                       ctl->prefix, ctl_get(rec, "id"));

    if (code == CTL_OK) {
        *token = ctl_json(rec, NULL);
        ctl_token_state(*token, ctl_token_word(ctl, rec, &user, now),
                        reply->str);
        freeReplyObject(reply);
    }

    ctl_free(&user);

    return code;
}


void
ctl_token_state(json_t *json, const char *state, const char *last_used)
{
    json_object_set_new(json, "state", json_string(state));
    json_object_set_new(json, "last_used",
                        last_used ? json_integer(ctl_number(last_used))
                                  : json_null());
}


const char *
ctl_user_word(const ctl_record_t *rec)
{
    return ctl_record_forged(rec) ? ctl_forged_word(rec)
           : rec->state == CTL_REC_ODD ? "unreadable"
           : stok_user_status_name(rec->user.status).data;
}


static const char *
ctl_forged_word(const ctl_record_t *rec)
{
    return rec->state == CTL_REC_UNSEALED ? "unsealed" : "tampered";
}
