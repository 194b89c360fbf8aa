/*
 * One question in flight for each key, however many requests wait for it.
 *
 * A question is two commands, HGETALL of the key and HMGET of the dataset's
 * marker after it: without the marker an empty Redis would turn every valid
 * token into an unknown one, and so would the Redis of another dataset.  The
 * record is kept packed; each waiter gets a copy in its own pool and its event
 * posted, so that no request runs inside a reply's handler.
 *
 * A reply is kept in the cache if nothing was heard to change since it was
 * asked for.  If something was, those who waited get it: their requests began
 * before.  Who comes later does not wait for it, but asks anew.
 *
 * A question outlives its waiters: a client that leaves takes its waiter off
 * and the question goes on.  It is freed when both commands have come back,
 * and only then.
 */


#include "ngx_service_token_question.h"
#include "ngx_service_token_slot.h"


static ngx_int_t ngx_service_token_lookup_join(
    ngx_service_token_lookups_t *lookups, ngx_service_token_waiter_t *waiter,
    ngx_str_t *key, uint64_t hash);
static ngx_service_token_lookup_t *ngx_service_token_lookup_new(
    ngx_service_token_lookups_t *lookups, ngx_str_t *key, uint64_t hash);
static ngx_int_t ngx_service_token_lookup_start(
    ngx_service_token_lookup_t *lookup, ngx_service_token_waiter_t *waiter);
static void ngx_service_token_lookup_record(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_lookup_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_lookup_done(ngx_service_token_lookup_t *lookup);


ngx_service_token_lookups_t *
ngx_service_token_lookup_create(ngx_conf_t *cf,
    ngx_service_token_link_t *link, ngx_service_token_cache_t *cache,
    ngx_str_t *prefix, ngx_str_t *marker, stok_keys_t *keys)
{
    size_t                        len[4];
    const char                   *arg[4];
    ngx_service_token_lookups_t  *lookups;

    lookups = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_lookups_t));
    if (lookups == NULL) {
        return NULL;
    }

    lookups->link = link;
    lookups->cache = cache;

    lookups->prefix = *prefix;
    lookups->marker = *marker;
    lookups->keys = keys;

    arg[0] = "HMGET";
    len[0] = 5;
    arg[1] = (const char *) lookups->marker.data;
    len[1] = lookups->marker.len;
    arg[2] = "schema";
    len[2] = 6;
    arg[3] = "dataset";
    len[3] = 7;

    lookups->marker_command.data = ngx_pnalloc(cf->pool,
                              ngx_service_token_redis_format_size(4, len));
    if (lookups->marker_command.data == NULL) {
        return NULL;
    }

    lookups->marker_command.len = ngx_service_token_redis_format_to(
                                lookups->marker_command.data, 4, arg, len);

    ngx_rbtree_init(&lookups->tree, &lookups->sentinel,
                    ngx_str_rbtree_insert_value);

    return lookups;
}


void
ngx_service_token_lookup_close(ngx_service_token_lookups_t *lookups)
{
    ngx_service_token_link_close(lookups->link);
}


ngx_int_t
ngx_service_token_lookup_token(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, const u_char *digest)
{
    char                         buf[STOK_KEY_MAX];
    ngx_str_t                    key;
    stok_str_t                   prefix;
    stok_table_key_t             cached;
    ngx_service_token_lookup_t  *lookup;

    prefix.data = (char *) lookups->prefix.data;
    prefix.len = lookups->prefix.len;

    key.data = (u_char *) buf;
    key.len = stok_token_key(buf, prefix, digest);

    stok_table_key(&cached, NGX_SERVICE_TOKEN_KIND_TOKEN, digest,
                   STOK_DIGEST_LEN, 1);

    if (ngx_service_token_lookup_join(lookups, waiter, &key, cached.hash)
        == NGX_OK)
    {
        return NGX_AGAIN;
    }

    lookup = ngx_service_token_lookup_new(lookups, &key, cached.hash);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(lookup->digest, digest, STOK_DIGEST_LEN);
    lookup->cached = cached;
    lookup->cached.data = lookup->digest;

    /* a digest is known by its first digits */

    lookup->label_len = 8;
    ngx_memcpy(lookup->label, key.data + key.len - STOK_DIGEST_HEX,
               lookup->label_len);

    return ngx_service_token_lookup_start(lookup, waiter);
}


