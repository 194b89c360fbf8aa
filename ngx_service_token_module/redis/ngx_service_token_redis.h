/*
 * The Redis protocol (RESP2): hiredis' reader, with bounds on what is read,
 * and commands.  The only place that knows hiredis.
 */


#ifndef NGX_SERVICE_TOKEN_REDIS_H
#define NGX_SERVICE_TOKEN_REDIS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok.h"


#define NGX_SERVICE_TOKEN_REPLY_BYTES     1048576  /* of one reply, in memory */
#define NGX_SERVICE_TOKEN_PUSH_BYTES      16777216 /* of one message */
#define NGX_SERVICE_TOKEN_REPLY_STRING    8192     /* a longer one is cut */
#define NGX_SERVICE_TOKEN_REPLY_STRINGS   32       /* of one read in place */
#define NGX_SERVICE_TOKEN_REPLY_ELEMENTS  1024     /* of one array */
#define NGX_SERVICE_TOKEN_PUSH_ELEMENTS   65536
#define NGX_SERVICE_TOKEN_REPLY_DEPTH     2        /* arrays in arrays */


typedef enum {
    NGX_SERVICE_TOKEN_STRING = 0,
    NGX_SERVICE_TOKEN_STATUS,
    NGX_SERVICE_TOKEN_FAILURE,                     /* an error reply */
    NGX_SERVICE_TOKEN_INTEGER,
    NGX_SERVICE_TOKEN_NIL,
    NGX_SERVICE_TOKEN_ARRAY
} ngx_service_token_reply_e;


typedef struct ngx_service_token_reply_s  ngx_service_token_reply_t;

struct ngx_service_token_reply_s {
    ngx_service_token_reply_e     type;
    ngx_str_t                     str;             /* STRING STATUS FAILURE */
    int64_t                       integer;
    ngx_uint_t                    n;               /* ARRAY */
    ngx_uint_t                    depth;           /* 0: in no array */
    ngx_service_token_reply_t    *element;
    const stok_str_t             *strings;         /* the same elements, if */
                                                   /* all are strings and */
                                                   /* read in place; or NULL */
};


typedef struct {
    void                         *reader;          /* NULL: closed */
    u_char                       *pos;             /* not yet looked at */
    u_char                       *last;
    ngx_uint_t                    idle;            /* hiredis has no part */
    ngx_pool_t                   *pool;            /* of the current reply */
    size_t                        bytes;           /* of the current reply */
    size_t                        max_bytes;
    size_t                        max_elements;
    const char                   *refused;

    ngx_service_token_reply_t     strings;         /* a reply read in place */
    ngx_service_token_reply_t     string[NGX_SERVICE_TOKEN_REPLY_STRINGS];
    stok_str_t                    str[NGX_SERVICE_TOKEN_REPLY_STRINGS];
} ngx_service_token_reader_t;


/*
 * push: of a stream, whose messages may be longer.  NGX_OK, or NGX_ERROR: no
 * memory; a reader of zeros is a closed one.
 */
ngx_int_t ngx_service_token_redis_reader_open(
    ngx_service_token_reader_t *reader, ngx_uint_t push, ngx_log_t *log);
void ngx_service_token_redis_reader_close(ngx_service_token_reader_t *reader);

/*
 * The bytes that were received; they have to stay where they are until
 * reader_next() has answered NGX_AGAIN.
 */
void ngx_service_token_redis_reader_feed(
    ngx_service_token_reader_t *reader, u_char *buf, size_t len);

/*
 * NGX_OK: *reply is the next one, and lives until the next call.  NGX_AGAIN:
 * none is complete.  NGX_ERROR: not RESP2, or beyond the bounds;
 * reader->refused says why, and the reader is of no more use.
 */
ngx_int_t ngx_service_token_redis_reader_next(
    ngx_service_token_reader_t *reader, ngx_service_token_reply_t **reply);

/*
 * A command as it is sent; *bytes is freed by
 * ngx_service_token_redis_format_free(), which wipes it.  The length, or 0:
 * no memory.
 */
size_t ngx_service_token_redis_format(u_char **bytes, int argc,
    const char **argv, const size_t *argvlen);
void ngx_service_token_redis_format_free(u_char *bytes, size_t len);

/*
 * The same into memory of the caller, with room for format_size() bytes; the
 * last argument stands right before the last two bytes.
 */
size_t ngx_service_token_redis_format_to(u_char *bytes, int argc,
    const char **argv, const size_t *argvlen);
size_t ngx_service_token_redis_format_size(int argc, const size_t *argvlen);

/*
 * The part of an error reply that may be logged: its text up to the first
 * quote, since what follows may be an argument of ours.
 */
ngx_str_t ngx_service_token_redis_error_text(ngx_service_token_reply_t *reply);

/*
 * Which server answered INFO: the first 32 bits of its "run_id"; 0: it does
 * not say.
 */
uint64_t ngx_service_token_redis_server(ngx_service_token_reply_t *reply);


#endif /* NGX_SERVICE_TOKEN_REDIS_H */
