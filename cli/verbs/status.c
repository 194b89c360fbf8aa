/*
 * status: one screen of 80 columns, one JSON object, or text for the textfile
 * collector of Prometheus' node exporter (metrics.c).
 */


#include "cli.h"
#include "table.h"
#include "metrics.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


#define CLI_ROWS      5                          /* of each list */
#define CLI_WARNINGS  8
#define CLI_COLUMNS  80


static void cli_status_text(cli_t *cli, json_t *status);
static void cli_status_warning(const char *text);
static void cli_status_ending(json_t *status);
static void cli_status_rotations(json_t *status);
static void cli_status_approvals(json_t *status);
static void cli_status_refusals(json_t *status);
static void cli_status_reviews(json_t *status);
static void cli_status_nodes(json_t *status, json_int_t now);
static void cli_status_redis(json_t *status);
static void cli_status_memory(json_t *redis);
static void cli_status_more(size_t n);
static void cli_status_date(json_int_t date, char out[CTL_WHEN]);
static const char *cli_status_known(json_t *json, const char *name,
    const char *yes, const char *no);


int
cli_status(cli_t *cli, cli_args_t *args)
{
    int          code, metrics, rc;
    json_t      *status;
    const char  *format;

    format = cli_option(args, "format");
    metrics = format != NULL;

    if (metrics && (cli->json || strcmp(format, "prometheus") != 0)) {
        return ctl_fail(&cli->ctl, CTL_INVALID, "bad --format: prometheus, "
                        "and not together with --json");
    }

    code = ctl_status(&cli->ctl, cli_option(args, "expect"), &status);

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    if (cli->json) {
        rc = cli_print_json(cli, status);
        return rc == CTL_OK ? code : rc;
    }

    if (metrics) {
        cli_status_metrics(status);

    } else {
        cli_status_text(cli, status);
    }

    json_decref(status);

    return code;
}


static void
cli_status_text(cli_t *cli, json_t *status)
{
    size_t       i, n;
    json_t      *line, *dataset, *attention;
    json_int_t   now;

    now = cli_integer(status, "at");
    dataset = json_object_get(status, "dataset");
    attention = json_object_get(status, "attention");
    n = json_array_size(attention);

    cli_say("dataset     %lld token%s, %lld user%s, audit entry %lld, "
            "prefix %.16s\n", cli_integer(dataset, "tokens"),
            ctl_s(cli_integer(dataset, "tokens")),
            cli_integer(dataset, "users"),
            ctl_s(cli_integer(dataset, "users")),
            cli_integer(dataset, "audit_seq"), cli->ctl.prefix);

    cli_status_ending(status);
    cli_status_rotations(status);
    cli_status_approvals(status);
    cli_status_refusals(status);
    cli_status_reviews(status);
    cli_status_nodes(status, now);
    cli_status_redis(status);

    json_array_foreach(attention, i, line) {
        if (i == CLI_WARNINGS) {
            cli_status_more(n - CLI_WARNINGS);
            break;
        }

        cli_status_warning(ctl_text(line, "text"));
    }
}


/* in lines that end between words */

static void
cli_status_warning(const char *text)
{
    size_t  len, column;

    cli_say("warning:");
    column = 8;

    while (*text) {
        len = strcspn(text, " ");

        if (column + 1 + len > CLI_COLUMNS) {
            cli_say("\n ");
            column = 1;
        }

        cli_say(" %.*s", (int) len, text);
        column += 1 + len;

        text += len;
        text += strspn(text, " ");
    }

    cli_say("\n");
}


