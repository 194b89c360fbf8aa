/*
 * The audit and the refusals of the edges, read as one, by time.
 *
 * Edges write the refusals, so nothing in there may pass for a change: each
 * entry is shown as "token.refuse" by "nginx", with the few fields that a
 * refusal has, whatever else it says.  The audit comes as it is.
 */


#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_BOTH_BATCH   1000                    /* entries */
#define CTL_BOTH_BLOCK   1000                    /* ms; below the timeout */
#define CTL_BOTH_FIELDS  9


/* entries of one of them that were read and not yet passed on */
typedef struct {
    redisReply  *reply;                          /* freed with it; or NULL */
    redisReply  *entries;
    size_t       i;
    int          ended;
    char         from[64];                       /* to be read next */
} ctl_side_t;


/* a refusal in the shape of an entry of the audit */
typedef struct {
    redisReply   entry;
    redisReply   fields;
    redisReply   text[2 * CTL_BOTH_FIELDS];
    redisReply  *part[2];
    redisReply  *field[2 * CTL_BOTH_FIELDS];
} ctl_refusal_t;


static const char  *ctl_both_key[CTL_BOTH] = { "audit", "refusals" };


static int ctl_both_merge(ctl_t *ctl, ctl_both_t last,
    ctl_side_t side[CTL_BOTH], ctl_entry_pt handler, void *data);
static int ctl_both_fill(ctl_t *ctl, ctl_side_t *side, int which);
static ctl_side_t *ctl_both_first(ctl_side_t side[CTL_BOTH]);
static redisReply *ctl_both_next(ctl_side_t *side);
static int ctl_both_before(const char *id, const char *other);
static redisReply *ctl_both_refusal(ctl_refusal_t *refusal,
    redisReply *entry);


int
ctl_both_walk(ctl_t *ctl, ctl_both_t last, const char *from,
    ctl_entry_pt handler, void *data)
{
    int         i;
    ctl_side_t  side[CTL_BOTH];

    memset(side, 0, sizeof(side));

    for (i = 0; i < CTL_BOTH; i++) {
        snprintf(side[i].from, sizeof(side[i].from), "%s", from);
        snprintf(last[i], sizeof(last[i]), "%s",
                 strcmp(from, "-") == 0 ? "0-0" : from);
    }

    return ctl_both_merge(ctl, last, side, handler, data);
}


int
ctl_both_newest(ctl_t *ctl, ctl_both_t last)
{
    int          i, code;
    redisReply  *reply;

    for (i = 0; i < CTL_BOTH; i++) {
        strcpy(last[i], "0-0");

        code = ctl_command(ctl, CTL_IS_ENTRIES, &reply, "XREVRANGE %s%s + - "
                           "COUNT 1", ctl->prefix, ctl_both_key[i]);
        if (code != CTL_OK) {
            return code;
        }

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements) {
            code = ctl_entry_check(ctl, reply->element[0]);

            if (code == CTL_OK) {
                snprintf(last[i], sizeof(last[i]), "%s",
                         reply->element[0]->element[0]->str);
            }
        }

        freeReplyObject(reply);

        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}


/*
 * Redis is asked to wait for less than the connection's timeout, so silence
 * beyond that is an outage.
 */

int
ctl_both_wait(ctl_t *ctl, ctl_both_t last, ctl_entry_pt handler, void *data)
{
    int          i, code;
    size_t       k, len, key;
    ctl_side_t   side[CTL_BOTH];
    redisReply  *reply, *stream;

    code = ctl_command(ctl, CTL_IS_STREAMS, &reply, "XREAD COUNT %d BLOCK %d "
                       "STREAMS %saudit %srefusals %s %s", CTL_BOTH_BATCH,
                       CTL_BOTH_BLOCK, ctl->prefix, ctl->prefix, last[0],
                       last[1]);
    if (code != CTL_OK) {
        return code;
    }

    memset(side, 0, sizeof(side));
    side[0].ended = 1;
    side[1].ended = 1;

    /* nil: nothing came */

    for (k = 0; reply->type == REDIS_REPLY_ARRAY && k < reply->elements; k++) {
        stream = reply->element[k];

        if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2
            || stream->element[0]->type != REDIS_REPLY_STRING
            || stream->element[1]->type != REDIS_REPLY_ARRAY)
        {
            continue;
        }

        len = (size_t) stream->element[0]->len;

        for (i = 0; i < CTL_BOTH; i++) {
            key = strlen(ctl_both_key[i]);

            if (len >= key
                && strcmp(stream->element[0]->str + len - key,
                          ctl_both_key[i]) == 0)
            {
                side[i].entries = stream->element[1];
            }
        }
    }

    code = ctl_both_merge(ctl, last, side, handler, data);

    freeReplyObject(reply);

    return code;
}


