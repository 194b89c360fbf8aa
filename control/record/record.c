/*
 * Records as they are read and changed.  One way leads from a reply to a
 * record: ctl_record_take(), which judges what it is.
 *
 * A change is judged on what was read, sealed here, and written by a script
 * only if the record still is what was read.
 */


#include "internal.h"
#include "ctl_caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_record_read(ctl_t *ctl, ctl_record_t *rec, const char *id);
static int ctl_record_fields(ctl_record_t *rec);
static void ctl_revision(const ctl_record_t *rec,
    char out[CTL_REVISION + 1]);


void
ctl_record_user(ctl_record_t *rec, const char *id)
{
    memset(rec, 0, sizeof(*rec));
    rec->is_user = 1;

    snprintf(rec->key, sizeof(rec->key), "user:%s", id);
}


int
ctl_record_token(ctl_record_t *rec, const redisReply *hex)
{
    memset(rec, 0, sizeof(*rec));

    if (!ctl_is_text(hex)
        || ctl_unhex(hex->str, hex->len, rec->digest) != CTL_OK)
    {
        return CTL_NOTFOUND;
    }

    snprintf(rec->key, sizeof(rec->key), "token:%s", hex->str);

    return CTL_OK;
}


void
ctl_record_take(ctl_t *ctl, ctl_record_t *rec, redisReply *reply,
    const char *id)
{
    int         rc, tampered;
    stok_str_t  seal;

    rec->reply = reply;
    rec->state = CTL_REC_ODD;

    if (ctl_record_fields(rec) != CTL_OK) {
        return;
    }

    if (rec->n == 0) {
        rec->state = CTL_REC_NONE;
        return;
    }

    rc = rec->is_user
         ? stok_user_record_decode(&rec->user, rec->field, rec->n, &rec->why)
         : stok_token_record_decode(&rec->token, rec->field, rec->n,
                                    &rec->why);

    /* the name under which it was looked up is the one that it has to have */

    if (!rec->is_user && id && !ctl_str_is(ctl_field(rec, "id"), id)) {
        rec->state = CTL_REC_OTHER;
        return;
    }

    if (rc != STOK_OK) {
        return;
    }

    if (ctl->keys.n && rec->is_user) {
        stok_seal_check_user(&ctl->keys,
                             ctl_str(rec->key + sizeof("user:") - 1),
                             &rec->user);

    } else if (ctl->keys.n) {
        stok_seal_check_token(&ctl->keys, rec->digest, &rec->token);
    }

    seal = rec->is_user ? rec->user.seal : rec->token.seal;
    tampered = rec->is_user ? rec->user.tampered : rec->token.tampered;

    rec->state = tampered && seal.len == 0 && !ctl->sealed
                 ? CTL_REC_UNSEALED
                 : tampered ? CTL_REC_TAMPERED
                 : seal.len && ctl->keys.n == 0 ? CTL_REC_KEYLESS
                                                : CTL_REC_GOOD;

    if (rec->state == CTL_REC_UNSEALED) {
        ctl->unsealed = 1;
    }
}


/* the only place where a reply becomes fields */

static int
ctl_record_fields(ctl_record_t *rec)
{
    size_t       i;
    redisReply  *reply;

    reply = rec->reply;

    if (!ctl_fits(reply, CTL_IS_PAIRS)) {
        rec->why = "its key is not a hash";
        return CTL_BROKEN;
    }

    if (reply->elements > CTL_FIELDS) {
        rec->why = "it has too many fields";
        return CTL_BROKEN;
    }

    rec->n = reply->elements;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = reply->element[i]->str;
        rec->field[i].len = (size_t) reply->element[i]->len;
    }

    return CTL_OK;
}


int
ctl_record_fail(ctl_t *ctl, const ctl_record_t *rec, const char *id)
{
    const char  *what;

    what = rec->is_user ? "user" : "token";

    switch (rec->state) {

    case CTL_REC_NONE:
    case CTL_REC_OTHER:
        return ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"", what, id);

    case CTL_REC_ODD:
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" is unreadable: %s", what,
                        id, rec->why);

    case CTL_REC_UNSEALED:
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" is not sealed yet, like "
                        "this dataset: see \"seal --first --dry-run\"", what,
                        id);

    case CTL_REC_TAMPERED:
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" has no valid seal: "
                        "somebody else wrote it", what, id);

    case CTL_REC_KEYLESS:
        return ctl_fail(ctl, CTL_KEYLESS, "%s \"%s\" is sealed: give "
                        "--key-file", what, id);

    default:
        return CTL_OK;
    }
}


int
ctl_record_forged(const ctl_record_t *rec)
{
    return rec->state == CTL_REC_TAMPERED || rec->state == CTL_REC_UNSEALED;
}


