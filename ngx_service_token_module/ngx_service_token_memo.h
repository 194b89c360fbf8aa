/*
 * A worker's memo: the tokens that it has judged last, each with its user, as
 * they stood in the node's cache.  It saves looking for two records in shared
 * memory, and decides nothing that the cache would not.
 */


#ifndef NGX_SERVICE_TOKEN_MEMO_H
#define NGX_SERVICE_TOKEN_MEMO_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_record.h"
#include "ngx_service_token_cache.h"


#define NGX_SERVICE_TOKEN_MEMO_ENTRIES  1024
#define NGX_SERVICE_TOKEN_MEMO_DATA     176


/* 256 bytes, or less */
typedef struct {
    u_char               digest[STOK_DIGEST_LEN];
    stok_table_mark_t    token;
    stok_table_mark_t    user;
    uint64_t             stored_at;                /* the older of the two */
    uint32_t             epoch;
    uint16_t             token_len;                /* 0: free */
    uint16_t             user_len;
    u_char               data[NGX_SERVICE_TOKEN_MEMO_DATA];
} ngx_service_token_memo_t;


/* empty, from pool; NULL: no memory */
ngx_service_token_memo_t *ngx_service_token_memo_create(ngx_pool_t *pool);

/*
 * Both records, with their strings in buf, if the cache would answer the same.
 * NGX_OK, or NGX_DECLINED: ask the cache.
 */
ngx_int_t ngx_service_token_memo_read(ngx_service_token_memo_t *memo,
    ngx_service_token_cache_t *cache, const u_char *digest,
    u_char buf[NGX_SERVICE_TOKEN_MEMO_DATA], stok_token_record_t *token,
    stok_user_record_t *user) stok_hot;

/* what the cache has just answered for a token, and for its user */
void ngx_service_token_memo_note(ngx_service_token_memo_t *memo,
    const u_char *digest, ngx_service_token_cached_t *token,
    ngx_service_token_cached_t *user);


#endif /* NGX_SERVICE_TOKEN_MEMO_H */
