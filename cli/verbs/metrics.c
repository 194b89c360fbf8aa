/*
 * status --format prometheus: the text that the node exporter's textfile
 * collector reads.  An unknown value has no sample.
 */


#include "metrics.h"

#include <stdio.h>
#include <string.h>


#define CLI_METRIC  "service_token_dataset_"


static const struct {
    const char  *object;                         /* of the status; or NULL */
    const char  *member;
    const char  *name;
    const char  *type;
    const char  *help;
    double       factor;
} cli_metrics[] = {
    { NULL, "at", "collected_timestamp_seconds", "gauge",
      "When these metrics were collected.", 1 },
    { NULL, "skew_ms", "clock_skew_seconds", "gauge",
      "Redis' clock ahead of this machine's.", 0.001 },
    { "dataset", "tokens", "tokens", "gauge", "Tokens in the index.", 1 },
    { "dataset", "users", "users", "gauge", "Users in the index.", 1 },
    { "dataset", "audit_seq", "audit_entries_total", "counter",
      "Number of the audit's last entry.", 1 },
    { "redis", "uptime", "redis_uptime_seconds", "gauge",
      "Since Redis started.", 1 },
    { "redis", "aof_enabled", "redis_aof_enabled", "gauge",
      "1: Redis keeps an append-only file.", 1 },
    { "redis", "aof_last_write_ok", "redis_aof_last_write_ok", "gauge",
      "1: the last write to it went well.", 1 },
    { "redis", "save_ok", "redis_save_ok", "gauge",
      "1: the last save went well.", 1 },
    { "redis", "saved_at", "redis_saved_timestamp_seconds", "gauge",
      "When Redis saved last.", 1 },
    { "redis", "memory_used", "redis_memory_bytes", "gauge",
      "Memory that Redis uses.", 1 },
    { "redis", "memory_max", "redis_memory_max_bytes", "gauge",
      "Memory limit; 0: none.", 1 },
    { "redis", "evicted_keys", "redis_evicted_keys_total", "counter",
      "Keys evicted because memory was full.", 1 },
    { "redis", "other_keys", "redis_other_keys", "gauge",
      "Keys in other databases of this Redis.", 1 },
    { "redis", "replicas", "redis_replicas", "gauge",
      "Replicas that are connected.", 1 },
    { "redis", "min_replicas", "redis_min_replicas", "gauge",
      "Replicas that a write needs.", 1 },
};


static void cli_metric(json_t *status, size_t i);
static void cli_metric_head(const char *name, const char *type,
    const char *help);
static void cli_metric_label(const char *text);
static void cli_metrics_tokens(json_t *status);
static void cli_metrics_reviews(json_t *reviews);
static void cli_metrics_nodes(json_t *status);
static void cli_metrics_redis(json_t *redis);


void
cli_status_metrics(json_t *status)
{
    size_t       i;
    json_t      *count, *reasons;
    const char  *reason;

    for (i = 0; i < sizeof(cli_metrics) / sizeof(cli_metrics[0]); i++) {
        cli_metric(status, i);
    }

    cli_metrics_tokens(status);

    reasons = json_object_get(json_object_get(status, "refusals"), "reasons");
    cli_metric_head("refused", "gauge", "Refusals in the last day.");

    json_object_foreach(reasons, reason, count) {
        cli_say(CLI_METRIC "refused{reason=\"");
        cli_metric_label(reason);
        cli_say("\"} %lld\n", (long long) json_integer_value(count));
    }

    cli_metrics_reviews(json_object_get(status, "reviews"));
    cli_metrics_nodes(status);
    cli_metrics_redis(json_object_get(status, "redis"));

    cli_metric_head("attention", "gauge", "Conditions that need attention.");
    cli_say(CLI_METRIC "attention %zu\n",
            json_array_size(json_object_get(status, "attention")));
}


static void
cli_metric(json_t *status, size_t i)
{
    json_t  *value;

    value = json_object_get(cli_metrics[i].object
                            ? json_object_get(status, cli_metrics[i].object)
                            : status, cli_metrics[i].member);

    if (!json_is_integer(value) && !json_is_boolean(value)) {
        return;
    }

    cli_metric_head(cli_metrics[i].name, cli_metrics[i].type,
                    cli_metrics[i].help);

    if (cli_metrics[i].factor != 1) {
        cli_say(CLI_METRIC "%s %.3f\n", cli_metrics[i].name,
                (double) json_integer_value(value) * cli_metrics[i].factor);

    } else {
        cli_say(CLI_METRIC "%s %lld\n", cli_metrics[i].name,
                json_is_boolean(value) ? (long long) json_is_true(value)
                : (long long) json_integer_value(value));
    }
}


