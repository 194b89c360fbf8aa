/*
 * The invalidation stream.
 *
 * One connection that Redis tells every change under the tracked prefixes;
 * set up once the link is ready:
 *
 *     CLIENT ID -> CLIENT TRACKING ON REDIRECT <id> BCAST -> SUBSCRIBE
 *
 * A key that is named is dropped from the cache; what is not understood raises
 * the epoch.  "Everything" (nil: FLUSHALL, or a full resynchronisation of a
 * server that was made a replica) ends the session: the data may be older than
 * what was received.  Messages are applied in the order in which they come.
 */


#include "ngx_service_token_stream.h"
#include "stok_watch.h"


#define NGX_SERVICE_TOKEN_STREAM_CHANNEL  "__redis__:invalidate"


static void ngx_service_token_stream_begin(ngx_service_token_stream_t *stream,
    ngx_service_token_stream_e state);
static void ngx_service_token_stream_changed(ngx_service_token_link_t *link);
static void ngx_service_token_stream_ask(
    ngx_service_token_stream_t *stream, ngx_service_token_command_t *cmd,
    ngx_service_token_reply_pt handler, ngx_uint_t argc, ngx_str_t *argv);
static void ngx_service_token_stream_id(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_stream_tracking(
    ngx_service_token_command_t *cmd, ngx_service_token_reply_t *reply);
static void ngx_service_token_stream_subscribed(
    ngx_service_token_command_t *cmd, ngx_service_token_reply_t *reply);
static ngx_int_t ngx_service_token_stream_answered(
    ngx_service_token_stream_t *stream, ngx_service_token_reply_t *reply,
    const char *what);
static void ngx_service_token_stream_refused(
    ngx_service_token_stream_t *stream, ngx_service_token_reply_t *reply,
    const char *what);
static void ngx_service_token_stream_message(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *message);
static ngx_int_t ngx_service_token_stream_key(
    ngx_service_token_stream_t *stream, ngx_str_t *key);


void
ngx_service_token_stream_open(ngx_service_token_stream_t *stream)
{
    if (stream->state != NGX_SERVICE_TOKEN_STREAM_OFF) {
        return;
    }

    stream->state = NGX_SERVICE_TOKEN_STREAM_OPENING;

    stream->link->data = stream;
    stream->link->change = ngx_service_token_stream_changed;
    stream->link->push = ngx_service_token_stream_message;

    ngx_service_token_link_start(stream->link);
}


void
ngx_service_token_stream_close(ngx_service_token_stream_t *stream)
{
    ngx_service_token_stream_begin(stream, NGX_SERVICE_TOKEN_STREAM_OFF);
    ngx_service_token_link_close(stream->link);
}


void
ngx_service_token_stream_restart(ngx_service_token_stream_t *stream)
{
    ngx_service_token_fresh_reset(stream->cache,
                                  NGX_SERVICE_TOKEN_BUMP_FLUSH);

    if (stream->state < NGX_SERVICE_TOKEN_STREAM_JOINING) {
        return;
    }

    ngx_service_token_stream_begin(stream, NGX_SERVICE_TOKEN_STREAM_JOINING);
    stream->continued = 1;
    stream->proved = stream->acked;

    ngx_service_token_proof_tick(stream);
}


/* a session: nothing of the one before is left */

static void
ngx_service_token_stream_begin(ngx_service_token_stream_t *stream,
    ngx_service_token_stream_e state)
{
    uint32_t  pid;

    pid = (uint32_t) ngx_pid;
    (void) atomic_compare_exchange_strong(&stream->cache->shared->joined,
                                          &pid, 0);

    stream->state = state;
    stream->session++;
    stream->nproofs = 0;
    stream->heard = 0;
    stream->since = 0;
    stream->counted = 0;
    stream->join = 0;
    stream->continued = 0;
    stream->acked = ngx_service_token_cache_now();
}


/* the link is ready, or lost; a lost one is tried again by itself */

static void
ngx_service_token_stream_changed(ngx_service_token_link_t *link)
{
    ngx_str_t                    arg[2];
    ngx_service_token_stream_t  *stream;

    stream = link->data;

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_OFF) {
        return;
    }

    ngx_service_token_stream_begin(stream, NGX_SERVICE_TOKEN_STREAM_OPENING);

    if (link->state != NGX_SERVICE_TOKEN_LINK_READY) {
        return;
    }

    if (link->server == 0) {
        ngx_service_token_stream_refused(stream, NULL, "INFO");
        return;
    }

    ngx_str_set(&arg[0], "CLIENT");
    ngx_str_set(&arg[1], "ID");

    ngx_service_token_stream_ask(stream, &stream->id,
                                 ngx_service_token_stream_id, 2, arg);
}


