/*
 * token list, user list, user show: from the indexes, in batches.
 */


#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_BATCH  500


typedef struct {
    const char  *status;
    int64_t      now;
    json_t      *array;                          /* NULL: a table */
    int          users;
} ctl_list_t;


static int ctl_each_token(ctl_t *ctl, redisReply *ids, size_t from, size_t n,
    ctl_list_t *list);
static void ctl_token_row(ctl_list_t *list, json_t *json);
static int ctl_walk(ctl_t *ctl, const char *index, ctl_list_t *list);
static int ctl_each_user(ctl_t *ctl, redisReply *ids, ctl_list_t *list);
static int ctl_id_order(const void *a, const void *b);
static const char *ctl_text(json_t *json, const char *name);


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
ctl_token_list(ctl_t *ctl, cli_args_t *args)
{
    int           code;
    char         *brand;
    size_t        i;
    redisReply   *ids;
    const char   *user, *status;
    ctl_list_t    list;
    ctl_record_t  rec;

    static const char  *states[] = { "active", "revoked", "expired",
                                     "rotating" };

    memset(&list, 0, sizeof(list));
    user = cli_option(args, "user");
    status = cli_option(args, "status");
    list.status = status;

    if (status) {
        for (i = 0; i < 4 && strcmp(status, states[i]) != 0; i++) {
            /* void */
        }

        if (i == 4) {
            return ctl_fail(ctl, CTL_INVALID, "bad --status: active, revoked, "
                            "expired or rotating");
        }
    }

    code = ctl_meta(ctl, "brand", &brand);
    if (code != CTL_OK) {
        return code;
    }

    free(brand);
    code = ctl_now(ctl, &list.now);

    if (code == CTL_OK && user) {
        code = ctl_read_user(ctl, user, &rec);
        if (code == CTL_OK) {
            ctl_free(&rec);
        }
    }

    if (code != CTL_OK) {
        return code;
    }

    list.array = ctl->json ? json_array() : NULL;

    if (list.array == NULL) {
        cli_cell("ID", 20);
        cli_cell("USER", 14);
        cli_cell("NAME", 13);
        cli_cell("STATE", 8);
        cli_cell("LAST USED", -20);
    }

    if (user == NULL) {
        code = ctl_walk(ctl, "tokens", &list);

    } else {
        code = ctl_user_tokens(ctl, user, &ids);
        if (code == CTL_OK) {
            for (i = 0; i < ids->elements && code == CTL_OK; i += CTL_BATCH) {
                code = ctl_each_token(ctl, ids, i, CTL_BATCH, &list);
            }

            freeReplyObject(ids);
        }
    }

    return list.array && code == CTL_OK ? cli_print_json(ctl, list.array)
                                        : code;
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
ctl_walk(ctl_t *ctl, const char *index, ctl_list_t *list)
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
            ctl_token_row(list, json_incref(json[i]));
        }

        if (json[i]) {
            json_decref(json[i]);
        }
    }

    return code;
}


static void
ctl_token_row(ctl_list_t *list, json_t *json)
{
    char     date[24];
    json_t  *used;

    if (list->array) {
        json_array_append_new(list->array, json);
        return;
    }

    used = json_object_get(json, "last_used");

    if (json_is_integer(used)) {
        ctl_iso(json_integer_value(used), date);

    } else {
        strcpy(date, "never used");
    }

    cli_cell(ctl_text(json, "id"), 20);
    cli_cell(ctl_text(json, "user"), 14);
    cli_cell(ctl_text(json, "name"), 13);
    cli_cell(ctl_text(json, "state"), 8);
    cli_cell(date, -20);

    json_decref(json);
}


int
ctl_user_list(ctl_t *ctl, cli_args_t *args)
{
    int          code;
    char        *brand;
    ctl_list_t   list;

    (void) args;

    code = ctl_meta(ctl, "brand", &brand);
    if (code != CTL_OK) {
        return code;
    }

    free(brand);

    memset(&list, 0, sizeof(list));
    list.users = 1;
    list.array = ctl->json ? json_array() : NULL;

    if (list.array == NULL) {
        cli_cell("ID", 32);
        cli_cell("ROLE", 10);
        cli_cell("STATUS", 8);
        cli_cell("OWNER", -25);
    }

    code = ctl_walk(ctl, "users", &list);

    return list.array && code == CTL_OK ? cli_print_json(ctl, list.array)
                                        : code;
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

        if (list->array) {
            json_array_append_new(list->array, json);
            continue;
        }

        cli_cell(ids->element[i]->str, 32);
        cli_cell(ctl_text(json, "role"), 10);
        cli_cell(ctl_text(json, "status"), 8);
        cli_cell(ctl_text(json, "owner"), -25);
        json_decref(json);
    }

    return CTL_OK;
}


int
ctl_user_show(ctl_t *ctl, cli_args_t *args)
{
    int            code;
    json_t        *json;
    ctl_record_t   rec;

    code = ctl_read_user(ctl, args->arg[0], &rec);
    if (code != CTL_OK) {
        return code;
    }

    json = ctl_json(&rec, args->arg[0]);
    ctl_free(&rec);

    code = ctl_usage_user(ctl, args->arg[0], json);
    if (code != CTL_OK) {
        json_decref(json);
        return code;
    }

    if (ctl->json) {
        return cli_print_json(ctl, json);
    }

    cli_print_fields(json);

    return CTL_OK;
}


static const char *
ctl_text(json_t *json, const char *name)
{
    const char  *text;

    text = json_string_value(json_object_get(json, name));

    return text ? text : "";
}