static int
ctl_both_merge(ctl_t *ctl, ctl_both_t last, ctl_side_t side[CTL_BOTH],
    ctl_entry_pt handler, void *data)
{
    int            i, code;
    redisReply    *entry;
    ctl_side_t    *first;
    ctl_refusal_t  refusal;

    for ( ;; ) {
        code = CTL_OK;

        for (i = 0; i < CTL_BOTH && code == CTL_OK; i++) {
            code = ctl_both_fill(ctl, &side[i], i);
        }

        first = code == CTL_OK ? ctl_both_first(side) : NULL;

        if (first == NULL) {
            break;
        }

        i = (int) (first - side);
        entry = ctl_both_next(first);
        first->i++;

        snprintf(last[i], sizeof(last[i]), "%s",
                 entry->element[0]->str);

        code = handler(ctl, i ? ctl_both_refusal(&refusal, entry) : entry,
                       data);
        if (code != CTL_OK) {
            break;
        }
    }

    for (i = 0; i < CTL_BOTH; i++) {
        if (side[i].reply) {
            freeReplyObject(side[i].reply);
        }
    }

    return code;
}


/* there is a well-formed entry to pass on, or no more */

static int
ctl_both_fill(ctl_t *ctl, ctl_side_t *side, int which)
{
    int          code;
    redisReply  *batch;

    if (ctl_both_next(side)) {
        return ctl_entry_check(ctl, ctl_both_next(side));
    }

    if (side->ended) {
        return CTL_OK;
    }

    code = ctl_command(ctl, CTL_IS_ENTRIES, &batch, "XRANGE %s%s %s + COUNT "
                       "%d", ctl->prefix, ctl_both_key[which], side->from,
                       CTL_BOTH_BATCH);
    if (code != CTL_OK) {
        return code;
    }

    if (side->reply) {
        freeReplyObject(side->reply);
    }

    side->reply = batch;
    side->entries = batch->type == REDIS_REPLY_ARRAY ? batch : NULL;
    side->i = 0;
    side->ended = batch->elements < CTL_BOTH_BATCH;

    if (side->entries == NULL || ctl_both_next(side) == NULL) {
        side->ended = 1;
        return CTL_OK;
    }

    batch = side->entries->element[side->entries->elements - 1];
    code = ctl_entry_check(ctl, batch);

    if (code == CTL_OK) {
        snprintf(side->from, sizeof(side->from), "(%s",
                 batch->element[0]->str);

        code = ctl_entry_check(ctl, ctl_both_next(side));
    }

    return code;
}


/* the side whose next entry is the older one; NULL: both are at their end */

static ctl_side_t *
ctl_both_first(ctl_side_t side[CTL_BOTH])
{
    redisReply  *audit, *refusal;

    audit = ctl_both_next(&side[0]);
    refusal = ctl_both_next(&side[1]);

    if (audit == NULL || refusal == NULL) {
        return audit ? &side[0] : refusal ? &side[1] : NULL;
    }

    return ctl_both_before(refusal->element[0]->str, audit->element[0]->str)
           ? &side[1] : &side[0];
}


static redisReply *
ctl_both_next(ctl_side_t *side)
{
    return side->entries && side->i < side->entries->elements
           ? side->entries->element[side->i] : NULL;
}


/* ids are "<ms>-<number>" */

static int
ctl_both_before(const char *id, const char *other)
{
    char      *end, *rest;
    uint64_t   a, b;

    a = strtoull(id, &end, 10);
    b = strtoull(other, &rest, 10);

    if (a != b) {
        return a < b;
    }

    return strtoull(*end ? end + 1 : end, NULL, 10)
           < strtoull(*rest ? rest + 1 : rest, NULL, 10);
}


static redisReply *
ctl_both_refusal(ctl_refusal_t *refusal, redisReply *entry)
{
    size_t       i;
    const char  *value;

    /* the name there, or the value itself */

    static const char  *shape[CTL_BOTH_FIELDS][3] = {
        { "at", "at", NULL }, { "actor", NULL, "nginx" },
        { "action", NULL, "token.refuse" }, { "token", "token", NULL },
        { "user", "user", NULL }, { "before", NULL, "" },
        { "after", "reason", NULL }, { "count", "count", NULL },
        { "addr", "addr", NULL }
    };

    memset(refusal, 0, sizeof(*refusal));

    for (i = 0; i < 2 * CTL_BOTH_FIELDS; i++) {
        value = shape[i / 2][0];

        if (i % 2) {
            value = shape[i / 2][1] ? ctl_entry_get(entry, shape[i / 2][1])
                                    : shape[i / 2][2];
        }

        refusal->text[i].type = REDIS_REPLY_STRING;
        refusal->text[i].str = (char *) value;
        refusal->text[i].len = strlen(value);
        refusal->field[i] = &refusal->text[i];
    }

    refusal->fields.type = REDIS_REPLY_ARRAY;
    refusal->fields.elements = 2 * CTL_BOTH_FIELDS;
    refusal->fields.element = refusal->field;

    refusal->part[0] = entry->element[0];
    refusal->part[1] = &refusal->fields;

    refusal->entry.type = REDIS_REPLY_ARRAY;
    refusal->entry.elements = 2;
    refusal->entry.element = refusal->part;

    return &refusal->entry;
}
