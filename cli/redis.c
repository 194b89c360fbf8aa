/*
 * Redis by hiredis' blocking functions: where it is, one command, one script,
 * and what an error means.
 */


#include "cli.h"
#include "cli_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CLI_TIMEOUT  5                           /* seconds */
#define CLI_ARGS     1000000                     /* of a script; by Redis */


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
    cli_tls_t  tls;
} cli_uri_t;


static int cli_uri_parse(const char *uri, cli_uri_t *u);
static int cli_uri_tls(const char *p, cli_uri_t *u);
static int cli_uri_host(const char *p, cli_uri_t *u);
static int cli_uri_unix(const char *path, cli_uri_t *u);
static int cli_uri_unescape(const char *p, size_t len, char *out,
    size_t size);
static int cli_open(cli_t *cli, cli_uri_t *u, void *tls);
static int cli_greet(cli_t *cli, cli_uri_t *u);
static int cli_refused(redisReply *reply);
static int cli_script_ask(cli_t *cli, const char *script, int argc,
    const char **argv, redisReply **reply);
static const char *cli_script_word(redisReply *reply);
static void cli_script_notes(redisReply *reply);
static int cli_script_send(cli_t *cli, const char *script, int argc,
    const char **argv);
static int cli_script_answer(cli_t *cli, const char *answer,
    const char *word);


int
cli_connect(cli_t *cli)
{
    int        code;
    void      *tls;
    cli_uri_t  u;

    if (cli_uri_parse(cli->redis, &u) != CLI_OK) {
        return cli_fail(CLI_USAGE, "bad Redis URI: it is "
                        "redis[s]://[user:password@]host[:port][/db] "
                        "or unix:///path[?db=N]");
    }

    tls = NULL;
    code = CLI_OK;

    if (u.secure) {
        code = cli_tls_create(&u.tls, u.host, &tls);
    }

    if (code == CLI_OK) {
        code = cli_open(cli, &u, tls);
    }

    snprintf(cli->acl, sizeof(cli->acl), "%s", u.user[0] ? u.user : "default");
    OPENSSL_cleanse(&u, sizeof(u));

    return code;
}


static int
cli_open(cli_t *cli, cli_uri_t *u, void *tls)
{
    int             code;
    struct timeval  tv = { CLI_TIMEOUT, 0 };

    cli->ctx = u->port ? redisConnectWithTimeout(u->host, u->port, tv)
                       : redisConnectUnixWithTimeout(u->host, tv);

    if (cli->ctx == NULL || cli->ctx->err) {
        cli_tls_free(tls);
        return cli_fail(CLI_UNAVAILABLE, "Redis at %s cannot be reached: %s: "
                        "is --redis right?", u->host,
                        cli->ctx ? cli->ctx->errstr : "no memory");
    }

    redisSetTimeout(cli->ctx, tv);

    if (tls) {
        code = cli_tls_start(cli->ctx, tls);
        if (code != CLI_OK) {
            return code;
        }
    }

    return cli_greet(cli, u);
}


static int
cli_greet(cli_t *cli, cli_uri_t *u)
{
    int          code;
    redisReply  *reply;

    code = CLI_OK;

    if (u->password[0]) {
        code = u->user[0] ? cli_command(cli, &reply, "AUTH %s %s", u->user,
                                        u->password)
                          : cli_command(cli, &reply, "AUTH %s", u->password);
        if (code == CLI_OK) {
            freeReplyObject(reply);
        }
    }

    if (code == CLI_OK && u->db) {
        code = cli_command(cli, &reply, "SELECT %d", u->db);
        if (code == CLI_OK) {
            freeReplyObject(reply);
        }
    }

    return code;
}


static int
cli_uri_parse(const char *uri, cli_uri_t *u)
{
    memset(u, 0, sizeof(*u));

    if (strncmp(uri, "unix:", 5) == 0) {
        return cli_uri_unix(uri + 5, u);
    }

    if (strncmp(uri, "rediss://", 9) == 0) {
        return cli_uri_tls(uri + 9, u);
    }

    if (strncmp(uri, "redis://", 8) == 0) {
        return cli_uri_host(uri + 8, u);
    }

    return CLI_USAGE;
}


