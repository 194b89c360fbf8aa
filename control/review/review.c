/*
 * review: walks the indexes a page at a time and tells what is found.
 */


#include "review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


typedef int (*ctl_page_pt)(ctl_t *ctl, ctl_review_t *review,
    const ctl_item_t *item, size_t n);


static const struct {
    const char  *id;
    unsigned     period;
    const char  *review;
} ctl_rules[CTL_RULES] = {
    { "unused", CTL_MONTHLY, "monthly" },
    { "role", CTL_MONTHLY, "monthly" },
    { "unexpected-use", CTL_MONTHLY, "monthly" },
    { "failed-attempts", CTL_MONTHLY, "monthly" },
    { "purpose", CTL_QUARTERLY, "quarterly" },
    { "owner", CTL_QUARTERLY, "quarterly" },
    { "user-name", CTL_QUARTERLY, "quarterly" },
    { "token-name", CTL_QUARTERLY, "quarterly" },
    { "expiring", CTL_QUARTERLY, "quarterly" },
    { "lifetime", CTL_QUARTERLY, "quarterly" },
    { "rotation-stuck", CTL_MONTHLY|CTL_QUARTERLY, "monthly" },
    { "least-privilege", CTL_QUARTERLY, "quarterly" },
    { "orphaned", CTL_QUARTERLY, "quarterly" },
    { "personal-production", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "never-expires", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "many-environments", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "unreadable", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "tampered", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "unsealed", CTL_MONTHLY|CTL_QUARTERLY, "compliance" },
    { "pending", CTL_MONTHLY|CTL_QUARTERLY, "compliance" }
};


static int ctl_review_no_rule(ctl_t *ctl, const char *name, size_t len);
static int ctl_review_begin(ctl_t *ctl, ctl_review_t *review);
static int ctl_review_walk(ctl_t *ctl, ctl_review_t *review,
    const char *index, ctl_page_pt handler);
static size_t ctl_review_page(redisReply *reply, ctl_item_t *item,
    int64_t *score, char last[512]);
static void ctl_review_noted(ctl_t *ctl, const ctl_review_t *review);

static const char *ctl_severities[] = { "low", "medium", "high" };


int
ctl_review(ctl_t *ctl, ctl_review_t *review)
{
    int  code;

    code = ctl_review_check(ctl, review);

    if (code == CTL_OK) {
        code = ctl_review_begin(ctl, review);
    }

    if (code == CTL_OK) {
        code = ctl_review_walk(ctl, review, "tokens", ctl_review_tokens);
    }

    if (code == CTL_OK) {
        code = ctl_review_walk(ctl, review, "users", ctl_review_users);
    }

    if (code == CTL_OK) {
        ctl_unchecked(ctl);
        ctl_review_noted(ctl, review);
    }

    return code != CTL_OK ? code : review->failed ? CTL_FOUND : CTL_OK;
}


/* who may only read still has a review */

static void
ctl_review_noted(ctl_t *ctl, const ctl_review_t *review)
{
    char         found[24], *word;
    const char  *arg[2];

    snprintf(found, sizeof(found), "%lld", (long long) review->found);

    arg[0] = review->period == CTL_MONTHLY ? "monthly"
             : review->period == CTL_QUARTERLY ? "quarterly"
             : "monthly quarterly";
    arg[1] = found;

    if (ctl_script_texts(ctl, stok_script_review, 2, arg, &word) == CTL_OK) {
        free(word);
        return;
    }

    ctl_note(ctl, CTL_NOTE_NOTE, "status will not know of this review: %s",
             ctl->error.text);
}


const char *
ctl_rule(size_t i)
{
    return i < CTL_RULES ? ctl_rules[i].id : NULL;
}


/* without a list, every finding is one */

int
ctl_review_check(ctl_t *ctl, ctl_review_t *review)
{
    int          i;
    size_t       len;
    const char  *p;

    review->fail = (1u << CTL_RULES) - 1;

    if (review->fail_on == NULL) {
        return CTL_OK;
    }

    review->fail = 0;
    p = review->fail_on;

    do {
        len = strcspn(p, ",");

        for (i = 0; i < CTL_RULES; i++) {
            if (strlen(ctl_rules[i].id) == len
                && strncmp(ctl_rules[i].id, p, len) == 0)
            {
                break;
            }
        }

        if (i == CTL_RULES) {
            return ctl_review_no_rule(ctl, p, len);
        }

        if (!ctl_review_wants(review, (ctl_rule_e) i)) {
            return ctl_fail(ctl, CTL_INVALID, "rule %s is not of this review: "
                            "it would never fail", ctl_rules[i].id);
        }

        review->fail |= 1u << i;
        p += len;

    } while (*p++ == ',');

    return CTL_OK;
}


