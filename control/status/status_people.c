/*
 * The part of a status about approvals that somebody waits for, from
 * "pending", tokens that were refused in the last day, from "refusals", and
 * the last reviews, from "reviews".
 */


#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_PENDING     200
#define CTL_REFUSALS   5000                      /* entries that are read */
#define CTL_LATEST        5


static int ctl_status_users(ctl_t *ctl, json_t *waiting,
    const redisReply *ids);
static int ctl_status_request(ctl_t *ctl, json_t *waiting,
    const ctl_record_t *rec, const char *id);
static int ctl_status_setting(ctl_t *ctl, json_t *waiting);
static const char *ctl_pair(const redisReply *reply, const char *name);
static void ctl_refusals_count(ctl_status_t *s, const redisReply *entries);
static json_t *ctl_refusal(const redisReply *fields);


int
ctl_status_approvals(ctl_t *ctl, ctl_status_t *s)
{
    int          code;
    json_t      *waiting;
    redisReply  *ids;

    code = ctl_command(ctl, CTL_IS_ANY, &ids, "ZRANGE %spending 0 %d",
                       ctl->prefix, CTL_PENDING - 1);
    if (code != CTL_OK) {
        return code;
    }

    waiting = json_array();
    json_object_set_new(s->json, "approvals", waiting);

    code = ctl_fits(ids, CTL_IS_TEXTS)
           ? ctl_status_users(ctl, waiting, ids) : CTL_OK;
    freeReplyObject(ids);

    if (code == CTL_OK) {
        code = ctl_status_setting(ctl, waiting);
    }

    if (code == CTL_OK && json_array_size(waiting)) {
        ctl_attend(s, "approval", "%zu approval%s pending: service-token user "
                   "approve, by another admin",
                   json_array_size(waiting),
                   json_array_size(waiting) == 1 ? " is" : "s are");
    }

    return code;
}


