/*
 * A token by its plaintext: found by its digest, under each key of the key
 * file, and under none: it may be older than the keys.  One that was found
 * where it should not be is revoked.
 */


#include "issue.h"
#include "stok_bearer.h"

#include <stdio.h>
#include <string.h>


static int ctl_leak_record(ctl_t *ctl, const char *id,
    const uint8_t digest[STOK_DIGEST_LEN], ctl_record_t *rec);
static int ctl_leak_revoke(ctl_t *ctl, const char *id,
    const uint8_t digest[STOK_DIGEST_LEN], json_t *entry);


int
ctl_plaintext_check(ctl_t *ctl, const char *text, size_t len)
{
    stok_token_t  token;

    if (stok_bearer_check(text, len) != STOK_OK) {
        return ctl_fail(ctl, CTL_INVALID, "that is not a token: one line is "
                        "expected, with the token alone");
    }

    if (stok_token_parse(text, len, &token) == STOK_INVALID) {
        return ctl_fail(ctl, CTL_INVALID, "the token's checksum is wrong: it "
                        "was not copied as a whole, or was changed");
    }

    return CTL_OK;
}


int
ctl_plaintext_id(ctl_t *ctl, const char *text, size_t len,
    char id[STOK_RECORD_ID_MAX + 1])
{
    int            code;
    ctl_record_t   found, rec;

    code = ctl_leak_find(ctl, text, len, 1, &found, id);

    if (code == CTL_OK) {
        return ctl_fail(ctl, CTL_NOTFOUND, "the token is not one of this "
                        "dataset%s", ctl->keys.n ? ", by any key of the key "
                        "file" : ": was it made with a --key-file?");
    }

    if (code == CTL_FOUND) {
        code = ctl_leak_record(ctl, id, found.digest, &rec);
    }

    if (code == CTL_OK) {
        ctl_free(&rec);
    }

    return code;
}


int
ctl_leak(ctl_t *ctl, const char *clear, size_t len, json_t *entry)
{
    int            code;
    char           id[STOK_RECORD_ID_MAX + 1];
    ctl_record_t   rec;

    code = ctl_leak_find(ctl, clear, len, 1, &rec, id);

    if (code == CTL_FOUND) {
        return ctl_leak_revoke(ctl, id, rec.digest, entry);
    }

    if (code == CTL_OK) {
        json_object_set_new(entry, "result", json_string("unknown"));
    }

    return code;
}


int
ctl_leak_find(ctl_t *ctl, const char *clear, size_t len, int plain,
    ctl_record_t *rec, char id[STOK_RECORD_ID_MAX + 1])
{
    int          code;
    char         hex[STOK_DIGEST_HEX + 1];
    size_t       i, n;
    redisReply  *reply;

    hex[STOK_DIGEST_HEX] = '\0';
    n = ctl->keys.n + (plain || ctl->keys.n == 0);
    i = 0;

    do {
        stok_digest(i < ctl->keys.n ? &ctl->keys.key[i] : NULL, clear, len,
                    rec->digest);
        stok_digest_hex(rec->digest, hex);

        code = ctl_command(ctl, CTL_IS_TEXT, &reply, "HGET %stoken:%s id",
                           ctl->prefix, hex);

        if (code == CTL_OK) {
            if (reply->type == REDIS_REPLY_STRING) {
                snprintf(id, STOK_RECORD_ID_MAX + 1, "%s", reply->str);
                code = CTL_FOUND;
            }

            freeReplyObject(reply);
        }

    } while (code == CTL_OK && ++i < n);

    /* its digest may need a key that is not here */

    return code == CTL_OK ? ctl_writable(ctl) : code;
}


/* an id that leads to another record would have another token revoked */

static int
ctl_leak_record(ctl_t *ctl, const char *id,
    const uint8_t digest[STOK_DIGEST_LEN], ctl_record_t *rec)
{
    int  code;

    code = ctl_stop_token(ctl, id, rec);

    if (code == CTL_OK
        && !stok_digest_equal(rec->digest, digest, STOK_DIGEST_LEN))
    {
        ctl_free(rec);
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" has a record of another "
                        "id", id);
    }

    return code;
}


static int
ctl_leak_revoke(ctl_t *ctl, const char *id,
    const uint8_t digest[STOK_DIGEST_LEN], json_t *entry)
{
    int            code, revoked;
    ctl_record_t   rec;

    code = ctl_leak_record(ctl, id, digest, &rec);
    if (code != CTL_OK) {
        return code;
    }

    json_object_set_new(entry, "id", json_string(id));
    json_object_set_new(entry, "user", json_string(ctl_get(&rec, "user")));

    revoked = strcmp(ctl_get(&rec, "status"), "revoked") == 0;
    ctl_free(&rec);

    code = revoked ? CTL_OK : ctl_token_set(ctl, id, 1);

    if (code == CTL_OK) {
        json_object_set_new(entry, "result",
                            json_string(revoked ? "revoked already"
                                                : "revoked"));
    }

    return code;
}
