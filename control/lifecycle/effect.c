/*
 * The effect of a change: the active tokens of a user, and when they were used
 * last.  It is shown before a change, so it goes by indexes and is not exact
 * where somebody has written them; the change itself never goes by it.
 */


#include "internal.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    int64_t        now;
    ctl_effect_t  *effect;
    json_t        *seen;                         /* a walk may meet one twice */
} ctl_effect_walk_t;


static int ctl_effect_each(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
static int ctl_effect_last(ctl_t *ctl, const char *id, int64_t *at);


int
ctl_user_effect(ctl_t *ctl, const char *id, ctl_effect_t *effect)
{
    int                code;
    ctl_effect_walk_t  walk;

    memset(effect, 0, sizeof(*effect));

    code = ctl_now(ctl, &walk.now);
    if (code != CTL_OK) {
        return code;
    }

    walk.effect = effect;
    walk.seen = json_object();

    code = walk.seen ? ctl_walk_tokens(ctl, id, ctl_effect_each, &walk)
                     : ctl_fail(ctl, CTL_FAILED, "no memory");
    json_decref(walk.seen);

    return code;
}


static int
ctl_effect_each(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    ctl_effect_walk_t  *walk;

    walk = data;

    if (rec->state == CTL_REC_ODD || rec->state == CTL_REC_OTHER
        || rec->token.status != STOK_TOKEN_ACTIVE
        || (rec->token.expires_at && rec->token.expires_at <= walk->now)
        || json_object_get(walk->seen, id))
    {
        return CTL_OK;
    }

    (void) json_object_set_new_nocheck(walk->seen, id, json_true());

    return ctl_effect_token(ctl, id, walk->now, walk->effect);
}


int
ctl_effect_token(ctl_t *ctl, const char *id, int64_t now, ctl_effect_t *effect)
{
    int      code;
    int64_t  at;

    code = ctl_effect_last(ctl, id, &at);

    if (code == CTL_OK) {
        effect->active++;
        effect->used += at > now - CTL_DAY;
    }

    return code;
}


/* 0: never */

static int
ctl_effect_last(ctl_t *ctl, const char *id, int64_t *at)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_TEXT, &reply, "ZSCORE %slast_used %s",
                       ctl->prefix, id);

    if (code == CTL_OK) {
        *at = ctl_is_text(reply) ? ctl_number(reply->str) : 0;
        freeReplyObject(reply);
    }

    return code;
}


int
ctl_effect_used(ctl_t *ctl, const char *id, char used[CTL_USED])
{
    int      code;
    char     date[24];
    int64_t  now, at;

    code = ctl_now(ctl, &now);

    if (code == CTL_OK) {
        code = ctl_effect_last(ctl, id, &at);
    }

    if (code != CTL_OK) {
        return code;
    }

    ctl_iso(at, date);
    snprintf(used, CTL_USED, "%s%s", at == 0 ? ", never used"
                                     : at > now - CTL_DAY ? ", used today"
                                                          : ", last used ",
             at && at <= now - CTL_DAY ? date : "");

    return CTL_OK;
}


void
ctl_effect_text(const ctl_effect_t *effect, char *out, size_t size)
{
    long long  active, used;

    active = (long long) effect->active;
    used = (long long) effect->used;

    if (active == 0) {
        snprintf(out, size, "it has no active token");

    } else {
        snprintf(out, size, "it has %lld active token%s, %lld of %lld %s used "
                 "today", active, ctl_s(active), used, active,
                 used == 1 ? "was" : "were");
    }
}
