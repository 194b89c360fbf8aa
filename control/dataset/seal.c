/*
 * seal: gives every record a seal by the first key of the file.
 *
 * Somebody who seals a record vouches for it, and what is in Redis never
 * decides what is sealed.  A record whose seal is good, by an older key, is
 * sealed again; any other is left, reported, and makes the answer bad.  It is
 * sealed only
 *
 *   - if it is named, with --force: somebody has looked at it;
 *   - by the first sealing of a dataset (want->first), if it has no seal and
 *     is what was listed before: want->listed has the seal that each was going
 *     to get, and a record that would get another one by now was changed.
 *
 * Each record is changed by the change script, if it still is what was
 * judged; so seal may be broken off and run again at any time.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef enum {
    CTL_SEAL_NONE = 0,
    CTL_SEAL_WRONG,
    CTL_SEAL_OLDER,
    CTL_SEAL_RIGHT
} ctl_seal_e;


typedef struct {
    const char  *id;                             /* of a user or a token */
    const char  *user;                           /* that is named in audit */
    int          is_user;

    ctl_seal_e   found;
    char         by[STOK_KEY_NAME_MAX + 1];      /* the key that it names */
    char         seal[STOK_SEAL_MAX + 1];        /* the new one */

    const char  *role;                           /* of a user */
    const char  *env;                            /* of a token */
    const char  *status;
} ctl_sealing_t;


typedef struct {
    char         key[STOK_KEY_NAME_MAX + 1];     /* the first */
    const char  *named;                          /* --user or --token */
    int          dry;
    int          force;
    int          first;
    json_t      *listed;                         /* seals, by id */
    size_t       sealed;
    size_t       again;
    size_t       right;
    size_t       refused;
    int64_t      done;
    int64_t      total;
    ctl_item_pt  each;
    void        *data;
} ctl_seal_t;


static int ctl_seal_records(ctl_t *ctl, const ctl_seal_want_t *want,
    ctl_seal_t *seal);
static int ctl_seal_may(ctl_t *ctl, const ctl_seal_want_t *want);
static int ctl_seal_first(ctl_t *ctl, ctl_seal_t *seal);
static int ctl_seal_listed(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s);
static int ctl_seal_one(ctl_t *ctl, const char *id, ctl_seal_t *seal,
    int is_user);
