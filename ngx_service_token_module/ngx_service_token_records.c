/*
 * The two records of a request, each from the cache if it may be used, else by
 * a question to Redis.  It is entered again with the waiter's answer.
 *
 * A key file may hold older keys, by which the digests of older tokens were
 * made.  A digest does not name its key: a token that is unknown by one key is
 * looked for by the next.  Each digest has an entry of its own in the cache,
 * for "unknown" too, so a token that is known costs one look-up more for each
 * key before its own, and a guess as many as there are keys.
 */


#include "ngx_service_token.h"


static ngx_int_t ngx_service_token_records_one(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user) stok_hot;
static ngx_int_t ngx_service_token_records_read(ngx_service_token_ctx_t *ctx,
    ngx_uint_t user, ngx_int_t rc, ngx_str_t *record) stok_hot;
static ngx_int_t ngx_service_token_records_cached(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user, ngx_msec_t stale,
    ngx_str_t *record) stok_hot;
static ngx_uint_t ngx_service_token_records_answer(
    ngx_service_token_ctx_t *ctx, ngx_int_t rc) stok_hot;
static ngx_uint_t ngx_service_token_records_good(ngx_http_request_t *r,
    ngx_service_token_main_conf_t *mcf, const u_char *digest);


ngx_int_t
ngx_service_token_records_get(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_uint_t  user;

    for ( ;; ) {
        user = ctx->token_done;

        /* what no user record can change needs none */

        if (user && (ctx->user_done || !ctx->token_found
                     || ctx->token.tampered))
        {
            return NGX_OK;
        }

        rc = ngx_service_token_records_one(r, ctx, user);

        if (rc != NGX_OK) {
            return rc;
        }

        if (!user && !ctx->token_found
            && ngx_service_token_bearer_next(r, ctx) == NGX_OK)
        {
            ctx->token_done = 0;
        }
    }
}


/* one of the two: called at one place, so that both take the same way */

static ngx_int_t
ngx_service_token_records_one(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user)
{
    ngx_int_t                       rc;
    ngx_str_t                       record;
    ngx_service_token_waiter_t     *waiter;
    ngx_service_token_main_conf_t  *mcf;

    waiter = &ctx->waiter;

    if (stok_unlikely(ctx->asked)) {
        ctx->asked = 0;
        return ngx_service_token_records_read(ctx, user, waiter->rc,
                                              &waiter->record);
    }

    rc = ngx_service_token_records_cached(r, ctx, user, 0, &record);

    if (stok_likely(ngx_service_token_records_answer(ctx, rc))) {
        return ngx_service_token_records_read(ctx, user, rc, &record);
    }

    if (!user && ngx_service_token_bearer_check(ctx) != NGX_OK) {
        ctx->source = NGX_SERVICE_TOKEN_NOWHERE;
        ctx->key = STOK_KEYS_MAX;                 /* nor by any other */
        ctx->token_done = 1;
        return NGX_OK;
    }

    if (ngx_service_token_throttle_ask(r, ctx) != NGX_OK) {
        return NGX_BUSY;
    }

    ctx->asked = 1;
    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (user) {
        return ngx_service_token_lookup_user(mcf->lookups, waiter,
                                             ctx->token.user, ctx->token.id);
    }

    return ngx_service_token_lookup_token(mcf->lookups, waiter, ctx->digest);
}


/* as ngx_service_token_cache_read() */

static ngx_int_t
ngx_service_token_records_cached(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user, ngx_msec_t stale,
    ngx_str_t *record)
{
    stok_table_key_t                key;
    ngx_service_token_link_t       *link;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);
    link = mcf->link;

    /* a worker that was never connected has seen no other server */

    if ((link->server || link->state == NGX_SERVICE_TOKEN_LINK_READY)
        && link->server != ngx_service_token_cache_server(&mcf->cache))
    {
        return NGX_BUSY;
    }

    if (user) {
        stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_USER,
                       ctx->token.user.data, ctx->token.user.len, 0);

    } else {
        stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_TOKEN, ctx->digest,
                       STOK_DIGEST_LEN, 1);
    }

    return ngx_service_token_cache_read(&mcf->cache, &key, stale, r->pool,
                                        record);
}


/* an answer of the cache or of a question */