ngx_int_t
ngx_service_token_lookup_user(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, stok_str_t id, stok_str_t token_id)
{
    char                         buf[STOK_KEY_MAX];
    ngx_str_t                    key;
    stok_str_t                   prefix;
    stok_table_key_t             cached;
    ngx_service_token_lookup_t  *lookup;

    prefix.data = (char *) lookups->prefix.data;
    prefix.len = lookups->prefix.len;

    key.data = (u_char *) buf;
    key.len = stok_user_key(buf, prefix, id);

    stok_table_key(&cached, NGX_SERVICE_TOKEN_KIND_USER, id.data, id.len, 0);

    if (ngx_service_token_lookup_join(lookups, waiter, &key, cached.hash)
        == NGX_OK)
    {
        return NGX_AGAIN;
    }

    lookup = ngx_service_token_lookup_new(lookups, &key, cached.hash);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->user = 1;
    lookup->id.data = (char *) lookup->sn.str.data + key.len - id.len;
    lookup->id.len = id.len;
    lookup->cached = cached;
    lookup->cached.data = lookup->id.data;

    lookup->label_len = ngx_min(token_id.len, STOK_RECORD_ID_MAX);
    ngx_memcpy(lookup->label, token_id.data, lookup->label_len);

    return ngx_service_token_lookup_start(lookup, waiter);
}


void
ngx_service_token_lookup_leave(ngx_service_token_waiter_t *waiter)
{
    if (waiter->lookup) {
        ngx_queue_remove(&waiter->queue);
        waiter->lookup = NULL;
    }

    if (waiter->event.posted) {
        ngx_delete_posted_event(&waiter->event);
    }
}


/* NGX_OK: the question is in flight, and the waiter waits for it too */

static ngx_int_t
ngx_service_token_lookup_join(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, ngx_str_t *key, uint64_t hash)
{
    ngx_service_token_lookup_t  *lookup;

    lookup = (ngx_service_token_lookup_t *)
                              ngx_str_rbtree_lookup(&lookups->tree, key,
                                                    (uint32_t) hash);
    if (lookup == NULL) {
        return NGX_DECLINED;
    }

    /* nor one that is older than what the cache may say */

    if (ngx_current_msec - lookup->asked >= lookups->cache->lease
        || !ngx_service_token_cache_unchanged(lookups->cache,
                                              &lookup->cached,
                                              &lookup->guard))
    {
        ngx_rbtree_delete(&lookups->tree, &lookup->sn.node);
        lookup->overtaken = 1;
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);
    waiter->lookup = lookup;

    return NGX_OK;
}


static ngx_service_token_lookup_t *
ngx_service_token_lookup_new(ngx_service_token_lookups_t *lookups,
    ngx_str_t *key, uint64_t hash)
{
    size_t                       len[2];
    const char                  *arg[2];
    ngx_service_token_lookup_t  *lookup;

    lookup = ngx_alloc(sizeof(ngx_service_token_lookup_t), ngx_cycle->log);
    if (lookup == NULL) {
        return NULL;
    }

    ngx_memzero(lookup, offsetof(ngx_service_token_lookup_t, label));

    arg[0] = "HGETALL";
    len[0] = 7;
    arg[1] = (const char *) key->data;
    len[1] = key->len;

    lookup->record.bytes = lookup->bytes;
    lookup->record.len = ngx_service_token_redis_format_to(lookup->bytes, 2,
                                                           arg, len);
    lookup->marker.bytes = lookups->marker_command.data;
    lookup->marker.len = lookups->marker_command.len;

    /* the key as it stands in the command, before its CRLF */

    lookup->sn.node.key = (uint32_t) hash;
    lookup->sn.str.len = key->len;
    lookup->sn.str.data = lookup->bytes + lookup->record.len - 2 - key->len;

    lookup->lookups = lookups;
    lookup->record.handler = ngx_service_token_lookup_record;
    lookup->record.data = lookup;
    lookup->marker.handler = ngx_service_token_lookup_marker;
    lookup->marker.data = lookup;
    lookup->found = NGX_ERROR;
    lookup->rc = NGX_ERROR;

    ngx_queue_init(&lookup->waiters);

    return lookup;
}


