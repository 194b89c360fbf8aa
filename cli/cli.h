/*
 * What the files of the command share.
 *
 * A verb answers with the exit code.  Who finds an error prints one line on
 * standard error, by ctl_fail(ctl, ), and the code goes up untouched.
 */


#ifndef CLI_H
#define CLI_H


#include <openssl/crypto.h>

#include "ctl.h"
#include "stok_bearer.h"
#include "stok_decide.h"
#include "stok_digest.h"
#include "stok_record.h"
#include "stok_seal.h"
#include "stok_token.h"

#include "scripts.h"


#define CTL_TRIES        5

#define CTL_DAY          86400
#define CTL_WATCH        (7 * CTL_DAY)           /* before a delete */
#define CLI_OPTIONS      16
#define CTL_FIELDS       64
#define CTL_QUOTED       (4 * STOK_USER_ID_MAX + 3)


/* what follows the verb */
typedef struct {
    int            n;
    char         **arg;                          /* without options */
    int            options;
    const char    *option[CLI_OPTIONS];
    const char    *value[CLI_OPTIONS];           /* "" for a flag */
} cli_args_t;


/* a record as HGETALL answered it; values end with a zero, too */
typedef struct {
    redisReply    *reply;
    size_t         n;                            /* of strings: twice fields */
    stok_str_t     field[CTL_FIELDS];
    char           key[STOK_KEY_MAX + 1];        /* without the prefix */
    uint8_t        digest[STOK_DIGEST_LEN];      /* a token's */
} ctl_record_t;


/* main.c */
const char *cli_option(cli_args_t *args, const char *name);

/* redis.c */
int ctl_connect(ctl_t *ctl);

/*
 * One command, as hiredis formats it.  CTL_OK: *reply is not an error and the
 * caller frees it.
 */
int ctl_command(ctl_t *ctl, redisReply **reply, const char *format, ...);

/* the reply to one that was appended with redisAppendCommand() */
int ctl_reply(ctl_t *ctl, redisReply **reply);

/*
 * A script with its arguments behind prefix and actor.  CTL_OK: *word is what
 * stands behind the answer's word, or empty; the caller frees it.
 * CTL_CHANGED: nothing was changed, read again.  Else it was said.
 */
int ctl_script(ctl_t *ctl, const char *script, int argc, const char **argv,
    char **word);

/* the same with the whole answer, which the caller frees, if it is OK */
int ctl_script_reply(ctl_t *ctl, const char *script, int argc,
    const char **argv, redisReply **reply);

/* the server's clock, so that all who write have the same; seconds */
int ctl_now(ctl_t *ctl, int64_t *now);

/* one field of the dataset's marker: "" if missing; the caller frees it */
int ctl_meta(ctl_t *ctl, const char *field, char **value);

/* record.c */
int ctl_read_user(ctl_t *ctl, const char *id, ctl_record_t *rec);
int ctl_read_token(ctl_t *ctl, const char *id, ctl_record_t *rec);
void ctl_free(ctl_record_t *rec);

/* the value, or "" */
const char *ctl_get(const ctl_record_t *rec, const char *name);

/*
 * What the library makes of a record, for who seals it again.  Refused: it
 * cannot be read, its seal is wrong, or it has one and there is no key file.
 */
int ctl_decode_user(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_user_record_t *user);
int ctl_decode_token(ctl_t *ctl, const char *id, const ctl_record_t *rec,
    stok_token_record_t *token);

/* it is sealed, and there is no key file */
int ctl_needs_key(ctl_t *ctl, const ctl_record_t *rec);

/*
 * Writes new (names and values) to a record that is still what was read, with
 * its audit entry.  CTL_CHANGED: it is not.
 */
int ctl_change(ctl_t *ctl, const ctl_record_t *rec, const char *token,
    const char *user, const char *action, const char *before,
    const char *after, int n, const char **fields);

/*
 * walk.c: every record of the dataset, or the tokens of one user, in no
 * order; some may come twice.  The record is each's until it returns, and
 * each may ask Redis.  Another answer of each than CTL_OK ends the walk.
 */
typedef int (*ctl_each_pt)(ctl_t *ctl, const char *id, ctl_record_t *rec,
    void *data);
int ctl_walk_users(ctl_t *ctl, ctl_each_pt each, void *data);
int ctl_walk_tokens(ctl_t *ctl, const char *user, ctl_each_pt each,
    void *data);

/* an answer of SCAN and its kin: its cursor, "0" at the end */
#define CTL_CURSOR  24
int ctl_cursor(ctl_t *ctl, const redisReply *reply, char cursor[CTL_CURSOR]);

/* text.c: names, durations, dates, digests */
int ctl_user_id(ctl_t *ctl, const char *name, char id[STOK_USER_ID_MAX + 1]);
const char *ctl_name_lint(const char *name);
int ctl_days(ctl_t *ctl, const char *text, int64_t *seconds);
int ctl_since(ctl_t *ctl, const char *text, int64_t now, int64_t *since);
int ctl_duration(const char *text, int64_t *seconds);
void ctl_iso(int64_t date, char out[24]);
int64_t ctl_number(const char *text);

