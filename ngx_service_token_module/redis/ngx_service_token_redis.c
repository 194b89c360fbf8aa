/*
 * RESP2: replies by hiredis' reader, but for the most frequent one.
 *
 * A hash's strings that have come whole are read in place, by stok_resp: of
 * all instructions of a question, hiredis' reader and the copies it needs took
 * more than a third.  All else goes to hiredis, and so does what follows it,
 * until hiredis has nothing left.
 *
 * hiredis' reader builds replies through functions of ours, so that what a
 * server sends is bounded while it is read: bytes, elements and depth.  A
 * string longer than any field may be is cut: enough to see that it is too
 * long.  A reply lies in the reader's pool, which is emptied before the next
 * one.
 */


#include "ngx_service_token_redis.h"
#include "stok_resp.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>


#if (HIREDIS_MAJOR >= 1)
typedef size_t  ngx_service_token_elements_t;
#else
typedef int     ngx_service_token_elements_t;
#endif


static ngx_int_t ngx_service_token_redis_strings(
    ngx_service_token_reader_t *reader);
static ngx_service_token_reply_t *ngx_service_token_redis_object(
    const redisReadTask *task);
static u_char *ngx_service_token_redis_length(u_char *p, u_char type,
    size_t n);
static void *ngx_service_token_redis_string(const redisReadTask *task,
    char *str, size_t len);
static void *ngx_service_token_redis_array(const redisReadTask *task,
    ngx_service_token_elements_t elements);
static void *ngx_service_token_redis_integer(const redisReadTask *task,
    long long value);
static void *ngx_service_token_redis_nil(const redisReadTask *task);
#if (HIREDIS_MAJOR >= 1)
static void *ngx_service_token_redis_double(const redisReadTask *task,
    double value, char *str, size_t len);
static void *ngx_service_token_redis_bool(const redisReadTask *task,
    int value);
#endif
static void ngx_service_token_redis_free(void *obj);


static redisReplyObjectFunctions  ngx_service_token_redis_functions = {
    .createString = ngx_service_token_redis_string,
    .createArray = ngx_service_token_redis_array,
    .createInteger = ngx_service_token_redis_integer,
#if (HIREDIS_MAJOR >= 1)
    .createDouble = ngx_service_token_redis_double,
    .createBool = ngx_service_token_redis_bool,
#endif
    .createNil = ngx_service_token_redis_nil,
    .freeObject = ngx_service_token_redis_free
};


ngx_int_t
ngx_service_token_redis_reader_open(ngx_service_token_reader_t *reader,
    ngx_uint_t push, ngx_log_t *log)
{
    redisReader  *rr;

    reader->pool = ngx_create_pool(4096, log);
    if (reader->pool == NULL) {
        return NGX_ERROR;
    }

    rr = redisReaderCreateWithFunctions(&ngx_service_token_redis_functions);
    if (rr == NULL) {
        ngx_destroy_pool(reader->pool);
        reader->pool = NULL;
        return NGX_ERROR;
    }

    rr->privdata = reader;

    reader->reader = rr;
    reader->pos = NULL;
    reader->last = NULL;
    reader->idle = 1;
    reader->bytes = 0;
    reader->max_bytes = push ? NGX_SERVICE_TOKEN_PUSH_BYTES
                             : NGX_SERVICE_TOKEN_REPLY_BYTES;
    reader->max_elements = push ? NGX_SERVICE_TOKEN_PUSH_ELEMENTS
                                : NGX_SERVICE_TOKEN_REPLY_ELEMENTS;
    reader->refused = NULL;

    return NGX_OK;
}


void
ngx_service_token_redis_reader_close(ngx_service_token_reader_t *reader)
{
    if (reader->reader == NULL) {
        return;
    }

    redisReaderFree(reader->reader);
    reader->reader = NULL;

    ngx_destroy_pool(reader->pool);
    reader->pool = NULL;
}


void
ngx_service_token_redis_reader_feed(ngx_service_token_reader_t *reader,
    u_char *buf, size_t len)
{
    reader->pos = buf;
    reader->last = buf + len;
}


ngx_int_t
ngx_service_token_redis_reader_next(ngx_service_token_reader_t *reader,
    ngx_service_token_reply_t **reply)
{
    void         *obj;
    redisReader  *rr;

    rr = reader->reader;

    if (reader->pos != reader->last) {

        if (reader->idle
            && ngx_service_token_redis_strings(reader) == NGX_OK)
        {
            *reply = &reader->strings;
            return NGX_OK;
        }

        if (redisReaderFeed(rr, (char *) reader->pos,
                            reader->last - reader->pos)
            != REDIS_OK)
        {
            reader->refused = "no memory";
            return NGX_ERROR;
        }

        reader->pos = reader->last;
        reader->idle = 0;
    }

    if (reader->idle) {
        return NGX_AGAIN;
    }

    /* a reply in parts goes on where it was: its objects are kept */

    if (rr->ridx == -1) {
        ngx_reset_pool(reader->pool);
        reader->bytes = 0;
    }

    if (redisReaderGetReply(rr, &obj) != REDIS_OK) {
        if (reader->refused == NULL) {
            reader->refused = "protocol error";
        }

        return NGX_ERROR;
    }

    if (obj == NULL) {
        if (rr->len - rr->pos > reader->max_bytes) {
            reader->refused = "reply too large";
            return NGX_ERROR;
        }

        return NGX_AGAIN;
    }

    reader->idle = rr->pos == rr->len;
    *reply = obj;

    return NGX_OK;
}


