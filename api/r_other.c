/*
 * Lists, incidents, the audit, and what a front end has to know.
 */


#include "api.h"

#include <stdlib.h>
#include <string.h>


#define OTHER_WAIT  5000                         /* ms of POST /api/wait */


static int other_collect(ctl_t *ctl, json_t *item, void *data);
static json_t *other_roles(api_t *api);


int
api_changed(api_t *api, api_reply_t *reply, json_t *item)
{
    int      code;
    json_t  *wait;

    if (api->ms == 0) {
        return api_json(reply, 200, item);
    }

    code = ctl_wait(&api->ctl, api->ms, &wait);

    if (code != CTL_OK && code != CTL_FOUND) {
        json_object_set_new(item, "wait", json_null());
        api_header(reply, "Link: </api/wait>; rel=\"monitor\"");
        return api_json(reply, 202, item);
    }

    json_object_set_new(item, "wait", wait);

    if (json_array_size(json_object_get(wait, "missing"))) {
        api_header(reply, "Link: </api/wait>; rel=\"monitor\"");
        return api_json(reply, 202, item);
    }

    return api_json(reply, 200, item);
}


void
api_etag_user(api_t *api, api_reply_t *reply, const char *id)
{
    char  revision[CTL_REVISION + 1];

    if (ctl_revision_user(&api->ctl, id, revision) == CTL_OK) {
        api_header(reply, "ETag: \"%s\"", revision);
    }
}


void
api_etag_token(api_t *api, api_reply_t *reply, const char *id)
{
    char  revision[CTL_REVISION + 1];

    if (ctl_revision_token(&api->ctl, id, revision) == CTL_OK) {
        api_header(reply, "ETag: \"%s\"", revision);
    }
}


/* a marker that is written now is heard after all that was changed before */

int
api_wait(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    int      ms, code;
    json_t  *wait;

    ms = OTHER_WAIT;

    if (api_ms(api, request, "for", reply, &ms)) {
        return reply->status;
    }

    code = ctl_wait(&api->ctl, ms, &wait);

    if (code != CTL_OK && code != CTL_FOUND) {
        return api_problem_of(api, reply);
    }

    return api_json(reply, json_array_size(json_object_get(wait, "missing"))
                           ? 202 : 200, wait);
}


int
api_users(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t           *items;
    ctl_list_want_t   want;

    memset(&want, 0, sizeof(want));
    want.role = api_query(request, "role");
    want.type = api_query(request, "type");
    want.state = api_query(request, "state");
    want.limit = api_query(request, "limit");

    items = json_array();

    if (ctl_user_list(&api->ctl, &want, other_collect, items) != CTL_OK) {
        json_decref(items);
        return api_problem_of(api, reply);
    }

    return api_json(reply, 200, json_pack("{s:o,s:n}", "items", items,
                                          "next"));
}


int
api_tokens(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t           *items;
    ctl_list_want_t   want;

    memset(&want, 0, sizeof(want));
    want.user = api_query(request, "user");
    want.env = api_query(request, "env");
    want.type = api_query(request, "type");
    want.state = api_query(request, "state");
    want.expiring = api_query(request, "expiring");
    want.unused = api_query(request, "unused");
    want.sort = api_query(request, "sort");
    want.limit = api_query(request, "limit");

    items = json_array();

    if (ctl_token_list(&api->ctl, &want, other_collect, items) != CTL_OK) {
        json_decref(items);
        return api_problem_of(api, reply);
    }

    return api_json(reply, 200, json_pack("{s:o,s:n}", "items", items,
                                          "next"));
}


static int
other_collect(ctl_t *ctl, json_t *item, void *data)
{
    (void) ctl;

    json_array_append(data, item);

    return CTL_OK;
}


int
api_incident(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    int          code;
    json_t      *json, *report;
    const char  *token, *user;

    token = NULL;
    user = NULL;
    json = NULL;

    const api_member_t  member[] = {
        { "token", API_TEXT, 0, &token, NULL },
        { "user", API_TEXT, 0, &user, NULL }
    };

    if (api_body(request, reply, member, 2, &json)) {
        json_decref(json);
        return reply->status;
    }

    if ((token == NULL) == (user == NULL)) {
        api_problem(reply, 422, "invalid", NULL, "give a token or a user");

    } else {
        code = token ? ctl_incident_token(&api->ctl, token, &report)
                     : ctl_incident_user(&api->ctl, user, &report);

        if (code == CTL_OK || code == CTL_FOUND) {
            api_changed(api, reply, report);

        } else {
            api_problem_of(api, reply);
        }
    }

    json_decref(json);

    return reply->status;
}


int
api_audit(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t       *items;
    ctl_audit_t   audit;

    memset(&audit, 0, sizeof(audit));
    audit.token = api_query(request, "token");
    audit.user = api_query(request, "user");
    audit.since = api_query(request, "since");

    items = json_array();

    if (ctl_audit_begin(&api->ctl, &audit) != CTL_OK
        || ctl_audit_query(&api->ctl, &audit, other_collect, items)
           != CTL_OK)
    {
        json_decref(items);
        return api_problem_of(api, reply);
    }

    return api_json(reply, 200, json_pack("{s:o,s:n}", "items", items,
                                          "next"));
}


/* whoever asks, and the rules that a form has to know */

int
api_meta(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t  *meta, *approval;

    (void) request;

    if (ctl_approval_get(&api->ctl, &approval) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    meta = json_pack("{s:O,s:o,s:{s:s,s:s,s:s}}", "approval",
                     json_object_get(approval, "approval"), "roles",
                     other_roles(api), "you", "user", api->caller.user,
                     "role", api->caller.role, "token", api->caller.token);
    json_decref(approval);

    return api_json(reply, 200, meta);
}


static json_t *
other_roles(api_t *api)
{
    size_t   i;
    json_t  *roles;

    roles = json_array();

    for (i = 0; i < api->ctl.roles.n; i++) {
        json_array_append_new(roles,
                              json_stringn(api->ctl.roles.name[i].data,
                                           api->ctl.roles.name[i].len));
    }

    return roles;
}