static int
cli_uri_tls(const char *p, cli_uri_t *u)
{
    int     code;
    char    host[sizeof(u->user) + sizeof(u->password) + sizeof(u->host)];
    size_t  len;

    len = strcspn(p, "?");

    if (len >= sizeof(host)) {
        return CLI_USAGE;
    }

    memcpy(host, p, len);
    host[len] = '\0';

    code = cli_uri_host(host, u);
    u->secure = 1;

    OPENSSL_cleanse(host, sizeof(host));

    for (p += len; code == CLI_OK && *p; p += len) {
        len = strcspn(++p, "&");

        if (strncmp(p, "ca=", 3) == 0) {
            code = cli_uri_unescape(p + 3, len - 3, u->tls.ca,
                                    sizeof(u->tls.ca));

        } else if (strncmp(p, "cert=", 5) == 0) {
            code = cli_uri_unescape(p + 5, len - 5, u->tls.cert,
                                    sizeof(u->tls.cert));

        } else if (strncmp(p, "key=", 4) == 0) {
            code = cli_uri_unescape(p + 4, len - 4, u->tls.key,
                                    sizeof(u->tls.key));

        } else if (strncmp(p, "name=", 5) == 0) {
            code = cli_uri_unescape(p + 5, len - 5, u->tls.name,
                                    sizeof(u->tls.name));

        } else {
            code = CLI_USAGE;
        }
    }

    return code;
}


static int
cli_uri_host(const char *p, cli_uri_t *u)
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
            || cli_uri_unescape(p, (size_t) (colon - p), u->user,
                                sizeof(u->user)) != CLI_OK
            || cli_uri_unescape(colon + 1, (size_t) (at - colon - 1),
                                u->password, sizeof(u->password)) != CLI_OK)
        {
            return CLI_USAGE;
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
        return CLI_USAGE;
    }

    memcpy(u->host, host, len);
    u->port = 6379;

    if (*colon == ':') {
        u->port = (int) strtol(colon + 1, &end, 10);
        if (end == colon + 1 || end != slash || u->port < 1
            || u->port > 65535)
        {
            return CLI_USAGE;
        }

    } else if (colon != slash) {
        return CLI_USAGE;
    }

    if (slash[0] == '/' && slash[1]) {
        u->db = (int) strtol(slash + 1, &end, 10);
        if (*end || u->db < 0) {
            return CLI_USAGE;
        }
    }

    return CLI_OK;
}


static int
cli_uri_unix(const char *path, cli_uri_t *u)
{
    char    *end;
    size_t   len;

    if (strncmp(path, "//", 2) == 0) {
        path += 2;
    }

    len = strcspn(path, "?");

    if (path[0] != '/'
        || cli_uri_unescape(path, len, u->host, sizeof(u->host)) != CLI_OK)
    {
        return CLI_USAGE;
    }

    if (path[len] == '?') {
        if (strncmp(path + len, "?db=", 4) != 0) {
            return CLI_USAGE;
        }

        u->db = (int) strtol(path + len + 4, &end, 10);
        if (end == path + len + 4 || *end || u->db < 0) {
            return CLI_USAGE;
        }
    }

    return CLI_OK;
}


static int
cli_uri_unescape(const char *p, size_t len, char *out, size_t size)
{
    size_t    i, n;
    unsigned  ch;

    for (i = 0, n = 0; i < len; i++, n++) {

        if (n + 1 >= size) {
            return CLI_USAGE;
        }

        if (p[i] != '%') {
            out[n] = p[i];
            continue;
        }

        if (i + 2 >= len || sscanf(p + i + 1, "%2x", &ch) != 1 || ch == 0) {
            return CLI_USAGE;
        }

        out[n] = (char) ch;
        i += 2;
    }

    out[n] = '\0';

    return CLI_OK;
}


int
cli_command(cli_t *cli, redisReply **reply, const char *format, ...)
{
    int      rc;
    va_list  ap;

    va_start(ap, format);
    rc = redisvAppendCommand(cli->ctx, format, ap);
    va_end(ap);

    if (rc != REDIS_OK) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    return cli_reply(cli, reply);
}


int
cli_reply(cli_t *cli, redisReply **reply)
{
    int  code;

    if (redisGetReply(cli->ctx, (void **) reply) != REDIS_OK) {
        return cli_fail(CLI_UNAVAILABLE, "Redis went away: %s",
                        cli->ctx->errstr);
    }

    if ((*reply)->type == REDIS_REPLY_ERROR) {
        code = cli_refused(*reply);
        freeReplyObject(*reply);
        return code;
    }

    return CLI_OK;
}


/* an error reply; what may be an argument of ours is not shown */