/* CTL_INVALID: not a digest in hex */
int ctl_unhex(const char *hex, size_t len, uint8_t digest[STOK_DIGEST_LEN]);

/* output.c */
json_t *ctl_json(const ctl_record_t *rec, const char *id);
int cli_print_json(ctl_t *ctl, json_t *json);

/* of a verb that changes: printed at the end, with what --wait adds */
void cli_answer(ctl_t *ctl, json_t *json);

void cli_print_fields(json_t *json);
int cli_flush(ctl_t *ctl);
void cli_cell(const char *text, int width);
void cli_safe(const char *text);
void ctl_quote(const char *text, char out[CTL_QUOTED]);
int ctl_word(const char *list, const char *word);

/*
 * wait.c: "500ms", "5s", "1m"; and comes back when every node has heard of
 * what was changed, or the time is over.  CTL_FOUND: a node did not answer.
 */
int ctl_wait_parse(ctl_t *ctl, const char *text, int *ms);
int ctl_wait(ctl_t *ctl);

/* token.c: 1 and the seal of what token now says, or 0: there are no keys */
int ctl_token_seal(ctl_t *ctl, ctl_record_t *rec, stok_token_record_t *token,
    char seal[STOK_SEAL_MAX + 1]);

/* revoke.c: revokes every active token of a user in one step; their number */
int ctl_user_stop(ctl_t *ctl, const char *user, int64_t *n);
/* token.c: revokes, or restores; tries again while the record changes */
int ctl_token_set(ctl_t *ctl, const char *id, int revoke);

/* list.c */
int ctl_token_more(ctl_t *ctl, json_t *json, int64_t now);

/* ids of a user's tokens, sorted; the caller frees them */
int ctl_user_tokens(ctl_t *ctl, const char *user, redisReply **ids);

void ctl_token_state(json_t *json, int64_t now, const char *last_used);

/*
 * usage.c: adds to json all that is known of a token's use; what is not known
 * is null, 0 or an empty array.  ctl_usage_user: the number of a user's
 * tokens, and the use of them all.
 */
int ctl_usage_read(ctl_t *ctl, const char *id, json_t *json);
void ctl_usage_set(json_t *json, redisReply *reply);
int ctl_usage_user(ctl_t *ctl, const char *user, json_t *json);

/* verbs */
int ctl_init(ctl_t *ctl, cli_args_t *args);
int ctl_key_new(ctl_t *ctl, cli_args_t *args);
int ctl_keys_read(ctl_t *ctl);
int ctl_check(ctl_t *ctl, cli_args_t *args);
int ctl_seal(ctl_t *ctl, cli_args_t *args);
int cli_scan(ctl_t *ctl, cli_args_t *args);
int ctl_fsck(ctl_t *ctl, cli_args_t *args);
int ctl_export(ctl_t *ctl, cli_args_t *args);
int ctl_import(ctl_t *ctl, cli_args_t *args);

int ctl_user_create(ctl_t *ctl, cli_args_t *args);
int ctl_user_list(ctl_t *ctl, cli_args_t *args);
int ctl_user_show(ctl_t *ctl, cli_args_t *args);
int ctl_user_approve(ctl_t *ctl, cli_args_t *args);
int ctl_user_set_role(ctl_t *ctl, cli_args_t *args);
int ctl_user_disable(ctl_t *ctl, cli_args_t *args);
int ctl_user_enable(ctl_t *ctl, cli_args_t *args);
int ctl_user_delete(ctl_t *ctl, cli_args_t *args);
int ctl_user_describe(ctl_t *ctl, cli_args_t *args);
int ctl_user_revoke_all(ctl_t *ctl, cli_args_t *args);

int ctl_token_create(ctl_t *ctl, cli_args_t *args);
int ctl_token_list(ctl_t *ctl, cli_args_t *args);
int ctl_token_show(ctl_t *ctl, cli_args_t *args);
int ctl_token_rotate(ctl_t *ctl, cli_args_t *args);
int ctl_token_rotation(ctl_t *ctl, cli_args_t *args);
int ctl_token_revoke(ctl_t *ctl, cli_args_t *args);
int ctl_token_restore(ctl_t *ctl, cli_args_t *args);
int ctl_token_delete(ctl_t *ctl, cli_args_t *args);

int ctl_audit(ctl_t *ctl, cli_args_t *args);
int ctl_audit_verify(ctl_t *ctl, cli_args_t *args);

int ctl_review_all(ctl_t *ctl, cli_args_t *args);
int ctl_review_monthly(ctl_t *ctl, cli_args_t *args);
int ctl_review_quarterly(ctl_t *ctl, cli_args_t *args);

int ctl_incident_token(ctl_t *ctl, cli_args_t *args);
int ctl_incident_user(ctl_t *ctl, cli_args_t *args);


#endif /* CLI_H */
