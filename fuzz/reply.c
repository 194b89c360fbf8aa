/*
 * Bytes of a server -> replies -> records, by the module's own files.
 *
 * However the bytes are cut into pieces, the replies are the same; they are
 * what hiredis decodes; and a reply that is taken for a record is one that
 * can be read back from the cache.
 *
 * Input: a byte of flags (1: a stream's bounds; 2: of a user; 4: with a key),
 * a byte with the size of the pieces, and what the server sends.
 */


#include "fuzz_nginx.h"

#include <hiredis/hiredis.h>


/* the replies as text, one behind the other */
typedef struct {
    char       *text;
    size_t      len;
    size_t      size;
    ngx_int_t   rc;                              /* at the end of the input */
} reply_log_t;


static stok_keys_t  reply_keys;


static void reply_read(reply_log_t *log, const uint8_t *data, size_t size,
    size_t piece, unsigned flags);
static void reply_add(reply_log_t *log, ngx_service_token_reply_t *reply);
static void reply_hiredis(reply_log_t *log, const uint8_t *data,
    size_t size);
static void reply_hiredis_add(reply_log_t *log, redisReply *reply);
static void reply_text(reply_log_t *log, char type, const char *p,
    size_t len);
static void reply_number(reply_log_t *log, char type, long long n);
static void reply_record(ngx_service_token_reply_t *reply, unsigned flags);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned     flags;
    reply_log_t  whole, pieces, expected;

    static const uint8_t  secret[STOK_KEY_LEN] = "a key for fuzzing";

    if (size < 2) {
        return 0;
    }

    fuzz_check(stok_key_init(&reply_keys.key[0], "k1", 2, secret)
               == STOK_OK);
    reply_keys.n = 1;
    memset(reply_keys.dataset, '0', STOK_DATASET_LEN);
    reply_keys.dataset_len = STOK_DATASET_LEN;

    flags = data[0];

    reply_read(&whole, data + 2, size - 2, size, flags);
    reply_read(&pieces, data + 2, size - 2, 1 + data[1], flags);

    fuzz_check(whole.rc == pieces.rc);
    fuzz_check(whole.len == pieces.len);
    fuzz_check(whole.len == 0
               || memcmp(whole.text, pieces.text, whole.len) == 0);

    if (whole.rc == NGX_AGAIN) {
        reply_hiredis(&expected, data + 2, size - 2);

        fuzz_check(whole.len == expected.len);
        fuzz_check(whole.len == 0
                   || memcmp(whole.text, expected.text, whole.len) == 0);

        free(expected.text);
    }

    free(whole.text);
    free(pieces.text);

    return 0;
}


/* what is fed lies in memory that is gone once it was read */

static void
reply_read(reply_log_t *log, const uint8_t *data, size_t size, size_t piece,
    unsigned flags)
{
    u_char                      *buf;
    size_t                       n;
    ngx_service_token_reply_t   *reply;
    ngx_service_token_reader_t   reader;

    memset(log, 0, sizeof(*log));
    memset(&reader, 0, sizeof(reader));

    fuzz_check(ngx_service_token_redis_reader_open(&reader, flags & 1,
                                                   &fuzz_log)
               == NGX_OK);

    log->rc = NGX_AGAIN;

    for ( /* void */ ; size && log->rc == NGX_AGAIN; data += n, size -= n) {
        n = size < piece ? size : piece;

        buf = malloc(n);
        fuzz_check(buf != NULL);
        memcpy(buf, data, n);

        ngx_service_token_redis_reader_feed(&reader, buf, n);

        while ((log->rc = ngx_service_token_redis_reader_next(&reader,
                                                              &reply))
               == NGX_OK)
        {
            reply_add(log, reply);
            reply_record(reply, flags);
        }

        free(buf);
    }

    fuzz_check((log->rc == NGX_ERROR) == (reader.refused != NULL));

    ngx_service_token_redis_reader_close(&reader);
}


static void
reply_add(reply_log_t *log, ngx_service_token_reply_t *reply)
{
    ngx_uint_t  i;

    switch (reply->type) {

    case NGX_SERVICE_TOKEN_STRING:
        reply_text(log, '$', (char *) reply->str.data, reply->str.len);
        break;

    case NGX_SERVICE_TOKEN_STATUS:
        reply_text(log, '+', (char *) reply->str.data, reply->str.len);
        break;

    case NGX_SERVICE_TOKEN_FAILURE:
        reply_text(log, '-', (char *) reply->str.data, reply->str.len);
        break;

    case NGX_SERVICE_TOKEN_INTEGER:
        reply_number(log, ':', reply->integer);
        break;

    case NGX_SERVICE_TOKEN_NIL:
        reply_number(log, '_', 0);
        break;

    case NGX_SERVICE_TOKEN_ARRAY:
        reply_number(log, '*', (long long) reply->n);

        for (i = 0; i < reply->n; i++) {
            reply_add(log, &reply->element[i]);
        }
    }
}


