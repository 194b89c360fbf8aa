/*
 * A page of a list: its records, when they were used last, and who owns them.
 */


#include "list.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    ctl_record_t   rec[CTL_BATCH];
    redisReply    *used[CTL_BATCH];
    int            hidden[CTL_BATCH];
    size_t         n;

    /* users, in the order of their ids */

    ctl_record_t   user[CTL_BATCH];
    stok_str_t     id[CTL_BATCH];
    size_t         users;
} ctl_page_t;


static int ctl_page_tokens(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id, const char *lacks);
static int ctl_page_scores(ctl_t *ctl, ctl_page_t *page,
    const stok_str_t *id, const char *lacks);
static int ctl_page_judge(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id);
static int ctl_page_wanted(const ctl_list_t *list, const ctl_record_t *rec,
    const redisReply *used);
static int ctl_page_owners(ctl_t *ctl, ctl_page_t *page);
static int ctl_page_owner_order(const void *a, const void *b);
static const ctl_record_t *ctl_page_owner(const ctl_page_t *page,
    const ctl_record_t *rec);
static int ctl_page_users(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id);
static int ctl_page_show(ctl_t *ctl, ctl_list_t *list, json_t *json);


int
ctl_list_page(ctl_t *ctl, ctl_list_t *list, const stok_str_t *id, size_t n,
    const char *lacks)
{
    int          code;
    size_t       i;
    ctl_page_t  *page;

    page = calloc(1, sizeof(ctl_page_t));
    if (page == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    page->n = n;

    code = list->users ? ctl_page_users(ctl, list, page, id)
                       : ctl_page_tokens(ctl, list, page, id, lacks);

    for (i = 0; i < n; i++) {
        ctl_free(&page->rec[i]);
        freeReplyObject(page->used[i]);
    }

    for (i = 0; i < page->users; i++) {
        ctl_free(&page->user[i]);
    }

    free(page);

    return code;
}


static int
ctl_page_tokens(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id, const char *lacks)
{
    int          code;
    size_t       i;
    json_t      *json;
    const char  *state;

    code = ctl_records(ctl, 0, page->n, id, page->rec);

    if (code == CTL_OK) {
        code = ctl_page_scores(ctl, page, id, lacks);
    }

    if (code == CTL_OK) {
        code = ctl_page_judge(ctl, list, page, id);
    }

    if (code == CTL_OK) {
        code = ctl_page_owners(ctl, page);
    }

    for (i = 0; i < page->n && code == CTL_OK; i++) {
        if (page->hidden[i]) {
            continue;
        }

        state = ctl_token_word(ctl, &page->rec[i],
                               ctl_page_owner(page, &page->rec[i]), list->now);

        if (ctl_list_word(list->states, state)) {
            json = ctl_json(&page->rec[i], NULL);
            ctl_token_state(json, state, page->used[i]->str);
            code = ctl_page_show(ctl, list, json);
        }
    }

    return code;
}


/* when each was used last; those that are in the index "lacks" are hidden */

static int
ctl_page_scores(ctl_t *ctl, ctl_page_t *page, const stok_str_t *id,
    const char *lacks)
{
    int          code;
    size_t       i;
    redisReply  *reply;

    for (i = 0; i < page->n; i++) {
        ctl_append(ctl, "ZSCORE %slast_used %b", ctl->prefix, id[i].data,
                   id[i].len);

        if (lacks) {
            ctl_append(ctl, "ZSCORE %s%s %b", ctl->prefix, lacks, id[i].data,
                       id[i].len);
        }
    }

    for (i = 0; i < page->n; i++) {
        code = ctl_reply(ctl, CTL_IS_TEXT, &page->used[i]);
        if (code != CTL_OK) {
            return code;
        }

        if (lacks) {
            code = ctl_reply(ctl, CTL_IS_TEXT, &reply);
            if (code != CTL_OK) {
                return code;
            }

            page->hidden[i] = reply->str != NULL;
            freeReplyObject(reply);
        }
    }

    return CTL_OK;
}


/* what can be said without the user, so that fewer users are read */

static int
ctl_page_judge(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id)
{
    size_t         i;
    ctl_record_t  *rec;

    for (i = 0; i < page->n; i++) {
        rec = &page->rec[i];

        if (page->hidden[i]) {
            continue;
        }

        if (rec->state == CTL_REC_OTHER) {
            ctl_note(ctl, CTL_NOTE_ERROR, "token \"%s\": its index leads to "
                     "another record: fsck tells more", id[i].data);

        } else if (rec->n == 0 && rec->state == CTL_REC_ODD) {
            (void) ctl_record_fail(ctl, rec, id[i].data);
            ctl_note_error(ctl);
        }

        page->hidden[i] = rec->n == 0 || rec->state == CTL_REC_OTHER
                          || !ctl_page_wanted(list, rec, page->used[i]);
    }

    return CTL_OK;
}


static int
ctl_page_wanted(const ctl_list_t *list, const ctl_record_t *rec,
    const redisReply *used)
{
    int64_t                 at;
    const char             *type;
    const ctl_list_want_t  *want;

    want = list->want;

    if ((want->user && strcmp(want->user, ctl_get(rec, "user")) != 0)
        || !ctl_list_word(want->env, ctl_get(rec, "env")))
    {
        return 0;
    }

    type = strcmp(ctl_get(rec, "scope"), "scim") == 0
           ? "scim" : ctl_get(rec, "type");

    if (!ctl_list_word(want->type, type)) {
        return 0;
    }

    if (list->expiring) {
        at = ctl_number(ctl_get(rec, "expires_at"));

        if (at <= list->now || at > list->expiring) {
            return 0;
        }
    }

    if (list->unused) {
        at = ctl_number(used->str ? used->str : ctl_get(rec, "created_at"));

        if (at >= list->unused) {
            return 0;
        }
    }

    return 1;
}


/* each user once */

static int
ctl_page_owners(ctl_t *ctl, ctl_page_t *page)
{
    size_t  i, n;

    for (i = 0, n = 0; i < page->n; i++) {
        if (!page->hidden[i] && page->rec[i].state != CTL_REC_ODD) {
            page->id[n++] = page->rec[i].token.user;
        }
    }

    if (n) {
        qsort(page->id, n, sizeof(stok_str_t), ctl_page_owner_order);
    }

    for (i = 0; i < n; i++) {
        if (page->users == 0
            || ctl_page_owner_order(&page->id[page->users - 1], &page->id[i])
               != 0)
        {
            page->id[page->users++] = page->id[i];
        }
    }

    return ctl_records(ctl, 1, page->users, page->id, page->user);
}


static int
ctl_page_owner_order(const void *a, const void *b)
{
    return strcmp(((const stok_str_t *) a)->data,
                  ((const stok_str_t *) b)->data);
}


static const ctl_record_t *
ctl_page_owner(const ctl_page_t *page, const ctl_record_t *rec)
{
    const stok_str_t  *found;

    static const ctl_record_t  none;

    found = page->users && rec->state != CTL_REC_ODD
            ? bsearch(&rec->token.user, page->id, page->users,
                      sizeof(stok_str_t), ctl_page_owner_order)
            : NULL;

    return found ? &page->user[found - page->id] : &none;
}


static int
ctl_page_users(ctl_t *ctl, ctl_list_t *list, ctl_page_t *page,
    const stok_str_t *id)
{
    int                     code;
    size_t                  i;
    ctl_record_t           *rec;
    const ctl_list_want_t  *want;

    want = list->want;

    code = ctl_records(ctl, 1, page->n, id, page->rec);

    for (i = 0; i < page->n && code == CTL_OK; i++) {
        rec = &page->rec[i];

        if (rec->named
            && ctl_list_word(list->states, ctl_user_word(rec))
            && ctl_list_word(want->type, ctl_get(rec, "kind"))
            && ctl_list_word(want->role, ctl_get(rec, "role")))
        {
            code = ctl_page_show(ctl, list, ctl_json(rec, id[i].data));
        }
    }

    return code;
}


static int
ctl_page_show(ctl_t *ctl, ctl_list_t *list, json_t *json)
{
    int  code;

    code = list->each(ctl, json, list->data);
    json_decref(json);

    list->shown++;

    return code == CTL_OK && list->shown == list->limit ? CTL_FOUND : code;
}
