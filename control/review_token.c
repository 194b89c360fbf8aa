/*
 * What a review finds in tokens.  A page is read in three pipelines: ids to
 * digests; digests to records, with what is known of their use; records to
 * the states of their users.
 */


#include "review.h"

#include <stdio.h>
#include <string.h>


typedef struct {
    const char           *id;
    const char           *user;
    const char           *name;
    const char           *env;
    const char           *type;
    int                   live;                  /* active, not expired */
    int                   active;
    int64_t               created_at;
    int64_t               expires_at;
    int64_t               last_used;             /* 0: never */
    const char           *owner;                 /* status; NULL: no user */
    const cli_record_t   *rec;
    const cli_record_t   *usage;
} cli_subject_t;


/* what a page reads; what was not read is NULL */
typedef struct {
    redisReply  *digest[CLI_PAGE];
    redisReply  *record[CLI_PAGE];
    redisReply  *last_used[CLI_PAGE];
    redisReply  *usage[CLI_PAGE];
    redisReply  *owner[CLI_PAGE];
} cli_tokens_t;


typedef int (*cli_judge_pt)(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);


static int cli_tokens_read(ctl_t *ctl, const cli_item_t *item, size_t n,
    cli_tokens_t *page);
static int cli_tokens_owners(ctl_t *ctl, size_t n, cli_tokens_t *page);
static int cli_tokens_judge(ctl_t *ctl, cli_review_t *review,
    const cli_item_t *item, cli_tokens_t *page, size_t i);
