/*
 * The two records of a request: both from the worker's memo, or each from the
 * cache if it may be used, else by a question to Redis.  It is entered again
 * with the waiter's answer.
 *
 * A key file may hold older keys, by which the digests of older tokens were
 * made.  A digest does not name its key: a token that is unknown by one key is
 * looked for by the next.  Each digest has an entry of its own in the cache,
 * for "unknown" too, so a token that is known costs one look-up more for each
 * key before its own, and a guess as many as there are keys.
 */


#include "ngx_service_token.h"


static ngx_int_t ngx_service_token_records_each(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot stok_apart;
static void ngx_service_token_records_next(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user) stok_hot;
static ngx_int_t ngx_service_token_records_memo(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx) stok_hot;
static ngx_int_t ngx_service_token_records_one(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user,
    ngx_service_token_cached_t *cached);
static ngx_int_t ngx_service_token_records_read(ngx_service_token_ctx_t *ctx,
    ngx_uint_t user, ngx_int_t rc, ngx_str_t *record);
static ngx_int_t ngx_service_token_records_cached(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user, ngx_msec_t stale,
    ngx_service_token_cached_t *cached);
static ngx_uint_t ngx_service_token_records_followed(
    ngx_service_token_main_conf_t *mcf) stok_hot;
static ngx_uint_t ngx_service_token_records_answer(
    ngx_service_token_ctx_t *ctx, ngx_int_t rc);
static ngx_uint_t ngx_service_token_records_good(ngx_http_request_t *r,
    ngx_service_token_main_conf_t *mcf, const u_char *digest);


ngx_int_t
ngx_service_token_records_get(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    if (stok_likely(ctx->step == NGX_SERVICE_TOKEN_STEP_MEMO)
        && stok_likely(ngx_service_token_records_memo(r, ctx) == NGX_OK))
    {
        return NGX_OK;
    }

    return ngx_service_token_records_each(r, ctx);
}


static ngx_int_t
ngx_service_token_records_each(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_uint_t                      user;
    ngx_service_token_cached_t      cached[2];
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    cached[0].record.len = 0;
    cached[1].record.len = 0;

    while (ctx->step != NGX_SERVICE_TOKEN_STEP_DONE) {

        user = (ctx->step >= NGX_SERVICE_TOKEN_STEP_USER);

        rc = ngx_service_token_records_one(r, ctx, user, &cached[user]);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_service_token_records_next(r, ctx, user);

        /* by an older key */

        if (ctx->step == NGX_SERVICE_TOKEN_STEP_MEMO
            && ngx_service_token_records_memo(r, ctx) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    if (mcf->memo && cached[0].record.len && cached[1].record.len) {
        ngx_service_token_memo_note(mcf->memo, ctx->digest, &cached[0],
                                    &cached[1]);
    }

    return NGX_OK;
}


/* one of the two records is known */

static void
ngx_service_token_records_next(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user)
{
    ctx->step = NGX_SERVICE_TOKEN_STEP_DONE;

    if (user) {
        return;
    }

    if (!ctx->token_found) {

        if (ngx_service_token_bearer_next(r, ctx) == NGX_OK) {
            ctx->step = NGX_SERVICE_TOKEN_STEP_MEMO;
        }

        return;
    }

    /* a record that no user record can change needs none */

    if (!ctx->token.tampered) {
        ctx->step = NGX_SERVICE_TOKEN_STEP_USER;
    }
}


/* as ngx_service_token_memo_read() */

static ngx_int_t
ngx_service_token_records_memo(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (mcf->memo == NULL || !ngx_service_token_records_followed(mcf)) {
        return NGX_DECLINED;
    }

    rc = ngx_service_token_memo_read(mcf->memo, &mcf->cache, ctx->digest,
                                     ctx->records, &ctx->token, &ctx->user);

    if (stok_likely(rc == NGX_OK)) {
        ctx->step = NGX_SERVICE_TOKEN_STEP_DONE;
        ctx->token_found = 1;
        ctx->user_found = 1;

        ctx->source = ngx_max(ctx->source, NGX_SERVICE_TOKEN_HIT);
    }

    return rc;
}


/* one of the two: called at one place, so that both take the same way */

static ngx_int_t
ngx_service_token_records_one(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user,
    ngx_service_token_cached_t *cached)
{
    ngx_int_t                       rc;
    ngx_service_token_waiter_t     *waiter;
    ngx_service_token_main_conf_t  *mcf;

    if (stok_unlikely(ctx->step == NGX_SERVICE_TOKEN_STEP_TOKEN_ASKED
                      || ctx->step == NGX_SERVICE_TOKEN_STEP_USER_ASKED))
    {
        waiter = ctx->waiter;

        return ngx_service_token_records_read(ctx, user, waiter->rc,
                                              &waiter->record);
    }

    rc = ngx_service_token_records_cached(r, ctx, user, 0, cached);

    if (stok_likely(ngx_service_token_records_answer(ctx, rc))) {
        return ngx_service_token_records_read(ctx, user, rc, &cached->record);
    }

    rc = user ? NGX_OK : ngx_service_token_bearer_check(ctx);

    if (rc != NGX_OK) {
        ctx->source = NGX_SERVICE_TOKEN_NOWHERE;
        ctx->key = STOK_KEYS_MAX;                 /* nor by any other */

        if (rc == NGX_ABORT) {
            ctx->verdict = STOK_MALFORMED;
            return NGX_BUSY;
        }

        return NGX_OK;
    }

    if (ngx_service_token_throttle_ask(r, ctx) != NGX_OK) {
        return NGX_BUSY;
    }

    if (ngx_service_token_handler_waiter(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    waiter = ctx->waiter;
    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (user) {
        ctx->step = NGX_SERVICE_TOKEN_STEP_USER_ASKED;
        return ngx_service_token_lookup_user(mcf->lookups, waiter,
                                             ctx->token.user, ctx->token.id);
    }

    ctx->step = NGX_SERVICE_TOKEN_STEP_TOKEN_ASKED;
    return ngx_service_token_lookup_token(mcf->lookups, waiter, ctx->digest);
}


/* as ngx_service_token_cache_read() */

static ngx_int_t
ngx_service_token_records_cached(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, ngx_uint_t user, ngx_msec_t stale,
    ngx_service_token_cached_t *cached)
{
    stok_table_key_t                key;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (!ngx_service_token_records_followed(mcf)) {
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
                                        cached);
}


/* 1: this worker has seen no server but the one that the cache follows */

static ngx_uint_t
ngx_service_token_records_followed(ngx_service_token_main_conf_t *mcf)
{
    ngx_service_token_link_t  *link;

    link = mcf->link;

    return (link->server == 0 && link->state != NGX_SERVICE_TOKEN_LINK_READY)
           || link->server == ngx_service_token_cache_server(&mcf->cache);
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

    } else {
        ctx->token_found = found;
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
    ngx_int_t                   rc;
    ngx_uint_t                  user;
    ngx_service_token_cached_t  cached;

    /* what Redis has just answered is never older than what is kept */

    user = ctx->token_found;

    if (!user) {
        ngx_service_token_bearer_first(r, ctx);
    }

    for ( /* void */ ; user < 2; user++) {

        do {
            rc = ngx_service_token_records_cached(r, ctx, user, stale,
                                                  &cached);
        } while (rc != NGX_OK && !user
                 && ngx_service_token_bearer_next(r, ctx) == NGX_OK);

        if (rc != NGX_OK
            || ngx_service_token_records_read(ctx, user, NGX_OK,
                                              &cached.record)
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
    size_t                      len;
    u_char                     *bytes;
    ngx_int_t                   rc;
    stok_addr_t                 addr;
    stok_require_t              require;
    stok_verdict_e              verdict;
    stok_table_key_t            key;
    stok_user_record_t          user;
    stok_token_record_t         token;
    ngx_service_token_cached_t  cached;

    stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_TOKEN, digest,
                   STOK_DIGEST_LEN, 1);

    if (ngx_service_token_cache_seen(&mcf->cache, &key, r->pool, &cached)
        != NGX_OK
        || stok_token_record_unpack(&token, cached.record.data,
                                    cached.record.len)
           != STOK_OK)
    {
        return 0;
    }

    stok_table_key(&key, NGX_SERVICE_TOKEN_KIND_USER, token.user.data,
                   token.user.len, 0);

    rc = ngx_service_token_cache_seen(&mcf->cache, &key, r->pool, &cached);

    if (rc == NGX_OK
        && stok_user_record_unpack(&user, cached.record.data,
                                    cached.record.len)
           != STOK_OK)
    {
        return 0;
    }

    ngx_memzero(&require, sizeof(stok_require_t));
    require.roles = &mcf->roles;
    require.types = STOK_TYPE_ANY;

    len = ngx_service_token_addr(r->connection->sockaddr, &bytes);
    stok_addr_set(&addr, bytes, len);

    verdict = stok_decide(&token, rc == NGX_OK ? &user : NULL, &require,
                          &addr, ngx_time());

    /* of a user that is not in the cache nothing is known */

    return !ngx_service_token_throttle_failed(verdict)
           || (verdict == STOK_ORPHANED && rc == NGX_AGAIN);
}
