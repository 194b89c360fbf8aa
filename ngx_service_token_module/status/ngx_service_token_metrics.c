/*
 * The names of what operators see, once for both formats.
 *
 * A row is one number.  Neighbours of one Prometheus name differ in what stands
 * behind it, and have one HELP and one TYPE; neighbours of one group are one
 * object in JSON.  All rows are written, zero or not: a rate begins with the
 * first event only if there was a number before it.
 */


#include "ngx_service_token_status.h"

#include <nginx.h>


typedef enum {
    NGX_SERVICE_TOKEN_METRICS_WORKERS = 0,         /* always there */
    NGX_SERVICE_TOKEN_METRICS_THROTTLE,            /* if there is one */
    NGX_SERVICE_TOKEN_METRICS_CACHE,               /* if there is a zone */
    NGX_SERVICE_TOKEN_METRICS_STREAM,              /* if records are kept */
    NGX_SERVICE_TOKEN_METRICS_HEALTH               /* if Redis has told */
} ngx_service_token_metrics_e;


typedef struct {
    ngx_service_token_metrics_e   part;
    const char                   *group;           /* NULL: none */
    const char                   *key;             /* in JSON */
    const char                   *name;            /* in Prometheus */
    const char                   *series;          /* after it, or NULL */
    const char                   *type;
    const char                   *help;
    size_t                        offset;          /* of the number */
    ngx_uint_t                    unit;            /* so many are one */
} ngx_service_token_metric_t;


#define NGX_SERVICE_TOKEN_METRICS_MS    1000
#define NGX_SERVICE_TOKEN_METRICS_USEC  1000000

#define ngx_service_token_metrics_at(name)                                    \
    offsetof(ngx_service_token_status_t, name)

#define ngx_service_token_metrics_value(st, row)                              \
    (*(uint64_t *) ((u_char *) (st) + (row)->offset))

#define WORKERS(key, name, type, help, field)                                 \
    { NGX_SERVICE_TOKEN_METRICS_WORKERS, NULL, key, name, NULL, type, help,   \
      ngx_service_token_metrics_at(field), 1 }

#define EXPIRING(key, field)                                                  \
    { NGX_SERVICE_TOKEN_METRICS_WORKERS, "requests_expiring", key,            \
      "requests_expiring_total", "{within=\"" key "\"}", "counter",           \
      "Requests accepted whose token expires soon; 30d includes 7d, and "     \
      "that 1d.",                                                             \
      ngx_service_token_metrics_at(field), 1 }

#define TOOK(group, key, series, field, unit)                                 \
    { NGX_SERVICE_TOKEN_METRICS_WORKERS, group, key, "lookup_seconds",        \
      series, "histogram",                                                    \
      "Time from a query to its answer, or to the end of waiting.",        \
      ngx_service_token_metrics_at(field), unit }

#define WITHIN(key, i)                                                        \
    TOOK("lookup_seconds_bucket", key, "_bucket{le=\"" key "\"}", times[i], 1)

#define ADDRESSES(key, field)                                                 \
    { NGX_SERVICE_TOKEN_METRICS_THROTTLE, "throttle_addresses", key,          \
      "throttle_addresses", "{state=\"" key "\"}", "gauge",                   \
      "Addresses that failed lately; throttled: too often. Estimated from "    \
      "a part if the zone is large.",                                         \
      ngx_service_token_metrics_at(field), 1 }

#define CACHE(key, name, type, help, field)                                   \
    { NGX_SERVICE_TOKEN_METRICS_CACHE, NULL, key, name, NULL, type, help,     \
      ngx_service_token_metrics_at(field), 1 }

#define BUMP(key, field)                                                      \
    { NGX_SERVICE_TOKEN_METRICS_CACHE, "epoch_bumps", key,                    \
      "epoch_bumps_total", "{cause=\"" key "\"}", "counter",                  \
      "Times that the whole cache was emptied, by cause.",                    \
      ngx_service_token_metrics_at(bumps[field]), 1 }

