/*
 * The access phase: begin, wait, decide.
 *
 *     begin    the role this location needs; Authorization -> digest
 *     records  digest -> token record -> user record, in records.c
 *     decide   both records, the requirement and now -> verdict
 *
 * A request that waits has left r->main->count alone and returned NGX_AGAIN.
 * Its waiter's event brings it back: posted with an answer, or timed out.  Any
 * other event may enter the handler while it waits; that is harmless:
 * ctx->waiting says so.
 *
 * A waiter lies in the request's pool.  The request may end while it waits
 * (the client leaves, the worker terminates it): the request's cleanup takes
 * the waiter off, whatever the way out.
 */


#include "ngx_service_token.h"


static ngx_service_token_ctx_t *ngx_service_token_handler_begin(
    ngx_http_request_t *r, ngx_service_token_loc_conf_t *lcf) stok_hot;
static ngx_int_t ngx_service_token_handler_role(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx) stok_hot;
static ngx_int_t ngx_service_token_handler_wait(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx);
static void ngx_service_token_handler_wake(ngx_event_t *ev);
static void ngx_service_token_handler_cleanup(void *data);
static void ngx_service_token_handler_decide(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx) stok_hot;
static stok_verdict_e ngx_service_token_handler_judge(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx,
    stok_user_record_t *user) stok_apart;
static ngx_int_t ngx_service_token_handler_done(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx) stok_hot;


static time_t  ngx_service_token_handler_warned;


ngx_int_t
ngx_service_token_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_str_t                     *realm;
    ngx_service_token_ctx_t       *ctx;
    ngx_service_token_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);

    if (!lcf->enable) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_service_token_module);

    if (stok_likely(ctx == NULL)) {
        realm = &lcf->realm;

        if (stok_unlikely(lcf->realm_value)) {
            realm = ngx_service_token_realm_get(r, lcf);

            if (realm == NULL) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            if (realm->data == NULL) {
                return NGX_DECLINED;
            }
        }

        ctx = ngx_service_token_handler_begin(r, lcf);
        if (stok_unlikely(ctx == NULL)) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->realm = realm;
    }

    if (stok_unlikely(ctx->waiting)) {
        return NGX_AGAIN;
    }

    if (stok_likely(!ctx->decided)) {
        rc = ngx_service_token_records_get(r, ctx);

        if (stok_unlikely(rc == NGX_AGAIN)) {
            return ngx_service_token_handler_wait(r, ctx);
        }

        if (stok_unlikely(rc == NGX_ERROR) && lcf->stale
            && ngx_service_token_records_stale(r, ctx, lcf->stale) == NGX_OK)
        {
            ctx->stale = 1;
            rc = NGX_OK;
        }

        if (stok_likely(rc == NGX_OK)) {
            ngx_service_token_handler_decide(r, lcf, ctx);

        } else if (rc != NGX_BUSY) {
            ctx->verdict = STOK_UNAVAILABLE;
        }

        ctx->decided = 1;
    }

    return ngx_service_token_handler_done(r, lcf, ctx);
}


static ngx_service_token_ctx_t *
ngx_service_token_handler_begin(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf)
{
    ngx_service_token_ctx_t  *ctx;

    ctx = ngx_palloc(r->pool, sizeof(ngx_service_token_ctx_t));
    if (stok_unlikely(ctx == NULL)) {
        return NULL;
    }

    ngx_memzero(ctx, offsetof(ngx_service_token_ctx_t, realm));

    ngx_http_set_ctx(r, ctx, ngx_service_token_module);

    if (stok_unlikely(ngx_service_token_handler_role(r, lcf, ctx) != NGX_OK)) {
        ctx->role_error = 1;
        ctx->verdict = STOK_ROLE;
        ctx->decided = 1;
        return ctx;
    }

    if (stok_unlikely((stok_likely(lcf->places == NULL)
                       ? ngx_service_token_bearer_digest(r, ctx)
                       : ngx_service_token_source_digest(r, lcf, ctx))
                      != NGX_OK))
    {
        ctx->decided = 1;
    }

    return ctx;
}


static ngx_int_t
ngx_service_token_handler_role(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx)
{
    stok_str_t                      name;
    ngx_service_token_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (stok_likely(lcf->role == NULL || lcf->role->lengths == NULL)) {
        ctx->rank_needed = lcf->rank;
        ctx->role_needed.data = (u_char *) mcf->roles.name[lcf->rank].data;
        ctx->role_needed.len = mcf->roles.name[lcf->rank].len;
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, lcf->role, &ctx->role_needed) != NGX_OK) {
        return NGX_ERROR;
    }

    name.data = (const char *) ctx->role_needed.data;
    name.len = ctx->role_needed.len;

    ctx->rank_needed = stok_role_rank(&mcf->roles, name);

    if (ctx->rank_needed < 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "service_token_role \"%V\" is not a role: \"%V\"",
                      &lcf->role->value, &ctx->role_needed);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_service_token_handler_waiter(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_service_token_waiter_t  *waiter;

    if (ctx->waiter) {
        return NGX_OK;
    }

    waiter = ngx_pcalloc(r->pool, sizeof(ngx_service_token_waiter_t));
    if (waiter == NULL) {
        return NGX_ERROR;
    }

    waiter->pool = r->pool;
    waiter->event.handler = ngx_service_token_handler_wake;
    waiter->event.data = ctx;
    waiter->event.log = r->connection->log;

    ctx->waiter = waiter;
    ctx->request = r;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_handler_wait(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    ngx_connection_t               *c;
    ngx_http_cleanup_t             *cln;
    ngx_service_token_main_conf_t  *mcf;

    c = r->connection;

    if (!ctx->cleanup) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            ngx_service_token_lookup_leave(ctx->waiter);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_service_token_handler_cleanup;
        cln->data = ctx;
        ctx->cleanup = 1;

        /* one deadline for all that this request waits for */

        mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);
        ngx_add_timer(&ctx->waiter->event, mcf->redis->timeout);
    }

    ctx->waiting = 1;
    ngx_service_token_count(waiters);

    /* to see the client leave, as limit_req does */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_service_token_handler_cleanup(ctx);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_AGAIN;
}


