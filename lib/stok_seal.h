/*
 * Seals: with a key file, every record carries
 *
 *     <key name>:<64 hex>
 *
 * the HMAC-SHA-256, by the key of that name, over the dataset's id and every
 * field that decides or that a variable shows.  Sealed text, so that no two
 * records have the same: a head, then each field as "<length in
 * decimal>:<value>\n".  dataset is the id that the key file names; what Redis
 * says of itself is never sealed.
 *
 *     token   "stok-seal-2 token\n"  dataset, digest (hex), id, user, name,
 *                                    type, scope, env, status, expires_at,
 *                                    networks, rate
 *     user    "stok-seal-2 user\n"   dataset, id, kind, name, role, status,
 *                                    use_case
 *
 * With a seal, write access to Redis is not enough to make a token, to raise a
 * role, or to bring a record from another dataset.  It does not stop an old
 * sealed record of this one from being put back.
 */


#ifndef STOK_SEAL_H
#define STOK_SEAL_H


#include "stok_digest.h"
#include "stok_record.h"


/*
 * By the first key.  Both write "<name>:<hex>" into out, no closing zero, and
 * answer its length; 0: keys names no dataset.
 */
size_t stok_seal_token(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    const uint8_t digest[STOK_DIGEST_LEN], const stok_token_record_t *rec);
size_t stok_seal_user(char out[STOK_SEAL_MAX], const stok_keys_t *keys,
    stok_str_t id, const stok_user_record_t *rec);

/*
 * Set rec->tampered: 0 if rec->seal is right by the key that it names, 1 if
 * it is missing, wrong, of another form, by a key that keys has not, or if
 * keys is NULL or names no dataset.
 */
void stok_seal_check_token(const stok_keys_t *keys,
    const uint8_t digest[STOK_DIGEST_LEN], stok_token_record_t *rec);
void stok_seal_check_user(const stok_keys_t *keys, stok_str_t id,
    stok_user_record_t *rec);


#endif /* STOK_SEAL_H */
