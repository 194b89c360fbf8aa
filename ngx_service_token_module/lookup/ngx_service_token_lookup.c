/*
 * One question in flight for each key, however many requests wait for it.
 *
 * A question is three commands: HMGET of the counter of ticks, HGETALL of the
 * key, and HMGET of the dataset's marker.  The counter is read before the
 * record, so the record is not older than the counter says (cache.c).  The
 * marker is read after it: without the marker an empty Redis would turn every
 * valid token into an unknown one, and so would the Redis of another dataset.
 * The record is kept packed; each waiter gets a copy in its own pool and its
 * event posted, so that no request runs inside a reply's handler.
 *
 * A reply is kept in the cache if no change was announced since it was
 * asked for.  If something was, those who waited get it: their requests began
 * before.
 *
 * The invariant: a request that began a lease or more after a change was
 * acknowledged gets no older record.
 *
 * - A request joins a question only before that is written to the socket, so
 *   that Redis reads the record after the request began; or while the stream
 *   vouches that every change of a lease ago was received, and none was of
 *   this key.  Where a change was received it asks anew at once.  Where no
 *   stream vouches, a second question waits behind the first (lookup->next),
 *   and is joined until it is sent: so a slow Redis has one question of a key
 *   at a time, and a request waits for two answers at most.
 * - An answer decides only if the server that gave it is proven to be a
 *   primary that takes writes, by a script that it accepted less than a lease
 *   before the request asked, and before it gave that answer: a replica that
 *   lags may be promoted a moment later.  So the proof is looked at before the
 *   question is written.  The keeper's scripts are that proof for every
 *   worker.  Where it is missing (the node begins, no stream is kept, the
 *   server refuses writes) the worker sends the script itself, before the
 *   question on the same connection.  If its answer comes late (Redis did not
 *   know the script), or the connection was another one, the lookup waits in
 *   lookups->unproven and asks once more; the requests' own deadline bounds
 *   it.
 *
 * A question outlives its waiters: a client that leaves takes its waiter off
 * and the question goes on.  It is freed when all its commands have come back
 * and it waits for no proof, and only then.
 */


#include "ngx_service_token_question.h"
#include "ngx_service_token_slot.h"


static ngx_int_t ngx_service_token_lookup_join(
    ngx_service_token_lookups_t *lookups, ngx_service_token_waiter_t *waiter,
    ngx_str_t *key, uint64_t hash);
static void ngx_service_token_lookup_begin(
    ngx_service_token_lookup_t *lookup);
static ngx_service_token_lookup_t *ngx_service_token_lookup_new(
    ngx_service_token_lookups_t *lookups, ngx_str_t *key, uint64_t hash);
static ngx_int_t ngx_service_token_lookup_start(
    ngx_service_token_lookup_t *lookup, ngx_service_token_waiter_t *waiter);
static ngx_service_token_lookup_t *ngx_service_token_lookup_find(
    ngx_service_token_lookups_t *lookups, ngx_str_t *key, uint64_t hash);
static ngx_uint_t ngx_service_token_lookup_vouched(
    ngx_service_token_lookups_t *lookups);
static void ngx_service_token_lookup_proof(
    ngx_service_token_lookup_t *lookup, uint64_t now);
static ngx_int_t ngx_service_token_lookup_send(
    ngx_service_token_lookup_t *lookup);
static void ngx_service_token_lookup_put(ngx_service_token_lookup_t *lookup,
    ngx_service_token_command_t *cmd);


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


/*
 * NGX_OK: the waiter has joined a question.  NGX_DECLINED: it has to ask.
 * NGX_BUSY: it has to ask, once lookups->ahead has its answer.
 */

static ngx_int_t
ngx_service_token_lookup_join(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, ngx_str_t *key, uint64_t hash)
{
    ngx_service_token_lookup_t  *lookup;

    lookups->ahead = NULL;

    lookup = ngx_service_token_lookup_find(lookups, key, hash);

    if (lookup && lookup->record.written
        && ngx_service_token_lookup_vouched(lookups))
    {
        if (!ngx_service_token_cache_unchanged(lookups->cache,
                                               &lookup->cached,
                                               &lookup->guard))
        {
            ngx_service_token_lookup_overtake(lookup);

            /* perhaps the one behind it */

            lookup = ngx_service_token_lookup_find(lookups, key, hash);
        }

    } else if (lookup && lookup->record.written) {

        if (lookup->next == NULL) {
            lookups->ahead = lookup;
            return NGX_BUSY;
        }

        lookup = lookup->next;
    }

    if (lookup == NULL) {
        return NGX_DECLINED;
    }

    if (!lookup->record.written) {
        ngx_service_token_lookup_proof(lookup, ngx_service_token_cache_now());
    }

    ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);
    waiter->lookup = lookup;

    return NGX_OK;
}


static ngx_service_token_lookup_t *
ngx_service_token_lookup_find(ngx_service_token_lookups_t *lookups,
    ngx_str_t *key, uint64_t hash)
{
    return (ngx_service_token_lookup_t *)
                              ngx_str_rbtree_lookup(&lookups->tree, key,
                                                    (uint32_t) hash);
}