static int ctl_seal_user(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
static int ctl_seal_token(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
static int ctl_seal_record(ctl_t *ctl, ctl_record_t *rec, ctl_seal_t *seal,
    ctl_sealing_t *s);
static int ctl_seal_judge(ctl_t *ctl, ctl_record_t *rec, ctl_sealing_t *s);
static void ctl_seal_name(stok_str_t seal, char by[STOK_KEY_NAME_MAX + 1]);
static int ctl_seal_refuse(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s);
static int ctl_seal_done(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s);


int
ctl_seal(ctl_t *ctl, const ctl_seal_want_t *want, ctl_item_pt each,
    void *data, json_t **sums)
{
    int         code;
    ctl_seal_t  seal;

    memset(&seal, 0, sizeof(seal));

    seal.named = want->user ? want->user : want->token;
    seal.dry = want->dry;
    seal.force = want->force;
    seal.first = want->first;
    seal.listed = want->listed;
    seal.each = each;
    seal.data = data;

    code = ctl_seal_check(ctl, want, ctl->keys.n != 0);

    if (code == CTL_OK) {
        code = ctl_ready(ctl);
    }

    if (code == CTL_OK) {
        code = ctl_seal_may(ctl, want);
    }

    if (code == CTL_OK) {
        memcpy(seal.key, ctl->keys.key[0].name, ctl->keys.key[0].name_len);
        code = ctl_seal_records(ctl, want, &seal);
    }

    if (code == CTL_STOPPED) {
        code = ctl_fail(ctl, CTL_STOPPED, "stopped: %s", seal.dry
                        ? "nothing was changed"
                        : "what was sealed stays so; run the same "
                          "command again to finish it");
    }

    if (code == CTL_OK && seal.first && seal.sealed) {
        ctl_note(ctl, CTL_NOTE_NOTE, "a seal does not change a digest: to "
                 "nginx with the key file, tokens that were made without one "
                 "are unknown, and have to be made again");
    }

    if (code == CTL_OK && seal.first && !seal.dry && seal.refused == 0) {
        code = ctl_seal_first(ctl, &seal);
    }

    if (code != CTL_OK) {
        return code;
    }

    *sums = json_pack("{s:I, s:I, s:I, s:I}",
                      "sealed", (json_int_t) seal.sealed,
                      "again", (json_int_t) seal.again,
                      "right", (json_int_t) seal.right,
                      "refused", (json_int_t) seal.refused);

    return seal.refused ? CTL_BROKEN : CTL_OK;
}


int
ctl_seal_check(ctl_t *ctl, const ctl_seal_want_t *want, int keyed)
{
    if (!keyed) {
        return ctl_fail(ctl, CTL_INVALID, "seal needs --key-file");
    }

    if (want->user && want->token) {
        return ctl_fail(ctl, CTL_INVALID, "give --user or --token, not both");
    }

    if (want->force && want->user == NULL && want->token == NULL) {
        return ctl_fail(ctl, CTL_INVALID, "--force needs --user or --token: "
                        "look at a record before you vouch for it");
    }

    if (want->first && (want->user || want->token)) {
        return ctl_fail(ctl, CTL_INVALID, "--first is for the whole dataset");
    }

    return CTL_OK;
}


/* Redis can only have it refused */

static int
ctl_seal_may(ctl_t *ctl, const ctl_seal_want_t *want)
{
    if (want->first && ctl->sealed) {
        return ctl_fail(ctl, CTL_STATE, "this dataset was sealed before: a "
                        "record without a seal has lost it, or somebody else "
                        "wrote it; look at it, then seal it with --user or "
                        "--token and --force, or revoke it");
    }

    if (!want->first && !want->force && !ctl->sealed) {
        return ctl_fail(ctl, CTL_STATE, "this dataset is not sealed yet: see "
                        "\"seal --first --dry-run\"");
    }

    return CTL_OK;
}


static int
ctl_seal_records(ctl_t *ctl, const ctl_seal_want_t *want, ctl_seal_t *seal)
{
    int      code;
    int64_t  users, tokens;

    if (want->user) {
        code = ctl_seal_one(ctl, want->user, seal, 1);

        return code == CTL_OK ? ctl_walk_tokens(ctl, want->user,
                                                ctl_seal_token, seal)
                              : code;
    }

    if (want->token) {
        return ctl_seal_one(ctl, want->token, seal, 0);
    }

    code = ctl_total(ctl, &users, &tokens);
    seal->total = users + tokens;

    if (code == CTL_OK) {
        code = ctl_walk_users(ctl, ctl_seal_user, seal);
    }

    return code == CTL_OK ? ctl_walk_tokens(ctl, NULL, ctl_seal_token, seal)
                          : code;
}


/* from here on the dataset is sealed */

static int
ctl_seal_first(ctl_t *ctl, ctl_seal_t *seal)
{
    int          code;
    char        *word, sealed[24];
    const char  *arg[2];

    snprintf(sealed, sizeof(sealed), "%zu", seal->sealed);

    arg[0] = seal->key;
    arg[1] = sealed;

    code = ctl_script_texts(ctl, stok_script_seal_first, 2, arg, &word);
    free(word);

    return code;
}


static int
ctl_seal_one(ctl_t *ctl, const char *id, ctl_seal_t *seal, int is_user)
{
    int           code;
    ctl_record_t  rec;

    code = is_user ? ctl_read_user(ctl, id, &rec)
                   : ctl_only_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    code = is_user ? ctl_seal_user(ctl, id, &rec, seal)
                   : ctl_seal_token(ctl, id, &rec, seal);
    ctl_free(&rec);

    return code;
}


static int
ctl_seal_user(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    ctl_sealing_t  s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.user = id;
    s.is_user = 1;
    s.role = ctl_get(rec, "role");
    s.status = ctl_get(rec, "status");

    return ctl_seal_record(ctl, rec, data, &s);
}


static int
ctl_seal_token(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    ctl_sealing_t  s;

    memset(&s, 0, sizeof(s));
    s.id = id;
    s.user = ctl_get(rec, "user");
    s.env = ctl_get(rec, "env");
    s.status = ctl_get(rec, "status");

    return ctl_seal_record(ctl, rec, data, &s);
}


/* what is refused is counted, and the others go on */

static int
ctl_seal_record(ctl_t *ctl, ctl_record_t *rec, ctl_seal_t *seal,
    ctl_sealing_t *s)
{
    int          code;
    const char  *field[2];

    if (ctl_step(ctl, seal->done++, seal->total) != CTL_OK) {
        return CTL_STOPPED;
    }

    code = ctl_seal_judge(ctl, rec, s);

    if (code == CTL_OK) {
        code = ctl_seal_refuse(ctl, seal, s);
    }

    if (code != CTL_OK) {
        ctl_note_error(ctl);
        seal->refused++;
        return CTL_OK;
    }

    if (s->found == CTL_SEAL_RIGHT) {
        seal->right++;
        return CTL_OK;
    }

    if (!seal->dry) {
        field[0] = "seal";
        field[1] = s->seal;

        code = ctl_change(ctl, rec, s->is_user ? "" : s->id, s->user,
                          s->is_user ? "user.seal" : "token.seal", s->by,
                          seal->key, "", 2, field);

        /* the change has sealed it, or its record is listed next time */

        if (code == CTL_CHANGED) {
            seal->refused++;
            (void) ctl_fail(ctl, CTL_CHANGED, "%s \"%s\" was changed "
                            "meanwhile: run seal again",
                            s->is_user ? "user" : "token", s->id);
            ctl_note_error(ctl);
            return CTL_OK;
        }

        if (code != CTL_OK) {
            return code;
        }
    }

    return ctl_seal_done(ctl, seal, s);
}


/* what seal it has, and what seal it should have */

static int
ctl_seal_judge(ctl_t *ctl, ctl_record_t *rec, ctl_sealing_t *s)
{
    int                   tampered;
    size_t                len;
    stok_str_t            id, old;
    const stok_key_t     *first;

    first = &ctl->keys.key[0];
    id.data = s->id;
    id.len = strlen(s->id);

    if (rec->state == CTL_REC_ODD) {
        return ctl_record_fail(ctl, rec, s->id);
    }

    if (rec->state == CTL_REC_OTHER) {
        return ctl_fail(ctl, CTL_BROKEN, "token \"%s\" has a record of "
                        "another id", s->id);
    }

    if (s->is_user) {
        len = stok_seal_user(s->seal, &ctl->keys, id, &rec->user);
        old = rec->user.seal;
        tampered = rec->user.tampered;

    } else {
        len = stok_seal_token(s->seal, &ctl->keys, rec->digest, &rec->token);
        old = rec->token.seal;
        tampered = rec->token.tampered;
    }

    s->seal[len] = '\0';
    ctl_seal_name(old, s->by);

    if (old.len == 0) {
        s->found = CTL_SEAL_NONE;

    } else if (tampered) {
        s->found = CTL_SEAL_WRONG;

    } else {
        s->found = strlen(s->by) == first->name_len
                   && memcmp(s->by, first->name, first->name_len) == 0
                   ? CTL_SEAL_RIGHT : CTL_SEAL_OLDER;
    }

    return CTL_OK;
}


/* for the audit and for readers: only what is a name */

static void
ctl_seal_name(stok_str_t seal, char by[STOK_KEY_NAME_MAX + 1])
{
    size_t  i;

    for (i = 0; i < seal.len && i < STOK_KEY_NAME_MAX; i++) {
        if (seal.data[i] <= ' ' || seal.data[i] > '~' || seal.data[i] == ':') {
            break;
        }

        by[i] = seal.data[i];
    }

    by[i] = '\0';
}


static int
ctl_seal_refuse(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s)
{
    int          named;
    const char  *what;

    what = s->is_user ? "user" : "token";
    named = seal->named && strcmp(seal->named, s->id) == 0;

    if (s->found == CTL_SEAL_NONE && !(seal->force && named)) {

        if (seal->first) {
            return ctl_seal_listed(ctl, seal, s);
        }

        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" has no seal: it has lost "
                        "it, or somebody else wrote it; look at it, then seal "
                        "it with --%s and --force, or revoke it", what, s->id,
                        what);
    }

    if (s->found == CTL_SEAL_WRONG && !(seal->force && named)) {

        if (stok_keys_find(&ctl->keys, s->by, strlen(s->by)) == NULL) {
            return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" is sealed by key "
                            "\"%s\", which is not in the key file", what, s->id,
                            s->by);
        }

        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" has a wrong seal: "
                        "somebody else wrote it; look at it, then seal it "
                        "with --%s and --force, or revoke it", what, s->id,
                        what);
    }

    return CTL_OK;
}


