/*
 * A connection to Redis on nginx's event loop.  Knows no HTTP.
 */


#ifndef NGX_SERVICE_TOKEN_LINK_H
#define NGX_SERVICE_TOKEN_LINK_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "ngx_service_token_redis.h"


#define NGX_SERVICE_TOKEN_LINK_PENDING  24576      /* commands of a link */
#define NGX_SERVICE_TOKEN_LINK_OUT      65536      /* bytes, of one write */
#define NGX_SERVICE_TOKEN_LINK_FAILED   160        /* bytes kept of why */


typedef struct ngx_service_token_command_s  ngx_service_token_command_t;
typedef struct ngx_service_token_link_s     ngx_service_token_link_t;


/* where Redis is and how to greet it; read-only once configured */
typedef struct {
    ngx_str_t                     name;            /* as configured */
    ngx_addr_t                   *addrs;
    ngx_uint_t                    naddrs;

    ngx_str_t                     user;
    ngx_str_t                     password;
    ngx_int_t                     db;

    ngx_msec_t                    timeout;
    ngx_msec_t                    connect_timeout;

    ngx_flag_t                    tls;
    ngx_str_t                     tls_ca;
    ngx_str_t                     tls_name;
    ngx_str_t                     tls_cert;
    ngx_str_t                     tls_key;
#if (NGX_SSL)
    ngx_ssl_t                    *ssl;             /* NULL: no TLS */
#endif
} ngx_service_token_redis_t;


/*
 * reply NULL: there will be none: the link was lost, or the command's time is
 * over.  Called once for each command that was taken, never from inside
 * ngx_service_token_link_send().  The command is no longer the link's; the
 * reply lives until the handler returns.
 */
typedef void (*ngx_service_token_reply_pt)(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply);


/* a link became ready, or is not any more: link->state says it */
typedef void (*ngx_service_token_change_pt)(ngx_service_token_link_t *link);

/* a message that no command asked for; it lives until this returns */
typedef void (*ngx_service_token_push_pt)(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *message);


/* the caller's; it stays where it is until its handler was called */
struct ngx_service_token_command_s {
    ngx_service_token_reply_pt    handler;
    void                         *data;

    ngx_queue_t                   queue;
    ngx_msec_t                    deadline;
    u_char                       *bytes;
    size_t                        len;
    unsigned                      again:1;         /* was sent before */
    unsigned                      written:1;       /* perhaps to the socket */
    unsigned                      allocated:1;     /* bytes, by the link */
};


typedef enum {
    NGX_SERVICE_TOKEN_LINK_CLOSED = 0,
    NGX_SERVICE_TOKEN_LINK_CONNECTING,
    NGX_SERVICE_TOKEN_LINK_SETUP,
    NGX_SERVICE_TOKEN_LINK_READY
} ngx_service_token_link_e;


struct ngx_service_token_link_s {
    ngx_service_token_redis_t    *redis;
    ngx_connection_t             *connection;
    ngx_service_token_reader_t    reader;

    ngx_queue_t                   unsent;
    ngx_queue_t                   sent;
    ngx_uint_t                    commands;        /* in both */

    u_char                       *out;
    size_t                        out_pos;
    size_t                        out_last;

    ngx_event_t                   timer;
    ngx_event_t                   flush;           /* posted: write, once */
    ngx_log_t                     log;             /* keeps core's lines off */
    ngx_msec_t                    active;          /* when last used */
    ngx_msec_t                    renewed;         /* when last renewed */

#if (NGX_SSL)
    ngx_ssl_session_t            *session;         /* to be used again */
    size_t                        failed_len;
    u_char                        failed[NGX_SERVICE_TOKEN_LINK_FAILED];
#endif

    void                         *data;
    ngx_service_token_change_pt   change;          /* or NULL */
    ngx_service_token_push_pt     push;            /* of a stream */

    uint64_t                      server;          /* last seen; 0: unknown */
    ngx_service_token_link_e      state;
    ngx_uint_t                    setup;           /* answers awaited */
    ngx_uint_t                    serial;          /* of the connection */
    ngx_uint_t                    tries;           /* that failed in a row */
    ngx_msec_t                    lost;            /* since when, if down */

    ngx_uint_t                    complained;      /* of which kinds */

    unsigned                      down:1;
};


/* a link that is closed; NULL if memory is short */
ngx_service_token_link_t *ngx_service_token_link_create(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis);

