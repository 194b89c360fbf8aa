/*
 * Findings about users.  Roles are judged by the use of all their tokens: of
 * users above the lowest role, token ids are read a page of each user's set at
 * a time.
 */


#include "review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define CTL_SSCAN  50                            /* ids of a user at a time */


typedef struct {
    const char    *id;
    ctl_record_t  *rec;
    int            service;
    int            rank;                         /* -1: no role of ours */

    /* of its tokens */
    int            needed;                       /* rank; -1: none */
    int            unknown;                      /* used for what, not known */
    int            old;                          /* one is in use for long */
    int64_t        last_used;
    redisReply    *asked;                        /* of its approval */
    char           cursor[32];                   /* of SSCAN; "": done */
} ctl_person_t;


static int ctl_user_judge(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p);
static int ctl_user_judge_texts(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p);
static int ctl_user_judge_pending(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p);
static int ctl_user_broken(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p);
static int ctl_person_found(ctl_t *ctl, ctl_review_t *review,
    ctl_rule_e rule, ctl_severity_e severity, ctl_person_t *p,
    const char *seen, const char *format);
static int ctl_people_asked(ctl_t *ctl, ctl_person_t *people, size_t n);
static int ctl_people_use(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *people, size_t n);
static int ctl_people_scan(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *people, size_t n, redisReply **set);
static int ctl_people_tokens(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p, redisReply *ids);
static int ctl_user_judge_role(ctl_t *ctl, ctl_review_t *review,
    ctl_person_t *p);


