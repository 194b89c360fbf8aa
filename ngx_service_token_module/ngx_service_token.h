/*
 * The types that flow between the module's files.
 *
 * A worker's state (link, lookups) hangs on the main configuration but is not
 * configuration: it is made empty when nginx reads its files, and each worker
 * fills its own copy after the fork.  Everything else here is read-only once
 * merged.
 */


#ifndef NGX_SERVICE_TOKEN_H
#define NGX_SERVICE_TOKEN_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "stok_bearer.h"
#include "stok_decide.h"
#include "stok_digest.h"
#include "stok_record.h"
#include "stok_seal.h"
#include "stok_token.h"

#include "ngx_service_token_addr.h"
#include "ngx_service_token_last_used.h"
#include "ngx_service_token_link.h"
#include "ngx_service_token_lookup.h"
#include "ngx_service_token_memo.h"
#include "ngx_service_token_slot.h"
#include "ngx_service_token_stream.h"
#include "ngx_service_token_throttle.h"


typedef struct {
    ngx_service_token_redis_t     *redis;
    ngx_service_token_link_t      *link;
    ngx_service_token_lookups_t   *lookups;
    ngx_service_token_stream_t    *stream;        /* NULL: no check */
    ngx_service_token_last_used_t *last_used;
    ngx_service_token_cache_t      cache;
    ngx_service_token_memo_t      *memo;          /* NULL: nothing is kept */
    ngx_service_token_slot_view_t  slots;
    ngx_service_token_throttle_zone_t
                                  *throttles;     /* the first of a list */

    ngx_str_t                      zone;
    size_t                         zone_size;
    ngx_msec_t                     flush;
    ngx_str_t                      prefix;
    ngx_str_t                      marker;        /* key of "meta" */
    stok_keys_t                   *keys;          /* NULL: no key file */
    stok_roles_t                   roles;
    ngx_array_t                   *role_values;   /* to be looked through */

    unsigned                       used:1;        /* checks are on somewhere */
} ngx_service_token_main_conf_t;


/* where a token may stand */
typedef enum {
    NGX_SERVICE_TOKEN_PLACE_BEARER = 0,
    NGX_SERVICE_TOKEN_PLACE_BASIC,
    NGX_SERVICE_TOKEN_PLACE_HEADER,
    NGX_SERVICE_TOKEN_PLACE_COOKIE,
    NGX_SERVICE_TOKEN_PLACE_QUERY,
    NGX_SERVICE_TOKEN_PLACE_SUBPROTOCOL
} ngx_service_token_place_e;


typedef struct {
    ngx_service_token_place_e      kind;
    ngx_str_t                      text;          /* as it was written */
    ngx_str_t                      header;        /* in lower case */
    ngx_str_t                      name;          /* or scheme, or empty */
} ngx_service_token_place_t;


/* bits of the challenges of a 401 */
#define NGX_SERVICE_TOKEN_CHALLENGE_BEARER  1
#define NGX_SERVICE_TOKEN_CHALLENGE_BASIC   2


typedef struct {
    ngx_http_complex_value_t      *role;          /* NULL: the lowest */
    ngx_str_t                      role_file;     /* where it is written */
    ngx_uint_t                     role_line;
    ngx_int_t                      rank;          /* of a constant role */

    ngx_flag_t                     enable;
    ngx_flag_t                     optional;
    ngx_str_t                      realm;         /* as in a quoted-string */
    ngx_http_complex_value_t      *realm_value;   /* instead, with variables */
    ngx_str_t                      scope;
    ngx_uint_t                     types;         /* set of stok_type_e */
    ngx_array_t                   *envs;          /* stok_str_t; NULL: any */
    stok_require_t                 require;       /* of these, when merged */
    ngx_array_t                   *places;        /* NULL: bearer */
    ngx_uint_t                     challenges;
    ngx_msec_t                     stale;
    ngx_service_token_throttle_t  *throttle;      /* NULL: off */
    ngx_uint_t                     status;        /* its format; not merged */
} ngx_service_token_loc_conf_t;


