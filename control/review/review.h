/*
 * A review: what its files share.  review.c walks and counts, review_token.c,
 * review_end.c and review_user.c judge, lint.c judges names and addresses.
 *
 * Nothing is kept but a page of records: findings are handed over as they are
 * found, so that a million tokens need no more memory than a thousand.
 */


#ifndef CTL_REVIEW_H
#define CTL_REVIEW_H


#include "internal.h"


#define CTL_UNUSED     (90 * CTL_DAY)
#define CTL_MONTH      (31 * CTL_DAY)            /* what "of late" means */
#define CTL_NEEDED     (30 * CTL_DAY)            /* of use, to judge a role */
#define CTL_ADDRS      8                         /* as many as are kept */


typedef enum {
    CTL_RULE_UNUSED = 0,
    CTL_RULE_ROLE,
    CTL_RULE_UNEXPECTED_USE,
    CTL_RULE_FAILED_ATTEMPTS,
    CTL_RULE_PURPOSE,
    CTL_RULE_OWNER,
    CTL_RULE_USER_NAME,
    CTL_RULE_TOKEN_NAME,
    CTL_RULE_EXPIRING,
    CTL_RULE_LIFETIME,
    CTL_RULE_ROTATION_STUCK,
    CTL_RULE_LEAST_PRIVILEGE,
    CTL_RULE_ORPHANED,
    CTL_RULE_PERSONAL_PRODUCTION,
    CTL_RULE_NEVER_EXPIRES,
    CTL_RULE_MANY_ENVIRONMENTS,
    CTL_RULE_UNREADABLE,
    CTL_RULE_TAMPERED,
    CTL_RULE_UNSEALED,                           /* of the first record only */
    CTL_RULE_PENDING,
    CTL_RULES
} ctl_rule_e;


typedef enum {
    CTL_LOW = 0,
    CTL_MEDIUM,
    CTL_HIGH
} ctl_severity_e;


/* a member of an index, with its score */
typedef struct {
    const char  *id;
    int64_t      score;
} ctl_item_t;


/* a finding, but for the rule: exactly one of token and user is its subject */
typedef struct {
    ctl_severity_e   severity;
    const char      *token;                      /* NULL: a finding of user */
    const char      *user;
    char             seen[128];
    char             fix[CTL_QUOTED * 2 + 64];
} ctl_finding_t;


/* a token as it is judged */
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
    const ctl_record_t   *rec;
    const ctl_record_t   *usage;
} ctl_subject_t;


int ctl_review_wants(const ctl_review_t *review, ctl_rule_e rule);
int ctl_found(ctl_t *ctl, ctl_review_t *review, ctl_rule_e rule,
    const ctl_finding_t *finding);

/* judge a page; n is at most CTL_PAGE */
#define CTL_PAGE  250

int ctl_review_tokens(ctl_t *ctl, ctl_review_t *review,
    const ctl_item_t *item, size_t n);
int ctl_review_users(ctl_t *ctl, ctl_review_t *review,
    const ctl_item_t *item, size_t n);

/* review_end.c: judges of a token's end */
int ctl_judge_refused(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
int ctl_judge_expiry(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
int ctl_judge_lifetime(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);
int ctl_judge_stuck(ctl_t *ctl, ctl_review_t *review,
    const ctl_subject_t *t, ctl_finding_t *f);

/* and what is advised: a verb with an id, a new token, a service user */
void ctl_fix_id(ctl_finding_t *f, const char *verb, const char *id,
    const char *rest);
void ctl_fix_new(ctl_finding_t *f, const ctl_subject_t *t, const char *env);
void ctl_fix_service(ctl_finding_t *f, const ctl_subject_t *t);

/*
 * lint.c.  ctl_token_lint: why a token's name does not say what uses it, or
 * NULL.  ctl_env_of: the environment that a text names as a word, or NULL.
 * ctl_networks: how many networks (IPv4 /16, IPv6 /48) a list of addresses is
 * of.  ctl_blank_count: words in a list with blanks between.
 */
const char *ctl_token_lint(const char *name, const char *env);
const char *ctl_env_of(const char *text, const char **rest);
size_t ctl_networks(const char *addrs);
size_t ctl_blank_count(const char *list);


#endif /* CTL_REVIEW_H */
