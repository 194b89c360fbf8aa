/*
 * Verdict -> status, WWW-Authenticate, Retry-After.
 *
 * All the ways in which a presented token is bad give the same bytes: which
 * it was is told to the operator only.  The challenge hangs on
 * r->headers_out.www_authenticate, so that "satisfy any" can take it back.
 */


#include "ngx_service_token.h"


#define NGX_SERVICE_TOKEN_RETRY_AFTER  1           /* s: Redis may be back */


static ngx_int_t ngx_service_token_challenge_bearer(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, const char *error, ngx_int_t rc);
static ngx_int_t ngx_service_token_challenge_retry(ngx_http_request_t *r,
    time_t seconds, ngx_int_t status);
static ngx_table_elt_t *ngx_service_token_challenge_header(
    ngx_http_request_t *r);


ngx_int_t
ngx_service_token_challenge_set(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_int_t    rc;
    const char  *error;

    switch (ctx->verdict) {

    case STOK_ALLOWED:
        return NGX_OK;

    case STOK_MISSING:
        rc = NGX_HTTP_UNAUTHORIZED;
        error = NULL;
        break;

    case STOK_MALFORMED:
        rc = NGX_HTTP_BAD_REQUEST;
        error = "invalid_request";
        break;

    case STOK_UNKNOWN:
    case STOK_TAMPERED:
    case STOK_REVOKED:
    case STOK_EXPIRED:
    case STOK_ORPHANED:
    case STOK_USER_OFF:
    case STOK_NETWORK:
        rc = NGX_HTTP_UNAUTHORIZED;
        error = "invalid_token";
        break;

    case STOK_TYPE:
    case STOK_SCOPE:
    case STOK_ENV:
    case STOK_ROLE:
        rc = NGX_HTTP_FORBIDDEN;
        error = "insufficient_scope";
        break;

    case STOK_THROTTLED:
        return ngx_service_token_challenge_retry(r, ctx->retry,
                                                 NGX_HTTP_TOO_MANY_REQUESTS);

    default: /* STOK_UNAVAILABLE */
        return ngx_service_token_challenge_retry(r,
                                               NGX_SERVICE_TOKEN_RETRY_AFTER,
                                               NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    if (ngx_service_token_challenge_bearer(r, ctx, error, rc) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_service_token_challenge_bearer(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, const char *error, ngx_int_t rc)
{
    size_t                          len;
    u_char                         *p;
    ngx_table_elt_t                *h;
    ngx_service_token_loc_conf_t   *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);

    len = sizeof("Bearer realm=\"\", error=\"insufficient_scope\", scope=\"\"")
          - 1 + lcf->realm.len + ctx->role_needed.len;

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

    p = ngx_sprintf(p, "Bearer realm=\"%V\"", &lcf->realm);

    if (error) {
        p = ngx_sprintf(p, ", error=\"%s\"", error);
    }

    if (rc == NGX_HTTP_FORBIDDEN) {
        p = ngx_sprintf(p, ", scope=\"%V\"", &ctx->role_needed);
    }

    h->value.len = p - h->value.data;

    r->headers_out.www_authenticate = h;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_challenge_retry(ngx_http_request_t *r, time_t seconds,
    ngx_int_t status)
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

    return status;
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
