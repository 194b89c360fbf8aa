/*
 * What the files of the command share.
 *
 * A verb answers with the exit code.  Who finds an error prints one line on
 * standard error, by cli_fail(), and the code goes up untouched.
 */


#ifndef CLI_H
#define CLI_H


#include <hiredis/hiredis.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "stok_bearer.h"
#include "stok_decide.h"
#include "stok_digest.h"
#include "stok_record.h"
#include "stok_seal.h"
#include "stok_token.h"

#include "scripts.h"


#define CLI_OK           0
#define CLI_FOUND        1                       /* a check found something */
#define CLI_USAGE        2
#define CLI_REFUSED      3                       /* or not found */
#define CLI_UNAVAILABLE  4

#define CLI_CHANGED      100                     /* inside: read again */
#define CLI_TRIES        5

#define CLI_DAY          86400
#define CLI_WATCH        (7 * CLI_DAY)           /* before a delete */
#define CLI_OPTIONS      16
#define CLI_FIELDS       64
#define CLI_QUOTED       (4 * STOK_USER_ID_MAX + 3)


typedef struct {
    const char    *redis;
    const char    *key_file;
    const char    *prefix;
    const char    *role_names;
    const char    *actor;
    int            json;
    int            wait;                         /* ms; 0: do not */
    json_t        *answer;                       /* held back meanwhile */

    redisContext  *ctx;
    stok_roles_t   roles;
    stok_keys_t    keys;                         /* n 0: no key file */
} cli_t;


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
    stok_str_t     field[CLI_FIELDS];
    char           key[STOK_KEY_MAX + 1];        /* without the prefix */
    uint8_t        digest[STOK_DIGEST_LEN];      /* a token's */
} cli_record_t;


/* main.c */
int cli_fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *cli_option(cli_args_t *args, const char *name);

/* redis.c */
int cli_connect(cli_t *cli);

/*
 * One command, as hiredis formats it.  CLI_OK: *reply is not an error and the
 * caller frees it.
 */
int cli_command(cli_t *cli, redisReply **reply, const char *format, ...);

/* the reply to one that was appended with redisAppendCommand() */
int cli_reply(cli_t *cli, redisReply **reply);

/*
 * A script with its arguments behind prefix and actor.  CLI_OK: *word is what
 * stands behind the answer's word, or empty; the caller frees it.
 * CLI_CHANGED: nothing was changed, read again.  Else it was said.
 */
int cli_script(cli_t *cli, const char *script, int argc, const char **argv,
    char **word);

/* the same with the whole answer, which the caller frees, if it is OK */
int cli_script_reply(cli_t *cli, const char *script, int argc,
    const char **argv, redisReply **reply);

/* the server's clock, so that all who write have the same; seconds */
int cli_now(cli_t *cli, int64_t *now);

/* one field of the dataset's marker: "" if missing; the caller frees it */
int cli_meta(cli_t *cli, const char *field, char **value);

/* record.c */
int cli_read_user(cli_t *cli, const char *id, cli_record_t *rec);
int cli_read_token(cli_t *cli, const char *id, cli_record_t *rec);
void cli_free(cli_record_t *rec);

/* the value, or "" */
const char *cli_get(const cli_record_t *rec, const char *name);

/*
 * What the library makes of a record, for who seals it again.  Refused: it
 * cannot be read, its seal is wrong, or it has one and there is no key file.
 */
int cli_decode_user(cli_t *cli, const char *id, const cli_record_t *rec,
    stok_user_record_t *user);
int cli_decode_token(cli_t *cli, const char *id, const cli_record_t *rec,
    stok_token_record_t *token);

/* it is sealed, and there is no key file */
int cli_needs_key(cli_t *cli, const cli_record_t *rec);

/*
 * Writes new (names and values) to a record that is still what was read, with
 * its audit entry.  CLI_CHANGED: it is not.
 */
int cli_change(cli_t *cli, const cli_record_t *rec, const char *token,
    const char *user, const char *action, const char *before,
    const char *after, int n, const char **fields);

/*
 * walk.c: every record of the dataset, or the tokens of one user, in no
 * order; some may come twice.  The record is each's until it returns, and
 * each may ask Redis.  Another answer of each than CLI_OK ends the walk.
 */
typedef int (*cli_each_pt)(cli_t *cli, const char *id, cli_record_t *rec,
    void *data);
int cli_walk_users(cli_t *cli, cli_each_pt each, void *data);
int cli_walk_tokens(cli_t *cli, const char *user, cli_each_pt each,
    void *data);

/* an answer of SCAN and its kin: its cursor, "0" at the end; else it says so */
#define CLI_CURSOR  24
int cli_cursor(const redisReply *reply, char cursor[CLI_CURSOR]);

