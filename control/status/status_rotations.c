/*
 * The part of a status about rotations, from "rotating": old tokens that
 * somebody may still use, by their ends.
 *
 * Those that end soonest are looked at first, so one that is stuck is seen
 * however many rotations there are; if there are more than some pages of them
 * before the day that matters, there is a warning that says so.  Where there
 * was more to look at than was looked at, "complete" is false.
 */


#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_LISTED  500                          /* rotations, in the answer */


/* one side of a rotation, by what its record says */
typedef struct {
    stok_str_t           id;
    const ctl_record_t  *rec;
    int64_t              used;                   /* 0: never */
    int64_t              created;
    int                  valid;
} ctl_side_t;


typedef struct {
    json_t   *list;
    int64_t   under_way;
    int64_t   stuck;
    int       complete;
} ctl_rotations_t;


static int ctl_rotations(ctl_t *ctl, ctl_status_t *s, ctl_rotations_t *r,
    const char *from, const char *to);
static int ctl_rotations_page(ctl_t *ctl, ctl_status_t *s,
    ctl_rotations_t *r, const redisReply *ids, size_t n);
static int ctl_rotations_pairs(ctl_t *ctl, ctl_status_t *s,
    ctl_rotations_t *r, size_t n, const stok_str_t *id, ctl_record_t *rec,
    int64_t *used);
static void ctl_rotation_side(ctl_status_t *s, ctl_side_t *side,
    stok_str_t id, const ctl_record_t *rec, int64_t used);
static void ctl_rotation_is(ctl_status_t *s, ctl_rotations_t *r,
    const ctl_side_t *old, const ctl_side_t *new);
static int ctl_rotation_stuck(ctl_status_t *s, const ctl_side_t *old,
    const ctl_side_t *new);


int
ctl_status_rotations(ctl_t *ctl, ctl_status_t *s)
{
    int              code;
    char             now[24];
    ctl_rotations_t  r;

    memset(&r, 0, sizeof(r));
    r.list = json_array();
    r.complete = 1;

    snprintf(now, sizeof(now), "(%lld", (long long) s->now);

    code = ctl_rotations(ctl, s, &r, now, "+inf");

    /* of old ones that never end, too */

    if (code == CTL_OK) {
        code = ctl_rotations(ctl, s, &r, "0", "0");
    }

    if (code != CTL_OK) {
        json_decref(r.list);
        return code;
    }

    if (r.stuck > CTL_STATUS_LINES) {
        ctl_attend(s, "rotation-stuck", "%lld more rotations are stuck: "
                   "service-token review", (long long) r.stuck
                                           - CTL_STATUS_LINES);
    }

    json_object_set_new(s->json, "rotations",
                        json_pack("{s:I, s:I, s:b, s:o}", "under_way",
                                  (json_int_t) r.under_way, "stuck",
                                  (json_int_t) r.stuck, "complete", r.complete,
                                  "list", r.list));

    return CTL_OK;
}


static int
ctl_rotations(ctl_t *ctl, ctl_status_t *s, ctl_rotations_t *r,
    const char *from, const char *to)
{
    int          code, page;
    size_t       n;
    int64_t      last;
    redisReply  *ids;

    last = 0;

    for (page = 0; page < CTL_STATUS_PAGES; page++) {
        code = ctl_command(ctl, CTL_IS_ANY, &ids, "ZRANGEBYSCORE %srotating "
                           "%s %s WITHSCORES LIMIT %d %d", ctl->prefix, from,
                           to, page * CTL_STATUS_LOOK, CTL_STATUS_LOOK);
        if (code != CTL_OK) {
            return code;
        }

        n = ctl_fits(ids, CTL_IS_PAIRS) ? ids->elements / 2 : 0;
        n = n < CTL_STATUS_LOOK ? n : CTL_STATUS_LOOK;
        last = n ? (int64_t) strtod(ids->element[2 * n - 1]->str, NULL) : 0;

        code = ctl_rotations_page(ctl, s, r, ids, n);
        freeReplyObject(ids);

        if (code != CTL_OK || n < CTL_STATUS_LOOK) {
            return code;
        }
    }

    r->complete = 0;

    if (last && last <= s->now + CTL_STATUS_SOON) {
        ctl_attend(s, "rotation-stuck", "more than %d tokens that were rotated "
                   "end within 7 days: service-token review looks at all of "
                   "them", CTL_STATUS_PAGES * CTL_STATUS_LOOK);
    }

    return CTL_OK;
}


