/*
 * Shared by the files of this folder, besides ctl.h: Redis, records, walks.
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
#define CTL_CURSOR       24                      /* of SCAN and its kin */


/* what a record is */
typedef enum {
    CTL_REC_NONE = 0,                            /* no record */
    CTL_REC_GOOD,
    CTL_REC_ODD,                                 /* unreadable: why */
    CTL_REC_OTHER,                               /* of another id */
    CTL_REC_UNSEALED,                            /* like the dataset, yet */
    CTL_REC_TAMPERED,                            /* its seal is wrong */
    CTL_REC_KEYLESS                              /* sealed; no key file */
} ctl_record_e;


/* a record; values end with a zero, too, and may hold others */
typedef struct {
    redisReply           *reply;
    int                   is_user;
    int                   named;                 /* by a name, in a page */
    ctl_record_e          state;
    const char           *why;                   /* it is odd */

    size_t                n;                     /* of strings */
    stok_str_t            field[CTL_FIELDS];
    char                  key[STOK_KEY_MAX + 1]; /* without the prefix */
    uint8_t               digest[STOK_DIGEST_LEN];

    stok_user_record_t    user;                  /* unless none or odd */
    stok_token_record_t   token;
} ctl_record_t;


/* what a reply has to be; reply.c */
typedef enum {
    CTL_IS_ANY = 0,                              /* an error, too */
    CTL_IS_DONE,                                 /* no error */
    CTL_IS_TEXT,                                 /* or nil */
    CTL_IS_INTEGER,
    CTL_IS_TEXTS,                                /* an array of texts */
    CTL_IS_PAIRS,                                /* of names and values */
    CTL_IS_VALUES,                               /* of texts and nils */
    CTL_IS_PAGE,                                 /* of SCAN and its kin */
    CTL_IS_ENTRIES,                              /* of a stream */
    CTL_IS_STREAMS,                              /* of streams, or nil */
    CTL_IS_ANSWER                                /* of a script */
} ctl_want_e;

int ctl_fits(const redisReply *reply, ctl_want_e want);
int ctl_is_text(const redisReply *reply);

/* dataset.c: what the marker says; schema "": there is no dataset */
typedef struct {
    char  schema[16];
    char  id[STOK_DATASET_LEN + 1];              /* "": none, or odd */
    char  brand[STOK_BRAND_MAX + 1];
    int   sealed;
    int   importing;                             /* an import did not end */
} ctl_dataset_t;

int ctl_dataset_read(ctl_t *ctl, ctl_dataset_t *dataset);

#define CTL_UNFINISHED  "an import is unfinished, and nginx answers 503 " \
                        "until it is whole: import the same file again"

/* CTL_STATE: there is a key file, and it is for another one */
int ctl_dataset_mine(ctl_t *ctl, const ctl_dataset_t *dataset);

/*
 * dataset.c: a note that no seal was checked, for want of a key file; and one
 * that the dataset is not sealed yet, if a record was read that has no seal.
 */
void ctl_unchecked(ctl_t *ctl);
void ctl_unsealed(ctl_t *ctl);

/*
 * keyfile.c: a copy of the key file that names a dataset, beside it; and in
 * its place.  After the first, call one of the other two.
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
 * redis.c: one command, as hiredis formats it.  CTL_OK: *reply is what it has
 * to be, and the caller frees it.  Else it is NULL.
 */
int ctl_command(ctl_t *ctl, ctl_want_e want, redisReply **reply,
    const char *format, ...);

/* commands in a pipeline, and the reply to each: for every one of them */
void ctl_append(ctl_t *ctl, const char *format, ...);
void ctl_append_argv(ctl_t *ctl, int argc, const char **argv,
    const size_t *len);
int ctl_reply(ctl_t *ctl, ctl_want_e want, redisReply **reply);

/* writes what was appended, without waiting for a reply */
int ctl_send(ctl_t *ctl);

/* n replies to them, whatever they are.  CTL_OK: the caller frees them */
int ctl_tries(ctl_t *ctl, size_t n, redisReply ***replies);
void ctl_tries_free(redisReply **replies, size_t n);

/*
 * script.c: a script with its arguments behind prefix and actor.  CTL_OK: *word
 * is what stands behind the answer's word, or empty; the caller frees it.
 * CTL_CHANGED: nothing was changed, read again.  In a dry run a script is sent
 * only if its mode says that it does not write; any other is CTL_OK.
 */
int ctl_script(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, char **word);

/* the same with the whole answer, which the caller frees, if it is OK */
int ctl_script_reply(ctl_t *ctl, const char *script, size_t argc,
    const stok_str_t *argv, redisReply **reply);

/* the same with some texts */
#define CTL_TEXTS_MAX  16
int ctl_script_texts(ctl_t *ctl, const char *script, size_t argc,
    const char **argv, char **word);

/* who acts, by all names, and by which way: lines, ARGV[2] of a script */
#define CTL_WHO  (8 * (STOK_NAME_BYTES + 2))
void ctl_who(ctl_t *ctl, char who[CTL_WHO]);

/* meta.c */

/* a prefix as SCAN's MATCH takes it */
void ctl_pattern(const char *prefix, char out[2 * STOK_PREFIX_MAX + 1]);

/* the server's clock, so that all who write have the same; seconds */
int ctl_now(ctl_t *ctl, int64_t *now);

/* the error that there is no dataset */
int ctl_unready(ctl_t *ctl);

