/*
 * Redis by hiredis' blocking functions: where it is, one command, one script,
 * and what an error means.
 */


#include "cli.h"
#include "tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_TIMEOUT  5                           /* seconds */
#define CTL_ARGS     1000000                     /* of a script; by Redis */


/*
 * redis://[user:password@]host[:port][/db], unix://path[?db=N],
 * rediss://...[?ca=PATH&cert=PATH&key=PATH&name=NAME]
 */
typedef struct {
    char       user[256];
    char       password[1024];
    char       host[256];                        /* or a socket's path */
    int        port;                             /* 0: a socket */
    int        db;
    int        secure;                           /* rediss:// */
    ctl_tls_t  tls;
} ctl_uri_t;


static int ctl_uri_parse(const char *uri, ctl_uri_t *u);
static int ctl_uri_tls(const char *p, ctl_uri_t *u);
static int ctl_uri_host(const char *p, ctl_uri_t *u);
static int ctl_uri_unix(const char *path, ctl_uri_t *u);
static int ctl_uri_unescape(const char *p, size_t len, char *out,
    size_t size);
static int ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls);
static int ctl_greet(ctl_t *ctl, ctl_uri_t *u);
static int ctl_refused(ctl_t *ctl, redisReply *reply);
static int ctl_script_ask(ctl_t *ctl, const char *script, int argc,
    const char **argv, redisReply **reply);
static const char *ctl_script_word(redisReply *reply);
static int ctl_script_send(ctl_t *ctl, const char *script, int argc,
    const char **argv);
static int ctl_script_answer(ctl_t *ctl, const char *answer,
    const char *word);


int
ctl_connect(ctl_t *ctl)
{
    int        code;
    void      *tls;
    ctl_uri_t  u;

    if (ctl_uri_parse(ctl->redis, &u) != CTL_OK) {
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

    OPENSSL_cleanse(&u, sizeof(u));

    return code;
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
        code = u->user[0] ? ctl_command(ctl, &reply, "AUTH %s %s", u->user,
                                        u->password)
                          : ctl_command(ctl, &reply, "AUTH %s", u->password);
        if (code == CTL_OK) {
            freeReplyObject(reply);
        }
    }

    if (code == CTL_OK && u->db) {
        code = ctl_command(ctl, &reply, "SELECT %d", u->db);
        if (code == CTL_OK) {
            freeReplyObject(reply);
        }
    }

    return code;
}


static int
ctl_uri_parse(const char *uri, ctl_uri_t *u)
{
    memset(u, 0, sizeof(*u));

    if (strncmp(uri, "unix:", 5) == 0) {
        return ctl_uri_unix(uri + 5, u);
    }

    if (strncmp(uri, "rediss://", 9) == 0) {
        return ctl_uri_tls(uri + 9, u);
    }

    if (strncmp(uri, "redis://", 8) == 0) {
        return ctl_uri_host(uri + 8, u);
    }

    return CTL_INVALID;
}


static int
ctl_uri_tls(const char *p, ctl_uri_t *u)
{
    int     code;
    char    host[sizeof(u->user) + sizeof(u->password) + sizeof(u->host)];
    size_t  len;

    len = strcspn(p, "?");

    if (len >= sizeof(host)) {
        return CTL_INVALID;
    }

    memcpy(host, p, len);
    host[len] = '\0';

    code = ctl_uri_host(host, u);
    u->secure = 1;

    OPENSSL_cleanse(host, sizeof(host));

    for (p += len; code == CTL_OK && *p; p += len) {
        len = strcspn(++p, "&");

        if (strncmp(p, "ca=", 3) == 0) {
            code = ctl_uri_unescape(p + 3, len - 3, u->tls.ca,
                                    sizeof(u->tls.ca));

        } else if (strncmp(p, "cert=", 5) == 0) {
            code = ctl_uri_unescape(p + 5, len - 5, u->tls.cert,
                                    sizeof(u->tls.cert));

        } else if (strncmp(p, "key=", 4) == 0) {
            code = ctl_uri_unescape(p + 4, len - 4, u->tls.key,
                                    sizeof(u->tls.key));

        } else if (strncmp(p, "name=", 5) == 0) {
            code = ctl_uri_unescape(p + 5, len - 5, u->tls.name,
                                    sizeof(u->tls.name));

        } else {
            code = CTL_INVALID;
        }
    }

    return code;
}


