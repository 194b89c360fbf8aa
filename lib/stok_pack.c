/*
 * Records in one piece; see stok_record.h.  Never leaves the machine: numbers
 * are in its own byte order.
 *
 *     token  'T' type status tampered  expires_at(8)
 *            lengths: name(2) networks(2) id user scope env rate(1 each)
 *            id user name scope env networks rate
 *     user   'U' kind status tampered  length(2)  role
 */


#include "stok_record.h"

#include <string.h>


/* lengths of one byte: see the limits in stok_value.h */
typedef struct {
    int64_t   expires_at;
    uint16_t  name;
    uint16_t  networks;
    uint8_t   id;
    uint8_t   user;
    uint8_t   scope;
    uint8_t   env;
    uint8_t   rate;
    uint8_t   unused[7];
} stok_pack_token_t;


#define STOK_PACK_FIXED  offsetof(stok_pack_token_t, unused)

/* bytes before the strings */
#define STOK_PACK_TOKEN  (4 + STOK_PACK_FIXED)
#define STOK_PACK_USER   (4 + 2)


static int stok_pack_token_valid(const stok_token_record_t *rec) stok_hot;
static int stok_pack_user_valid(const stok_user_record_t *rec) stok_hot;
static uint8_t *stok_pack_str(uint8_t *p, stok_str_t str);
static const uint8_t *stok_unpack_str(const uint8_t *p, uint16_t len,
    stok_str_t *str) stok_hot;


size_t
stok_token_record_pack(const stok_token_record_t *rec, uint8_t *buf,
    size_t size)
{
    uint8_t            *p;
    stok_pack_token_t   fixed;

    if (!stok_pack_token_valid(rec)) {
        return 0;
    }

    if (size < STOK_PACK_TOKEN + rec->id.len + rec->user.len + rec->name.len
               + rec->scope.len + rec->env.len + rec->networks.len
               + rec->rate.len)
    {
        return 0;
    }

    fixed.expires_at = rec->expires_at;
    fixed.name = (uint16_t) rec->name.len;
    fixed.networks = (uint16_t) rec->networks.len;
    fixed.id = (uint8_t) rec->id.len;
    fixed.user = (uint8_t) rec->user.len;
    fixed.scope = (uint8_t) rec->scope.len;
    fixed.env = (uint8_t) rec->env.len;
    fixed.rate = (uint8_t) rec->rate.len;

    p = buf;
    *p++ = 'T';
    *p++ = rec->type;
    *p++ = rec->status;
    *p++ = rec->tampered;

    memcpy(p, &fixed, STOK_PACK_FIXED);
    p += STOK_PACK_FIXED;

    p = stok_pack_str(p, rec->id);
    p = stok_pack_str(p, rec->user);
    p = stok_pack_str(p, rec->name);
    p = stok_pack_str(p, rec->scope);
    p = stok_pack_str(p, rec->env);
    p = stok_pack_str(p, rec->networks);
    p = stok_pack_str(p, rec->rate);

    return (size_t) (p - buf);
}


int
stok_token_record_unpack(stok_token_record_t *rec, const uint8_t *buf,
    size_t len)
{
    size_t              strings;
    stok_pack_token_t   fixed;

    if (len < STOK_PACK_TOKEN || buf[0] != 'T') {
        return STOK_INVALID;
    }

    memcpy(&fixed, buf + 4, STOK_PACK_FIXED);

    strings = (size_t) fixed.id + fixed.user + fixed.name + fixed.scope
              + fixed.env + fixed.networks + fixed.rate;

    if (STOK_PACK_TOKEN + strings != len) {
        return STOK_INVALID;
    }

    stok_token_record_view(rec, buf);

    return stok_likely(stok_pack_token_valid(rec)) ? STOK_OK : STOK_INVALID;
}


