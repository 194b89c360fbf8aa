/*
 * token list, user list; and one of them.
 */


#include "list.h"

#include <stdlib.h>
#include <string.h>


static int ctl_list(ctl_t *ctl, int users, const ctl_list_want_t *want,
    ctl_item_pt each, void *data);
static void ctl_get_reason(ctl_t *ctl, const ctl_record_t *rec,
    const char *id);
static int ctl_id_order(const void *a, const void *b);


int
ctl_token_list(ctl_t *ctl, const ctl_list_want_t *want, ctl_item_pt each,
    void *data)
{
    return ctl_list(ctl, 0, want, each, data);
}


int
ctl_user_list(ctl_t *ctl, const ctl_list_want_t *want, ctl_item_pt each,
    void *data)
{
    return ctl_list(ctl, 1, want, each, data);
}


static int
ctl_list(ctl_t *ctl, int users, const ctl_list_want_t *want, ctl_item_pt each,
    void *data)
{
    int           code;
    ctl_list_t    list;
    ctl_record_t  rec;

    ctl->unsealed = 0;

    memset(&list, 0, sizeof(list));
    list.want = want;
    list.users = users;
    list.each = each;
    list.data = data;

    code = ctl_list_wanted(ctl, &list);

    if (code == CTL_OK) {
        code = ctl_ready(ctl);
    }

    if (code == CTL_OK) {
        code = ctl_list_times(ctl, &list);
    }

    if (code == CTL_OK && want->user) {
        code = ctl_read_user(ctl, want->user, &rec);
        if (code == CTL_OK) {
            ctl_free(&rec);
        }
    }

    if (code == CTL_OK) {
        code = ctl_list_walk(ctl, &list);
        ctl_unsealed(ctl);
    }

    return code == CTL_FOUND ? CTL_OK : code;
}


/* SORT would do, but is among the dangerous commands */

int
ctl_user_tokens(ctl_t *ctl, const char *user, redisReply **ids)
{
    int  code;

    code = ctl_command(ctl, CTL_IS_TEXTS, ids, "SMEMBERS %suser-tokens:%s",
                       ctl->prefix, user);
    if (code == CTL_OK && (*ids)->elements) {
        qsort((*ids)->element, (*ids)->elements, sizeof(redisReply *),
              ctl_id_order);
    }

    return code;
}


static int
ctl_id_order(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *) a)->str,
                  (*(redisReply *const *) b)->str);
}


int
ctl_user_get(ctl_t *ctl, const char *id, json_t **user)
{
    int            code;
    ctl_record_t   rec;

    code = ctl_read_user(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    *user = ctl_json(&rec, id);
    ctl_get_reason(ctl, &rec, id);
    ctl_free(&rec);

    code = ctl_usage_user(ctl, id, *user);

    if (code != CTL_OK) {
        json_decref(*user);
    }

    return code;
}


int
ctl_token_get(ctl_t *ctl, const char *id, json_t **token)
{
    int           code;
    ctl_record_t  rec;

    code = ctl_read_token(ctl, id, &rec);

    /* the index may lead to a forged one, beside one that lets in */

    if (code == CTL_OK && ctl_record_forged(&rec)) {
        ctl_free(&rec);
        code = ctl_stop_token(ctl, id, &rec);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = ctl_token_json(ctl, &rec, token);

    if (code == CTL_OK) {
        ctl_get_reason(ctl, &rec, id);
    }

    ctl_free(&rec);

    if (code != CTL_OK) {
        return code;
    }

    code = ctl_usage_read(ctl, id, *token);

    if (code != CTL_OK) {
        json_decref(*token);
    }

    return code;
}


/* what no field says of a record that nginx does not take */

static void
ctl_get_reason(ctl_t *ctl, const ctl_record_t *rec, const char *id)
{
    if (rec->state == CTL_REC_ODD || ctl_record_forged(rec)) {
        (void) ctl_record_fail(ctl, rec, id);
        ctl_note_error(ctl);
    }
}
