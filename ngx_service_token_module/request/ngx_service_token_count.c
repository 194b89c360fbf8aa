/*
 * Counts a request: its verdict, and Last Used of its token.
 *
 * A request may be judged more than once: an internal redirect begins anew at
 * another location.  Each verdict counts once for a request, so a page that
 * nginx finds by "index" or "try_files" is one use, and one that is refused
 * there after all is a use and a refusal.
 *
 * The counts made so far are remembered among the cleanups of the pool, since
 * a redirect takes the contexts: by one that does nothing, which nginx passes
 * over.  It lies in the context, whose memory stays.
 */


#include "ngx_service_token.h"


static ngx_uint_t ngx_service_token_count_again(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;
static void ngx_service_token_count_expiring(int64_t left);
static void ngx_service_token_count_touch(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t again) stok_hot;


/* their addresses say which verdict was counted */
static u_char  ngx_service_token_count_seen[STOK_VERDICTS];


/* entered again when the phases are run again: ctx->counted */

void
ngx_service_token_count_verdict(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_uint_t  again;

    if (stok_unlikely(ctx->counted)) {
        return;
    }

    ctx->counted = 1;

    again = ngx_service_token_count_again(r, ctx);

    if (stok_likely(!again)) {
        ngx_service_token_count(requests[ctx->verdict][ctx->source]);

        if (stok_unlikely(ctx->stale)) {
            ngx_service_token_count(stale);
        }

        if (ctx->verdict == STOK_ALLOWED && ctx->token.expires_at) {
            ngx_service_token_count_expiring(ctx->token.expires_at
                                             - ngx_time());
        }
    }

    /*
     * a record whose seal is wrong may name any token; and a throttled client
     * makes no work for Redis
     */

    if (stok_likely(ctx->token_found && !ctx->token.tampered
                    && ctx->verdict != STOK_UNAVAILABLE
                    && ctx->verdict != STOK_THROTTLED && !ctx->role_error))
    {
        ngx_service_token_count_touch(r, ctx, again);
    }
}


/* 1: this request has had that verdict already */

static ngx_uint_t
ngx_service_token_count_again(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_pool_cleanup_t  *cln;

    if (stok_unlikely(r->internal)) {
        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->data == &ngx_service_token_count_seen[ctx->verdict]) {
                return 1;
            }
        }
    }

    cln = &ctx->seen;
    cln->handler = NULL;
    cln->data = &ngx_service_token_count_seen[ctx->verdict];
    cln->next = r->pool->cleanup;

    r->pool->cleanup = cln;

    return 0;
}


/* a successor is made 30 days before; at 7 days it is late; at 1 urgent */

static void
ngx_service_token_count_expiring(int64_t left)
{
    if (left < 30 * 86400) {
        ngx_service_token_count(expiring[NGX_SERVICE_TOKEN_EXPIRING_30D]);
    }

    if (left < 7 * 86400) {
        ngx_service_token_count(expiring[NGX_SERVICE_TOKEN_EXPIRING_7D]);
    }

    if (left < 86400) {
        ngx_service_token_count(expiring[NGX_SERVICE_TOKEN_EXPIRING_1D]);
    }
}


static void
ngx_service_token_count_touch(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t again)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_service_token_touch_t       touch;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    touch.id = ctx->token.id;
    touch.digest = ctx->digest;
    touch.now = ngx_time();
    touch.sockaddr = r->connection->sockaddr;
    touch.location = &clcf->name;
    touch.role.data = (const char *) ctx->role_needed.data;
    touch.role.len = ctx->role_needed.len;
    touch.rank = ctx->rank_needed;
    touch.verdict = ctx->verdict;
    touch.counted = again;

    ngx_service_token_last_used_touch(mcf->last_used, &touch);
}
