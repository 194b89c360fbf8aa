/*
 * Verdict -> status, WWW-Authenticate, Retry-After.
 *
 * All the ways in which a presented token is bad give the same bytes: which it
 * was is shown to the operator only.
 *
 * The headers are written when the answer is, and not when a request is
 * refused: an error_page may lead on to a location that judges it again, or
 * has another status; with "satisfy any" another method may let it in.  An
 * answer has those of the last refusal of this request with its very status,
 * and none of a refusal that the request came past:
 *
 *     refused     ctx->answer; the context is kept, see variables.c
 *     let in      by us or by another method: a refusal that is not what the
 *                 answer tells (r->err_status, of an error_page) is void
 *     answered    the header filter
 */


#include "ngx_service_token.h"


#define NGX_SERVICE_TOKEN_RETRY_AFTER  1           /* s: Redis may be back */


static ngx_int_t ngx_service_token_challenge_status(stok_verdict_e verdict,
    const char **error);
static void ngx_service_token_challenge_others(ngx_http_request_t *r,
    ngx_uint_t shown);
static ngx_int_t ngx_service_token_challenge_passed(ngx_http_request_t *r);
static ngx_int_t ngx_service_token_challenge_filter(ngx_http_request_t *r);
static ngx_int_t ngx_service_token_challenge_bearer(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, const char *error);
static ngx_int_t ngx_service_token_challenge_basic(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);
static ngx_int_t ngx_service_token_challenge_retry(ngx_http_request_t *r,
    time_t seconds);
static ngx_table_elt_t *ngx_service_token_challenge_header(
    ngx_http_request_t *r);
static void ngx_service_token_challenge_once(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_service_token_challenge_next;


ngx_int_t
ngx_service_token_challenge_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_service_token_challenge_passed;

    return NGX_OK;
}


/*
 * Only now: the module stands before nginx's own filters, so that its check
 * comes after "allow" and "deny", and they would forget a filter of before.
 */

void
ngx_service_token_challenge_start(void)
{
    if (ngx_http_top_header_filter != ngx_service_token_challenge_filter) {
        ngx_service_token_challenge_next = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_service_token_challenge_filter;
    }
}


ngx_int_t
ngx_service_token_challenge_set(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    const char                    *error;
    ngx_service_token_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);

    /* of an earlier refusal, by another module: now it is ours */

    ngx_service_token_challenge_others(r, 0);

    ctx->challenges = lcf->challenges;
    ctx->answer = ngx_service_token_challenge_status(ctx->verdict, &error);

    return ctx->answer;
}