static int
ctl_uri_host(const char *p, ctl_uri_t *u)
{
    char        *end;
    size_t       len;
    const char  *at, *host, *colon, *slash;

    slash = p + strcspn(p, "/");
    at = memchr(p, '@', (size_t) (slash - p));
    host = p;

    if (at) {
        colon = memchr(p, ':', (size_t) (at - p));

        if (colon == NULL
            || ctl_uri_unescape(p, (size_t) (colon - p), u->user,
                                sizeof(u->user)) != CTL_OK
            || ctl_uri_unescape(colon + 1, (size_t) (at - colon - 1),
                                u->password, sizeof(u->password)) != CTL_OK)
        {
            return CTL_INVALID;
        }

        host = at + 1;
    }

    if (*host == '[') {
        host++;
        len = strcspn(host, "]/");
        colon = host[len] == ']' ? host + len + 1 : slash;

    } else {
        len = strcspn(host, ":/");
        colon = host + len;
    }

    if (len == 0 || len >= sizeof(u->host)) {
        return CTL_INVALID;
    }

    memcpy(u->host, host, len);
    u->port = 6379;

    if (*colon == ':') {
        u->port = (int) strtol(colon + 1, &end, 10);
        if (end == colon + 1 || end != slash || u->port < 1
            || u->port > 65535)
        {
            return CTL_INVALID;
        }

    } else if (colon != slash) {
        return CTL_INVALID;
    }

    if (slash[0] == '/' && slash[1]) {
        u->db = (int) strtol(slash + 1, &end, 10);
        if (*end || u->db < 0) {
            return CTL_INVALID;
        }
    }

    return CTL_OK;
}


static int
ctl_uri_unix(const char *path, ctl_uri_t *u)
{
    char    *end;
    size_t   len;

    if (strncmp(path, "//", 2) == 0) {
        path += 2;
    }

    len = strcspn(path, "?");

    if (path[0] != '/'
        || ctl_uri_unescape(path, len, u->host, sizeof(u->host)) != CTL_OK)
    {
        return CTL_INVALID;
    }

    if (path[len] == '?') {
        if (strncmp(path + len, "?db=", 4) != 0) {
            return CTL_INVALID;
        }

        u->db = (int) strtol(path + len + 4, &end, 10);
        if (end == path + len + 4 || *end || u->db < 0) {
            return CTL_INVALID;
        }
    }

    return CTL_OK;
}


static int
ctl_uri_unescape(const char *p, size_t len, char *out, size_t size)
{
    size_t    i, n;
    unsigned  ch;

    for (i = 0, n = 0; i < len; i++, n++) {

        if (n + 1 >= size) {
            return CTL_INVALID;
        }

        if (p[i] != '%') {
            out[n] = p[i];
            continue;
        }

        if (i + 2 >= len || sscanf(p + i + 1, "%2x", &ch) != 1 || ch == 0) {
            return CTL_INVALID;
        }

        out[n] = (char) ch;
        i += 2;
    }

    out[n] = '\0';

    return CTL_OK;
}


int
ctl_command(ctl_t *ctl, redisReply **reply, const char *format, ...)
{
    int      rc;
    va_list  ap;

    va_start(ap, format);
    rc = redisvAppendCommand(ctl->ctx, format, ap);
    va_end(ap);

    if (rc != REDIS_OK) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    return ctl_reply(ctl, reply);
}


int
ctl_reply(ctl_t *ctl, redisReply **reply)
{
    int  code;

    if (redisGetReply(ctl->ctx, (void **) reply) != REDIS_OK) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis went away: %s",
                        ctl->ctx->errstr);
    }

    if ((*reply)->type == REDIS_REPLY_ERROR) {
        code = ctl_refused(ctl, *reply);
        freeReplyObject(*reply);
        return code;
    }

    return CTL_OK;
}