#define RECORD(key, field)                                                    \
    { NGX_SERVICE_TOKEN_METRICS_CACHE, "records", key, "records",             \
      "{kind=\"" key "\"}", "gauge",                                          \
      "Records in the cache; absent: unknown tokens. Estimated from "          \
      "a part if there are many.",                                            \
      ngx_service_token_metrics_at(field), 1 }

#define STREAM(key, name, type, help, field, unit)                            \
    { NGX_SERVICE_TOKEN_METRICS_STREAM, NULL, key, name, NULL, type, help,    \
      ngx_service_token_metrics_at(field), unit }

#define HEALTH(key, name, type, help, field)                                  \
    { NGX_SERVICE_TOKEN_METRICS_HEALTH, NULL, key, name, NULL, type, help,    \
      ngx_service_token_metrics_at(field), 1 }

#define STATE(key, field)                                                     \
    { NGX_SERVICE_TOKEN_METRICS_STREAM, "stream_state", key,                  \
      "stream_state", "{state=\"" key "\"}", "gauge",                         \
      "1 for the state of the stream of changes.",                            \
      ngx_service_token_metrics_at(state[field]), 1 }


static const ngx_service_token_metric_t  ngx_service_token_metrics[] = {

    WORKERS("requests_stale", "requests_stale_total", "counter",
            "Requests accepted under service_token_stale.", stale),
    EXPIRING("1d", expiring[NGX_SERVICE_TOKEN_EXPIRING_1D]),
    EXPIRING("7d", expiring[NGX_SERVICE_TOKEN_EXPIRING_7D]),
    EXPIRING("30d", expiring[NGX_SERVICE_TOKEN_EXPIRING_30D]),
    WORKERS("lookups", "lookups_total", "counter",
            "Queries for a record that were sent to Redis.", lookups),
    WITHIN("0.00025", 0),
    WITHIN("0.0005", 1),
    WITHIN("0.001", 2),
    WITHIN("0.0025", 3),
    WITHIN("0.005", 4),
    WITHIN("0.01", 5),
    WITHIN("0.025", 6),
    WITHIN("0.05", 7),
    WITHIN("0.1", 8),
    WITHIN("0.25", 9),
    WITHIN("0.5", 10),
    WITHIN("1", 11),
    WITHIN("+Inf", 12),
    TOOK(NULL, "lookup_seconds_sum", "_sum", times_usec,
         NGX_SERVICE_TOKEN_METRICS_USEC),
    TOOK(NULL, "lookup_seconds_count", "_count",
         times[NGX_SERVICE_TOKEN_TIMES - 1], 1),
    WORKERS("waiters", "waiters", "gauge",
            "Requests that wait for Redis now.", waiters),
    WORKERS("redis_connects", "redis_connects_total", "counter",
            "Connections to Redis that became ready.", connects),
    WORKERS("redis_losses", "redis_losses_total", "counter",
            "Times that Redis could not be asked any more.", losses),
    WORKERS("redis_timeouts", "redis_timeouts_total", "counter",
            "Connections given up because Redis was silent.", timeouts),
    WORKERS("redis_unproven", "redis_unproven_total", "counter",
            "Answers not used: their server was not proven to be the "
            "primary.", unproven),
    WORKERS("redis_links_down", "redis_links_down", "gauge",
            "Connections to Redis that are lost now.", down),
    WORKERS("touches_pending", "touches_pending", "gauge",
            "Tokens whose use is not in Redis yet.", pending),
    WORKERS("flushes", "flushes_total", "counter",
            "Batches of uses that Redis acknowledged.", flushes),
    WORKERS("touches_flushed", "touches_flushed_total", "counter",
            "Tokens in these batches.", flushed),
    WORKERS("touches_detail_dropped", "touches_detail_dropped_total",
            "counter",
            "Uses of which only the date was kept: there was no room.",
            detail_dropped),
    WORKERS("touches_dropped", "touches_dropped_total", "counter",
            "Uses that were not kept at all: there was no room.",
            last_used_dropped),

    ADDRESSES("failing", failing),
    ADDRESSES("throttled", throttled),

    CACHE("epoch", "epoch", "gauge",
          "Number of the cache's epoch.", epoch),
    BUMP("join", NGX_SERVICE_TOKEN_BUMP_JOIN),
    BUMP("server", NGX_SERVICE_TOKEN_BUMP_SERVER),
    BUMP("flush", NGX_SERVICE_TOKEN_BUMP_FLUSH),
    BUMP("unknown", NGX_SERVICE_TOKEN_BUMP_UNKNOWN),
    BUMP("lock", NGX_SERVICE_TOKEN_BUMP_LOCK),
    RECORD("token", tokens),
    RECORD("user", users),
    RECORD("absent", absent),
    CACHE("fills_refused", "fills_refused_total", "counter",
          "Answers not kept, because something changed meanwhile.",
          fills_refused),
    CACHE("evictions", "evictions_total", "counter",
          "Records evicted to make room.", evicted),

    STREAM("lease_valid", "lease_valid", "gauge",
           "1 if the cache is proven fresh.", lease_valid, 1),
    STREAM("lease_seconds", "lease_seconds", "gauge",
           "Time for which the cache is proven fresh.", lease_left,
           NGX_SERVICE_TOKEN_METRICS_MS),
    STREAM("proofs", "proofs_total", "counter",
           "Proofs that the cache is fresh.", proofs, 1),
    STREAM("proof_seconds", "proof_seconds_total", "counter",
           "Time from asking for a proof to having it, of all proofs.",
           proof_usec, NGX_SERVICE_TOKEN_METRICS_USEC),
    STREAM("proof_last_seconds", "proof_last_seconds", "gauge",
           "The same, of the last proof.", proof_last,
           NGX_SERVICE_TOKEN_METRICS_USEC),
    STREAM("keeper_changes", "keeper_changes_total", "counter",
           "Times that a worker took over the stream of changes.", keepers,
           1),
    STATE("off", NGX_SERVICE_TOKEN_STATUS_OFF),
    STATE("joining", NGX_SERVICE_TOKEN_STATUS_JOINING),
    STATE("joined", NGX_SERVICE_TOKEN_STATUS_JOINED),
    STREAM("tracking_refused", "tracking_refused", "gauge",
           "1 if Redis does not announce changes: nothing is cached.", refused,
           1),

    HEALTH("redis_aof_enabled", "redis_aof_enabled", "gauge",
           "1 if Redis keeps an append-only file.", aof),
    HEALTH("redis_eviction", "redis_eviction", "gauge",
           "1 if Redis evicts keys when it is full.", evicts),
    HEALTH("redis_evicted_keys", "redis_evicted_keys_total", "counter",
           "Keys that Redis has evicted since it began.", redis_evicted),

    { 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0 }
};


