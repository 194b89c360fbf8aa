/*
 * The life of a connection to Redis: opened when first needed, greeted, lost,
 * tried again, closed when long idle.  greet.c sets it up, pipe.c is what goes
 * through it.
 *
 *     CLOSED -> CONNECTING -> SETUP -> READY
 *        ^___________|___________|_______|
 *
 * Invariants:
 *
 * - a command that was taken is in exactly one of link->unsent and
 *   link->sent, and its handler is called once, never inside send();
 * - replies come in the order of link->sent, so a command past its deadline
 *   costs the connection;
 * - no command leaves before AUTH, SELECT and PING were answered well, and
 *   INFO somehow: it tells which server this is;
 * - while link->down, the timer is set (the next try) and both queues are
 *   empty: commands are refused at once.
 *
 * A handler may close the link or bring it onto another connection:
 * link->serial tells.  All timers are cancelable: requests that wait have
 * timers of their own, and an old worker need not stay for ours.
 */


#include "ngx_service_token_link.h"
#include "ngx_service_token_slot.h"


#define NGX_SERVICE_TOKEN_LINK_MIN   100           /* between tries, ms */
#define NGX_SERVICE_TOKEN_LINK_SOON  1000          /* at most, at first */
#define NGX_SERVICE_TOKEN_LINK_LONG  60000         /* so long is "at first" */
#define NGX_SERVICE_TOKEN_LINK_MAX   5000


static ngx_int_t ngx_service_token_link_prepare(
    ngx_service_token_link_t *link);
static void ngx_service_token_link_timer_handler(ngx_event_t *ev);
static const char *ngx_service_token_link_late(
    ngx_service_token_link_t *link);
static void ngx_service_token_link_ready_timer(ngx_service_token_link_t *link);
static void ngx_service_token_link_lost(ngx_service_token_link_t *link,
    ngx_err_t err, const char *why, ngx_str_t *text);
static ngx_msec_t ngx_service_token_link_wait(ngx_service_token_link_t *link);
static void ngx_service_token_link_cleanup(void *data);


ngx_service_token_link_t *
ngx_service_token_link_create(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis)
{
    ngx_pool_cleanup_t        *cln;
    ngx_service_token_link_t  *link;

    link = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_link_t));
    if (link == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_service_token_link_cleanup;
    cln->data = link;

    ngx_queue_init(&link->unsent);
    ngx_queue_init(&link->sent);

    link->redis = redis;

    link->timer.handler = ngx_service_token_link_timer_handler;
    link->timer.data = link;
    link->timer.log = &link->log;
    link->timer.cancelable = 1;

    link->flush.handler = ngx_service_token_pipe_flush_handler;
    link->flush.data = link;
    link->flush.log = &link->log;

    return link;
}


ngx_int_t
ngx_service_token_link_open(ngx_service_token_link_t *link)
{
    ngx_int_t               rc;
    ngx_addr_t             *addr;
    ngx_connection_t       *c;
    ngx_peer_connection_t   pc;

    link->log = *ngx_cycle->log;
    link->log.log_level = ngx_min(link->log.log_level, NGX_LOG_ALERT);
    link->log.action = "talking to redis";

    if (ngx_service_token_link_prepare(link) != NGX_OK) {
        ngx_service_token_link_lost(link, 0, "no memory", NULL);
        return NGX_ERROR;
    }

    addr = &link->redis->addrs[link->tries % link->redis->naddrs];

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = addr->sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &addr->name;
    pc.get = ngx_event_get_peer;
    pc.log = &link->log;
    pc.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_service_token_link_lost(link, ngx_socket_errno,
                                     "cannot connect", NULL);
        return NGX_ERROR;
    }

    c = pc.connection;
    c->data = link;
    c->log = &link->log;
    c->sendfile = 0;
    c->read->handler = ngx_service_token_pipe_read_handler;
    c->write->handler = ngx_service_token_pipe_write_handler;

    link->connection = c;
    link->serial++;
    link->state = NGX_SERVICE_TOKEN_LINK_CONNECTING;

    ngx_add_timer(&link->timer, link->redis->connect_timeout);

    if (rc == NGX_OK) {
        /* go on from the event loop: nothing calls back inside send() */
        ngx_post_event(&link->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_link_prepare(ngx_service_token_link_t *link)
{
    if (link->out == NULL) {
        link->out = ngx_alloc(NGX_SERVICE_TOKEN_LINK_OUT, &link->log);
        if (link->out == NULL) {
            return NGX_ERROR;
        }
    }

    link->out_pos = 0;
    link->out_last = 0;

    return ngx_service_token_redis_reader_open(&link->reader,
                                               link->push != NULL,
                                               &link->log);
}


void
ngx_service_token_link_connected(ngx_service_token_link_t *link)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    c = link->connection;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_service_token_link_drop(link, err, "cannot connect", NULL);
        return;
    }

    link->state = NGX_SERVICE_TOKEN_LINK_SETUP;

#if (NGX_SSL)

    if (link->redis->ssl) {
        ngx_service_token_ssl_start(link);
        return;
    }

#endif

    ngx_service_token_greet_start(link);
}