/* an error reply; what may be an argument of ours is not shown */

static int
ctl_refused(ctl_t *ctl, redisReply *reply)
{
    return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis refuses: %.*s",
                    (int) strcspn(reply->str, "'`\"\r\n"), reply->str);
}


int
ctl_script(ctl_t *ctl, const char *script, int argc, const char **argv,
    char **word)
{
    int          code;
    redisReply  *reply;

    *word = NULL;

    code = ctl_script_ask(ctl, script, argc, argv, &reply);
    if (code != CTL_OK) {
        return code;
    }

    *word = strdup(ctl_script_word(reply));

    code = *word ? ctl_script_answer(ctl, reply->element[0]->str, *word)
                 : ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");

    freeReplyObject(reply);

    if (code != CTL_OK && code != CTL_FOUND) {
        free(*word);
        *word = NULL;
    }

    return code;
}


int
ctl_script_reply(ctl_t *ctl, const char *script, int argc, const char **argv,
    redisReply **reply)
{
    int  code;

    code = ctl_script_ask(ctl, script, argc, argv, reply);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_script_answer(ctl, (*reply)->element[0]->str,
                             ctl_script_word(*reply));

    if (code != CTL_OK) {
        freeReplyObject(*reply);
    }

    return code;
}


/* CTL_OK: an array, the first element is text */

static int
ctl_script_ask(ctl_t *ctl, const char *script, int argc, const char **argv,
    redisReply **reply)
{
    int  code;

    code = ctl_script_send(ctl, script, argc, argv);

    if (code == CTL_OK) {
        code = ctl_reply(ctl, reply);
    }

    if (code != CTL_OK) {
        return code;
    }

    if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements == 0
        || (*reply)->element[0]->type != REDIS_REPLY_STRING)
    {
        freeReplyObject(*reply);
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected "
                        "answer");
    }

    return CTL_OK;
}


/* what stands behind the first word */

static const char *
ctl_script_word(redisReply *reply)
{
    return reply->elements > 1
           && reply->element[1]->type == REDIS_REPLY_STRING
           ? reply->element[1]->str : "";
}


static int
ctl_script_send(ctl_t *ctl, const char *script, int argc, const char **argv)
{
    int           i, rc;
    char          marker[STOK_PREFIX_MAX + 8];
    const char  **arg;

    if (argc > CTL_ARGS) {
        return ctl_fail(ctl, CTL_REJECTED, "too many records for one step");
    }

    arg = calloc((size_t) argc + 6, sizeof(char *));
    if (arg == NULL) {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
    }

    snprintf(marker, sizeof(marker), "%smeta", ctl->prefix);

    arg[0] = "EVAL";
    arg[1] = script;
    arg[2] = "1";
    arg[3] = marker;
    arg[4] = ctl->prefix;
    arg[5] = ctl->actor;

    for (i = 0; i < argc; i++) {
        arg[6 + i] = argv[i];
    }

    rc = redisAppendCommandArgv(ctl->ctx, 6 + argc, arg, NULL);
    free(arg);

    return rc == REDIS_OK ? CTL_OK : ctl_fail(ctl, CTL_UNAVAILABLE, "no "
                                              "memory");
}


static int
ctl_script_answer(ctl_t *ctl, const char *answer, const char *word)
{
    if (strcmp(answer, "OK") == 0) {
        return CTL_OK;
    }

    if (strcmp(answer, "CHANGED") == 0) {
        return ctl_fail(ctl, CTL_CHANGED, "the record keeps changing: "
                        "nothing was done, try again");
    }

    if (strcmp(answer, "EXISTS") == 0 || strcmp(answer, "WATCHED") == 0) {
        return CTL_FOUND;
    }

    if (strcmp(answer, "UNREADY") == 0) {
        return ctl_fail(ctl, CTL_UNREADY, "no dataset at \"%s\": "
                        "run service-token init", ctl->prefix);
    }

    return ctl_fail(ctl, strcmp(answer, "NOTFOUND") == 0 ? CTL_NOTFOUND
                                                         : CTL_STATE,
                    "%s", word);
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