static void
cli_status_ending(json_t *status)
{
    char         date[CTL_WHEN];
    size_t       i;
    json_t      *ending, *token, *next;
    const char  *more;

    ending = json_object_get(status, "ending");
    next = json_object_get(ending, "next");
    more = json_is_true(json_object_get(ending, "complete")) ? "" : "+";

    cli_say("ending      in a day %lld%s, in 7 days %lld%s, in 30 days %lld%s"
            "\n", cli_integer(ending, "within_1d"), more,
            cli_integer(ending, "within_7d"), more,
            cli_integer(ending, "within_30d"), more);

    json_array_foreach(next, i, token) {
        if (i == CLI_ROWS) {
            break;
        }

        cli_status_date(cli_integer(token, "expires_at"), date);
        cli_say("  %-20.20s  %-20s  %-7.7s  %.25s\n",
                ctl_text(token, "id"), date,
                json_is_null(json_object_get(token, "last_used")) ? "unused"
                : ctl_text(token, "rotated_to")[0] ? "rotated" : "used",
                ctl_text(token, "user"));
    }
}


static void
cli_status_rotations(json_t *status)
{
    char      date[CTL_WHEN];
    size_t    i, n;
    json_t   *rotations, *r;

    rotations = json_object_get(status, "rotations");
    n = (size_t) cli_integer(rotations, "under_way");

    cli_say("rotations   %lld%s under way, %lld stuck\n",
            cli_integer(rotations, "under_way"),
            json_is_true(json_object_get(rotations, "complete")) ? "" : "+",
            cli_integer(rotations, "stuck"));

    json_array_foreach(json_object_get(rotations, "list"), i, r) {
        if (i == CLI_ROWS) {
            cli_status_more(n - CLI_ROWS);
            break;
        }

        cli_status_date(cli_integer(r, "expires_at"), date);
        cli_say("  %-20.20s  %-20s  new %s, %.18s\n", ctl_text(r, "old"), date,
                json_is_true(json_object_get(r, "stuck")) ? "stuck"
                : json_is_null(json_object_get(r, "new_last_used"))
                  ? "new unused" : "new in use",
                ctl_text(r, "user"));
    }
}


static void
cli_status_approvals(json_t *status)
{
    char         date[CTL_WHEN];
    size_t       i, n;
    json_t      *list, *wait;
    const char  *what;

    list = json_object_get(status, "approvals");
    n = json_array_size(list);

    cli_say("approvals   %zu pending\n", n);

    json_array_foreach(list, i, wait) {
        if (i == CLI_ROWS) {
            cli_status_more(n - CLI_ROWS);
            break;
        }

        what = json_is_null(json_object_get(wait, "user"))
               ? "approval set" : ctl_text(wait, "user");

        cli_status_date(cli_integer(wait, "at"), date);
        cli_say("  %-30.30s  %-8.8s  %-20s  by %.13s\n", what,
                ctl_text(wait, "role"), date, ctl_text(wait, "by"));
    }
}


static void
cli_status_refusals(json_t *status)
{
    size_t       column;
    json_t      *refusals, *count;
    const char  *reason;

    refusals = json_object_get(status, "refusals");

    cli_say("refused     %s",
            json_object_size(json_object_get(refusals, "reasons"))
            ? "in the last day:" : "nothing in the last day");
    column = 28;

    json_object_foreach(json_object_get(refusals, "reasons"), reason, count) {
        if (column + strlen(reason) + 12 > 78) {
            cli_say("\n           ");
            column = 11;
        }

        cli_say(" %.20s %lld", reason,
                (long long) json_integer_value(count));
        column += strlen(reason) + 8;
    }

    cli_say("%s\n", json_is_true(json_object_get(refusals, "complete"))
                    ? "" : " (at least)");
}


/* the day of each is enough on a line */

static void
cli_status_reviews(json_t *status)
{
    char         date[CTL_WHEN];
    size_t       n;
    json_t      *review;
    const char  *period;

    n = 0;
    cli_say("reviews    ");

    json_object_foreach(json_object_get(status, "reviews"), period, review) {
        cli_say("%s %s ", n++ ? ";" : "", period);

        if (json_is_object(review)) {
            ctl_iso(cli_integer(review, "at"), date);
            cli_say("%.10s, %lld found", date, cli_integer(review, "found"));

        } else {
            cli_say("never");
        }
    }

    cli_say("\n");
}