int
ctl_read_user(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    if (stok_user_id_check(ctl_str(id)) != STOK_OK) {
        memset(rec, 0, sizeof(*rec));
        return ctl_fail(ctl, CTL_NOTFOUND, "no user \"%s\"", id);
    }

    ctl_record_user(rec, id);

    return ctl_record_read(ctl, rec, id);
}


static int
ctl_record_read(ctl_t *ctl, ctl_record_t *rec, const char *id)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %s%s", ctl->prefix,
                       rec->key);
    if (code != CTL_OK) {
        return code;
    }

    ctl_record_take(ctl, rec, reply, id);

    /* what cannot be read as fields is of no use to anybody */

    if (rec->n == 0) {
        code = ctl_record_fail(ctl, rec, id ? id : rec->key);
        ctl_free(rec);
    }

    return code;
}


int
ctl_read_token(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    int  code;

    code = ctl_lookup_token(ctl, id, rec);

    return code == CTL_NOTFOUND || code == CTL_INVALID
           ? ctl_fail(ctl, CTL_NOTFOUND, "no token \"%s\"", id) : code;
}


int
ctl_lookup_token(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    int          code;
    redisReply  *hex;

    memset(rec, 0, sizeof(*rec));

    if (stok_record_id_check(ctl_str(id)) != STOK_OK) {
        return CTL_INVALID;
    }

    code = ctl_command(ctl, CTL_IS_ANY, &hex, "GET %sid:%s", ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_record_token(rec, hex);
    freeReplyObject(hex);

    if (code == CTL_OK) {
        code = ctl_record_read(ctl, rec, id);
    }

    /* the index only says where to look */

    if (code == CTL_OK && rec->state == CTL_REC_OTHER) {
        ctl_free(rec);
        code = CTL_NOTFOUND;
    }

    return code;
}


int
ctl_read_digest(ctl_t *ctl, const redisReply *hex, ctl_record_t *rec)
{
    int  code;

    code = ctl_record_token(rec, hex);

    return code == CTL_OK ? ctl_record_read(ctl, rec, NULL) : code;
}


/* of tokens two pipelines: ids to digests, digests to records */

int
ctl_records(ctl_t *ctl, int users, size_t n, const stok_str_t *id,
    ctl_record_t *rec)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    for (i = 0; i < n; i++) {
        memset(&rec[i], 0, sizeof(rec[i]));
        rec[i].is_user = users;
        rec[i].named = (users ? stok_user_id_check(id[i])
                              : stok_record_id_check(id[i])) == STOK_OK;

        if (rec[i].named && users) {
            ctl_record_user(&rec[i], id[i].data);
            rec[i].named = 1;

        } else if (rec[i].named) {
            ctl_append(ctl, "GET %sid:%s", ctl->prefix, id[i].data);
        }
    }

    for (i = 0; i < n && !users; i++) {
        if (rec[i].named) {
            code = ctl_reply(ctl, CTL_IS_ANY, &reply);
            if (code != CTL_OK) {
                return code;
            }

            rec[i].named = ctl_record_token(&rec[i], reply) == CTL_OK;
            freeReplyObject(reply);
        }
    }

    for (i = 0; i < n; i++) {
        if (rec[i].named) {
            ctl_append(ctl, "HGETALL %s%s", ctl->prefix, rec[i].key);
        }
    }

    for (i = 0; i < n; i++) {
        if (rec[i].named) {
            code = ctl_reply(ctl, CTL_IS_ANY, &reply);
            if (code != CTL_OK) {
                return code;
            }

            ctl_record_take(ctl, &rec[i], reply, id[i].data);
        }
    }

    return CTL_OK;
}


void
ctl_free(ctl_record_t *rec)
{
    if (rec->reply) {
        freeReplyObject(rec->reply);
        rec->reply = NULL;
    }
}


stok_str_t
ctl_field(const ctl_record_t *rec, const char *name)
{
    size_t  i;

    for (i = 0; i + 1 < rec->n; i += 2) {
        if (ctl_str_is(rec->field[i], name)) {
            return rec->field[i + 1];
        }
    }

    return ctl_str("");
}


const char *
ctl_get(const ctl_record_t *rec, const char *name)
{
    return ctl_field(rec, name).data;
}


int
ctl_decode_user(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_user_record_t *user)
{
    *user = rec->user;

    return ctl_record_fail(ctl, rec, id);
}


int
ctl_decode_token(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_token_record_t *token)
{
    *token = rec->token;

    return ctl_record_fail(ctl, rec, id);
}


int
ctl_needs_key(ctl_t *ctl, const ctl_record_t *rec)
{
    return ctl->keys.n == 0 && ctl_get(rec, "seal")[0] != '\0';
}