/* NGX_DECLINED: it is something else, or not all of it has come */

static ngx_int_t
ngx_service_token_redis_strings(ngx_service_token_reader_t *reader)
{
    int                         array;
    size_t                      i, n, len;
    stok_str_t                 *str;
    ngx_service_token_reply_t  *reply;

    str = reader->str;

    len = stok_resp_strings((char *) reader->pos, reader->last - reader->pos,
                            str, NGX_SERVICE_TOKEN_REPLY_STRINGS, &n, &array);
    if (len == 0) {
        return NGX_DECLINED;
    }

    reader->pos += len;
    reply = &reader->strings;

    if (array) {
        reply->type = NGX_SERVICE_TOKEN_ARRAY;
        reply->n = n;
        reply->element = reader->string;
        reply->strings = array == STOK_RESP_NILS ? NULL : str;

        reply = reader->string;
    }

    for (i = 0; i < n; i++) {
        reply[i].type = str[i].data ? NGX_SERVICE_TOKEN_STRING
                                    : NGX_SERVICE_TOKEN_NIL;
        reply[i].str.data = (u_char *) str[i].data;
        reply[i].str.len = str[i].len;
    }

    return NGX_OK;
}


size_t
ngx_service_token_redis_format(u_char **bytes, int argc, const char **argv,
    const size_t *argvlen)
{
    u_char  *p;

    p = ngx_alloc(ngx_service_token_redis_format_size(argc, argvlen),
                  ngx_cycle->log);
    if (p == NULL) {
        return 0;
    }

    *bytes = p;

    return ngx_service_token_redis_format_to(p, argc, argv, argvlen);
}


size_t
ngx_service_token_redis_format_size(int argc, const size_t *argvlen)
{
    int     i;
    size_t  size;

    size = 1 + NGX_SIZE_T_LEN + 2;

    for (i = 0; i < argc; i++) {
        size += 1 + NGX_SIZE_T_LEN + 2 + argvlen[i] + 2;
    }

    return size;
}


/*
 * hiredis formats with sprintf(), which took a quarter of all instructions of
 * a question.
 */

size_t
ngx_service_token_redis_format_to(u_char *bytes, int argc, const char **argv,
    const size_t *argvlen)
{
    int      i;
    u_char  *p;

    p = ngx_service_token_redis_length(bytes, '*', argc);

    for (i = 0; i < argc; i++) {
        p = ngx_service_token_redis_length(p, '$', argvlen[i]);
        p = ngx_cpymem(p, argv[i], argvlen[i]);
        *p++ = CR;
        *p++ = LF;
    }

    return p - bytes;
}


static u_char *
ngx_service_token_redis_length(u_char *p, u_char type, size_t n)
{
    u_char      digits[NGX_SIZE_T_LEN];
    ngx_uint_t  i;

    *p++ = type;

    for (i = 0; n > 9; i++) {
        digits[i] = (u_char) ('0' + n % 10);
        n /= 10;
    }

    *p++ = (u_char) ('0' + n);

    while (i) {
        *p++ = digits[--i];
    }

    *p++ = CR;
    *p++ = LF;

    return p;
}


void
ngx_service_token_redis_format_free(u_char *bytes, size_t len)
{
    ngx_explicit_memzero(bytes, len);
    ngx_free(bytes);
}


ngx_str_t
ngx_service_token_redis_error_text(ngx_service_token_reply_t *reply)
{
    size_t     i;
    ngx_str_t  text;

    ngx_str_set(&text, "unexpected reply");

    if (reply->type != NGX_SERVICE_TOKEN_FAILURE) {
        return text;
    }

    text = reply->str;

    for (i = 0; i < text.len && i < 120; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e
            || ngx_strchr("'`\"", text.data[i]) != NULL)
        {
            break;
        }
    }

    text.len = i;

    return text;
}


