/*
 * token list, user list, user show: from the indexes, in batches.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_BATCH  500


typedef struct {
    const char   *status;
    int64_t       now;
    int           users;
    ctl_item_pt   each;
    void         *data;
} ctl_list_t;


static int ctl_list_status(const char *status);
static int ctl_list_walk(ctl_t *ctl, const char *index, ctl_list_t *list);
static int ctl_list_tokens(ctl_t *ctl, redisReply *ids, size_t from,
    size_t n, ctl_list_t *list);
static json_t *ctl_list_token(ctl_t *ctl, ctl_record_t *rec, const char *id,
    const char *used, ctl_list_t *list);
static int ctl_list_users(ctl_t *ctl, redisReply *ids, ctl_list_t *list);
static int ctl_id_order(const void *a, const void *b);


/* state and last use, as a token's JSON shows them */

int
ctl_token_more(ctl_t *ctl, json_t *json, const ctl_record_t *rec,
    int64_t now)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_TEXT, &reply, "ZSCORE %slast_used %s",
                       ctl->prefix, ctl_text(json, "id"));
    if (code != CTL_OK) {
        return code;
    }

    ctl_token_state(json, rec, now, reply->str);
    freeReplyObject(reply);

    return CTL_OK;
}


void
ctl_token_state(json_t *json, const ctl_record_t *rec, int64_t now,
    const char *last_used)
{
    json_int_t   expires;
    const char  *state;

    expires = json_integer_value(json_object_get(json, "expires_at"));
    state = "active";

    if (ctl_record_forged(rec)) {
        state = "tampered";

    } else if (rec->state == CTL_REC_ODD) {
        state = "unreadable";

    } else if (strcmp(ctl_text(json, "status"), "active") != 0) {
        state = ctl_text(json, "status");

    } else if (expires && expires <= now) {
        state = "expired";

    } else if (ctl_text(json, "rotated_to")[0]) {
        state = "rotating";
    }

    json_object_set_new(json, "state", json_string(state));
    json_object_set_new(json, "last_used",
                        last_used ? json_integer(ctl_number(last_used))
                                  : json_null());
}


int
ctl_token_list(ctl_t *ctl, const char *user, const char *status,
    ctl_item_pt each, void *data)
{
    int           code;
    size_t        i;
    redisReply   *ids;
    ctl_list_t    list;
    ctl_record_t  rec;

    memset(&list, 0, sizeof(list));
    list.status = status;
    list.each = each;
    list.data = data;

    if (status && !ctl_list_status(status)) {
        return ctl_fail(ctl, CTL_INVALID, "bad --status: active, revoked, "
                        "expired or rotating");
    }

    code = ctl_ready(ctl);

    if (code == CTL_OK) {
        code = ctl_now(ctl, &list.now);
    }

    if (code == CTL_OK && user) {
        code = ctl_read_user(ctl, user, &rec);
        if (code == CTL_OK) {
            ctl_free(&rec);
        }
    }

    if (code != CTL_OK || user == NULL) {
        return code == CTL_OK ? ctl_list_walk(ctl, "tokens", &list) : code;
    }

    code = ctl_user_tokens(ctl, user, &ids);

    if (code == CTL_OK) {
        for (i = 0; i < ids->elements && code == CTL_OK; i += CTL_BATCH) {
            code = ctl_list_tokens(ctl, ids, i, CTL_BATCH, &list);
        }

        freeReplyObject(ids);
    }

    return code;
}


static int
ctl_list_status(const char *status)
{
    size_t  i;

    static const char  *states[] = { "active", "revoked", "expired",
                                     "rotating" };

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(status, states[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


/* SORT would do, but is among the dangerous commands */

int
ctl_user_tokens(ctl_t *ctl, const char *user, redisReply **ids)
{
    int  code;

    code = ctl_command(ctl, CTL_IS_TEXTS, ids, "SMEMBERS %suser-tokens:%s",
                       ctl->prefix, user);
    if (code == CTL_OK && (*ids)->elements) {
        qsort((*ids)->element, (*ids)->elements, sizeof(redisReply *),
              ctl_id_order);
    }

    return code;
}


static int
ctl_id_order(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *) a)->str,
                  (*(redisReply *const *) b)->str);
}


/* an index by creation, a page at a time */

