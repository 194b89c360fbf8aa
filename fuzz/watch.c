/*
 * stok_watch against patterns of the C library.
 *
 * Input: prefix, line feed, key.
 */


#include "fuzz.h"
#include "stok_record.h"
#include "stok_watch.h"

#include <errno.h>


static stok_watch_e watch_kind(stok_str_t prefix, stok_str_t key,
    stok_watch_t *watch);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stok_str_t    prefix, key;
    stok_watch_e  kind;
    stok_watch_t  watch, expected;

    key.data = (const char *) data;
    key.len = size;
    prefix = fuzz_part(&key, '\n');

    memset(&expected, 0, sizeof(expected));

    kind = stok_watch_parse(prefix, key.data, key.len, &watch);

    fuzz_check(kind == watch_kind(prefix, key, &expected));
    fuzz_check(memcmp(watch.digest, expected.digest, STOK_DIGEST_LEN) == 0);
    fuzz_check(watch.tick == expected.tick);
    fuzz_check(fuzz_same(watch.text, expected.text));

    fuzz_check(watch.text.len == 0
               || (watch.text.data > key.data
                   && watch.text.data + watch.text.len == key.data + key.len));

    return 0;
}


static stok_watch_e
watch_kind(stok_str_t prefix, stok_str_t key, stok_watch_t *watch)
{
    int            n;
    char          *end, *text;
    size_t         i, len;
    unsigned       byte;
    stok_watch_e   kind;

    if (key.len < prefix.len
        || (prefix.len && memcmp(key.data, prefix.data, prefix.len) != 0))
    {
        return STOK_WATCH_UNKNOWN;
    }

    len = key.len - prefix.len;
    text = calloc(1, len + 1);
    fuzz_check(text != NULL);

    if (len) {
        memcpy(text, key.data + prefix.len, len);
    }

    kind = STOK_WATCH_UNKNOWN;
    errno = 0;

    if (strncmp(text, "user:", 5) == 0 && len > 5 && len <= 5 + 254) {
        kind = STOK_WATCH_USER;
        watch->text.data = key.data + prefix.len + 5;
        watch->text.len = len - 5;

    } else if (strncmp(text, "watch:mark:", 11) == 0 && len > 11) {
        kind = STOK_WATCH_MARK;
        watch->text.data = key.data + prefix.len + 11;
        watch->text.len = len - 11;

    } else if (strncmp(text, "watch:tick:", 11) == 0 && len > 11
               && strspn(text + 11, "0123456789") == len - 11)
    {
        watch->tick = (uint64_t) strtoll(text + 11, &end, 10);

        if (errno == 0) {
            kind = STOK_WATCH_TICK;

        } else {
            watch->tick = 0;
        }

    } else if (strncmp(text, "token:", 6) == 0 && len == 6 + 64
               && strspn(text + 6, "0123456789abcdef") == 64)
    {
        kind = STOK_WATCH_TOKEN;

        for (i = 0; i < 32; i++) {
            n = sscanf(text + 6 + 2 * i, "%2x", &byte);
            fuzz_check(n == 1);
            watch->digest[i] = (uint8_t) byte;
        }
    }

    free(text);

    return kind;
}