uint64_t
ngx_service_token_redis_server(ngx_service_token_reply_t *reply)
{
    u_char      *p, ch;
    uint64_t     server;
    ngx_uint_t   i;

    if (reply->type != NGX_SERVICE_TOKEN_STRING) {
        return 0;
    }

    p = ngx_strnstr(reply->str.data, "run_id:", reply->str.len);
    if (p == NULL) {
        return 0;
    }

    p += 7;
    server = 0;

    for (i = 0; i < 8; i++) {

        if (p + i >= reply->str.data + reply->str.len) {
            return 0;
        }

        ch = p[i];

        if (ch >= '0' && ch <= '9') {
            ch -= '0';

        } else if (ch >= 'a' && ch <= 'f') {
            ch -= 'a' - 10;

        } else {
            return 0;
        }

        server = server << 4 | ch;
    }

    return server;
}


/* hiredis' reader builds replies through these; NULL refuses the reply */

/* the elements of an array lie in one piece */

static ngx_service_token_reply_t *
ngx_service_token_redis_object(const redisReadTask *task)
{
    ngx_service_token_reader_t  *reader;
    ngx_service_token_reply_t   *reply, *parent;

    reader = task->privdata;

    if (task->parent) {
        parent = task->parent->obj;
        reply = &parent->element[task->idx];
        reply->depth = parent->depth + 1;

        if (reply->depth > NGX_SERVICE_TOKEN_REPLY_DEPTH) {
            reader->refused = "reply nested too deep";
            return NULL;
        }

        return reply;
    }

    reply = ngx_pcalloc(reader->pool, sizeof(ngx_service_token_reply_t));
    if (reply == NULL) {
        reader->refused = "no memory";
    }

    return reply;
}


static void *
ngx_service_token_redis_string(const redisReadTask *task, char *str,
    size_t len)
{
    ngx_service_token_reader_t  *reader;
    ngx_service_token_reply_t   *reply;

    reader = task->privdata;
    reader->bytes += len;

    if (reader->bytes > reader->max_bytes) {
        reader->refused = "reply too large";
        return NULL;
    }

    reply = ngx_service_token_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    switch (task->type) {

    case REDIS_REPLY_STRING:
        reply->type = NGX_SERVICE_TOKEN_STRING;
        break;

    case REDIS_REPLY_STATUS:
        reply->type = NGX_SERVICE_TOKEN_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        reply->type = NGX_SERVICE_TOKEN_FAILURE;
        break;

    default:
        reader->refused = "reply of a newer protocol";
        return NULL;
    }

    len = ngx_min(len, NGX_SERVICE_TOKEN_REPLY_STRING);

    reply->str.data = ngx_pnalloc(reader->pool, len + 1);
    if (reply->str.data == NULL) {
        reader->refused = "no memory";
        return NULL;
    }

    ngx_memcpy(reply->str.data, str, len);
    reply->str.len = len;

    return reply;
}


static void *
ngx_service_token_redis_array(const redisReadTask *task,
    ngx_service_token_elements_t elements)
{
    ngx_service_token_reader_t  *reader;
    ngx_service_token_reply_t   *reply;

    reader = task->privdata;

    if (task->type != REDIS_REPLY_ARRAY) {
        reader->refused = "reply of a newer protocol";
        return NULL;
    }

    if ((size_t) elements > reader->max_elements) {
        reader->refused = "reply with too many elements";
        return NULL;
    }

    /* a few bytes may ask for arrays of thousands */

    reader->bytes += (size_t) elements * sizeof(ngx_service_token_reply_t);

    if (reader->bytes > reader->max_bytes) {
        reader->refused = "reply too large";
        return NULL;
    }

    reply = ngx_service_token_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    reply->type = NGX_SERVICE_TOKEN_ARRAY;
    reply->n = elements;

    reply->element = ngx_pcalloc(reader->pool, (elements + 1)
                                         * sizeof(ngx_service_token_reply_t));
    if (reply->element == NULL) {
        reader->refused = "no memory";
        return NULL;
    }

    return reply;
}


static void *
ngx_service_token_redis_integer(const redisReadTask *task, long long value)
{
    ngx_service_token_reply_t  *reply;

    reply = ngx_service_token_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    reply->type = NGX_SERVICE_TOKEN_INTEGER;
    reply->integer = value;

    return reply;
}


static void *
ngx_service_token_redis_nil(const redisReadTask *task)
{
    ngx_service_token_reply_t  *reply;

    reply = ngx_service_token_redis_object(task);
    if (reply == NULL) {
        return NULL;
    }

    reply->type = NGX_SERVICE_TOKEN_NIL;

    return reply;
}


#if (HIREDIS_MAJOR >= 1)

static void *
ngx_service_token_redis_double(const redisReadTask *task, double value,
    char *str, size_t len)
{
    ngx_service_token_reader_t  *reader;

    reader = task->privdata;
    reader->refused = "reply of a newer protocol";

    return NULL;
}


static void *
ngx_service_token_redis_bool(const redisReadTask *task, int value)
{
    return ngx_service_token_redis_double(task, value, NULL, 0);
}

#endif


/* the pool frees them */

static void
ngx_service_token_redis_free(void *obj)
{
    (void) obj;
}
