/*
 * service-token serve: the operations over HTTP, behind nginx.
 *
 * nginx ends HTTP and says who asks (the module has checked the token); the
 * request comes over SCGI by a unix socket, and identity is a parameter, which
 * no header of a client can be.  The daemon reads the caller's records again
 * and decides itself whether the route is for it.
 *
 * A process has one request at a time, and blocks.
 */


#ifndef API_H
#define API_H


#include "ctl_caller.h"
#include "scgi.h"


#define API_BODY_MAX   65536
#define API_PATH_MAX   1024
#define API_SEGMENTS   5                         /* of a path, behind /api/ */
#define API_QUERIES    16
#define API_HEADERS    1024                      /* bytes, of a reply */


/* parameters that every request has, exactly once, and no others */
typedef enum {
    API_CONTENT_LENGTH = 0,
    API_SCGI,
    API_METHOD,
    API_URI,
    API_CONTENT_TYPE,
    API_ACCEPT,
    API_IF_MATCH,
    API_PREFER,
    API_IDEMPOTENCY_KEY,
    API_ORIGIN,
    API_SEC_FETCH_SITE,
    API_HOST,
    API_SCHEME,
    API_ADDR,
    API_ID,                                      /* of the request */
    API_TOKEN,                                   /* who asks, says nginx */
    API_USER,
    API_AUTH,                                    /* "token", "user", "none" */
    API_PARAMS
} api_param_e;


/* whoever the location let in, as a set: what a route takes */
#define API_AUTH_TOKEN  1                        /* a checked token */
#define API_AUTH_USER   2                        /* somebody else's check */
#define API_AUTH_NONE   4                        /* anybody */


typedef struct {
    const char  *name;
    const char  *value;
} api_query_t;


/* texts end with a zero, and point into the bytes that came, or into path */
typedef struct {
    const char   *param[API_PARAMS];
    const char   *method;
    unsigned      auth;                          /* one of the above */

    char          path[API_PATH_MAX];            /* decoded */
    size_t        segments;
    const char   *segment[API_SEGMENTS];
    size_t        queries;
    api_query_t   query[API_QUERIES];

    const char   *body;
    size_t        len;
} api_request_t;


typedef struct {
    int           status;
    const char   *type;                          /* NULL: JSON */
    char          headers[API_HEADERS];          /* further ones, with CRLF */
    json_t       *json;
    char         *text;                          /* instead of it */
} api_reply_t;


typedef struct {
    ctl_t          ctl;
    const char    *redis;
    int            see;                          /* ranks of two roles */
    int            act;

    /* of one request */

    ctl_caller_t   caller;
    json_t        *notes;
    int            ms;                           /* ?wait=, 0: do not */
} api_t;


typedef struct {
    const char    *redis;
    const char    *socket;
    const char    *peer;                         /* the user that nginx has */
    int            workers;
} api_serve_t;


/* who may call a route */
typedef enum {
    API_ANY = 0,                                 /* every caller */
    API_SEE,
    API_DO
} api_rank_e;

typedef int (*api_run_pt)(api_t *api, const api_request_t *request,
    api_reply_t *reply);

typedef struct {
    const char    *method;
    const char    *path;                         /* "{}": any segment */
    api_rank_e     rank;
    unsigned       auth;                         /* what it takes */
    unsigned       self:1;                       /* a token of any scope */
    const char    *query;                        /* names it takes */
    api_run_pt     run;
} api_route_t;


/* serve.c: until SIGTERM; an error of ctl, or CTL_OK */
int api_serve(ctl_t *ctl, const api_serve_t *conf);

/*
 * worker.c: requests from a listening socket, one after the other.  1: it
 * cannot go on
 */
int api_work(const ctl_t *ctl, const api_serve_t *conf, int fd);

/*
 * request.c.  STOK_OK; STOK_INVALID: the client's fault; STOK_ERROR: the
 * parameters are not those of our configuration.
 */
int api_request(api_request_t *request, const scgi_head_t *head,
    const char *body);
const char *api_query(const api_request_t *request, const char *name);

/* the name of a parameter */
const char *api_param(size_t i);

/* route.c: answers a request, whatever comes of it */
void api_answer(api_t *api, const api_request_t *request,
    api_reply_t *reply);
const api_route_t *api_route(size_t i);

/* reply.c.  json is the reply's from now on */
int api_json(api_reply_t *reply, int status, json_t *json);
void api_header(api_reply_t *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void api_reply_free(api_reply_t *reply);

/* the whole reply, head and body; the caller frees it.  NULL: no memory */
char *api_reply_text(const api_request_t *request, api_reply_t *reply,
    size_t *len);

/*
 * problem.c: RFC 9457.  facts: further members, or NULL; it is taken.  of: the
 * error that an operation left in the context.
 */
int api_problem(api_reply_t *reply, int status, const char *type,
    json_t *facts, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
int api_problem_of(api_t *api, api_reply_t *reply);

/*
 * body.c: the members of a body, as a table says.  Texts point into *json,
 * which the caller releases.  Not 0: there is a problem in the reply.
 */
typedef enum {
    API_TEXT = 0,
    API_FLAG,
    API_DAYS                                     /* number, "never": text */
} api_member_e;

typedef struct {
    const char    *name;
    api_member_e   kind;
    unsigned       needed:1;
    const char   **text;                         /* NULL: it is not there */
    int           *flag;
} api_member_t;

int api_body(const api_request_t *request, api_reply_t *reply,
    const api_member_t *member, size_t n, json_t **json);

/* there is a plaintext token in it: only a form may have one */
int api_secret(const char *text);

/* a form: name=value&...; the caller frees *text, which holds the values */
int api_form(const api_request_t *request, api_reply_t *reply,
    const char **name, const char **value, size_t n, char **text);

/* "%41" becomes "A", in place; -1: it cannot be, or it is a zero */
int api_unescape(char *text, int plus);

/*
 * log.c: one line on standard error; and n bytes as printable UTF-8, at most as
 * many.  They do not end with a zero.
 */
void api_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t api_plain(char *out, const char *text, size_t n);

/*
 * route.c: a time that a request waits, from its query; *ms stays if there is
 * none.  Not 0: there is a problem in the reply.
 */
int api_ms(api_t *api, const api_request_t *request, const char *name,
    api_reply_t *reply, int *ms);

/* r_other.c: 200, or 202 if a node has not acknowledged; item is taken */
int api_changed(api_t *api, api_reply_t *reply, json_t *item);

/* the revision of a record, as If-Match may give it back */
void api_etag_user(api_t *api, api_reply_t *reply, const char *id);
void api_etag_token(api_t *api, api_reply_t *reply, const char *id);

/* r_*.c */
int api_meta(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_wait(api_t *api, const api_request_t *request, api_reply_t *reply);

int api_users(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_user_create(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_user_describe(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user_role(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user_status(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user_approve(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_user_delete(api_t *api, const api_request_t *request,
    api_reply_t *reply);

int api_tokens(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_token_create(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_token(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_token_rotate(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_token_rotation(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_token_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_token_restore(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_token_delete(api_t *api, const api_request_t *request,
    api_reply_t *reply);

int api_self(api_t *api, const api_request_t *request, api_reply_t *reply);
int api_self_revoke(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_introspect(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_revoke(api_t *api, const api_request_t *request, api_reply_t *reply);

int api_incident(api_t *api, const api_request_t *request,
    api_reply_t *reply);
int api_audit(api_t *api, const api_request_t *request, api_reply_t *reply);


#endif /* API_H */
