/*
 * The use of a token, as nginx counts it in usage:<token id>: all
 * of it may be missing.
 */


#include "internal.h"

#include <string.h>


#define CTL_USAGE_BATCH  500
#define CTL_USAGE_KEEP   64                      /* addresses of a user */


static json_t *ctl_usage_list(const char *text);
static void ctl_usage_known(json_t *json, const char *list,
    const char *name);
static int ctl_usage_batch(ctl_t *ctl, redisReply *ids, size_t from,
    size_t last, json_t *json);
static void ctl_usage_add(json_t *json, json_t *usage);
static void ctl_usage_sum(json_t *json, json_t *usage, const char *name);
static void ctl_usage_date(json_t *json, json_t *usage, const char *name,
    int first);
static void ctl_usage_union(json_t *json, json_t *usage, const char *name);


int
ctl_usage_read(ctl_t *ctl, const char *id, json_t *json)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_PAIRS, &reply, "HGETALL %susage:%s",
                       ctl->prefix, id);
    if (code != CTL_OK) {
        return code;
    }

    ctl_usage_set(json, reply);
    freeReplyObject(reply);

    return CTL_OK;
}


void
ctl_usage_set(json_t *json, redisReply *reply)
{
    size_t       i, k;
    json_t      *value;
    const char  *text;

    static const struct {
        const char  *name;
        char         kind;                       /* number, text, list */
    } fields[] = {
        { "uses", 'n' }, { "first_used", 'd' }, { "first_addr", 't' },
        { "last_addr", 't' }, { "addrs", 'l' }, { "last_location", 't' },
        { "locations", 'l' }, { "role_needed", 't' }, { "refused", 'n' },
        { "refused_at", 'd' }, { "refused_addr", 't' },
        { "refused_reason", 't' }
    };

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {

        for (k = 0, text = NULL; k + 1 < reply->elements; k += 2) {
            if (strcmp(reply->element[k]->str, fields[i].name) == 0) {
                text = reply->element[k + 1]->str;
            }
        }

        text = text && text[0] ? text : NULL;

        switch (fields[i].kind) {

        case 'n':
            value = json_integer(ctl_number(text));
            break;

        case 'd':
            value = text ? json_integer(ctl_number(text)) : json_null();
            break;

        case 'l':
            value = ctl_usage_list(text);
            break;

        default:
            value = text ? json_string(text) : json_null();
        }

        json_object_set_new(json, fields[i].name, value ? value : json_null());
    }

    ctl_usage_known(json, "addrs", "first_addr");
    ctl_usage_known(json, "addrs", "last_addr");
    ctl_usage_known(json, "locations", "last_location");
}


/* a list has at least what is known besides it */

static void
ctl_usage_known(json_t *json, const char *list, const char *name)
{
    size_t   i;
    json_t  *all, *value, *other;

    all = json_object_get(json, list);
    value = json_object_get(json, name);

    if (!json_is_string(value)) {
        return;
    }

    json_array_foreach(all, i, other) {
        if (json_equal(value, other)) {
            return;
        }
    }

    json_array_append(all, value);
}


static json_t *
ctl_usage_list(const char *text)
{
    size_t   len;
    json_t  *list;

    list = json_array();

    while (text && *text) {
        len = strcspn(text, " ");

        if (len) {
            json_array_append_new(list, json_stringn(text, len));
        }

        text += len;
        text += strspn(text, " ");
    }

    return list;
}


int
ctl_usage_user(ctl_t *ctl, const char *user, json_t *json)
{
    int          code;
    size_t       i, last;
    redisReply  *ids;

    code = ctl_user_tokens(ctl, user, &ids);
    if (code != CTL_OK) {
        return code;
    }

    json_object_set_new(json, "tokens", json_integer((json_int_t)
                                                     ids->elements));
    json_object_set_new(json, "uses", json_integer(0));
    json_object_set_new(json, "first_used", json_null());
    json_object_set_new(json, "last_used", json_null());
    json_object_set_new(json, "addrs", json_array());
    json_object_set_new(json, "locations", json_array());
    json_object_set_new(json, "refused", json_integer(0));
    json_object_set_new(json, "refused_at", json_null());

    for (i = 0; i < ids->elements && code == CTL_OK; i = last) {
        last = i + CTL_USAGE_BATCH;
        last = last < ids->elements ? last : ids->elements;

        code = ctl_usage_batch(ctl, ids, i, last, json);
    }

    freeReplyObject(ids);

    return code;
}


static int
ctl_usage_batch(ctl_t *ctl, redisReply *ids, size_t from, size_t last,
    json_t *json)
{
    int          code;
    size_t       i;
    json_t      *usage;
    redisReply  *reply;

    for (i = from; i < last; i++) {
        ctl_append(ctl, "HGETALL %susage:%s", ctl->prefix,
                   ids->element[i]->str);
        ctl_append(ctl, "ZSCORE %slast_used %s", ctl->prefix,
                   ids->element[i]->str);
    }

    for (i = from; i < last; i++) {
        code = ctl_reply(ctl, CTL_IS_PAIRS, &reply);
        if (code != CTL_OK) {
            return code;
        }

        usage = json_object();
        ctl_usage_set(usage, reply);
        freeReplyObject(reply);

        code = ctl_reply(ctl, CTL_IS_TEXT, &reply);
        if (code != CTL_OK) {
            json_decref(usage);
            return code;
        }

        if (reply->str) {
            json_object_set_new(usage, "last_used",
                                json_integer(ctl_number(reply->str)));
        }

        freeReplyObject(reply);

        ctl_usage_add(json, usage);
        json_decref(usage);
    }

    return CTL_OK;
}


static void
ctl_usage_add(json_t *json, json_t *usage)
{
    ctl_usage_sum(json, usage, "uses");
    ctl_usage_sum(json, usage, "refused");
    ctl_usage_date(json, usage, "first_used", 1);
    ctl_usage_date(json, usage, "last_used", 0);
    ctl_usage_date(json, usage, "refused_at", 0);
    ctl_usage_union(json, usage, "addrs");
    ctl_usage_union(json, usage, "locations");
}


static void
ctl_usage_sum(json_t *json, json_t *usage, const char *name)
{
    json_int_t  sum;

    sum = json_integer_value(json_object_get(json, name))
          + json_integer_value(json_object_get(usage, name));

    json_object_set_new(json, name, json_integer(sum));
}


/* the first or the last of two dates, of which none may be known */

static void
ctl_usage_date(json_t *json, json_t *usage, const char *name, int first)
{
    json_t  *had, *has;

    had = json_object_get(json, name);
    has = json_object_get(usage, name);

    if (json_is_integer(has)
        && (!json_is_integer(had)
            || (json_integer_value(has) < json_integer_value(had)) == first))
    {
        json_object_set(json, name, has);
    }
}


static void
ctl_usage_union(json_t *json, json_t *usage, const char *name)
{
    size_t   i, k;
    json_t  *all, *value, *other;

    all = json_object_get(json, name);

    json_array_foreach(json_object_get(usage, name), i, value) {

        json_array_foreach(all, k, other) {
            if (json_equal(value, other)) {
                break;
            }
        }

        if (k == json_array_size(all) && k < CTL_USAGE_KEEP) {
            json_array_append(all, value);
        }
    }
}