static int
ctl_review_no_rule(ctl_t *ctl, const char *name, size_t len)
{
    int     i;
    char    rules[512];
    size_t  n;

    for (i = 0, n = 0; i < CTL_RULES; i++) {
        n += (size_t) snprintf(rules + n, sizeof(rules) - n, " %s",
                               ctl_rules[i].id);
    }

    return ctl_fail(ctl, CTL_INVALID, "no rule \"%.*s\": the rules are%s",
                    (int) len, name, rules);
}


int
ctl_review_wants(const ctl_review_t *review, ctl_rule_e rule)
{
    return (ctl_rules[rule].period & review->period) != 0;
}


static int
ctl_review_begin(ctl_t *ctl, ctl_review_t *review)
{
    int          i, code;
    json_t      *notes;
    redisReply  *reply;

    code = ctl_ready(ctl);

    if (code == CTL_OK) {
        code = ctl_info_note(ctl, 0, &notes);
    }

    if (code != CTL_OK) {
        return code;
    }

    json_decref(notes);

    code = ctl_now(ctl, &review->now);

    for (i = 0; i < 2 && code == CTL_OK; i++) {
        code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "ZCARD %s%s",
                           ctl->prefix, i ? "users" : "tokens");
        if (code == CTL_OK) {
            review->total += reply->integer;
            freeReplyObject(reply);
        }
    }

    if (code == CTL_OK) {
        code = ctl_step(ctl, 0, review->total);
    }

    return code;
}


/*
 * From the newest to the oldest, by rank: what is made meanwhile comes before
 * the first page, and what is deleted moves only what was seen into the next,
 * where it is skipped.
 */

static int
ctl_review_walk(ctl_t *ctl, ctl_review_t *review, const char *index,
    ctl_page_pt handler)
{
    int           code;
    char          last[512];
    size_t        n;
    int64_t       score;
    long long     from, to;
    ctl_item_t    item[CTL_PAGE];
    redisReply   *reply;

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "ZCARD %s%s", ctl->prefix,
                       index);
    if (code != CTL_OK) {
        return code;
    }

    to = reply->integer - 1;
    freeReplyObject(reply);

    score = INT64_MAX;
    last[0] = '\0';

    for ( /* void */ ; to >= 0 && code == CTL_OK; to = from - 1) {
        from = to < CTL_PAGE ? 0 : to - CTL_PAGE + 1;

        code = ctl_command(ctl, CTL_IS_PAIRS, &reply, "ZRANGE %s%s %lld %lld "
                           "WITHSCORES", ctl->prefix, index, from, to);
        if (code != CTL_OK) {
            break;
        }

        n = ctl_review_page(reply, item, &score, last);
        code = handler(ctl, review, item, n);

        review->done += to - from + 1;
        freeReplyObject(reply);

        if (code == CTL_OK
            && ctl_step(ctl, review->done, review->total) != CTL_OK)
        {
            code = ctl_fail(ctl, CTL_STOPPED, "stopped: the review is not "
                            "whole");
        }
    }

    return code;
}


static size_t
ctl_review_page(redisReply *reply, ctl_item_t *item, int64_t *score,
    char last[512])
{
    size_t       i, n;
    int64_t      at;
    const char  *id;

    for (i = reply->elements / 2, n = 0; i > 0 && n < CTL_PAGE; i--) {
        id = reply->element[2 * i - 2]->str;
        at = (int64_t) strtod(reply->element[2 * i - 1]->str, NULL);

        if (at > *score || (at == *score && strcmp(id, last) >= 0)) {
            continue;
        }

        item[n].id = id;
        item[n++].score = at;

        *score = at;
        snprintf(last, 512, "%s", id);
    }

    return n;
}


int
ctl_found(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    const ctl_finding_t *finding)
{
    int          code;
    ctl_found_t  found;

    if (!ctl_review_wants(review, rule)) {
        return CTL_OK;
    }

    found.rule = ctl_rules[rule].id;
    found.review = ctl_rules[rule].review;
    found.severity = ctl_severities[finding->severity];
    found.token = finding->token;
    found.user = finding->user;
    found.seen = finding->seen;
    found.fix = finding->fix;

    code = review->each(ctl, &found, review->data);
    if (code != CTL_OK) {
        return code;
    }

    review->found++;
    review->count[rule]++;
    review->failed += (review->fail & (1u << rule)) != 0;

    return CTL_OK;
}