/*
 * The waiter's event.  An answer was posted: the waiter has left its lookup.
 * Or the request's time is over: it still waits there, and is taken off.  The
 * request goes on with either, unless it is elsewhere by now.
 */

static void
ngx_service_token_handler_wake(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_service_token_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (!ctx->waiting) {
        return;
    }

    /* post_action: the request has gone elsewhere, and left its contexts */

    if (ngx_http_get_module_ctx(r, ngx_service_token_module) != ctx) {
        ngx_service_token_handler_cleanup(ctx);
        return;
    }

    /* too late */

    if (ctx->waiter->lookup) {
        ngx_service_token_lookup_leave(ctx->waiter);
        ctx->waiter->rc = NGX_ERROR;
    }

    ctx->waiting = 0;
    ngx_service_token_count_add(waiters, -1);
    r->read_event_handler = ngx_http_block_reading;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_service_token_handler_cleanup(void *data)
{
    ngx_service_token_ctx_t  *ctx;

    ctx = data;

    ngx_service_token_lookup_leave(ctx->waiter);

    if (ctx->waiter->event.timer_set) {
        ngx_del_timer(&ctx->waiter->event);
    }

    if (ctx->waiting) {
        ctx->waiting = 0;
        ngx_service_token_count_add(waiters, -1);
    }
}


static void
ngx_service_token_handler_decide(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx)
{
    stok_user_record_t  *user;

    if (stok_likely(ctx->token_found)) {
        user = stok_likely(ctx->user_found) ? &ctx->user : NULL;

        /* most tokens may come from anywhere, and most roles are constant */

        if (stok_likely(ctx->token.networks.len == 0
                        && ctx->rank_needed == lcf->require.role))
        {
            ctx->verdict = stok_decide(&ctx->token, user, &lcf->require, NULL,
                                       ngx_time());

        } else {
            ctx->verdict = ngx_service_token_handler_judge(r, lcf, ctx, user);
        }

    } else {
        ctx->verdict = STOK_UNKNOWN;
    }

    /* once a second: a busy user may have such a role, and is in the cache */

    if (stok_unlikely(ctx->verdict == STOK_UNAVAILABLE)
        && ngx_time() != ngx_service_token_handler_warned)
    {
        ngx_service_token_handler_warned = ngx_time();

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "service token: unreadable user record of token %*s: its "
                      "role is not one of service_token_roles",
                      ctx->token.id.len, ctx->token.id.data);
    }
}


/* with the client's address, and with the role of this request */

static stok_verdict_e
ngx_service_token_handler_judge(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx,
    stok_user_record_t *user)
{
    size_t           len;
    u_char          *bytes;
    stok_addr_t      addr;
    stok_require_t   require;

    require = lcf->require;
    require.role = (int) ctx->rank_needed;

    len = ngx_service_token_addr(r->connection->sockaddr, &bytes);
    stok_addr_set(&addr, bytes, len);

    return stok_decide(&ctx->token, user, &require, &addr, ngx_time());
}


static ngx_int_t
ngx_service_token_handler_done(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx)
{
#if (NGX_DEBUG)
    stok_str_t  word;

    if (stok_unlikely(r->connection->log->log_level & NGX_LOG_DEBUG_HTTP)) {
        word = stok_verdict_word(ctx->verdict);

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "service token %*s: %*s",
                       ctx->token_found ? ctx->token.id.len : 0,
                       ctx->token.id.data, word.len, word.data);
    }
#endif

    if (stok_unlikely(ctx->waiter && ctx->waiter->event.timer_set)) {
        ngx_del_timer(&ctx->waiter->event);
    }

    if (stok_unlikely(ctx->verdict != STOK_ALLOWED)) {
        ngx_service_token_throttle_judge(r, ctx);
    }

    ngx_service_token_count_verdict(r, ctx);

    if (stok_likely(ctx->verdict == STOK_ALLOWED)) {

        if (stok_unlikely(r->internal)) {
            ngx_service_token_challenge_void(r);
        }

        return NGX_OK;
    }

    /* no access is granted by it: with "satisfy any" others have to */

    if (ctx->verdict == STOK_MISSING && lcf->optional) {
        return NGX_DECLINED;
    }

    if (ngx_service_token_variables_keep(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->role_error) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_service_token_challenge_set(r, ctx);
}
