/*
 * Stopping a user and its tokens, which are found by a walk over all records
 * and not by an index, which somebody may have written.
 *
 * The tokens that the user's index names are stopped first, since that takes
 * no time; then all records are walked until a whole walk has met none of the
 * user's that is active.  SCAN meets whatever is there from its beginning to
 * its end, and Redis answers others between two pages.
 *
 * If the command dies or is stopped on the way, some tokens are revoked and
 * others are not: running it again finishes it.  "incident user" has disabled
 * the user before.
 */


#include "meet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_STOP_BATCH   100                     /* tokens of a step */
#define CTL_STOP_WALKS   5


typedef struct {
    const char    *user;
    int64_t        now;
    json_t        *seen;                         /* in a dry run, by digest */
    ctl_effect_t   would;
    int64_t        revoked;
    int64_t        changed;                      /* to be met again */
    int64_t        met;
    int64_t        total;                        /* to be met, about */
    size_t         n;                            /* of the step */
    ctl_record_t   rec[CTL_STOP_BATCH];
    char           seal[CTL_STOP_BATCH][STOK_SEAL_MAX + 1];
} ctl_stop_t;


static int ctl_halt_try(ctl_t *ctl, const char *id, int *halted);
static int ctl_stop_user(ctl_t *ctl, const char *id);
static int ctl_stop_all(ctl_t *ctl, ctl_stop_t *stop);
static int ctl_stop_look(ctl_t *ctl, ctl_stop_t *stop);
static int ctl_stop_index(ctl_t *ctl, ctl_stop_t *stop);
static int ctl_stop_meet(ctl_t *ctl, const ctl_met_t *met, void *data);
static int ctl_stop_judge(ctl_t *ctl, ctl_stop_t *stop, ctl_record_t *rec);
static int ctl_stop_step(ctl_t *ctl, ctl_stop_t *stop);
static int ctl_stop_count(ctl_t *ctl, ctl_stop_t *stop);
static int ctl_stop_end(ctl_t *ctl, ctl_stop_t *stop, int code);
static int ctl_stop_entry(ctl_t *ctl, ctl_stop_t *stop);


