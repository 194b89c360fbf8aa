/*
 * service_token_status: a location that shows the node's counters.
 *
 * Each worker counts in its own slot; the one that is asked adds all slots up,
<<<<<<< HEAD
 * also those of workers that are gone, so a sum never falls.  Gauges (requests
 * that wait, links that are down) are added up for live workers only.
=======
 * also those of workers that are gone, so a sum never falls.  Values of this
 * moment (waiters, links that are down) are added only for workers that live.
>>>>>>> main
 *
 * Nothing here is locked or written, so requests are not held up.  Of the
 * records in the cache not many more than NGX_SERVICE_TOKEN_STATUS_RECORDS are
 * looked at, and the others reckoned: all of a large zone would hold up the
 * worker.  So it is with the addresses that fail, but far more of them are
 * looked at: few of many are what matters there.
 */


#include "ngx_service_token.h"
#include "ngx_service_token_status.h"


#define NGX_SERVICE_TOKEN_STATUS_RECORDS  4096
#define NGX_SERVICE_TOKEN_STATUS_SETS     65536    /* of a throttle, 8 MiB */

#define ngx_service_token_status_load(p)                                      \
    atomic_load_explicit(p, memory_order_relaxed)

#define ngx_service_token_status_add(st, slot, name)                          \
    (st)->name += ngx_service_token_status_load(&(slot)->counters.name)


static ngx_int_t ngx_service_token_status_handler(ngx_http_request_t *r);
static void ngx_service_token_status_slot(ngx_service_token_status_t *st,
    ngx_service_token_slot_t *slot);
static uint64_t ngx_service_token_status_gauge(_Atomic int64_t *value);
static void ngx_service_token_status_cache(ngx_service_token_status_t *st,
    ngx_service_token_cache_t *cache);
static void ngx_service_token_status_throttles(
    ngx_service_token_status_t *st, ngx_service_token_throttle_zone_t *zone);
static void ngx_service_token_status_stream(ngx_service_token_status_t *st,
    ngx_service_token_cache_t *cache);
static ngx_int_t ngx_service_token_status_node(ngx_service_token_status_t *st,
    ngx_service_token_shared_t *shared, ngx_pool_t *pool);
static ngx_int_t ngx_service_token_status_send(ngx_http_request_t *r,
    ngx_service_token_status_t *st);


