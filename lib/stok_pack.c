/*
 * Records in one piece; see stok_record.h.  Never leaves the machine: numbers
 * are in its own byte order.
 *
 *     token  'T' type status tampered  expires_at(8)  id user name scope
 *     user   'U' kind status tampered  role
 *
 * A string is its length in two bytes, then its bytes.
 */


#include "stok_record.h"

#include <string.h>


static int stok_pack_token_valid(const stok_token_record_t *rec) stok_hot;
static int stok_pack_user_valid(const stok_user_record_t *rec) stok_hot;
static uint8_t *stok_pack_str(uint8_t *p, stok_str_t str);
static const uint8_t *stok_unpack_str(const uint8_t *p, const uint8_t *last,
    size_t max, stok_str_t *str) stok_hot;


size_t
stok_token_record_pack(const stok_token_record_t *rec, uint8_t *buf,
    size_t size)
{
    uint8_t  *p;

    if (!stok_pack_token_valid(rec)) {
        return 0;
    }

    if (size < 4 + sizeof(rec->expires_at) + 4 * 2 + rec->id.len
               + rec->user.len + rec->name.len + rec->scope.len)
    {
        return 0;
    }

    p = buf;
    *p++ = 'T';
    *p++ = rec->type;
    *p++ = rec->status;
    *p++ = rec->tampered;

    memcpy(p, &rec->expires_at, sizeof(rec->expires_at));
    p += sizeof(rec->expires_at);

    p = stok_pack_str(p, rec->id);
    p = stok_pack_str(p, rec->user);
    p = stok_pack_str(p, rec->name);
    p = stok_pack_str(p, rec->scope);

    return (size_t) (p - buf);
}


int
stok_token_record_unpack(stok_token_record_t *rec, const uint8_t *buf,
    size_t len)
{
    const uint8_t  *p, *last;

    memset(rec, 0, sizeof(*rec));

    if (len < 4 + sizeof(rec->expires_at) || buf[0] != 'T') {
        return STOK_INVALID;
    }

    p = buf + 1;
    last = buf + len;

    rec->type = *p++;
    rec->status = *p++;
    rec->tampered = *p++;

    memcpy(&rec->expires_at, p, sizeof(rec->expires_at));
    p += sizeof(rec->expires_at);

    p = stok_unpack_str(p, last, STOK_RECORD_ID_MAX, &rec->id);
    p = stok_unpack_str(p, last, STOK_USER_ID_MAX, &rec->user);
    p = stok_unpack_str(p, last, STOK_NAME_BYTES, &rec->name);
    p = stok_unpack_str(p, last, STOK_SCOPE_MAX, &rec->scope);

    return (p == last && stok_pack_token_valid(rec)) ? STOK_OK : STOK_INVALID;
}


size_t
stok_user_record_pack(const stok_user_record_t *rec, uint8_t *buf,
    size_t size)
{
    uint8_t  *p;

    if (!stok_pack_user_valid(rec)) {
        return 0;
    }

    if (size < 4 + 2 + rec->role.len) {
        return 0;
    }

    p = buf;
    *p++ = 'U';
    *p++ = rec->kind;
    *p++ = rec->status;
    *p++ = rec->tampered;

    p = stok_pack_str(p, rec->role);

    return (size_t) (p - buf);
}


int
stok_user_record_unpack(stok_user_record_t *rec, const uint8_t *buf,
    size_t len)
{
    const uint8_t  *p, *last;

    memset(rec, 0, sizeof(*rec));

    if (len < 4 || buf[0] != 'U') {
        return STOK_INVALID;
    }

    p = buf + 1;
    last = buf + len;

    rec->kind = *p++;
    rec->status = *p++;
    rec->tampered = *p++;

    p = stok_unpack_str(p, last, STOK_ROLE_MAX, &rec->role);

    return (p == last && stok_pack_user_valid(rec)) ? STOK_OK : STOK_INVALID;
}


/* what decode may have answered, as far as numbers and lengths tell */

static int
stok_pack_token_valid(const stok_token_record_t *rec)
{
    return rec->type >= STOK_TYPE_SERVICE && rec->type <= STOK_TYPE_PERSONAL
           && rec->status >= STOK_TOKEN_ACTIVE
           && rec->status <= STOK_TOKEN_REVOKED
           && rec->tampered <= 1
           && rec->expires_at >= 0 && rec->expires_at <= STOK_DATE_MAX
           && rec->id.len != 0 && rec->id.len <= STOK_RECORD_ID_MAX
           && rec->user.len != 0 && rec->user.len <= STOK_USER_ID_MAX
           && rec->name.len != 0 && rec->name.len <= STOK_NAME_BYTES
           && rec->scope.len <= STOK_SCOPE_MAX;
}


static int
stok_pack_user_valid(const stok_user_record_t *rec)
{
    return rec->kind >= STOK_USER_SERVICE && rec->kind <= STOK_USER_HUMAN
           && rec->status >= STOK_USER_PENDING
           && rec->status <= STOK_USER_DELETED
           && rec->tampered <= 1
           && rec->role.len != 0 && rec->role.len <= STOK_ROLE_MAX;
}


static uint8_t *
stok_pack_str(uint8_t *p, stok_str_t str)
{
    uint16_t  len;

    len = (uint16_t) str.len;

    memcpy(p, &len, sizeof(len));
    p += sizeof(len);

    if (len) {
        memcpy(p, str.data, len);
    }

    return p + len;
}


/* NULL: p was, or the string is longer than it may be or than what is left */

static const uint8_t *
stok_unpack_str(const uint8_t *p, const uint8_t *last, size_t max,
    stok_str_t *str)
{
    uint16_t  len;

    if (p == NULL || (size_t) (last - p) < sizeof(len)) {
        return NULL;
    }

    memcpy(&len, p, sizeof(len));
    p += sizeof(len);

    if (len > max || (size_t) (last - p) < len) {
        return NULL;
    }

    str->data = (const char *) p;
    str->len = len;

    return p + len;
}