/* without memory it begins anew, later */

static void
ngx_service_token_stream_ask(ngx_service_token_stream_t *stream,
    ngx_service_token_command_t *cmd, ngx_service_token_reply_pt handler,
    ngx_uint_t argc, ngx_str_t *argv)
{
    size_t       len[12];
    ngx_uint_t   i;
    const char  *arg[12];

    i = 0;

    do {
        arg[i] = (const char *) argv[i].data;
        len[i] = argv[i].len;
    } while (++i < argc);

    cmd->handler = handler;
    cmd->data = stream;

    if (ngx_service_token_link_send(stream->link, cmd, (int) argc, arg, len)
        != NGX_OK)
    {
        ngx_service_token_stream_close(stream);
    }
}


static void
ngx_service_token_stream_id(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    u_char                       id[NGX_INT64_LEN];
    u_char                       prefix[3][STOK_PREFIX_MAX + 8];
    ngx_str_t                    arg[12];
    ngx_uint_t                   i;
    ngx_service_token_stream_t  *stream;
    static const char           *name[] = { "token:", "user:", "watch:" };

    stream = cmd->data;

    if (ngx_service_token_stream_answered(stream, reply, "CLIENT ID")
        != NGX_OK)
    {
        return;
    }

    ngx_str_set(&arg[0], "CLIENT");
    ngx_str_set(&arg[1], "TRACKING");
    ngx_str_set(&arg[2], "ON");
    ngx_str_set(&arg[3], "REDIRECT");
    ngx_str_set(&arg[5], "BCAST");

    arg[4].data = id;
    arg[4].len = ngx_sprintf(id, "%L", reply->integer) - id;

    for (i = 0; i < 3; i++) {
        ngx_str_set(&arg[6 + 2 * i], "PREFIX");

        arg[7 + 2 * i].data = prefix[i];
        arg[7 + 2 * i].len = ngx_sprintf(prefix[i], "%V%s", &stream->prefix,
                                         name[i])
                             - prefix[i];
    }

    ngx_service_token_stream_ask(stream, &stream->tracking,
                                 ngx_service_token_stream_tracking,
                                 12, arg);
}


static void
ngx_service_token_stream_tracking(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_str_t                    arg[2];
    ngx_service_token_stream_t  *stream;

    stream = cmd->data;

    if (ngx_service_token_stream_answered(stream, reply, "CLIENT TRACKING")
        != NGX_OK)
    {
        return;
    }

    ngx_str_set(&arg[0], "SUBSCRIBE");
    ngx_str_set(&arg[1], NGX_SERVICE_TOKEN_STREAM_CHANNEL);

    ngx_service_token_stream_ask(stream, &stream->subscribe,
                                 ngx_service_token_stream_subscribed,
                                 2, arg);
}


static void
ngx_service_token_stream_subscribed(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_stream_t  *stream;

    stream = cmd->data;

    if (ngx_service_token_stream_answered(stream, reply, "SUBSCRIBE")
        != NGX_OK)
    {
        return;
    }

    if (atomic_exchange(&stream->cache->shared->refused, 0)) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "service token: redis \"%V\" announces changes: records "
                      "are cached", &stream->link->redis->name);
    }

    stream->state = NGX_SERVICE_TOKEN_STREAM_JOINING;
    stream->acked = ngx_service_token_cache_now();
    stream->proved = stream->acked;

    ngx_service_token_proof_tick(stream);
    ngx_service_token_keeper_join(stream);
}


