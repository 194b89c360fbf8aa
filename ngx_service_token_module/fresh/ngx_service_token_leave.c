/*
 * The end of a node.
 *
 * A keeper that leaves when no newer configuration has begun is the last of
 * its node: nginx quits, or another binary has taken its place.  It ends the
 * lease, so that workers that still answer ask Redis, and removes the node from
 * the list: then --wait need not wait for it.  It remains the keeper until
 * Redis has answered, so that a worker that stays after all, and keeps the
 * stream then, lists the node again later, not earlier.
 */


#include "ngx_service_token_stream.h"


static void ngx_service_token_leave_answered(
    ngx_service_token_command_t *cmd, ngx_service_token_reply_t *reply);


void
ngx_service_token_leave(ngx_service_token_stream_t *stream)
{
    u_char                      *nodes;
    size_t                       len[3];
    ngx_str_t                   *prefix;
    const char                  *arg[3];
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;

    if (stream->ending || atomic_load(&shared->cycle) != stream->cache->cycle) {
        ngx_service_token_keeper_stop(stream);
        return;
    }

    prefix = &stream->prefix;
    len[1] = prefix->len + sizeof("nodes") - 1;

    nodes = ngx_pnalloc(ngx_cycle->pool, len[1]);
    if (nodes == NULL) {
        ngx_service_token_keeper_stop(stream);
        return;
    }

    ngx_memcpy(ngx_cpymem(nodes, prefix->data, prefix->len), "nodes",
               sizeof("nodes") - 1);

    ngx_service_token_stream_close(stream);
    (void) ngx_service_token_fresh_reset(stream->cache,
                                         NGX_SERVICE_TOKEN_BUMP_JOIN);

    arg[0] = "HDEL";
    len[0] = sizeof("HDEL") - 1;
    arg[1] = (const char *) nodes;
    arg[2] = (const char *) shared->node;
    len[2] = shared->node_len;

    stream->gone.handler = ngx_service_token_leave_answered;
    stream->gone.data = stream;

    if (ngx_service_token_link_send(stream->data, &stream->gone, 3, arg, len)
        != NGX_OK)
    {
        ngx_service_token_keeper_stop(stream);
        return;
    }

    /* the worker stays for the answer, and not for longer */

    stream->ending = 1;
    stream->timer.cancelable = 0;
    ngx_add_timer(&stream->timer, stream->data->redis->timeout);
}


static void
ngx_service_token_leave_answered(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_stream_t  *stream;

    stream = cmd->data;

    ngx_service_token_keeper_stop(stream);
}
