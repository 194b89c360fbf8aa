/*
 * A question, between the files of the lookup; not for others.
 */


#ifndef NGX_SERVICE_TOKEN_QUESTION_H
#define NGX_SERVICE_TOKEN_QUESTION_H


#include "ngx_service_token_lookup.h"


#define NGX_SERVICE_TOKEN_LOOKUP_BYTES  (STOK_KEY_MAX + 40)    /* HGETALL */


/* what the dataset's marker says */
typedef enum {
    NGX_SERVICE_TOKEN_MARKER_GOOD = 0,
    NGX_SERVICE_TOKEN_MARKER_NONE,
    NGX_SERVICE_TOKEN_MARKER_SCHEMA,
    NGX_SERVICE_TOKEN_MARKER_DATASET
} ngx_service_token_marker_e;


struct ngx_service_token_lookups_s {
    ngx_service_token_link_t     *link;
    ngx_service_token_cache_t    *cache;
    ngx_str_t                     prefix;
    ngx_str_t                     marker;         /* key of "meta" */
    ngx_str_t                     marker_command; /* always the same */
    stok_keys_t                  *keys;

    ngx_rbtree_t                  tree;           /* lookups by key */
    ngx_rbtree_node_t             sentinel;

    ngx_service_token_marker_e    marked;         /* what was said last */
};


struct ngx_service_token_lookup_s {
    ngx_str_node_t                sn;             /* the key */
    ngx_service_token_lookups_t  *lookups;
    ngx_queue_t                   waiters;
    ngx_service_token_command_t   record;
    ngx_service_token_command_t   marker;
    ngx_uint_t                    pending;        /* of the two commands */
    ngx_uint_t                    serial;         /* where the record came */
    ngx_msec_t                    asked;

    ngx_int_t                     found;          /* by HGETALL alone */
    ngx_int_t                     rc;             /* as in a waiter */
    ngx_str_t                     packed;         /* from the heap, or none */

    unsigned                      user:1;         /* else token */
    unsigned                      overtaken:1;    /* by a change: not in tree */

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
 * The reply to HMGET of the marker's "schema" and "dataset".  NGX_OK: it is
 * the dataset that we want; NGX_DECLINED: it is not, and the log says so once.
 */
ngx_int_t ngx_service_token_question_marked(
    ngx_service_token_lookups_t *lookups, ngx_service_token_reply_t *reply);


#endif /* NGX_SERVICE_TOKEN_QUESTION_H */
