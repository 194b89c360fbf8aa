/*
 * The operations of a token on itself, and introspection and revocation by
 * whoever holds a token.
 *
 * A token about itself is not told addresses, locations or first uses: whoever
 * stole it would learn where its owner sits.  Introspection answers one thing
 * for everything that is not accepted.
 */


#include "api.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>


#define SELF_ROTATE  (30 * CTL_DAY)              /* before the end */


static int self_introspect(api_t *api, json_t *answer, json_t **json);


int
api_self(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    size_t       i;
    int64_t      expires;
    json_t      *token, *self;
    const char  *to;

    static const char  *names[] = {
        "id", "name", "user", "type", "scope", "env", "created_at",
        "expires_at", "state"
    };

    (void) request;

    if (ctl_token_get(&api->ctl, api->caller.token, &token) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    self = json_object();

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_object_set(self, names[i], json_object_get(token, names[i]));
    }

    expires = json_integer_value(json_object_get(token, "expires_at"));
    to = ctl_text(token, "rotated_to");

    json_object_set_new(self, "role", json_string(api->caller.role));
    json_object_set_new(self, "rotate_after",
                        expires ? json_integer(expires - SELF_ROTATE)
                                : json_null());
    json_object_set_new(self, "successor", json_boolean(to[0] != '\0'));
    json_decref(token);

    return api_json(reply, 200, self);
}


int
api_self_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    (void) request;

    if (ctl_token_revoke(&api->ctl, api->caller.token, NULL) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    return api_changed(api, reply, json_pack("{s:s,s:s}", "id",
                                             api->caller.token, "status",
                                             "revoked"));
}


/* RFC 7662; not a use: Last Used stays */

int
api_introspect(api_t *api, const api_request_t *request,
    api_reply_t *reply)
{
    int              code;
    char            *text;
    json_t          *json, *answer;
    stok_require_t   require;

    static const char  *name[] = { "token", "role", "scope", "type",
                                   "token_type_hint" };
    const char         *value[] = { NULL, NULL, NULL, NULL, NULL };

    text = NULL;
    answer = NULL;

    if (api_form(request, reply, name, value, 5, &text)) {
        goto done;
    }

    if (value[0] == NULL) {
        api_problem(reply, 422, "invalid", NULL, "token is missing");
        goto done;
    }

    code = ctl_check_require(&api->ctl, value[1], value[2], value[3],
                             &require);

    if (code == CTL_OK) {
        code = ctl_check(&api->ctl, value[0], strlen(value[0]), &require,
                         &answer);
    }

    if (code == CTL_OK) {
        code = self_introspect(api, answer, &json);
    }

    if (code == CTL_FOUND || code == CTL_NOTFOUND) {
        json = json_pack("{s:b}", "active", 0);
        code = CTL_OK;
    }

    (void) (code == CTL_OK ? api_json(reply, 200, json)
                           : api_problem_of(api, reply));

done:

    json_decref(answer);

    if (text) {
        OPENSSL_cleanse(text, request->len);
        free(text);
    }

    return reply->status;
}


/* without "exp" an answer would be kept too long: it needs the record */

static int
self_introspect(api_t *api, json_t *answer, json_t **json)
{
    int          code;
    json_t      *token;
    json_int_t   expires;
    const char  *user;

    code = ctl_token_get(&api->ctl, ctl_text(answer, "id"), &token);
    if (code != CTL_OK) {
        return code;
    }

    user = ctl_text(answer, "user");
    expires = json_integer_value(json_object_get(token, "expires_at"));

    *json = json_pack("{s:b,s:s,s:s,s:s,s:s,s:s}", "active", 1, "sub", user,
                      "client_id", user, "scope", ctl_text(answer, "role"),
                      "token_type", "Bearer", "jti", ctl_text(answer, "id"));

    json_object_set(*json, "iat", json_object_get(token, "created_at"));
    json_object_set(*json, "env", json_object_get(token, "env"));

    if (expires) {
        json_object_set_new(*json, "exp", json_integer(expires));
    }

    json_decref(token);

    return CTL_OK;
}


/*
 * RFC 7009, by possession: 200 for a token that is unknown as for one that is
 * revoked.  One that could not be revoked is never said to be.
 */

int
api_revoke(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    int      code;
    char    *text;
    json_t  *entry;

    static const char  *name[] = { "token", "token_type_hint" };
    const char         *value[] = { NULL, NULL };

    text = NULL;

    if (api_form(request, reply, name, value, 2, &text) == 0) {

        if (value[0] == NULL) {
            api_problem(reply, 422, "invalid", NULL, "token is missing");

        } else {
            entry = json_object();

            code = ctl_leak(&api->ctl, value[0], strlen(value[0]), entry);

            if (code == CTL_OK) {
                api_json(reply, 200, NULL);

            } else {
                api_log("a token was not revoked: %s", api->ctl.error.text);
                api_problem(reply, 503, "unavailable", NULL, "try again in a "
                            "moment");
            }

            json_decref(entry);
        }
    }

    if (text) {
        OPENSSL_cleanse(text, request->len);
        free(text);
    }

    return reply->status;
}
