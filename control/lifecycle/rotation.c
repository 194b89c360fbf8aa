/*
 * token rotation: may the predecessor be revoked?
 *
 *     wait             the successor cannot take over, or was not used yet, or
 *                      too little time has passed since the predecessor was
 *     old-still-used   somebody goes on with the predecessor
 *     safe-to-revoke   the successor is used, the predecessor no longer
 *
 * "No longer" is: not for a day, and not after the successor.  A job that runs
 * less often than daily shows in the dates only.
 *
 * Only of a token that is safe to revoke the answer is CTL_OK, so that
 * "rotation && revoke" is safe.  It never is of a successor, though that may
 * be asked for, too: revoking that one would be an outage.
 */


#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_QUIET  CTL_DAY


/* one of the two */
typedef struct {
    char      id[STOK_RECORD_ID_MAX + 1];
    json_t   *json;                              /* NULL: it is deleted */
    int64_t   used;                              /* 0: never */
    int64_t   created;
    int64_t   ended;                             /* no longer valid since */
    int64_t   refused_at;
} ctl_half_t;


typedef struct {
    ctl_half_t   old;
    ctl_half_t   new;
    int64_t      now;
    const char  *word;
    char         reason[512];
} ctl_rotation_t;


static int ctl_rotation_pair(ctl_t *ctl, const char *id, ctl_rotation_t *r);
static int ctl_rotation_read(ctl_t *ctl, ctl_half_t *half, int64_t now);
static void ctl_rotation_answer(ctl_rotation_t *r);
static void ctl_rotation_say(ctl_rotation_t *r, const char *word,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
static json_t *ctl_rotation_half(ctl_half_t *half);
static int64_t ctl_rotation_date(json_t *json, const char *name);


int
ctl_token_rotation(ctl_t *ctl, const char *id, json_t **rotation)
{
    int              code;
    ctl_rotation_t   r;

    memset(&r, 0, sizeof(r));

    code = ctl_now(ctl, &r.now);

    if (code == CTL_OK) {
        code = ctl_rotation_pair(ctl, id, &r);
    }

    if (code == CTL_OK) {
        code = ctl_rotation_read(ctl, &r.old, r.now);
    }

    if (code == CTL_OK) {
        code = ctl_rotation_read(ctl, &r.new, r.now);
    }

    if (code == CTL_OK && r.old.json == NULL) {
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" is deleted: its "
                        "rotation is over", r.old.id);
    }

    if (code == CTL_OK) {
        ctl_rotation_answer(&r);
        code = strcmp(r.word, "safe-to-revoke") == 0
               && strcmp(r.old.id, id) == 0
               ? CTL_OK : CTL_FOUND;

        *rotation = json_pack("{s:s, s:s, s:o, s:o}", "answer", r.word,
                              "reason", r.reason, "old",
                              ctl_rotation_half(&r.old), "new",
                              ctl_rotation_half(&r.new));
    }

    json_decref(r.old.json);
    json_decref(r.new.json);

    return code;
}


/* of a token that is both, the rotation to its successor is meant */

static int
ctl_rotation_pair(ctl_t *ctl, const char *id, ctl_rotation_t *r)
{
    int           code;
    const char   *to, *from;
    ctl_record_t  rec;

    code = ctl_read_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    to = ctl_get(&rec, "rotated_to");
    from = ctl_get(&rec, "rotated_from");

    if (to[0] == '\0' && from[0] == '\0') {
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" is not being rotated: "
                        "\"token rotate\" makes a successor", id);
    }

    snprintf(r->old.id, sizeof(r->old.id), "%s", to[0] ? id : from);
    snprintf(r->new.id, sizeof(r->new.id), "%s", to[0] ? to : id);

    ctl_free(&rec);

    return code;
}


