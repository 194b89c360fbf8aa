/*
 * Findings about tokens.  A page is read in pipelines: ids to records, then
 * what is known of their use and the states of their users.
 */


#include "review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* what a page reads; what was not read is NULL */
typedef struct {
    ctl_record_t   rec[CTL_PAGE];
    redisReply    *last_used[CTL_PAGE];
    redisReply    *usage[CTL_PAGE];
    redisReply    *owner[CTL_PAGE];
} ctl_tokens_t;


typedef int (*ctl_judge_pt)(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);


static int ctl_tokens_read(ctl_t *ctl, const ctl_item_t *item, size_t n,
    ctl_tokens_t *page);
static void ctl_tokens_usage(ctl_record_t *rec, redisReply *reply);
static int ctl_tokens_judge(ctl_t *ctl, ctl_review_t *review,
    const ctl_item_t *item, ctl_tokens_t *page, size_t i);
static int ctl_judge_broken(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t);
static int ctl_judge_unused(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_judge_unexpected(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_judge_name(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_judge_orphaned(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_judge_personal(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
static int ctl_judge_environments(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);


int
ctl_review_tokens(ctl_t *ctl, ctl_review_t *review, const ctl_item_t *item,
    size_t n)
{
    int            code;
    size_t         i;
    ctl_tokens_t  *page;

    page = calloc(1, sizeof(ctl_tokens_t));
    if (page == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    code = ctl_tokens_read(ctl, item, n, page);

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_tokens_judge(ctl, review, item, page, i);
    }

    for (i = 0; i < n; i++) {
        ctl_free(&page->rec[i]);
        freeReplyObject(page->last_used[i]);
        freeReplyObject(page->usage[i]);
        freeReplyObject(page->owner[i]);
    }

    free(page);
    review->tokens += (int64_t) n;

    return code;
}


static int
ctl_tokens_read(ctl_t *ctl, const ctl_item_t *item, size_t n,
    ctl_tokens_t *page)
{
    int         code;
    size_t      i;
    stok_str_t  id[CTL_PAGE], user;

    memset(id, 0, sizeof(id));

    for (i = 0; i < n; i++) {
        id[i] = ctl_str(item[i].id);
    }

    code = ctl_records(ctl, 0, n, id, page->rec);

    for (i = 0; i < n && code == CTL_OK; i++) {
        user = ctl_field(&page->rec[i], "user");

        ctl_append(ctl, "ZSCORE %slast_used %s", ctl->prefix, item[i].id);
        ctl_append(ctl, "HGETALL %susage:%s", ctl->prefix, item[i].id);
        ctl_append(ctl, "HGET %suser:%b status", ctl->prefix, user.data,
                   user.len);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, CTL_IS_TEXT, &page->last_used[i]);

        if (code == CTL_OK) {
            code = ctl_reply(ctl, CTL_IS_PAIRS, &page->usage[i]);
        }

        if (code == CTL_OK) {
            code = ctl_reply(ctl, CTL_IS_ANY, &page->owner[i]);
        }
    }

    return code;
}


/* fields of a use, to be asked for by name */

static void
ctl_tokens_usage(ctl_record_t *rec, redisReply *reply)
{
    size_t  i;

    memset(rec, 0, sizeof(*rec));
    rec->n = reply->elements > CTL_FIELDS ? CTL_FIELDS : reply->elements;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = reply->element[i]->str;
        rec->field[i].len = reply->element[i]->len;
    }
}


static int
ctl_tokens_judge(ctl_t *ctl, ctl_review_t *review, const ctl_item_t *item,
    ctl_tokens_t *page, size_t i)
{
    int             code;
    size_t          k;
    ctl_record_t   *rec, usage;
    ctl_subject_t   t;
    ctl_finding_t   f;

    static const ctl_judge_pt  judges[] = {
        ctl_judge_unused, ctl_judge_unexpected, ctl_judge_refused,
        ctl_judge_name, ctl_judge_expiry, ctl_judge_lifetime, ctl_judge_stuck,
        ctl_judge_orphaned, ctl_judge_personal, ctl_judge_environments
    };

    rec = &page->rec[i];
    ctl_tokens_usage(&usage, page->usage[i]);

    memset(&t, 0, sizeof(t));
    t.id = item[i].id;
    t.user = ctl_get(rec, "user");
    t.name = ctl_get(rec, "name");
    t.env = ctl_get(rec, "env");
    t.type = ctl_get(rec, "type");
    t.active = strcmp(ctl_get(rec, "status"), "active") == 0;
    t.created_at = ctl_number(ctl_get(rec, "created_at"));
    t.created_at = t.created_at ? t.created_at : item[i].score;
    t.expires_at = ctl_number(ctl_get(rec, "expires_at"));
    t.live = t.active && (!t.expires_at || t.expires_at > review->now);
    t.last_used = ctl_number(page->last_used[i]->str);
    t.owner = ctl_is_text(page->owner[i]) ? page->owner[i]->str : NULL;
    t.rec = rec;
    t.usage = &usage;

    code = ctl_judge_broken(ctl, review, &t);

    if (rec->n == 0 || rec->state == CTL_REC_OTHER) {
        return code;
    }

    for (k = 0; k < sizeof(judges) / sizeof(judges[0]) && code == CTL_OK; k++)
    {
        memset(&f, 0, sizeof(f));
        f.token = t.id;
        f.user = t.user;

        code = judges[k](ctl, review, &t, &f);
    }

    return code;
}


static int
ctl_judge_broken(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t)
{
    ctl_finding_t  f;

    memset(&f, 0, sizeof(f));
    f.severity = CTL_HIGH;
    f.token = t->id;
    f.user = t->user[0] ? t->user : NULL;

    ctl_fix_id(&f, "audit --token", t->id, "");

    switch (t->rec->state) {

    case CTL_REC_NONE:
        snprintf(f.seen, sizeof(f.seen), "listed, but there is no record");
        break;

    case CTL_REC_OTHER:
        snprintf(f.seen, sizeof(f.seen), "its index leads to another record");
        f.user = NULL;
        break;

    case CTL_REC_ODD:
        snprintf(f.seen, sizeof(f.seen), "%s", t->rec->why);
        break;

    case CTL_REC_UNSEALED:
        snprintf(f.seen, sizeof(f.seen), "no seal: the dataset is not sealed "
                 "yet");
        snprintf(f.fix, sizeof(f.fix), "seal --first --dry-run");
        return review->unsealed++ ? CTL_OK
               : ctl_found(ctl, review, CTL_RULE_UNSEALED, &f);

    case CTL_REC_TAMPERED:
        snprintf(f.seen, sizeof(f.seen), "the seal is missing or wrong");
        ctl_fix_id(&f, "incident token", t->id, "");
        return ctl_found(ctl, review, CTL_RULE_TAMPERED, &f);

    default:
        return CTL_OK;
    }

    return ctl_found(ctl, review, CTL_RULE_UNREADABLE, &f);
}


static int
ctl_judge_unused(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    int64_t  since;

    since = t->last_used ? t->last_used : t->created_at;

    if (!t->live || review->now - since < CTL_UNUSED) {
        return CTL_OK;
    }

    f->severity = CTL_MEDIUM;
    snprintf(f->seen, sizeof(f->seen), t->last_used
             ? "last used %lld days ago" : "never used, %lld days old",
             (long long) (review->now - since) / CTL_DAY);
    ctl_fix_id(f, "token revoke", t->id, "");

    return ctl_found(ctl, review, CTL_RULE_UNUSED, f);
}


/* as many addresses as are kept, or a token that lay for long and awoke */

static int
ctl_judge_unexpected(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f)
{
    size_t   n;
    int64_t  first;

    if (t->last_used == 0 || review->now - t->last_used > CTL_MONTH) {
        return CTL_OK;
    }

    f->severity = CTL_MEDIUM;
    ctl_fix_id(f, "token show", t->id, "");

    first = ctl_number(ctl_get(t->usage, "first_used"));
    n = ctl_blank_count(ctl_get(t->usage, "addrs"));

    if (n >= CTL_ADDRS) {
        snprintf(f->seen, sizeof(f->seen), "from %zu addresses or more", n);

    } else if (first && first - t->created_at >= CTL_UNUSED) {
        snprintf(f->seen, sizeof(f->seen), "lay %lld days before first use",
                 (long long) (first - t->created_at) / CTL_DAY);

    } else {
        return CTL_OK;
    }

    return ctl_found(ctl, review, CTL_RULE_UNEXPECTED_USE, f);
}


static int
ctl_judge_name(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    const char  *why;

    if (!t->live) {
        return CTL_OK;
    }

    why = ctl_token_lint(t->name, t->env);

    if (why == NULL) {
        return CTL_OK;
    }

    f->severity = CTL_LOW;
    snprintf(f->seen, sizeof(f->seen), "%s: %.60s", why, t->name);
    ctl_fix_new(f, t, t->env);

    return ctl_found(ctl, review, CTL_RULE_TOKEN_NAME, f);
}


static int
ctl_judge_orphaned(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    if (t->owner && strcmp(t->owner, "deleted") != 0) {
        return CTL_OK;
    }

    f->severity = t->active ? CTL_HIGH : CTL_LOW;
    snprintf(f->seen, sizeof(f->seen), "its user %s",
             t->owner ? "is deleted" : "does not exist");
    ctl_fix_id(f, t->active ? "token revoke" : "token delete", t->id, "");

    return ctl_found(ctl, review, CTL_RULE_ORPHANED, f);
}


static int
ctl_judge_personal(ctl_t *ctl, ctl_review_t *review, const ctl_subject_t *t,
    ctl_finding_t *f)
{
    int          reached;
    size_t       i;
    const char  *env, *rest, *list[2];

    if (!t->live || strcmp(t->type, "personal") != 0) {
        return CTL_OK;
    }

    list[0] = ctl_get(t->usage, "locations");
    list[1] = ctl_get(t->usage, "last_location");

    for (i = 0, reached = 0; i < 2; i++) {
        for (rest = list[i]; (env = ctl_env_of(rest, &rest)) != NULL; ) {
            reached |= strcmp(env, "production") == 0;
        }
    }

    if (!reached && strcmp(t->env, "production") != 0) {
        return CTL_OK;
    }

    f->severity = CTL_HIGH;
    snprintf(f->seen, sizeof(f->seen), reached
             ? "personal, reached production"
             : t->last_used ? "personal, used in production"
                            : "personal, made for production");
    ctl_fix_service(f, t);

    return ctl_found(ctl, review, CTL_RULE_PERSONAL_PRODUCTION, f);
}


/* by the words of its locations, or by the networks of its addresses */

static int
ctl_judge_environments(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f)
{
    char         addrs[1024];
    size_t       i, n;
    const char  *env, *rest, *other, *list[2];

    if (!t->live) {
        return CTL_OK;
    }

    list[0] = ctl_get(t->usage, "locations");
    list[1] = ctl_get(t->usage, "last_location");

    for (i = 0, other = NULL; i < 2 && other == NULL; i++) {
        for (rest = list[i]; (env = ctl_env_of(rest, &rest)) != NULL; ) {
            other = strcmp(env, t->env) != 0 ? env : other;
        }
    }

    snprintf(addrs, sizeof(addrs), "%s %s %s",
             ctl_get(t->usage, "first_addr"), ctl_get(t->usage, "last_addr"),
             ctl_get(t->usage, "addrs"));
    n = ctl_networks(addrs);

    if (other == NULL && n < 2) {
        return CTL_OK;
    }

    f->severity = CTL_MEDIUM;

    if (other) {
        snprintf(f->seen, sizeof(f->seen), "reached %s", other);

    } else {
        snprintf(f->seen, sizeof(f->seen), "used from %zu networks", n);
    }

    ctl_fix_new(f, t, other ? other : "ENV");

    return ctl_found(ctl, review, CTL_RULE_MANY_ENVIRONMENTS, f);
}
