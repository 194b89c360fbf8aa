/*
 * audit verify: walks the chain and reports what does not fit: an entry that
 * was changed, that is missing, that stands elsewhere, or that has no part in
 * it.
 *
 * The audit's head is read first: entries that come meanwhile are beyond it.
 * The head counts the entries that the bound removes from the old end, which
 * tells them apart from entries that are missing there.  The head is not a
 * proof: anybody who can write to Redis can write that count.  But the bound
 * removes nothing while there are fewer entries than the least that it keeps,
 * which is a constant here and in the scripts, not in Redis.
 *
 * Anybody who can write to Redis can write the whole chain anew.  Only an
 * entry that was noted elsewhere shows that: --expect.
 */


#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_FINDINGS     100                     /* more are only counted */
#define CTL_AUDIT_LEAST  1000000                 /* as in common.lua */
#define CTL_AUDIT_SLACK  1000                    /* taken during the walk */


typedef struct {
    int64_t   seq;                               /* of the head; 0: none */
    int64_t   trimmed;
    char      hash[CTL_CHAIN_LEN + 1];
} ctl_head_t;


typedef struct {
    int64_t      first;                          /* numbers that were seen */
    int64_t      last;
    int64_t      entries;
    int64_t      found;
    json_t      *findings;
    int64_t      expect;                         /* 0: none */
    ctl_head_t   head;
    char         prev[CTL_CHAIN_LEN + 1];        /* hash of the last */
    char         noted[CTL_CHAIN_LEN + 1];       /* what is expected */
    int          met;
} ctl_verify_t;


static int ctl_verify_chain(ctl_t *ctl, ctl_verify_t *v);
static int ctl_head_read(ctl_t *ctl, ctl_head_t *head);
static int ctl_verify_entry(ctl_t *ctl, redisReply *entry, void *data);
static int ctl_verify_order(ctl_t *ctl, ctl_verify_t *v, redisReply *entry,
    int64_t seq);
static void ctl_verify_end(ctl_verify_t *v);
static void ctl_verify_found(ctl_verify_t *v, const char *what, int64_t seq,
    const char *id, const char *format, ...)
    __attribute__((format(printf, 5, 6)));


int
ctl_audit_verify(ctl_t *ctl, const char *expect, json_t **report)
{
    int            code;
    ctl_verify_t   v;

    memset(&v, 0, sizeof(v));

    code = ctl_audit_noted(ctl, expect, &v.expect, v.noted);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_ready(ctl);
    if (code != CTL_OK) {
        return code;
    }

    code = ctl_verify_chain(ctl, &v);

    if (code == CTL_OK) {
        *report = json_pack("{s:I, s:I, s:I, s:s, s:I, s:I, s:O}",
                            "entries", (json_int_t) v.entries,
                            "first", (json_int_t) v.first,
                            "last", (json_int_t) v.last,
                            "hash", v.prev,
                            "trimmed", (json_int_t) v.head.trimmed,
                            "found", (json_int_t) v.found,
                            "findings", v.findings);
        code = v.found ? CTL_FOUND : CTL_OK;
    }

    json_decref(v.findings);

    return code;
}


int
ctl_audit_findings(ctl_t *ctl, json_t **findings, int64_t *found)
{
    int           code;
    ctl_verify_t  v;

    memset(&v, 0, sizeof(v));

    code = ctl_verify_chain(ctl, &v);

    *findings = v.findings;
    *found = v.found;

    return code;
}


int
ctl_audit_noted(ctl_t *ctl, const char *text, int64_t *seq,
    char hash[CTL_CHAIN_LEN + 1])
{
    char  *p;

    *seq = 0;

    if (text == NULL) {
        return CTL_OK;
    }

    *seq = strtoll(text, &p, 10);

    if (*seq <= 0 || *p != ':'
        || strspn(p + 1, "0123456789abcdef") != CTL_CHAIN_LEN
        || strlen(p + 1) != CTL_CHAIN_LEN)
    {
        return ctl_fail(ctl, CTL_INVALID, "bad --expect: NUMBER:HASH, as "
                        "audit verify prints it");
    }

    strcpy(hash, p + 1);

    return CTL_OK;
}


static int
ctl_verify_chain(ctl_t *ctl, ctl_verify_t *v)
{
    int  code;

    v->findings = json_array();

    code = ctl_head_read(ctl, &v->head);

    if (code == CTL_OK) {
        code = ctl_audit_walk(ctl, "-", ctl_verify_entry, v);
    }

    if (code == CTL_OK) {
        ctl_verify_end(v);
    }

    return code;
}


