/*
 * What a status says of tokens: those that end next, and rotations.
 *
 * Which ones end next says "expiry", a page at a time, and not more than some
 * pages: revoked ones stand there, too.  Rotations have no index: those that
 * matter have an old token that ends soon, which is met there, or a new one,
 * which is among the newest of "tokens".  Where there was more to look at than
 * was looked at, "complete" is false.
 */


#include "status.h"

#include <stdlib.h>
#include <string.h>


#define CTL_LOOK      1000                       /* ids of a page */
#define CTL_PAGES        4
#define CTL_NEXT        10                       /* tokens that are named */
#define CTL_LINES        5                       /* of attention */
#define CTL_WINDOW    (30 * CTL_DAY)
#define CTL_SOON      (7 * CTL_DAY)
#define CTL_PAIRS      500


/* a rotation: both by what their records say */
typedef struct {
    stok_str_t           id;
    const ctl_record_t  *rec;
    int64_t              used;                   /* 0: never */
    int64_t              created;
    int                  valid;
} ctl_side_t;


typedef struct {
    json_t   *next;
    json_t   *pairs;                             /* old id to new id */
    int64_t   within[3];
    int64_t   urgent;
    int       complete;
} ctl_ending_t;


static const int64_t  ctl_windows[] = { CTL_DAY, CTL_SOON, CTL_WINDOW };


static int ctl_ending(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e);
static int ctl_ending_page(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e,
    int from, size_t *n, int64_t *last);
static void ctl_ending_token(ctl_status_t *s, ctl_ending_t *e,
    const ctl_record_t *rec, const char *id, int64_t used);
static int ctl_newest(ctl_t *ctl, ctl_ending_t *e);
static int ctl_tokens(ctl_t *ctl, size_t n, const stok_str_t *id,
    ctl_record_t **rec, int64_t **used);
static void ctl_tokens_free(size_t n, ctl_record_t *rec, int64_t *used);
static int ctl_valid(const ctl_status_t *s, const ctl_record_t *rec);
static int ctl_rotations(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e);
static int ctl_rotation_is(ctl_status_t *s, json_t *list,
    const ctl_side_t *old, const ctl_side_t *new);
static int ctl_rotation_stuck(ctl_status_t *s, const ctl_side_t *old,
    const ctl_side_t *new);
static json_t *ctl_used(int64_t used);


int
ctl_status_tokens(ctl_t *ctl, ctl_status_t *s)
{
    int           code;
    ctl_ending_t  e;

    memset(&e, 0, sizeof(e));
    e.next = json_array();
    e.pairs = json_object();

    code = ctl_ending(ctl, s, &e);

    if (code == CTL_OK) {
        json_object_set_new(s->json, "ending",
                            json_pack("{s:I, s:I, s:I, s:b, s:O}",
                                      "within_1d", (json_int_t) e.within[0],
                                      "within_7d", (json_int_t) e.within[1],
                                      "within_30d", (json_int_t) e.within[2],
                                      "complete", e.complete, "next",
                                      e.next));
        code = ctl_newest(ctl, &e);
    }

    if (code == CTL_OK) {
        code = ctl_rotations(ctl, s, &e);
    }

    if (e.urgent > CTL_LINES) {
        ctl_attend(s, "ending", "%lld more tokens that are in use end soon and "
                   "have no successor: service-token review",
                   (long long) e.urgent - CTL_LINES);
    }

    json_decref(e.next);
    json_decref(e.pairs);

    return code;
}


static int
ctl_ending(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e)
{
    int      code, page;
    size_t   n;
    int64_t  last;

    for (page = 0; page < CTL_PAGES; page++) {
        code = ctl_ending_page(ctl, s, e, page * CTL_LOOK, &n, &last);

        if (code != CTL_OK) {
            return code;
        }

        e->complete = n < CTL_LOOK || last > s->now + CTL_WINDOW;

        if (n < CTL_LOOK
            || (e->complete && json_array_size(e->next) == CTL_NEXT))
        {
            break;
        }
    }

    return CTL_OK;
}


/* last: where the index has the last one of the page */

