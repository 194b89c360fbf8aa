/*
 * A request: the parameters that nginx sends, path and query.
 *
 * Pure: nothing is allocated.  The set of parameters is fixed: one that is
 * missing, that is unknown or that comes twice means that the configuration is
 * not ours, and then nobody knows what the others mean.
 *
 * The path is the one that the client sent.  Each segment is decoded by
 * itself, so an escaped slash never makes two of one; "." and "..", an empty
 * segment and an escaped zero are refused.
 */


#include "api.h"

#include <string.h>


static int request_params(api_request_t *request, const scgi_head_t *head);
static int request_path(api_request_t *request, char *path);
static int request_query(api_request_t *request, char *query);


static const char  *names[API_PARAMS] = {
    "CONTENT_LENGTH", "SCGI", "REQUEST_METHOD", "REQUEST_URI", "CONTENT_TYPE",
    "ACCEPT", "IF_MATCH", "PREFER", "IDEMPOTENCY_KEY", "ORIGIN",
    "SEC_FETCH_SITE", "HOST", "SCHEME", "REMOTE_ADDR", "REQUEST_ID",
    "SERVICE_TOKEN_ID", "SERVICE_TOKEN_USER", "ST_AUTH"
};


const char *
api_param(size_t i)
{
    return names[i];
}


int
api_request(api_request_t *request, const scgi_head_t *head,
    const char *body)
{
    char  *query;

    memset(request, 0, sizeof(*request));
    request->body = body;
    request->len = head->body;

    if (request_params(request, head) != STOK_OK) {
        return STOK_ERROR;
    }

    request->method = request->param[API_METHOD];

    if (strlen(request->param[API_URI]) >= sizeof(request->path)) {
        return STOK_INVALID;
    }

    strcpy(request->path, request->param[API_URI]);

    query = strchr(request->path, '?');
    if (query) {
        *query++ = '\0';
    }

    if (request_path(request, request->path) != STOK_OK) {
        return STOK_INVALID;
    }

    return query ? request_query(request, query) : STOK_OK;
}


static int
request_params(api_request_t *request, const scgi_head_t *head)
{
    size_t             i;
    const char        *auth;
    const stok_str_t  *value;

    if (head->n != API_PARAMS) {
        return STOK_INVALID;
    }

    for (i = 0; i < API_PARAMS; i++) {
        value = scgi_get(head, names[i]);
        if (value == NULL) {
            return STOK_INVALID;
        }

        request->param[i] = value->data;
    }

    auth = request->param[API_AUTH];

    request->auth = strcmp(auth, "token") == 0 ? API_AUTH_TOKEN
                    : strcmp(auth, "user") == 0 ? API_AUTH_USER
                    : strcmp(auth, "none") == 0 ? API_AUTH_NONE : 0;

    /* whoever let in says whom, or whoever did not says nobody */

    if (request->auth == 0
        || strcmp(request->param[API_SCGI], "1") != 0
        || (request->auth == API_AUTH_TOKEN)
           != (request->param[API_TOKEN][0] != '\0')
        || (request->auth == API_AUTH_NONE)
           != (request->param[API_USER][0] == '\0'))
    {
        return STOK_INVALID;
    }

    return STOK_OK;
}


static int
request_path(api_request_t *request, char *path)
{
    char    *next;
    size_t   n;

    if (*path++ != '/') {
        return STOK_INVALID;
    }

    for (n = 0; path; path = next) {
        next = strchr(path, '/');
        if (next) {
            *next++ = '\0';
        }

        if (*path == '\0' || api_unescape(path, 0) == -1
            || strcmp(path, ".") == 0 || strcmp(path, "..") == 0)
        {
            return STOK_INVALID;
        }

        if (n == 0) {
            if (strcmp(path, "api") != 0) {
                return STOK_INVALID;
            }

        } else if (n > API_SEGMENTS) {
            return STOK_INVALID;

        } else {
            request->segment[n - 1] = path;
        }

        n++;
    }

    request->segments = n - 1;

    return STOK_OK;
}


static int
request_query(api_request_t *request, char *query)
{
    char         *next, *value;
    size_t        i;
    api_query_t  *q;

    for ( /* void */ ; query && *query; query = next) {
        next = strchr(query, '&');
        if (next) {
            *next++ = '\0';
        }

        if (request->queries == API_QUERIES) {
            return STOK_INVALID;
        }

        value = strchr(query, '=');
        if (value == NULL) {
            return STOK_INVALID;
        }

        *value++ = '\0';

        if (api_unescape(query, 1) == -1 || api_unescape(value, 1) == -1) {
            return STOK_INVALID;
        }

        for (i = 0; i < request->queries; i++) {
            if (strcmp(request->query[i].name, query) == 0) {
                return STOK_INVALID;
            }
        }

        q = &request->query[request->queries++];
        q->name = query;
        q->value = value;
    }

    return STOK_OK;
}


const char *
api_query(const api_request_t *request, const char *name)
{
    size_t  i;

    for (i = 0; i < request->queries; i++) {
        if (strcmp(request->query[i].name, name) == 0) {
            return request->query[i].value;
        }
    }

    return NULL;
}


int
api_unescape(char *text, int plus)
{
    char        *out;
    size_t       i;
    int          digit, value;
    const char  *found;

    static const char  hex[] = "0123456789abcdefABCDEF";

    for (out = text; *text; text++) {

        if (*text == '+' && plus) {
            *out++ = ' ';
            continue;
        }

        if (*text != '%') {
            *out++ = *text;
            continue;
        }

        for (i = 0, value = 0; i < 2; i++) {
            text++;
            found = *text ? strchr(hex, *text) : NULL;
            if (found == NULL) {
                return -1;
            }

            digit = (int) (found - hex);
            value = value * 16 + (digit > 15 ? digit - 6 : digit);
        }

        if (value == 0) {
            return -1;
        }

        *out++ = (char) value;
    }

    *out = '\0';

    return 0;
}
