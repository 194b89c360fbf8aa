/*
 * /api/users
 */


#include "api.h"

#include <string.h>


static int user_reply(api_t *api, api_reply_t *reply, int code,
    json_t *user);
static int user_myself(api_t *api, const char *id, int self,
    api_reply_t *reply);


int
api_user_create(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int             code;
    json_t         *json, *user;
    ctl_user_new_t  new;

    memset(&new, 0, sizeof(new));
    user = NULL;

    const api_member_t  member[] = {
        { "name", API_TEXT, 1, &new.name, NULL },
        { "purpose", API_TEXT, 0, &new.purpose, NULL },
        { "owner", API_TEXT, 0, &new.owner, NULL },
        { "role", API_TEXT, 0, &new.role, NULL },
        { "use_case", API_TEXT, 0, &new.use_case, NULL },
        { "human", API_FLAG, 0, NULL, &new.human }
    };

    code = api_body(request, reply, member,
                    sizeof(member) / sizeof(member[0]), &json);

    if (code == 0) {
        code = ctl_user_create(&api->ctl, &new, &user);

        if (code == CTL_OK) {
            api_header(reply, "Location: /api/users/%s", new.id);
            api_etag_user(api, reply, new.id);
            api_json(reply, 201, user);

        } else {
            api_problem_of(api, reply);
        }
    }

    json_decref(json);

    return reply->status;
}


int
api_user(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t  *user;

    if (ctl_user_get(&api->ctl, request->segment[1], &user) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    api_etag_user(api, reply, request->segment[1]);

    return api_json(reply, 200, user);
}


int
api_user_describe(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int          code;
    json_t      *json, *user;
    const char  *purpose, *owner;

    purpose = NULL;
    owner = NULL;
    user = NULL;

    const api_member_t  member[] = {
        { "purpose", API_TEXT, 0, &purpose, NULL },
        { "owner", API_TEXT, 0, &owner, NULL }
    };

    if (api_body(request, reply, member, 2, &json) == 0) {
        code = ctl_user_describe(&api->ctl, request->segment[1], purpose,
                                 owner, &user);
        user_reply(api, reply, code, user);
    }

    json_decref(json);

    return reply->status;
}


int
api_user_role(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    int          self, code;
    json_t      *json, *user;
    const char  *role;

    role = NULL;
    user = NULL;
    self = 0;

    const api_member_t  member[] = {
        { "role", API_TEXT, 1, &role, NULL },
        { "self", API_FLAG, 0, NULL, &self }
    };

    if (api_body(request, reply, member, 2, &json) == 0
        && user_myself(api, request->segment[1], self, reply) == 0)
    {
        code = ctl_user_set_role(&api->ctl, request->segment[1], role, &user);
        user_reply(api, reply, code, user);
    }

    json_decref(json);

    return reply->status;
}


/* the same as it is already: nothing is changed, and that is right */

int
api_user_status(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int          self, on, code;
    json_t      *json, *user;
    const char  *id, *status;

    id = request->segment[1];
    status = NULL;
    user = NULL;
    self = 0;

    const api_member_t  member[] = {
        { "status", API_TEXT, 1, &status, NULL },
        { "self", API_FLAG, 0, NULL, &self }
    };

    if (api_body(request, reply, member, 2, &json)) {
        json_decref(json);
        return reply->status;
    }

    on = strcmp(status, "active") == 0;

    if (!on && strcmp(status, "disabled") != 0) {
        api_problem(reply, 422, "invalid", NULL, "status is active or "
                    "disabled");

    } else if (on || user_myself(api, id, self, reply) == 0) {
        code = on ? ctl_user_enable(&api->ctl, id, &user)
                  : ctl_user_disable(&api->ctl, id, &user);
        user_reply(api, reply, code, user);
    }

    json_decref(json);

    return reply->status;
}


int
api_user_approve(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int      code;
    json_t  *user;

    user = NULL;
    code = ctl_user_approve(&api->ctl, request->segment[1], &user);

    if (code == CTL_FORBIDDEN) {
        (void) ctl_named(&api->ctl, "four-eyes");
    }

    return user_reply(api, reply, code, user);
}


int
api_user_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    const char    *id;
    ctl_effect_t   done;

    id = request->segment[1];

    if (user_myself(api, id, 0, reply)) {
        return reply->status;
    }

    if (ctl_user_revoke_all(&api->ctl, id, &done) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    return api_changed(api, reply, json_pack("{s:s,s:I}", "user", id,
                                             "revoked",
                                             (json_int_t) done.active));
}


int
api_user_delete(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int      code;
    json_t  *user;

    user = NULL;

    if (user_myself(api, request->segment[1], 0, reply)) {
        return reply->status;
    }

    code = ctl_user_delete(&api->ctl, request->segment[1], &user);

    return user_reply(api, reply, code, user);
}


static int
user_reply(api_t *api, api_reply_t *reply, int code, json_t *user)
{
    if (code != CTL_OK) {
        return api_problem_of(api, reply);
    }

    api_etag_user(api, reply, ctl_text(user, "id"));

    return api_changed(api, reply, user);
}


/* a caller has to say so to lock itself out; the command need not */

static int
user_myself(api_t *api, const char *id, int self, api_reply_t *reply)
{
    if (self || strcmp(id, api->caller.user) != 0) {
        return 0;
    }

    return api_problem(reply, 409, "would-lock-you-out", NULL, "you are %s: "
                       "say \"self\": true, or use service-token", id);
}