static int
ctl_ending_page(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e, int from,
    size_t *n, int64_t *last)
{
    int            code;
    size_t         i;
    int64_t       *used;
    stok_str_t     id[CTL_LOOK];
    redisReply    *reply;
    ctl_record_t  *rec;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "ZRANGEBYSCORE %sexpiry (%lld "
                       "+inf WITHSCORES LIMIT %d %d", ctl->prefix,
                       (long long) s->now, from, CTL_LOOK);
    if (code != CTL_OK) {
        return code;
    }

    *n = ctl_fits(reply, CTL_IS_PAIRS) ? reply->elements / 2 : 0;
    *n = *n < CTL_LOOK ? *n : CTL_LOOK;
    *last = 0;

    for (i = 0; i < *n; i++) {
        id[i] = ctl_str(reply->element[2 * i]->str);
        *last = (int64_t) strtod(reply->element[2 * i + 1]->str, NULL);
    }

    code = ctl_tokens(ctl, *n, id, &rec, &used);

    if (code == CTL_OK) {
        for (i = 0; i < *n; i++) {
            if (ctl_valid(s, &rec[i]) && rec[i].token.expires_at) {
                ctl_ending_token(s, e, &rec[i], id[i].data, used[i]);
            }
        }

        ctl_tokens_free(*n, rec, used);
    }

    freeReplyObject(reply);

    return code;
}


static void
ctl_ending_token(ctl_status_t *s, ctl_ending_t *e, const ctl_record_t *rec,
    const char *id, int64_t used)
{
    size_t       i;
    int64_t      left, life;
    json_t      *json;
    const char  *to;

    left = rec->token.expires_at - s->now;
    life = rec->token.expires_at - ctl_number(ctl_get(rec, "created_at"));
    to = ctl_get(rec, "rotated_to");

    for (i = 0; i < 3; i++) {
        e->within[i] += left <= ctl_windows[i];
    }

    if (json_array_size(e->next) < CTL_NEXT) {
        json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "id", id,
                         "user", ctl_get(rec, "user"), "name",
                         ctl_get(rec, "name"), "env", ctl_get(rec, "env"),
                         "expires_at", (json_int_t) rec->token.expires_at,
                         "last_used", ctl_used(used), "rotated_to", to);
        if (json) {
            json_array_append_new(e->next, json);
        }
    }

    if (to[0]) {
        json_object_set_new(e->pairs, id, json_string(to));

    } else if (left <= CTL_SOON && left <= life / 4
               && used > s->now - CTL_WINDOW && e->urgent++ < CTL_LINES)
    {
        ctl_attend(s, "ending", "token %s of %.128s is in use, ends in %lld h "
                   "and has no successor: service-token token rotate %s", id,
                   ctl_get(rec, "user"), (long long) left / 3600, id);
    }
}


/* the newest tokens, for those that succeed another one */

static int
ctl_newest(ctl_t *ctl, ctl_ending_t *e)
{
    int            code;
    size_t         i, n;
    int64_t       *used;
    stok_str_t     id[CTL_LOOK];
    redisReply    *reply;
    const char    *from;
    ctl_record_t  *rec;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "ZREVRANGE %stokens 0 %d",
                       ctl->prefix, CTL_LOOK - 1);
    if (code != CTL_OK) {
        return code;
    }

    n = ctl_fits(reply, CTL_IS_TEXTS) ? reply->elements : 0;
    n = n < CTL_LOOK ? n : CTL_LOOK;

    for (i = 0; i < n; i++) {
        id[i] = ctl_str(reply->element[i]->str);
    }

    e->complete = e->complete && n < CTL_LOOK;

    code = ctl_tokens(ctl, n, id, &rec, &used);

    if (code == CTL_OK) {
        for (i = 0; i < n; i++) {
            from = ctl_get(&rec[i], "rotated_from");

            if (rec[i].state != CTL_REC_NONE && rec[i].state != CTL_REC_OTHER
                && from[0])
            {
                json_object_set_new(e->pairs, from, json_string(id[i].data));
            }
        }

        ctl_tokens_free(n, rec, used);
    }

    freeReplyObject(reply);

    return code;
}


/* records and last uses; they are freed by ctl_tokens_free() if it is CTL_OK */

static int
ctl_tokens(ctl_t *ctl, size_t n, const stok_str_t *id, ctl_record_t **rec,
    int64_t **used)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    *rec = calloc(n + 1, sizeof(ctl_record_t));
    *used = calloc(n + 1, sizeof(int64_t));

    code = *rec && *used ? ctl_records(ctl, 0, n, id, *rec)
                         : ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");

    for (i = 0; i < n && code == CTL_OK; i++) {
        ctl_append(ctl, "ZSCORE %slast_used %s", ctl->prefix, id[i].data);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, CTL_IS_ANY, &reply);

        if (code == CTL_OK) {
            (*used)[i] = ctl_is_text(reply)
                         ? (int64_t) strtod(reply->str, NULL) : 0;
            freeReplyObject(reply);
        }
    }

    if (code != CTL_OK) {
        ctl_tokens_free(*rec ? n : 0, *rec, *used);
    }

    return code;
}