static ngx_int_t
ngx_service_token_stream_answered(ngx_service_token_stream_t *stream,
    ngx_service_token_reply_t *reply, const char *what)
{
    if (reply == NULL
        || stream->state != NGX_SERVICE_TOKEN_STREAM_OPENING)
    {
        return NGX_DECLINED;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_stream_refused(stream, reply, what);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* never cached without invalidation; the keeper tries again later */

static void
ngx_service_token_stream_refused(ngx_service_token_stream_t *stream,
    ngx_service_token_reply_t *reply, const char *what)
{
    ngx_str_t  text;

    ngx_str_set(&text, "no run_id");

    if (reply) {
        text = ngx_service_token_redis_error_text(reply);
    }

    if (atomic_exchange(&stream->cache->shared->refused, 1) == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "service token: redis \"%V\" refuses %s: %V: "
                      "records are not cached",
                      &stream->link->redis->name, what, &text);
    }

    stream->refused = ngx_service_token_cache_now();

    ngx_service_token_stream_close(stream);
}


/* "message", the channel, and: keys, or nil for all, or what we do not know */

static void
ngx_service_token_stream_message(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *message)
{
    ngx_uint_t                   i;
    ngx_service_token_reply_t   *keys, *channel;
    ngx_service_token_stream_t  *stream;

    stream = link->data;

    if (message->n != 3) {
        goto unknown;
    }

    channel = &message->element[1];
    keys = &message->element[2];

    if (channel->type != NGX_SERVICE_TOKEN_STRING
        || channel->str.len != sizeof(NGX_SERVICE_TOKEN_STREAM_CHANNEL) - 1
        || ngx_strncmp(channel->str.data, NGX_SERVICE_TOKEN_STREAM_CHANNEL,
                       channel->str.len)
           != 0)
    {
        goto unknown;
    }

    if (keys->type == NGX_SERVICE_TOKEN_NIL) {
        ngx_service_token_stream_restart(stream);
        return;
    }

    if (keys->type != NGX_SERVICE_TOKEN_ARRAY) {
        goto unknown;
    }

    for (i = 0; i < keys->n; i++) {
        if (keys->element[i].type != NGX_SERVICE_TOKEN_STRING
            || ngx_service_token_stream_key(stream, &keys->element[i].str)
               != NGX_OK)
        {
            goto unknown;
        }
    }

    return;

unknown:

    ngx_service_token_fresh_bump(stream->cache,
                                 NGX_SERVICE_TOKEN_BUMP_UNKNOWN);
}


/* NGX_DECLINED: not a key of this dataset */

static ngx_int_t
ngx_service_token_stream_key(ngx_service_token_stream_t *stream,
    ngx_str_t *key)
{
    stok_str_t        prefix;
    stok_watch_t      watch;
    stok_table_key_t  tk;

    prefix.data = (char *) stream->prefix.data;
    prefix.len = stream->prefix.len;

    switch (stok_watch_parse(prefix, (char *) key->data, key->len, &watch)) {

    case STOK_WATCH_TOKEN:
        stok_table_key(&tk, NGX_SERVICE_TOKEN_KIND_TOKEN, watch.digest,
                       STOK_DIGEST_LEN, 1);
        ngx_service_token_cache_drop(stream->cache, &tk);
        return NGX_OK;

    case STOK_WATCH_USER:
        stok_table_key(&tk, NGX_SERVICE_TOKEN_KIND_USER, watch.text.data,
                       watch.text.len, 0);
        ngx_service_token_cache_drop(stream->cache, &tk);
        return NGX_OK;

    case STOK_WATCH_TICK:
        ngx_service_token_proof_heard(stream, watch.tick);
        return NGX_OK;

    case STOK_WATCH_MARK:
        ngx_service_token_proof_mark(stream, (u_char *) watch.text.data,
                                     watch.text.len);
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}