static void
reply_hiredis(reply_log_t *log, const uint8_t *data, size_t size)
{
    void         *reply;
    redisReader  *reader;

    memset(log, 0, sizeof(*log));

    reader = redisReaderCreate();
    fuzz_check(reader != NULL);

    fuzz_check(redisReaderFeed(reader, (const char *) data, size)
               == REDIS_OK);

    for ( ;; ) {
        fuzz_check(redisReaderGetReply(reader, &reply) == REDIS_OK);

        if (reply == NULL) {
            break;
        }

        reply_hiredis_add(log, reply);
        freeReplyObject(reply);
    }

    redisReaderFree(reader);
}


static void
reply_hiredis_add(reply_log_t *log, redisReply *reply)
{
    size_t  i;

    switch (reply->type) {

    case REDIS_REPLY_STRING:
        reply_text(log, '$', reply->str, (size_t) reply->len);
        break;

    case REDIS_REPLY_STATUS:
        reply_text(log, '+', reply->str, (size_t) reply->len);
        break;

    case REDIS_REPLY_ERROR:
        reply_text(log, '-', reply->str, (size_t) reply->len);
        break;

    case REDIS_REPLY_INTEGER:
        reply_number(log, ':', reply->integer);
        break;

    case REDIS_REPLY_NIL:
        reply_number(log, '_', 0);
        break;

    default:
        fuzz_check(reply->type == REDIS_REPLY_ARRAY);
        reply_number(log, '*', (long long) reply->elements);

        for (i = 0; i < reply->elements; i++) {
            reply_hiredis_add(log, reply->element[i]);
        }
    }
}


static void
reply_text(reply_log_t *log, char type, const char *p, size_t len)
{
    if (log->size - log->len < len + 32) {
        log->size = 2 * log->size + len + 32;
        log->text = realloc(log->text, log->size);
        fuzz_check(log->text != NULL);
    }

    log->len += (size_t) sprintf(log->text + log->len, "%c%zu ", type, len);

    if (len) {
        memcpy(log->text + log->len, p, len);
        log->len += len;
    }
}


static void
reply_number(reply_log_t *log, char type, long long n)
{
    char  text[24];

    reply_text(log, type, text, (size_t) sprintf(text, "%lld", n));
}


static void
reply_record(ngx_service_token_reply_t *reply, unsigned flags)
{
    ngx_int_t                     rc;
    stok_user_record_t            user;
    stok_token_record_t           token;
    ngx_service_token_lookup_t    lookup;
    ngx_service_token_lookups_t   lookups;

    memset(&lookup, 0, sizeof(lookup));
    memset(&lookups, 0, sizeof(lookups));

    lookup.lookups = &lookups;
    lookup.user = (flags & 2) ? 1 : 0;
    lookup.id.data = "ci@service";
    lookup.id.len = 10;
    lookups.keys = (flags & 4) ? &reply_keys : NULL;

    (void) ngx_service_token_redis_error_text(reply);
    (void) ngx_service_token_redis_server(reply);

    rc = ngx_service_token_question_decode(&lookup, reply);

    fuzz_check(lookup.label_len <= STOK_RECORD_ID_MAX);

    if (rc != NGX_OK) {
        fuzz_check(lookup.packed.data == NULL);
        fuzz_check(rc == NGX_ERROR || rc == NGX_DECLINED || rc == NGX_ABORT);
        fuzz_check((rc == NGX_ERROR)
                   <= (reply->type == NGX_SERVICE_TOKEN_FAILURE));
        return;
    }

    if (lookup.user) {
        fuzz_check(stok_user_record_unpack(&user, lookup.packed.data,
                                           lookup.packed.len)
                   == STOK_OK);
        fuzz_check(lookups.keys || !user.tampered);

    } else {
        fuzz_check(stok_token_record_unpack(&token, lookup.packed.data,
                                            lookup.packed.len)
                   == STOK_OK);
        fuzz_check(lookups.keys || !token.tampered);
        fuzz_check(lookup.label_len == token.id.len);
    }

    free(lookup.packed.data);
}
