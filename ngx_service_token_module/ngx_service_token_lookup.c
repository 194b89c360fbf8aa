/*
 * One question in flight for each key, however many requests wait for it.
 *
 * A question is two commands, HGETALL of the key and HGET of the dataset's
 * marker after it: without the marker an empty Redis would turn every valid
 * token into an unknown one.  The record is kept packed; each waiter gets a
 * copy in its own pool and its event posted, so that no request runs inside a
 * reply's handler.
 *
 * A reply is kept in the cache if nothing was heard to change since it was
 * asked for.  If something was, those who waited get it: their requests began
 * before.  Who comes later does not wait for it, but asks anew.
 *
 * A question outlives its waiters: a client that leaves takes its waiter off
 * and the question goes on.  It is freed when both commands have come back,
 * and only then.
 */


#include "ngx_service_token_lookup.h"
#include "ngx_service_token_slot.h"
#include "stok_seal.h"


#define NGX_SERVICE_TOKEN_LOOKUP_FIELDS  64


struct ngx_service_token_lookups_s {
    ngx_service_token_link_t     *link;
    ngx_service_token_cache_t    *cache;
    ngx_str_t                     prefix;
    ngx_str_t                     marker;         /* key of "meta" */
    stok_keys_t                  *keys;

    ngx_rbtree_t                  tree;           /* lookups by key */
    ngx_rbtree_node_t             sentinel;

    unsigned                      unmarked:1;     /* and said so */
};


struct ngx_service_token_lookup_s {
    ngx_str_node_t                sn;             /* the key */
    ngx_service_token_lookups_t  *lookups;
    ngx_queue_t                   waiters;
    ngx_service_token_command_t   record;
    ngx_service_token_command_t   marker;
    ngx_uint_t                    pending;        /* of the two commands */

    ngx_int_t                     found;          /* by HGETALL alone */
    ngx_int_t                     rc;             /* as in a waiter */
    size_t                        packed_len;

    unsigned                      user:1;         /* else token */
    unsigned                      overtaken:1;    /* by a change: not in tree */

    stok_table_key_t              cached;         /* data: digest, or id */
    ngx_service_token_guard_t     guard;

    u_char                        digest[STOK_DIGEST_LEN];
    stok_str_t                    id;             /* the user's, in key */

    size_t                        label_len;      /* the token, for the log */
    char                          label[STOK_RECORD_ID_MAX];

    char                          key[STOK_KEY_MAX];
    uint8_t                       packed[STOK_PACK_MAX];
};


static ngx_int_t ngx_service_token_lookup_join(
    ngx_service_token_lookups_t *lookups, ngx_service_token_waiter_t *waiter,
    ngx_str_t *key, uint32_t hash);
static ngx_service_token_lookup_t *ngx_service_token_lookup_new(
    ngx_service_token_lookups_t *lookups, ngx_str_t *key, uint32_t hash);
static ngx_int_t ngx_service_token_lookup_start(
    ngx_service_token_lookup_t *lookup, ngx_service_token_waiter_t *waiter);
