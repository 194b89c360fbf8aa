/*
 * Redis by hiredis' blocking functions: the connection, and commands over it.
 *
 * Replies come in the order of the questions, so they are counted: once one is
 * not what it has to be, and others are due, the connection is closed.
 */


#include "internal.h"
#include "uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_TIMEOUT  5                           /* seconds */


static int ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls);
static int ctl_greet(ctl_t *ctl, ctl_uri_t *u);
static int ctl_went(ctl_t *ctl);
static int ctl_refused(ctl_t *ctl, redisReply *reply);


int
ctl_connect(ctl_t *ctl, const char *uri)
{
    int        code;
    void      *tls;
    ctl_uri_t  u;

    if (ctl_uri_parse(uri, &u) != CTL_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad Redis URI: it is "
                        "redis[s]://[user:password@]host[:port][/db] "
                        "or unix:///path[?db=N]");
    }

    tls = NULL;
    code = CTL_OK;

    if (u.secure) {
        code = ctl_tls_create(ctl, &u.tls, u.host, &tls);
    }

    if (code == CTL_OK) {
        code = ctl_open(ctl, &u, tls);
    }

    snprintf(ctl->acl, sizeof(ctl->acl), "%s", u.user[0] ? u.user : "default");
    ctl->db = u.db;
    OPENSSL_cleanse(&u, sizeof(u));

    return code;
}


void
ctl_close(ctl_t *ctl)
{
    if (ctl->ctx) {
        redisFree(ctl->ctx);
        ctl->ctx = NULL;
        ctl->pending = 0;
    }
}


void
ctl_reset(ctl_t *ctl)
{
    if (ctl->ctx && (ctl->pending || ctl->ctx->err)) {
        ctl_close(ctl);
    }

    memset(&ctl->error, 0, sizeof(ctl->error));
    ctl->hint[0] = '\0';
    ctl->actor = NULL;
    ctl->via_token = NULL;
    ctl->via_addr = NULL;
    ctl->via_request = NULL;
    ctl->match = NULL;
}


static int
ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls)
{
    int             code;
    struct timeval  tv = { CTL_TIMEOUT, 0 };

    ctl->ctx = u->port ? redisConnectWithTimeout(u->host, u->port, tv)
                       : redisConnectUnixWithTimeout(u->host, tv);

    if (ctl->ctx == NULL || ctl->ctx->err) {
        ctl_tls_free(tls);
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis at %s cannot be reached: "
                        "%s: is --redis right?", u->host,
                        ctl->ctx ? ctl->ctx->errstr : "no memory");
    }

    redisSetTimeout(ctl->ctx, tv);

    if (tls) {
        code = ctl_tls_start(ctl, ctl->ctx, tls);
        if (code != CTL_OK) {
            return code;
        }
    }

    return ctl_greet(ctl, u);
}


static int
ctl_greet(ctl_t *ctl, ctl_uri_t *u)
{
    int          code;
    redisReply  *reply;

    code = CTL_OK;

    if (u->password[0]) {
        code = u->user[0] ? ctl_command(ctl, CTL_IS_DONE, &reply, "AUTH %s %s",
                                        u->user, u->password)
                          : ctl_command(ctl, CTL_IS_DONE, &reply, "AUTH %s",
                                        u->password);
        if (code == CTL_OK) {
            freeReplyObject(reply);
        }
    }

    if (code == CTL_OK && u->db) {
        code = ctl_command(ctl, CTL_IS_DONE, &reply, "SELECT %d", u->db);
        if (code == CTL_OK) {
            freeReplyObject(reply);
        }
    }

    return code;
}


void
ctl_append(ctl_t *ctl, const char *format, ...)
{
    int      rc;
    va_list  ap;

    if (ctl->ctx == NULL) {
        return;
    }

    va_start(ap, format);
    rc = redisvAppendCommand(ctl->ctx, format, ap);
    va_end(ap);

    if (rc == REDIS_OK) {
        ctl->pending++;

    } else {
        ctl_close(ctl);
    }
}


void
ctl_append_argv(ctl_t *ctl, int argc, const char **argv, const size_t *len)
{
    if (ctl->ctx == NULL) {
        return;
    }

    if (redisAppendCommandArgv(ctl->ctx, argc, argv, len) == REDIS_OK) {
        ctl->pending++;

    } else {
        ctl_close(ctl);
    }
}


int
ctl_reply(ctl_t *ctl, ctl_want_e want, redisReply **reply)
{
    int  code;

    *reply = NULL;

    if (ctl->ctx == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "there is no connection to "
                        "Redis");
    }

    if (redisGetReply(ctl->ctx, (void **) reply) != REDIS_OK) {
        *reply = NULL;
        return ctl_went(ctl);
    }

    ctl->pending--;

    if (ctl_fits(*reply, want)) {
        return CTL_OK;
    }

    code = (*reply)->type == REDIS_REPLY_ERROR
           ? ctl_refused(ctl, *reply)
           : ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected answer");

    freeReplyObject(*reply);
    *reply = NULL;

    /* the replies that are due would be taken for those to other questions */

    if (ctl->pending) {
        ctl_close(ctl);
    }

    return code;
}


int
ctl_send(ctl_t *ctl)
{
    int  rc, done;

    do {
        rc = ctl->ctx ? redisBufferWrite(ctl->ctx, &done) : REDIS_OK;
    } while (ctl->ctx && rc == REDIS_OK && !done);

    return rc == REDIS_OK ? CTL_OK : ctl_went(ctl);
}


static int
ctl_went(ctl_t *ctl)
{
    int  code;

    code = ctl_fail(ctl, CTL_UNAVAILABLE, "Redis went away: %s",
                    ctl->ctx->errstr);
    ctl_close(ctl);

    return code;
}


/* an error reply; what may be an argument of ours is not shown */

static int
ctl_refused(ctl_t *ctl, redisReply *reply)
{
    return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis refuses: %.*s",
                    (int) strcspn(reply->str, "'`\"\r\n"), reply->str);
}


int
ctl_command(ctl_t *ctl, ctl_want_e want, redisReply **reply,
    const char *format, ...)
{
    int      rc;
    va_list  ap;

    if (ctl->ctx) {
        va_start(ap, format);
        rc = redisvAppendCommand(ctl->ctx, format, ap);
        va_end(ap);

        if (rc == REDIS_OK) {
            ctl->pending++;

        } else {
            ctl_close(ctl);
        }
    }

    return ctl_reply(ctl, want, reply);
}


int
ctl_tries(ctl_t *ctl, size_t n, redisReply ***replies)
{
    int     code;
    size_t  i;

    *replies = calloc(n + 1, sizeof(redisReply *));

    if (*replies == NULL) {
        ctl_close(ctl);
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    for (i = 0; i < n; i++) {
        code = ctl_reply(ctl, CTL_IS_ANY, &(*replies)[i]);

        if (code != CTL_OK) {
            ctl_tries_free(*replies, i);
            *replies = NULL;
            return code;
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
