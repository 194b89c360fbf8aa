/*
 * Long work: how far it is, and whether it is to end.
 */


#include "internal.h"


int
ctl_step(ctl_t *ctl, int64_t done, int64_t total)
{
    if (ctl->progress) {
        ctl->progress(ctl->progress_data, done, total);
    }

    return ctl->stop ? ctl_fail(ctl, CTL_STOPPED, "stopped") : CTL_OK;
}


/* by the indexes; it is only for the bar, so what is wrong counts nothing */

int
ctl_total(ctl_t *ctl, int64_t *users, int64_t *tokens)
{
    int          i, code;
    redisReply  *reply;

    *users = 0;
    *tokens = 0;

    for (i = 0; i < 2; i++) {
        code = ctl_command(ctl, CTL_IS_ANY, &reply, "ZCARD %s%s", ctl->prefix,
                           i ? "tokens" : "users");
        if (code != CTL_OK) {
            return code;
        }

        if (reply->type == REDIS_REPLY_INTEGER) {
            *(i ? tokens : users) = reply->integer;
        }

        freeReplyObject(reply);
    }

    return CTL_OK;
}
