/*
 * Authorization header -> digest.  After this the plaintext token is in
 * nobody's hands but the client's header buffer: nothing here copies or logs
 * it.
 *
 * Its grammar is checked only if no record of that digest is in the cache:
 * Redis is asked for nothing that has not passed, so what is there has.
 */


#include "ngx_service_token.h"


static ngx_inline void
ngx_service_token_bearer_hash(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    stok_digest(mcf->keys ? &mcf->keys->key[0] : NULL, ctx->bearer.data,
                ctx->bearer.len, ctx->digest);
}


ngx_int_t
ngx_service_token_bearer_digest(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    int               rc;
    stok_str_t        text;
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (stok_unlikely(h == NULL)) {
        ctx->verdict = STOK_MISSING;
        return NGX_DECLINED;
    }

    rc = stok_bearer_find((const char *) h->value.data, h->value.len, &text);

    if (stok_unlikely(rc != STOK_OK)) {
        ctx->verdict = (rc == STOK_DECLINED) ? STOK_MISSING : STOK_MALFORMED;
        return NGX_DECLINED;
    }

    ctx->bearer = text;
    ngx_service_token_bearer_hash(r, ctx);

    return NGX_OK;
}


void
ngx_service_token_bearer_first(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ctx->key = 0;
    ngx_service_token_bearer_hash(r, ctx);
}


/* the header's buffer is there for as long as the request */

ngx_int_t
ngx_service_token_bearer_next(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (mcf->keys == NULL || ctx->key + 1 >= mcf->keys->n) {
        return NGX_DECLINED;
    }

    stok_digest(&mcf->keys->key[++ctx->key], ctx->bearer.data,
                ctx->bearer.len, ctx->digest);

    return NGX_OK;
}


ngx_int_t
ngx_service_token_bearer_check(ngx_service_token_ctx_t *ctx)
{
    int           rc;
    stok_token_t  token;

    if (stok_bearer_check(ctx->bearer.data, ctx->bearer.len) != STOK_OK) {
        return NGX_ABORT;
    }

    rc = stok_token_parse(ctx->bearer.data, ctx->bearer.len, &token);

    return rc == STOK_INVALID ? NGX_DECLINED : NGX_OK;
}
