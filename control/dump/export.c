/*
 * export: the dataset as lines of JSON; see ctl_dump.h.
 *
 * Each record is as it was at one moment, not all at the same one.  A record
 * that import would refuse (it cannot be read or has no valid seal, it is a
 * token without a user, a text hides something) is left out and reported, so
 * that the file can always be read back.  Of a dataset that is not sealed yet
 * that would be nearly all: such an export fails.
 */


#include "dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef struct {
    ctl_item_pt  each;
    void        *data;
    ctl_set_t    users;                          /* that were written */
    ctl_set_t    tokens;
    size_t       left;                           /* records left out */
    int64_t      done;
    int64_t      total;
} ctl_export_t;


static int ctl_export_all(ctl_t *ctl, ctl_export_t *ex);
static int ctl_export_whole(ctl_t *ctl);
static int ctl_export_meta(ctl_t *ctl, ctl_export_t *ex);
static int ctl_export_user(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
static int ctl_export_wrong(const ctl_record_t *rec, char why[160]);
static int ctl_export_token(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
static int ctl_export_owner(ctl_t *ctl, ctl_export_t *ex, const char *id,
    stok_str_t user);
static json_t *ctl_export_record(ctl_record_t *rec);
static int ctl_export_used(ctl_t *ctl, const char *id, json_t *json);
static int ctl_export_left(ctl_t *ctl, ctl_export_t *ex, const char *what,
    const char *id, const char *why);
static int ctl_export_line(ctl_t *ctl, ctl_export_t *ex, const char *kind,
    json_t *json);


int
ctl_export(ctl_t *ctl, ctl_item_pt each, void *data, json_t **sums)
{
    int           code;
    ctl_export_t  ex;

    memset(&ex, 0, sizeof(ex));
    ex.each = each;
    ex.data = data;

    code = ctl_export_all(ctl, &ex);

    if (code == CTL_OK) {
        *sums = json_pack("{s:I, s:I, s:I}",
                          "users", (json_int_t) ex.users.n,
                          "tokens", (json_int_t) ex.tokens.n,
                          "left", (json_int_t) ex.left);
        code = ex.left ? CTL_FOUND : CTL_OK;
    }

    ctl_set_free(&ex.users);
    ctl_set_free(&ex.tokens);

    return code != CTL_STOPPED ? code
           : ctl_fail(ctl, CTL_STOPPED, "stopped: the export is not whole, "
                      "and no file was made");
}


static int
ctl_export_all(ctl_t *ctl, ctl_export_t *ex)
{
    int      code;
    int64_t  users, tokens;

    code = ctl_export_whole(ctl);

    if (code == CTL_OK) {
        code = ctl_total(ctl, &users, &tokens);
    }

    if (code == CTL_OK) {
        ex->total = users + tokens;
        code = ctl_export_meta(ctl, ex);
    }

    if (code == CTL_OK) {
        code = ctl_walk_users(ctl, ctl_export_user, ex);
    }

    if (code == CTL_OK) {
        code = ctl_walk_tokens(ctl, NULL, ctl_export_token, ex);
    }

    /* an import may have begun meanwhile */

    if (code == CTL_OK) {
        code = ctl_export_whole(ctl);
    }

    if (code == CTL_OK) {
        code = ctl_export_line(ctl, ex, "end",
                               json_pack("{s:I, s:I}", "users",
                                         (json_int_t) ex->users.n, "tokens",
                                         (json_int_t) ex->tokens.n));
    }

    return code;
}


/* an import that did not end may have left half of its file */

static int
ctl_export_whole(ctl_t *ctl)
{
    int    code, whole;
    char  *importing;

    code = ctl_meta(ctl, "importing", &importing);
    if (code != CTL_OK) {
        return code;
    }

    whole = importing[0] == '\0';
    free(importing);

    return whole ? CTL_OK
                 : ctl_fail(ctl, CTL_STATE, "the export would not be whole: an "
                            "import is unfinished; import the same file again "
                            "first");
}


static int
ctl_export_meta(ctl_t *ctl, ctl_export_t *ex)
{
    int      code;
    char    *brand, *approval;
    json_t  *json;
    int64_t  now;

    code = ctl_now(ctl, &now);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_meta(ctl, "brand", &brand);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_meta(ctl, "approval", &approval);
    if (code != CTL_OK) {
        free(brand);
        return code;
    }

    json = json_pack("{s:s, s:s, s:s, s:I}", "schema", STOK_SCHEMA, "brand",
                     brand[0] ? brand : "stk", "approval",
                     strcmp(approval, "required") == 0 ? approval : "none",
                     "exported_at", (json_int_t) now);

    free(brand);
    free(approval);

    return ctl_export_line(ctl, ex, "meta", json);
}


static int
ctl_export_user(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    int                  rc;
    char                 why[160];
    json_t              *json, *all;
    ctl_export_t        *ex;

    ex = data;

    if (ctl_step(ctl, ex->done++, ex->total) != CTL_OK) {
        return CTL_STOPPED;
    }

    if (ctl_set_has(&ex->users, id, strlen(id))) {
        return CTL_OK;
    }

    if (rec->state == CTL_REC_UNSEALED) {
        return ctl_record_fail(ctl, rec, id);
    }

    if (ctl_export_wrong(rec, why)) {
        return ctl_export_left(ctl, ex, "user", id, why);
    }

    json = ctl_export_record(rec);
    if (json == NULL) {
        return ctl_export_left(ctl, ex, "user", id, "a field is not UTF-8");
    }

    all = json_pack("{s:s}", "id", id);
    rc = all ? json_object_update(all, json) : -1;
    json_decref(json);

    if (rc != 0 || ctl_set_add(&ex->users, id, strlen(id)) != 1) {
        json_decref(all);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    return ctl_export_line(ctl, ex, "user", all);
}


/* whether import would refuse it */

static int
ctl_export_wrong(const ctl_record_t *rec, char why[160])
{
    const char  *wrong, *name;

    wrong = ctl_record_wrong(rec->field, rec->n, &name);

    if (rec->state == CTL_REC_ODD) {
        snprintf(why, 160, "%s", rec->why);

    } else if (rec->state == CTL_REC_OTHER) {
        snprintf(why, 160, "its record has another id");

    } else if (ctl_record_forged(rec)) {
        snprintf(why, 160, "it has no valid seal");

    } else if (wrong) {
        snprintf(why, 160, "its %s %s", name, wrong);

    } else {
        return 0;
    }

    return 1;
}


static int
ctl_export_token(ctl_t *ctl, const char *id, ctl_record_t *rec, void *data)
{
    int                   code, rc;
    char                  why[160];
    json_t               *json, *all;
    ctl_export_t         *ex;

    ex = data;

    if (ctl_step(ctl, ex->done++, ex->total) != CTL_OK) {
        return CTL_STOPPED;
    }

    if (ctl_set_has(&ex->tokens, id, strlen(id))) {
        return CTL_OK;
    }

    if (rec->state == CTL_REC_UNSEALED) {
        return ctl_record_fail(ctl, rec, id);
    }

    if (ctl_export_wrong(rec, why)) {
        return ctl_export_left(ctl, ex, "token", id, why);
    }

    code = ctl_export_owner(ctl, ex, id, rec->token.user);
    if (code != CTL_OK) {
        return code == CTL_FOUND ? CTL_OK : code;
    }

    json = ctl_export_record(rec);
    if (json == NULL) {
        return ctl_export_left(ctl, ex, "token", id, "a field is not UTF-8");
    }

    all = json_pack("{s:s}", "digest", rec->key + sizeof("token:") - 1);
    rc = all ? json_object_update(all, json) : -1;
    json_decref(json);

    if (rc != 0 || ctl_set_add(&ex->tokens, id, strlen(id)) != 1) {
        json_decref(all);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    code = ctl_export_used(ctl, id, all);
    if (code != CTL_OK) {
        json_decref(all);
        return code;
    }

    return ctl_export_line(ctl, ex, "token", all);
}


/*
 * A user that was made since the users were walked is written now.
 * CTL_FOUND: no such user, and the token was left out.
 */

static int
ctl_export_owner(ctl_t *ctl, ctl_export_t *ex, const char *id,
    stok_str_t user)
{
    int            code;
    char           name[STOK_USER_ID_MAX + 1];
    redisReply    *reply;
    ctl_record_t   rec;

    if (ctl_set_has(&ex->users, user.data, user.len)) {
        return CTL_OK;
    }

    memcpy(name, user.data, user.len);
    name[user.len] = '\0';

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %suser:%s",
                       ctl->prefix, name);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->integer == 1) {
        code = ctl_read_user(ctl, name, &rec);

        if (code == CTL_OK) {
            code = ctl_export_user(ctl, name, &rec, ex);
            ctl_free(&rec);
        }
    }

    freeReplyObject(reply);

    if (code != CTL_OK || ctl_set_has(&ex->users, user.data, user.len)) {
        return code;
    }

    (void) ctl_export_left(ctl, ex, "token", id, "its user is not there");

    return CTL_FOUND;
}


/* NULL: a field is not UTF-8, or there is no memory */

static json_t *
ctl_export_record(ctl_record_t *rec)
{
    size_t       i, len;
    json_t      *json, *value;
    const char  *name;

    json = json_object();

    for (i = 0; i + 1 < rec->n; i += 2) {
        name = rec->field[i].data;
        len = rec->field[i].len;

        value = len > 3 && strcmp(name + len - 3, "_at") == 0
                && rec->field[i + 1].len
                ? json_integer(ctl_number(rec->field[i + 1].data))
                : json_stringn(rec->field[i + 1].data, rec->field[i + 1].len);

        if (json_object_set_new(json, name, value) == -1) {
            json_decref(json);
            return NULL;
        }
    }

    return json;
}


static int
ctl_export_used(ctl_t *ctl, const char *id, json_t *json)
{
    int          code;
    size_t       i;
    json_t      *usage;
    redisReply  *used, *reply;

    ctl_append(ctl, "ZSCORE %slast_used %s", ctl->prefix, id);
    ctl_append(ctl, "HGETALL %susage:%s", ctl->prefix, id);

    code = ctl_reply(ctl, CTL_IS_TEXT, &used);
    if (code != CTL_OK) {
        return code;
    }

    if (used->type == REDIS_REPLY_STRING) {
        json_object_set_new(json, "last_used",
                            json_integer(ctl_number(used->str)));
    }

    freeReplyObject(used);

    code = ctl_reply(ctl, CTL_IS_PAIRS, &reply);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements) {
        usage = json_object();

        for (i = 0; i + 1 < reply->elements && i < 2 * CTL_USAGE_MAX; i += 2) {

            /*
             * a location may hold any byte; it is shown only, it decides
             * nothing
             */

            (void) json_object_set_new(usage, reply->element[i]->str,
                              json_stringn(reply->element[i + 1]->str,
                                           reply->element[i + 1]->len));
        }

        json_object_set_new(json, "usage", usage);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_export_left(ctl_t *ctl, ctl_export_t *ex, const char *what, const char *id,
    const char *why)
{
    ex->left++;
    ctl_note(ctl, CTL_NOTE_ERROR, "%s \"%s\" is left out: %s", what, id, why);

    return CTL_OK;
}


static int
ctl_export_line(ctl_t *ctl, ctl_export_t *ex, const char *kind, json_t *json)
{
    int      rc;
    json_t  *line;

    line = json_pack("{s:o}", kind, json);

    if (line == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    rc = ex->each(ctl, line, ex->data);
    json_decref(line);

    return rc;
}
