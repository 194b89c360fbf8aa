/*
 * From a request to an operation: which route it is, who may call it, and
 * whether a page of another site sends it.
 *
 * nginx has checked the token.  Here the records are read again, so that a
 * demotion is in force at once, and a location with the wrong role still lets
 * nobody do more than their role does.
 */


#include "api.h"

#include <stdio.h>
#include <string.h>


#define ROUTE_WAIT  60000                        /* ms that a worker is held */


static const api_route_t  routes[] = {
    { "GET", "meta", API_ANY, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_meta },
    { "POST", "wait", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0, "for",
      api_wait },

    { "GET", "users", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "role type state limit", api_users },
    { "POST", "users", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_user_create },
    { "GET", "users/{}", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_user },
    { "PATCH", "users/{}", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0, "wait",
      api_user_describe },
    { "PUT", "users/{}/role", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "wait", api_user_role },
    { "PUT", "users/{}/status", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "wait", api_user_status },
    { "POST", "users/{}/approve", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "wait", api_user_approve },
    { "POST", "users/{}/revoke-all", API_DO, API_AUTH_TOKEN | API_AUTH_USER,
      0, "wait", api_user_revoke },
    { "DELETE", "users/{}", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0, "wait",
      api_user_delete },

    { "GET", "tokens", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "user env type state expiring unused sort limit", api_tokens },
    { "POST", "tokens", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_token_create },
    { "GET", "tokens/{}", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_token },
    { "POST", "tokens/{}/rotate", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "", api_token_rotate },
    { "GET", "tokens/{}/rotation", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "", api_token_rotation },
    { "POST", "tokens/{}/revoke", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "wait", api_token_revoke },
    { "POST", "tokens/{}/restore", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "wait", api_token_restore },
    { "DELETE", "tokens/{}", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "force wait", api_token_delete },

    { "GET", "token", API_ANY, API_AUTH_TOKEN, 1, "", api_self },
    { "DELETE", "token", API_ANY, API_AUTH_TOKEN, 1, "wait",
      api_self_revoke },
    { "POST", "introspect", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0, "",
      api_introspect },
    { "POST", "revoke", API_ANY, API_AUTH_NONE, 0, "", api_revoke },

    { "POST", "incidents", API_DO, API_AUTH_TOKEN | API_AUTH_USER, 0, "wait",
      api_incident },
    { "GET", "audit", API_SEE, API_AUTH_TOKEN | API_AUTH_USER, 0,
      "token user since limit", api_audit },
    { NULL, NULL, API_ANY, 0, 0, NULL, NULL }
};


static const api_route_t *route_find(const api_request_t *request,
    char allow[64]);
static int route_is(const char *path, const api_request_t *request);
static int route_word(const char *words, const char *word);
static int route_words(const api_route_t *route,
    const api_request_t *request, api_reply_t *reply);
static int route_site(const api_request_t *request, api_reply_t *reply);
static int route_caller(api_t *api, const api_route_t *route,
    const api_request_t *request, api_reply_t *reply);
static int route_match(api_t *api, const api_route_t *route,
    const api_request_t *request, api_reply_t *reply);


const api_route_t *
api_route(size_t i)
{
    return i < sizeof(routes) / sizeof(routes[0]) - 1 ? &routes[i] : NULL;
}


void
api_answer(api_t *api, const api_request_t *request, api_reply_t *reply)
{
    char                allow[64];
    const api_route_t  *route;

    route = route_find(request, allow);

    if (route == NULL) {

        if (allow[0] == '\0') {
            api_problem(reply, 404, "not-found", NULL, "there is no such "
                        "path");
            return;
        }

        api_header(reply, "Allow: %s", allow);
        api_problem(reply, 405, "method", NULL, "it takes %s", allow);
        return;
    }

    /* a location without the check, or with another one */

    if (!(route->auth & request->auth)) {
        api_log("%s %s: ST_AUTH is \"%s\" there: see control.conf",
                request->method, route->path, request->param[API_AUTH]);
        api_problem(reply, 500, "configuration", NULL, "the log of the server "
                    "says more");
        return;
    }

    if (route_site(request, reply) || route_words(route, request, reply)
        || route_caller(api, route, request, reply)
        || api_ms(api, request, "wait", reply, &api->ms)
        || route_match(api, route, request, reply))
    {
        return;
    }

    (void) route->run(api, request, reply);
}


/* allow: methods that the path has */

static const api_route_t *
route_find(const api_request_t *request, char allow[64])
{
    size_t  i;

    allow[0] = '\0';

    for (i = 0; routes[i].method; i++) {

        if (!route_is(routes[i].path, request)) {
            continue;
        }

        if (strcmp(routes[i].method, request->method) == 0) {
            return &routes[i];
        }

        snprintf(allow + strlen(allow), 64 - strlen(allow), "%s%s",
                 allow[0] ? ", " : "", routes[i].method);
    }

    return NULL;
}


static int
route_is(const char *path, const api_request_t *request)
{
    size_t       i, len;
    const char  *segment;

    for (i = 0; i < request->segments; i++) {
        segment = request->segment[i];
        len = strcspn(path, "/");

        if (len == 0
            || (strncmp(path, "{}", len) != 0
                && (strlen(segment) != len
                    || strncmp(path, segment, len) != 0)))
        {
            return 0;
        }

        path += len + (path[len] == '/');
    }

    return i && *path == '\0';
}


/* one of the words, which have a blank between them */

static int
route_word(const char *words, const char *word)
{
    size_t  len;

    for (len = strlen(word); *words; words += *words == ' ') {

        if (len && strcspn(word, " ") == len && strncmp(words, word, len) == 0
            && (words[len] == ' ' || words[len] == '\0'))
        {
            return 1;
        }

        words += strcspn(words, " ");
    }

    return 0;
}