void
stok_token_record_view(stok_token_record_t *rec, const uint8_t *buf)
{
    const uint8_t      *p;
    stok_pack_token_t   fixed;

    rec->type = buf[1];
    rec->status = buf[2];
    rec->tampered = buf[3];

    memcpy(&fixed, buf + 4, STOK_PACK_FIXED);
    rec->expires_at = fixed.expires_at;

    p = buf + STOK_PACK_TOKEN;
    p = stok_unpack_str(p, fixed.id, &rec->id);
    p = stok_unpack_str(p, fixed.user, &rec->user);
    p = stok_unpack_str(p, fixed.name, &rec->name);
    p = stok_unpack_str(p, fixed.scope, &rec->scope);
    p = stok_unpack_str(p, fixed.env, &rec->env);
    p = stok_unpack_str(p, fixed.networks, &rec->networks);
    (void) stok_unpack_str(p, fixed.rate, &rec->rate);

    rec->seal.data = NULL;
    rec->seal.len = 0;
}


size_t
stok_user_record_pack(const stok_user_record_t *rec, uint8_t *buf,
    size_t size)
{
    uint8_t   *p;
    uint16_t   len;

    if (!stok_pack_user_valid(rec)) {
        return 0;
    }

    if (size < STOK_PACK_USER + rec->role.len) {
        return 0;
    }

    p = buf;
    *p++ = 'U';
    *p++ = rec->kind;
    *p++ = rec->status;
    *p++ = rec->tampered;

    len = (uint16_t) rec->role.len;
    memcpy(p, &len, sizeof(len));
    p += sizeof(len);

    p = stok_pack_str(p, rec->role);

    return (size_t) (p - buf);
}


int
stok_user_record_unpack(stok_user_record_t *rec, const uint8_t *buf,
    size_t len)
{
    uint16_t  n;

    if (len < STOK_PACK_USER || buf[0] != 'U') {
        return STOK_INVALID;
    }

    memcpy(&n, buf + 4, sizeof(n));

    if (STOK_PACK_USER + (size_t) n != len) {
        return STOK_INVALID;
    }

    stok_user_record_view(rec, buf);

    return stok_likely(stok_pack_user_valid(rec)) ? STOK_OK : STOK_INVALID;
}


void
stok_user_record_view(stok_user_record_t *rec, const uint8_t *buf)
{
    uint16_t  n;

    memset(rec, 0, sizeof(*rec));

    rec->kind = buf[1];
    rec->status = buf[2];
    rec->tampered = buf[3];

    memcpy(&n, buf + 4, sizeof(n));

    (void) stok_unpack_str(buf + STOK_PACK_USER, n, &rec->role);
}


/*
 * Whether decode may have made it, as far as numbers and lengths tell.
 * Nothing here is worth a branch: all are looked at.
 */

static int
stok_pack_token_valid(const stok_token_record_t *rec)
{
    return (rec->type >= STOK_TYPE_SERVICE)
           & (rec->type <= STOK_TYPE_PERSONAL)
           & (rec->status >= STOK_TOKEN_ACTIVE)
           & (rec->status <= STOK_TOKEN_REVOKED)
           & (rec->tampered <= 1)
           & (rec->expires_at >= 0) & (rec->expires_at <= STOK_DATE_MAX)
           & (rec->id.len != 0) & (rec->id.len <= STOK_RECORD_ID_MAX)
           & (rec->user.len != 0) & (rec->user.len <= STOK_USER_ID_MAX)
           & (rec->name.len != 0) & (rec->name.len <= STOK_NAME_BYTES)
           & (rec->scope.len <= STOK_SCOPE_MAX)
           & (rec->env.len <= STOK_ENV_MAX)
           & (rec->networks.len <= STOK_NETWORKS_MAX)
           & (rec->rate.len <= STOK_RATE_TEXT);
}


static int
stok_pack_user_valid(const stok_user_record_t *rec)
{
    return (rec->kind >= STOK_USER_SERVICE) & (rec->kind <= STOK_USER_HUMAN)
           & (rec->status >= STOK_USER_PENDING)
           & (rec->status <= STOK_USER_DELETED)
           & (rec->tampered <= 1)
           & (rec->role.len != 0) & (rec->role.len <= STOK_ROLE_MAX);
}


static uint8_t *
stok_pack_str(uint8_t *p, stok_str_t str)
{
    if (str.len) {
        memcpy(p, str.data, str.len);
    }

    return p + str.len;
}


static const uint8_t *
stok_unpack_str(const uint8_t *p, uint16_t len, stok_str_t *str)
{
    str->data = (const char *) p;
    str->len = len;

    return p + len;
}