int
ctl_review_users(ctl_t *ctl, ctl_review_t *review, const ctl_item_t *item,
    size_t n)
{
    int            code;
    size_t         i;
    stok_str_t     id[CTL_PAGE];
    ctl_record_t  *rec;
    ctl_person_t  *people, *p;

    people = calloc(n ? n : 1, sizeof(ctl_person_t));
    rec = calloc(n ? n : 1, sizeof(ctl_record_t));

    if (people == NULL || rec == NULL) {
        free(people);
        free(rec);
        return ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    memset(id, 0, sizeof(id));

    for (i = 0; i < n; i++) {
        id[i] = ctl_str(item[i].id);
    }

    code = ctl_records(ctl, 1, n, id, rec);

    for (i = 0; i < n && code == CTL_OK; i++) {
        p = &people[i];
        p->id = item[i].id;
        p->rec = &rec[i];

        p->service = strcmp(ctl_get(p->rec, "kind"), "service") == 0;
        p->rank = stok_role_rank(&ctl->roles, ctl_field(p->rec, "role"));
        p->needed = -1;

        if (p->rank > 0
            && strcmp(ctl_get(p->rec, "status"), "deleted") != 0)
        {
            strcpy(p->cursor, "0");
        }
    }

    if (code == CTL_OK) {
        code = ctl_people_asked(ctl, people, n);
    }

    if (code == CTL_OK) {
        code = ctl_people_use(ctl, review, people, n);
    }

    for (i = 0; i < n && code == CTL_OK; i++) {
        code = ctl_user_judge(ctl, review, &people[i]);
    }

    for (i = 0; i < n; i++) {
        freeReplyObject(people[i].asked);
        ctl_free(&rec[i]);
    }

    free(rec);
    free(people);
    review->users += (int64_t) n;

    return code;
}


static int
ctl_user_judge(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p)
{
    int  code;

    code = ctl_user_broken(ctl, review, p);

    if (p->rec->n == 0 || strcmp(ctl_get(p->rec, "status"), "deleted") == 0) {
        return code;
    }

    if (code == CTL_OK && p->service) {
        code = ctl_user_judge_texts(ctl, review, p);
    }

    if (code == CTL_OK) {
        code = ctl_user_judge_pending(ctl, review, p);
    }

    if (code == CTL_OK) {
        code = ctl_user_judge_role(ctl, review, p);
    }

    return code;
}


/* it waits for an approval, or a role that somebody has asked for does */

static int
ctl_user_judge_pending(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p)
{
    int          pending;
    char         date[24], seen[128];
    size_t       i;
    const char  *asked[] = { "", "", "", "" };   /* role, from, actor, at */

    pending = strcmp(ctl_get(p->rec, "status"), "pending") == 0;

    for (i = 0; ctl_fits(p->asked, CTL_IS_VALUES) && p->asked->elements == 4
                && i < 4; i++)
    {
        asked[i] = ctl_is_text(p->asked->element[i])
                   ? p->asked->element[i]->str : "";
    }

    if (!pending && (asked[0][0] == '\0'
                     || strcmp(asked[1], ctl_get(p->rec, "role")) != 0))
    {
        return CTL_OK;
    }

    ctl_iso(ctl_number(asked[3][0] ? asked[3]
                                   : ctl_get(p->rec, "created_at")), date);

    snprintf(seen, sizeof(seen), "%s%.20s asked for by %.32s, %s",
             pending ? "user, " : "role ",
             pending ? ctl_get(p->rec, "role") : asked[0],
             asked[2][0] ? asked[2] : ctl_get(p->rec, "created_by"), date);

    return ctl_person_found(ctl, review, CTL_RULE_PENDING, CTL_MEDIUM, p, seen,
                            "user approve %s");
}


static int
ctl_user_broken(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p)
{
    switch (p->rec->state) {

    case CTL_REC_NONE:
        return ctl_person_found(ctl, review, CTL_RULE_UNREADABLE, CTL_HIGH, p,
                                "listed, but there is no record",
                                "audit --user %s");

    case CTL_REC_ODD:
        return ctl_person_found(ctl, review, CTL_RULE_UNREADABLE, CTL_HIGH, p,
                                p->rec->why, "audit --user %s");

    case CTL_REC_TAMPERED:
        return ctl_person_found(ctl, review, CTL_RULE_TAMPERED, CTL_HIGH, p,
                                "the seal is missing or wrong",
                                "incident user %s");

    case CTL_REC_UNSEALED:
        return review->unsealed++ ? CTL_OK
               : ctl_person_found(ctl, review, CTL_RULE_UNSEALED, CTL_HIGH, p,
                                  "no seal: the dataset is not sealed yet",
                                  "seal --first --dry-run");

    default:
        return CTL_OK;
    }
}


static int
ctl_user_judge_texts(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p)
{
    int          code;
    const char  *text, *why;

    code = CTL_OK;
    text = ctl_get(p->rec, "purpose");

    if (text[strspn(text, " ")] == '\0') {
        code = ctl_person_found(ctl, review, CTL_RULE_PURPOSE, CTL_MEDIUM, p,
                                "no purpose",
                                "user describe %s --purpose TEXT");
    }

    text = ctl_get(p->rec, "owner");

    if (code == CTL_OK && text[strspn(text, " ")] == '\0') {
        code = ctl_person_found(ctl, review, CTL_RULE_OWNER, CTL_MEDIUM, p,
                                "no owner",
                                "user describe %s --owner TEXT");
    }

    why = ctl_name_lint(p->id);

    if (code == CTL_OK && why) {
        code = ctl_person_found(ctl, review, CTL_RULE_USER_NAME, CTL_LOW, p,
                                why, "user create NEW-NAME --purpose TEXT "
                                "--owner TEXT");
    }

    return code;
}


static int
ctl_user_judge_role(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p)
{
    int          code, len;
    char         seen[128], fix[STOK_ROLE_MAX + 32];
    int64_t      since;
    stok_str_t   lower;

    snprintf(fix, sizeof(fix), "user set-role %%s %.*s",
             (int) ctl->roles.name[0].len, ctl->roles.name[0].data);

    if (p->rank < 0) {
        snprintf(seen, sizeof(seen), "no such role: %.40s",
                 ctl_get(p->rec, "role"));
        return ctl_person_found(ctl, review, CTL_RULE_ROLE, CTL_HIGH, p, seen,
                                fix);
    }

    if (p->rank == 0) {
        return CTL_OK;
    }

    since = p->last_used ? p->last_used
                         : ctl_number(ctl_get(p->rec, "created_at"));

    code = CTL_OK;

    if (review->now - since >= CTL_UNUSED) {
        snprintf(seen, sizeof(seen), "%.16s, unused %lld days",
                 ctl_get(p->rec, "role"),
                 (long long) (review->now - since) / CTL_DAY);
        code = ctl_person_found(ctl, review, CTL_RULE_ROLE, CTL_MEDIUM, p,
                                seen, fix);
    }

    if (code != CTL_OK || !p->old || p->unknown || p->needed < 0
        || p->needed >= p->rank)
    {
        return code;
    }

    lower = ctl->roles.name[p->needed];
    len = (int) lower.len;

    snprintf(seen, sizeof(seen), "has %.20s, needed %.*s",
             ctl_get(p->rec, "role"), len, lower.data);
    snprintf(fix, sizeof(fix), "user set-role %%s %.*s", len, lower.data);

    return ctl_person_found(ctl, review, CTL_RULE_LEAST_PRIVILEGE, CTL_MEDIUM,
                            p, seen, fix);
}


/* format: the command, with one %s for the id, or none */

static int
ctl_person_found(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    ctl_severity_e severity, ctl_person_t *p, const char *seen,
    const char *format)
{
    char            word[CTL_QUOTED];
    const char     *id;
    ctl_finding_t   f;

    memset(&f, 0, sizeof(f));
    f.severity = severity;
    f.user = p->id;
    snprintf(f.seen, sizeof(f.seen), "%s", seen);

    id = strstr(format, "%s");

    if (id == NULL) {
        snprintf(f.fix, sizeof(f.fix), "%s", format);

    } else {
        ctl_quote(p->id, word);
        snprintf(f.fix, sizeof(f.fix), "%.*s%s%s", (int) (id - format),
                 format, word, id + 2);
    }

    return ctl_found(ctl, review, rule, &f);
}


static int
ctl_people_asked(ctl_t *ctl, ctl_person_t *people, size_t n)
{
    int     code;
    size_t  i;

    for (i = 0; i < n; i++) {
        ctl_append(ctl, "HMGET %srequest:%s role from actor at", ctl->prefix,
                   people[i].id);
    }

    for (i = 0, code = CTL_OK; i < n && code == CTL_OK; i++) {
        code = ctl_reply(ctl, CTL_IS_ANY, &people[i].asked);
    }

    return code;
}


/* a page of each set at a time, until all are read */

static int
ctl_people_use(ctl_t *ctl, ctl_review_t *review, ctl_person_t *people,
    size_t n)
{
    int          code;
    size_t       i, open;
    redisReply  *set[CTL_PAGE];

    do {
        memset(set, 0, sizeof(set));

        for (i = 0, open = 0; i < n; i++) {
            if (people[i].cursor[0]) {
                ctl_append(ctl, "SSCAN %suser-tokens:%s %s "
                                   "COUNT %d", ctl->prefix, people[i].id,
                                   people[i].cursor, CTL_SSCAN);
                open++;
            }
        }

        code = open ? ctl_people_scan(ctl, review, people, n, set) : CTL_OK;

        for (i = 0; i < n; i++) {
            if (set[i]) {
                freeReplyObject(set[i]);
            }
        }

    } while (code == CTL_OK && open);

    return code;
}


/* all questions of all users leave together */

static int
ctl_people_scan(ctl_t *ctl, ctl_review_t *review, ctl_person_t *people,
    size_t n, redisReply **set)
{
    int          code;
    size_t       i, k;
    redisReply  *ids;

    for (i = 0; i < n; i++) {
        if (people[i].cursor[0] == '\0') {
            continue;
        }

        code = ctl_reply(ctl, CTL_IS_PAGE, &set[i]);
        if (code != CTL_OK) {
            return code;
        }
    }

    for (i = 0; i < n; i++) {
        if (set[i] == NULL) {
            continue;
        }

        ids = set[i]->element[1];

        for (k = 0; k < ids->elements; k++) {
            ctl_append(ctl, "HGET %susage:%s role_needed",
                               ctl->prefix, ids->element[k]->str);
            ctl_append(ctl, "ZSCORE %slast_used %s",
                               ctl->prefix, ids->element[k]->str);
            ctl_append(ctl, "ZSCORE %stokens %s", ctl->prefix,
                               ids->element[k]->str);
        }
    }

    for (i = 0; i < n; i++) {
        if (set[i] == NULL) {
            continue;
        }

        code = ctl_people_tokens(ctl, review, &people[i],
                                 set[i]->element[1]);
        if (code != CTL_OK) {
            return code;
        }

        snprintf(people[i].cursor, sizeof(people[i].cursor), "%s",
                 set[i]->element[0]->str);

        if (strcmp(people[i].cursor, "0") == 0) {
            people[i].cursor[0] = '\0';
        }
    }

    return CTL_OK;
}


static int
ctl_people_tokens(ctl_t *ctl, ctl_review_t *review, ctl_person_t *p,
    redisReply *ids)
{
    int          code, rank;
    size_t       i, k;
    int64_t      used, made;
    redisReply  *reply[3];
    stok_str_t   role;

    for (i = 0; i < ids->elements; i++) {

        memset(reply, 0, sizeof(reply));

        for (k = 0, code = CTL_OK; k < 3 && code == CTL_OK; k++) {
            code = ctl_reply(ctl, CTL_IS_TEXT, &reply[k]);
        }

        if (code == CTL_OK) {
            role.data = reply[0]->str ? reply[0]->str : "";
            role.len = strlen(role.data);
            rank = stok_role_rank(&ctl->roles, role);
            used = ctl_number(reply[1]->str);
            made = reply[2]->str ? (int64_t) strtod(reply[2]->str, NULL) : 0;

            p->needed = rank > p->needed ? rank : p->needed;
            p->unknown |= used && rank < 0;
            p->old |= used && made && review->now - made >= CTL_NEEDED;
            p->last_used = used > p->last_used ? used : p->last_used;
        }

        for (k = 0; k < 3; k++) {
            if (reply[k]) {
                freeReplyObject(reply[k]);
            }
        }

        if (code != CTL_OK) {
            return code;
        }
    }

    return CTL_OK;
}
