/*
 * The time, the dataset's marker, and its prefix as a pattern.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


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

    code = ctl_command(ctl, CTL_IS_TEXTS, &reply, "TIME");
    if (code != CTL_OK) {
        return code;
    }

    *now = reply->elements ? ctl_number(reply->element[0]->str) : 0;

    freeReplyObject(reply);

    return *now > 0 ? CTL_OK
                    : ctl_fail(ctl, CTL_UNAVAILABLE, "Redis has no clock");
}


int
ctl_meta(ctl_t *ctl, const char *field, char **value)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_VALUES, &reply, "HMGET %smeta schema %s",
                       ctl->prefix, field);
    if (code != CTL_OK) {
        return code;
    }

    if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING
        || strcmp(reply->element[0]->str, STOK_SCHEMA) != 0)
    {
        freeReplyObject(reply);
        return ctl_unready(ctl);
    }

    *value = strdup(reply->element[1]->type == REDIS_REPLY_STRING
                    ? reply->element[1]->str : "");

    freeReplyObject(reply);

    return *value ? CTL_OK : ctl_fail(ctl, CTL_FAILED, "no memory");
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


int
ctl_unready(ctl_t *ctl)
{
    if (ctl->importing) {
        return ctl_fail(ctl, CTL_UNREADY, CTL_UNFINISHED);
    }

    return ctl_fail(ctl, CTL_UNREADY, "no dataset at %s, database %d, prefix "
                    "\"%s\": is --redis right? If so, run service-token init",
                    ctl->where, ctl->db, ctl->prefix);
}
