/*
 * What the files of this folder share besides ctl.h: Redis, records, walks.
 */


#ifndef CTL_INTERNAL_H
#define CTL_INTERNAL_H


#include <openssl/crypto.h>

#include "ctl.h"
#include "scripts.h"
#include "stok_digest.h"
#include "stok_token.h"


#define CTL_TRIES        5                       /* of a record that changes */
#define CTL_FIELDS       64


/* a record as HGETALL answered it; values end with a zero, too */
typedef struct {
    redisReply    *reply;
    size_t         n;                            /* of strings: twice fields */
    stok_str_t     field[CTL_FIELDS];
    char           key[STOK_KEY_MAX + 1];        /* without the prefix */
    uint8_t        digest[STOK_DIGEST_LEN];      /* a token's */
} ctl_record_t;


/* dataset.c: what the marker says; schema "": there is no dataset */
typedef struct {
    char  schema[16];
    char  id[STOK_DATASET_LEN + 1];              /* "": none, or odd */
    char  brand[STOK_BRAND_MAX + 1];
    int   sealed;
} ctl_dataset_t;

int ctl_dataset_read(ctl_t *ctl, ctl_dataset_t *dataset);

/* CTL_STATE: there is a key file, and it is for another one */
int ctl_dataset_mine(ctl_t *ctl, const ctl_dataset_t *dataset);

/* CTL_KEYLESS: it is sealed, and there is no key file */
int ctl_writable(ctl_t *ctl);

/*
 * keyfile.c: a copy of the key file that names a dataset, beside it; and in its
 * place.  Whoever has begun ends with one of the other two.
 */
typedef struct {
    char  *path;
    char   temp[4096 + 8];
} ctl_keyfile_t;

int ctl_keyfile_begin(ctl_t *ctl, ctl_keyfile_t *file, const char *id);
int ctl_keyfile_commit(ctl_t *ctl, ctl_keyfile_t *file, const char *id);
void ctl_keyfile_cancel(ctl_keyfile_t *file);

/*
 * init.c: a dataset where none is; CTL_CHANGED: there is one by now.  import:
 * "import", at the end of one that began without a dataset, or "".
 */
int ctl_init_make(ctl_t *ctl, const char *brand, const char *approval,
    const char *import);

/*
 * redis.c
 *
 * One command, as hiredis formats it.  CTL_OK: *reply is not an error and the
 * caller frees it.
 */
int ctl_command(ctl_t *ctl, redisReply **reply, const char *format, ...);

/* the reply to one that was appended with redisAppendCommand() */
int ctl_reply(ctl_t *ctl, redisReply **reply);

/*
 * A script with its arguments behind prefix and actor.  CTL_OK: *word is what
 * stands behind the answer's word, or empty; the caller frees it.
 * CTL_CHANGED: nothing was changed, read again.
 */
int ctl_script(ctl_t *ctl, const char *script, int argc, const char **argv,
    char **word);

/* the same with the whole answer, which the caller frees, if it is OK */
int ctl_script_reply(ctl_t *ctl, const char *script, int argc,
    const char **argv, redisReply **reply);

/* ask.c: one command; an error that Redis answers is the reply */
int ctl_try(ctl_t *ctl, redisReply **reply, const char *format, ...);

/*
 * n replies to commands that were appended, errors among them.  CTL_OK: the
 * caller frees them.
 */
int ctl_tries(ctl_t *ctl, size_t n, redisReply ***replies);
void ctl_tries_free(redisReply **replies, size_t n);

/* a prefix as SCAN's MATCH takes it */
void ctl_pattern(const char *prefix, char out[2 * STOK_PREFIX_MAX + 1]);

/* the server's clock, so that all who write have the same; seconds */
int ctl_now(ctl_t *ctl, int64_t *now);

/* one field of the dataset's marker: "" if missing; the caller frees it */
int ctl_meta(ctl_t *ctl, const char *field, char **value);

/* user.c: the record after a change, if it is asked for */
int ctl_user_again(ctl_t *ctl, const char *id, json_t **user);

/* approval.c: asks for a higher role; CTL_FOUND: it needs no asking */
int ctl_approval_raise(ctl_t *ctl, const char *id, const char *role);

/* record.c */
int ctl_read_user(ctl_t *ctl, const char *id, ctl_record_t *rec);
int ctl_read_token(ctl_t *ctl, const char *id, ctl_record_t *rec);
void ctl_free(ctl_record_t *rec);

/*
 * The token to which the index leads; nothing is said.  CTL_NOTFOUND: there is
 * none, or it is another one.  CTL_INVALID: no token can have this id.
 */
int ctl_lookup_token(ctl_t *ctl, const char *id, ctl_record_t *rec);

/* the record of a digest; nothing is said.  CTL_NOTFOUND: it is not there */
int ctl_read_digest(ctl_t *ctl, const char *hex, ctl_record_t *rec);

/* the value, or "" */
const char *ctl_get(const ctl_record_t *rec, const char *name);

/* a record without its seal; id: of a user, whose record does not have it */
json_t *ctl_json(const ctl_record_t *rec, const char *id);

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
 * its audit entry.  times: names of fields that become the time, with blanks
 * between.  CTL_CHANGED: it is not.
 */
int ctl_change(ctl_t *ctl, const ctl_record_t *rec, const char *token,
    const char *user, const char *action, const char *before,
    const char *after, const char *times, int n, const char **fields);

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

/* text.c.  CTL_INVALID: not a digest in hex */
int ctl_unhex(const char *hex, size_t len, uint8_t digest[STOK_DIGEST_LEN]);

/* token.c: 1 and the seal of what token now says, or 0: there are no keys */
int ctl_token_seal(ctl_t *ctl, ctl_record_t *rec, stok_token_record_t *token,
    char seal[STOK_SEAL_MAX + 1]);

/* token.c: revokes, or restores; tries again while the record changes */
int ctl_token_set(ctl_t *ctl, const char *id, int revoke);

/*
 * meet.c: the token that is going to be stopped.  Where the index, or the seal
 * of the record that it leads to, is wrong, all records are asked for their
 * ids.
 */
int ctl_stop_token(ctl_t *ctl, const char *id, ctl_record_t *rec);

/* disables a user that is active, whatever is wrong with its record */
int ctl_user_halt(ctl_t *ctl, const char *id, int *halted);

/* list.c: what a token's JSON has besides the record */
int ctl_token_more(ctl_t *ctl, json_t *json, int64_t now);
void ctl_token_state(json_t *json, int64_t now, const char *last_used);

/* ids of a user's tokens, sorted; the caller frees them */
int ctl_user_tokens(ctl_t *ctl, const char *user, redisReply **ids);

/*
 * usage.c: adds to json all that is known of a token's use; what is not known
 * is null, 0 or an empty array.  ctl_usage_user: the number of a user's
 * tokens, and the use of them all.
 */
int ctl_usage_read(ctl_t *ctl, const char *id, json_t *json);
void ctl_usage_set(json_t *json, redisReply *reply);
int ctl_usage_user(ctl_t *ctl, const char *user, json_t *json);


#endif /* CTL_INTERNAL_H */