static void
cli_status_nodes(json_t *status, json_int_t now)
{
    size_t   i, n;
    json_t  *nodes, *node;

    nodes = json_object_get(status, "nodes");
    n = json_array_size(nodes);

    cli_say("nodes       %zu\n", n);

    json_array_foreach(nodes, i, node) {
        if (i == CLI_ROWS) {
            cli_status_more(n - CLI_ROWS);
            break;
        }

        cli_say("  %-30.30s  seen %lld s ago, lease %.1f s%s%.16s\n",
                ctl_text(node, "node"),
                (long long) now - cli_integer(node, "seen_ms") / 1000,
                (double) cli_integer(node, "lease_ms") / 1000,
                ctl_text(node, "version")[0] ? ", " : "",
                ctl_text(node, "version"));
    }
}


static void
cli_status_redis(json_t *status)
{
    char     date[CTL_WHEN];
    json_t  *redis;

    redis = json_object_get(status, "redis");

    cli_say("redis       %.16s, %s, clock %lld ms apart\n",
            ctl_text(redis, "version")[0] ? ctl_text(redis, "version")
                                          : "version unknown",
            strcmp(ctl_text(redis, "role"), "master") == 0 ? "primary"
            : ctl_text(redis, "role")[0] ? "replica" : "role unknown",
            cli_integer(status, "skew_ms"));

    cli_status_date(cli_integer(redis, "saved_at"), date);
    cli_say("  append-only %s, fsync %.10s, last write %s; save %s, %s\n",
            cli_status_known(redis, "aof_enabled", "on", "off"),
            ctl_text(redis, "appendfsync")[0] ? ctl_text(redis, "appendfsync")
                                              : "unknown",
            cli_status_known(redis, "aof_last_write_ok", "ok", "failed"),
            cli_status_known(redis, "save_ok", "ok", "failed"),
            json_is_null(json_object_get(redis, "saved_at")) ? "unknown"
                                                             : date);

    cli_status_memory(redis);
}


static void
cli_status_memory(json_t *redis)
{
    json_t  *used, *most, *replicas, *least, *evicted;

    used = json_object_get(redis, "memory_used");
    most = json_object_get(redis, "memory_max");
    replicas = json_object_get(redis, "replicas");
    least = json_object_get(redis, "min_replicas");
    evicted = json_object_get(redis, "evicted_keys");

    if (json_is_null(used)) {
        cli_say("  memory unknown");

    } else {
        cli_say("  memory %.1f MB", (double) json_integer_value(used) / 1e6);
    }

    if (json_integer_value(most)) {
        cli_say(" of %.1f MB", (double) json_integer_value(most) / 1e6);

    } else {
        cli_say(json_is_null(most) ? "" : ", no limit");
    }

    cli_say(", %.16s", ctl_text(redis, "memory_policy")[0]
                       ? ctl_text(redis, "memory_policy") : "policy unknown");

    if (json_is_null(evicted)) {
        cli_say(", evicted unknown\n");

    } else {
        cli_say(", %lld evicted\n", (long long) json_integer_value(evicted));
    }

    if (json_is_null(replicas)) {
        cli_say("  replicas unknown");

    } else {
        cli_say("  replicas %lld", (long long) json_integer_value(replicas));
    }

    if (json_is_null(least)) {
        cli_say(", min-replicas-to-write unknown\n");

    } else {
        cli_say(", min-replicas-to-write %lld\n",
                (long long) json_integer_value(least));
    }
}


static void
cli_status_more(size_t n)
{
    cli_say("  and %zu more\n", n);
}


/* a line has no place for both: on a terminal how far away it is */

static void
cli_status_date(json_int_t date, char out[CTL_WHEN])
{
    if (date == 0) {
        strcpy(out, "never");

    } else if (cli_terminal()) {
        ctl_when(date, (int64_t) time(NULL), out);

    } else {
        ctl_iso(date, out);
    }
}


static const char *
cli_status_known(json_t *json, const char *name, const char *yes,
    const char *no)
{
    json_t  *value;

    value = json_object_get(json, name);

    return json_is_boolean(value) ? json_is_true(value) ? yes : no : "unknown";
}
