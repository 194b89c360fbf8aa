/*
 * A reply: status, headers and body as SCGI has them.  Always with a length,
 * so that one that is cut off is noticed.
 */


#include "api.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define REPLY_HEAD  2048


static const char *reply_reason(int status);


int
api_json(api_reply_t *reply, int status, json_t *json)
{
    reply->status = status;
    json_decref(reply->json);
    reply->json = json;

    return status;
}


/* a value that does not fit, or that has a line break, is left out */

void
api_header(api_reply_t *reply, const char *format, ...)
{
    int      n;
    char    *p;
    size_t   used, left;
    va_list  ap;

    used = strlen(reply->headers);
    left = sizeof(reply->headers) - used;
    p = reply->headers + used;

    va_start(ap, format);
    n = vsnprintf(p, left, format, ap);
    va_end(ap);

    if (n < 0 || (size_t) n + 3 > left || strpbrk(p, "\r\n")) {
        *p = '\0';
        return;
    }

    memcpy(p + n, "\r\n", 3);
}


void
api_reply_free(api_reply_t *reply)
{
    json_decref(reply->json);

    if (reply->text) {
        OPENSSL_cleanse(reply->text, strlen(reply->text));
        free(reply->text);
    }
}


char *
api_reply_text(const api_request_t *request, api_reply_t *reply,
    size_t *len)
{
    int          n;
    char        *body, *whole;
    size_t       size;
    const char  *id;

    body = reply->text ? strdup(reply->text)
           : reply->json ? json_dumps(reply->json, JSON_ENSURE_ASCII
                                                   | JSON_COMPACT)
           : strdup("");
    if (body == NULL) {
        return NULL;
    }

    size = strlen(body);
    id = request->param[API_ID] ? request->param[API_ID] : "";

    whole = malloc(REPLY_HEAD + size + 2);

    if (whole) {
        n = snprintf(whole, REPLY_HEAD, "Status: %d %s\r\n"
                     "Content-Type: %s\r\nContent-Length: %zu\r\n"
                     "Cache-Control: no-store\r\n"
                     "X-Content-Type-Options: nosniff\r\n"
                     "Service-Token-Request: %.64s\r\n%s\r\n",
                     reply->status, reply_reason(reply->status),
                     reply->type ? reply->type : "application/json",
                     size + (reply->json != NULL), id, reply->headers);

        memcpy(whole + n, body, size);
        *len = (size_t) n + size;

        if (reply->json) {
            whole[(*len)++] = '\n';
        }
    }

    OPENSSL_cleanse(body, size);
    free(body);

    return whole;
}


static const char *
reply_reason(int status)
{
    size_t  i;

    static const struct {
        int          status;
        const char  *reason;
    } reasons[] = {
        { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
        { 204, "No Content" }, { 400, "Bad Request" }, { 403, "Forbidden" },
        { 404, "Not Found" }, { 405, "Method Not Allowed" },
        { 409, "Conflict" }, { 412, "Precondition Failed" },
        { 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
        { 422, "Unprocessable Content" }, { 500, "Internal Server Error" },
        { 503, "Service Unavailable" }
    };

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }

    return "Error";
}
