/*
 * Every user or token of an index, with its record.
 *
 * By SCAN and not by rank: what is there from the beginning to the end is met,
 * whatever is made or deleted meanwhile.  It may be met twice.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_WALK_COUNT  200


/* of one index */
typedef struct {
    ctl_t         *ctl;
    int            users;
    ctl_each_pt    each;
    void          *data;
} ctl_walk_t;


static int ctl_walk_index(ctl_walk_t *walk, const char *scan,
    const char *index, size_t step);
static int ctl_walk_page(ctl_walk_t *walk, redisReply *ids, size_t step);


int
ctl_walk_users(ctl_t *ctl, ctl_each_pt each, void *data)
{
    ctl_walk_t  walk;

    memset(&walk, 0, sizeof(walk));
    walk.ctl = ctl;
    walk.users = 1;
    walk.each = each;
    walk.data = data;

    return ctl_walk_index(&walk, "ZSCAN", "users", 2);
}


int
ctl_walk_tokens(ctl_t *ctl, const char *user, ctl_each_pt each, void *data)
{
    char        index[STOK_KEY_MAX];
    ctl_walk_t  walk;

    memset(&walk, 0, sizeof(walk));
    walk.ctl = ctl;
    walk.each = each;
    walk.data = data;

    if (user == NULL) {
        return ctl_walk_index(&walk, "ZSCAN", "tokens", 2);
    }

    snprintf(index, sizeof(index), "user-tokens:%s", user);

    return ctl_walk_index(&walk, "SSCAN", index, 1);
}


/* step: strings for each member, 2 where there are scores */

static int
ctl_walk_index(ctl_walk_t *walk, const char *scan, const char *index,
    size_t step)
{
    int          code;
    char         cursor[CTL_CURSOR];
    redisReply  *reply;

    strcpy(cursor, "0");

    do {
        code = ctl_command(walk->ctl, CTL_IS_PAGE, &reply, "%s %s%s %s COUNT "
                           "%d", scan, walk->ctl->prefix, index, cursor,
                           CTL_WALK_COUNT);
        if (code != CTL_OK) {
            return code;
        }

        strcpy(cursor, reply->element[0]->str);

        code = ctl_walk_page(walk, reply->element[1], step);
        freeReplyObject(reply);

    } while (code == CTL_OK && strcmp(cursor, "0") != 0);

    return code;
}


int
ctl_cursor(ctl_t *ctl, const redisReply *reply, char cursor[CTL_CURSOR])
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[0]->len >= CTL_CURSOR
        || reply->element[1]->type != REDIS_REPLY_ARRAY)
    {
        return ctl_fail(ctl, CTL_UNAVAILABLE, "Redis gave an unexpected "
                        "answer");
    }

    strcpy(cursor, reply->element[0]->str);

    return CTL_OK;
}


/*
 * An id without a record is skipped: it was deleted a moment ago.  So is
 * anything that is not an id: no other verb takes it either.
 */

static int
ctl_walk_page(ctl_walk_t *walk, redisReply *ids, size_t step)
{
    int            code;
    size_t         i, n;
    stok_str_t    *id;
    ctl_record_t  *rec;

    n = ids->elements / step;

    if (n == 0) {
        return CTL_OK;
    }

    id = calloc(n, sizeof(stok_str_t));
    rec = calloc(n, sizeof(ctl_record_t));

    if (id == NULL || rec == NULL) {
        free(id);
        free(rec);
        return ctl_fail(walk->ctl, CTL_FAILED, "no memory");
    }

    for (i = 0; i < n; i++) {
        id[i].data = ids->element[i * step]->str;
        id[i].len = ids->element[i * step]->len;
    }

    code = ctl_records(walk->ctl, walk->users, n, id, rec);

    for (i = 0; i < n; i++) {
        if (code == CTL_OK && rec[i].state != CTL_REC_NONE) {
            code = walk->each(walk->ctl, id[i].data, &rec[i], walk->data);
        }

        ctl_free(&rec[i]);
    }

    free(id);
    free(rec);

    return code;
}