static const char  *ngx_service_token_metrics_sources[] = {
    "NONE", "HIT", "MISS", "BYPASS"
};


static ngx_uint_t ngx_service_token_metrics_there(
    const ngx_service_token_metric_t *row, ngx_service_token_status_t *st);
static u_char *ngx_service_token_metrics_number(u_char *p, u_char *last,
    uint64_t n, ngx_uint_t unit);


u_char *
ngx_service_token_metrics_json(u_char *p, u_char *last,
    ngx_service_token_status_t *st)
{
    stok_str_t                         word;
    ngx_uint_t                         i, k;
    const char                        *group;
    const ngx_service_token_metric_t  *row;

    p = ngx_slprintf(p, last, "{\"version\":\"%s\",\"nginx\":\"%s\","
                     "\"node\":\"%V\",\"requests\":{", STOK_VERSION,
                     NGINX_VERSION, &st->node);

    for (i = 0; i < STOK_VERDICTS; i++) {
        word = stok_verdict_word(i);
        p = ngx_slprintf(p, last, "%s\"%*s\":{", i ? "," : "", word.len,
                         word.data);

        for (k = 0; k < NGX_SERVICE_TOKEN_SOURCES; k++) {
            p = ngx_slprintf(p, last, "%s\"%s\":%uL", k ? "," : "",
                             ngx_service_token_metrics_sources[k],
                             st->requests[i][k]);
        }

        p = ngx_slprintf(p, last, "}");
    }

    p = ngx_slprintf(p, last, "}");
    group = NULL;

    for (row = ngx_service_token_metrics; row->name; row++) {

        if (!ngx_service_token_metrics_there(row, st)) {
            continue;
        }

        if (row->group == NULL || group == NULL
            || ngx_strcmp(row->group, group) != 0)
        {
            p = ngx_slprintf(p, last, group ? "}," : ",");

            if (row->group) {
                p = ngx_slprintf(p, last, "\"%s\":{", row->group);
            }

        } else {
            p = ngx_slprintf(p, last, ",");
        }

        group = row->group;

        p = ngx_slprintf(p, last, "\"%s\":", row->key);
        p = ngx_service_token_metrics_number(p, last,
                              ngx_service_token_metrics_value(st, row),
                              row->unit);
    }

    return ngx_slprintf(p, last, group ? "}}\n" : "}\n");
}


