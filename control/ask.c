/*
 * Questions to Redis: the time, the dataset's marker, and commands whose error
 * is an answer like others: of a key that may have any type, since somebody
 * else may have written it.
 */


#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
ctl_try(ctl_t *ctl, redisReply **reply, const char *format, ...)
{
    int      rc;
    va_list  ap;

    va_start(ap, format);
    rc = redisvAppendCommand(ctl->ctx, format, ap);
    va_end(ap);

    if (rc != REDIS_OK) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    if (redisGetReply(ctl->ctx, (void **) reply) != REDIS_OK) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis went away: %s",
                        ctl->ctx->errstr);
    }

    return CTL_OK;
}


int
ctl_tries(ctl_t *ctl, size_t n, redisReply ***replies)
{
    size_t  i;

    *replies = calloc(n + 1, sizeof(redisReply *));

    if (*replies == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    for (i = 0; i < n; i++) {
        if (redisGetReply(ctl->ctx, (void **) &(*replies)[i]) != REDIS_OK) {
            ctl_tries_free(*replies, i);
            return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis went away: %s",
                            ctl->ctx->errstr);
        }
    }

    return CTL_OK;
}


void
ctl_tries_free(redisReply **replies, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        freeReplyObject(replies[i]);
    }

    free(replies);
}


void
ctl_pattern(const char *prefix, char out[2 * STOK_PREFIX_MAX + 1])
{
    const char  *p;

    for (p = prefix; *p; p++) {
        if (strchr("*?[]^\\", *p)) {
            *out++ = '\\';
        }

        *out++ = *p;
    }

    *out = '\0';
}


int
ctl_now(ctl_t *ctl, int64_t *now)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, &reply, "TIME");
    if (code != CTL_OK) {
        return code;
    }

    *now = reply->type == REDIS_REPLY_ARRAY && reply->elements
           ? ctl_number(reply->element[0]->str) : 0;

    freeReplyObject(reply);

    return *now > 0 ? CTL_OK
                    : ctl_fail(ctl, CTL_UNAVAILABLE, "Redis has no clock");
}


int
ctl_meta(ctl_t *ctl, const char *field, char **value)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, &reply, "HMGET %smeta schema %s", ctl->prefix,
                       field);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || strcmp(reply->element[0]->str, STOK_SCHEMA) != 0)
    {
        freeReplyObject(reply);
        return ctl_fail(ctl, CTL_UNREADY, "no dataset at \"%s\": "
                        "run service-token init", ctl->prefix);
    }

    *value = strdup(reply->element[1]->type == REDIS_REPLY_STRING
                    ? reply->element[1]->str : "");

    freeReplyObject(reply);

    return *value ? CTL_OK : ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
}


int
ctl_ready(ctl_t *ctl)
{
    int    code;
    char  *brand;

    code = ctl_meta(ctl, "brand", &brand);

    if (code == CTL_OK) {
        free(brand);
    }

    return code;
}