/* text.c: names, durations, dates, digests */
int cli_user_id(const char *name, char id[STOK_USER_ID_MAX + 1]);
const char *cli_name_lint(const char *name);
int cli_days(const char *text, int64_t *seconds);
int cli_since(const char *text, int64_t now, int64_t *since);
int cli_duration(const char *text, int64_t *seconds);
void cli_iso(int64_t date, char out[24]);
int64_t cli_number(const char *text);

/* CLI_REFUSED: not a digest in hex */
int cli_unhex(const char *hex, size_t len, uint8_t digest[STOK_DIGEST_LEN]);

/* output.c */
json_t *cli_json(const cli_record_t *rec, const char *id);
int cli_print_json(json_t *json);

/* of a verb that changes: printed at the end, with what --wait adds */
void cli_answer(cli_t *cli, json_t *json);

void cli_print_fields(json_t *json);
int cli_flush(void);
void cli_cell(const char *text, int width);
void cli_safe(const char *text);
void cli_quote(const char *text, char out[CLI_QUOTED]);
int cli_word(const char *list, const char *word);

/*
 * wait.c: "500ms", "5s", "1m"; and comes back when every node has heard of
 * what was changed, or the time is over.  CLI_FOUND: a node did not answer.
 */
int cli_wait_parse(const char *text, int *ms);
int cli_wait(cli_t *cli);

/* token.c: 1 and the seal of what token now says, or 0: there are no keys */
int cli_token_seal(cli_t *cli, cli_record_t *rec, stok_token_record_t *token,
    char seal[STOK_SEAL_MAX + 1]);

/* revoke.c: revokes every active token of a user in one step; their number */
int cli_user_stop(cli_t *cli, const char *user, int64_t *n);
/* token.c: revokes, or restores; tries again while the record changes */
int cli_token_set(cli_t *cli, const char *id, int revoke);

/* list.c */
int cli_token_more(cli_t *cli, json_t *json, int64_t now);

/* ids of a user's tokens, sorted; the caller frees them */
int cli_user_tokens(cli_t *cli, const char *user, redisReply **ids);

void cli_token_state(json_t *json, int64_t now, const char *last_used);

/*
 * usage.c: adds to json all that is known of a token's use; what is not known
 * is null, 0 or an empty array.  cli_usage_user: the number of a user's
 * tokens, and the use of them all.
 */
int cli_usage_read(cli_t *cli, const char *id, json_t *json);
void cli_usage_set(json_t *json, redisReply *reply);
int cli_usage_user(cli_t *cli, const char *user, json_t *json);

/* verbs */
int cli_init(cli_t *cli, cli_args_t *args);
int cli_key_new(cli_t *cli, cli_args_t *args);
int cli_keys_read(cli_t *cli);

/* the dataset that the key file names; without one, a new id */
int cli_key_dataset(cli_t *cli, char id[STOK_DATASET_LEN + 1]);
int cli_check(cli_t *cli, cli_args_t *args);
int cli_seal(cli_t *cli, cli_args_t *args);
int cli_scan(cli_t *cli, cli_args_t *args);
int cli_fsck(cli_t *cli, cli_args_t *args);
int cli_export(cli_t *cli, cli_args_t *args);
int cli_import(cli_t *cli, cli_args_t *args);

int cli_user_create(cli_t *cli, cli_args_t *args);
int cli_user_list(cli_t *cli, cli_args_t *args);
int cli_user_show(cli_t *cli, cli_args_t *args);
int cli_user_approve(cli_t *cli, cli_args_t *args);
int cli_user_set_role(cli_t *cli, cli_args_t *args);
int cli_user_disable(cli_t *cli, cli_args_t *args);
int cli_user_enable(cli_t *cli, cli_args_t *args);
int cli_user_delete(cli_t *cli, cli_args_t *args);
int cli_user_describe(cli_t *cli, cli_args_t *args);
int cli_user_revoke_all(cli_t *cli, cli_args_t *args);

int cli_token_create(cli_t *cli, cli_args_t *args);
int cli_token_list(cli_t *cli, cli_args_t *args);
int cli_token_show(cli_t *cli, cli_args_t *args);
int cli_token_rotate(cli_t *cli, cli_args_t *args);
int cli_token_rotation(cli_t *cli, cli_args_t *args);
int cli_token_revoke(cli_t *cli, cli_args_t *args);
int cli_token_restore(cli_t *cli, cli_args_t *args);
int cli_token_delete(cli_t *cli, cli_args_t *args);

int cli_audit(cli_t *cli, cli_args_t *args);
int cli_audit_verify(cli_t *cli, cli_args_t *args);

int cli_review_all(cli_t *cli, cli_args_t *args);
int cli_review_monthly(cli_t *cli, cli_args_t *args);
int cli_review_quarterly(cli_t *cli, cli_args_t *args);

int cli_incident_token(cli_t *cli, cli_args_t *args);
int cli_incident_user(cli_t *cli, cli_args_t *args);


#endif /* CLI_H */
