/*
 * The part of a status about the tokens that end next.
 *
 * Which ones they are says "expiry", a page at a time, and not more than some
 * pages: revoked ones stand there, too.  Where there was more to look at than
 * was looked at, "complete" is false.
 */


#include "status.h"

#include <stdlib.h>
#include <string.h>


#define CTL_NEXT        10                       /* tokens that are named */
#define CTL_WINDOW    (30 * CTL_DAY)


typedef struct {
    json_t   *next;
    int64_t   within[3];
    int64_t   urgent;
    int       complete;
} ctl_ending_t;


static const int64_t  ctl_windows[] = { CTL_DAY, CTL_STATUS_SOON, CTL_WINDOW };


static int ctl_ending(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e);
static int ctl_ending_page(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e,
    int from, size_t *n, int64_t *last);
static void ctl_ending_token(ctl_status_t *s, ctl_ending_t *e,
    const ctl_record_t *rec, const char *id, int64_t used);


int
ctl_status_tokens(ctl_t *ctl, ctl_status_t *s)
{
    int           code;
    ctl_ending_t  e;

    memset(&e, 0, sizeof(e));
    e.next = json_array();

    code = ctl_ending(ctl, s, &e);

    if (code == CTL_OK) {
        json_object_set_new(s->json, "ending",
                            json_pack("{s:I, s:I, s:I, s:b, s:O}",
                                      "within_1d", (json_int_t) e.within[0],
                                      "within_7d", (json_int_t) e.within[1],
                                      "within_30d", (json_int_t) e.within[2],
                                      "complete", e.complete, "next",
                                      e.next));
    }

    if (e.urgent > CTL_STATUS_LINES) {
        ctl_attend(s, "ending", "%lld more tokens that are in use end soon and "
                   "have no successor: service-token review",
                   (long long) e.urgent - CTL_STATUS_LINES);
    }

    json_decref(e.next);

    return code;
}


static int
ctl_ending(ctl_t *ctl, ctl_status_t *s, ctl_ending_t *e)
{
    int      code, page;
    size_t   n;
    int64_t  last;

    for (page = 0; page < CTL_STATUS_PAGES; page++) {
        code = ctl_ending_page(ctl, s, e, page * CTL_STATUS_LOOK, &n, &last);

        if (code != CTL_OK) {
            return code;
        }

        e->complete = n < CTL_STATUS_LOOK || last > s->now + CTL_WINDOW;

        if (n < CTL_STATUS_LOOK
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
    stok_str_t     id[CTL_STATUS_LOOK];
    redisReply    *reply;
    ctl_record_t  *rec;

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "ZRANGEBYSCORE %sexpiry (%lld "
                       "+inf WITHSCORES LIMIT %d %d", ctl->prefix,
                       (long long) s->now, from, CTL_STATUS_LOOK);
    if (code != CTL_OK) {
        return code;
    }

    *n = ctl_fits(reply, CTL_IS_PAIRS) ? reply->elements / 2 : 0;
    *n = *n < CTL_STATUS_LOOK ? *n : CTL_STATUS_LOOK;
    *last = 0;

    for (i = 0; i < *n; i++) {
        id[i] = ctl_str(reply->element[2 * i]->str);
        *last = (int64_t) strtod(reply->element[2 * i + 1]->str, NULL);
    }

    code = ctl_status_read(ctl, *n, id, &rec, &used);

    if (code == CTL_OK) {
        for (i = 0; i < *n; i++) {
            if (ctl_status_valid(s, &rec[i]) && rec[i].token.expires_at) {
                ctl_ending_token(s, e, &rec[i], id[i].data, used[i]);
            }
        }

        ctl_status_free(*n, rec, used);
    }

    freeReplyObject(reply);

    return code;
}


static void
ctl_ending_token(ctl_status_t *s, ctl_ending_t *e, const ctl_record_t *rec,
    const char *id, int64_t used)
{
    char         when[CTL_WHEN];
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
        json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:s?}", "id", id,
                         "user", ctl_get(rec, "user"), "name",
                         ctl_get(rec, "name"), "env", ctl_get(rec, "env"),
                         "expires_at", (json_int_t) rec->token.expires_at,
                         "last_used", ctl_status_used(used), "rotated_to",
                         to[0] ? to : NULL);
        if (json) {
            json_array_append_new(e->next, json);
        }
    }

    if (to[0] == '\0' && left <= CTL_STATUS_SOON && left <= life / 4
        && used > s->now - CTL_WINDOW && e->urgent++ < CTL_STATUS_LINES)
    {
        ctl_when(rec->token.expires_at, s->now, when);
        ctl_attend(s, "ending", "token %s of %.128s is in use, ends %s "
                   "and has no successor: service-token token rotate %s", id,
                   ctl_get(rec, "user"), when, id);
    }
}


int
ctl_status_read(ctl_t *ctl, size_t n, const stok_str_t *id,
    ctl_record_t **rec, int64_t **used)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    *rec = calloc(n + 1, sizeof(ctl_record_t));
    *used = calloc(n + 1, sizeof(int64_t));

    code = *rec && *used ? ctl_records(ctl, 0, n, id, *rec)
                         : ctl_fail(ctl, CTL_FAILED, "no memory");

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
        ctl_status_free(*rec ? n : 0, *rec, *used);
    }

    return code;
}


void
ctl_status_free(size_t n, ctl_record_t *rec, int64_t *used)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        ctl_free(&rec[i]);
    }

    free(rec);
    free(used);
}


int
ctl_status_valid(const ctl_status_t *s, const ctl_record_t *rec)
{
    return (rec->state == CTL_REC_GOOD || rec->state == CTL_REC_KEYLESS)
           && rec->token.status == STOK_TOKEN_ACTIVE
           && (rec->token.expires_at == 0 || rec->token.expires_at > s->now);
}


json_t *
ctl_status_used(int64_t used)
{
    return used ? json_integer(used) : json_null();
}
