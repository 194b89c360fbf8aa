/*
 * A review: what its files share.  review.c walks and prints, review_token.c
 * and review_user.c judge, lint.c judges names and addresses.
 *
 * Nothing is kept but a page of records: findings are printed as they are
 * found, so that a million tokens need no more memory than a thousand.
 */


#ifndef CLI_REVIEW_H
#define CLI_REVIEW_H


#include "cli.h"


#define CLI_MONTHLY    1
#define CLI_QUARTERLY  2

#define CLI_UNUSED     (90 * CLI_DAY)
#define CLI_EXPIRING   (30 * CLI_DAY)
#define CLI_MONTH      (31 * CLI_DAY)            /* what "of late" means */
#define CLI_NEEDED     (30 * CLI_DAY)            /* of use, to judge a role */
#define CLI_ADDRS      8                         /* as many as are kept */


typedef enum {
    CLI_RULE_UNUSED = 0,
    CLI_RULE_ROLE,
    CLI_RULE_UNEXPECTED_USE,
    CLI_RULE_FAILED_ATTEMPTS,
    CLI_RULE_PURPOSE,
    CLI_RULE_OWNER,
    CLI_RULE_USER_NAME,
    CLI_RULE_TOKEN_NAME,
    CLI_RULE_EXPIRING,
    CLI_RULE_LEAST_PRIVILEGE,
    CLI_RULE_ORPHANED,
    CLI_RULE_PERSONAL_PRODUCTION,
    CLI_RULE_NEVER_EXPIRES,
    CLI_RULE_MANY_ENVIRONMENTS,
    CLI_RULE_UNREADABLE,
    CLI_RULE_TAMPERED,
    CLI_RULES
} cli_rule_e;


typedef enum {
    CLI_LOW = 0,
    CLI_MEDIUM,
    CLI_HIGH
} cli_severity_e;


typedef struct {
    unsigned   period;
    unsigned   fail;                             /* bits of rules */
    int64_t    now;
    int64_t    count[CLI_RULES];
    int64_t    found;
    int64_t    failed;
    int64_t    tokens;
    int64_t    users;

    int64_t    done;                             /* for the progress bar */
    int64_t    total;
    int        shown;                            /* percent; -1: no bar */
} cli_review_t;


/* a member of an index, with its score */
typedef struct {
    const char  *id;
    int64_t      score;
} cli_item_t;


/* a finding, but for the rule: exactly one of token and user is its subject */
typedef struct {
    cli_severity_e   severity;
    const char      *token;                      /* NULL: a finding of user */
    const char      *user;
    char             seen[128];
    char             mend[CLI_QUOTED * 2 + 64];
} cli_finding_t;


int cli_review_wants(const cli_review_t *review, cli_rule_e rule);
int cli_found(ctl_t *ctl, cli_review_t *review, cli_rule_e rule,
    const cli_finding_t *finding);

/* judge a page; n is at most CLI_PAGE */
#define CLI_PAGE  250

int cli_review_tokens(ctl_t *ctl, cli_review_t *review,
    const cli_item_t *item, size_t n);
int cli_review_users(ctl_t *ctl, cli_review_t *review,
    const cli_item_t *item, size_t n);

/* the fields of a HGETALL reply, as a record */
void cli_record_of(cli_record_t *rec, redisReply *reply);

/*
 * lint.c.  cli_token_lint: why a token's name does not say what uses it, or
 * NULL.  cli_env_of: the environment that a text names as a word, or NULL.
 * cli_networks: how many networks (IPv4 /16, IPv6 /48) a list of addresses is
 * of.  cli_blank_count: words in a list with blanks between.
 */
const char *cli_token_lint(const char *name, const char *env);
const char *cli_env_of(const char *text, const char **rest);
size_t cli_networks(const char *addrs);
size_t cli_blank_count(const char *list);


#endif /* CLI_REVIEW_H */
