/*
 * stok_resp against hiredis' reader: what is read in place is what hiredis
 * decodes from the same bytes, and it takes as many of them.
 *
 * Input: a byte with the most strings that are wanted, and bytes of a server.
 */


#include "fuzz.h"
#include "stok_resp.h"

#include <hiredis/hiredis.h>


#define RESP_MAX  32


static void resp_same(redisReply *reply, const stok_str_t *str, size_t n,
    int array);
static void resp_string(redisReply *reply, stok_str_t str);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           array;
    void         *reply;
    size_t        i, n, len, max;
    const char   *buf;
    stok_str_t    str[RESP_MAX];
    redisReader  *reader;

    if (size == 0) {
        return 0;
    }

    max = data[0] % (RESP_MAX + 1);
    buf = (const char *) data + 1;
    size--;

    len = stok_resp_strings(buf, size, str, max, &n, &array);

    if (len == 0) {
        return 0;
    }

    fuzz_check(len <= size);
    fuzz_check(n <= max);

    for (i = 0; i < n; i++) {

        if (str[i].data == NULL) {
            fuzz_check(array && str[i].len == 0);
            continue;
        }

        fuzz_check(str[i].data > buf);
        fuzz_check(str[i].data + str[i].len + 2 <= buf + len);
    }

    reader = redisReaderCreate();
    fuzz_check(reader != NULL);

    /* a byte less is not a reply, and nothing is left of as many as it took */

    fuzz_check(redisReaderFeed(reader, buf, len - 1) == REDIS_OK);
    fuzz_check(redisReaderGetReply(reader, &reply) == REDIS_OK);
    fuzz_check(reply == NULL);

    fuzz_check(redisReaderFeed(reader, buf + len - 1, 1) == REDIS_OK);
    fuzz_check(redisReaderGetReply(reader, &reply) == REDIS_OK);
    fuzz_check(reply != NULL);
    fuzz_check(reader->pos == reader->len);

    resp_same(reply, str, n, array);

    freeReplyObject(reply);
    redisReaderFree(reader);

    return 0;
}


static void
resp_same(redisReply *reply, const stok_str_t *str, size_t n, int array)
{
    size_t  i;

    if (!array) {
        fuzz_check(n == 1);
        resp_string(reply, str[0]);
        return;
    }

    fuzz_check(reply->type == REDIS_REPLY_ARRAY);
    fuzz_check(reply->elements == n);

    for (i = 0; i < n; i++) {
        resp_string(reply->element[i], str[i]);
    }
}


static void
resp_string(redisReply *reply, stok_str_t str)
{
    if (str.data == NULL) {
        fuzz_check(reply->type == REDIS_REPLY_NIL);
        return;
    }

    fuzz_check(reply->type == REDIS_REPLY_STRING);
    fuzz_check((size_t) reply->len == str.len);
    fuzz_check(memcmp(reply->str, str.data, str.len) == 0);
}