static int
ctl_status_users(ctl_t *ctl, json_t *waiting, const redisReply *ids)
{
    int            code;
    size_t         i, n;
    stok_str_t     id[CTL_PENDING];
    ctl_record_t  *rec;

    n = ids->elements < CTL_PENDING ? ids->elements : CTL_PENDING;

    if (n == 0) {
        return CTL_OK;
    }

    rec = calloc(n + 1, sizeof(ctl_record_t));

    if (rec == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    for (i = 0; i < n; i++) {
        id[i] = ctl_str(ids->element[i]->str);
    }

    code = ctl_records(ctl, 1, n, id, rec);

    for (i = 0; i < n && code == CTL_OK; i++) {
        if (rec[i].state != CTL_REC_NONE && rec[i].state != CTL_REC_ODD) {
            code = ctl_status_request(ctl, waiting, &rec[i], id[i].data);
        }
    }

    for (i = 0; i < n; i++) {
        ctl_free(&rec[i]);
    }

    free(rec);

    return code;
}


/* a user that is pending, or a role that is asked for and still makes sense */

static int
ctl_status_request(ctl_t *ctl, json_t *waiting, const ctl_record_t *rec,
    const char *id)
{
    int          code, pending;
    json_t      *json;
    redisReply  *reply;
    const char  *by, *role;

    pending = rec->user.status == STOK_USER_PENDING;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %srequest:%s",
                       ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    by = ctl_pair(reply, "actor");
    role = pending ? ctl_get(rec, "role") : ctl_pair(reply, "role");

    if (pending
        || (role[0] && rec->user.status != STOK_USER_DELETED
            && strcmp(ctl_pair(reply, "from"), ctl_get(rec, "role")) == 0))
    {
        json = json_pack("{s:s, s:s, s:s, s:s, s:I}", "user", id, "what",
                         pending ? "user" : "role", "role", role, "by",
                         by[0] ? by : ctl_get(rec, "created_by"), "at",
                         (json_int_t) ctl_number(ctl_pair(reply, "at")));
        if (json) {
            json_array_append_new(waiting, json);
        }
    }

    freeReplyObject(reply);

    return CTL_OK;
}


/* the last of each, as reviews note it: when, how much was found, who */

int
ctl_status_reviews(ctl_t *ctl, ctl_status_t *s)
{
    int          code, n;
    size_t       i;
    json_t      *reviews, *json;
    long long    at, found;
    redisReply  *reply;
    const char  *text;

    static const char  *period[] = { "monthly", "quarterly" };

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %sreviews",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    reviews = json_object();

    for (i = 0; i < sizeof(period) / sizeof(period[0]); i++) {
        text = ctl_pair(reply, period[i]);
        n = 0;

        json = sscanf(text, "%18lld %18lld %n", &at, &found, &n) == 2 && n
               ? json_pack("{s:I, s:I, s:s}", "at", (json_int_t) at, "found",
                           (json_int_t) found, "by", text + n)
               : NULL;

        json_object_set_new(reviews, period[i], json ? json : json_null());
    }

    json_object_set_new(s->json, "reviews", reviews);
    freeReplyObject(reply);

    return CTL_OK;
}


/* somebody wants to change whether there are approvals at all */

static int
ctl_status_setting(ctl_t *ctl, json_t *waiting)
{
    int          code;
    json_t      *json;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %sapproval-request",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    json = ctl_pair(reply, "value")[0]
           ? json_pack("{s:n, s:s, s:s, s:s, s:I}", "user", "what", "approval",
                       "role", ctl_pair(reply, "value"), "by",
                       ctl_pair(reply, "actor"), "at",
                       (json_int_t) ctl_number(ctl_pair(reply, "at")))
           : NULL;

    if (json) {
        json_array_append_new(waiting, json);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


/* the value of a name; "" if it is missing, or the reply has no pairs */

static const char *
ctl_pair(const redisReply *reply, const char *name)
{
    size_t  i;

    if (!ctl_fits(reply, CTL_IS_PAIRS)) {
        return "";
    }

    for (i = 0; i < reply->elements; i += 2) {
        if (strcmp(reply->element[i]->str, name) == 0) {
            return reply->element[i + 1]->str;
        }
    }

    return "";
}


int
ctl_status_refusals(ctl_t *ctl, ctl_status_t *s)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "XREVRANGE %srefusals + "
                       "%lld COUNT %d", ctl->prefix,
                       (long long) s->now_ms - CTL_DAY * 1000LL,
                       CTL_REFUSALS);
    if (code != CTL_OK) {
        return code;
    }

    ctl_refusals_count(s, reply);
    freeReplyObject(reply);

    return CTL_OK;
}


static void
ctl_refusals_count(ctl_status_t *s, const redisReply *entries)
{
    size_t       i, n;
    json_t      *reasons, *latest;
    json_int_t   sum;
    const char  *reason;

    n = ctl_fits(entries, CTL_IS_ENTRIES) ? entries->elements : 0;
    reasons = json_object();
    latest = json_array();

    for (i = 0; i < n; i++) {
        reason = ctl_pair(entries->element[i]->element[1], "reason");

        /* the edge has some twenty of them, and anything may stand there */

        if (json_object_get(reasons, reason) == NULL
            && (reason[0] == '\0' || json_object_size(reasons) == 32))
        {
            reason = "OTHER";
        }

        sum = json_integer_value(json_object_get(reasons, reason))
              + ctl_number(ctl_pair(entries->element[i]->element[1], "count"));
        json_object_set_new(reasons, reason, json_integer(sum));

        if (i < CTL_LATEST) {
            json_array_append_new(latest,
                                  ctl_refusal(entries->element[i]->element[1]));
        }
    }

    sum = json_integer_value(json_object_get(reasons, "TAMPERED"));

    if (sum) {
        ctl_attend(s, "tampered", "%lld request%s with a token whose record "
                   "has a wrong seal: somebody wrote to Redis without the "
                   "key, or key files differ", (long long) sum, ctl_s(sum));
    }

    json_object_set_new(s->json, "refusals",
                        json_pack("{s:I, s:b, s:o, s:o}", "since",
                                  (json_int_t) s->now - CTL_DAY, "complete",
                                  n < CTL_REFUSALS, "reasons", reasons,
                                  "latest", latest));
}


static json_t *
ctl_refusal(const redisReply *fields)
{
    size_t   i;
    json_t  *json, *value;

    static const char  *names[] = { "token", "user", "reason", "addr" };

    json = json_pack("{s:I, s:I}", "at",
                     (json_int_t) ctl_number(ctl_pair(fields, "at")), "count",
                     (json_int_t) ctl_number(ctl_pair(fields, "count")));

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = json_string(ctl_pair(fields, names[i]));
        json_object_set_new(json, names[i], value ? value : json_null());
    }

    return json;
}