/* which record comes next, and from where; records.c goes through these */
typedef enum {
    NGX_SERVICE_TOKEN_STEP_MEMO = 0,              /* both, else the token's */
    NGX_SERVICE_TOKEN_STEP_TOKEN_ASKED,
    NGX_SERVICE_TOKEN_STEP_USER,
    NGX_SERVICE_TOKEN_STEP_USER_ASKED,
    NGX_SERVICE_TOKEN_STEP_DONE
} ngx_service_token_step_e;


/* what a request knows at this location; lives in its pool */
typedef struct ngx_service_token_ctx_s  ngx_service_token_ctx_t;

struct ngx_service_token_ctx_s {
    ngx_service_token_waiter_t    *waiter;        /* NULL: nothing was asked */
    stok_str_t                     bearer;        /* in the header's buffer */
    ngx_uint_t                     key;           /* that made the digest */
    ngx_str_t                      role_needed;

    stok_verdict_e                 verdict;       /* valid: decided */
    ngx_service_token_step_e       step;
    ngx_service_token_source_e     source;

    unsigned                       waiting:1;
    unsigned                       cleanup:1;     /* added */
    unsigned                       token_found:1;
    unsigned                       user_found:1;
    unsigned                       admitted:1;    /* Redis may be asked */
    unsigned                       decided:1;
    unsigned                       stale:1;       /* beyond the lease */
    unsigned                       counted:1;     /* its verdict is */
    unsigned                       role_error:1;  /* the role is none: 500 */

    ngx_int_t                      answer;        /* status; 0: void, or 500 */
    ngx_str_t                     *place;         /* NULL: bearer, or none */
    ngx_service_token_ctx_t       *refused_before;

    /* from here on not zeroed: what a hit needs is written by it */

    ngx_str_t                     *realm;
    ngx_int_t                      rank_needed;   /* valid: not role_error */
    ngx_pool_cleanup_t             seen;          /* count.c */
    ngx_http_request_t            *request;       /* valid: waiter */
    time_t                         retry;         /* seconds, if THROTTLED */
    ngx_uint_t                     challenges;    /* valid: answer */

    u_char                         digest[STOK_DIGEST_LEN];
    stok_token_record_t            token;         /* valid: token_found */
    stok_user_record_t             user;          /* valid: user_found */
    u_char                         records[NGX_SERVICE_TOKEN_MEMO_DATA];
};


/* conf.c: directives of the main level, and of a location */
void *ngx_service_token_conf_create_main(ngx_conf_t *cf);
char *ngx_service_token_conf_init_main(ngx_conf_t *cf, void *conf);
void *ngx_service_token_conf_create_loc(ngx_conf_t *cf);
char *ngx_service_token_conf_merge_loc(ngx_conf_t *cf, void *parent,
    void *child);

