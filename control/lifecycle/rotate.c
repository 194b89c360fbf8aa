/*
 * token rotate: a successor for a token that goes on for a while.
 *
 * The successor has the same user, type, scope, environment, networks and rate,
 * and lives as long as the predecessor was made for.  The predecessor keeps its
 * own expiry, so that a rotation that nobody goes on with ends nothing; only
 * --overlap sets an earlier end.  Both name each other.  Why nothing is lost on
 * the way: see issue.c.
 */


#include "issue.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_ROTATE_EARLY  (30 * CTL_DAY)         /* before it expires */
#define CTL_ROTATE_STEM   (STOK_NAME_MAX - 12)   /* "-2026", "-9999" */


typedef struct {
    int         overlaps;                        /* the next is given */
    ctl_time_t  overlap;
    int         lives;                           /* the next is given */
    ctl_time_t  ends;
    int         usual;                           /* by the environment */
    int64_t     expires_at;                      /* of the old one */
} ctl_rotate_t;


static int ctl_rotate_wanted(ctl_t *ctl, const ctl_token_new_t *want,
    ctl_new_t *new, ctl_rotate_t *rotate);
static int ctl_rotate_step(ctl_t *ctl, ctl_new_t *new, const char *mode,
    void *data);
static int ctl_rotate_judge(ctl_t *ctl, const char *id, ctl_record_t *rec,
    stok_token_record_t *token);
static int ctl_rotate_user(ctl_t *ctl, ctl_new_t *new);
static int ctl_rotate_new(ctl_t *ctl, ctl_new_t *new, ctl_rotate_t *rotate,
    ctl_record_t *rec, stok_token_record_t *token);
static int ctl_rotate_end(ctl_t *ctl, ctl_new_t *new, ctl_rotate_t *rotate,
    int64_t expires_at);
static int ctl_rotate_lifetime(ctl_new_t *new, ctl_rotate_t *rotate,
    ctl_record_t *rec, stok_token_record_t *token);
static int ctl_rotate_done(ctl_t *ctl, const char *id, const ctl_new_t *new);
static void ctl_rotate_say(ctl_t *ctl, ctl_new_t *new, int usual);
static void ctl_rotate_name(ctl_new_t *new, stok_str_t name);
static size_t ctl_rotate_stem(const char *name, size_t len);
static int ctl_rotate_year(const char *name, size_t len);
static int ctl_rotate_write(ctl_t *ctl, ctl_new_t *new, const char *mode,
    ctl_record_t *rec, stok_token_record_t *token);


int
ctl_token_rotate(ctl_t *ctl, const char *id, const ctl_token_new_t *want,
    const ctl_deliver_t *deliver)
{
    int            code;
    ctl_new_t      new;
    ctl_rotate_t   rotate;

    memset(&new, 0, sizeof(new));
    new.old = id;

    code = ctl_rotate_wanted(ctl, want, &new, &rotate);

    if (code == CTL_OK) {
        code = ctl_issue(ctl, &new, deliver, ctl_rotate_step, &rotate);
    }

    if (code == CTL_OK) {
        code = ctl_rotate_done(ctl, id, &new);
    }

    if (code == CTL_OK && !rotate.lives) {
        ctl_rotate_say(ctl, &new, rotate.usual);
    }

    if (code == CTL_OK && rotate.expires_at
        && rotate.expires_at < new.created_at + CTL_ROTATE_EARLY)
    {
        ctl_note(ctl, CTL_NOTE_NOTE, "it was to expire in less than 30 days "
                 "anyway: rotate earlier");
    }

    return code;
}


static int
ctl_rotate_wanted(ctl_t *ctl, const ctl_token_new_t *want, ctl_new_t *new,
    ctl_rotate_t *rotate)
{
    int  code;

    memset(rotate, 0, sizeof(*rotate));
    rotate->overlaps = want->overlap != NULL;
    rotate->lives = want->expires_in != NULL;

    code = want->overlap ? ctl_time(ctl, "overlap", want->overlap,
                                    &rotate->overlap)
                         : CTL_OK;

    if (code == CTL_OK && want->expires_in) {
        code = ctl_time(ctl, "expires-in", want->expires_in, &rotate->ends);
    }

    if (code == CTL_OK && want->name) {
        code = ctl_issue_name(ctl, want->name, new);
    }

    new->choose = want->name == NULL;

    return code == CTL_OK ? ctl_secret_want(ctl, want, new) : code;
}