static ngx_int_t
ngx_service_token_challenge_status(stok_verdict_e verdict, const char **error)
{
    *error = NULL;

    switch (verdict) {

    case STOK_ALLOWED:
        return NGX_OK;

    case STOK_MISSING:
        return NGX_HTTP_UNAUTHORIZED;

    case STOK_MALFORMED:
        *error = "invalid_request";
        return NGX_HTTP_BAD_REQUEST;

    case STOK_UNKNOWN:
    case STOK_TAMPERED:
    case STOK_REVOKED:
    case STOK_EXPIRED:
    case STOK_ORPHANED:
    case STOK_USER_OFF:
    case STOK_NETWORK:
        *error = "invalid_token";
        return NGX_HTTP_UNAUTHORIZED;

    case STOK_TYPE:
    case STOK_SCOPE:
    case STOK_ENV:
    case STOK_ROLE:
        *error = "insufficient_scope";
        return NGX_HTTP_FORBIDDEN;

    case STOK_THROTTLED:
        return NGX_HTTP_TOO_MANY_REQUESTS;

    default: /* STOK_UNAVAILABLE */
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
}


/*
 * Another module's challenge of before is as void as ours; what is answered is
 * told also if "satisfy any" took it back from an error page.
 */

void
ngx_service_token_challenge_void(ngx_http_request_t *r)
{
    ngx_service_token_ctx_t  *ctx;

    for (ctx = ngx_service_token_variables_refused(r); ctx;
         ctx = ctx->refused_before)
    {
        if (ctx->answer != (ngx_int_t) r->err_status) {
            ctx->answer = NGX_OK;
        }
    }

    ngx_service_token_challenge_others(r,
                                    r->err_status == NGX_HTTP_UNAUTHORIZED);
}


static void
ngx_service_token_challenge_others(ngx_http_request_t *r, ngx_uint_t shown)
{
    ngx_table_elt_t  *h;

    for (h = r->headers_out.www_authenticate; h; /* void */ ) {
        h->hash = shown;

#if (nginx_version >= 1023000)
        h = h->next;
#else
        h = NULL;
#endif
    }
}


/* only accepted requests come here, be it by "satisfy any" */

static ngx_int_t
ngx_service_token_challenge_passed(ngx_http_request_t *r)
{
    ngx_service_token_ctx_t       *ctx;
    ngx_service_token_loc_conf_t  *lcf;

    ctx = ngx_http_get_module_ctx(r, ngx_service_token_module);

    if (stok_unlikely(r->err_status || (ctx && ctx->verdict != STOK_ALLOWED)))
    {
        lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);

        if (lcf->enable) {
            ngx_service_token_challenge_void(r);
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_service_token_challenge_filter(ngx_http_request_t *r)
{
    ngx_int_t                 rc, status;
    const char               *error;
    ngx_service_token_ctx_t  *ctx;

    status = (ngx_int_t) r->headers_out.status;

    if (stok_likely(status < NGX_HTTP_BAD_REQUEST) || r != r->main) {
        return ngx_service_token_challenge_next(r);
    }

    ctx = ngx_service_token_variables_refused(r);

    if (r->headers_out.www_authenticate
        && r->headers_out.www_authenticate->hash)
    {
        ngx_service_token_challenge_once(r);
    }

    while (ctx && ctx->answer != status) {
        ctx = ctx->refused_before;
    }

    if (ctx) {
        (void) ngx_service_token_challenge_status(ctx->verdict, &error);

        if (ctx->verdict == STOK_THROTTLED) {
            rc = ngx_service_token_challenge_retry(r, ctx->retry);

        } else if (ctx->verdict == STOK_UNAVAILABLE) {
            rc = ngx_service_token_challenge_retry(r,
                                                NGX_SERVICE_TOKEN_RETRY_AFTER);

        } else {
            rc = NGX_OK;

            if (ctx->challenges & NGX_SERVICE_TOKEN_CHALLENGE_BEARER) {
                rc = ngx_service_token_challenge_bearer(r, ctx, error);
            }

            if (rc == NGX_OK && status == NGX_HTTP_UNAUTHORIZED
                && ctx->challenges & NGX_SERVICE_TOKEN_CHALLENGE_BASIC)
            {
                rc = ngx_service_token_challenge_basic(r, ctx);
            }
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_service_token_challenge_next(r);
}


static ngx_int_t
ngx_service_token_challenge_bearer(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, const char *error)
{
    size_t            len;
    u_char           *p;
    ngx_table_elt_t  *h;

    len = sizeof("Bearer realm=\"\", error=\"insufficient_scope\", scope=\"\"")
          - 1 + ctx->realm->len + ctx->role_needed.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_service_token_challenge_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "WWW-Authenticate");

    h->value.data = p;

    p = ngx_sprintf(p, "Bearer realm=\"%V\"", ctx->realm);

    if (error) {
        p = ngx_sprintf(p, ", error=\"%s\"", error);
    }

    if (ctx->verdict == STOK_TYPE || ctx->verdict == STOK_SCOPE
        || ctx->verdict == STOK_ENV || ctx->verdict == STOK_ROLE)
    {
        p = ngx_sprintf(p, ", scope=\"%V\"", &ctx->role_needed);
    }

    h->value.len = p - h->value.data;

    return NGX_OK;
}


/* RFC 7617; without it git does not ask for a password */

static ngx_int_t
ngx_service_token_challenge_basic(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, sizeof("Basic realm=\"\"") - 1 + ctx->realm->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_service_token_challenge_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "Basic realm=\"%V\"", ctx->realm) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_challenge_retry(ngx_http_request_t *r, time_t seconds)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_service_token_challenge_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Retry-After");
    h->value.data = p;
    h->value.len = ngx_sprintf(p, "%T", seconds) - p;

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_service_token_challenge_header(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return h;
}


/*
 * Another module that has refused twice, on the way through an error_page,
 * has told its challenge twice.
 */

static void
ngx_service_token_challenge_once(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *last;

    last = r->headers_out.www_authenticate;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&h[i] != last
                && h[i].key.len == last->key.len
                && ngx_strncasecmp(h[i].key.data, last->key.data,
                                   last->key.len)
                   == 0
                && h[i].value.len == last->value.len
                && ngx_memcmp(h[i].value.data, last->value.data,
                              last->value.len)
                   == 0)
            {
                h[i].hash = 0;
            }
        }
    }
}
