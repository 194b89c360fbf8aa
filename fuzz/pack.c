/*
 * stok_pack: bytes that are unpacked are the very bytes that pack makes of
 * the record, so there is one form of each record and no other is taken.
 *
 * Input: a packed record.
 */


#include "fuzz.h"
#include "stok_record.h"


static void pack_inside(stok_str_t str, const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   rc;
    uint8_t               buf[STOK_PACK_MAX];
    stok_user_record_t    user;
    stok_token_record_t   token;

    rc = stok_token_record_unpack(&token, data, size);

    if (rc == STOK_OK) {
        pack_inside(token.id, data, size);
        pack_inside(token.user, data, size);
        pack_inside(token.name, data, size);
        pack_inside(token.scope, data, size);
        pack_inside(token.env, data, size);
        pack_inside(token.networks, data, size);
        pack_inside(token.rate, data, size);

        fuzz_check(stok_token_record_pack(&token, buf, sizeof(buf)) == size);
        fuzz_check(memcmp(buf, data, size) == 0);

    } else {
        fuzz_check(rc == STOK_INVALID);
    }

    rc = stok_user_record_unpack(&user, data, size);

    if (rc == STOK_OK) {
        pack_inside(user.role, data, size);

        fuzz_check(stok_user_record_pack(&user, buf, sizeof(buf)) == size);
        fuzz_check(memcmp(buf, data, size) == 0);

    } else {
        fuzz_check(rc == STOK_INVALID);
    }

    return 0;
}


static void
pack_inside(stok_str_t str, const uint8_t *data, size_t size)
{
    const char  *start;

    start = (const char *) data;

    fuzz_check(str.data >= start && str.data + str.len <= start + size);
}
