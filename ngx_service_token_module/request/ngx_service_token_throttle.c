/*
 * An address that goes on presenting bad tokens is answered with 429, before
 * any work of Redis.
 *
 * Only failures count: a token that was presented and is none, or is not
 * valid.  No token at all, or a valid one that may not do this, is none.
 *
 * Asked when a question would be sent to Redis, and when a token turns out bad
 * by what is known here.  Not when the records are in the cache: so a client
 * with a valid token has nothing to fear from others behind its address.  Nor
 * when they were in it and may only not be used now, since they are old, or
 * the lease is out, or the epoch has changed: a question about a token that is
 * known to be good is not a guess.
 *
 * An address is known by an HMAC under a random key of the zone: nobody can
 * choose addresses that share a bucket with another's, and the zone holds no
 * address.
 */


#include "ngx_service_token.h"
#include "ngx_service_token_addr.h"


/*
 * An address that overdrew, by attempts that were under way together, waits no
 * longer: several clients may share it.  In microseconds.
 */
#define NGX_SERVICE_TOKEN_THROTTLE_DEBT  60000000


static ngx_int_t ngx_service_token_throttle_over(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, uint64_t *key);
static ngx_int_t ngx_service_token_throttle_key(ngx_http_request_t *r,
    ngx_service_token_throttle_zone_t *zone, uint64_t *key);
static ngx_uint_t ngx_service_token_throttle_counted(ngx_http_request_t *r);
static void ngx_service_token_throttle_mark(void *data);
static void ngx_service_token_throttle_refuse(ngx_service_token_ctx_t *ctx);


ngx_int_t
ngx_service_token_throttle_ask(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    uint64_t                        key;
    ngx_service_token_main_conf_t  *mcf;

    if (ctx->admitted) {
        return NGX_OK;
    }

    ctx->admitted = 1;

    if (ngx_service_token_throttle_over(r, ctx, &key) != NGX_BUSY) {
        return NGX_OK;
    }

    /* a question that cannot be sent costs Redis nothing, and tells why */

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    if (mcf->link->down || ngx_service_token_records_known(r, ctx)) {
        return NGX_OK;
    }

    ctx->admitted = 0;
    ngx_service_token_throttle_refuse(ctx);

    return NGX_BUSY;
}


void
ngx_service_token_throttle_judge(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx)
{
    uint64_t                       key, step;
    ngx_int_t                      rc;
    ngx_pool_cleanup_t            *cln;
    ngx_service_token_loc_conf_t  *lcf;

    if (ctx->counted || !ngx_service_token_throttle_failed(ctx->verdict)) {
        return;
    }

    rc = ngx_service_token_throttle_over(r, ctx, &key);

    if (rc == NGX_DECLINED) {
        return;
    }

    /* the answer that Redis was asked for is given */

    if (rc == NGX_BUSY && !ctx->admitted) {
        ngx_service_token_throttle_refuse(ctx);
        return;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);
    step = lcf->throttle->zone->step;

    stok_throttle_fail(&lcf->throttle->zone->table, key,
                       ngx_service_token_throttle_now, step,
                       lcf->throttle->burst * step
                       + NGX_SERVICE_TOKEN_THROTTLE_DEBT);

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln) {
        cln->handler = ngx_service_token_throttle_mark;
    }
}


ngx_uint_t
ngx_service_token_throttle_failed(stok_verdict_e verdict)
{
    switch (verdict) {

    case STOK_MALFORMED:
    case STOK_UNKNOWN:
    case STOK_TAMPERED:
    case STOK_REVOKED:
    case STOK_EXPIRED:
    case STOK_ORPHANED:
    case STOK_USER_OFF:
    case STOK_NETWORK:
        return 1;

    default:
        return 0;
    }
}


/*
 * NGX_OK: one more failure fits.  NGX_BUSY: not before ctx->retry seconds.
 * NGX_DECLINED: there is nothing to count here.
 */

static ngx_int_t
ngx_service_token_throttle_over(ngx_http_request_t *r,
    ngx_service_token_ctx_t *ctx, uint64_t *key)
{
    uint64_t                       wait;
    ngx_service_token_throttle_t  *throttle;
    ngx_service_token_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);
    throttle = lcf->throttle;

    if (throttle == NULL || ngx_service_token_throttle_counted(r)
        || ngx_service_token_throttle_key(r, throttle->zone, key) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    wait = stok_throttle_wait(&throttle->zone->table, *key,
                              ngx_service_token_throttle_now,
                              throttle->zone->step, throttle->burst);
    if (wait == 0) {
        return NGX_OK;
    }

    ctx->retry = (time_t) ((wait + 999999) / 1000000);

    return NGX_BUSY;
}


/*
 * IPv6 by the 64 bits that a customer has; who comes by a socket of the same
 * machine has no address
 */

static ngx_int_t
ngx_service_token_throttle_key(ngx_http_request_t *r,
    ngx_service_token_throttle_zone_t *zone, uint64_t *key)
{
    size_t   len;
    u_char  *addr, digest[STOK_DIGEST_LEN];

    len = ngx_service_token_addr(r->connection->sockaddr, &addr);

    if (len == 0) {
        return NGX_DECLINED;
    }

    len = ngx_min(len, 8);

    stok_digest(&zone->key, addr, len, digest);
    ngx_memcpy(key, digest, sizeof(uint64_t));

    return NGX_OK;
}


/*
 * 1: this request has failed once.  It is judged again where an internal
 * redirect takes it, say to the page of its error.
 */

static ngx_uint_t
ngx_service_token_throttle_counted(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (!r->internal) {
        return 0;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_service_token_throttle_mark) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_service_token_throttle_mark(void *data)
{
    /* void */
}


/* whatever the cache has of it: nothing was used */

static void
ngx_service_token_throttle_refuse(ngx_service_token_ctx_t *ctx)
{
    ctx->verdict = STOK_THROTTLED;
    ctx->source = NGX_SERVICE_TOKEN_NOWHERE;
}