static void
cli_metric_head(const char *name, const char *type, const char *help)
{
    cli_say("# HELP " CLI_METRIC "%s %s\n# TYPE " CLI_METRIC "%s %s\n", name,
            help, name, type);
}


/* a quote and a backslash are escaped; control characters are never said */

static void
cli_metric_label(const char *text)
{
    size_t  n;

    while (*text) {
        n = strcspn(text, "\"\\");
        cli_say("%.*s", (int) n, text);
        text += n;

        if (*text) {
            cli_say("\\%.1s", text);
            text++;
        }
    }
}


static void
cli_metrics_tokens(json_t *status)
{
    size_t    i;
    json_t   *ending, *rotations;

    static const char  *within[] = { "1d", "7d", "30d" };
    static const char  *member[] = { "within_1d", "within_7d", "within_30d" };

    ending = json_object_get(status, "ending");
    rotations = json_object_get(status, "rotations");

    cli_metric_head("tokens_ending", "gauge", "Valid tokens that end within.");

    for (i = 0; i < 3; i++) {
        cli_say(CLI_METRIC "tokens_ending{within=\"%s\"} %lld\n", within[i],
                cli_integer(ending, member[i]));
    }

    cli_metric_head("rotations", "gauge", "Rotations, and those of them that "
                    "are stuck.");
    cli_say(CLI_METRIC "rotations{state=\"under_way\"} %lld\n"
            CLI_METRIC "rotations{state=\"stuck\"} %lld\n",
            cli_integer(rotations, "under_way"),
            cli_integer(rotations, "stuck"));

    cli_metric_head("approvals_pending", "gauge", "Approvals that are "
                    "pending.");
    cli_say(CLI_METRIC "approvals_pending %zu\n",
            json_array_size(json_object_get(status, "approvals")));
}


/* one that was never made has no sample */

static void
cli_metrics_reviews(json_t *reviews)
{
    json_t      *review;
    const char  *period;

    cli_metric_head("reviewed_timestamp_seconds", "gauge",
                    "When the last review was made.");

    json_object_foreach(reviews, period, review) {
        if (json_is_object(review)) {
            cli_say(CLI_METRIC "reviewed_timestamp_seconds{review=\"%s\"} "
                    "%lld\n", period, cli_integer(review, "at"));
        }
    }

    cli_metric_head("review_findings", "gauge", "Number of its findings.");

    json_object_foreach(reviews, period, review) {
        if (json_is_object(review)) {
            cli_say(CLI_METRIC "review_findings{review=\"%s\"} %lld\n",
                    period, cli_integer(review, "found"));
        }
    }
}


static void
cli_metrics_nodes(json_t *status)
{
    size_t   i;
    json_t  *nodes, *node;

    nodes = json_object_get(status, "nodes");

    cli_metric_head("node_seen_timestamp_seconds", "gauge",
                    "When a node was last seen.");

    json_array_foreach(nodes, i, node) {
        cli_say(CLI_METRIC "node_seen_timestamp_seconds{node=\"");
        cli_metric_label(ctl_text(node, "node"));
        cli_say("\"} %.3f\n", (double) cli_integer(node, "seen_ms") / 1000);
    }

    cli_metric_head("node_lease_seconds", "gauge", "The lease of a node.");

    json_array_foreach(nodes, i, node) {
        cli_say(CLI_METRIC "node_lease_seconds{node=\"");
        cli_metric_label(ctl_text(node, "node"));
        cli_say("\",version=\"");
        cli_metric_label(ctl_text(node, "version"));
        cli_say("\"} %.3f\n", (double) cli_integer(node, "lease_ms") / 1000);
    }
}


static void
cli_metrics_redis(json_t *redis)
{
    size_t  i;

    static const char  *label[][2] = {
        { "version", "version" }, { "role", "role" },
        { "policy", "memory_policy" }, { "appendfsync", "appendfsync" }
    };

    cli_metric_head("redis_info", "gauge", "Always 1; what Redis is, empty if "
                    "unknown.");
    cli_say(CLI_METRIC "redis_info{");

    for (i = 0; i < sizeof(label) / sizeof(label[0]); i++) {
        cli_say("%s%s=\"", i ? "," : "", label[i][0]);
        cli_metric_label(ctl_text(redis, label[i][1]));
        cli_say("\"");
    }

    cli_say("} 1\n");
}