char *
ngx_service_token_status_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->status) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 1 || ngx_strcmp(value[1].data, "json") == 0) {
        lcf->status = NGX_SERVICE_TOKEN_STATUS_JSON;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        lcf->status = NGX_SERVICE_TOKEN_STATUS_PROMETHEUS;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid format \"%V\": it is \"json\" or "
                           "\"prometheus\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_service_token_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_service_token_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_service_token_status_t     *st;
    ngx_service_token_main_conf_t  *mcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    st = ngx_pcalloc(r->pool, sizeof(ngx_service_token_status_t));
    if (st == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_service_token_module);

    /* without a check anywhere there are no zones, and all is zero */

    for (i = 0; mcf->slots.shared && i < NGX_SERVICE_TOKEN_SLOTS; i++) {
        ngx_service_token_status_slot(st, &mcf->slots.shared->slot[i]);
    }

    if (mcf->used && mcf->throttles) {
        st->throttling = 1;
        ngx_service_token_status_throttles(st, mcf->throttles);
    }

    if (mcf->cache.shared) {
        st->cached = 1;
        ngx_service_token_status_cache(st, &mcf->cache);

        if (ngx_service_token_status_node(st, mcf->cache.shared, r->pool)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (mcf->stream) {
        st->streamed = (mcf->cache.valid != 0);
        ngx_service_token_status_stream(st, &mcf->cache);
    }

    return ngx_service_token_status_send(r, st);
}


static void
ngx_service_token_status_slot(ngx_service_token_status_t *st,
    ngx_service_token_slot_t *slot)
{
    uint32_t    pid;
    ngx_uint_t  i, k;

    for (i = 0; i < STOK_VERDICTS; i++) {
        for (k = 0; k < NGX_SERVICE_TOKEN_SOURCES; k++) {
            ngx_service_token_status_add(st, slot, requests[i][k]);
        }
    }

    for (i = 0; i < NGX_SERVICE_TOKEN_EXPIRINGS; i++) {
        ngx_service_token_status_add(st, slot, expiring[i]);
    }

    /* a bound includes those below it */

    for (i = 0; i < NGX_SERVICE_TOKEN_TIMES; i++) {
        for (k = 0; k <= i; k++) {
            st->times[i] +=
                ngx_service_token_status_load(&slot->counters.times[k]);
        }
    }

    ngx_service_token_status_add(st, slot, times_usec);
    ngx_service_token_status_add(st, slot, stale);
    ngx_service_token_status_add(st, slot, lookups);
    ngx_service_token_status_add(st, slot, timeouts);
    ngx_service_token_status_add(st, slot, unproven);
    ngx_service_token_status_add(st, slot, connects);
    ngx_service_token_status_add(st, slot, losses);
    ngx_service_token_status_add(st, slot, flushes);
    ngx_service_token_status_add(st, slot, flushed);
    ngx_service_token_status_add(st, slot, detail_dropped);
    ngx_service_token_status_add(st, slot, last_used_dropped);

    pid = atomic_load(&slot->pid);

    if (pid == 0) {
        return;
    }

    /* touches of a dead worker still wait, for its heir */

    st->pending += ngx_service_token_status_gauge(&slot->counters.pending);

    if (pid == (uint32_t) ngx_pid || !ngx_service_token_slot_dead(pid)) {
        st->waiters += ngx_service_token_status_gauge(&slot->counters.waiters);
        st->down += ngx_service_token_status_gauge(&slot->counters.down);
    }
}


/* one that began before its worker had a slot would end below zero */

static uint64_t
ngx_service_token_status_gauge(_Atomic int64_t *value)
{
    int64_t  n;

    n = ngx_service_token_status_load(value);

    return n > 0 ? (uint64_t) n : 0;
}


static void
ngx_service_token_status_cache(ngx_service_token_status_t *st,
    ngx_service_token_cache_t *cache)
{
    uint64_t                     live[NGX_SERVICE_TOKEN_KIND_USER + 1];
    uint64_t                     absent[NGX_SERVICE_TOKEN_KIND_USER + 1];
    ngx_uint_t                   i;
    ngx_service_token_shared_t  *shared;

    shared = cache->shared;

    st->epoch = (uint32_t) ngx_service_token_status_load(&shared->followed);
    st->fills_refused = ngx_service_token_status_load(&shared->fills_refused);
    st->evicted = ngx_service_token_status_load(&shared->evicted);

    for (i = 0; i < NGX_SERVICE_TOKEN_BUMPS; i++) {
        st->bumps[i] = ngx_service_token_status_load(&shared->bumps[i]);
    }

    stok_table_tally(&cache->table, NGX_SERVICE_TOKEN_STATUS_RECORDS,
                     NGX_SERVICE_TOKEN_KIND_USER + 1, live, absent);

    st->tokens = live[NGX_SERVICE_TOKEN_KIND_TOKEN];
    st->users = live[NGX_SERVICE_TOKEN_KIND_USER];
    st->absent = absent[NGX_SERVICE_TOKEN_KIND_TOKEN]
                 + absent[NGX_SERVICE_TOKEN_KIND_USER];
}


static void
ngx_service_token_status_throttles(ngx_service_token_status_t *st,
    ngx_service_token_throttle_zone_t *zone)
{
    for (/* void */; zone; zone = zone->next) {
        stok_throttle_tally(&zone->table, NGX_SERVICE_TOKEN_STATUS_SETS,
                            ngx_service_token_throttle_now, zone->step,
                            zone->burst, &st->failing, &st->throttled);
    }
}


static void
ngx_service_token_status_stream(ngx_service_token_status_t *st,
    ngx_service_token_cache_t *cache)
{
    uint32_t                          keeper, joined, health;
    uint64_t                          proved, until, now;
    ngx_service_token_shared_t       *shared;
    ngx_service_token_status_state_e  state;

    shared = cache->shared;
    proved = ngx_service_token_fresh_proved_at(shared);
    until = proved ? proved + cache->lease : 0;
    now = ngx_service_token_cache_now();

    st->lease_valid = until > now;
    st->lease_left = until > now ? until - now : 0;

    st->proofs = ngx_service_token_status_load(&shared->proofs);
    st->proof_usec = ngx_service_token_status_load(&shared->proof_usec);
    st->proof_last = ngx_service_token_status_load(&shared->proof_last);
    st->keepers = ngx_service_token_status_load(&shared->keepers);
    st->refused = ngx_service_token_status_load(&shared->refused) != 0;

    health = ngx_service_token_status_load(&shared->health);

    st->health = (health & NGX_SERVICE_TOKEN_HEALTH_KNOWN) != 0;
    st->aof = !(health & NGX_SERVICE_TOKEN_HEALTH_LOSES);
    st->evicts = (health & NGX_SERVICE_TOKEN_HEALTH_EVICTS) != 0;
    st->redis_evicted = ngx_service_token_status_load(&shared->redis_evicted);

    keeper = (uint32_t) ngx_service_token_status_load(&shared->keeper);
    joined = ngx_service_token_status_load(&shared->joined);

    state = NGX_SERVICE_TOKEN_STATUS_OFF;

    if (joined && !ngx_service_token_slot_dead(joined)) {
        state = NGX_SERVICE_TOKEN_STATUS_JOINED;

    } else if (keeper && !ngx_service_token_slot_dead(keeper)) {
        state = NGX_SERVICE_TOKEN_STATUS_JOINING;
    }

    st->state[state] = 1;
}


/*
 * The node's name is the host's, which may have any bytes.  The bytes that are
 * kept mean the same in a string of JSON and in one of Prometheus.
 */

static ngx_int_t
ngx_service_token_status_node(ngx_service_token_status_t *st,
    ngx_service_token_shared_t *shared, ngx_pool_t *pool)
{
    u_char  *p, ch;
    size_t   i;

    p = ngx_pnalloc(pool, 2 * shared->node_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    st->node.data = p;

    for (i = 0; i < shared->node_len; i++) {
        ch = shared->node[i];

        if (ch == '"' || ch == '\\') {
            *p++ = '\\';
        }

        *p++ = (ch < 0x20 || ch >= 0x7f) ? '_' : ch;
    }

    st->node.len = p - st->node.data;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_status_send(ngx_http_request_t *r,
    ngx_service_token_status_t *st)
{
    ngx_int_t                      rc;
    ngx_buf_t                     *b;
    ngx_chain_t                    out;
    ngx_service_token_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_service_token_module);

    b = ngx_create_temp_buf(r->pool, NGX_SERVICE_TOKEN_METRICS_SIZE);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (lcf->status == NGX_SERVICE_TOKEN_STATUS_PROMETHEUS) {
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4");
        b->last = ngx_service_token_metrics_prometheus(b->last, b->end, st);

    } else {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        b->last = ngx_service_token_metrics_json(b->last, b->end, st);
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (b->last == b->end) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "service token: the status does not fit");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