static void ngx_service_token_lookup_record(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_lookup_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static ngx_int_t ngx_service_token_lookup_decode(
    ngx_service_token_lookup_t *lookup, ngx_service_token_reply_t *reply);
static int ngx_service_token_lookup_pack(ngx_service_token_lookup_t *lookup,
    const stok_str_t *fields, size_t n, const char **why);
static ngx_int_t ngx_service_token_lookup_unreadable(
    ngx_service_token_lookup_t *lookup, const char *why);
static void ngx_service_token_lookup_done(ngx_service_token_lookup_t *lookup);


ngx_service_token_lookups_t *
ngx_service_token_lookup_create(ngx_conf_t *cf,
    ngx_service_token_link_t *link, ngx_service_token_cache_t *cache,
    ngx_str_t *prefix, ngx_str_t *marker, stok_keys_t *keys)
{
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
    char                         buf[STOK_KEY_MAX], hex[STOK_DIGEST_HEX];
    uint32_t                     hash;
    ngx_str_t                    key;
    stok_str_t                   prefix;
    ngx_service_token_lookup_t  *lookup;

    prefix.data = (char *) lookups->prefix.data;
    prefix.len = lookups->prefix.len;

    key.data = (u_char *) buf;
    key.len = stok_token_key(buf, prefix, digest);
    hash = ngx_crc32_long(key.data, key.len);

    if (ngx_service_token_lookup_join(lookups, waiter, &key, hash) == NGX_OK) {
        return NGX_AGAIN;
    }

    lookup = ngx_service_token_lookup_new(lookups, &key, hash);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(lookup->digest, digest, STOK_DIGEST_LEN);
    stok_table_key(&lookup->cached, NGX_SERVICE_TOKEN_KIND_TOKEN,
                   lookup->digest, STOK_DIGEST_LEN, 1);

    stok_digest_hex(digest, hex);
    ngx_memcpy(lookup->label, hex, 8);
    lookup->label_len = 8;

    return ngx_service_token_lookup_start(lookup, waiter);
}


ngx_int_t
ngx_service_token_lookup_user(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, stok_str_t id, stok_str_t token_id)
{
    char                         buf[STOK_KEY_MAX];
    uint32_t                     hash;
    ngx_str_t                    key;
    stok_str_t                   prefix;
    ngx_service_token_lookup_t  *lookup;

    prefix.data = (char *) lookups->prefix.data;
    prefix.len = lookups->prefix.len;

    key.data = (u_char *) buf;
    key.len = stok_user_key(buf, prefix, id);
    hash = ngx_crc32_long(key.data, key.len);

    if (ngx_service_token_lookup_join(lookups, waiter, &key, hash) == NGX_OK) {
        return NGX_AGAIN;
    }

    lookup = ngx_service_token_lookup_new(lookups, &key, hash);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->user = 1;
    lookup->id.data = lookup->key + key.len - id.len;
    lookup->id.len = id.len;
    stok_table_key(&lookup->cached, NGX_SERVICE_TOKEN_KIND_USER,
                   lookup->id.data, id.len, 0);

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
    ngx_service_token_waiter_t *waiter, ngx_str_t *key, uint32_t hash)
{
    ngx_service_token_lookup_t  *lookup;

    lookup = (ngx_service_token_lookup_t *)
                               ngx_str_rbtree_lookup(&lookups->tree, key, hash);
    if (lookup == NULL) {
        return NGX_DECLINED;
    }

    if (!ngx_service_token_cache_unchanged(lookups->cache, &lookup->cached,
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
    ngx_str_t *key, uint32_t hash)
{
    ngx_service_token_lookup_t  *lookup;

    lookup = ngx_alloc(sizeof(ngx_service_token_lookup_t), ngx_cycle->log);
    if (lookup == NULL) {
        return NULL;
    }

    ngx_memzero(lookup, offsetof(ngx_service_token_lookup_t, key));
    ngx_memcpy(lookup->key, key->data, key->len);

    lookup->sn.node.key = hash;
    lookup->sn.str.data = (u_char *) lookup->key;
    lookup->sn.str.len = key->len;
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
    size_t                        len[3];
    const char                   *arg[3];
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;

    ngx_service_token_cache_guard(lookups->cache, &lookup->cached,
                                  &lookup->guard);

    arg[0] = "HGETALL";
    len[0] = 7;
    arg[1] = (const char *) lookup->sn.str.data;
    len[1] = lookup->sn.str.len;

    if (ngx_service_token_link_send(lookups->link, &lookup->record, 2, arg,
                                    len)
        != NGX_OK)
    {
        ngx_free(lookup);
        return NGX_ERROR;
    }

    lookup->pending = 1;

    arg[0] = "HGET";
    len[0] = 4;
    arg[1] = (const char *) lookups->marker.data;
    len[1] = lookups->marker.len;
    arg[2] = "schema";
    len[2] = 6;

    /* without the marker's answer there is none: rc stays NGX_ERROR */

    if (ngx_service_token_link_send(lookups->link, &lookup->marker, 3, arg,
                                    len)
        == NGX_OK)
    {
        lookup->pending++;
    }

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
        lookup->found = ngx_service_token_lookup_decode(lookup, reply);
    }

    if (--lookup->pending == 0) {
        ngx_service_token_lookup_done(lookup);
    }
}


static void
ngx_service_token_lookup_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_str_t                    *schema;
    ngx_service_token_lookup_t   *lookup;
    ngx_service_token_lookups_t  *lookups;

    lookup = cmd->data;
    lookups = lookup->lookups;

    if (reply == NULL) {
        goto done;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lookups->link, reply);
        goto done;
    }

    schema = &reply->str;

    if (reply->type != NGX_SERVICE_TOKEN_STRING
        || schema->len != sizeof(STOK_SCHEMA) - 1
        || ngx_memcmp(schema->data, STOK_SCHEMA, schema->len) != 0)
    {
        if (!lookups->unmarked) {
            lookups->unmarked = 1;
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "service token: no dataset of schema %s at \"%V\"",
                          STOK_SCHEMA, &lookups->marker);
        }

        lookup->rc = NGX_ABORT;
        goto done;
    }

    if (lookups->unmarked) {
        lookups->unmarked = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "service token: the dataset at \"%V\" is back",
                      &lookups->marker);
    }

    lookup->rc = lookup->found;

