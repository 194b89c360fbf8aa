/*
 * The worker's memo.  It is direct-mapped by the digest, and only its worker
 * reads and writes it.
 *
 * The invariant: what it answers, the cache would answer, too.  An entry has
 * the places in the shared table from which its records were read, with the
 * sequences of their buckets.  A bucket with the same sequence was not written
 * since, so reading it again would give the same bytes; and a worker that
 * stores a key elsewhere takes it out of its old bucket first.  Epoch, lease
 * and age are asked as in ngx_service_token_cache_read(), and in that order.
 *
 * A sequence has 32 bits and comes round after 2^31 writes of one bucket.  By
 * default a record ends after 60 s: that would be 35 million writes a second.
 * With ends of days it would still be thousands, all that time without a raised
 * epoch, and the token's next use just at the round.
 */


#include "ngx_service_token_memo.h"


_Static_assert(sizeof(ngx_service_token_memo_t) <= 256,
               "an entry has 4 lines");


ngx_service_token_memo_t *
ngx_service_token_memo_create(ngx_pool_t *pool)
{
    size_t                     size;
    ngx_service_token_memo_t  *memo;

    size = NGX_SERVICE_TOKEN_MEMO_ENTRIES * sizeof(ngx_service_token_memo_t);

    memo = ngx_pmemalign(pool, size, 64);

    if (memo) {
        ngx_memzero(memo, size);
    }

    return memo;
}


static ngx_inline ngx_service_token_memo_t *
ngx_service_token_memo_entry(ngx_service_token_memo_t *memo,
    const u_char *digest)
{
    uint32_t  hash;

    ngx_memcpy(&hash, digest, sizeof(uint32_t));

    return &memo[hash % NGX_SERVICE_TOKEN_MEMO_ENTRIES];
}


ngx_int_t
ngx_service_token_memo_read(ngx_service_token_memo_t *memo,
    ngx_service_token_cache_t *cache, const u_char *digest,
    u_char buf[NGX_SERVICE_TOKEN_MEMO_DATA], stok_token_record_t *token,
    stok_user_record_t *user)
{
    uint32_t  used;
    uint64_t  proved, now;

    memo = ngx_service_token_memo_entry(memo, digest);

    if (stok_unlikely(memo->token_len == 0
                      || ngx_memcmp(memo->digest, digest, STOK_DIGEST_LEN)
                         != 0))
    {
        return NGX_DECLINED;
    }

    proved = ngx_service_token_cache_proved(cache);

    if (stok_unlikely(memo->epoch != ngx_service_token_cache_epoch(cache))) {
        return NGX_DECLINED;
    }

    used = ngx_service_token_cache_used();

    if (stok_unlikely(!stok_table_unchanged(&memo->token, used)
                      || !stok_table_unchanged(&memo->user, used)))
    {
        return NGX_DECLINED;
    }

    if (stok_unlikely(!ngx_service_token_cache_leased(cache, proved, 0, &now)
                      || now >= memo->stored_at + cache->valid))
    {
        return NGX_DECLINED;
    }

    /* only records that were unpacked are noted, and nobody else writes here */

    ngx_memcpy(buf, memo->data, sizeof(memo->data));

    stok_token_record_view(token, buf);
    stok_user_record_view(user, buf + memo->token_len);

    return NGX_OK;
}


void
ngx_service_token_memo_note(ngx_service_token_memo_t *memo,
    const u_char *digest, ngx_service_token_cached_t *token,
    ngx_service_token_cached_t *user)
{
    if (token->record.len + user->record.len > NGX_SERVICE_TOKEN_MEMO_DATA
        || token->entry.epoch != user->entry.epoch)
    {
        return;
    }

    memo = ngx_service_token_memo_entry(memo, digest);

    ngx_memcpy(memo->digest, digest, STOK_DIGEST_LEN);

    memo->token = token->entry.mark;
    memo->user = user->entry.mark;
    memo->stored_at = ngx_min(token->entry.stored_at, user->entry.stored_at);
    memo->epoch = token->entry.epoch;
    memo->token_len = (uint16_t) token->record.len;
    memo->user_len = (uint16_t) user->record.len;

    ngx_memcpy(memo->data, token->record.data, token->record.len);
    ngx_memcpy(memo->data + token->record.len, user->record.data,
               user->record.len);
}
