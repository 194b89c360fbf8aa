/*
 * The operations on a dataset, for every front end.
 *
 * An operation takes a context, and answers with a kind.  What went wrong is
 * in the context's error, what else is to be said is a note; nothing is
 * printed here, and nothing ends the process.  Whoever reports an error that
 * the operation goes on after makes a note of it, by ctl_note_error().
 */


#ifndef CTL_H
#define CTL_H


#include <hiredis/hiredis.h>
#include <jansson.h>

#include "stok_record.h"
#include "stok_role.h"
#include "stok_seal.h"


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
    CTL_UNAVAILABLE                              /* 4; 503 */
} ctl_kind_e;


typedef enum {
    CTL_NOTE_PLAIN = 0,
    CTL_NOTE_NOTE,
    CTL_NOTE_WARNING,
    CTL_NOTE_ERROR                               /* of what went on after */
} ctl_note_e;


typedef struct {
    ctl_kind_e     kind;
    char           text[1024];                   /* "": there is none */
    char           hint[256];                    /* what to do; "": nothing */
} ctl_error_t;


typedef void (*ctl_note_pt)(void *data, ctl_note_e note, const char *text);


typedef struct {
    const char    *prefix;
    const char    *actor;
    stok_roles_t   roles;
    stok_keys_t    keys;                         /* n 0: no key file */

    redisContext  *ctx;

    ctl_error_t    error;
    char           hint[256];                    /* of errors from now on */

    ctl_note_pt    note;                         /* NULL: notes are dropped */
    void          *note_data;

    /* the command's, until it is a front end */

    const char    *redis;
    const char    *key_file;
    const char    *role_names;
    int            json;
    int            wait;                         /* ms; 0: do not */
    json_t        *answer;                       /* held back meanwhile */
} ctl_t;


/* error.c: sets the error; the kind comes back */
int ctl_fail(ctl_t *ctl, ctl_kind_e kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* what every error from now on says besides; NULL: nothing */
void ctl_hint(ctl_t *ctl, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void ctl_note(ctl_t *ctl, ctl_note_e note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* the error becomes a note: the operation goes on */
void ctl_note_error(ctl_t *ctl);


#endif /* CTL_H */
