/*
 * The traffic of a link: commands into one write for each pass of the event
 * loop, replies to the handlers of the commands, in order.
 */


#include "ngx_service_token_link.h"


#define NGX_SERVICE_TOKEN_PIPE_IN  16384

/* bits of link->complained */
#define NGX_SERVICE_TOKEN_PIPE_READ    1
#define NGX_SERVICE_TOKEN_PIPE_SCRIPT  2
#define NGX_SERVICE_TOKEN_PIPE_CHECK   4


static void ngx_service_token_pipe_fill(ngx_service_token_link_t *link);
static ngx_int_t ngx_service_token_pipe_drain(ngx_service_token_link_t *link);
static void ngx_service_token_pipe_reply(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_pipe_free(ngx_service_token_command_t *cmd);
static void ngx_service_token_pipe_lost(ngx_service_token_link_t *link,
    ngx_err_t err);


ngx_int_t
ngx_service_token_link_send(ngx_service_token_link_t *link,
    ngx_service_token_command_t *cmd, int argc, const char **argv,
    const size_t *argvlen)
{
    cmd->len = ngx_service_token_redis_format(&cmd->bytes, argc, argv,
                                              argvlen);
    if (cmd->len == 0) {
        return NGX_ERROR;
    }

    cmd->allocated = 1;

    if (ngx_service_token_link_send_bytes(link, cmd) != NGX_OK) {
        ngx_service_token_pipe_free(cmd);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_service_token_link_send_bytes(ngx_service_token_link_t *link,
    ngx_service_token_command_t *cmd)
{
    if (link->down || link->commands >= NGX_SERVICE_TOKEN_LINK_PENDING
        || cmd->len > NGX_SERVICE_TOKEN_LINK_OUT)
    {
        return NGX_ERROR;
    }

    if (link->state == NGX_SERVICE_TOKEN_LINK_CLOSED
        && ngx_service_token_link_open(link) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmd->deadline = ngx_current_msec + link->redis->timeout;
    cmd->again = 0;
    cmd->written = 0;

    if (link->state == NGX_SERVICE_TOKEN_LINK_READY) {

        if (link->commands == 0) {
            ngx_add_timer(&link->timer, link->redis->timeout);
        }

        ngx_post_event(&link->flush, &ngx_posted_events);
    }

    ngx_queue_insert_tail(&link->unsent, &cmd->queue);
    link->commands++;

    return NGX_OK;
}


void
ngx_service_token_pipe_flush_handler(ngx_event_t *ev)
{
    ngx_service_token_link_t  *link;

    link = ev->data;

    if (link->state == NGX_SERVICE_TOKEN_LINK_CONNECTING) {
        ngx_service_token_link_connected(link);
        return;
    }

    if (link->state == NGX_SERVICE_TOKEN_LINK_READY) {
        ngx_service_token_pipe_write(link);
    }
}


void
ngx_service_token_pipe_write_handler(ngx_event_t *wev)
{
    ngx_connection_t          *c;
    ngx_service_token_link_t  *link;

    c = wev->data;
    link = c->data;

    if (link->state == NGX_SERVICE_TOKEN_LINK_CONNECTING) {
        ngx_service_token_link_connected(link);
        return;
    }

    ngx_service_token_pipe_write(link);
}


void
ngx_service_token_pipe_write(ngx_service_token_link_t *link)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = link->connection;

    for ( ;; ) {

        if (link->out_pos == link->out_last) {
            link->out_pos = 0;
            link->out_last = 0;

            if (link->state == NGX_SERVICE_TOKEN_LINK_READY) {
                ngx_service_token_pipe_fill(link);
            }

            if (link->out_last == 0) {
                break;
            }
        }

        n = c->send(c, link->out + link->out_pos,
                    link->out_last - link->out_pos);

        if (n == NGX_ERROR) {
            ngx_service_token_pipe_closed(link, ngx_socket_errno);
            return;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        link->out_pos += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_service_token_link_drop(link, 0, "event failed", NULL);
    }
}


/* whole commands from unsent into the buffer, as many as fit */

static void
ngx_service_token_pipe_fill(ngx_service_token_link_t *link)
{
    ngx_queue_t                  *q;
    ngx_service_token_command_t  *cmd;

    while (!ngx_queue_empty(&link->unsent)) {
        q = ngx_queue_head(&link->unsent);
        cmd = ngx_queue_data(q, ngx_service_token_command_t, queue);

        if (cmd->len > NGX_SERVICE_TOKEN_LINK_OUT - link->out_last) {
            return;
        }

        ngx_memcpy(link->out + link->out_last, cmd->bytes, cmd->len);
        link->out_last += cmd->len;
        cmd->written = 1;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&link->sent, q);
    }
}


void
ngx_service_token_pipe_read_handler(ngx_event_t *rev)
{
    ssize_t                    n;
    ngx_connection_t          *c;
    ngx_service_token_link_t  *link;
    static u_char              buf[NGX_SERVICE_TOKEN_PIPE_IN];

    c = rev->data;
    link = c->data;

    if (link->state < NGX_SERVICE_TOKEN_LINK_SETUP) {
        return;
    }

    do {
        n = c->recv(c, buf, NGX_SERVICE_TOKEN_PIPE_IN);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_service_token_pipe_closed(link, n ? ngx_socket_errno : 0);
            return;
        }

        ngx_service_token_redis_reader_feed(&link->reader, buf, n);

        if (ngx_service_token_pipe_drain(link) != NGX_OK) {
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_service_token_link_drop(link, 0, "event failed", NULL);
    }
}


/* NGX_OK, or NGX_DONE if the connection is not what it was */

static ngx_int_t
ngx_service_token_pipe_drain(ngx_service_token_link_t *link)
{
    ngx_int_t                   rc;
    ngx_uint_t                  serial;
    ngx_service_token_reply_t  *reply;

    serial = link->serial;

    for ( ;; ) {
        rc = ngx_service_token_redis_reader_next(&link->reader, &reply);

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR) {
            ngx_service_token_link_drop(link, 0, link->reader.refused, NULL);
            return NGX_DONE;
        }

        ngx_service_token_pipe_reply(link, reply);

        if (link->serial != serial) {
            return NGX_DONE;
        }
    }
}


static void
ngx_service_token_pipe_reply(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply)
{
    ngx_queue_t                  *q;
    ngx_service_token_command_t  *cmd;

    if (link->state == NGX_SERVICE_TOKEN_LINK_SETUP) {
        ngx_service_token_greet_answered(link, reply);
        return;
    }

    if (link->push && reply->type == NGX_SERVICE_TOKEN_ARRAY
        && reply->n && reply->element[0].type == NGX_SERVICE_TOKEN_STRING
        && reply->element[0].str.len == 7
        && ngx_strncmp(reply->element[0].str.data, "message", 7) == 0)
    {
        link->push(link, reply);
        return;
    }

    if (ngx_queue_empty(&link->sent)) {
        ngx_service_token_link_drop(link, 0, "reply to no command", NULL);
        return;
    }

    q = ngx_queue_head(&link->sent);
    cmd = ngx_queue_data(q, ngx_service_token_command_t, queue);

    ngx_queue_remove(q);
    link->commands--;
    link->active = ngx_current_msec;

    ngx_service_token_pipe_free(cmd);

    cmd->handler(cmd, reply);
}


static void
ngx_service_token_pipe_free(ngx_service_token_command_t *cmd)
{
    if (cmd->allocated) {
        cmd->allocated = 0;
        ngx_service_token_redis_format_free(cmd->bytes, cmd->len);
    }
}


/*
 * The server closed.  From a link that was ready, and for commands that were
 * not asked before, that is worth a new connection at once; otherwise it is
 * lost.
 */

void
ngx_service_token_pipe_closed(ngx_service_token_link_t *link, ngx_err_t err)
{
    ngx_queue_t                  *q, failed;
    ngx_service_token_command_t  *cmd;

    if (link->state != NGX_SERVICE_TOKEN_LINK_READY || link->push) {
        ngx_service_token_pipe_lost(link, err);
        return;
    }

    for (q = ngx_queue_head(&link->sent);
         q != ngx_queue_sentinel(&link->sent);
         q = ngx_queue_next(q))
    {
        cmd = ngx_queue_data(q, ngx_service_token_command_t, queue);

        if (cmd->again) {
            ngx_service_token_pipe_lost(link, err);
            return;
        }

        cmd->again = 1;
    }

    ngx_service_token_link_detach(link);

    if (link->commands == 0) {
        return;
    }

    /* first the commands that were sent, then the others */

    if (!ngx_queue_empty(&link->unsent)) {
        ngx_queue_add(&link->sent, &link->unsent);
        ngx_queue_init(&link->unsent);
    }

    ngx_queue_add(&link->unsent, &link->sent);
    ngx_queue_init(&link->sent);

    if (ngx_service_token_link_open(link) != NGX_OK) {
        ngx_service_token_pipe_take(link, &failed);
        ngx_service_token_pipe_fail(&failed);
    }
}


/* with TLS the reason may be known: a server that wants a certificate, ... */

static void
ngx_service_token_pipe_lost(ngx_service_token_link_t *link, ngx_err_t err)
{
#if (NGX_SSL)

    ngx_str_t  text;

    if (ngx_service_token_ssl_failed(link, &text)) {
        ngx_service_token_link_drop(link, 0, "lost: connection closed",
                                    &text);
        return;
    }

#endif

    ngx_service_token_link_drop(link, err, "connection closed", NULL);
}


/* empties both queues into commands, in order */

void
ngx_service_token_pipe_take(ngx_service_token_link_t *link,
    ngx_queue_t *commands)
{
    ngx_queue_init(commands);

    if (!ngx_queue_empty(&link->sent)) {
        ngx_queue_add(commands, &link->sent);
        ngx_queue_init(&link->sent);
    }

    if (!ngx_queue_empty(&link->unsent)) {
        ngx_queue_add(commands, &link->unsent);
        ngx_queue_init(&link->unsent);
    }

    link->commands = 0;
}


void
ngx_service_token_pipe_fail(ngx_queue_t *commands)
{
    ngx_queue_t                  *q;
    ngx_service_token_command_t  *cmd;

    while (!ngx_queue_empty(commands)) {
        q = ngx_queue_head(commands);
        ngx_queue_remove(q);
        cmd = ngx_queue_data(q, ngx_service_token_command_t, queue);

        ngx_service_token_pipe_free(cmd);

        cmd->handler(cmd, NULL);
    }
}


void
ngx_service_token_pipe_complain(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply, ngx_uint_t script)
{
    ngx_str_t   text;
    ngx_uint_t  kind;

    kind = script ? NGX_SERVICE_TOKEN_PIPE_SCRIPT : NGX_SERVICE_TOKEN_PIPE_READ;

    if (reply == NULL) {
        if (link->complained & kind) {
            link->complained &= ~kind;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "service token: redis \"%V\" answers again",
                          &link->redis->name);
        }

        return;
    }

    if (link->complained & kind) {
        return;
    }

    link->complained |= kind;
    text = ngx_service_token_redis_error_text(reply);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "service token: redis \"%V\" answers with an error: %V",
                  &link->redis->name, &text);
}


void
ngx_service_token_pipe_doubt(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply, ngx_uint_t level, const char *why)
{
    ngx_str_t  text;

    if (reply == NULL) {
        if (link->complained & NGX_SERVICE_TOKEN_PIPE_CHECK) {
            link->complained &= ~NGX_SERVICE_TOKEN_PIPE_CHECK;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "service token: redis \"%V\" accepts the "
                          "freshness check again", &link->redis->name);
        }

        return;
    }

    if (link->complained & NGX_SERVICE_TOKEN_PIPE_CHECK) {
        return;
    }

    link->complained |= NGX_SERVICE_TOKEN_PIPE_CHECK;
    text = ngx_service_token_redis_error_text(reply);

    ngx_log_error(level, ngx_cycle->log, 0,
                  "service token: redis \"%V\" %s: %V",
                  &link->redis->name, why, &text);
}
