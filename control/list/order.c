/*
 * The order of a list: passes over indexes.
 *
 * An index of dates lacks the tokens that have none: those that never end, and
 * those that were never used.  They are a pass of their own, over all tokens,
 * behind or before the others.
 */


#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* so many tokens of one user are sorted here; of more, all are looked at */
#define CTL_LIST_SORTED  10000


/* a part of an index, from its first score to its last */
typedef struct {
    const char  *index;
    char         min[32];
    char         max[32];
    const char  *lacks;                          /* see ctl_list_page() */
} ctl_pass_t;


/* of a user */
typedef struct {
    stok_str_t  id;
    double      score;
    double      created;                         /* of those without a date */
} ctl_place_t;


static size_t ctl_list_passes(const ctl_list_t *list, ctl_pass_t pass[2]);
static void ctl_list_pass(ctl_pass_t *pass, const char *index,
    const char *lacks);
static int ctl_list_ranks(ctl_t *ctl, ctl_list_t *list,
    const ctl_pass_t *pass);
static int ctl_list_count(ctl_t *ctl, const ctl_pass_t *pass,
    int64_t rank[2]);
static int ctl_list_slice(ctl_t *ctl, ctl_list_t *list,
    const ctl_pass_t *pass, int64_t from, int64_t n);
static int ctl_list_few(ctl_t *ctl, ctl_list_t *list);
static int ctl_list_places(ctl_t *ctl, ctl_list_t *list,
    const redisReply *ids, ctl_place_t *place);
static int ctl_list_score(ctl_t *ctl, double *score, int *there);
static int ctl_place_order(const void *a, const void *b);


int
ctl_list_walk(ctl_t *ctl, ctl_list_t *list)
{
    int          code;
    size_t       i, n;
    ctl_pass_t   pass[2];
    redisReply  *reply;

    if (list->want->user) {
        code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "SCARD "
                           "%suser-tokens:%s", ctl->prefix, list->want->user);
        if (code != CTL_OK) {
            return code;
        }

        n = (size_t) reply->integer;
        freeReplyObject(reply);

        if (n <= CTL_LIST_SORTED) {
            return ctl_list_few(ctl, list);
        }
    }

    n = ctl_list_passes(list, pass);
    code = CTL_OK;

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_list_ranks(ctl, list, &pass[list->reverse ? n - 1 - i
                                                             : i]);
    }

    return code;
}


static size_t
ctl_list_passes(const ctl_list_t *list, ctl_pass_t pass[2])
{
    size_t  n;

    n = 0;

    if (list->users || list->sort == CTL_SORT_CREATED) {
        ctl_list_pass(&pass[n++], list->users ? "users" : "tokens", NULL);

    } else if (list->sort == CTL_SORT_EXPIRES) {
        ctl_list_pass(&pass[n], "expiry", NULL);

        if (list->expiring) {
            snprintf(pass[n].min, sizeof(pass[n].min), "(%lld",
                     (long long) list->now);
            snprintf(pass[n].max, sizeof(pass[n].max), "%lld",
                     (long long) list->expiring);
        }

        n++;

        if (list->expiring == 0) {
            ctl_list_pass(&pass[n++], "tokens", "expiry");
        }

    } else {
        ctl_list_pass(&pass[n++], "tokens", "last_used");
        ctl_list_pass(&pass[n], "last_used", NULL);

        if (list->unused) {
            snprintf(pass[n].max, sizeof(pass[n].max), "(%lld",
                     (long long) list->unused);
        }

        n++;
    }

    return n;
}


static void
ctl_list_pass(ctl_pass_t *pass, const char *index, const char *lacks)
{
    memset(pass, 0, sizeof(*pass));
    pass->index = index;
    pass->lacks = lacks;
    strcpy(pass->min, "-inf");
    strcpy(pass->max, "+inf");
}


/* a page at a time, from its beginning or from its end */

static int
ctl_list_ranks(ctl_t *ctl, ctl_list_t *list, const ctl_pass_t *pass)
{
    int      code;
    int64_t  n, rank[2];

    code = ctl_list_count(ctl, pass, rank);

    while (code == CTL_OK && rank[0] < rank[1]) {
        n = rank[1] - rank[0] < CTL_BATCH ? rank[1] - rank[0] : CTL_BATCH;

        if (list->reverse) {
            rank[1] -= n;
            code = ctl_list_slice(ctl, list, pass, rank[1], n);

        } else {
            code = ctl_list_slice(ctl, list, pass, rank[0], n);
            rank[0] += n;
        }
    }

    return code;
}


/* what comes in later has no place any more: a list ends */

