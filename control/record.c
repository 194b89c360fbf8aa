/*
 * Records as the command reads and changes them.
 *
 * A change is judged on what was read, sealed here, and written by a script
 * only if the record still is what was read.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_read(ctl_t *ctl, ctl_record_t *rec, const char *what,
    const char *id);
static int ctl_is_number(const char *name);
static void ctl_record_set(ctl_record_t *rec);
static int ctl_sealed(ctl_t *ctl, const char *what, const char *id,
    stok_str_t seal, int tampered);


int
ctl_read_user(ctl_t *ctl, const char *id, ctl_record_t *rec)
{
    stok_str_t  text;

    memset(rec, 0, sizeof(*rec));

    text.data = id;
    text.len = strlen(id);

    if (stok_user_id_check(text) != STOK_OK) {
        return ctl_fail(ctl, CTL_NOTFOUND, "no user \"%s\"", id);
    }

    snprintf(rec->key, sizeof(rec->key), "user:%s", id);

    return ctl_read(ctl, rec, "user", id);
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
    stok_str_t   text;
    redisReply  *reply;

    memset(rec, 0, sizeof(*rec));

    text.data = id;
    text.len = strlen(id);

    if (stok_record_id_check(text) != STOK_OK) {
        return CTL_INVALID;
    }

    code = ctl_try(ctl, &reply, "GET %sid:%s", ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    code = reply->type == REDIS_REPLY_STRING
           && ctl_unhex(reply->str, reply->len, rec->digest) == CTL_OK
           ? ctl_read_digest(ctl, reply->str, rec) : CTL_NOTFOUND;

    freeReplyObject(reply);

    /* the index only says where to look */

    if (code == CTL_OK && strcmp(ctl_get(rec, "id"), id) != 0) {
        ctl_free(rec);
        return CTL_NOTFOUND;
    }

    return code;
}


int
ctl_read_digest(ctl_t *ctl, const char *hex, ctl_record_t *rec)
{
    int  code;

    memset(rec, 0, sizeof(*rec));

    if (ctl_unhex(hex, strlen(hex), rec->digest) != CTL_OK) {
        return CTL_NOTFOUND;
    }

    snprintf(rec->key, sizeof(rec->key), "token:%s", hex);

    code = ctl_try(ctl, &rec->reply, "HGETALL %s%s", ctl->prefix, rec->key);
    if (code != CTL_OK) {
        rec->reply = NULL;
        return code;
    }

    if (rec->reply->type != REDIS_REPLY_ARRAY || rec->reply->elements == 0
        || rec->reply->elements > CTL_FIELDS)
    {
        ctl_free(rec);
        return CTL_NOTFOUND;
    }

    ctl_record_set(rec);

    return CTL_OK;
}


static void
ctl_record_set(ctl_record_t *rec)
{
    size_t  i;

    rec->n = rec->reply->elements;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = rec->reply->element[i]->str;
        rec->field[i].len = (size_t) rec->reply->element[i]->len;
    }
}


static int
ctl_read(ctl_t *ctl, ctl_record_t *rec, const char *what, const char *id)
{
    int  code;

    code = ctl_command(ctl, &rec->reply, "HGETALL %s%s", ctl->prefix,
                       rec->key);
    if (code != CTL_OK) {
        rec->reply = NULL;
        return code;
    }

    if (rec->reply->type != REDIS_REPLY_ARRAY || rec->reply->elements == 0) {
        ctl_free(rec);
        return ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"", what, id);
    }

    if (rec->reply->elements > CTL_FIELDS) {
        ctl_free(rec);
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" has too many fields", what,
                        id);
    }

    ctl_record_set(rec);

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


const char *
ctl_get(const ctl_record_t *rec, const char *name)
{
    size_t  i;

    for (i = 0; i + 1 < rec->n; i += 2) {
        if (strcmp(rec->field[i].data, name) == 0) {
            return rec->field[i + 1].data;
        }
    }

    return "";
}


int
ctl_decode_user(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_user_record_t *user)
{
    stok_str_t   text;
    const char  *why;

    if (stok_user_record_decode(user, rec->field, rec->n, &why) != STOK_OK) {
        return ctl_fail(ctl, CTL_BROKEN, "user \"%s\" is unreadable: %s", id,
                        why);
    }

    text.data = id;
    text.len = strlen(id);

    if (ctl->keys.n) {
        stok_seal_check_user(&ctl->keys, text, user);
    }

    return ctl_sealed(ctl, "user", id, user->seal, user->tampered);
}


int
ctl_decode_token(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_token_record_t *token)
{
    const char  *why;

    if (stok_token_record_decode(token, rec->field, rec->n, &why) != STOK_OK)
    {
        return ctl_fail(ctl, CTL_BROKEN, "token \"%s\" is unreadable: %s", id,
                        why);
    }

    if (ctl->keys.n) {
        stok_seal_check_token(&ctl->keys, rec->digest, token);
    }

    return ctl_sealed(ctl, "token", id, token->seal, token->tampered);
}


static int
ctl_sealed(ctl_t *ctl, const char *what, const char *id, stok_str_t seal,
    int tampered)
{
    if (tampered && seal.len == 0 && !ctl->sealed) {
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" is not sealed yet, like "
                        "this dataset: see \"seal --first --dry-run\"", what,
                        id);
    }

    if (tampered) {
        return ctl_fail(ctl, CTL_BROKEN, "%s \"%s\" has no valid seal: "
                        "somebody else wrote it", what, id);
    }

    if (seal.len && ctl->keys.n == 0) {
        return ctl_fail(ctl, CTL_KEYLESS, "%s \"%s\" is sealed: give "
                        "--key-file", what, id);
    }

    return CTL_OK;
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
    int          i, argc, code;
    size_t       k;
    char         count[24], *word;
    const char  *arg[8 + CTL_FIELDS + CTL_FIELDS];

    snprintf(count, sizeof(count), "%zu", rec->n / 2);

    argc = 0;
    arg[argc++] = rec->key;
    arg[argc++] = token;
    arg[argc++] = user;
    arg[argc++] = action;
    arg[argc++] = before;
    arg[argc++] = after;
    arg[argc++] = times;
    arg[argc++] = count;

    for (k = 0; k < rec->n; k++) {
        arg[argc++] = rec->field[k].data;
    }

    for (i = 0; i < n; i++) {
        arg[argc++] = fields[i];
    }

    code = ctl_script(ctl, stok_script_change, argc, arg, &word);
    free(word);

    return code;
}


json_t *
ctl_json(const ctl_record_t *rec, const char *id)
{
    size_t       i;
    json_t      *json, *value;
    const char  *name;

    json = json_object();

    if (id) {
        json_object_set_new(json, "id", json_string(id));
    }

    for (i = 0; i + 1 < rec->n; i += 2) {
        name = rec->field[i].data;

        if (strcmp(name, "seal") == 0) {
            continue;
        }

        if (ctl_is_number(name)) {
            value = json_integer(ctl_number(rec->field[i + 1].data));

        } else {
            value = json_stringn(rec->field[i + 1].data,
                                 rec->field[i + 1].len);
        }

        /* what is not UTF-8 cannot be shown as JSON */

        json_object_set_new(json, name, value ? value : json_null());
    }

    return json;
}


/* dates, and how often */

static int
ctl_is_number(const char *name)
{
    return ctl_is_date(name) || strcmp(name, "uses") == 0
           || strcmp(name, "refused") == 0;
}
