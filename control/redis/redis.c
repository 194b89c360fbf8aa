/*
 * Redis by hiredis' blocking functions: the connection, and commands over it.
 *
 * Replies come in the order of the questions, so they are counted: once one is
 * not what it has to be, and others are due, the connection is closed.
 */


#include "internal.h"
#include "ctl_caller.h"
#include "uri.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_TIMEOUT  5000                        /* ms */


static void ctl_where(ctl_t *ctl, const ctl_uri_t *u);
static int ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls);
static int ctl_unreached(ctl_t *ctl, int err);
static int ctl_greet(ctl_t *ctl, ctl_uri_t *u);
static void ctl_greet_mask(ctl_t *ctl, const char *password);
static int ctl_went(ctl_t *ctl, int err);
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
    ctl_where(ctl, &u);

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


/* for messages: without user and password */

static void
ctl_where(ctl_t *ctl, const ctl_uri_t *u)
{
    if (u->port == 0) {
        snprintf(ctl->where, sizeof(ctl->where), "%s", u->host);

    } else {
        snprintf(ctl->where, sizeof(ctl->where),
                 strchr(u->host, ':') ? "[%s]:%d" : "%s:%d", u->host, u->port);
    }
}


static int
ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls)
{
    int             code, err;
    struct timeval  tv;

    if (ctl->timeout == 0) {
        ctl->timeout = CTL_TIMEOUT;
    }

    tv.tv_sec = ctl->timeout / 1000;
    tv.tv_usec = ctl->timeout % 1000 * 1000;

    ctl->ctx = u->port ? redisConnectWithTimeout(u->host, u->port, tv)
                       : redisConnectUnixWithTimeout(u->host, tv);

    err = errno;

    if (ctl->ctx == NULL || ctl->ctx->err) {
        ctl_tls_free(tls);
        return ctl_unreached(ctl, err);
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
ctl_unreached(ctl_t *ctl, int err)
{
    if (ctl->ctx && ctl->ctx->err == REDIS_ERR_IO && err == ETIMEDOUT) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis at %s cannot be reached: "
                        "no connection within %g s: is --redis right?",
                        ctl->where, ctl->timeout / 1000.0);
    }

    return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis at %s cannot be reached: %s: "
                    "is --redis right?", ctl->where,
                    ctl->ctx ? ctl->ctx->errstr : "no memory");
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

        } else {
            ctl_greet_mask(ctl, u->password);
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


/* the other end may repeat it */

static void
ctl_greet_mask(ctl_t *ctl, const char *password)
{
    char  *p;

    for (p = ctl->error.text; (p = strstr(p, password)) != NULL; ) {
        memset(p, '*', strlen(password));
        p += strlen(password);
    }
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
    int  code, err;

    *reply = NULL;

    if (ctl->ctx == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "there is no connection to "
                        "Redis");
    }

    if (redisGetReply(ctl->ctx, (void **) reply) != REDIS_OK) {
        err = errno;
        *reply = NULL;
        return ctl_went(ctl, err);
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
    int  rc, err, done;

    do {
        rc = ctl->ctx ? redisBufferWrite(ctl->ctx, &done) : REDIS_OK;
        err = errno;
    } while (ctl->ctx && rc == REDIS_OK && !done);

    return rc == REDIS_OK ? CTL_OK : ctl_went(ctl, err);
}


/* err: errno, which says more of a socket than hiredis does */

static int
ctl_went(ctl_t *ctl, int err)
{
    int  code;

    if (ctl->ctx->err == REDIS_ERR_PROTOCOL) {
        code = ctl_fail(ctl, CTL_UNAVAILABLE, "the server at %s does not "
                        "answer like Redis: is --redis right?", ctl->where);

    } else if (ctl->ctx->err == REDIS_ERR_IO
               && (err == EAGAIN || err == EWOULDBLOCK || err == ETIMEDOUT))
    {
        code = ctl_fail(ctl, CTL_UNAVAILABLE, "Redis at %s did not answer "
                        "within %g s", ctl->where, ctl->timeout / 1000.0);

    } else {
        code = ctl_fail(ctl, CTL_UNAVAILABLE, "Redis at %s went away: %s",
                        ctl->where, ctl->ctx->errstr);
    }

    ctl_close(ctl);

    return code;
}


/*
 * An error reply, whole, but for the arguments that Redis repeats of a command
 * that it does not know, since a secret may be among them, and the place in a
 * script, which says nothing to whoever reads it.
 */

static int
ctl_refused(ctl_t *ctl, redisReply *reply)
{
    size_t       i, len;
    const char  *end;

    static const char *const tails[] = {
        ", with args beginning with", " script: ", ", on @user_script:"
    };

    if (strstr(reply->str, "OOM command")) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis is full (maxmemory): only "
                        "what revokes, disables or deletes works");
    }

    len = strcspn(reply->str, "\r\n");

    for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        end = strstr(reply->str, tails[i]);

        if (end && (size_t) (end - reply->str) < len) {
            len = (size_t) (end - reply->str);
        }
    }

    return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis refuses: %.*s", (int) len,
                    reply->str);
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
        return ctl_fail(ctl, CTL_FAILED, "no memory");
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