int
ctl_user_stop(ctl_t *ctl, const char *user, ctl_effect_t *done)
{
    int          code;
    size_t       i;
    int64_t      users;
    ctl_stop_t  *stop;

    memset(done, 0, sizeof(*done));

    stop = calloc(1, sizeof(ctl_stop_t));
    if (stop == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    stop->user = user;
    code = ctl_stop_user(ctl, user);

    if (code == CTL_OK) {
        code = ctl_total(ctl, &users, &stop->total);
    }

    if (code == CTL_OK) {
        code = ctl->dry ? ctl_stop_look(ctl, stop) : ctl_stop_all(ctl, stop);
    }

    for (i = 0; i < stop->n; i++) {
        ctl_free(&stop->rec[i]);
    }

    code = ctl_stop_end(ctl, stop, code);

    *done = stop->would;
    done->active += stop->revoked;
    free(stop);

    return code;
}


int
ctl_user_revoke_all(ctl_t *ctl, const char *user, ctl_effect_t *done)
{
    int   code;
    char  felt[128];

    code = ctl_user_stop(ctl, user, done);

    if (code == CTL_OK && ctl->dry) {
        ctl_effect_text(done, felt, sizeof(felt));
        ctl_note(ctl, CTL_NOTE_DONE, "would revoke all tokens of %s: %s",
                 user, felt);

    } else if (code == CTL_OK || done->active) {
        ctl_note(ctl, CTL_NOTE_DONE, "revoked %lld token%s of %s",
                 (long long) done->active, ctl_s(done->active), user);
    }

    return code;
}


int
ctl_user_halt(ctl_t *ctl, const char *id, int *halted)
{
    int  code, tries;

    *halted = 0;
    code = CTL_CHANGED;

    for (tries = 0; code == CTL_CHANGED && tries < CTL_TRIES; tries++) {
        code = ctl_halt_try(ctl, id, halted);
    }

    return code;
}


/* a broken record must not keep the user's tokens valid */

static int
ctl_halt_try(ctl_t *ctl, const char *id, int *halted)
{
    int                  n, code;
    char                 seal[STOK_SEAL_MAX + 1];
    stok_str_t           text;
    const char          *field[4];
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    if (strcmp(ctl_get(&rec, "status"), "active") != 0) {
        ctl_free(&rec);
        return CTL_OK;
    }

    n = 0;
    field[n++] = "status";
    field[n++] = stok_user_status_name(STOK_USER_DISABLED).data;

    code = ctl_decode_user(ctl, id, &rec, &user);

    if (code == CTL_OK && ctl->keys.n) {
        text.data = id;
        text.len = strlen(id);
        user.status = STOK_USER_DISABLED;

        seal[stok_seal_user(seal, &ctl->keys, text, &user)] = '\0';
        field[n++] = "seal";
        field[n++] = seal;
    }

    if (code == CTL_OK || !ctl_needs_key(ctl, &rec)) {
        if (code != CTL_OK) {
            ctl_note_error(ctl);
        }

        code = ctl_change(ctl, &rec, "", id, "user.disable", "active",
                          "disabled", "", n, field);
        *halted = code == CTL_OK;
    }

    ctl_free(&rec);

    return code;
}


/* there is such a user, and, if it is sealed, a key file */

static int
ctl_stop_user(ctl_t *ctl, const char *id)
{
    int                  code;
    ctl_record_t         rec;
    stok_user_record_t   user;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_decode_user(ctl, id, &rec, &user);

    if (code != CTL_OK && !ctl_needs_key(ctl, &rec)) {
        ctl_note_error(ctl);
        code = CTL_OK;
    }

    ctl_free(&rec);

    return code;
}


static int
ctl_stop_all(ctl_t *ctl, ctl_stop_t *stop)
{
    int      code, walks;
    int64_t  before;

    stop->total *= 2;                            /* it is walked twice */
    code = ctl_stop_index(ctl, stop);

    for (walks = 0; code == CTL_OK && walks < CTL_STOP_WALKS; walks++) {
        before = stop->revoked;
        stop->changed = 0;

        code = ctl_meet_walk(ctl, ctl_stop_meet, stop);

        if (code == CTL_OK) {
            code = ctl_stop_step(ctl, stop);
        }

        if (code == CTL_OK && stop->revoked == before && stop->changed == 0) {
            return CTL_OK;
        }
    }

    return code != CTL_OK ? code
           : ctl_fail(ctl, CTL_STATE, "tokens of \"%s\" are still being made "
                      "or changed: disable the user, then run this again",
                      stop->user);
}


/* a dry run: one walk, and nothing is revoked on the way */

static int
ctl_stop_look(ctl_t *ctl, ctl_stop_t *stop)
{
    int  code;

    code = ctl_now(ctl, &stop->now);
    if (code != CTL_OK) {
        return code;
    }

    stop->seen = json_object();

    code = stop->seen ? ctl_meet_walk(ctl, ctl_stop_meet, stop)
                      : ctl_fail(ctl, CTL_FAILED, "no memory");

    if (code == CTL_OK) {
        code = ctl_stop_step(ctl, stop);
    }

    json_decref(stop->seen);

    return code;
}


/* whatever is wrong with the index: the walk comes after it */

static int
ctl_stop_index(ctl_t *ctl, ctl_stop_t *stop)
{
    int            code;
    size_t         i, k, n;
    redisReply    *ids, **digest;

    code = ctl_command(ctl, CTL_IS_ANY, &ids, "SMEMBERS %suser-tokens:%s",
                       ctl->prefix, stop->user);
    if (code != CTL_OK) {
        return code;
    }

    digest = NULL;

    for (i = 0; ids->type == REDIS_REPLY_ARRAY && i < ids->elements
                && code == CTL_OK; i += n)
    {
        n = ids->elements - i < CTL_MEET_COUNT ? ids->elements - i
                                               : CTL_MEET_COUNT;

        for (k = 0; k < n; k++) {
            ctl_append(ctl, "GET %sid:%b", ctl->prefix,
                               ids->element[i + k]->str,
                               (size_t) ids->element[i + k]->len);
        }

        code = ctl_tries(ctl, n, &digest);

        if (code == CTL_OK) {
            code = ctl_meet_records(ctl, digest, n, ctl_stop_meet, stop);
            ctl_tries_free(digest, n);
        }
    }

    freeReplyObject(ids);

    return code == CTL_OK ? ctl_stop_step(ctl, stop) : code;
}


static int
ctl_stop_meet(ctl_t *ctl, const ctl_met_t *met, void *data)
{
    int            code;
    ctl_stop_t    *stop = data;
    ctl_record_t  *rec;

    if (ctl_step(ctl, stop->met++, stop->total) != CTL_OK) {
        return CTL_STOPPED;
    }

    if (!ctl_says(met->user, stop->user) || !ctl_says(met->status, "active")) {
        return CTL_OK;
    }

    rec = &stop->rec[stop->n];
    code = ctl_read_digest(ctl, met->digest, rec);

    /* one with too many fields is revoked, too */

    if (code == CTL_OK || code == CTL_NOTFOUND || code == CTL_BROKEN) {
        stop->seal[stop->n++][0] = '\0';
        code = code == CTL_OK ? ctl_stop_judge(ctl, stop, rec) : CTL_OK;
    }

    return code == CTL_OK && stop->n == CTL_STOP_BATCH
           ? ctl_stop_step(ctl, stop) : code;
}


/*
 * One that cannot be read, or whose seal is wrong, does not keep the others
 * from being revoked: it is revoked too, and its seal stays as wrong as it is.
 */

static int
ctl_stop_judge(ctl_t *ctl, ctl_stop_t *stop, ctl_record_t *rec)
{
    int                   code;
    char                  name[STOK_USER_ID_MAX + 1];
    stok_str_t            id;
    stok_token_record_t   token;

    id.data = ctl_get(rec, "id");
    id.len = strlen(id.data);

    if (stok_record_id_check(id) == STOK_OK) {
        snprintf(name, sizeof(name), "%s", id.data);

    } else {
        snprintf(name, sizeof(name), "%.14s...", rec->key);
    }

    code = ctl_decode_token(ctl, name, rec, &token);

    if (code == CTL_OK) {
        token.status = STOK_TOKEN_REVOKED;
        (void) ctl_token_seal(ctl, rec, &token, stop->seal[stop->n - 1]);
        return CTL_OK;
    }

    if (ctl_needs_key(ctl, rec)) {
        return code;
    }

    ctl_note_error(ctl);

    return CTL_OK;
}


static int
ctl_stop_step(ctl_t *ctl, ctl_stop_t *stop)
{
    int          code;
    char        *word, *p;
    size_t       i, argc;
    stok_str_t   argv[2 + 4 * CTL_STOP_BATCH];

    if (ctl->dry) {
        return ctl_stop_count(ctl, stop);
    }

    if (stop->n == 0) {
        return CTL_OK;
    }

    argc = 0;
    argv[argc++] = ctl_str(stop->user);
    argv[argc++] = ctl_str("step");

    for (i = 0; i < stop->n; i++) {
        argv[argc++] = ctl_str(stop->rec[i].key + sizeof("token:") - 1);

        /* a record with a seal of ours can be read: it has an id */

        argv[argc++] = stop->seal[i][0] ? stop->rec[i].token.id : ctl_str("");
        argv[argc++] = stop->seal[i][0] ? stop->rec[i].token.seal
                                       : ctl_str("");
        argv[argc++] = ctl_str(stop->seal[i]);
    }

    code = ctl_script(ctl, stok_script_user_revoke_all, argc, argv, &word);

    for (p = word; p && *p; p++) {
        stop->revoked += *p == 'R';
        stop->changed += *p == 'C';
    }

    free(word);

    for (i = 0; i < stop->n; i++) {
        ctl_free(&stop->rec[i]);
    }

    stop->n = 0;

    return code;
}


static int
ctl_stop_count(ctl_t *ctl, ctl_stop_t *stop)
{
    int            code;
    size_t         i;
    ctl_record_t  *rec;

    code = CTL_OK;

    for (i = 0; i < stop->n; i++) {
        rec = &stop->rec[i];

        if (code == CTL_OK && json_object_get(stop->seen, rec->key) == NULL) {
            (void) json_object_set_new(stop->seen, rec->key, json_true());
            code = ctl_effect_token(ctl, ctl_get(rec, "id"), stop->now,
                                    &stop->would);
        }

        ctl_free(rec);
    }

    stop->n = 0;

    return code;
}


/* what was done has its entry, even if it is not all that was asked for */

static int
ctl_stop_end(ctl_t *ctl, ctl_stop_t *stop, int code)
{
    int          rc;
    ctl_error_t  error;

    error = ctl->error;
    rc = stop->revoked ? ctl_stop_entry(ctl, stop) : CTL_OK;

    if (code == CTL_OK) {
        return rc;
    }

    ctl->error = error;

    if (code != CTL_STOPPED) {
        return code;
    }

    return ctl->dry
           ? ctl_fail(ctl, CTL_STOPPED, "stopped: nothing was changed")
           : ctl_fail(ctl, CTL_STOPPED, "stopped: %lld token%s revoked, "
                      "others may not be: the same command again goes on",
                      (long long) stop->revoked,
                      stop->revoked == 1 ? " is" : "s are");
}


static int
ctl_stop_entry(ctl_t *ctl, ctl_stop_t *stop)
{
    int          code;
    char         n[24], *word;
    const char  *argv[3];

    snprintf(n, sizeof(n), "%lld", (long long) stop->revoked);

    argv[0] = stop->user;
    argv[1] = "end";
    argv[2] = n;

    code = ctl_script_texts(ctl, stok_script_user_revoke_all, 3, argv, &word);
    free(word);

    return code;
}
