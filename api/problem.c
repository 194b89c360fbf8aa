/*
 * Problems: RFC 9457.  The type is a stable name, the detail is the text that
 * the command prints, facts are members.
 */


#include "api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


static const struct {
    const char  *type;
    const char  *title;
} problem_titles[] = {
    { "malformed", "The request cannot be read" },
    { "invalid", "A value is not allowed" },
    { "not-allowed", "Your role does not allow this" },
    { "four-eyes", "Another person has to do this" },
    { "forbidden", "This is not allowed" },
    { "cross-origin", "The request comes from another site" },
    { "not-found", "There is no such thing" },
    { "method", "The path does not take this method" },
    { "media-type", "The body has to be of another type" },
    { "too-large", "The body is too large" },
    { "user-exists", "The user exists already" },
    { "name-taken", "The name is taken" },
    { "rotated-already", "The token was rotated already" },
    { "conflict", "There is one already" },
    { "state", "Its state does not allow this" },
    { "watched", "It is watched for a while" },
    { "broken", "The record cannot be used" },
    { "would-lock-you-out", "You would lock yourself out" },
    { "revision", "It has changed since you read it" },
    { "key-reused", "The key was used for another request" },
    { "too-late-to-reissue", "The token is in use already" },
    { "busy", "Too many of these are under way" },
    { "unavailable", "Redis cannot be reached" },
    { "no-dataset", "There is no dataset" },
    { "configuration", "The server is not set up right" }
};


int
api_problem(api_reply_t *reply, int status, const char *type,
    json_t *facts, const char *format, ...)
{
    char         detail[1024];
    size_t       i;
    va_list      ap;
    json_t      *json;
    const char  *title;

    va_start(ap, format);
    vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);

    /* it may quote the request, and may be cut within a letter */

    detail[api_plain(detail, detail, strlen(detail))] = '\0';

    title = "";

    for (i = 0; i < sizeof(problem_titles) / sizeof(problem_titles[0]); i++) {
        if (strcmp(problem_titles[i].type, type) == 0) {
            title = problem_titles[i].title;
        }
    }

    json = json_object();
    json_object_set_new(json, "type",
                        json_sprintf("urn:service-token:%s", type));
    json_object_set_new(json, "title", json_string(title));
    json_object_set_new(json, "status", json_integer(status));
    json_object_set_new(json, "detail", json_string(detail));

    if (facts) {
        json_object_update(json, facts);
        json_decref(facts);
    }

    reply->type = "application/problem+json";

    if (status == 503) {
        api_header(reply, "Retry-After: 1");
    }

    return api_json(reply, status, json);
}


int
api_problem_of(api_t *api, api_reply_t *reply)
{
    int           status;
    const char   *type;
    ctl_error_t  *error;

    error = &api->ctl.error;

    switch (error->kind) {

    case CTL_INVALID:
    case CTL_REJECTED:
        status = 422;
        type = "invalid";
        break;

    case CTL_NOTFOUND:
        status = 404;
        type = "not-found";
        break;

    case CTL_CONFLICT:
        status = 409;
        type = "conflict";
        break;

    case CTL_STATE:
        status = 409;
        type = "state";
        break;

    case CTL_FORBIDDEN:
        status = 403;
        type = "forbidden";
        break;

    case CTL_BROKEN:
        status = 409;
        type = "broken";
        break;

    case CTL_KEYLESS:
        status = 500;
        type = "configuration";
        break;

    case CTL_UNREADY:
        status = 503;
        type = "no-dataset";
        break;

    case CTL_CHANGED:
        status = api->ctl.match ? 412 : 409;
        type = "revision";
        break;

    default:
        status = 503;
        type = "unavailable";
    }

    if (error->what) {
        type = error->what;
    }

    /* what Redis or the machine says is for the log, not for the caller */

    if (status >= 500) {
        api_log("%s%s%s", error->text, error->hint[0] ? ": " : "",
                error->hint);
        return api_problem(reply, status, type, NULL, "%s",
                           status == 500 ? "the log of the server says more"
                           : strcmp(type, "no-dataset") == 0
                             ? "run service-token init"
                             : "try again in a moment");
    }

    return api_problem(reply, status, type,
                       error->hint[0] ? json_pack("{s:s}", "hint",
                                                  error->hint) : NULL,
                       "%s", error->text);
}
