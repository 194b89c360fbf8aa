/*
 * The operations on a dataset, for every front end.
 *
 * An operation takes a context, and answers with a kind.  A failure is in the
 * context's error, anything else to be said is a note; nothing is printed
 * here, and nothing ends the process.  An operation that goes on after an
 * error makes a note of it, by ctl_note_error().
 */


#ifndef CTL_H
#define CTL_H


#include <hiredis/hiredis.h>
#include <jansson.h>

#include "stok_decide.h"
#include "stok_digest.h"
#include "stok_record.h"
#include "stok_role.h"
#include "stok_seal.h"
#include "stok_token.h"


typedef enum {                                   /* exit; HTTP */
    CTL_OK = 0,                                  /* 0 */
    CTL_FOUND,                                   /* 1: a check found some */
    CTL_INVALID,                                 /* 2: cannot be understood */
    CTL_REJECTED,                                /* 3; 422: no such value */
    CTL_NOTFOUND,                                /* 3; 404 */
    CTL_CONFLICT,                                /* 3; 409: is there already */
    CTL_STATE,                                   /* 3; 409: not as it is */
    CTL_FORBIDDEN,                               /* 3; 403: not by this one */
    CTL_BROKEN,                                  /* 3; 409: a bad record */
    CTL_KEYLESS,                                 /* 3; 500: no key file */
    CTL_UNREADY,                                 /* 3; 503: no dataset */
    CTL_CHANGED,                                 /* 3; 409: read again */
    CTL_FAILED,                                  /* 3; 500: memory, a file */
    CTL_UNAVAILABLE,                             /* 4; 503: Redis */
    CTL_STOPPED                                  /* by ctl->stop */
} ctl_kind_e;


typedef enum {
    CTL_NOTE_PLAIN = 0,
    CTL_NOTE_DONE,                               /* what a change did */
    CTL_NOTE_NOTE,
    CTL_NOTE_WARNING,
    CTL_NOTE_ERROR                               /* of what went on after */
} ctl_note_e;


typedef struct {
    ctl_kind_e     kind;
    char           text[1024];                   /* "": no error */
    char           hint[256];                    /* what to do; "": nothing */
    const char    *what;                         /* NULL: its kind's name */
} ctl_error_t;


typedef void (*ctl_note_pt)(void *data, ctl_note_e note, const char *text);


typedef struct {
    const char    *prefix;
    const char    *actor;
    const char    *os;                           /* who acts, by the system */
    const char    *sudo;                         /* who became it; or NULL */
    char           acl[256];                     /* and by Redis */
    const char    *via;                          /* "api", or NULL */
    const char    *via_token;                    /* the id of its token */
    const char    *via_addr;
    const char    *via_request;
    const char    *match;                        /* see ctl_revision() */
    int            db;
    char           where[264];                   /* host:port, or a path */
    int            timeout;                      /* ms; 0: 5 s */
    const char    *role_names;                   /* as they were given */
    stok_roles_t   roles;
    stok_keys_t    keys;                         /* n 0: no key file */
    const char    *key_file;

    unsigned       sealed:1;                     /* says Redis */
    unsigned       keyless:1;                    /* it is, and no key file */
    unsigned       unsealed:1;                   /* a record is, like it */
    unsigned       importing:1;                  /* an import did not end */
    unsigned       dry:1;                        /* nothing is written */

    redisContext  *ctx;                          /* NULL: no connection */
    size_t         pending;                      /* replies that are due */

    ctl_error_t    error;
    char           hint[256];                    /* of errors from now on */

    void         (*progress)(void *data, int64_t done, int64_t total);
    void          *progress_data;
    volatile int   stop;                         /* by a signal: to end soon */

    ctl_note_pt    note;                         /* NULL: notes are dropped */
    void          *note_data;
} ctl_t;


/* an item of a list, or a line of a report; another answer than CTL_OK ends */
typedef int (*ctl_item_pt)(ctl_t *ctl, json_t *item, void *data);


/*
 * error.c: sets the error; the kind comes back.  A plaintext token in the text
 * of an error or of a note becomes asterisks.
 */