u_char *
ngx_service_token_metrics_prometheus(u_char *p, u_char *last,
    ngx_service_token_status_t *st)
{
    stok_str_t                         word;
    ngx_uint_t                         i, k;
    const char                        *name;
    const ngx_service_token_metric_t  *row;

    p = ngx_slprintf(p, last,
                     "# HELP service_token_build_info Versions, and the "
                     "name by which this node acknowledges changes.\n"
                     "# TYPE service_token_build_info gauge\n"
                     "service_token_build_info{version=\"%s\",nginx=\"%s\","
                     "node=\"%V\"} 1\n"
                     "# HELP service_token_requests_total Requests judged, "
                     "by verdict and by where the records came from.\n"
                     "# TYPE service_token_requests_total counter\n",
                     STOK_VERSION, NGINX_VERSION, &st->node);

    for (i = 0; i < STOK_VERDICTS; i++) {
        word = stok_verdict_word(i);

        for (k = 0; k < NGX_SERVICE_TOKEN_SOURCES; k++) {
            p = ngx_slprintf(p, last, "service_token_requests_total"
                             "{verdict=\"%*s\",cache=\"%s\"} %uL\n",
                             word.len, word.data,
                             ngx_service_token_metrics_sources[k],
                             st->requests[i][k]);
        }
    }

    name = "";

    for (row = ngx_service_token_metrics; row->name; row++) {

        if (!ngx_service_token_metrics_there(row, st)) {
            continue;
        }

        if (ngx_strcmp(row->name, name) != 0) {
            name = row->name;
            p = ngx_slprintf(p, last, "# HELP service_token_%s %s\n"
                             "# TYPE service_token_%s %s\n",
                             name, row->help, name, row->type);
        }

        p = ngx_slprintf(p, last, "service_token_%s%s ", name,
                         row->series ? row->series : "");
        p = ngx_service_token_metrics_number(p, last,
                              ngx_service_token_metrics_value(st, row),
                              row->unit);
        p = ngx_slprintf(p, last, "\n");
    }

    return p;
}


static ngx_uint_t
ngx_service_token_metrics_there(const ngx_service_token_metric_t *row,
    ngx_service_token_status_t *st)
{
    switch (row->part) {

    case NGX_SERVICE_TOKEN_METRICS_THROTTLE:
        return st->throttling;

    case NGX_SERVICE_TOKEN_METRICS_CACHE:
        return st->cached;

    case NGX_SERVICE_TOKEN_METRICS_STREAM:
        return st->streamed;

    case NGX_SERVICE_TOKEN_METRICS_HEALTH:
        return st->health;

    default: /* NGX_SERVICE_TOKEN_METRICS_WORKERS */
        return 1;
    }
}


static u_char *
ngx_service_token_metrics_number(u_char *p, u_char *last, uint64_t n,
    ngx_uint_t unit)
{
    switch (unit) {

    case NGX_SERVICE_TOKEN_METRICS_MS:
        return ngx_slprintf(p, last, "%uL.%03uL", n / unit, n % unit);

    case NGX_SERVICE_TOKEN_METRICS_USEC:
        return ngx_slprintf(p, last, "%uL.%06uL", n / unit, n % unit);

    default: /* 1 */
        return ngx_slprintf(p, last, "%uL", n);
    }
}