/* an id of a user has an @, and one of a token has none */

static int
ctl_seal_listed(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s)
{
    if (seal->listed == NULL) {
        return CTL_OK;
    }

    if (seal->dry) {
        return json_object_set_new(seal->listed, s->id, json_string(s->seal))
               == 0 ? CTL_OK : ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    if (strcmp(ctl_text(seal->listed, s->id), s->seal) != 0) {
        return ctl_fail(ctl, CTL_CHANGED, "%s \"%s\" is not what was listed: "
                        "it was changed meanwhile", s->is_user ? "user"
                        : "token", s->id);
    }

    return CTL_OK;
}


static int
ctl_seal_done(ctl_t *ctl, ctl_seal_t *seal, ctl_sealing_t *s)
{
    int          code;
    json_t      *json;
    const char  *was;

    was = s->found == CTL_SEAL_NONE ? "no seal"
          : s->found == CTL_SEAL_WRONG ? "a wrong seal" : s->by;

    if (s->found == CTL_SEAL_OLDER) {
        seal->again++;

    } else {
        seal->sealed++;
    }

    json = json_pack("{s:s?, s:s?, s:s?, s:s?, s:s, s:s, s:s}",
                     "token", s->is_user ? NULL : s->id,
                     "user", s->is_user ? s->id : s->user,
                     "role", s->is_user ? s->role : NULL,
                     "env", s->is_user || s->env[0] == '\0' ? NULL : s->env,
                     "status", s->status, "was", was, "key", seal->key);

    if (json == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    code = seal->each(ctl, json, seal->data);
    json_decref(json);

    return code;
}
