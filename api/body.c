/*
 * Bodies: one JSON object whose members a table names, or a form.  A member
 * that the table does not know is refused: a typo in a setting that is about
 * security must not be lost.
 */


#include "api.h"
#include "stok_scan.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define BODY_DEPTH  16
#define BODY_DAYS   365


static int body_type(const api_request_t *request, const char *type);
static int body_deep(const char *text, size_t len);
static int body_member(api_reply_t *reply, const api_member_t *member,
    json_t *value, json_t *json);
static int body_days(api_reply_t *reply, const api_member_t *member,
    json_t *value, json_t *json);
static int body_wrong(api_reply_t *reply, const char *name,
    const char *detail);


int
api_body(const api_request_t *request, api_reply_t *reply,
    const api_member_t *member, size_t n, json_t **json)
{
    size_t         i;
    json_t        *value;
    const char    *name;
    json_error_t   error;

    *json = NULL;

    if (!body_type(request, "application/json")) {
        return api_problem(reply, 415, "media-type", NULL,
                           "send application/json");
    }

    if (body_deep(request->body, request->len)) {
        return api_problem(reply, 400, "malformed", NULL, "the body is nested "
                           "deeper than %d", BODY_DEPTH);
    }

    *json = json_loadb(request->body, request->len, JSON_REJECT_DUPLICATES,
                       &error);

    if (!json_is_object(*json)) {
        return api_problem(reply, 400, "malformed", NULL, "%s",
                           *json ? "the body is not an object" : error.text);
    }

    json_object_foreach(*json, name, value) {
        for (i = 0; i < n && strcmp(member[i].name, name) != 0; i++) {
            /* void */
        }

        if (i == n) {
            return body_wrong(reply, name, "there is no such member");
        }
    }

    for (i = 0; i < n; i++) {
        value = json_object_get(*json, member[i].name);

        if (value == NULL) {
            if (member[i].needed) {
                return body_wrong(reply, member[i].name, "it is missing");
            }

        } else if (body_member(reply, &member[i], value, *json)) {
            return reply->status;
        }
    }

    return 0;
}


/* with parameters behind it, or none */

static int
body_type(const api_request_t *request, const char *type)
{
    size_t       len;
    const char  *sent;

    sent = request->param[API_CONTENT_TYPE];
    len = strlen(type);

    return strncasecmp(sent, type, len) == 0
           && (sent[len] == '\0' || sent[len] == ';' || sent[len] == ' ');
}


/* before the parser, which goes down by itself */

static int
body_deep(const char *text, size_t len)
{
    int     quoted;
    size_t  i, depth;

    for (i = 0, depth = 0, quoted = 0; i < len; i++) {

        if (quoted) {
            if (text[i] == '\\') {
                i++;

            } else if (text[i] == '"') {
                quoted = 0;
            }

            continue;
        }

        switch (text[i]) {

        case '"':
            quoted = 1;
            break;

        case '{':
        case '[':
            if (++depth > BODY_DEPTH) {
                return 1;
            }
            break;

        case '}':
        case ']':
            depth -= depth != 0;
            break;
        }
    }

    return 0;
}


static int
body_member(api_reply_t *reply, const api_member_t *member, json_t *value,
    json_t *json)
{
    switch (member->kind) {

    case API_FLAG:
        if (!json_is_boolean(value)) {
            return body_wrong(reply, member->name, "it has to be true or "
                              "false");
        }

        *member->flag = json_is_true(value);
        return 0;

    case API_DAYS:
        return body_days(reply, member, value, json);

    default:
        if (!json_is_string(value)
            || strlen(json_string_value(value)) != json_string_length(value))
        {
            return body_wrong(reply, member->name, "it has to be a text");
        }

        if (api_secret(json_string_value(value))) {
            return body_wrong(reply, member->name, "it holds a plaintext "
                              "token");
        }

        *member->text = json_string_value(value);
        return 0;
    }
}


/* as --expires-in takes it; the text lives as long as the body does */

static int
body_days(api_reply_t *reply, const api_member_t *member, json_t *value,
    json_t *json)
{
    json_int_t   days;
    json_t      *text;
    const char  *never;

    never = json_string_value(value);

    if (never && strcmp(never, "never") == 0) {
        *member->text = never;
        return 0;
    }

    days = json_integer_value(value);

    if (!json_is_integer(value) || days < 1 || days > BODY_DAYS) {
        return body_wrong(reply, member->name, "it has to be a number from 1 "
                          "to 365, or \"never\"");
    }

    text = json_sprintf("%dd", (int) days);
    json_object_set_new(json, member->name, text);
    *member->text = json_string_value(text);

    return 0;
}


static int
body_wrong(api_reply_t *reply, const char *name, const char *detail)
{
    json_t  *facts;

    facts = json_pack("{s:[{s:o,s:s}]}", "errors", "pointer",
                      json_sprintf("/%s", name), "detail", detail);

    return api_problem(reply, 422, "invalid", facts, "%s: %s", name, detail);
}


int
api_secret(const char *text)
{
    size_t        pos;
    stok_token_t  token;

    pos = 0;

    return stok_scan_next(text, strlen(text), &pos, &token) == STOK_OK;
}


int
api_form(const api_request_t *request, api_reply_t *reply,
    const char **name, const char **value, size_t n, char **text)
{
    char    *p, *next, *is;
    size_t   i;

    if (!body_type(request, "application/x-www-form-urlencoded")) {
        return api_problem(reply, 415, "media-type", NULL,
                           "send application/x-www-form-urlencoded");
    }

    *text = malloc(request->len + 1);
    if (*text == NULL) {
        return api_problem(reply, 503, "unavailable", NULL,
                           "there is no memory");
    }

    memcpy(*text, request->body, request->len);
    (*text)[request->len] = '\0';

    if (strlen(*text) != request->len) {
        return api_problem(reply, 400, "malformed", NULL,
                           "the form has a zero");
    }

    for (p = *text; p && *p; p = next) {
        next = strchr(p, '&');
        if (next) {
            *next++ = '\0';
        }

        is = strchr(p, '=');
        if (is) {
            *is++ = '\0';
        }

        if (is == NULL || api_unescape(p, 1) == -1
            || api_unescape(is, 1) == -1)
        {
            return api_problem(reply, 400, "malformed", NULL,
                               "the form cannot be read");
        }

        for (i = 0; i < n; i++) {
            if (strcmp(p, name[i]) != 0) {
                continue;
            }

            if (value[i]) {
                return api_problem(reply, 400, "malformed", NULL,
                                   "%s is set twice", name[i]);
            }

            value[i] = is;
        }
    }

    return 0;
}
