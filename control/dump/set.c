/*
 * A set of texts, by 16 bytes of their SHA-256: a million take 32 MB.
 */


#include "dump.h"

#include <stdlib.h>
#include <string.h>


static int ctl_set_grow(ctl_set_t *set);
static uint8_t *ctl_set_slot(const ctl_set_t *set, const uint8_t *key);


int
ctl_set_add(ctl_set_t *set, const void *data, size_t len)
{
    uint8_t  digest[STOK_DIGEST_LEN], *slot;

    if (set->n >= set->size / 2 && ctl_set_grow(set) != 0) {
        return -1;
    }

    stok_digest(NULL, data, len, digest);
    digest[0] |= 1;                              /* no key is all zero */

    slot = ctl_set_slot(set, digest);

    if (slot[0]) {
        return 0;
    }

    memcpy(slot, digest, CTL_SET_KEY);
    set->n++;

    return 1;
}


int
ctl_set_has(const ctl_set_t *set, const void *data, size_t len)
{
    uint8_t  digest[STOK_DIGEST_LEN];

    if (set->n == 0) {
        return 0;
    }

    stok_digest(NULL, data, len, digest);
    digest[0] |= 1;

    return ctl_set_slot(set, digest)[0] != 0;
}


void
ctl_set_free(ctl_set_t *set)
{
    free(set->slots);
    memset(set, 0, sizeof(*set));
}


static int
ctl_set_grow(ctl_set_t *set)
{
    size_t      i;
    ctl_set_t   new;

    new.size = set->size ? set->size * 2 : 1024;
    new.n = set->n;
    new.slots = calloc(new.size, CTL_SET_KEY);

    if (new.slots == NULL) {
        return -1;
    }

    for (i = 0; i < set->size; i++) {
        if (set->slots[i * CTL_SET_KEY]) {
            memcpy(ctl_set_slot(&new, set->slots + i * CTL_SET_KEY),
                   set->slots + i * CTL_SET_KEY, CTL_SET_KEY);
        }
    }

    free(set->slots);
    *set = new;

    return 0;
}


/* where key is, or the free place where it belongs */

static uint8_t *
ctl_set_slot(const ctl_set_t *set, const uint8_t *key)
{
    size_t    i;
    uint8_t  *slot;

    memcpy(&i, key + 4, sizeof(i));

    for ( ;; i++) {
        slot = set->slots + (i & (set->size - 1)) * CTL_SET_KEY;

        if (slot[0] == 0 || memcmp(slot, key, CTL_SET_KEY) == 0) {
            return slot;
        }
    }
}