#if (NGX_SSL)

void
ngx_service_token_link_secured(ngx_service_token_link_t *link,
    const char *failed, ngx_str_t *text)
{
    if (failed) {
        ngx_service_token_ssl_forget(link);
        ngx_service_token_link_drop(link, 0, failed, text);
        return;
    }

    link->connection->read->handler = ngx_service_token_pipe_read_handler;
    link->connection->write->handler = ngx_service_token_pipe_write_handler;

    ngx_service_token_greet_start(link);
}

#endif


static void
ngx_service_token_link_timer_handler(ngx_event_t *ev)
{
    ngx_service_token_link_t  *link;

    link = ev->data;

    switch (link->state) {

    case NGX_SERVICE_TOKEN_LINK_CLOSED:
        (void) ngx_service_token_link_open(link);
        break;

    case NGX_SERVICE_TOKEN_LINK_CONNECTING:
    case NGX_SERVICE_TOKEN_LINK_SETUP:
        ngx_service_token_count(timeouts);
        ngx_service_token_link_drop(link, 0,
                                    ngx_service_token_link_late(link), NULL);
        break;

    case NGX_SERVICE_TOKEN_LINK_READY:
        ngx_service_token_link_ready_timer(link);
        break;
    }
}


static const char *
ngx_service_token_link_late(ngx_service_token_link_t *link)
{
#if (NGX_SSL)

    if (link->state == NGX_SERVICE_TOKEN_LINK_SETUP
        && link->connection->ssl
        && !link->connection->ssl->handshaked)
    {
        /* a server without TLS may wait for the end of a line */
        return "no TLS handshake in time";
    }

#endif

    return "no connection in time";
}


static void
ngx_service_token_link_ready_timer(ngx_service_token_link_t *link)
{
    ngx_queue_t                  *q;
    ngx_msec_int_t                left;
    ngx_service_token_command_t  *cmd;

    if (link->commands) {
        q = ngx_queue_head(ngx_queue_empty(&link->sent) ? &link->unsent
                                                        : &link->sent);
        cmd = ngx_queue_data(q, ngx_service_token_command_t, queue);
        left = (ngx_msec_int_t) (cmd->deadline - ngx_current_msec);

        if (left <= 0) {
            ngx_service_token_count(timeouts);
            ngx_service_token_link_drop(link, 0, "no answer in time", NULL);
            return;
        }

        ngx_add_timer(&link->timer, (ngx_msec_t) left);
        return;
    }

    if (link->push) {
        return;
    }

    left = (ngx_msec_int_t) (link->active + NGX_SERVICE_TOKEN_LINK_IDLE
                             - ngx_current_msec);

    if (left <= 0) {
        ngx_service_token_link_detach(link);
        return;
    }

    ngx_add_timer(&link->timer, (ngx_msec_t) left);
}


/* closes the connection, and nothing else */