static int
ctl_list_walk(ctl_t *ctl, const char *index, ctl_list_t *list)
{
    int          code;
    long         from;
    size_t       n;
    redisReply  *ids;

    for (from = 0, n = CTL_BATCH; n == CTL_BATCH; from += CTL_BATCH) {
        code = ctl_command(ctl, CTL_IS_TEXTS, &ids, "ZRANGE %s%s %ld %ld",
                           ctl->prefix, index, from, from + CTL_BATCH - 1);
        if (code != CTL_OK) {
            return code;
        }

        n = ids->elements;

        code = list->users ? ctl_list_users(ctl, ids, list)
                           : ctl_list_tokens(ctl, ids, 0, n, list);
        freeReplyObject(ids);

        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}


/* the records of a page, and when each was used last */

static int
ctl_list_tokens(ctl_t *ctl, redisReply *ids, size_t from, size_t n,
    ctl_list_t *list)
{
    int            code;
    size_t         i;
    json_t        *json;
    stok_str_t     id[CTL_BATCH];
    redisReply    *used;
    ctl_record_t  *rec;

    n = from + n < ids->elements ? n : ids->elements - from;

    memset(id, 0, sizeof(id));
    rec = calloc(n ? n : 1, sizeof(ctl_record_t));
    if (rec == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    for (i = 0; i < n; i++) {
        id[i].data = ids->element[from + i]->str;
        id[i].len = ids->element[from + i]->len;
    }

    code = ctl_records(ctl, 0, n, id, rec);

    for (i = 0; i < n && code == CTL_OK; i++) {
        ctl_append(ctl, "ZSCORE %slast_used %s", ctl->prefix, id[i].data);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, CTL_IS_TEXT, &used);
        if (code != CTL_OK) {
            break;
        }

        json = ctl_list_token(ctl, &rec[i], id[i].data, used->str, list);
        freeReplyObject(used);

        if (json) {
            code = list->each(ctl, json, list->data);
            json_decref(json);
        }
    }

    for (i = 0; i < n; i++) {
        ctl_free(&rec[i]);
    }

    free(rec);

    return code;
}


/* NULL: it is not to be shown */

static json_t *
ctl_list_token(ctl_t *ctl, ctl_record_t *rec, const char *id,
    const char *used, ctl_list_t *list)
{
    json_t  *json;

    if (rec->state == CTL_REC_OTHER) {
        ctl_note(ctl, CTL_NOTE_ERROR, "token \"%s\": its index leads to "
                 "another record: fsck tells more", id);
        return NULL;
    }

    if (rec->n == 0) {
        if (rec->state == CTL_REC_ODD) {
            (void) ctl_record_fail(ctl, rec, id);
            ctl_note_error(ctl);
        }

        return NULL;
    }

    json = ctl_json(rec, NULL);
    ctl_token_state(json, rec, list->now, used);

    if (list->status
        && strcmp(ctl_text(json, "state"), list->status) != 0)
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


int
ctl_user_list(ctl_t *ctl, ctl_item_pt each, void *data)
{
    int          code;
    ctl_list_t   list;

    code = ctl_ready(ctl);
    if (code != CTL_OK) {
        return code;
    }

    memset(&list, 0, sizeof(list));
    list.users = 1;
    list.each = each;
    list.data = data;

    return ctl_list_walk(ctl, "users", &list);
}


static int
ctl_list_users(ctl_t *ctl, redisReply *ids, ctl_list_t *list)
{
    int            code;
    size_t         i, n;
    json_t        *json;
    stok_str_t     id[CTL_BATCH];
    ctl_record_t  *rec;

    n = ids->elements < CTL_BATCH ? ids->elements : CTL_BATCH;

    memset(id, 0, sizeof(id));
    rec = calloc(n ? n : 1, sizeof(ctl_record_t));
    if (rec == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    for (i = 0; i < n; i++) {
        id[i].data = ids->element[i]->str;
        id[i].len = ids->element[i]->len;
    }

    code = ctl_records(ctl, 1, n, id, rec);

    for (i = 0; i < n; i++) {
        if (code == CTL_OK && rec[i].named) {
            json = ctl_json(&rec[i], id[i].data);
            code = list->each(ctl, json, list->data);
            json_decref(json);
        }

        ctl_free(&rec[i]);
    }

    free(rec);

    return code;
}


int
ctl_user_get(ctl_t *ctl, const char *id, json_t **user)
{
    int            code;
    ctl_record_t   rec;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    *user = ctl_json(&rec, id);
    ctl_free(&rec);

    code = ctl_usage_user(ctl, id, *user);

    if (code != CTL_OK) {
        json_decref(*user);
    }

    return code;
}


int
ctl_token_get(ctl_t *ctl, const char *id, json_t **token)
{
    int            code;
    int64_t        now;
    ctl_record_t   rec;

    code = ctl_now(ctl, &now);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_read_token(ctl, id, &rec);

    /* the index may lead to a forged one, beside one that lets in */

    if (code == CTL_OK && ctl_record_forged(&rec)) {
        ctl_free(&rec);
        code = ctl_stop_token(ctl, id, &rec);
    }

    if (code != CTL_OK) {
        return code;
    }

    *token = ctl_json(&rec, NULL);
    code = ctl_token_more(ctl, *token, &rec, now);
    ctl_free(&rec);

    if (code == CTL_OK) {
        code = ctl_usage_read(ctl, id, *token);
    }

    if (code != CTL_OK) {
        json_decref(*token);
    }

    return code;
}