static ngx_int_t
ngx_service_token_records_read(ngx_service_token_ctx_t *ctx, ngx_uint_t user,
    ngx_int_t rc, ngx_str_t *record)
{
    int  found;

    if (stok_unlikely(rc != NGX_OK && rc != NGX_DECLINED)) {
        return rc;
    }

    found = 0;

    if (rc == NGX_OK) {
        found = 1;

        if ((user ? stok_user_record_unpack(&ctx->user, record->data,
                                            record->len)
                  : stok_token_record_unpack(&ctx->token, record->data,
                                             record->len))
            != STOK_OK)
        {
            return NGX_ABORT;
        }
    }

    if (user) {
        ctx->user_found = found;
        ctx->user_done = 1;

    } else {
        ctx->token_found = found;
        ctx->token_done = 1;
    }

    return NGX_OK;
}


/* 1: this is an answer; notes where it came from, the least good counts */

static ngx_uint_t
ngx_service_token_records_answer(ngx_service_token_ctx_t *ctx, ngx_int_t rc)
{
    ngx_service_token_source_e  source;

    source = (rc == NGX_AGAIN) ? NGX_SERVICE_TOKEN_MISS
             : (rc == NGX_BUSY) ? NGX_SERVICE_TOKEN_BYPASS
             : NGX_SERVICE_TOKEN_HIT;

    ctx->source = ngx_max(ctx->source, source);

    return source == NGX_SERVICE_TOKEN_HIT;
}


ngx_int_t
ngx_service_token_records_stale(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_msec_t stale)
{
    ngx_int_t   rc;
    ngx_str_t   record;
    ngx_uint_t  user;

    /* what Redis has just answered is never older than what is kept */

    user = ctx->token_done && ctx->token_found;

    if (!user) {
        ngx_service_token_bearer_first(r, ctx);
    }

    for ( /* void */ ; user < 2; user++) {

        do {
            rc = ngx_service_token_records_cached(r, ctx, user, stale,
                                                  &record);
        } while (rc != NGX_OK && !user
                 && ngx_service_token_bearer_next(r, ctx) == NGX_OK);

        if (rc != NGX_OK
            || ngx_service_token_records_read(ctx, user, NGX_OK, &record)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_service_token_records_known(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    size_t                          i;
    u_char                          digest[STOK_DIGEST_LEN];
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    i = 0;

    do {
        stok_digest(mcf->keys ? &mcf->keys->key[i] : NULL, ctx->bearer.data,
                    ctx->bearer.len, digest);

        if (ngx_service_token_records_good(r, mcf, digest)) {
            return 1;
        }

        i++;

    } while (mcf->keys && i < mcf->keys->n);

    return 0;
}


/* by what the cache holds, or held: of any age */

static ngx_uint_t
ngx_service_token_records_good(ngx_http_request_t *r,
    ngx_service_token_main_conf_t *mcf, const u_char *digest)
{
    ngx_int_t            rc;
    ngx_str_t            record;
    stok_require_t       require;
    stok_verdict_e       verdict;
    stok_table_key_t     key;
    stok_user_record_t   user;
    stok_token_record_t  token;

    stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_TOKEN, digest,
                   STOK_DIGEST_LEN, 1);

    if (ngx_service_token_cache_seen(&mcf->cache, &key, r->pool, &record)
        != NGX_OK
        || stok_token_record_unpack(&token, record.data, record.len)
           != STOK_OK)
    {
        return 0;
    }

    stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_USER, token.user.data,
                   token.user.len, 0);

    rc = ngx_service_token_cache_seen(&mcf->cache, &key, r->pool, &record);

    if (rc == NGX_OK
        && stok_user_record_unpack(&user, record.data, record.len)
           != STOK_OK)
    {
        return 0;
    }

    ngx_memzero(&require, sizeof(stok_require_t));
    require.roles = &mcf->roles;
    require.types = STOK_TYPE_ANY;

    verdict = stok_decide(&token, rc == NGX_OK ? &user : NULL, &require,
                          ngx_time());

    /* of a user that is not in the cache nothing is known */

    return !ngx_service_token_throttle_failed(verdict)
           || (verdict == STOK_ORPHANED && rc == NGX_AGAIN);
}