static int
ctl_list_count(ctl_t *ctl, const ctl_pass_t *pass, int64_t rank[2])
{
    int          code;
    size_t       i;
    redisReply  *reply[2];

    ctl_append(ctl, "ZCOUNT %s%s -inf %s", ctl->prefix, pass->index,
               pass->max);
    ctl_append(ctl, "ZCOUNT %s%s %s +inf", ctl->prefix, pass->index,
               pass->min);
    ctl_append(ctl, "ZCARD %s%s", ctl->prefix, pass->index);

    rank[0] = 0;
    rank[1] = 0;

    code = ctl_reply(ctl, CTL_IS_INTEGER, &reply[0]);
    if (code != CTL_OK) {
        return code;
    }

    rank[1] = reply[0]->integer;
    freeReplyObject(reply[0]);

    for (i = 0; i < 2; i++) {
        code = ctl_reply(ctl, CTL_IS_INTEGER, &reply[i]);
        if (code != CTL_OK) {
            return code;
        }

        rank[0] = i ? reply[i]->integer - rank[0] : reply[i]->integer;
        freeReplyObject(reply[i]);
    }

    return CTL_OK;
}


static int
ctl_list_slice(ctl_t *ctl, ctl_list_t *list, const ctl_pass_t *pass,
    int64_t from, int64_t n)
{
    int          code;
    size_t       i, k;
    stok_str_t   id[CTL_BATCH];
    redisReply  *ids;

    code = ctl_command(ctl, CTL_IS_TEXTS, &ids, "ZRANGE %s%s %lld %lld",
                       ctl->prefix, pass->index, (long long) from,
                       (long long) (from + n - 1));
    if (code != CTL_OK) {
        return code;
    }

    memset(id, 0, sizeof(id));
    k = ids->elements < CTL_BATCH ? ids->elements : CTL_BATCH;

    for (i = 0; i < k; i++) {
        id[i].data = ids->element[list->reverse ? k - 1 - i : i]->str;
        id[i].len = ids->element[list->reverse ? k - 1 - i : i]->len;
    }

    code = ctl_list_page(ctl, list, id, k, pass->lacks);
    freeReplyObject(ids);

    return code;
}


/* the tokens of one user: the same order, by the same scores */

static int
ctl_list_few(ctl_t *ctl, ctl_list_t *list)
{
    int           code;
    size_t        i, k, n;
    stok_str_t    id[CTL_BATCH];
    redisReply   *ids;
    ctl_place_t  *place;

    code = ctl_user_tokens(ctl, list->want->user, &ids);
    if (code != CTL_OK) {
        return code;
    }

    place = calloc(ids->elements + 1, sizeof(ctl_place_t));

    code = place ? ctl_list_places(ctl, list, ids, place)
                 : ctl_fail(ctl, CTL_FAILED, "no memory");

    for (i = 0; i < ids->elements && code == CTL_OK; i += n) {
        n = ids->elements - i < CTL_BATCH ? ids->elements - i : CTL_BATCH;
        memset(id, 0, sizeof(id));

        for (k = 0; k < n; k++) {
            id[k] = place[list->reverse ? ids->elements - 1 - i - k
                                        : i + k].id;
        }

        code = ctl_list_page(ctl, list, id, n, NULL);
    }

    free(place);
    freeReplyObject(ids);

    return code;
}


static int
ctl_list_places(ctl_t *ctl, ctl_list_t *list, const redisReply *ids,
    ctl_place_t *place)
{
    int     code, dated;
    size_t  i, from, to;
    double  score, created;

    static const char  *index[] = { "tokens", "expiry", "last_used" };

    for (from = 0; from < ids->elements; from = to) {
        to = from + CTL_BATCH < ids->elements ? from + CTL_BATCH
                                              : ids->elements;

        for (i = from; i < to; i++) {
            place[i].id.data = ids->element[i]->str;
            place[i].id.len = ids->element[i]->len;
            ctl_append(ctl, "ZSCORE %s%s %b", ctl->prefix, index[list->sort],
                       place[i].id.data, place[i].id.len);
            ctl_append(ctl, "ZSCORE %stokens %b", ctl->prefix,
                       place[i].id.data, place[i].id.len);
        }

        for (i = from; i < to; i++) {
            code = ctl_list_score(ctl, &score, &dated);

            if (code == CTL_OK) {
                code = ctl_list_score(ctl, &created, NULL);
            }

            if (code != CTL_OK) {
                return code;
            }

            /* one that never ends is last, one that was never used is first */

            place[i].score = dated ? score
                             : list->sort == CTL_SORT_EXPIRES ? 1e18 : -1e18;
            place[i].created = dated ? 0 : created;
        }
    }

    if (ids->elements) {
        qsort(place, ids->elements, sizeof(ctl_place_t), ctl_place_order);
    }

    return CTL_OK;
}


static int
ctl_list_score(ctl_t *ctl, double *score, int *there)
{
    int          code;
    redisReply  *reply;

    code = ctl_reply(ctl, CTL_IS_TEXT, &reply);
    if (code != CTL_OK) {
        return code;
    }

    *score = reply->str ? strtod(reply->str, NULL) : 0;

    if (there) {
        *there = reply->str != NULL;
    }

    freeReplyObject(reply);

    return CTL_OK;
}


static int
ctl_place_order(const void *a, const void *b)
{
    const ctl_place_t  *one, *other;

    one = a;
    other = b;

    return one->score < other->score ? -1
           : one->score > other->score ? 1
           : one->created < other->created ? -1
           : one->created > other->created ? 1
           : strcmp(one->id.data, other->id.data);
}