done:

    if (--lookup->pending == 0) {
        ngx_service_token_lookup_done(lookup);
    }
}


static ngx_int_t
ngx_service_token_lookup_decode(ngx_service_token_lookup_t *lookup,
    ngx_service_token_reply_t *reply)
{
    int                         rc;
    ngx_uint_t                  i;
    stok_str_t                  field[NGX_SERVICE_TOKEN_LOOKUP_FIELDS];
    const char                 *why;
    ngx_service_token_reply_t  *element;

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {

        if (reply->str.len > 9
            && ngx_strncmp(reply->str.data, "WRONGTYPE", 9) == 0)
        {
            return ngx_service_token_lookup_unreadable(lookup, "not a hash");
        }

        ngx_service_token_pipe_complain(lookup->lookups->link, reply);
        return NGX_ERROR;
    }

    ngx_service_token_pipe_complain(lookup->lookups->link, NULL);

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY) {
        return ngx_service_token_lookup_unreadable(lookup,
                                                   "unexpected reply");
    }

    if (reply->n > NGX_SERVICE_TOKEN_LOOKUP_FIELDS) {
        return ngx_service_token_lookup_unreadable(lookup,
                                                   "too many fields");
    }

    for (i = 0; i < reply->n; i++) {
        element = &reply->element[i];

        if (element->type != NGX_SERVICE_TOKEN_STRING) {
            return ngx_service_token_lookup_unreadable(lookup,
                                                       "unexpected reply");
        }

        field[i].data = (char *) element->str.data;
        field[i].len = element->str.len;
    }

    rc = ngx_service_token_lookup_pack(lookup, field, reply->n, &why);

    if (rc == STOK_OK) {
        return NGX_OK;
    }

    if (rc == STOK_DECLINED) {
        return NGX_DECLINED;
    }

    return ngx_service_token_lookup_unreadable(lookup, why);
}


static int
ngx_service_token_lookup_pack(ngx_service_token_lookup_t *lookup,
    const stok_str_t *fields, size_t n, const char **why)
{
    int                   rc;
    stok_keys_t          *keys;
    stok_user_record_t    user;
    stok_token_record_t   token;

    keys = lookup->lookups->keys;

    if (lookup->user) {
        rc = stok_user_record_decode(&user, fields, n, why);
        if (rc != STOK_OK) {
            return rc;
        }

        if (keys) {
            stok_seal_check_user(keys, lookup->id, &user);
        }

        lookup->packed_len = stok_user_record_pack(&user, lookup->packed,
                                                   STOK_PACK_MAX);

    } else {
        rc = stok_token_record_decode(&token, fields, n, why);

        if (token.id.len) {
            lookup->label_len = ngx_min(token.id.len, STOK_RECORD_ID_MAX);
            ngx_memcpy(lookup->label, token.id.data, lookup->label_len);
        }

        if (rc != STOK_OK) {
            return rc;
        }

        if (keys) {
            stok_seal_check_token(keys, lookup->digest, &token);
        }

        lookup->packed_len = stok_token_record_pack(&token, lookup->packed,
                                                    STOK_PACK_MAX);
    }

    *why = "too long";

    return lookup->packed_len ? STOK_OK : STOK_INVALID;
}


static ngx_int_t
ngx_service_token_lookup_unreadable(ngx_service_token_lookup_t *lookup,
    const char *why)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "service token: unreadable %s record of token %*s: %s",
                  lookup->user ? "user" : "token",
                  lookup->label_len, lookup->label, why);

    return NGX_ABORT;
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
                             lookup->lookups->link->server, lookup->packed,
                             lookup->rc == NGX_OK ? lookup->packed_len : 0);
    }

    while (!ngx_queue_empty(&lookup->waiters)) {
        q = ngx_queue_head(&lookup->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_service_token_waiter_t, queue);
        waiter->lookup = NULL;
        waiter->rc = lookup->rc;

        if (waiter->rc == NGX_OK) {
            waiter->record.len = lookup->packed_len;
            waiter->record.data = ngx_pnalloc(waiter->pool,
                                              lookup->packed_len);

            if (waiter->record.data == NULL) {
                waiter->rc = NGX_ERROR;

            } else {
                ngx_memcpy(waiter->record.data, lookup->packed,
                           lookup->packed_len);
            }
        }

        ngx_post_event(&waiter->event, &ngx_posted_events);
    }

    ngx_free(lookup);
}
