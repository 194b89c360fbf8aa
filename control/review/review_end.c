/*
 * Findings about how tokens end: refused ones that are tried, an expiry that
 * is near, a rotation that is stuck; and the commands that it advises.
 *
 * An expiry is near by the share of the token's life that is left, so that a
 * token of 30 days is not found on its first one; and by what is left at most
 * until the next quarterly review, so that one of a year is not found too late.
 */


#include "review.h"

#include <stdio.h>
#include <string.h>


#define CTL_QUARTER  (92 * CTL_DAY)              /* until the next review */
#define CTL_EXPIRING (30 * CTL_DAY)
#define CTL_STUCK    (7 * CTL_DAY)


static void ctl_refused_advice(const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_stuck_soon(const ctl_subject_t *t, int64_t now);


int
ctl_judge_refused(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    char         date[24];
    int64_t      n, at;
    const char  *reason;

    n = ctl_number(ctl_get(t->usage, "refused"));
    at = ctl_number(ctl_get(t->usage, "refused_at"));

    if (n <= 0 || (at && review->now - at > CTL_MONTH)) {
        return CTL_OK;
    }

    ctl_iso(at, date);
    date[10] = '\0';
    reason = ctl_get(t->usage, "refused_reason");

    snprintf(f->seen, sizeof(f->seen), "%lld refused%s%.20s%s%s",
             (long long) n, reason[0] ? ": " : "", reason,
             at ? ", last " : "", at ? date : "");
    ctl_refused_advice(t, f);

    return ctl_found(ctl, review, CTL_RULE_FAILED_ATTEMPTS, f);
}


/*
 * A client that goes on with a token after its planned end was forgotten, and
 * needs the next one; a client that goes on with one that was revoked for
 * another reason may be the thief.
 */

static void
ctl_refused_advice(const ctl_subject_t *t, ctl_finding_t *f)
{
    size_t       i;
    const char  *reason;

    static const struct {
        const char      *reason;
        ctl_severity_e   severity;
        const char      *verb;                   /* NULL: of the user */
    } advices[] = {
        { "TAMPERED", CTL_HIGH, "incident token" },
        { "ORPHANED", CTL_MEDIUM, "token revoke" },
        { "USER_DISABLED", CTL_MEDIUM, NULL },
        { "NETWORK", CTL_MEDIUM, "token show" },
        { "ROLE", CTL_MEDIUM, "token show" },
        { "SCOPE", CTL_MEDIUM, "token show" },
        { "TYPE", CTL_MEDIUM, "token show" },
        { "THROTTLED", CTL_MEDIUM, "token show" }
    };

    f->severity = t->active ? CTL_MEDIUM : CTL_HIGH;

    if (!t->live && ctl_get(t->rec, "rotated_to")[0]) {
        ctl_fix_id(f, "token rotation", t->id, "");
        return;
    }

    if (!t->active) {
        ctl_fix_id(f, "incident token", t->id, "");
        return;
    }

    if (!t->live) {
        ctl_fix_new(f, t, t->env);
        return;
    }

    ctl_fix_id(f, "audit --token", t->id, "");
    reason = ctl_get(t->usage, "refused_reason");

    for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (strcmp(reason, advices[i].reason) == 0) {
            f->severity = advices[i].severity;

            if (advices[i].verb) {
                ctl_fix_id(f, advices[i].verb, t->id, "");

            } else {
                ctl_fix_id(f, "user show", t->user, "");
            }
        }
    }
}


int
ctl_judge_expiry(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    int64_t  left;

    if (!t->live) {
        return CTL_OK;
    }

    if (t->expires_at == 0) {
        if (strcmp(t->env, "production") != 0) {
            return CTL_OK;
        }

        f->severity = CTL_HIGH;
        snprintf(f->seen, sizeof(f->seen), "in production, never expires");
        ctl_fix_new(f, t, t->env);

        return ctl_found(ctl, review, CTL_RULE_NEVER_EXPIRES, f);
    }

    left = t->expires_at - review->now;

    if (left > CTL_QUARTER || left * 2 > t->expires_at - t->created_at
        || ctl_get(t->rec, "rotated_to")[0])
    {
        return CTL_OK;
    }

    f->severity = strcmp(t->env, "testing") == 0
                  || strcmp(t->env, "development") == 0
                  ? CTL_LOW
                  : left > CTL_EXPIRING ? CTL_MEDIUM : CTL_HIGH;

    snprintf(f->seen, sizeof(f->seen), "expires in %lld day%s, no rotation",
             (long long) left / CTL_DAY, ctl_s(left / CTL_DAY));
    ctl_fix_id(f, "token rotate", t->id, "");

    return ctl_found(ctl, review, CTL_RULE_EXPIRING, f);
}