static int
ctl_rotate_step(ctl_t *ctl, ctl_new_t *new, const char *mode, void *data)
{
    int                   code;
    ctl_record_t          rec;
    ctl_rotate_t         *rotate;
    stok_token_record_t   token;

    rotate = data;

    code = ctl_read_token(ctl, new->old, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_rotate_judge(ctl, new->old, &rec, &token);

    if (code == CTL_OK) {
        memcpy(new->user, token.user.data, token.user.len);
        new->user[token.user.len] = '\0';

        code = ctl_rotate_user(ctl, new);
    }

    if (code == CTL_OK && new->created_at == 0) {
        code = ctl_rotate_new(ctl, new, rotate, &rec, &token);
    }

    if (code == CTL_OK) {
        rotate->expires_at = token.expires_at;
        code = ctl_rotate_end(ctl, new, rotate, token.expires_at);
    }

    if (code == CTL_OK) {
        code = ctl_rotate_write(ctl, new, mode, &rec, &token);
    }

    ctl_free(&rec);

    return code;
}


/* earlier than its own end, if that was asked for, and never later */

static int
ctl_rotate_end(ctl_t *ctl, ctl_new_t *new, ctl_rotate_t *rotate,
    int64_t expires_at)
{
    int      code;
    int64_t  end;

    new->old_expires_at = expires_at;

    if (!rotate->overlaps) {
        return CTL_OK;
    }

    code = ctl_time_ahead(ctl, "overlap", &rotate->overlap, new->created_at,
                          &end);

    if (code == CTL_OK && (expires_at == 0 || expires_at > end)) {
        new->old_expires_at = end;
    }

    return code;
}


/* whether a token may be rotated */

static int
ctl_rotate_judge(ctl_t *ctl, const char *id, ctl_record_t *rec,
    stok_token_record_t *token)
{
    int      code;
    int64_t  now;

    code = ctl_decode_token(ctl, id, rec, token);

    if (code == CTL_OK) {
        code = ctl_now(ctl, &now);
    }

    if (code != CTL_OK) {
        return code;
    }

    if (token->status != STOK_TOKEN_ACTIVE) {
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" is %s: only an active "
                        "one is rotated, so make a new one", id,
                        ctl_get(rec, "status"));
    }

    if (token->expires_at && token->expires_at <= now) {
        return ctl_fail(ctl, CTL_STATE, "token \"%s\" has expired: make a new "
                        "one", id);
    }

    if (ctl_get(rec, "rotated_to")[0]) {
        return ctl_fail(ctl, CTL_CONFLICT, "token \"%s\" was rotated already, "
                        "to %s: nothing was changed", id,
                        ctl_get(rec, "rotated_to"));
    }

    return CTL_OK;
}


static int
ctl_rotate_user(ctl_t *ctl, ctl_new_t *new)
{
    int                  code;
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, new->user, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, new->user, &rec, &user);
    ctl_free(&rec);

    new->owner = user.status;

    return code;
}


/* what the successor is: decided once */

static int
ctl_rotate_new(ctl_t *ctl, ctl_new_t *new, ctl_rotate_t *rotate,
    ctl_record_t *rec, stok_token_record_t *token)
{
    int  code;

    new->personal = token->type == STOK_TYPE_PERSONAL;
    ctl_issue_ends(new, &rotate->ends);

    snprintf(new->env, sizeof(new->env), "%s", ctl_get(rec, "env"));
    memcpy(new->scope, token->scope.data, token->scope.len);
    new->scope[token->scope.len] = '\0';
    snprintf(new->networks, sizeof(new->networks), "%s",
             ctl_get(rec, "networks"));
    snprintf(new->rate, sizeof(new->rate), "%s", ctl_get(rec, "rate"));

    if (!rotate->lives
        && ctl_rotate_lifetime(new, rotate, rec, token) != CTL_OK)
    {
        return ctl_fail(ctl, CTL_REJECTED, "token \"%s\" has no environment "
                        "that says how long a token lives: give --expires-in",
                        new->old);
    }

    code = ctl_issue_draw(ctl, new);

    if (code == CTL_OK && new->choose) {
        ctl_rotate_name(new, token->name);
    }

    return code;
}


/*
 * As long as the predecessor was made for; a year at most, if it was extended.
 * If its record does not say that, by its environment.
 */

