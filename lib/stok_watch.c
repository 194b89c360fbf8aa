/*
 * Keys of the invalidation stream; see stok_watch.h.
 */


#include "stok_watch.h"
#include "stok_record.h"

#include <string.h>


static size_t stok_watch_skip(stok_str_t rest, const char *word, size_t len);
static stok_watch_e stok_watch_token(stok_str_t hex, stok_watch_t *watch);
static stok_watch_e stok_watch_tick(stok_str_t digits, stok_watch_t *watch);
static int stok_watch_hex(char ch);


#define stok_watch_word(rest, word)                                          \
    stok_watch_skip(rest, word, sizeof(word) - 1)


stok_watch_e
stok_watch_parse(stok_str_t prefix, const char *key, size_t len,
    stok_watch_t *watch)
{
    size_t      n;
    stok_str_t  rest;

    memset(watch, 0, sizeof(*watch));

    rest.data = key;
    rest.len = len;

    if (prefix.len != 0) {
        n = stok_watch_skip(rest, prefix.data, prefix.len);

        if (n == 0) {
            return STOK_WATCH_UNKNOWN;
        }

        rest.data += n;
        rest.len -= n;
    }

    n = stok_watch_word(rest, "token:");

    if (n) {
        rest.data += n;
        rest.len -= n;

        return stok_watch_token(rest, watch);
    }

    n = stok_watch_word(rest, "watch:tick:");

    if (n) {
        rest.data += n;
        rest.len -= n;

        return stok_watch_tick(rest, watch);
    }

    n = stok_watch_word(rest, "user:");

    if (n) {
        if (rest.len - n > STOK_USER_ID_MAX) {
            return STOK_WATCH_UNKNOWN;
        }

        watch->text.data = rest.data + n;
        watch->text.len = rest.len - n;

        return STOK_WATCH_USER;
    }

    n = stok_watch_word(rest, "watch:mark:");

    if (n) {
        watch->text.data = rest.data + n;
        watch->text.len = rest.len - n;

        return STOK_WATCH_MARK;
    }

    return STOK_WATCH_UNKNOWN;
}


/* len, or 0: it does not begin with the word, or nothing follows it */

static size_t
stok_watch_skip(stok_str_t rest, const char *word, size_t len)
{
    return (rest.len > len && memcmp(rest.data, word, len) == 0) ? len : 0;
}


static stok_watch_e
stok_watch_token(stok_str_t hex, stok_watch_t *watch)
{
    int      high, low;
    size_t   i;
    uint8_t  digest[STOK_DIGEST_LEN];

    if (hex.len != STOK_DIGEST_HEX) {
        return STOK_WATCH_UNKNOWN;
    }

    for (i = 0; i < STOK_DIGEST_LEN; i++) {
        high = stok_watch_hex(hex.data[2 * i]);
        low = stok_watch_hex(hex.data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return STOK_WATCH_UNKNOWN;
        }

        digest[i] = (uint8_t) (high * 16 + low);
    }

    memcpy(watch->digest, digest, STOK_DIGEST_LEN);

    return STOK_WATCH_TOKEN;
}


static stok_watch_e
stok_watch_tick(stok_str_t digits, stok_watch_t *watch)
{
    size_t    i;
    uint64_t  tick, digit;

    for (i = 0, tick = 0; i < digits.len; i++) {

        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return STOK_WATCH_UNKNOWN;
        }

        digit = (uint64_t) (digits.data[i] - '0');

        if (tick > (STOK_WATCH_TICK_MAX - digit) / 10) {
            return STOK_WATCH_UNKNOWN;
        }

        tick = tick * 10 + digit;
    }

    watch->tick = tick;

    return STOK_WATCH_TICK;
}


/* lower case only, as we write it; -1: none */

static int
stok_watch_hex(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}
