/*
 * The audit: who did what and when, and what edges refused, by time; and what
 * comes anew.
 */


#include "audit.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    ctl_audit_t  *audit;
    ctl_item_pt   each;
    void         *data;
} ctl_audit_each_t;


static int ctl_audit_entry(ctl_t *ctl, redisReply *entry, void *data);


/* what is asked for can be asked for, and there is a dataset */

int
ctl_audit_begin(ctl_t *ctl, ctl_audit_t *audit)
{
    int         code;
    int64_t     now;
    stok_str_t  id;
    ctl_time_t  since;

    strcpy(audit->from, "-");

    if (audit->token && audit->user) {
        return ctl_fail(ctl, CTL_INVALID, "give --token or --user, not both");
    }

    id.data = audit->token ? audit->token : audit->user;
    id.len = id.data ? strlen(id.data) : 0;

    if (id.data && (audit->token ? stok_record_id_check(id)
                                 : stok_user_id_check(id)) != STOK_OK)
    {
        return ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"",
                        audit->token ? "token" : "user", id.data);
    }

    code = ctl_now(ctl, &now);

    if (code == CTL_OK && audit->since) {
        code = ctl_time(ctl, "since", audit->since, &since);

        if (code == CTL_OK) {
            snprintf(audit->from, sizeof(audit->from), "%lld-0",
                     (long long) ctl_time_back(&since, now) * 1000);
        }
    }

    return code == CTL_OK ? ctl_ready(ctl) : code;
}


int
ctl_audit_query(ctl_t *ctl, ctl_audit_t *audit, ctl_item_pt each, void *data)
{
    ctl_audit_each_t  a = { audit, each, data };

    return ctl_both_walk(ctl, audit->last, audit->from, ctl_audit_entry, &a);
}


static int
ctl_audit_entry(ctl_t *ctl, redisReply *entry, void *data)
{
    int                code;
    json_t            *json;
    ctl_audit_t       *audit;
    ctl_audit_each_t  *a;

    a = data;
    audit = a->audit;

    if ((audit->token
         && strcmp(ctl_entry_get(entry, "token"), audit->token) != 0)
        || (audit->user
            && strcmp(ctl_entry_get(entry, "user"), audit->user) != 0))
    {
        return CTL_OK;
    }

    json = ctl_entry_json(entry);
    code = a->each(ctl, json, a->data);
    json_decref(json);

    return code;
}


int
ctl_audit_known(ctl_t *ctl, const ctl_audit_t *audit)
{
    int          code, none;
    redisReply  *reply;

    if (audit->token == NULL && audit->user == NULL) {
        return CTL_OK;
    }

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %s%s%s",
                       ctl->prefix, audit->token ? "id:" : "user:",
                       audit->token ? audit->token : audit->user);
    if (code != CTL_OK) {
        return code;
    }

    none = reply->integer == 0;
    freeReplyObject(reply);

    return none ? ctl_fail(ctl, CTL_NOTFOUND, "no %s \"%s\"",
                           audit->token ? "token" : "user",
                           audit->token ? audit->token : audit->user)
                : CTL_OK;
}


int
ctl_audit_newest(ctl_t *ctl, ctl_audit_t *audit)
{
    return ctl_both_newest(ctl, audit->last);
}


int
ctl_audit_wait(ctl_t *ctl, ctl_audit_t *audit, ctl_item_pt each, void *data)
{
    ctl_audit_each_t  a = { audit, each, data };

    return ctl_both_wait(ctl, audit->last, ctl_audit_entry, &a);
}
