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


static int ctl_each_token(ctl_t *ctl, redisReply *ids, size_t from, size_t n,
    ctl_list_t *list);
static int ctl_list_status(const char *status);
static int ctl_list_walk(ctl_t *ctl, const char *index, ctl_list_t *list);
static int ctl_each_user(ctl_t *ctl, redisReply *ids, ctl_list_t *list);
static int ctl_id_order(const void *a, const void *b);


/* state and last use, as a token's JSON shows them */

int
ctl_token_more(ctl_t *ctl, json_t *json, int64_t now)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, &reply, "ZSCORE %slast_used %s", ctl->prefix,
                       ctl_text(json, "id"));
    if (code != CTL_OK) {
        return code;
    }

    ctl_token_state(json, now, reply->type == REDIS_REPLY_STRING ? reply->str
                                                                 : NULL);
    freeReplyObject(reply);

    return CTL_OK;
}


void
ctl_token_state(json_t *json, int64_t now, const char *last_used)
{
    json_int_t   expires;
    const char  *state;

    expires = json_integer_value(json_object_get(json, "expires_at"));
    state = "active";

    if (strcmp(ctl_text(json, "status"), "active") != 0) {
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
            code = ctl_each_token(ctl, ids, i, CTL_BATCH, &list);
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

    code = ctl_command(ctl, ids, "SMEMBERS %suser-tokens:%s", ctl->prefix,
                       user);
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
        code = ctl_command(ctl, &ids, "ZRANGE %s%s %ld %ld", ctl->prefix,
                           index, from, from + CTL_BATCH - 1);
        if (code != CTL_OK) {
            return code;
        }

        n = ids->type == REDIS_REPLY_ARRAY ? ids->elements : 0;

        code = list->users ? ctl_each_user(ctl, ids, list)
                           : ctl_each_token(ctl, ids, 0, n, list);
        freeReplyObject(ids);

        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}


/* three pipelines: ids to digests, digests to records, ids to last use */

static int
ctl_each_token(ctl_t *ctl, redisReply *ids, size_t from, size_t n,
    ctl_list_t *list)
{
    int           code;
    size_t        i, k, last;
    json_t       *json[CTL_BATCH];
    redisReply   *reply, *digest[CTL_BATCH];
    ctl_record_t  rec;

    last = from + n < ids->elements ? from + n : ids->elements;
    n = last - from;

    memset(json, 0, sizeof(json));
    memset(digest, 0, sizeof(digest));

    for (i = from; i < last; i++) {
        redisAppendCommand(ctl->ctx, "GET %sid:%s", ctl->prefix,
                           ids->element[i]->str);
    }

    code = CTL_OK;

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, &digest[i]);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        redisAppendCommand(ctl->ctx, "HGETALL %stoken:%s", ctl->prefix,
                           digest[i]->str ? digest[i]->str : "");
        redisAppendCommand(ctl->ctx, "ZSCORE %slast_used %s", ctl->prefix,
                           ids->element[from + i]->str);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, &reply);
        if (code != CTL_OK) {
            break;
        }

        memset(&rec, 0, sizeof(rec));
        rec.n = reply->elements > CTL_FIELDS ? CTL_FIELDS : reply->elements;

        for (k = 0; k < rec.n; k++) {
            rec.field[k].data = reply->element[k]->str;
            rec.field[k].len = (size_t) reply->element[k]->len;
        }

        json[i] = ctl_json(&rec, NULL);
        freeReplyObject(reply);

        code = ctl_reply(ctl, &reply);

        if (code == CTL_OK) {
            ctl_token_state(json[i], list->now, reply->str);
            freeReplyObject(reply);
        }
    }

    for (i = 0; i < n; i++) {
        if (digest[i]) {
            freeReplyObject(digest[i]);
        }

        if (code == CTL_OK && json_object_get(json[i], "id")
            && (list->status == NULL
                || strcmp(ctl_text(json[i], "state"), list->status) == 0))
        {
            code = list->each(ctl, json[i], list->data);
        }

        if (json[i]) {
            json_decref(json[i]);
        }
    }

    return code;
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
ctl_each_user(ctl_t *ctl, redisReply *ids, ctl_list_t *list)
{
    int            code;
    size_t         i, k;
    json_t        *json;
    redisReply    *reply;
    ctl_record_t   rec;

    for (i = 0; i < ids->elements; i++) {
        redisAppendCommand(ctl->ctx, "HGETALL %suser:%s", ctl->prefix,
                           ids->element[i]->str);
    }

    for (i = 0; i < ids->elements; i++) {
        code = ctl_reply(ctl, &reply);
        if (code != CTL_OK) {
            return code;
        }

        memset(&rec, 0, sizeof(rec));
        rec.n = reply->elements > CTL_FIELDS ? CTL_FIELDS : reply->elements;

        for (k = 0; k < rec.n; k++) {
            rec.field[k].data = reply->element[k]->str;
            rec.field[k].len = (size_t) reply->element[k]->len;
        }

        json = ctl_json(&rec, ids->element[i]->str);
        freeReplyObject(reply);

        code = list->each(ctl, json, list->data);
        json_decref(json);

        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
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
    if (code != CTL_OK) {
        return code;
    }

    *token = ctl_json(&rec, NULL);
    ctl_free(&rec);

    code = ctl_token_more(ctl, *token, now);

    if (code == CTL_OK) {
        code = ctl_usage_read(ctl, id, *token);
    }

    if (code != CTL_OK) {
        json_decref(*token);
    }

    return code;
}