int ctl_fail(ctl_t *ctl, ctl_kind_e kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* in sight of the caller, so that an analyzer knows that it is not CTL_OK */
#define ctl_fail(ctl, kind, ...)  (ctl_fail(ctl, kind, __VA_ARGS__), (kind))

/* the error that was set has a name of its own, as in a problem's type */
int ctl_named(ctl_t *ctl, const char *what);

/* what every error from now on says besides; NULL: nothing */
void ctl_hint(ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void ctl_note(ctl_t *ctl, ctl_note_e note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The note of a change: "<did> <what>", or, in a dry run, "would <verb>
 * <what>".
 */
void ctl_done(ctl_t *ctl, const char *did, const char *verb,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* the error becomes a note: the operation goes on */
void ctl_note_error(ctl_t *ctl);

/*
 * redis.c: redis://[user:password@]host[:port][/db], unix://path[?db=N],
 * rediss://...[?ca=PATH&cert=PATH&key=PATH&name=NAME]
 */
int ctl_connect(ctl_t *ctl, const char *uri);
void ctl_close(ctl_t *ctl);

/* there is a dataset */
int ctl_ready(ctl_t *ctl);

/*
 * wait.c: the time within which Redis has to be connected, and to give each
 * answer: "500ms", "5s", "1m"
 */
int ctl_timeout_parse(ctl_t *ctl, const char *text);

/* info.c: what Redis says of itself; null: it does not say */
int ctl_info(ctl_t *ctl, json_t **info);

/*
 * status.c: all that is to be known at a glance, from indexes only.  expect:
 * NUMBER:HASH of an entry of the audit that was noted elsewhere, or NULL.
 * CTL_FOUND: "attention" has lines.
 */
int ctl_status(ctl_t *ctl, const char *expect, json_t **status);

/*
 * dataset.c: after the connection: the dataset, if there is one, has our
 * schema, and is the one that the key file is for.
 */
int ctl_dataset_open(ctl_t *ctl);
/* CTL_KEYLESS: it is sealed, and there is no key file */
int ctl_writable(ctl_t *ctl);

/* key.c: a key file; and a line for one, which the caller wipes */
#define CTL_KEY_LINE  (STOK_KEY_NAME_MAX + 1 + STOK_DIGEST_HEX + 1)
int ctl_keys_read(ctl_t *ctl, const char *path);


/* the key file, if there is one, names a dataset */
int ctl_keys_need(ctl_t *ctl);
int ctl_key_new(ctl_t *ctl, const char *name, char line[CTL_KEY_LINE]);

/*
 * init.c: NULL: the default.  {schema, brand, created}, and "notes" where
 * there are some on what Redis may lose.  A key file that names
 * no dataset yet gets a line.
 */
int ctl_init(ctl_t *ctl, const char *brand, const char *approval,
    json_t **made);

/*
 * effect.c: the tokens that a change of a user is felt by, and how many of them
 * were used in the last day
 */
typedef struct {
    int64_t  active;
    int64_t  used;
} ctl_effect_t;

int ctl_user_effect(ctl_t *ctl, const char *id, ctl_effect_t *effect);
void ctl_effect_text(const ctl_effect_t *effect, char *out, size_t size);

/*
 * user.c.  user: the record after the change, or NULL: it is not read again.
 * A change that finds the user as it is to be is CTL_OK, and a note says so.
 */
typedef struct {
    const char  *name;
    const char  *purpose;                        /* NULL: none */
    const char  *owner;
    const char  *role;                           /* NULL: by use, or lowest */
    const char  *use_case;
    int          human;
    char         id[STOK_USER_ID_MAX + 1];       /* what was made */
} ctl_user_new_t;

/* a use case by number, and the role that it needs; or NULL */
const char *ctl_use_case(size_t i, const char **role);

int ctl_user_create(ctl_t *ctl, ctl_user_new_t *new, json_t **user);

/* what can be judged without Redis; the operation judges it again */
int ctl_user_create_check(ctl_t *ctl, ctl_user_new_t *new);
int ctl_user_describe_check(ctl_t *ctl, const char *purpose,
    const char *owner);

int ctl_user_approve(ctl_t *ctl, const char *id, json_t **user);
int ctl_user_disable(ctl_t *ctl, const char *id, json_t **user);
int ctl_user_enable(ctl_t *ctl, const char *id, json_t **user);
int ctl_user_delete(ctl_t *ctl, const char *id, json_t **user);
int ctl_user_set_role(ctl_t *ctl, const char *id, const char *role,
    json_t **user);
int ctl_user_describe(ctl_t *ctl, const char *id, const char *purpose,
    const char *owner, json_t **user);

/*
 * approval.c: {approval, trust}.  trust: words of os, actor and redis with
 * commas between, or NULL: as it is.
 */
int ctl_approval_get(ctl_t *ctl, json_t **now);
int ctl_approval_set(ctl_t *ctl, const char *approval, const char *trust,
    json_t **now);

/*
 * list.c: what is NULL is not asked for.  Words may be some, with commas
 * between.  In memory there is a page at a time, however many there are.
 */
typedef struct {
    const char  *user;                           /* tokens of this one */
    const char  *env;
    const char  *role;                           /* of users */
    const char  *type;                           /* of users: the kind */
    const char  *state;                          /* what nginx would say */
    const char  *expiring;                       /* before that: a time */
    const char  *unused;                         /* since that: a time */
    const char  *sort;                           /* created, expires, ... */
    const char  *limit;
} ctl_list_want_t;

/* a number from 1 on */
int ctl_count(ctl_t *ctl, const char *option, const char *text,
    int64_t *count);

int ctl_user_get(ctl_t *ctl, const char *id, json_t **user);
int ctl_user_list(ctl_t *ctl, const ctl_list_want_t *want, ctl_item_pt each,
    void *data);
int ctl_token_get(ctl_t *ctl, const char *id, json_t **token);
int ctl_token_list(ctl_t *ctl, const ctl_list_want_t *want, ctl_item_pt each,
    void *data);

/*
 * stop.c: revokes every active token of a user, whatever the indexes say;
 * done: those that were.  CTL_OK: none is active.
 */
int ctl_user_revoke_all(ctl_t *ctl, const char *user, ctl_effect_t *done);

/*
 * A new token, on its way to who asked for it.  Its plaintext leaves by
 * deliver, before it is written; it is wiped when the operation ends.
 */
#define CTL_SECRET_NAME  253                     /* of RFC 1123 */
#define CTL_SECRET_MAX   (63 + 1 + CTL_SECRET_NAME)

typedef struct {
    char                 user[STOK_USER_ID_MAX + 1];
    char                 name[STOK_NAME_BYTES + 1];
    char                 env[STOK_TEXT_MAX + 1];
    char                 scope[STOK_SCOPE_MAX + 1];
    char                 networks[STOK_NETWORKS_MAX + 1];
    char                 rate[STOK_RATE_TEXT + 1];
    int                  personal;
    int                  choose;                 /* name is where to begin */
    int64_t              lifetime;               /* seconds, 0: never */
    int64_t              ends;                   /* a date instead; 0: none */
    uint8_t              owner;                  /* stok_user_status_e */

    /* the Secret of Kubernetes that it stands in; "": none */

    int                  is_secret;              /* one is to be made */
    char                 secret_name[CTL_SECRET_NAME + 1];
    char                 namespace[64];          /* "": none is said */

    /* of a rotation: the predecessor, and what becomes of it */

    const char          *old;                    /* NULL: no rotation */
    int64_t              old_expires_at;

    /* drawn once, and kept whatever else is read again */

    char                *brand;
    char                 token[STOK_TOKEN_MAX + 1];
    char                 id[STOK_ID_LEN + 1];
    uint8_t              digest[STOK_DIGEST_LEN];
    int64_t              created_at;
    int64_t              expires_at;
} ctl_new_t;

/*
 * deliver: not CTL_OK: nobody has it.  undo: the delivered token is not valid.
 * done: it is valid.  Each may be NULL.
 */
typedef struct {
    int   (*deliver)(ctl_t *ctl, const ctl_new_t *new, void *data);
    void  (*undo)(ctl_t *ctl, const ctl_new_t *new, void *data);
    void  (*done)(ctl_t *ctl, const ctl_new_t *new, void *data);
    void   *data;
} ctl_deliver_t;

typedef struct {
    const char  *user;
    const char  *name;                           /* rotate: NULL: made */
    const char  *env;
    const char  *expires_in;                     /* NULL: by environment */
    const char  *overlap;                        /* rotate; NULL: none */
    int          scim;
    int          secret;                         /* for Kubernetes */
    const char  *secret_name;                    /* NULL: kept, or made */
    const char  *namespace;                      /* NULL: kept, or none */
} ctl_token_new_t;

/* secret.c: its name and namespace, without Redis */
int ctl_secret_check(ctl_t *ctl, const ctl_token_new_t *want);

int ctl_token_create(ctl_t *ctl, const ctl_token_new_t *want,
    const ctl_deliver_t *deliver);
int ctl_token_rotate(ctl_t *ctl, const char *id, const ctl_token_new_t *want,
    const ctl_deliver_t *deliver);

/*
 * adopt.c: a token that another system has made.  weak: one that is easy to
 * guess, too.  token: the record, and "result": "adopted", or "known": the same
 * user has it by the same name already, and nothing was changed.
 */
int ctl_token_adopt(ctl_t *ctl, const ctl_token_new_t *want, const char *text,
    size_t len, int weak, json_t **token);

/* the record as it is going to be, without the plaintext */
json_t *ctl_new_json(ctl_t *ctl, const ctl_new_t *new);

/* token.c: token as user above */
int ctl_token_revoke(ctl_t *ctl, const char *id, json_t **token);
int ctl_token_restore(ctl_t *ctl, const char *id, json_t **token);
/* delete.c */
int ctl_token_delete(ctl_t *ctl, const char *id, int force);

/* extend.c: a later end */
int ctl_token_extend(ctl_t *ctl, const char *id, const char *expires_in,
    json_t **token);

/*
 * rotation.c: {answer, reason, old, new}.  CTL_OK: the token that was asked for
 * may be revoked; CTL_FOUND: not, or not yet.
 */
int ctl_token_rotation(ctl_t *ctl, const char *id, json_t **rotation);

/* check.c: {verdict, id, user, key, role}, as far as they are known */
int ctl_check_require(ctl_t *ctl, const char *role, const char *scope,
    const char *type, stok_require_t *require);
int ctl_check(ctl_t *ctl, const char *text, size_t len,
    const stok_require_t *require, json_t **answer);

/*
 * leak.c: a token by its plaintext.  check: whether it may be one, before Redis
 * is asked; id: which one it is, by the digests that it has under each key.
 */
int ctl_plaintext_check(ctl_t *ctl, const char *text, size_t len);
int ctl_plaintext_id(ctl_t *ctl, const char *text, size_t len,
    char id[STOK_RECORD_ID_MAX + 1]);

/*
 * Revokes a token that was found somewhere: adds id, user and result
 * to entry, as far as they are known.  clear: the whole token.
 */
int ctl_leak(ctl_t *ctl, const char *clear, size_t len, json_t *entry);

/* incident*.c: revokes at once, then reports all that is known */
int ctl_incident_token(ctl_t *ctl, const char *id, json_t **incident);
int ctl_incident_user(ctl_t *ctl, const char *id, json_t **incident);

/*
 * review.c.  CTL_FOUND: a finding of a rule that makes it fail.
 */
#define CTL_MONTHLY    1
#define CTL_QUARTERLY  2
#define CTL_RULES_MAX  32

typedef struct {
    const char  *rule;
    const char  *review;
    const char  *severity;
    const char  *token;                          /* NULL: none */
    const char  *user;
    const char  *seen;
    const char  *fix;                            /* a command */
} ctl_found_t;

typedef struct {
    unsigned     period;
    const char  *fail_on;                        /* rules; NULL: all */

    /* as it is found */

    int        (*each)(ctl_t *ctl, const ctl_found_t *found, void *data);
    void        *data;

    int64_t      found;
    int64_t      failed;
    int64_t      unsealed;                       /* records */
    int64_t      tokens;
    int64_t      users;
    int64_t      count[CTL_RULES_MAX];           /* by rule */

    /* inside */

    unsigned     fail;                           /* bits of rules */
    int64_t      now;
    int64_t      done;
    int64_t      total;
} ctl_review_t;

int ctl_review(ctl_t *ctl, ctl_review_t *review);

/* without Redis: fail_on names rules of the period */
int ctl_review_check(ctl_t *ctl, ctl_review_t *review);

/* the id of a rule, by number; NULL: no more */
const char *ctl_rule(size_t i);

/* the i-th environment and the usual lifetime of its tokens; NULL: no more */
const char *ctl_env(size_t i, int *days);

/*
 * wait.c: returns when every node has acknowledged the change, or the time is
 * over: {nodes, acknowledged, milliseconds, missing}.
 */
int ctl_wait(ctl_t *ctl, int ms, json_t **wait);

/*
 * seal.c: each: {token, user, role, env, status, was, key}, of a user without
 * token and env, of a token without role; {again, right, refused, sealed}
 */
typedef struct {
    const char  *user;
    const char  *token;
    int          force;
    int          first;
    int          dry;
    json_t      *listed;                         /* first: see seal.c */
} ctl_seal_want_t;

/* without Redis; keyed: there is a key file */
int ctl_seal_check(ctl_t *ctl, const ctl_seal_want_t *want, int keyed);

int ctl_seal(ctl_t *ctl, const ctl_seal_want_t *want, ctl_item_pt each,
    void *data, json_t **sums);

/*
 * fsck.c: each: {finding, token, user, seen, fixed}; sums has "notes" as
 * above.  CTL_FOUND: some findings.  A dry run counts what would be fixed.
 */
int ctl_fsck(ctl_t *ctl, int fix, ctl_item_pt each, void *data,
    json_t **sums);

/* export.c: lines of JSON; {users, tokens, left}.  CTL_FOUND: some are left */
int ctl_export(ctl_t *ctl, ctl_item_pt each, void *data, json_t **sums);

/* import.c: from the beginning of a file that can be read twice */
typedef struct {
    int  overwrite;
    int  restore;                                /* what lets in more, too */
    int  dry;
} ctl_import_want_t;

int ctl_import(ctl_t *ctl, int fd, const ctl_import_want_t *want,
    json_t **sums);

/*
 * judge.c: NULL, or what is wrong with a text of people, to follow its name;
 * and the same of the texts in a record's names and values
 */
typedef enum {
    CTL_TEXT_NAME = 0,                           /* 1 to STOK_NAME_MAX */
    CTL_TEXT_FREE                                /* STOK_TEXT_MAX bytes */
} ctl_text_e;

const char *ctl_text_wrong(stok_str_t text, ctl_text_e kind);
const char *ctl_record_wrong(const stok_str_t *field, size_t n,
    const char **name);

/* bytes of the next character; plain 0: it is none, or not to be shown */
size_t ctl_char(const char *text, size_t len, int *plain);

/*
 * time.c: the one grammar of times.  A length: "500ms", "90s", "15m", "12h",
 * "7d", "2w", "1y" (365 days).  A moment: "2026-01-31", "2026-01-31T12:00:00Z",
 * in UTC unless it says another offset.  "never", where the option takes it.
 */
typedef enum {
    CTL_TIME_LENGTH = 0,
    CTL_TIME_MOMENT,
    CTL_TIME_NEVER
} ctl_time_e;

typedef struct {
    ctl_time_e  kind;
    int64_t     ms;                              /* of a length */
    int64_t     at;                              /* a moment: seconds */
} ctl_time_t;

#define CTL_WHEN  48

/* option: its name, which says what it takes; "extend": a later --expires-in */
int ctl_time(ctl_t *ctl, const char *option, const char *text,
    ctl_time_t *given);

/* what that is from now on, 0: never; refused: too near or too far */
int ctl_time_ahead(ctl_t *ctl, const char *option, const ctl_time_t *given,
    int64_t now, int64_t *at);

/* and before now; not before 1970 */
int64_t ctl_time_back(const ctl_time_t *given, int64_t now);

/* how long to wait, in ms: the length, or until the moment */
int ctl_time_left(ctl_t *ctl, const char *option, const char *text,
    int64_t *ms);

void ctl_iso(int64_t date, char out[24]);
int64_t ctl_year(int64_t date);

/* what ends the noun behind a number: "" or "s" */
const char *ctl_s(int64_t n);

/* a date beside now: "in 26 days", "3 hours ago" */
void ctl_when(int64_t date, int64_t now, char out[CTL_WHEN]);

/* whether a field of this name is a date */
int ctl_is_date(const char *name);

/*
 * name.c: what a new name has to be, the id that is made from it, and why it
 * says nothing, or NULL.  what: as in "bad --name"; lost: a note, if some of
 * the name's letters are not in the id.
 */
int ctl_name_new(ctl_t *ctl, const char *what, const char *name);
int ctl_user_id(ctl_t *ctl, const char *name, char id[STOK_USER_ID_MAX + 1]);
void ctl_name_lost(ctl_t *ctl, const char *name, const char *id);
const char *ctl_name_lint(const char *name);

/*
 * person.c: the id of a user as its record has it: an address is one whatever
 * its case.  CTL_NOTFOUND: no such user; no error is set, and found is id.
 */
int ctl_user_find(ctl_t *ctl, const char *id,
    char found[STOK_USER_ID_MAX + 1]);

/*
 * text.c: numbers, words
 */
stok_str_t ctl_str(const char *text);

#define CTL_DAY     86400
#define CTL_YEAR    (365 * CTL_DAY)
#define CTL_QUOTED  (4 * STOK_USER_ID_MAX + 3)

int64_t ctl_number(const char *text);

/* an id as a word of a shell's command line; what is too long is cut */
void ctl_quote(const char *text, char out[CTL_QUOTED]);

/* the text of a member, or "" */
const char *ctl_text(json_t *json, const char *name);

/* the words of an array, with a comma between; "" if it has none */
void ctl_words(json_t *array, char *out, size_t size);


#include "ctl_audit.h"


#endif /* CTL_H */