static int cli_judge_broken(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, const char *digest);
static int cli_judge_unused(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_unexpected(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_refused(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_name(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_expiry(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_orphaned(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_personal(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static int cli_judge_environments(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f);
static void cli_mend_id(cli_finding_t *f, const char *verb, const char *id,
    const char *rest);
static void cli_mend_new(cli_finding_t *f, const cli_subject_t *t,
    const char *env);


int
cli_review_tokens(ctl_t *ctl, cli_review_t *review, const cli_item_t *item,
    size_t n)
{
    int            code;
    size_t         i, k;
    redisReply   **list[5];
    cli_tokens_t   page;

    memset(&page, 0, sizeof(page));

    code = cli_tokens_read(ctl, item, n, &page);

    if (code == CTL_OK) {
        code = cli_tokens_owners(ctl, n, &page);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = cli_tokens_judge(ctl, review, item, &page, i);
    }

    list[0] = page.digest;
    list[1] = page.record;
    list[2] = page.last_used;
    list[3] = page.usage;
    list[4] = page.owner;

    for (k = 0; k < 5; k++) {
        for (i = 0; i < n; i++) {
            if (list[k][i]) {
                freeReplyObject(list[k][i]);
            }
        }
    }

    review->tokens += (int64_t) n;

    return code;
}


static int
cli_tokens_read(ctl_t *ctl, const cli_item_t *item, size_t n,
    cli_tokens_t *page)
{
    int     code;
    size_t  i;

    for (i = 0; i < n; i++) {
        redisAppendCommand(ctl->ctx, "GET %sid:%s", ctl->prefix, item[i].id);
    }

    for (i = 0, code = CTL_OK; i < n && code == CTL_OK; i++) {
        code = cli_reply(ctl, &page->digest[i]);
    }

    if (code != CTL_OK) {
        return code;
    }

    for (i = 0; i < n; i++) {
        redisAppendCommand(ctl->ctx, "HGETALL %stoken:%s", ctl->prefix,
                           page->digest[i]->str ? page->digest[i]->str : "");
        redisAppendCommand(ctl->ctx, "ZSCORE %slast_used %s", ctl->prefix,
                           item[i].id);
        redisAppendCommand(ctl->ctx, "HGETALL %susage:%s", ctl->prefix,
                           item[i].id);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = cli_reply(ctl, &page->record[i]);

        if (code == CTL_OK) {
            code = cli_reply(ctl, &page->last_used[i]);
        }

        if (code == CTL_OK) {
            code = cli_reply(ctl, &page->usage[i]);
        }
    }

    return code;
}


static int
cli_tokens_owners(ctl_t *ctl, size_t n, cli_tokens_t *page)
{
    int            code;
    size_t         i;
    cli_record_t   rec;

    for (i = 0; i < n; i++) {
        cli_record_of(&rec, page->record[i]);
        redisAppendCommand(ctl->ctx, "HGET %suser:%s status", ctl->prefix,
                           cli_get(&rec, "user"));
    }

    for (i = 0, code = CTL_OK; i < n && code == CTL_OK; i++) {
        code = cli_reply(ctl, &page->owner[i]);
    }

    return code;
}


void
cli_record_of(cli_record_t *rec, redisReply *reply)
{
    size_t  i;

    memset(rec, 0, sizeof(*rec));

    rec->n = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    rec->n = rec->n > CLI_FIELDS ? CLI_FIELDS : rec->n;

    for (i = 0; i < rec->n; i++) {
        rec->field[i].data = reply->element[i]->str;
        rec->field[i].len = (size_t) reply->element[i]->len;
    }
}


static int
cli_tokens_judge(ctl_t *ctl, cli_review_t *review, const cli_item_t *item,
    cli_tokens_t *page, size_t i)
{
    int             code;
    size_t          k;
    cli_record_t    rec, usage;
    cli_subject_t   t;
    cli_finding_t   f;

    static const cli_judge_pt  judges[] = {
        cli_judge_unused, cli_judge_unexpected, cli_judge_refused,
        cli_judge_name, cli_judge_expiry, cli_judge_orphaned,
        cli_judge_personal, cli_judge_environments
    };

    cli_record_of(&rec, page->record[i]);
    cli_record_of(&usage, page->usage[i]);

    memset(&t, 0, sizeof(t));
    t.id = item[i].id;
    t.user = cli_get(&rec, "user");
    t.name = cli_get(&rec, "name");
    t.env = cli_get(&rec, "env");
    t.type = cli_get(&rec, "type");
    t.active = strcmp(cli_get(&rec, "status"), "active") == 0;
    t.created_at = cli_number(cli_get(&rec, "created_at"));
    t.created_at = t.created_at ? t.created_at : item[i].score;
    t.expires_at = cli_number(cli_get(&rec, "expires_at"));
    t.live = t.active && (!t.expires_at || t.expires_at > review->now);
    t.last_used = cli_number(page->last_used[i]->str);
    t.owner = page->owner[i]->str;
    t.rec = &rec;
    t.usage = &usage;

    code = cli_judge_broken(ctl, review, &t, page->digest[i]->str);

    if (rec.n == 0) {
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
cli_judge_broken(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    const char *digest)
{
    uint8_t               bin[STOK_DIGEST_LEN];
    const char           *why;
    cli_finding_t         f;
    stok_token_record_t   token;

    memset(&f, 0, sizeof(f));
    f.severity = CLI_HIGH;
    f.token = t->id;
    f.user = t->user[0] ? t->user : NULL;

    cli_mend_id(&f, "audit --token", t->id, "");

    if (t->rec->n == 0) {
        snprintf(f.seen, sizeof(f.seen), "listed, but there is no record");
        return cli_found(ctl, review, CLI_RULE_UNREADABLE, &f);
    }

    if (stok_token_record_decode(&token, t->rec->field, t->rec->n, &why)
        != STOK_OK)
    {
        snprintf(f.seen, sizeof(f.seen), "%s", why);
        return cli_found(ctl, review, CLI_RULE_UNREADABLE, &f);
    }

    if (ctl->keys.n == 0) {
        return CTL_OK;
    }

    if (digest && cli_unhex(digest, strlen(digest), bin) == CTL_OK) {
        stok_seal_check_token(&ctl->keys, bin, &token);
    }

    if (token.tampered) {
        snprintf(f.seen, sizeof(f.seen), "the seal is missing or wrong");
        cli_mend_id(&f, "incident token", t->id, "");
        return cli_found(ctl, review, CLI_RULE_TAMPERED, &f);
    }

    return CTL_OK;
}


static int
cli_judge_unused(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    int64_t  since;

    since = t->last_used ? t->last_used : t->created_at;

    if (!t->live || review->now - since < CLI_UNUSED) {
        return CTL_OK;
    }

    f->severity = CLI_MEDIUM;
    snprintf(f->seen, sizeof(f->seen), t->last_used
             ? "last used %lld days ago" : "never used, %lld days old",
             (long long) (review->now - since) / CLI_DAY);
    cli_mend_id(f, "token revoke", t->id, "");

    return cli_found(ctl, review, CLI_RULE_UNUSED, f);
}


/* as many addresses as are kept, or a token that lay for long and awoke */

static int
cli_judge_unexpected(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f)
{
    size_t   n;
    int64_t  first;

    if (t->last_used == 0 || review->now - t->last_used > CLI_MONTH) {
        return CTL_OK;
    }

    f->severity = CLI_MEDIUM;
    cli_mend_id(f, "token show", t->id, "");

    first = cli_number(cli_get(t->usage, "first_used"));
    n = cli_blank_count(cli_get(t->usage, "addrs"));

    if (n >= CLI_ADDRS) {
        snprintf(f->seen, sizeof(f->seen), "from %zu addresses or more", n);

    } else if (first && first - t->created_at >= CLI_UNUSED) {
        snprintf(f->seen, sizeof(f->seen), "lay %lld days before first use",
                 (long long) (first - t->created_at) / CLI_DAY);

    } else {
        return CTL_OK;
    }

    return cli_found(ctl, review, CLI_RULE_UNEXPECTED_USE, f);
}


static int
cli_judge_refused(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    char     date[24];
    int64_t  n, at;

    n = cli_number(cli_get(t->usage, "refused"));
    at = cli_number(cli_get(t->usage, "refused_at"));

    if (n <= 0 || (at && review->now - at > CLI_MONTH)) {
        return CTL_OK;
    }

    cli_iso(at, date);
    date[10] = '\0';

    f->severity = t->live ? CLI_MEDIUM : CLI_HIGH;
    snprintf(f->seen, sizeof(f->seen), at ? "%lld refused, last %s"
                                          : "%lld refused",
             (long long) n, date);
    cli_mend_id(f, t->live ? "audit --token" : "incident token", t->id, "");

    return cli_found(ctl, review, CLI_RULE_FAILED_ATTEMPTS, f);
}


static int
cli_judge_name(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    const char  *why;

    if (!t->live) {
        return CTL_OK;
    }

    why = cli_token_lint(t->name, t->env);

    if (why == NULL) {
        return CTL_OK;
    }

    f->severity = CLI_LOW;
    snprintf(f->seen, sizeof(f->seen), "%s: %.60s", why, t->name);
    cli_mend_new(f, t, t->env);

    return cli_found(ctl, review, CLI_RULE_TOKEN_NAME, f);
}


static int
cli_judge_expiry(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    if (!t->live) {
        return CTL_OK;
    }

    if (t->expires_at == 0) {
        if (strcmp(t->env, "production") != 0) {
            return CTL_OK;
        }

        f->severity = CLI_HIGH;
        snprintf(f->seen, sizeof(f->seen), "in production, never expires");
        cli_mend_new(f, t, t->env);

        return cli_found(ctl, review, CLI_RULE_NEVER_EXPIRES, f);
    }

    if (t->expires_at - review->now > CLI_EXPIRING
        || cli_get(t->rec, "rotated_to")[0])
    {
        return CTL_OK;
    }

    f->severity = CLI_HIGH;
    snprintf(f->seen, sizeof(f->seen), "expires in %lld days, no rotation",
             (long long) (t->expires_at - review->now) / CLI_DAY);
    cli_mend_id(f, "token rotate", t->id, "");

    return cli_found(ctl, review, CLI_RULE_EXPIRING, f);
}


static int
cli_judge_orphaned(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    if (t->owner && strcmp(t->owner, "deleted") != 0) {
        return CTL_OK;
    }

    f->severity = t->active ? CLI_HIGH : CLI_LOW;
    snprintf(f->seen, sizeof(f->seen), "its user %s",
             t->owner ? "is deleted" : "does not exist");
    cli_mend_id(f, t->active ? "token revoke" : "token delete", t->id, "");

    return cli_found(ctl, review, CLI_RULE_ORPHANED, f);
}


static int
cli_judge_personal(ctl_t *ctl, cli_review_t *review, const cli_subject_t *t,
    cli_finding_t *f)
{
    int          reached;
    size_t       i;
    const char  *env, *rest, *list[2];

    if (!t->live || strcmp(t->type, "personal") != 0) {
        return CTL_OK;
    }

    list[0] = cli_get(t->usage, "locations");
    list[1] = cli_get(t->usage, "last_location");

    for (i = 0, reached = 0; i < 2; i++) {
        for (rest = list[i]; (env = cli_env_of(rest, &rest)) != NULL; ) {
            reached |= strcmp(env, "production") == 0;
        }
    }

    if (!reached && strcmp(t->env, "production") != 0) {
        return CTL_OK;
    }

    f->severity = CLI_HIGH;
    snprintf(f->seen, sizeof(f->seen), reached
             ? "personal, reached production"
             : t->last_used ? "personal, used in production"
                            : "personal, made for production");
    cli_mend_id(f, "token revoke", t->id, "");

    return cli_found(ctl, review, CLI_RULE_PERSONAL_PRODUCTION, f);
}


/* by the words of its locations, or by the networks of its addresses */

static int
cli_judge_environments(ctl_t *ctl, cli_review_t *review,
    const cli_subject_t *t, cli_finding_t *f)
{
    char         addrs[1024];
    size_t       i, n;
    const char  *env, *rest, *other, *list[2];

    if (!t->live) {
        return CTL_OK;
    }

    list[0] = cli_get(t->usage, "locations");
    list[1] = cli_get(t->usage, "last_location");

    for (i = 0, other = NULL; i < 2 && other == NULL; i++) {
        for (rest = list[i]; (env = cli_env_of(rest, &rest)) != NULL; ) {
            other = strcmp(env, t->env) != 0 ? env : other;
        }
    }

    snprintf(addrs, sizeof(addrs), "%s %s %s",
             cli_get(t->usage, "first_addr"), cli_get(t->usage, "last_addr"),
             cli_get(t->usage, "addrs"));
    n = cli_networks(addrs);

    if (other == NULL && n < 2) {
        return CTL_OK;
    }

    f->severity = CLI_MEDIUM;

    if (other) {
        snprintf(f->seen, sizeof(f->seen), "reached %s", other);

    } else {
        snprintf(f->seen, sizeof(f->seen), "used from %zu networks", n);
    }

    cli_mend_new(f, t, other ? other : "ENV");

    return cli_found(ctl, review, CLI_RULE_MANY_ENVIRONMENTS, f);
}


static void
cli_mend_id(cli_finding_t *f, const char *verb, const char *id,
    const char *rest)
{
    char  word[CLI_QUOTED];

    cli_quote(id, word);
    snprintf(f->mend, sizeof(f->mend), "%s %s%s", verb, word, rest);
}


/* a token of its own instead */

static void
cli_mend_new(cli_finding_t *f, const cli_subject_t *t, const char *env)
{
    char  user[CLI_QUOTED], word[CLI_QUOTED];

    cli_quote(t->user, user);
    cli_quote(env[0] ? env : "ENV", word);
    snprintf(f->mend, sizeof(f->mend), "token create --user %s "
             "--name NEW-NAME --env %s", user, word);
}
