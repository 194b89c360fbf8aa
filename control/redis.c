/*
 * Redis by hiredis' blocking functions: where it is, one command, one script,
 * and what an error means.
 */


#include "internal.h"
#include "uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_TIMEOUT  5                           /* seconds */
#define CTL_ARGS     1000000                     /* of a script; by Redis */


static int ctl_open(ctl_t *ctl, ctl_uri_t *u, void *tls);
static int ctl_greet(ctl_t *ctl, ctl_uri_t *u);
static int ctl_refused(ctl_t *ctl, redisReply *reply);
static int ctl_script_ask(ctl_t *ctl, const char *script, int argc,
    const char **argv, redisReply **reply);
static const char *ctl_script_word(redisReply *reply);
static void ctl_script_notes(ctl_t *ctl, redisReply *reply);
static int ctl_script_send(ctl_t *ctl, const char *script, int argc,
    const char **argv);
static int ctl_script_answer(ctl_t *ctl, const char *answer,
    const char *word);


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
    OPENSSL_cleanse(&u, sizeof(u));

    return code;
}


void
ctl_close(ctl_t *ctl)
{
    if (ctl->ctx) {
        redisFree(ctl->ctx);
        ctl->ctx = NULL;
    }
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

    if (code == CTL_OK) {
        ctl_script_notes(ctl, reply);
    }

    freeReplyObject(reply);

    if (code != CTL_OK && code != CTL_FOUND) {
        free(*word);
        *word = NULL;
    }

    return code;
}


/* what a script has to tell beside its answer: of keys that it put aside */

static void
ctl_script_notes(ctl_t *ctl, redisReply *reply)
{
    size_t  i;

    for (i = 2; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_STRING) {
            ctl_note(ctl, CTL_NOTE_NOTE, "%s", reply->element[i]->str);
        }
    }
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

    /* all others write, and fsck asks before it does */

    code = script == stok_script_fsck ? CTL_OK : ctl_writable(ctl);

    if (code == CTL_OK) {
        code = ctl_script_send(ctl, script, argc, argv);
    }

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

    /* another record was there: it is looked for again */

    if (strcmp(answer, "CHANGED") == 0 || strcmp(answer, "MISLED") == 0) {
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