static int
ctl_head_read(ctl_t *ctl, ctl_head_t *head)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_VALUES, &reply, "HMGET %saudit-head seq "
                       "hash trimmed", ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    memset(head, 0, sizeof(*head));

    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
        && reply->element[0]->str && reply->element[1]->str)
    {
        head->seq = ctl_number(reply->element[0]->str);
        head->trimmed = ctl_number(reply->element[2]->str);
        snprintf(head->hash, sizeof(head->hash), "%s",
                 reply->element[1]->str);
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_verify_entry(ctl_t *ctl, redisReply *entry, void *data)
{
    int            code;
    char           hash[CTL_CHAIN_LEN + 1];
    int64_t        seq;
    const char    *id, *said;
    ctl_verify_t  *v = data;

    v->entries++;

    id = entry->element[0]->str;
    seq = ctl_number(ctl_entry_get(entry, "seq"));
    said = ctl_entry_get(entry, "hash");

    if (seq <= 0 || strlen(said) != CTL_CHAIN_LEN) {
        ctl_verify_found(v, "foreign", 0, id, "an entry that is not of the "
                         "chain: somebody else added it");
        return CTL_OK;
    }

    ctl_entry_hash(entry, hash);

    if (strcmp(hash, said) != 0) {
        ctl_verify_found(v, "changed", seq, id, "entry %lld is not what was "
                         "written", (long long) seq);
    }

    code = ctl_verify_order(ctl, v, entry, seq);

    if (seq == v->head.seq && strcmp(said, v->head.hash) != 0) {
        ctl_verify_found(v, "changed", seq, id, "entry %lld is not the one "
                         "that the head names", (long long) seq);
    }

    if (seq == v->expect) {
        v->met = 1;

        if (strcmp(said, v->noted) != 0) {
            ctl_verify_found(v, "changed", seq, id, "entry %lld is not the one "
                             "that is expected", (long long) seq);
        }
    }

    if (v->first == 0) {
        v->first = seq;
    }

    if (seq > v->last) {
        v->last = seq;
        strcpy(v->prev, said);
    }

    return code;
}


static int
ctl_verify_order(ctl_t *ctl, ctl_verify_t *v, redisReply *entry, int64_t seq)
{
    int          code;
    int64_t      gone;
    ctl_head_t   head;
    const char  *id;

    id = entry->element[0]->str;

    if (seq == v->last + 1) {
        if (strcmp(ctl_entry_get(entry, "prev"), v->prev) != 0) {
            ctl_verify_found(v, "changed", v->last, id, "entry %lld is not "
                             "the one that entry %lld follows",
                             (long long) v->last, (long long) seq);
        }

        return CTL_OK;
    }

    if (seq <= v->last) {
        ctl_verify_found(v, "reordered", seq, id, "entry %lld comes after "
                         "entry %lld", (long long) seq, (long long) v->last);
        return CTL_OK;
    }

    /* the bound may have taken entries since the head was read */

    code = ctl_head_read(ctl, &head);
    if (code != CTL_OK) {
        return code;
    }

    if (head.trimmed > v->head.trimmed) {
        v->head.trimmed = head.trimmed;
    }

    gone = v->last > v->head.trimmed ? v->last : v->head.trimmed;

    if (seq > gone + 1) {
        ctl_verify_found(v, "missing", gone + 1, id, "%lld missing before "
                         "entry %lld", (long long) (seq - gone - 1),
                         (long long) seq);
    }

    return CTL_OK;
}


/* what the ends have to be */

static void
ctl_verify_end(ctl_verify_t *v)
{
    if (v->entries == 0 && v->head.seq == 0) {
        ctl_verify_found(v, "missing", 1, "", "the audit is empty, and a "
                         "dataset begins with an entry");
    }

    if (v->head.trimmed > 0
        && v->entries + CTL_AUDIT_SLACK < CTL_AUDIT_LEAST)
    {
        ctl_verify_found(v, "missing", 1, "", "%lld missing at the old end, "
                         "though nothing is removed below %d entries",
                         (long long) v->head.trimmed, CTL_AUDIT_LEAST);
    }

    if (v->expect && !v->met) {
        ctl_verify_found(v, "missing", v->expect, "", "entry %lld is expected, "
                         "and %s", (long long) v->expect,
                         v->expect < v->first ? "older than all that are kept"
                                              : "not there");
    }

    if (v->head.seq == 0 && v->last) {
        ctl_verify_found(v, "missing", v->last, "", "the chain's head is gone: "
                         "whether entries are missing after entry %lld is not "
                         "known", (long long) v->last);

    } else if (v->head.seq > v->last) {
        ctl_verify_found(v, "missing", v->last + 1, "", "%lld missing after "
                         "entry %lld", (long long) (v->head.seq - v->last),
                         (long long) v->last);
    }
}


static void
ctl_verify_found(ctl_verify_t *v, const char *what, int64_t seq,
    const char *id, const char *format, ...)
{
    char     seen[160];
    va_list  ap;

    v->found++;

    if (json_array_size(v->findings) == CTL_FINDINGS) {
        return;
    }

    va_start(ap, format);
    vsnprintf(seen, sizeof(seen), format, ap);
    va_end(ap);

    json_array_append_new(v->findings,
                          json_pack("{s:s, s:I, s:s, s:s}", "finding", what,
                                    "seq", (json_int_t) seq, "id", id,
                                    "seen", seen));
}
