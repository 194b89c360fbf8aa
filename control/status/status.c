/*
 * status: what somebody on call wants to know first.
 *
 * As fast on a million tokens as on ten: it reads the ends of indexes, a
 * bounded number of records, and INFO.  An index only says where to look: what
 * is said of a token or a user is read from its record.  A value that Redis
 * does not give is null.  Everything that needs somebody's attention has a
 * line in "attention".
 */


#include "status.h"
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>


#define CTL_SKEW        2000                     /* ms */
#define CTL_NODE_GONE  10000                     /* ms beyond the lease */


static int ctl_status_clock(ctl_t *ctl, ctl_status_t *s);
static int ctl_status_dataset(ctl_t *ctl, ctl_status_t *s,
    const char *expect);
static int ctl_status_count(ctl_t *ctl, const char *index, int64_t *n);
static int ctl_status_audit(ctl_t *ctl, ctl_status_t *s, json_t *dataset,
    const char *expect);
static int ctl_status_nodes(ctl_t *ctl, ctl_status_t *s);
static json_t *ctl_status_node(ctl_status_t *s, const char *name,
    const char *value);
static int ctl_status_redis(ctl_t *ctl, ctl_status_t *s);
static int64_t ctl_status_ms(void);


int
ctl_status(ctl_t *ctl, const char *expect, json_t **status)
{
    int           code;
    ctl_status_t  s;

    memset(&s, 0, sizeof(s));
    s.json = json_object();
    s.attention = json_array();

    code = ctl_status_clock(ctl, &s);

    if (code == CTL_OK) {
        code = ctl_status_dataset(ctl, &s, expect);
    }

    if (code == CTL_OK) {
        code = ctl_status_tokens(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_rotations(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_approvals(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_refusals(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_reviews(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_nodes(ctl, &s);
    }

    if (code == CTL_OK) {
        code = ctl_status_redis(ctl, &s);
    }

    if (code != CTL_OK) {
        json_decref(s.attention);
        json_decref(s.json);
        return code;
    }

    json_object_set_new(s.json, "attention", s.attention);
    *status = s.json;

    return json_array_size(s.attention) ? CTL_FOUND : CTL_OK;
}


void
ctl_attend(ctl_status_t *s, const char *what, const char *format, ...)
{
    char     text[512];
    json_t  *line;
    va_list  ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    /* an odd id that was cut in the middle of a character is not shown */

    line = json_pack("{s:s, s:s}", "what", what, "text", text);

    json_array_append_new(s->attention,
                          line ? line : json_pack("{s:s, s:s}", "what", what,
                                                  "text", what));
}


/* the answer's time is between the two moments that it was asked at */

static int
ctl_status_clock(ctl_t *ctl, ctl_status_t *s)
{
    int          code;
    int64_t      sent, heard, skew;
    redisReply  *reply;

    sent = ctl_status_ms();

    code = ctl_command(ctl, CTL_IS_TEXTS, &reply, "TIME");
    if (code != CTL_OK) {
        return code;
    }

    heard = ctl_status_ms();

    if (reply->elements != 2) {
        freeReplyObject(reply);
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis has no clock");
    }

    s->now = ctl_number(reply->element[0]->str);
    s->now_ms = s->now * 1000 + ctl_number(reply->element[1]->str) / 1000;
    freeReplyObject(reply);

    skew = s->now_ms < sent ? s->now_ms - sent
                            : s->now_ms > heard ? s->now_ms - heard : 0;

    json_object_set_new(s->json, "at", json_integer(s->now));
    json_object_set_new(s->json, "skew_ms", json_integer(skew));

    if (skew >= CTL_SKEW || skew <= -CTL_SKEW) {
        ctl_attend(s, "clock", "Redis' clock is %lld.%03lld s %s this "
                   "machine's: set both by NTP",
                   (long long) (skew < 0 ? -skew : skew) / 1000,
                   (long long) (skew < 0 ? -skew : skew) % 1000,
                   skew < 0 ? "behind" : "ahead of");
    }

    return CTL_OK;
}


static int
ctl_status_dataset(ctl_t *ctl, ctl_status_t *s, const char *expect)
{
    int       code;
    int64_t   tokens, users;
    json_t   *dataset;

    code = ctl_ready(ctl);

    if (code == CTL_OK) {
        code = ctl_status_count(ctl, "tokens", &tokens);
    }

    if (code == CTL_OK) {
        code = ctl_status_count(ctl, "users", &users);
    }

    if (code != CTL_OK) {
        return code;
    }

    if (ctl->importing) {
        ctl_attend(s, "importing", CTL_UNFINISHED);
    }

    dataset = json_pack("{s:I, s:I}", "tokens", (json_int_t) tokens, "users",
                        (json_int_t) users);
    json_object_set_new(s->json, "dataset", dataset);

    if (ctl->keys.n && !ctl->sealed && tokens + users) {
        ctl_attend(s, "unsealed", "this dataset is not sealed yet, and nginx "
                   "refuses what has no seal: see \"seal --first --dry-run\"");
    }

    return ctl_status_audit(ctl, s, dataset, expect);
}


/* an index of another type counts nothing: fsck says so */

static int
ctl_status_count(ctl_t *ctl, const char *index, int64_t *n)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "ZCARD %s%s", ctl->prefix,
                       index);
    if (code != CTL_OK) {
        return code;
    }

    *n = reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    freeReplyObject(reply);

    return CTL_OK;
}


/*
 * The audit's end, against one that was noted.  An end before it means that the
 * dataset was set back.  Of one behind it "audit verify" tells.
 */

static int
ctl_status_audit(ctl_t *ctl, ctl_status_t *s, json_t *dataset,
    const char *expect)
{
    int          code;
    char         noted[CTL_CHAIN_LEN + 1];
    int64_t      seq, last;
    redisReply  *reply;
    const char  *hash;

    code = ctl_audit_noted(ctl, expect, &seq, noted);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HMGET %saudit-head seq hash",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    last = 0;
    hash = "";

    if (ctl_fits(reply, CTL_IS_VALUES) && reply->elements == 2
        && ctl_is_text(reply->element[0]) && ctl_is_text(reply->element[1]))
    {
        last = ctl_number(reply->element[0]->str);
        hash = reply->element[1]->str;
    }

    json_object_set_new(dataset, "audit_seq", json_integer(last));
    json_object_set_new(dataset, "audit_hash", hash[0] ? json_string(hash)
                                                    : json_null());

    if (seq > last) {
        ctl_attend(s, "set-back", "the dataset was set back: its audit ends at "
                   "%lld, and entry %lld was noted; tokens revoked since may "
                   "be valid again", (long long) last, (long long) seq);

    } else if (seq && seq == last && strcmp(hash, noted) != 0) {
        ctl_attend(s, "set-back", "entry %lld of the audit is not the one "
                   "that was noted: the dataset was set back, or changed",
                   (long long) seq);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_status_nodes(ctl_t *ctl, ctl_status_t *s)
{
    int          code;
    size_t       i;
    json_t      *nodes;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HGETALL %snodes",
                       ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    nodes = json_array();

    for (i = 0; ctl_fits(reply, CTL_IS_PAIRS) && i < reply->elements; i += 2) {
        json_array_append_new(nodes,
                              ctl_status_node(s, reply->element[i]->str,
                                              reply->element[i + 1]->str));
    }

    json_object_set_new(s->json, "nodes", nodes);
    freeReplyObject(reply);

    return CTL_OK;
}


/* "<when last seen> <lease>", in ms, and perhaps a version */

static json_t *
ctl_status_node(ctl_status_t *s, const char *name, const char *value)
{
    char        version[64];
    json_t     *json, *text;
    long long   at, lease;

    at = 0;
    lease = 0;
    version[0] = '\0';

    (void) sscanf(value, "%18lld %18lld %63s", &at, &lease, version);

    if (at + lease + CTL_NODE_GONE < s->now_ms) {
        ctl_attend(s, "node", "node %.128s was last seen %lld s ago: it is "
                   "down, or cannot reach Redis", name,
                   (long long) (s->now_ms - at) / 1000);
    }

    json = json_pack("{s:I, s:I}", "seen_ms", (json_int_t) at, "lease_ms",
                     (json_int_t) lease);

    text = json_string(name);
    json_object_set_new(json, "node", text ? text : json_null());

    text = version[0] ? json_string(version) : NULL;
    json_object_set_new(json, "version", text ? text : json_null());

    return json;
}


static int
ctl_status_redis(ctl_t *ctl, ctl_status_t *s)
{
    int      code;
    json_t  *info, *lines;

    code = ctl_info(ctl, &info);
    if (code != CTL_OK) {
        return code;
    }

    json_object_set_new(s->json, "redis", info);

    if (strcmp(ctl_text(info, "role"), "slave") == 0) {
        ctl_attend(s, "redis-replica", "this Redis is a replica: its data may "
                   "be old, and it accepts no changes");
    }

    lines = ctl_info_warnings(info, 1);
    json_array_extend(s->attention, lines);
    json_decref(lines);

    return CTL_OK;
}


static int64_t
ctl_status_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