int
ctl_change(ctl_t *ctl, const ctl_record_t *rec, const char *token,
    const char *user, const char *action, const char *before,
    const char *after, const char *times, int n, const char **fields)
{
    int          code;
    char         count[24], revision[CTL_REVISION + 1], *word;
    size_t       i, argc;
    stok_str_t   arg[8 + CTL_FIELDS + CTL_FIELDS];

    if (ctl->match) {
        ctl_revision(rec, revision);

        if (strcmp(revision, ctl->match) != 0) {
            return ctl_fail(ctl, CTL_CHANGED, "it has changed since it was "
                            "read: nothing was done");
        }
    }

    snprintf(count, sizeof(count), "%zu", rec->n / 2);

    argc = 0;
    arg[argc++] = ctl_str(rec->key);
    arg[argc++] = ctl_str(token);
    arg[argc++] = ctl_str(user);
    arg[argc++] = ctl_str(action);
    arg[argc++] = ctl_str(before);
    arg[argc++] = ctl_str(after);
    arg[argc++] = ctl_str(times);
    arg[argc++] = ctl_str(count);

    for (i = 0; i < rec->n; i++) {
        arg[argc++] = rec->field[i];
    }

    for (i = 0; i < (size_t) n; i++) {
        arg[argc++] = ctl_str(fields[i]);
    }

    code = ctl_script(ctl, stok_script_change, argc, arg, &word);
    free(word);

    /* an operation may go on with the record that it has made */

    if (code == CTL_OK) {
        ctl->match = NULL;
    }

    return code;
}


int
ctl_revision_token(ctl_t *ctl, const char *id, char out[CTL_REVISION + 1])
{
    int           code;
    ctl_record_t  rec;

    code = ctl_read_token(ctl, id, &rec);

    if (code == CTL_OK) {
        ctl_revision(&rec, out);
        ctl_free(&rec);
    }

    return code;
}


int
ctl_revision_user(ctl_t *ctl, const char *id, char out[CTL_REVISION + 1])
{
    int           code;
    ctl_record_t  rec;

    code = ctl_read_user(ctl, id, &rec);

    if (code == CTL_OK) {
        ctl_revision(&rec, out);
        ctl_free(&rec);
    }

    return code;
}


/* over digests of names and values, as Redis has them, the seal too */

static void
ctl_revision(const ctl_record_t *rec, char out[CTL_REVISION + 1])
{
    size_t   i;
    uint8_t  digest[CTL_FIELDS][STOK_DIGEST_LEN];

    for (i = 0; i < rec->n; i++) {
        stok_digest(NULL, rec->field[i].data, rec->field[i].len, digest[i]);
    }

    stok_digest(NULL, (const char *) digest, rec->n * STOK_DIGEST_LEN,
                digest[0]);

    for (i = 0; i < CTL_REVISION / 2; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[0][i]);
    }
}


/* every field that there is, none as null, and then what is odd */

json_t *
ctl_json(const ctl_record_t *rec, const char *id)
{
    size_t              i;
    json_t             *json;
    const char *const  *name;

    static const char *const  user[] = { "kind", "name", "role", "status",
        "purpose", "owner", "use_case", "created_at", "created_by", NULL };
    static const char *const  token[] = { "id", "user", "name", "type",
        "scope", "env", "networks", "rate", "status", "created_at",
        "created_by", "expires_at", "revoked_at", "rotated_from", "rotated_to",
        NULL };

    json = json_object();

    if (id) {
        json_object_set_new(json, "id", json_string(id));
    }

    for (name = rec->is_user ? user : token; *name; name++) {
        json_object_set_new(json, *name,
                            ctl_json_value(*name, ctl_field(rec, *name)));
    }

    for (i = 0; i + 1 < rec->n; i += 2) {
        if (!ctl_str_is(rec->field[i], "seal")
            && json_object_get(json, rec->field[i].data) == NULL)
        {
            json_object_set_new(json, rec->field[i].data,
                                ctl_json_value(rec->field[i].data,
                                               rec->field[i + 1]));
        }
    }

    if (rec->is_user) {
        json_object_set_new(json, "state", json_string(ctl_user_word(rec)));
    }

    return json;
}


/* a date of 0 is none; what is not UTF-8 cannot be shown */

json_t *
ctl_json_value(const char *name, stok_str_t value)
{
    json_t   *json;
    int64_t   number;

    if (ctl_is_date(name)) {
        number = ctl_number(value.data);
        return number ? json_integer(number) : json_null();
    }

    json = value.len ? json_stringn(value.data, value.len) : NULL;

    return json ? json : json_null();
}