static int
ctl_rotation_read(ctl_t *ctl, ctl_half_t *half, int64_t now)
{
    int           code;
    int64_t       expires;
    redisReply   *reply;
    const char   *state;
    ctl_record_t  rec;

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %sid:%s",
                       ctl->prefix, half->id);
    if (code != CTL_OK) {
        return code;
    }

    code = (int) reply->integer;
    freeReplyObject(reply);

    if (code == 0) {
        return CTL_OK;
    }

    code = ctl_read_token(ctl, half->id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_token_json(ctl, &rec, &half->json);
    ctl_free(&rec);

    if (code == CTL_OK) {
        code = ctl_usage_read(ctl, half->id, half->json);
    }

    if (code != CTL_OK) {
        return code;
    }

    state = json_string_value(json_object_get(half->json, "state"));
    expires = ctl_rotation_date(half->json, "expires_at");

    half->used = ctl_rotation_date(half->json, "last_used");
    half->created = ctl_rotation_date(half->json, "created_at");
    half->refused_at = ctl_rotation_date(half->json, "refused_at");
    half->ended = strcmp(state, "revoked") == 0
                  ? ctl_rotation_date(half->json, "revoked_at")
                  : expires && expires <= now ? expires : 0;

    return CTL_OK;
}


static void
ctl_rotation_answer(ctl_rotation_t *r)
{
    char        date[24], other[24];
    ctl_half_t  *old, *new;

    old = &r->old;
    new = &r->new;

    ctl_iso(old->used, date);
    ctl_iso(new->used, other);

    if (old->ended) {
        ctl_iso(old->ended, date);
        ctl_iso(old->refused_at, other);

        if (old->refused_at >= old->ended) {
            ctl_rotation_say(r, "old-still-used", "%s ended %s, and was still "
                             "tried %s", old->id, date, other);

        } else {
            ctl_rotation_say(r, "safe-to-revoke", "%s ended %s, and was not "
                             "tried since", old->id, date);
        }

    } else if (new->json == NULL) {
        ctl_rotation_say(r, "wait", "the successor %s is deleted", new->id);

    } else if (new->ended) {
        ctl_iso(new->ended, other);
        ctl_rotation_say(r, "wait", "the successor %s ended %s", new->id,
                         other);

    } else if (new->used == 0) {
        ctl_rotation_say(r, "wait", "the successor %s was never used",
                         new->id);

    } else if (old->used == 0) {
        ctl_rotation_say(r, "safe-to-revoke", "%s was used %s, %s never",
                         new->id, other, old->id);

    } else if (old->used >= new->used) {
        ctl_rotation_say(r, "old-still-used", "%s was used %s, not before %s "
                         "(%s)", old->id, date, new->id, other);

    } else if (old->used + CTL_QUIET > r->now) {

        if (old->used >= new->created) {
            ctl_rotation_say(r, "old-still-used", "%s was used %s, less than "
                             "a day ago", old->id, date);
        } else {
            ctl_iso(old->used + CTL_QUIET, other);
            ctl_rotation_say(r, "wait", "%s was used %s, shortly before it "
                             "was rotated: see again after %s", old->id, date,
                             other);
        }

    } else {
        ctl_rotation_say(r, "safe-to-revoke", "%s was used %s, %s not since "
                         "%s", new->id, other, old->id, date);
    }
}


static void
ctl_rotation_say(ctl_rotation_t *r, const char *word, const char *format, ...)
{
    va_list  ap;

    r->word = word;

    va_start(ap, format);
    vsnprintf(r->reason, sizeof(r->reason), format, ap);
    va_end(ap);
}


static json_t *
ctl_rotation_half(ctl_half_t *half)
{
    size_t   i;
    json_t  *json, *value;

    static const char  *names[] = { "name", "state", "created_at",
        "expires_at", "revoked_at", "last_used", "refused", "refused_at",
        "refused_addr", "refused_reason" };

    json = json_pack("{s:s}", "id", half->id);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = json_object_get(half->json, names[i]);

        json_object_set(json, names[i], value ? value : json_null());
    }

    if (half->json == NULL) {
        json_object_set_new(json, "state", json_string("deleted"));
    }

    return json;
}


static int64_t
ctl_rotation_date(json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}
