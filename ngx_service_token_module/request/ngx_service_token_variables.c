/*
 * $service_token_*.  Variables that name an identity are empty unless this
 * module let this request in at this location; they are evaluated anew each
 * time, since a request may pass through several locations.
 */


#include "ngx_service_token.h"


typedef enum {
    NGX_SERVICE_TOKEN_VAR_USER = 0,
    NGX_SERVICE_TOKEN_VAR_ID,
    NGX_SERVICE_TOKEN_VAR_NAME,
    NGX_SERVICE_TOKEN_VAR_ROLE,
    NGX_SERVICE_TOKEN_VAR_TYPE,
    NGX_SERVICE_TOKEN_VAR_SCOPE,
    NGX_SERVICE_TOKEN_VAR_ENV,
    NGX_SERVICE_TOKEN_VAR_EXPIRES
} ngx_service_token_variable_e;


static ngx_int_t ngx_service_token_variables_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_service_token_variables_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, int64_t expires_at);
static ngx_int_t ngx_service_token_variables_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_service_token_variables_cache(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_service_token_variables_source(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_service_token_variables_presented(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_service_token_variables_text(ngx_http_variable_value_t *v,
    const char *data, size_t len);
static ngx_service_token_ctx_t *ngx_service_token_variables_ctx(
    ngx_http_request_t *r);
static void ngx_service_token_variables_kept(void *data);


static ngx_http_variable_t  ngx_service_token_variables[] = {

    { ngx_string("service_token_user"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_USER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_id"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_name"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_NAME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_role"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_ROLE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_type"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_TYPE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_scope"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_SCOPE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_env"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_ENV, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_expires"), NULL,
      ngx_service_token_variables_identity,
      NGX_SERVICE_TOKEN_VAR_EXPIRES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_status"), NULL,
      ngx_service_token_variables_status, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_cache"), NULL,
      ngx_service_token_variables_cache, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_source"), NULL,
      ngx_service_token_variables_source, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_presented"), NULL,
      ngx_service_token_variables_presented,
      NGX_SERVICE_TOKEN_VAR_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("service_token_presented_user"), NULL,
      ngx_service_token_variables_presented,
      NGX_SERVICE_TOKEN_VAR_USER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_service_token_variables_add(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_service_token_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_service_token_variables_keep(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    ctx->refused_before = ngx_service_token_variables_refused(r);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_service_token_variables_kept;
    cln->data = ctx;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_variables_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    stok_str_t               *text;
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_service_token_module);

    if (ctx == NULL || !ctx->decided || ctx->verdict != STOK_ALLOWED) {
        ngx_service_token_variables_text(v, "", 0);
        return NGX_OK;
    }

    switch (data) {

    case NGX_SERVICE_TOKEN_VAR_USER:
        text = &ctx->token.user;
        break;

    case NGX_SERVICE_TOKEN_VAR_ID:
        text = &ctx->token.id;
        break;

    case NGX_SERVICE_TOKEN_VAR_NAME:
        text = &ctx->token.name;
        break;

    case NGX_SERVICE_TOKEN_VAR_ROLE:
        text = &ctx->user.role;
        break;

    case NGX_SERVICE_TOKEN_VAR_SCOPE:
        text = &ctx->token.scope;
        break;

    case NGX_SERVICE_TOKEN_VAR_ENV:
        text = &ctx->token.env;
        break;

    case NGX_SERVICE_TOKEN_VAR_TYPE:

        if (ctx->token.type == STOK_TYPE_SERVICE) {
            ngx_service_token_variables_text(v, "service", 7);

        } else {
            ngx_service_token_variables_text(v, "personal", 8);
        }

        return NGX_OK;

    default: /* NGX_SERVICE_TOKEN_VAR_EXPIRES */
        return ngx_service_token_variables_expires(r, v,
                                                   ctx->token.expires_at);
    }

    ngx_service_token_variables_text(v, text->data, text->len);

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_variables_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, int64_t expires_at)
{
    u_char  *p;

    if (expires_at == 0) {
        ngx_service_token_variables_text(v, "", 0);
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_service_token_variables_text(v, (const char *) p,
                                     ngx_sprintf(p, "%L", expires_at) - p);

    return NGX_OK;
}


/* OFF: not judged at this location, and not refused on the way to it */

static ngx_int_t
ngx_service_token_variables_status(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    stok_str_t                word;
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_service_token_variables_ctx(r);

    if (ctx == NULL || !ctx->decided) {
        ngx_service_token_variables_text(v, "OFF", 3);
        return NGX_OK;
    }

    if (ctx->stale && ctx->verdict == STOK_ALLOWED) {
        ngx_service_token_variables_text(v, "STALE", 5);
        return NGX_OK;
    }

    word = stok_verdict_word(ctx->verdict);
    ngx_service_token_variables_text(v, word.data, word.len);

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_variables_cache(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_service_token_variables_ctx(r);

    switch (ctx ? ctx->source : NGX_SERVICE_TOKEN_NOWHERE) {

    case NGX_SERVICE_TOKEN_HIT:
        ngx_service_token_variables_text(v, "HIT", 3);
        break;

    case NGX_SERVICE_TOKEN_MISS:
        ngx_service_token_variables_text(v, "MISS", 4);
        break;

    case NGX_SERVICE_TOKEN_BYPASS:
        ngx_service_token_variables_text(v, "BYPASS", 6);
        break;

    default: /* NGX_SERVICE_TOKEN_NOWHERE */
        ngx_service_token_variables_text(v, "", 0);
        break;
    }

    return NGX_OK;
}


/* where something was presented, whatever it was */

static ngx_int_t
ngx_service_token_variables_source(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_service_token_variables_ctx(r);

    if (ctx && ctx->place) {
        ngx_service_token_variables_text(v, (const char *) ctx->place->data,
                                         ctx->place->len);

    } else if (ctx && (ctx->bearer.len || ctx->verdict == STOK_MALFORMED)) {
        ngx_service_token_variables_text(v, "bearer", 6);

    } else {
        ngx_service_token_variables_text(v, "", 0);
    }

    return NGX_OK;
}


/* for logs only: the token that was presented may have been refused */

static ngx_int_t
ngx_service_token_variables_presented(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    stok_str_t               *text;
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_service_token_variables_ctx(r);

    if (ctx == NULL || !ctx->token_found) {
        ngx_service_token_variables_text(v, "", 0);
        return NGX_OK;
    }

    text = data == NGX_SERVICE_TOKEN_VAR_USER ? &ctx->token.user
                                              : &ctx->token.id;

    ngx_service_token_variables_text(v, text->data, text->len);

    return NGX_OK;
}


static void
ngx_service_token_variables_text(ngx_http_variable_value_t *v,
    const char *data, size_t len)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) data;
    v->len = len;
}


/* this location's, else that of the last refusal: for logs */

static ngx_service_token_ctx_t *
ngx_service_token_variables_ctx(ngx_http_request_t *r)
{
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_service_token_module);

    return ctx ? ctx : ngx_service_token_variables_refused(r);
}


ngx_service_token_ctx_t *
ngx_service_token_variables_refused(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_service_token_variables_kept) {
            return cln->data;
        }
    }

    return NULL;
}


/* marks the cleanup by its address; there is nothing to clean */

static void
ngx_service_token_variables_kept(void *data)
{
}
