/*
 * Authorization header -> digest.  After this the clear token is in nobody's
 * hands but the client's header buffer: nothing here copies or logs it.
 */


#include "ngx_service_token.h"


ngx_int_t
ngx_service_token_bearer_digest(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    int                             rc;
    stok_str_t                      text;
    ngx_table_elt_t                *h;
    ngx_service_token_main_conf_t  *mcf;

    h = r->headers_in.authorization;

    if (h == NULL) {
        ctx->verdict = STOK_MISSING;
        return NGX_DECLINED;
    }

    rc = stok_bearer_parse((const char *) h->value.data, h->value.len, &text);

    if (rc != STOK_OK) {
        ctx->verdict = (rc == STOK_DECLINED) ? STOK_MISSING : STOK_MALFORMED;
        return NGX_DECLINED;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    stok_digest(mcf->keys ? &mcf->keys->key[0] : NULL, text.data, text.len,
                ctx->digest);

    ctx->bearer = text;

    return NGX_OK;
}


ngx_int_t
ngx_service_token_bearer_check(ngx_service_token_ctx_t *ctx)
{
    int           rc;
    stok_token_t  token;

    rc = stok_token_parse(ctx->bearer.data, ctx->bearer.len, &token);

    return rc == STOK_INVALID ? NGX_DECLINED : NGX_OK;
}