/*
 * Asks; opens the link if it is closed.  The command is a read: if the server
 * closes the connection, it is sent once more on a new one.  Commands sent in
 * one pass of the event loop leave in one write; replies come in the order of
 * commands.
 * NGX_OK: the handler will be called.  NGX_ERROR: Redis cannot be asked now
 * (lost, and not back yet; too many commands pending; no memory): at once.
 */
ngx_int_t ngx_service_token_link_send(ngx_service_token_link_t *link,
    ngx_service_token_command_t *cmd, int argc, const char **argv,
    const size_t *argvlen);

/*
 * The same, with the command in cmd->bytes and cmd->len, as
 * ngx_service_token_redis_format_to() writes it: they are the caller's, too.
 */
ngx_int_t ngx_service_token_link_send_bytes(ngx_service_token_link_t *link,
    ngx_service_token_command_t *cmd);

/*
 * Logs an error reply, once for each change of state; reply NULL: a good one
 * came, all is well again.  Scripts may be refused where reads are not, so
 * they have a state of their own.
 */
void ngx_service_token_pipe_complain(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply, ngx_uint_t script);

/*
 * The same of the freshness check, which has a state of its own: at that
 * level, with what it means for the operator.
 */
void ngx_service_token_pipe_doubt(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply, ngx_uint_t level, const char *why);

/*
 * Opens a closed link, and opens it again whenever it is lost, until it is
 * closed by ngx_service_token_link_close().  For a stream: it is not closed
 * when idle, its losses are logged at INFO, and its change is called.
 */
void ngx_service_token_link_start(ngx_service_token_link_t *link);

/*
 * A new connection, on which all that is pending is asked again; not if there
 * was one in the last wait ms.
 */
void ngx_service_token_link_renew(ngx_service_token_link_t *link,
    ngx_msec_t wait);

/* closes and frees; commands get NULL; may be called again */
void ngx_service_token_link_close(ngx_service_token_link_t *link);


/* between link.c (the connection's life) and pipe.c (what goes through it) */

#define NGX_SERVICE_TOKEN_LINK_IDLE  60000         /* closed after, ms */

ngx_int_t ngx_service_token_link_open(ngx_service_token_link_t *link);

/* closes the connection and touches no command */
void ngx_service_token_link_detach(ngx_service_token_link_t *link);

/* Redis cannot be asked any more: closes, logs, and fails all commands */
void ngx_service_token_link_drop(ngx_service_token_link_t *link,
    ngx_err_t err, const char *why, ngx_str_t *text);

/* the socket is there, or failed */
void ngx_service_token_link_connected(ngx_service_token_link_t *link);

/* greet.c: asks for AUTH, SELECT, PING and INFO, and takes each answer */
void ngx_service_token_greet_start(ngx_service_token_link_t *link);
void ngx_service_token_greet_answered(ngx_service_token_link_t *link,
    ngx_service_token_reply_t *reply);

/* the connection is gone: asks again on a new one, or is lost */
void ngx_service_token_pipe_closed(ngx_service_token_link_t *link,
    ngx_err_t err);
void ngx_service_token_pipe_write(ngx_service_token_link_t *link);
void ngx_service_token_pipe_read_handler(ngx_event_t *rev);
void ngx_service_token_pipe_write_handler(ngx_event_t *wev);
void ngx_service_token_pipe_flush_handler(ngx_event_t *ev);

/* empties both queues into commands, in order; the caller fails them */
void ngx_service_token_pipe_take(ngx_service_token_link_t *link,
    ngx_queue_t *commands);
void ngx_service_token_pipe_fail(ngx_queue_t *commands);


#if (NGX_SSL)

/*
 * ssl.c: TLS by nginx's own code, verified against tls_ca (else the system's
 * authorities) and tls_name.
 */
ngx_int_t ngx_service_token_ssl_init(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis);

/*
 * Shakes hands, then calls ngx_service_token_link_secured() once; perhaps
 * before this returns.
 */
void ngx_service_token_ssl_start(ngx_service_token_link_t *link);

/* failed NULL: the server is who it should be; text NULL: no more to say */
void ngx_service_token_link_secured(ngx_service_token_link_t *link,
    const char *failed, ngx_str_t *text);

/* what TLS said last on this connection; NULL: nothing */
ngx_str_t *ngx_service_token_ssl_failed(ngx_service_token_link_t *link,
    ngx_str_t *text);

/* says good-bye, and frees what TLS has of this connection */
void ngx_service_token_ssl_shutdown(ngx_connection_t *c);

/* the next connection begins anew */
void ngx_service_token_ssl_forget(ngx_service_token_link_t *link);

#endif


#endif /* NGX_SERVICE_TOKEN_LINK_H */
