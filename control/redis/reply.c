/*
 * Checks the types of replies: Redis, or something else at its address, may
 * answer anything to anything.  A reply is read only after it was checked
 * here.
 */


#include "internal.h"


static int ctl_fits_array(const redisReply *reply, size_t n);
static int ctl_fits_texts(const redisReply *reply, int nil);
static int ctl_fits_streams(const redisReply *reply);
static int ctl_fits_entry(const redisReply *reply);


int
ctl_fits(const redisReply *reply, ctl_want_e want)
{
    size_t             i;
    const redisReply  *entries;

    if (reply == NULL) {
        return 0;
    }

    switch (want) {

    case CTL_IS_ANY:
        return 1;

    case CTL_IS_DONE:
        return reply->type != REDIS_REPLY_ERROR;

    case CTL_IS_TEXT:
        return ctl_is_text(reply) || reply->type == REDIS_REPLY_NIL;

    case CTL_IS_INTEGER:
        return reply->type == REDIS_REPLY_INTEGER;

    case CTL_IS_TEXTS:
        return ctl_fits_texts(reply, 0);

    case CTL_IS_PAIRS:
        return ctl_fits_texts(reply, 0) && reply->elements % 2 == 0;

    case CTL_IS_VALUES:
        return ctl_fits_texts(reply, 1);

    case CTL_IS_PAGE:
        return ctl_fits_array(reply, 2) && ctl_is_text(reply->element[0])
               && reply->element[0]->len < CTL_CURSOR
               && ctl_fits_texts(reply->element[1], 0);

    case CTL_IS_ANSWER:
        return reply->type == REDIS_REPLY_ARRAY && reply->elements
               && reply->element && ctl_is_text(reply->element[0]);

    case CTL_IS_STREAMS:
        if (reply->type == REDIS_REPLY_NIL) {
            return 1;
        }

        return ctl_fits_streams(reply);

    case CTL_IS_ENTRIES:
        entries = reply;

        if (entries->type != REDIS_REPLY_ARRAY
            || (entries->elements && entries->element == NULL))
        {
            return 0;
        }

        for (i = 0; i < entries->elements; i++) {
            if (!ctl_fits_entry(entries->element[i])) {
                return 0;
            }
        }

        return 1;
    }

    return 0;
}


int
ctl_is_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING && reply->str;
}


static int
ctl_fits_array(const redisReply *reply, size_t n)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == n
           && reply->element;
}


static int
ctl_fits_texts(const redisReply *reply, int nil)
{
    size_t  i;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || (reply->elements && reply->element == NULL))
    {
        return 0;
    }

    for (i = 0; i < reply->elements; i++) {
        if (!ctl_is_text(reply->element[i])
            && !(nil && reply->element[i]
                 && reply->element[i]->type == REDIS_REPLY_NIL))
        {
            return 0;
        }
    }

    return 1;
}


/* of each its name and entries */

static int
ctl_fits_streams(const redisReply *reply)
{
    size_t             i;
    const redisReply  *stream;

    if (reply->type != REDIS_REPLY_ARRAY
        || (reply->elements && reply->element == NULL))
    {
        return 0;
    }

    for (i = 0; i < reply->elements; i++) {
        stream = reply->element[i];

        if (!ctl_fits_array(stream, 2) || !ctl_is_text(stream->element[0])
            || !ctl_fits(stream->element[1], CTL_IS_ENTRIES))
        {
            return 0;
        }
    }

    return 1;
}


/* an id, and names and values in turn */

static int
ctl_fits_entry(const redisReply *reply)
{
    return ctl_fits_array(reply, 2) && ctl_is_text(reply->element[0])
           && ctl_fits(reply->element[1], CTL_IS_PAIRS);
}