static int
cli_refused(redisReply *reply)
{
    return cli_fail(CLI_UNAVAILABLE, "Redis refuses: %.*s",
                    (int) strcspn(reply->str, "'`\"\r\n"), reply->str);
}


int
cli_script(cli_t *cli, const char *script, int argc, const char **argv,
    char **word)
{
    int          code;
    redisReply  *reply;

    *word = NULL;

    code = cli_script_ask(cli, script, argc, argv, &reply);
    if (code != CLI_OK) {
        return code;
    }

    *word = strdup(cli_script_word(reply));

    code = *word ? cli_script_answer(cli, reply->element[0]->str, *word)
                 : cli_fail(CLI_UNAVAILABLE, "no memory");

    if (code == CLI_OK) {
        cli_script_notes(reply);
    }

    freeReplyObject(reply);

    if (code != CLI_OK && code != CLI_FOUND) {
        free(*word);
        *word = NULL;
    }

    return code;
}


/* what a script has to tell beside its answer: of keys that it put aside */

static void
cli_script_notes(redisReply *reply)
{
    size_t  i;

    for (i = 2; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_STRING) {
            cli_note("note: %s", reply->element[i]->str);
        }
    }
}


int
cli_script_reply(cli_t *cli, const char *script, int argc, const char **argv,
    redisReply **reply)
{
    int  code;

    code = cli_script_ask(cli, script, argc, argv, reply);
    if (code != CLI_OK) {
        return code;
    }

    code = cli_script_answer(cli, (*reply)->element[0]->str,
                             cli_script_word(*reply));

    if (code != CLI_OK) {
        freeReplyObject(*reply);
    }

    return code;
}


/* CLI_OK: an array, the first element is text */

static int
cli_script_ask(cli_t *cli, const char *script, int argc, const char **argv,
    redisReply **reply)
{
    int  code;

    code = cli_script_send(cli, script, argc, argv);

    if (code == CLI_OK) {
        code = cli_reply(cli, reply);
    }

    if (code != CLI_OK) {
        return code;
    }

    if ((*reply)->type != REDIS_REPLY_ARRAY || (*reply)->elements == 0
        || (*reply)->element[0]->type != REDIS_REPLY_STRING)
    {
        freeReplyObject(*reply);
        return cli_fail(CLI_UNAVAILABLE, "Redis gave an unexpected answer");
    }

    return CLI_OK;
}


/* what stands behind the first word */

static const char *
cli_script_word(redisReply *reply)
{
    return reply->elements > 1
           && reply->element[1]->type == REDIS_REPLY_STRING
           ? reply->element[1]->str : "";
}


static int
cli_script_send(cli_t *cli, const char *script, int argc, const char **argv)
{
    int           i, rc;
    char          marker[STOK_PREFIX_MAX + 8];
    const char  **arg;

    if (argc > CLI_ARGS) {
        return cli_fail(CLI_REFUSED, "too many records for one step");
    }

    arg = calloc((size_t) argc + 6, sizeof(char *));
    if (arg == NULL) {
        return cli_fail(CLI_UNAVAILABLE, "no memory");
    }

    snprintf(marker, sizeof(marker), "%smeta", cli->prefix);

    arg[0] = "EVAL";
    arg[1] = script;
    arg[2] = "1";
    arg[3] = marker;
    arg[4] = cli->prefix;
    arg[5] = cli->actor;

    for (i = 0; i < argc; i++) {
        arg[6 + i] = argv[i];
    }

    rc = redisAppendCommandArgv(cli->ctx, 6 + argc, arg, NULL);
    free(arg);

    return rc == REDIS_OK ? CLI_OK : cli_fail(CLI_UNAVAILABLE, "no memory");
}


static int
cli_script_answer(cli_t *cli, const char *answer, const char *word)
{
    if (strcmp(answer, "OK") == 0) {
        return CLI_OK;
    }

    /* another record was there: it is looked for again */

    if (strcmp(answer, "CHANGED") == 0 || strcmp(answer, "MISLED") == 0) {
        return CLI_CHANGED;
    }

    if (strcmp(answer, "EXISTS") == 0 || strcmp(answer, "WATCHED") == 0) {
        return CLI_FOUND;
    }

    if (strcmp(answer, "UNREADY") == 0) {
        return cli_fail(CLI_REFUSED, "no dataset at \"%s\": "
                        "run service-token init", cli->prefix);
    }

    return cli_fail(CLI_REFUSED, "%s", word);
}