char *ngx_service_token_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_cache_valid(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_flush(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_lease(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_service_token_conf_cache(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf);
char *ngx_service_token_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_service_token_redis_t *ngx_service_token_conf_redis_default(
    ngx_conf_t *cf);
char *ngx_service_token_conf_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_roles(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_realm(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_service_token_conf_env(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_service_token_conf_role(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* conf_source.c: the directive, and what follows once it is merged */
char *ngx_service_token_conf_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_service_token_conf_source_merge(ngx_service_token_loc_conf_t *conf,
    ngx_service_token_loc_conf_t *prev);

/* conf_role.c: a value with variables, to be looked through.  Or NGX_ERROR */
ngx_int_t ngx_service_token_conf_role_note(ngx_conf_t *cf,
    ngx_http_complex_value_t *value);

char *ngx_service_token_conf_role_rank(ngx_conf_t *cf,
    ngx_service_token_loc_conf_t *conf);
void ngx_service_token_conf_role_check(ngx_conf_t *cf);

/* conf_redis.c: "name=value" -> value.  NGX_OK or NGX_DECLINED */
ngx_int_t ngx_service_token_conf_option(ngx_str_t *arg, const char *name,
    ngx_str_t *value);

/*
 * conf_throttle.c: the directive; and, when all is read, its zones: each is
 * defined, and made if there is a check anywhere.  NGX_OK or NGX_ERROR.
 */
char *ngx_service_token_conf_throttle(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_service_token_conf_throttles(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf);

/* file.c: reads a small secret file; see there */
ngx_int_t ngx_service_token_file_read(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_uint_t strict, ngx_str_t *text);

/*
 * records.c: the token's record and its user's, from the cache or by a
 * question.  NGX_OK: there is enough to decide.  NGX_AGAIN: the waiter waits.
 * NGX_ERROR: Redis cannot answer.  NGX_ABORT: what it answered is of no use.
 * NGX_BUSY: it may not be asked; ctx->verdict is THROTTLED or MALFORMED.
 */
ngx_int_t ngx_service_token_records_get(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;

/*
 * records.c: both from the cache, so many ms after the lease.  NGX_OK or
 * NGX_DECLINED.
 */
ngx_int_t ngx_service_token_records_stale(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_msec_t stale);

/*
 * records.c: 1: the cache holds the records of a token that is good, though
 * perhaps it may not use them now.  This lets nobody in.
 */
ngx_uint_t ngx_service_token_records_known(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/*
 * throttle.c: before a question.  NGX_OK: go on.  NGX_BUSY: the address fails
 * too often; ctx->verdict is THROTTLED.
 */
ngx_int_t ngx_service_token_throttle_ask(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/*
 * throttle.c: counts ctx->verdict if it is a failure; if the address fails too
 * often, and Redis was not asked, it becomes THROTTLED.
 */
void ngx_service_token_throttle_judge(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/* throttle.c: 1: it is a failure */
ngx_uint_t ngx_service_token_throttle_failed(stok_verdict_e verdict);

/* handler.c: the access phase */
ngx_int_t ngx_service_token_handler(ngx_http_request_t *r) stok_hot;

/* handler.c: before the first question: ctx->waiter.  NGX_OK or NGX_ERROR */
ngx_int_t ngx_service_token_handler_waiter(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/* count.c: the verdict of a request, for Last Used and the counters */
void ngx_service_token_count_verdict(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;

/*
 * bearer.c: the request's Authorization header -> ctx->digest.  NGX_OK, or
 * NGX_DECLINED with ctx->verdict MISSING or MALFORMED.
 */
ngx_int_t ngx_service_token_bearer_digest(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;

/* source.c: the same of lcf->places */
ngx_int_t ngx_service_token_source_digest(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx);

/*
 * bearer.c: the digest by the current key, and by the next older one:
 * NGX_DECLINED: no older key.
 */
void ngx_service_token_bearer_first(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;
ngx_int_t ngx_service_token_bearer_next(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/*
 * bearer.c: NGX_ABORT: it is malformed.  NGX_DECLINED: it has the shape of our
 * tokens and a checksum that is wrong, so there is no such token.  Only asked
 * for one that is not in the cache, where neither can ever be: nothing is
 * asked of Redis before this.
 */
ngx_int_t ngx_service_token_bearer_check(ngx_service_token_ctx_t *ctx);

/*
 * realm.c: a text as it stands in a quoted-string (RFC 9110 section 5.6.4),
 * without control characters.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_service_token_realm_quote(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *realm);

/*
 * realm.c: the value with variables, in the request's pool.  NULL: an error;
 * its data is NULL: it is "off".
 */
ngx_str_t *ngx_service_token_realm_get(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf);

/* challenge.c: a handler of a later phase; in a worker, a header filter */
ngx_int_t ngx_service_token_challenge_init(ngx_conf_t *cf);
void ngx_service_token_challenge_start(void);

/*
 * ctx->verdict -> status code, NGX_OK for ALLOWED; the answer of this status
 * will have the headers.
 */
ngx_int_t ngx_service_token_challenge_set(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/* let in: no header of an earlier refusal, unless that is what is answered */
void ngx_service_token_challenge_void(ngx_http_request_t *r);

/* status.c: the directive service_token_status */
char *ngx_service_token_status_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* variables.c */
ngx_int_t ngx_service_token_variables_add(ngx_conf_t *cf);

/*
 * Keeps a refusal for the log and the answer: an error_page to another
 * location clears the request's contexts.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_service_token_variables_keep(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);

/* the last refusal, others in refused_before; or NULL */
ngx_service_token_ctx_t *ngx_service_token_variables_refused(
    ngx_http_request_t *r);


extern ngx_module_t  ngx_service_token_module;


#endif /* NGX_SERVICE_TOKEN_H */