static ngx_int_t
ngx_service_token_lookup_start(ngx_service_token_lookup_t *lookup,
    ngx_service_token_waiter_t *waiter)
{
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;

    ngx_service_token_cache_guard(lookups->cache, &lookup->cached,
                                  &lookup->guard);

    if (ngx_service_token_link_send_bytes(lookups->link, &lookup->record)
        != NGX_OK)
    {
        ngx_free(lookup);
        return NGX_ERROR;
    }

    lookup->pending = 1;

    /* without the marker's answer there is none: rc stays NGX_ERROR */

    if (ngx_service_token_link_send_bytes(lookups->link, &lookup->marker)
        == NGX_OK)
    {
        lookup->pending++;
    }

    lookup->asked = ngx_current_msec;
    ngx_rbtree_insert(&lookups->tree, &lookup->sn.node);
    ngx_service_token_count(lookups);

    ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);
    waiter->lookup = lookup;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "service token lookup of %*s", lookup->label_len,
                   lookup->label);

    return NGX_AGAIN;
}


static void
ngx_service_token_lookup_record(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_lookup_t  *lookup;

    lookup = cmd->data;

    /* NGX_OK and NGX_DECLINED are made valid by the marker's answer */

    if (reply) {
        lookup->serial = lookup->lookups->link->serial;
        lookup->found = ngx_service_token_question_decode(lookup, reply);
    }

    if (--lookup->pending == 0) {
        ngx_service_token_lookup_done(lookup);
    }
}


static void
ngx_service_token_lookup_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_lookup_t   *lookup;
    ngx_service_token_lookups_t  *lookups;

    lookup = cmd->data;
    lookups = lookup->lookups;

    /* a marker that came by another connection may be another server's */

    if (reply == NULL || lookup->serial != lookups->link->serial) {
        goto done;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lookups->link, reply, 0);
        goto done;
    }

    if (ngx_service_token_question_marked(lookups, reply) != NGX_OK) {
        lookup->rc = NGX_ABORT;
        goto done;
    }

    if (lookup->found != NGX_ERROR) {
        ngx_service_token_pipe_complain(lookups->link, NULL, 0);
    }

    lookup->rc = lookup->found;

done:

    if (--lookup->pending == 0) {
        ngx_service_token_lookup_done(lookup);
    }
}


static void
ngx_service_token_lookup_done(ngx_service_token_lookup_t *lookup)
{
    ngx_queue_t                 *q;
    ngx_service_token_waiter_t  *waiter;

    if (!lookup->overtaken) {
        ngx_rbtree_delete(&lookup->lookups->tree, &lookup->sn.node);
    }

    if (lookup->rc == NGX_OK || lookup->rc == NGX_DECLINED) {
        ngx_service_token_cache_store(lookup->lookups->cache,
                             &lookup->cached, &lookup->guard,
                             lookup->lookups->link->server,
                             lookup->packed.data,
                             lookup->rc == NGX_OK ? lookup->packed.len : 0);

    } else if (lookup->found == NGX_ABORT) {

        /* unreadable now: what it was before is not used in an outage, too */

        ngx_service_token_cache_forget(lookup->lookups->cache,
                                       &lookup->cached);
    }

    while (!ngx_queue_empty(&lookup->waiters)) {
        q = ngx_queue_head(&lookup->waiters);

        /* the neighbours of one that is in the queue are there */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_service_token_waiter_t, queue);
        waiter->lookup = NULL;
        waiter->rc = lookup->rc;

        if (waiter->rc == NGX_OK) {
            waiter->record.len = lookup->packed.len;
            waiter->record.data = ngx_pnalloc(waiter->pool,
                                              lookup->packed.len);

            if (waiter->record.data == NULL) {
                waiter->rc = NGX_ERROR;

            } else {
                ngx_memcpy(waiter->record.data, lookup->packed.data,
                           lookup->packed.len);
            }
        }

        ngx_post_event(&waiter->event, &ngx_posted_events);
    }

    if (lookup->packed.data) {
        ngx_free(lookup->packed.data);
    }

    ngx_free(lookup);
}
