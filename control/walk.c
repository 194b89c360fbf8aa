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


/* one page of an index; the texts lie in its reply */
typedef struct {
    ctl_t         *ctl;
    int            users;
    ctl_each_pt    each;
    void          *data;

    size_t         n;
    const char   **id;
    redisReply   **digest;                       /* tokens only */
    redisReply   **record;
} ctl_page_t;


static int ctl_walk_index(ctl_page_t *page, const char *scan,
    const char *index, size_t step);
static int ctl_walk_page(ctl_page_t *page, redisReply *ids, size_t step);
static int ctl_walk_read(ctl_page_t *page);
static int ctl_walk_each(ctl_page_t *page, size_t i);


int
ctl_walk_users(ctl_t *ctl, ctl_each_pt each, void *data)
{
    ctl_page_t  page;

    memset(&page, 0, sizeof(page));
    page.ctl = ctl;
    page.users = 1;
    page.each = each;
    page.data = data;

    return ctl_walk_index(&page, "ZSCAN", "users", 2);
}


int
ctl_walk_tokens(ctl_t *ctl, const char *user, ctl_each_pt each, void *data)
{
    char        index[STOK_KEY_MAX];
    ctl_page_t  page;

    memset(&page, 0, sizeof(page));
    page.ctl = ctl;
    page.each = each;
    page.data = data;

    if (user == NULL) {
        return ctl_walk_index(&page, "ZSCAN", "tokens", 2);
    }

    snprintf(index, sizeof(index), "user-tokens:%s", user);

    return ctl_walk_index(&page, "SSCAN", index, 1);
}


/* step: strings for each member, 2 where there are scores */

static int
ctl_walk_index(ctl_page_t *page, const char *scan, const char *index,
    size_t step)
{
    int          code;
    char         cursor[CTL_CURSOR];
    redisReply  *reply;

    strcpy(cursor, "0");

    do {
        code = ctl_command(page->ctl, &reply, "%s %s%s %s COUNT %d", scan,
                           page->ctl->prefix, index, cursor, CTL_WALK_COUNT);
        if (code != CTL_OK) {
            return code;
        }

        code = ctl_cursor(page->ctl, reply, cursor);
        if (code != CTL_OK) {
            freeReplyObject(reply);
            return code;
        }

        code = ctl_walk_page(page, reply->element[1], step);
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


static int
ctl_walk_page(ctl_page_t *page, redisReply *ids, size_t step)
{
    int     code;
    size_t  i;

    page->n = ids->elements / step;

    if (page->n == 0) {
        return CTL_OK;
    }

    page->id = calloc(page->n, sizeof(char *));
    page->digest = calloc(page->n, sizeof(redisReply *));
    page->record = calloc(page->n, sizeof(redisReply *));

    if (page->id == NULL || page->digest == NULL || page->record == NULL) {
        code = ctl_fail(page->ctl, CTL_UNAVAILABLE, "no memory");
        goto done;
    }

    for (i = 0; i < page->n; i++) {
        page->id[i] = ids->element[i * step]->str;
    }

    code = ctl_walk_read(page);

    for (i = 0; i < page->n && code == CTL_OK; i++) {
        code = ctl_walk_each(page, i);
    }

    for (i = 0; i < page->n; i++) {
        if (page->digest[i]) {
            freeReplyObject(page->digest[i]);
        }

        if (page->record[i]) {
            freeReplyObject(page->record[i]);
        }
    }

done:

    free(page->id);
    free(page->digest);
    free(page->record);

    return code;
}


/* one pipeline, or two: of tokens the digests come first */

static int
ctl_walk_read(ctl_page_t *page)
{
    int          code;
    size_t       i;
    ctl_t       *ctl;
    const char  *name;

    ctl = page->ctl;
    code = CTL_OK;

    for (i = 0; i < page->n && !page->users; i++) {
        redisAppendCommand(ctl->ctx, "GET %sid:%s", ctl->prefix, page->id[i]);
    }

    for (i = 0; i < page->n && !page->users && code == CTL_OK; i++) {
        code = ctl_reply(ctl, &page->digest[i]);
        if (code != CTL_OK) {
            page->digest[i] = NULL;
        }
    }

    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < page->n; i++) {
        name = page->users ? page->id[i] : page->digest[i]->str;
        redisAppendCommand(ctl->ctx, "HGETALL %s%s:%s", ctl->prefix,
                           page->users ? "user" : "token", name ? name : "");
    }

    for (i = 0; i < page->n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, &page->record[i]);
        if (code != CTL_OK) {
            page->record[i] = NULL;
        }
    }

    return code;
}


/*
 * An id without a record is passed over: it was deleted a moment ago.  So is
 * what is no id: no other verb takes it either.
 */

static int
ctl_walk_each(ctl_page_t *page, size_t i)
{
    size_t         k;
    stok_str_t     id;
    redisReply    *reply, *digest;
    ctl_record_t   rec;

    reply = page->record[i];
    digest = page->digest[i];
    id.data = page->id[i];
    id.len = strlen(id.data);

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || (page->users ? stok_user_id_check(id)
                        : stok_record_id_check(id)) != STOK_OK)
    {
        return CTL_OK;
    }

    memset(&rec, 0, sizeof(rec));

    if (page->users) {
        snprintf(rec.key, sizeof(rec.key), "user:%s", page->id[i]);

    } else {
        if (ctl_unhex(digest->str, (size_t) digest->len, rec.digest)
            != CTL_OK)
        {
            return CTL_OK;
        }

        snprintf(rec.key, sizeof(rec.key), "token:%s", digest->str);
    }

    rec.n = reply->elements > CTL_FIELDS ? CTL_FIELDS : reply->elements;

    for (k = 0; k < rec.n; k++) {
        rec.field[k].data = reply->element[k]->str;
        rec.field[k].len = (size_t) reply->element[k]->len;
    }

    return page->each(page->ctl, page->id[i], &rec, page->data);
}
