/*
 * The Redis schema, version 2: key names, field names, limits, and the two
 * records on which a decision rests.
 *
 * A record is read as HGETALL answers it: names and values in turn.  The
 * fields that decide must be there and be right; a field that this version
 * does not know makes the record unreadable, since it may be a restriction of
 * a later one.  So does a field that is set twice.  "scope", "env", "networks"
 * and "rate" may be missing or empty: none.  Everything that is not listed as
 * needed may be missing or empty, and has to fit its limit if it is there:
 * dates are dates, ids are ids, free text is at most STOK_TEXT_MAX bytes of
 * any kind.
 *
 *     token   needs  id user name type status expires_at
 *             knows  scope env networks rate created_at created_by revoked_at
 *                    rotated_from rotated_to seal
 *     user    needs  kind role status
 *             knows  name purpose owner use_case created_at created_by seal
 */


#ifndef STOK_RECORD_H
#define STOK_RECORD_H


#include "stok.h"
#include "stok_digest.h"
#include "stok_network.h"
#include "stok_value.h"


#define STOK_SCHEMA          "2"

#define STOK_PREFIX_MAX      64
#define STOK_SEAL_MAX        (STOK_KEY_NAME_MAX + 1 + STOK_DIGEST_HEX)

/* prefix, the longest name, the longest id */
#define STOK_KEY_MAX         (STOK_PREFIX_MAX + sizeof("user-tokens:")       \
                              + STOK_USER_ID_MAX)

/* strings in the longest HGETALL answer that can be a record */
#define STOK_RECORD_STRINGS  32

/* bytes that pack may need, in whole words of 8 */
#define STOK_PACK_MAX        ((32 + STOK_RECORD_ID_MAX + STOK_USER_ID_MAX    \
                               + STOK_NAME_BYTES + STOK_SCOPE_MAX            \
                               + STOK_ENV_MAX + STOK_NETWORKS_MAX            \
                               + STOK_RATE_TEXT + 7) / 8 * 8)


typedef enum {
    STOK_TYPE_SERVICE = 1,                       /* bits: a set of types */
    STOK_TYPE_PERSONAL = 2
} stok_type_e;

#define STOK_TYPE_ANY  (STOK_TYPE_SERVICE | STOK_TYPE_PERSONAL)


typedef enum {
    STOK_TOKEN_ACTIVE = 1,
    STOK_TOKEN_REVOKED
} stok_token_status_e;


typedef enum {
    STOK_USER_PENDING = 1,
    STOK_USER_ACTIVE,
    STOK_USER_DISABLED,
    STOK_USER_DELETED
} stok_user_status_e;


typedef enum {
    STOK_USER_SERVICE = 1,
    STOK_USER_HUMAN
} stok_user_kind_e;


typedef struct {
    stok_str_t  id;
    stok_str_t  user;
    stok_str_t  name;
    stok_str_t  scope;                           /* empty: none */
    stok_str_t  env;                             /* empty: none */
    stok_str_t  networks;                        /* empty: any */
    stok_str_t  rate;                            /* empty: none of its own */
    stok_str_t  seal;                            /* not packed */
    int64_t     expires_at;                      /* seconds, 0: never */
    uint8_t     type;                            /* stok_type_e */
    uint8_t     status;                          /* stok_token_status_e */
    uint8_t     tampered;                        /* set by the seal's check */
} stok_token_record_t;


typedef struct {
    stok_str_t  name;                            /* not packed */
    stok_str_t  role;
    stok_str_t  use_case;                        /* not packed */
    stok_str_t  seal;                            /* not packed */
    uint8_t     kind;                            /* stok_user_kind_e */
    uint8_t     status;                          /* stok_user_status_e */
    uint8_t     tampered;
} stok_user_record_t;


/*
 * "<prefix>token:<hex of digest>" and "<prefix>user:<id>" into out, without a
 * closing zero; the answer is the length.  prefix is at most STOK_PREFIX_MAX
 * and id at most STOK_USER_ID_MAX bytes: the caller has seen to it.
 */
size_t stok_token_key(char out[STOK_KEY_MAX], stok_str_t prefix,
    const uint8_t digest[STOK_DIGEST_LEN]);
size_t stok_user_key(char out[STOK_KEY_MAX], stok_str_t prefix,
    stok_str_t id);

/*
 * fields: n strings, names and values in turn.
 * STOK_OK: *rec points into them; tampered is 0: see stok_seal.h.
 * STOK_DECLINED: n is 0: there is no such record.
 * STOK_INVALID: unreadable; *why is a constant text that says why, in a few
 * words, with the field's name and without its value; rec->id is set if it
 * was readable, else empty.
 */
int stok_token_record_decode(stok_token_record_t *rec,
    const stok_str_t *fields, size_t n, const char **why);
int stok_user_record_decode(stok_user_record_t *rec,
    const stok_str_t *fields, size_t n, const char **why);

/*
 * A record in one piece, to be kept: what decides, and what the variables
 * show; not the seal, whose answer ("tampered") is kept instead.  pack
 * answers the length, 0 if size is too small or if rec holds what decode
 * never answers.  unpack: STOK_OK, *rec points into buf; STOK_INVALID for
 * bytes that pack has not made.
 */
size_t stok_token_record_pack(const stok_token_record_t *rec, uint8_t *buf,
    size_t size);
int stok_token_record_unpack(stok_token_record_t *rec, const uint8_t *buf,
    size_t len) stok_hot;
size_t stok_user_record_pack(const stok_user_record_t *rec, uint8_t *buf,
    size_t size);
int stok_user_record_unpack(stok_user_record_t *rec, const uint8_t *buf,
    size_t len) stok_hot;

/*
 * The same of bytes that unpack has taken before, and that nobody else can
 * have written to since.
 */
void stok_token_record_view(stok_token_record_t *rec, const uint8_t *buf)
    stok_hot;
void stok_user_record_view(stok_user_record_t *rec, const uint8_t *buf)
    stok_hot;

/* the word of a value, as Redis holds it; empty for another value */
stok_str_t stok_type_name(unsigned type);
stok_str_t stok_token_status_name(unsigned status);
stok_str_t stok_user_kind_name(unsigned kind);
stok_str_t stok_user_status_name(unsigned status);



#endif /* STOK_RECORD_H */