void
ngx_service_token_link_detach(ngx_service_token_link_t *link)
{
    ngx_connection_t  *c;

    c = link->connection;

    link->connection = NULL;
    link->state = NGX_SERVICE_TOKEN_LINK_CLOSED;
    link->serial++;

    if (link->timer.timer_set) {
        ngx_del_timer(&link->timer);
    }

    if (link->flush.posted) {
        ngx_delete_posted_event(&link->flush);
    }

    ngx_service_token_redis_reader_close(&link->reader);

    if (c == NULL) {
        return;
    }

#if (NGX_SSL)

    if (c->ssl) {
        ngx_service_token_ssl_shutdown(c);
    }

#endif

    if (c->pool) {
        ngx_destroy_pool(c->pool);
        c->pool = NULL;
    }

    ngx_close_connection(c);
}


/* Redis cannot be asked: say so once, and try again later */

static void
ngx_service_token_link_lost(ngx_service_token_link_t *link, ngx_err_t err,
    const char *why, ngx_str_t *text)
{
    ngx_uint_t  level;

    level = link->push ? NGX_LOG_INFO : NGX_LOG_ERR;

    /* text may be part of a reply, which the reader owns: it is closed last */

    if (!link->down) {
        link->down = 1;
        link->lost = ngx_current_msec;
        ngx_service_token_count(losses);
        ngx_service_token_count(down);

        if (text) {
            ngx_log_error(level, ngx_cycle->log, err,
                          "service token: redis \"%V\" %s: %V",
                          &link->redis->name, why, text);

        } else {
            ngx_log_error(level, ngx_cycle->log, err,
                          "service token: redis \"%V\" lost: %s",
                          &link->redis->name, why);
        }
    }

    ngx_service_token_link_detach(link);

    ngx_add_timer(&link->timer, ngx_service_token_link_wait(link));
    link->tries++;

    if (link->change) {
        link->change(link);
    }
}


/*
 * Between half and all of 200 ms, doubled with each try, up to 1 s; after a
 * minute up to 5 s.  All nodes lose their streams at the same moment: within
 * 250 ms at first.
 */

static ngx_msec_t
ngx_service_token_link_wait(ngx_service_token_link_t *link)
{
    ngx_msec_t  wait, max;

    if (link->push && link->tries == 0) {
        return (ngx_msec_t) ngx_random() % 251;
    }

    max = ngx_current_msec - link->lost < NGX_SERVICE_TOKEN_LINK_LONG
          ? NGX_SERVICE_TOKEN_LINK_SOON : NGX_SERVICE_TOKEN_LINK_MAX;

    wait = NGX_SERVICE_TOKEN_LINK_MIN << ngx_min(link->tries, 6);
    wait = ngx_min(wait, max / 2);

    return wait + (ngx_msec_t) ngx_random() % (wait + 1);
}


void
ngx_service_token_link_drop(ngx_service_token_link_t *link, ngx_err_t err,
    const char *why, ngx_str_t *text)
{
    ngx_queue_t  failed;

    ngx_service_token_link_lost(link, err, why, text);
    ngx_service_token_pipe_take(link, &failed);
    ngx_service_token_pipe_fail(&failed);
}


void
ngx_service_token_link_start(ngx_service_token_link_t *link)
{
    if (link->state == NGX_SERVICE_TOKEN_LINK_CLOSED && !link->down) {
        (void) ngx_service_token_link_open(link);
    }
}


void
ngx_service_token_link_renew(ngx_service_token_link_t *link, ngx_msec_t wait)
{
    if (link->state == NGX_SERVICE_TOKEN_LINK_READY
        && (link->renewed == 0 || ngx_current_msec - link->renewed >= wait))
    {
        link->renewed = ngx_current_msec;
        ngx_service_token_pipe_closed(link, 0);
    }
}


void
ngx_service_token_link_close(ngx_service_token_link_t *link)
{
    ngx_uint_t   down;
    ngx_queue_t  failed;

    ngx_service_token_link_detach(link);

    /* no handler may open it again */

    down = link->down;
    link->down = 1;

    ngx_service_token_pipe_take(link, &failed);
    ngx_service_token_pipe_fail(&failed);

    link->down = 0;

    if (down) {
        ngx_service_token_count_add(down, -1);
    }

    link->tries = 0;

#if (NGX_SSL)
    ngx_service_token_ssl_forget(link);
#endif

    if (link->out) {
        ngx_free(link->out);
        link->out = NULL;
    }
}


static void
ngx_service_token_link_cleanup(void *data)
{
    ngx_service_token_link_close(data);
}