/*
 * A token that outlives its environment's usual lifetime.  For production that
 * is the most there is, but for "never-expires".  One that has a successor is
 * not found if it ends at all.
 */

int
ctl_judge_lifetime(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    char     rest[32];
    int64_t  usual, lifetime;

    lifetime = t->expires_at ? t->expires_at - t->created_at : 0;

    if (!t->live || strcmp(t->env, "production") == 0
        || !ctl_env_longer(t->env, lifetime, &usual)
        || (lifetime && ctl_get(t->rec, "rotated_to")[0]))
    {
        return CTL_OK;
    }

    usual /= CTL_DAY;
    f->severity = lifetime ? CTL_LOW : CTL_MEDIUM;

    if (lifetime) {
        snprintf(f->seen, sizeof(f->seen), "lives %lld days, usual: %lld",
                 (long long) lifetime / CTL_DAY, (long long) usual);

    } else {
        snprintf(f->seen, sizeof(f->seen), "%s, never expires", t->env);
    }

    if (ctl_get(t->rec, "rotated_to")[0]) {
        ctl_fix_id(f, "token rotation", t->id, "");

    } else {
        snprintf(rest, sizeof(rest), " --expires-in %lldd",
                 (long long) usual);
        ctl_fix_id(f, "token rotate", t->id, rest);
    }

    return ctl_found(ctl, review, CTL_RULE_LIFETIME, f);
}


/* its end is an outage for its users, and nobody has the next one */

int
ctl_judge_stuck(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    int          code, used;
    int64_t      left;
    redisReply  *reply;
    const char  *to;

    to = ctl_get(t->rec, "rotated_to");

    if (!t->live || to[0] == '\0' || !ctl_stuck_soon(t, review->now)
        || t->last_used == 0 || review->now - t->last_used > CTL_MONTH
        || !ctl_review_wants(review, CTL_RULE_ROTATION_STUCK))
    {
        return CTL_OK;
    }

    code = ctl_command(ctl, CTL_IS_TEXT, &reply, "ZSCORE %slast_used %s",
                       ctl->prefix, to);
    if (code != CTL_OK) {
        return code;
    }

    used = reply->type != REDIS_REPLY_NIL;
    freeReplyObject(reply);

    if (used) {
        return CTL_OK;
    }

    left = t->expires_at - review->now;

    f->severity = CTL_HIGH;
    snprintf(f->seen, sizeof(f->seen), "ends in %lld day%s, next unused",
             (long long) left / CTL_DAY, ctl_s(left / CTL_DAY));
    ctl_fix_id(f, "token rotation", t->id, "");

    return ctl_found(ctl, review, CTL_RULE_ROTATION_STUCK, f);
}


/* before the next monthly review, but not at the beginning of a short life */

static int
ctl_stuck_soon(const ctl_subject_t *t, int64_t now)
{
    int64_t  left;

    left = t->expires_at - now;

    return t->expires_at != 0
           && (left <= CTL_STUCK
               || (left <= CTL_MONTH
                   && left * 3 <= t->expires_at - t->created_at));
}


void
ctl_fix_id(ctl_finding_t *f, const char *verb, const char *id,
    const char *rest)
{
    char  word[CTL_QUOTED];

    ctl_quote(id, word);
    snprintf(f->fix, sizeof(f->fix), "%s %s%s", verb, word, rest);
}


/* a token of its own instead; in production not of a person */

void
ctl_fix_new(ctl_finding_t *f, const ctl_subject_t *t, const char *env)
{
    char  user[CTL_QUOTED], word[CTL_QUOTED];

    if (strcmp(t->type, "personal") == 0 && strcmp(env, "production") == 0) {
        ctl_fix_service(f, t);
        return;
    }

    ctl_quote(t->user, user);
    ctl_quote(env[0] ? env : "ENV", word);
    snprintf(f->fix, sizeof(f->fix), "token create --user %s "
             "--name NEW-NAME --env %s", user, word);
}


/* automation does not belong to a person */

void
ctl_fix_service(ctl_finding_t *f, const ctl_subject_t *t)
{
    char  user[CTL_QUOTED];

    ctl_quote(t->user, user);
    snprintf(f->fix, sizeof(f->fix), "user create NEW-NAME "
             "--purpose TEXT --owner %s", user);
}