/* of the path and the query */

static int
route_words(const api_route_t *route, const api_request_t *request,
    api_reply_t *reply)
{
    size_t  i;

    /* it would be asked for in Redis, and somebody there might hear it */

    for (i = 0; i < request->segments; i++) {
        if (api_secret(request->segment[i])) {
            return api_problem(reply, 422, "invalid", NULL, "the path holds a "
                               "plaintext token");
        }
    }

    for (i = 0; i < request->queries; i++) {
        if (api_secret(request->query[i].value)) {
            return api_problem(reply, 422, "invalid", NULL, "the query holds "
                               "a plaintext token");
        }

        if (!route_word(route->query, request->query[i].name)) {
            return api_problem(reply, 422, "invalid", NULL,
                               "there is no parameter \"%s\"",
                               request->query[i].name);
        }
    }

    return 0;
}


/*
 * A page of another site may send a request that a browser adds the sign-in
 * to.  Browsers say so; other clients say nothing.
 */

static int
route_site(const api_request_t *request, api_reply_t *reply)
{
    const char  *site, *origin, *host;

    if (strcmp(request->method, "GET") == 0) {
        return 0;
    }

    site = request->param[API_SEC_FETCH_SITE];
    origin = request->param[API_ORIGIN];

    if (*site ? strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0
              : *origin == '\0')
    {
        return 0;
    }

    host = strstr(origin, "://");

    if (*site == '\0' && host
        && strcmp(host + 3, request->param[API_HOST]) == 0)
    {
        return 0;
    }

    return api_problem(reply, 403, "cross-origin", NULL, "a page of another "
                       "site sends this request");
}


static int
route_caller(api_t *api, const api_route_t *route,
    const api_request_t *request, api_reply_t *reply)
{
    int                code;
    ctl_t             *ctl;
    const char        *scope;
    ctl_caller_t      *caller;
    ctl_caller_want_t  want;

    ctl = &api->ctl;
    caller = &api->caller;

    ctl->via_addr = request->param[API_ADDR];
    ctl->via_request = request->param[API_ID];

    if (request->auth == API_AUTH_NONE) {
        memset(caller, 0, sizeof(*caller));
        ctl->actor = "anybody";
        return 0;
    }

    memset(&want, 0, sizeof(want));
    want.token = request->auth == API_AUTH_TOKEN ? request->param[API_TOKEN]
                                                 : NULL;
    want.user = request->param[API_USER];
    want.addr = request->param[API_ADDR];
    want.role = route->rank == API_ANY ? 0
                : route->rank == API_SEE ? api->see : api->act;
    scope = route->self ? NULL : "console";
    want.scope = scope;

    code = ctl_caller(ctl, &want, caller);

    if (code == CTL_NOTFOUND || code == CTL_BROKEN || code == CTL_FORBIDDEN) {
        return api_problem(reply, 403, "not-allowed", NULL, "you are not a "
                           "user of this dataset any more");
    }

    if (code != CTL_OK) {
        return api_problem_of(api, reply);
    }

    if (caller->verdict == STOK_ROLE) {
        return api_problem(reply, 403, "not-allowed",
                           json_pack("{s:s%}", "role_needed",
                                     ctl->roles.name[want.role].data,
                                     ctl->roles.name[want.role].len),
                           "your role does not allow this");
    }

    if (caller->verdict != STOK_ALLOWED) {
        return api_problem(reply, 403, "not-allowed", NULL, "your token does "
                           "not allow this");
    }

    ctl->actor = caller->user;
    ctl->via_token = caller->token;

    return 0;
}


int
api_ms(api_t *api, const api_request_t *request, const char *name,
    api_reply_t *reply, int *ms)
{
    int64_t      left;
    const char  *text;

    text = api_query(request, name);
    if (text == NULL) {
        return 0;
    }

    if (ctl_time_left(&api->ctl, "wait", text, &left) != CTL_OK) {
        return api_problem_of(api, reply);
    }

    /* a few that wait for long would hold every worker */

    if (left > ROUTE_WAIT) {
        return api_problem(reply, 422, "invalid", NULL, "a request waits for "
                           "a minute at most");
    }

    *ms = (int) left;

    return 0;
}


/*
 * If-Match, of a change.  Some operations compare again as they write; none
 * goes on if the record is not the one that was read, and a route that is of
 * no record has no revision that could match.
 */

static int
route_match(api_t *api, const api_route_t *route,
    const api_request_t *request, api_reply_t *reply)
{
    int          code;
    char         revision[CTL_REVISION + 1];
    size_t       len;
    const char  *text, *id;

    static char  match[CTL_REVISION + 1];

    text = request->param[API_IF_MATCH];
    len = strlen(text);

    if (len == 0 || strcmp(text, "*") == 0
        || strcmp(request->method, "GET") == 0)
    {
        return 0;
    }

    id = request->segment[1];
    revision[0] = '\0';
    code = CTL_OK;

    if (strncmp(route->path, "users/{}", 8) == 0) {
        code = ctl_revision_user(&api->ctl, id, revision);

    } else if (strncmp(route->path, "tokens/{}", 9) == 0) {
        code = ctl_revision_token(&api->ctl, id, revision);
    }

    if (code != CTL_OK) {
        return api_problem_of(api, reply);
    }

    if (revision[0] == '\0' || len != CTL_REVISION + 2 || text[0] != '"'
        || text[len - 1] != '"'
        || strncmp(text + 1, revision, CTL_REVISION) != 0)
    {
        return api_problem(reply, 412, "revision", NULL, "it has changed "
                           "since you read it");
    }

    memcpy(match, revision, sizeof(match));
    api->ctl.match = match;

    return 0;
}
