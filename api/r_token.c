/*
 * /api/tokens
 *
 * HTTP cannot deliver before it writes, as the command does: a reply may be
 * lost once the token is made.  So a rotation leaves the predecessor's life as
 * it is.
 */


#include "api.h"

#include <openssl/crypto.h>
#include <string.h>


typedef struct {
    char     token[STOK_TOKEN_MAX + 1];
    json_t  *json;
} token_made_t;


static int token_deliver(ctl_t *ctl, const ctl_new_t *new, void *data);
static int token_made(api_t *api, api_reply_t *reply, int code,
    token_made_t *made);
static int token_reply(api_t *api, api_reply_t *reply, int code,
    json_t *token);
static int token_mine(api_t *api, const char *id, api_reply_t *reply);


int
api_token_create(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    json_t           *json;
    token_made_t      made;
    ctl_deliver_t     deliver = { token_deliver, NULL, NULL, &made };
    ctl_token_new_t   new;

    memset(&new, 0, sizeof(new));
    memset(&made, 0, sizeof(made));

    const api_member_t  member[] = {
        { "user", API_TEXT, 1, &new.user, NULL },
        { "name", API_TEXT, 1, &new.name, NULL },
        { "env", API_TEXT, 1, &new.env, NULL },
        { "expires_in_days", API_DAYS, 0, &new.expires_in, NULL },
        { "scim_only", API_FLAG, 0, NULL, &new.scim }
    };

    if (api_body(request, reply, member, sizeof(member) / sizeof(member[0]),
                 &json) == 0)
    {
        token_made(api, reply, ctl_token_create(&api->ctl, &new, &deliver),
                   &made);
    }

    json_decref(json);

    return reply->status;
}


int
api_token_rotate(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    json_t           *json;
    token_made_t      made;
    ctl_deliver_t     deliver = { token_deliver, NULL, NULL, &made };
    ctl_token_new_t   new;

    memset(&new, 0, sizeof(new));
    memset(&made, 0, sizeof(made));

    const api_member_t  member[] = {
        { "name", API_TEXT, 0, &new.name, NULL },
        { "overlap", API_TEXT, 0, &new.overlap, NULL },
        { "expires_in_days", API_DAYS, 0, &new.expires_in, NULL }
    };

    if (api_body(request, reply, member, sizeof(member) / sizeof(member[0]),
                 &json) == 0)
    {
        token_made(api, reply,
                   ctl_token_rotate(&api->ctl, request->segment[1], &new,
                                    &deliver), &made);
    }

    json_decref(json);

    return reply->status;
}


/* kept until it is written */

static int
token_deliver(ctl_t *ctl, const ctl_new_t *new, void *data)
{
    token_made_t  *made = data;

    strcpy(made->token, new->token);
    json_decref(made->json);
    made->json = ctl_new_json(ctl, new);

    return CTL_OK;
}


static int
token_made(api_t *api, api_reply_t *reply, int code, token_made_t *made)
{
    const char  *id;

    if (code == CTL_OK) {
        id = ctl_text(made->json, "id");
        json_object_set_new(made->json, "token", json_string(made->token));
        api_header(reply, "Location: /api/tokens/%s", id);
        api_json(reply, 201, json_incref(made->json));

    } else {
        api_problem_of(api, reply);
    }

    json_decref(made->json);
    OPENSSL_cleanse(made, sizeof(*made));

    return reply->status;
}


int
api_token(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    json_t  *token;

    if (ctl_token_get(&api->ctl, request->segment[1], &token) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    api_etag_token(api, reply, request->segment[1]);

    return api_json(reply, 200, token);
}


int
api_token_rotation(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int      code;
    json_t  *rotation;

    code = ctl_token_rotation(&api->ctl, request->segment[1], &rotation);

    if (code != CTL_OK && code != CTL_FOUND) {
        return api_problem_of(api, reply);
    }

    return api_json(reply, 200, rotation);
}


int
api_token_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int      code;
    json_t  *token;

    token = NULL;

    if (token_mine(api, request->segment[1], reply)) {
        return reply->status;
    }

    code = ctl_token_revoke(&api->ctl, request->segment[1], &token);

    return token_reply(api, reply, code, token);
}


int
api_token_restore(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int      code;
    json_t  *token;

    token = NULL;

    code = ctl_token_restore(&api->ctl, request->segment[1], &token);

    return token_reply(api, reply, code, token);
}


int
api_token_delete(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int          code;
    const char  *id, *force;

    id = request->segment[1];
    force = api_query(request, "force");

    if (token_mine(api, id, reply)) {
        return reply->status;
    }

    if (force && strcmp(force, "true") != 0) {
        return api_problem(reply, 422, "invalid", NULL, "force is true, or is "
                           "not there");
    }

    code = ctl_token_delete(&api->ctl, id, force != NULL);

    if (code != CTL_OK) {
        return api_problem_of(api, reply);
    }

    return api_changed(api, reply, json_pack("{s:s,s:b}", "id", id,
                                             "deleted", 1));
}


static int
token_reply(api_t *api, api_reply_t *reply, int code, json_t *token)
{
    if (code != CTL_OK) {
        return api_problem_of(api, reply);
    }

    api_etag_token(api, reply, ctl_text(token, "id"));

    return api_changed(api, reply, token);
}


static int
token_mine(api_t *api, const char *id, api_reply_t *reply)
{
    if (strcmp(id, api->caller.token) != 0) {
        return 0;
    }

    return api_problem(reply, 409, "would-lock-you-out", NULL, "you are using "
                       "this token: DELETE /api/token revokes it");
}
