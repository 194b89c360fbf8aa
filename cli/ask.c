/*
 * Questions to Redis: the time, the dataset's marker, and commands whose error
 * is an answer like others: of a key that may have any type, since somebody
 * else may have written it.
 */


#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
cli_try(cli_t *cli, redisReply **reply, const char *format, ...)
{
    int      rc;
    va_list  ap;

    va_start(ap, format);
    rc = redisvAppendCommand(cli->ctx, format, ap);
    va_end(ap);

    if (rc != REDIS_OK) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    if (redisGetReply(cli->ctx, (void **) reply) != REDIS_OK) {
        return cli_fail(CLI_UNAVAILABLE, "Redis went away: %s",
                        cli->ctx->errstr);
    }

    return CLI_OK;
}


int
cli_tries(cli_t *cli, size_t n, redisReply ***replies)
{
    size_t  i;

    *replies = calloc(n + 1, sizeof(redisReply *));

    if (*replies == NULL) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    for (i = 0; i < n; i++) {
        if (redisGetReply(cli->ctx, (void **) &(*replies)[i]) != REDIS_OK) {
            cli_tries_free(*replies, i);
            return cli_fail(CLI_UNAVAILABLE, "Redis went away: %s",
                            cli->ctx->errstr);
        }
    }

    return CLI_OK;
}


void
cli_tries_free(redisReply **replies, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        freeReplyObject(replies[i]);
    }

    free(replies);
}


void
cli_pattern(const char *prefix, char out[2 * STOK_PREFIX_MAX + 1])
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
cli_now(cli_t *cli, int64_t *now)
{
    int          code;
    redisReply  *reply;

    code = cli_command(cli, &reply, "TIME");
    if (code != CLI_OK) {
        return code;
    }

    *now = reply->type == REDIS_REPLY_ARRAY && reply->elements
           ? cli_number(reply->element[0]->str) : 0;

    freeReplyObject(reply);

    return *now > 0 ? CLI_OK
                    : cli_fail(CLI_UNAVAILABLE, "Redis has no clock");
}


int
cli_meta(cli_t *cli, const char *field, char **value)
{
    int          code;
    redisReply  *reply;

    code = cli_command(cli, &reply, "HMGET %smeta schema %s", cli->prefix,
                       field);
    if (code != CLI_OK) {
        return code;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || strcmp(reply->element[0]->str, STOK_SCHEMA) != 0)
    {
        freeReplyObject(reply);
        return cli_fail(CLI_REFUSED, "no dataset at \"%s\": "
                        "run service-token init", cli->prefix);
    }

    *value = strdup(reply->element[1]->type == REDIS_REPLY_STRING
                    ? reply->element[1]->str : "");

    freeReplyObject(reply);

    return *value ? CLI_OK : cli_fail(CLI_UNAVAILABLE, "no memory");
}
