/*
 * A question, between the files of the lookup; not for others.
 */


#ifndef NGX_SERVICE_TOKEN_QUESTION_H
#define NGX_SERVICE_TOKEN_QUESTION_H


#include "ngx_service_token_lookup.h"
#include "ngx_service_token_tick.h"


#define NGX_SERVICE_TOKEN_LOOKUP_COMMANDS  4      /* with the check */
#define NGX_SERVICE_TOKEN_LOOKUP_UNCHECKED  256    /* at most */
#define NGX_SERVICE_TOKEN_LOOKUP_BYTES  (STOK_KEY_MAX + 40)    /* HGETALL */


/* what the dataset's marker says */
typedef enum {
    NGX_SERVICE_TOKEN_MARKER_GOOD = 0,
    NGX_SERVICE_TOKEN_MARKER_NONE,
    NGX_SERVICE_TOKEN_MARKER_IMPORT,
    NGX_SERVICE_TOKEN_MARKER_SCHEMA,
    NGX_SERVICE_TOKEN_MARKER_DATASET
} ngx_service_token_marker_e;


struct ngx_service_token_lookups_s {
    ngx_service_token_link_t     *link;
    ngx_service_token_cache_t    *cache;
    ngx_str_t                     prefix;
    ngx_str_t                     marker;         /* key of "meta" */
    ngx_str_t                     marker_command; /* always the same */
    ngx_str_t                     ticked_command; /* the counter of ticks */
    stok_keys_t                  *keys;

    ngx_rbtree_t                  tree;           /* lookups by key */
    ngx_rbtree_node_t             sentinel;

    ngx_service_token_tick_t      tick;           /* asks for a proof */
    ngx_uint_t                    tick_serial;    /* accepted there */
    uint64_t                      tick_primary;   /* and proves this */
    ngx_service_token_lookup_t   *checked;        /* by it; NULL: none */
    ngx_service_token_lookup_t   *ahead;          /* of the one to start */
    ngx_queue_t                   unproven;       /* asked again with it */
    ngx_queue_t                   checking;       /* kept, if it says so */
    ngx_queue_t                   unchecked;      /* by the one after it */
    ngx_uint_t                    nunchecked;     /* in both */

    ngx_service_token_marker_e    marked;         /* what was said last */
    ngx_service_token_command_t   first;          /* for the marker */
    unsigned                      asking:1;       /* it, or before that */
};


struct ngx_service_token_lookup_s {
    ngx_str_node_t                sn;             /* the key */
    ngx_service_token_lookups_t  *lookups;
    ngx_queue_t                   waiters;
    ngx_queue_t                   queue;          /* in one of lookups' */
    ngx_service_token_lookup_t   *next;           /* not sent yet; or NULL */
    ngx_service_token_command_t   ticked;
    ngx_service_token_command_t   record;
    ngx_service_token_command_t   marker;
    ngx_uint_t                    pending;        /* of these commands */
    ngx_uint_t                    ticked_serial;  /* of the connections by */
    ngx_uint_t                    serial;         /* which both came */
    uint64_t                      server;         /* which answered */
    uint64_t                      primary;        /* proof, before it was */
    uint64_t                      asked;          /* then: ms */
    uint64_t                      usec;           /* the same, finer */

    ngx_int_t                     found;          /* by HGETALL alone */
    ngx_int_t                     rc;             /* as in a waiter */
    ngx_str_t                     packed;         /* from the heap, or none */

    unsigned                      user:1;         /* else token */
    unsigned                      overtaken:1;    /* not in the tree */
    unsigned                      proven:1;       /* server, before it */
    unsigned                      split:1;        /* by two connections */
    unsigned                      again:1;        /* asked, or to be */

    stok_table_key_t              cached;         /* data: digest, or id */
    ngx_service_token_guard_t     guard;

    u_char                        digest[STOK_DIGEST_LEN];
    stok_str_t                    id;             /* the user's, in key */

    size_t                        label_len;      /* the token, for the log */
    char                          label[STOK_RECORD_ID_MAX];

    u_char                        bytes[NGX_SERVICE_TOKEN_LOOKUP_BYTES];
};


/*
 * The reply to HGETALL -> lookup->packed, from the heap.  NGX_OK,
 * NGX_DECLINED: there is no record; NGX_ERROR: Redis cannot answer, or memory
 * is short; NGX_ABORT: unreadable, and a log line says why.
 */
ngx_int_t ngx_service_token_question_decode(
    ngx_service_token_lookup_t *lookup, ngx_service_token_reply_t *reply);

/*
 * The reply to HMGET of the marker's "schema", "dataset" and "importing".
 * NGX_OK: it is the dataset that we want, and whole; NGX_DECLINED: it is not,
 * and the log says so once.
 */
ngx_int_t ngx_service_token_question_marked(
    ngx_service_token_lookups_t *lookups, ngx_service_token_reply_t *reply);

/*
 * lookup.c: sends the question, and notes what is proven before; again, if an
 * answer was not used.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_service_token_lookup_ask(ngx_service_token_lookup_t *lookup);

/* lookup.c: no request joins it any more; may be repeated */
void ngx_service_token_lookup_overtake(ngx_service_token_lookup_t *lookup);

/* answer.c: the handlers of a question's commands, and of lookups->tick */
void ngx_service_token_answer_ticked(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
void ngx_service_token_answer_record(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
void ngx_service_token_answer_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
void ngx_service_token_answer_judged(ngx_service_token_tick_t *tick);

/* answer.c: all who wait get rc and the record; it is freed */
void ngx_service_token_answer_done(ngx_service_token_lookup_t *lookup);


#endif /* NGX_SERVICE_TOKEN_QUESTION_H */