static int
ctl_rotate_lifetime(ctl_new_t *new, ctl_rotate_t *rotate,
    ctl_record_t *rec, stok_token_record_t *token)
{
    int64_t  created, lifetime;

    if (token->expires_at == 0) {
        new->lifetime = 0;
        return CTL_OK;
    }

    created = ctl_number(ctl_get(rec, "created_at"));
    lifetime = token->expires_at - created;

    if (created <= 0 || lifetime < CTL_DAY) {
        rotate->usual = 1;
        return ctl_env_lifetime(new->env, &new->lifetime);
    }

    new->lifetime = lifetime > CTL_YEAR ? CTL_YEAR : lifetime;

    return CTL_OK;
}


static int
ctl_rotate_done(ctl_t *ctl, const char *id, const ctl_new_t *new)
{
    int   code;
    char  used[CTL_USED];

    used[0] = '\0';
    code = ctl->dry ? ctl_effect_used(ctl, id, used) : CTL_OK;

    /* the id of what is not made is not told */

    if (code == CTL_OK) {
        ctl_done(ctl, "rotated", "rotate", "%s of %s%s: the successor is "
                 "%s%s%s%s", id, new->user, used, ctl->dry ? "" : new->id,
                 ctl->dry ? "" : " (", new->name, ctl->dry ? "" : ")");
    }

    return code;
}


static void
ctl_rotate_say(ctl_t *ctl, ctl_new_t *new, int usual)
{
    long long  days;

    days = (long long) (new->lifetime + CTL_DAY / 2) / CTL_DAY;

    if (new->lifetime == 0) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the successor never expires, as its "
                 "predecessor never did: --expires-in sets another lifetime");

    } else if (usual) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the successor lives %lld days, as usual "
                 "for %s: --expires-in sets another lifetime", days,
                 new->env);

    } else {
        ctl_note(ctl, CTL_NOTE_NOTE, "the successor lives %lld days, as its "
                 "predecessor did: --expires-in sets another lifetime", days);
    }
}


/*
 * Where the search for a free name begins: "etl" and "etl-2025" and
 * "etl-2025-3" are followed by "etl-2026", then "etl-2026-2", and so on.
 */

static void
ctl_rotate_name(ctl_new_t *new, stok_str_t name)
{
    size_t      i, len, chars;

    len = ctl_rotate_stem(name.data, name.len);

    /* a year and a number have to fit, and no character is cut in two */

    for (i = 0, chars = 0; i < len; i++) {
        if ((name.data[i] & 0xc0) != 0x80 && ++chars > CTL_ROTATE_STEM) {
            break;
        }
    }

    snprintf(new->name, sizeof(new->name), "%.*s-%d", (int) i, name.data,
             (int) ctl_year(new->created_at));
}


/* the length of a name without its year, and without the number behind it */

static size_t
ctl_rotate_stem(const char *name, size_t len)
{
    size_t  i;

    if (ctl_rotate_year(name, len)) {
        return len - 5;
    }

    for (i = len; i && isdigit((unsigned char) name[i - 1]); i--) {
        /* void */
    }

    if (i && i < len && name[i - 1] == '-' && ctl_rotate_year(name, i - 1)) {
        return i - 6;
    }

    return len;
}


/* "...-20NN" */

static int
ctl_rotate_year(const char *name, size_t len)
{
    return len > 5 && memcmp(name + len - 5, "-20", 3) == 0
           && isdigit((unsigned char) name[len - 2])
           && isdigit((unsigned char) name[len - 1]);
}


static int
ctl_rotate_write(ctl_t *ctl, ctl_new_t *new, const char *mode,
    ctl_record_t *rec, stok_token_record_t *token)
{
    char         count[24], expires[24], seal[STOK_SEAL_MAX + 1];
    size_t       i, n;
    stok_str_t   arg[9 + CTL_FIELDS];

    token->expires_at = new->old_expires_at;

    snprintf(count, sizeof(count), "%zu", rec->n / 2);
    snprintf(expires, sizeof(expires), "%lld",
             (long long) token->expires_at);

    n = 0;
    arg[n++] = ctl_str(new->old);
    arg[n++] = ctl_str(rec->key);
    arg[n++] = ctl_str(count);

    for (i = 0; i < rec->n; i++) {
        arg[n++] = rec->field[i];
    }

    arg[n++] = ctl_str("expires_at");
    arg[n++] = ctl_str(expires);
    arg[n++] = ctl_str("rotated_to");
    arg[n++] = ctl_str(new->id);

    if (ctl_token_seal(ctl, rec, token, seal)) {
        arg[n++] = ctl_str("seal");
        arg[n++] = ctl_str(seal);
    }

    return ctl_issue_script(ctl, new, mode, n, arg);
}