/* one field of the dataset's marker: "" if missing; the caller frees it */
int ctl_meta(ctl_t *ctl, const char *field, char **value);

/*
 * effect.c: adds the token to those that were used in the last day, if it was;
 * and when it was used, for a sentence: ", used today"
 */
#define CTL_USED  48
int ctl_effect_token(ctl_t *ctl, const char *id, int64_t now,
    ctl_effect_t *effect);
int ctl_effect_used(ctl_t *ctl, const char *id, char used[CTL_USED]);

/*
 * step.c: a step of long work.  CTL_STOPPED: it is to end here, and says what
 * that means.  total: records, to tell how far it is.
 */
int ctl_step(ctl_t *ctl, int64_t done, int64_t total);
int ctl_total(ctl_t *ctl, int64_t *users, int64_t *tokens);

/* user.c: the record after a change, if it is asked for */
int ctl_user_again(ctl_t *ctl, const char *id, json_t **user);

/* approval.c: asks for a higher role; CTL_FOUND: it needs no asking */
int ctl_approval_raise(ctl_t *ctl, const char *id, const char *role);

/*
 * info.c: lines {what, text}: conditions under which revocations are lost, or
 * records are taken away; all: also what is wrong only in how it was set up.
 * note: a note for each, and the texts in *notes, or NULL.  add: these, if
 * there are some, become a member of json.
 */
json_t *ctl_info_warnings(json_t *info, int all);
int ctl_info_note(ctl_t *ctl, int all, json_t **notes);
int ctl_info_add(ctl_t *ctl, json_t *json, json_t *notes);

/* record.c */

/* names a record, before its reply is taken.  CTL_NOTFOUND: not a digest */
void ctl_record_user(ctl_record_t *rec, const char *id);
int ctl_record_token(ctl_record_t *rec, const redisReply *hex);

/* the reply is the record's from now on.  id NULL: a token of any id */
void ctl_record_take(ctl_t *ctl, ctl_record_t *rec, redisReply *reply,
    const char *id);

/* its seal is missing or wrong: the edge refuses it */
int ctl_record_forged(const ctl_record_t *rec);

/* the error that its state is, for a caller that asked for id */
int ctl_record_fail(ctl_t *ctl, const ctl_record_t *rec, const char *id);

/*
 * n records, by ids that end with a zero; the caller frees each, whatever the
 * answer.
 */
int ctl_records(ctl_t *ctl, int users, size_t n, const stok_str_t *id,
    ctl_record_t *rec);

int ctl_read_user(ctl_t *ctl, const char *id, ctl_record_t *rec);
int ctl_read_token(ctl_t *ctl, const char *id, ctl_record_t *rec);
void ctl_free(ctl_record_t *rec);

/*
 * The token to which the index leads; nothing is said.  CTL_NOTFOUND: there is
 * none, or it is another one.  CTL_INVALID: no token can have this id.
 */
int ctl_lookup_token(ctl_t *ctl, const char *id, ctl_record_t *rec);

/* the record of a digest; nothing is said.  CTL_NOTFOUND: it is not there */
int ctl_read_digest(ctl_t *ctl, const redisReply *hex, ctl_record_t *rec);

/* the value, or ""; get: as text, which ends at its first zero */
stok_str_t ctl_field(const ctl_record_t *rec, const char *name);
const char *ctl_get(const ctl_record_t *rec, const char *name);

/* a record without its seal; id: of a user, whose record does not have it */
json_t *ctl_json(const ctl_record_t *rec, const char *id);
json_t *ctl_json_value(const char *name, stok_str_t value);

/*
 * The record as the library reads it, for callers that seal it again.
 * Refused: it cannot be read, its seal is wrong, or it has one and there is no
 * key file.
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
 * env.c.  ctl_env_lifetime: CTL_INVALID if there is no such environment.
 * ctl_env_longer: whether a lifetime (0: for ever) is longer than usual; warn:
 * if so, a warning.
 */
int ctl_env_lifetime(const char *env, int64_t *seconds);
int ctl_env_longer(const char *env, int64_t lifetime, int64_t *usual);
void ctl_env_warn(ctl_t *ctl, const char *env, int64_t lifetime);

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

/* text.c */
int ctl_str_is(stok_str_t text, const char *value);
int ctl_str_same(stok_str_t one, stok_str_t other);

/* of ASCII; whatever the locale */
char ctl_lower(char ch);

/* CTL_INVALID: not a digest in hex */
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

/* the same, of which somebody is going to say that it is right */
int ctl_only_token(ctl_t *ctl, const char *id, ctl_record_t *rec);

/* stop.c: ctl_user_revoke_all() without its note */
int ctl_user_stop(ctl_t *ctl, const char *user, ctl_effect_t *done);

/* disables a user that is active, whatever is wrong with its record */
int ctl_user_halt(ctl_t *ctl, const char *id, int *halted);

/*
 * state.c: a token as every verb shows it: its record, its state and its last
 * use; and the word of its state, for who has its user's record, too
 */
int ctl_token_json(ctl_t *ctl, const ctl_record_t *rec, json_t **token);
const char *ctl_token_word(ctl_t *ctl, const ctl_record_t *token,
    const ctl_record_t *user, int64_t now);
void ctl_token_state(json_t *json, const char *state, const char *last_used);
const char *ctl_user_word(const ctl_record_t *rec);

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