/* of the server that is asked: what the stream says of another does not help */

static ngx_uint_t
ngx_service_token_lookup_vouched(ngx_service_token_lookups_t *lookups)
{
    return lookups->link->server
           == ngx_service_token_cache_server(lookups->cache)
           && ngx_service_token_cache_vouched(lookups->cache);
}


/* no request joins it any more; the one behind it goes on */

void
ngx_service_token_lookup_overtake(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_lookup_t  *next;

    if (!lookup->overtaken) {
        ngx_rbtree_delete(&lookup->lookups->tree, &lookup->sn.node);
        lookup->overtaken = 1;
    }

    next = lookup->next;

    if (next) {
        lookup->next = NULL;
        ngx_service_token_lookup_begin(next);
    }
}


/* what is proven of the server before it is asked */

static void
ngx_service_token_lookup_proof(ngx_service_token_lookup_t *lookup,
    uint64_t now)
{
    lookup->asked = now;
    lookup->primary = ngx_service_token_cache_primary(lookup->lookups->cache);
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

    lookup->ticked.bytes = lookups->ticked_command.data;
    lookup->ticked.len = lookups->ticked_command.len;
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
    lookup->ticked.handler = ngx_service_token_answer_ticked;
    lookup->ticked.data = lookup;
    lookup->record.handler = ngx_service_token_answer_record;
    lookup->record.data = lookup;
    lookup->marker.handler = ngx_service_token_answer_marker;
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

    if (lookups->ahead) {
        lookups->ahead->next = lookup;
        lookup->overtaken = 1;

    } else if (ngx_service_token_lookup_ask(lookup) == NGX_OK) {
        ngx_rbtree_insert(&lookups->tree, &lookup->sn.node);

    } else {
        ngx_free(lookup);
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&lookup->waiters, &waiter->queue);
    waiter->lookup = lookup;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "service token lookup of %*s", lookup->label_len,
                   lookup->label);

    return NGX_AGAIN;
}


/* it was behind another; those who wait have waited for a part of their time */

static void
ngx_service_token_lookup_begin(ngx_service_token_lookup_t *lookup)
{
    if (!ngx_queue_empty(&lookup->waiters)
        && ngx_service_token_lookup_ask(lookup) == NGX_OK)
    {
        lookup->overtaken = 0;
        ngx_rbtree_insert(&lookup->lookups->tree, &lookup->sn.node);
        return;
    }

    ngx_service_token_answer_done(lookup);
}


ngx_int_t
ngx_service_token_lookup_ask(ngx_service_token_lookup_t *lookup)
{
    uint64_t                      server;
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;

    /* this clock may be ahead of that of the proof, by a tick of the kernel */

    lookup->usec = ngx_service_token_tick_usec();

    ngx_service_token_lookup_proof(lookup, lookup->usec / 1000);
    ngx_service_token_cache_guard(lookups->cache, &lookup->cached,
                                  &lookup->guard);

    /*
     * Before the question, so that its answer comes first.  A link that was
     * never open probably leads to the server that all others have found.
     */

    server = lookups->link->server ? lookups->link->server
                                   : lookup->primary >> 32;

    if (!ngx_service_token_fresh_accepted(lookups->cache, lookup->primary,
                                          server, lookup->asked))
    {
        (void) ngx_service_token_tick_send(&lookups->tick, 0);
    }

    if (ngx_service_token_lookup_send(lookup) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_service_token_count(lookups);

    return NGX_OK;
}


/*
 * All of a question, or nothing.  A command that cannot be sent for want of
 * memory is as one without an answer: without the marker rc stays NGX_ERROR,
 * without the counter nothing is kept.
 */

static ngx_int_t
ngx_service_token_lookup_send(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_cache_t    *cache;
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;
    cache = lookups->cache;

    if (lookups->link->commands + NGX_SERVICE_TOKEN_LOOKUP_COMMANDS
        > NGX_SERVICE_TOKEN_LINK_PENDING)
    {
        return NGX_ERROR;
    }

    /* only what may be kept needs the counter */

    if (cache->valid) {
        ngx_service_token_lookup_put(lookup, &lookup->ticked);
    }

    ngx_service_token_lookup_put(lookup, &lookup->record);

    if (cache->valid
        && ngx_service_token_cache_unsettled(cache, &lookup->cached)
        && ngx_service_token_tick_send(&lookups->tick, 0) == NGX_OK)
    {
        lookups->checked = lookup;
    }

    ngx_service_token_lookup_put(lookup, &lookup->marker);

    return lookup->pending ? NGX_OK : NGX_ERROR;
}


static void
ngx_service_token_lookup_put(ngx_service_token_lookup_t *lookup,
    ngx_service_token_command_t *cmd)
{
    if (ngx_service_token_link_send_bytes(lookup->lookups->link, cmd)
        == NGX_OK)
    {
        lookup->pending++;
    }
}