static void
ctl_tokens_free(size_t n, ctl_record_t *rec, int64_t *used)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        ctl_free(&rec[i]);
    }

    free(rec);
    free(used);
}


/* its record is the one that was looked for, and lets somebody in */

static int
ctl_valid(const ctl_status_t *s, const ctl_record_t *rec)
{
    return (rec->state == CTL_REC_GOOD || rec->state == CTL_REC_KEYLESS)
           && rec->token.status == STOK_TOKEN_ACTIVE
           && (rec->token.expires_at == 0 || rec->token.expires_at > s->now);
}


static int
ctl_rotations(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e)
{
    int            code, side;
    size_t         i, n;
    json_t        *list, *to;
    int64_t       *used, stuck;
    stok_str_t     id[2 * CTL_PAIRS];
    ctl_side_t     pair[2];
    const char    *from;
    ctl_record_t  *rec;

    n = 0;
    stuck = 0;

    json_object_foreach(e->pairs, from, to) {
        if (n < 2 * CTL_PAIRS) {
            id[n++] = ctl_str(from);
            id[n++] = ctl_str(json_string_value(to));
        }
    }

    code = ctl_tokens(ctl, n, id, &rec, &used);
    if (code != CTL_OK) {
        return code;
    }

    list = json_array();

    for (i = 0; i < n; i += 2) {
        for (side = 0; side < 2; side++) {
            pair[side].id = id[i + side];
            pair[side].rec = &rec[i + side];
            pair[side].used = used[i + side];
            pair[side].created = ctl_number(ctl_get(&rec[i + side],
                                                    "created_at"));
            pair[side].valid = ctl_valid(s, &rec[i + side]);
        }

        stuck += ctl_rotation_is(s, list, &pair[0], &pair[1]);
    }

    ctl_tokens_free(n, rec, used);

    json_object_set_new(s->json, "rotations",
                        json_pack("{s:I, s:I, s:b, s:o}", "under_way",
                                  (json_int_t) json_array_size(list), "stuck",
                                  (json_int_t) stuck, "complete",
                                  e->complete && n < 2 * CTL_PAIRS, "list",
                                  list));

    return CTL_OK;
}


/* 1: it is stuck */

static int
ctl_rotation_is(ctl_status_t *s, json_t *list, const ctl_side_t *old,
    const ctl_side_t *new)
{
    int      stuck;
    json_t  *json;

    if (!old->valid
        || strcmp(ctl_get(old->rec, "rotated_to"), new->id.data) != 0)
    {
        return 0;
    }

    stuck = ctl_rotation_stuck(s, old, new);

    json = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:b}", "old",
                     old->id.data, "new", new->id.data, "user",
                     ctl_get(old->rec, "user"), "expires_at",
                     (json_int_t) old->rec->token.expires_at, "old_last_used",
                     ctl_used(old->used), "new_last_used",
                     ctl_used(new->used), "stuck", stuck);
    if (json) {
        json_array_append_new(list, json);
    }

    if (stuck) {
        ctl_attend(s, "rotation-stuck", "token %s of %.128s is in use and ends "
                   "in %lld h, and its successor %s %s", old->id.data,
                   ctl_get(old->rec, "user"),
                   (long long) (old->rec->token.expires_at - s->now) / 3600,
                   new->id.data, new->valid ? "was never used"
                                            : "is not valid");
    }

    return stuck;
}


/*
 * The old one ends soon, somebody goes on with it, and the new one does not
 * take over: it was not used for a day, or never will be.
 */

static int
ctl_rotation_stuck(ctl_status_t *s, const ctl_side_t *old,
    const ctl_side_t *new)
{
    int64_t  ends;

    ends = old->rec->token.expires_at;

    return ends && ends <= s->now + CTL_SOON && old->used >= new->created
           && (!new->valid
               || (new->used == 0 && new->created + CTL_DAY <= s->now));
}


static json_t *
ctl_used(int64_t used)
{
    return used ? json_integer(used) : json_null();
}