/* each old token, and the new one that its record names */

static int
ctl_rotations_page(ctl_t *ctl, ctl_status_t *s, ctl_rotations_t *r,
    const redisReply *ids, size_t n)
{
    int            code;
    size_t         i;
    int64_t       *used;
    stok_str_t     id[CTL_STATUS_LOOK];
    ctl_record_t  *rec;

    if (n == 0) {
        return CTL_OK;
    }

    for (i = 0; i < n; i++) {
        id[i] = ctl_str(ids->element[2 * i]->str);
    }

    code = ctl_status_read(ctl, n, id, &rec, &used);

    if (code == CTL_OK) {
        code = ctl_rotations_pairs(ctl, s, r, n, id, rec, used);
        ctl_status_free(n, rec, used);
    }

    return code;
}


static int
ctl_rotations_pairs(ctl_t *ctl, ctl_status_t *s, ctl_rotations_t *r, size_t n,
    const stok_str_t *id, ctl_record_t *rec, int64_t *used)
{
    int            code;
    size_t         i;
    int64_t       *new_used;
    ctl_side_t     old, new;
    stok_str_t     to[CTL_STATUS_LOOK];
    ctl_record_t  *new_rec;

    for (i = 0; i < n; i++) {
        to[i] = ctl_str(ctl_get(&rec[i], "rotated_to"));
    }

    code = ctl_status_read(ctl, n, to, &new_rec, &new_used);
    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < n; i++) {
        ctl_rotation_side(s, &old, id[i], &rec[i], used[i]);
        ctl_rotation_side(s, &new, to[i], &new_rec[i], new_used[i]);
        ctl_rotation_is(s, r, &old, &new);
    }

    ctl_status_free(n, new_rec, new_used);

    return CTL_OK;
}


static void
ctl_rotation_side(ctl_status_t *s, ctl_side_t *side, stok_str_t id,
    const ctl_record_t *rec, int64_t used)
{
    side->id = id;
    side->rec = rec;
    side->used = used;
    side->created = ctl_number(ctl_get(rec, "created_at"));
    side->valid = ctl_status_valid(s, rec);
}


static void
ctl_rotation_is(ctl_status_t *s, ctl_rotations_t *r, const ctl_side_t *old,
    const ctl_side_t *new)
{
    int      stuck;
    char     when[CTL_WHEN];
    json_t  *json;

    if (!old->valid || new->id.len == 0) {
        return;
    }

    stuck = ctl_rotation_stuck(s, old, new);
    r->under_way++;
    r->stuck += stuck;

    json = r->under_way > CTL_LISTED ? NULL
           : json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:b}", "old",
                       old->id.data, "new", new->id.data, "user",
                       ctl_get(old->rec, "user"), "expires_at",
                       (json_int_t) old->rec->token.expires_at,
                       "old_last_used", ctl_status_used(old->used),
                       "new_last_used", ctl_status_used(new->used), "stuck",
                       stuck);
    if (json) {
        json_array_append_new(r->list, json);
    }

    if (stuck && r->stuck <= CTL_STATUS_LINES) {
        ctl_when(old->rec->token.expires_at, s->now, when);
        ctl_attend(s, "rotation-stuck", "token %s of %.128s is in use and ends "
                   "%s, and its successor %s %s", old->id.data,
                   ctl_get(old->rec, "user"),
                   when,
                   new->id.data, new->valid ? "was never used"
                                            : "is not valid");
    }
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

    return ends && ends <= s->now + CTL_STATUS_SOON && old->used >= new->created
           && (!new->valid
               || (new->used == 0 && new->created + CTL_DAY <= s->now));
}
