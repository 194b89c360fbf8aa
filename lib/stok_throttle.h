/*
 * A fixed table of leaky buckets in memory that several processes share: who
 * fails more often than a rate allows, beyond a burst, has to wait.
 *
 * A bucket is one number, the moment at which it will be empty ("until").  A
 * failure moves it by step, the time that one failure takes to leak out; one
 * more fits while it is not further away than burst steps.  So burst + 1
 * failures fit an empty bucket, as with nginx's limit_req.  Failures are
 * counted also when they do not fit: those that were under way together and
 * overdrew are paid back by waiting longer.
 *
 * Invariants:
 *
 * - nothing takes a lock, and a process may die between any two stores: at
 *   worst one failure is not counted, or a new bucket begins with what was in
 *   the one that it replaces;
 * - a key lies in one set of STOK_THROTTLE_WAYS buckets.  If all are in use,
 *   the one goes that would be empty first.  So many others that fail a little
 *   do not wash away one who fails much.  Two processes may give a key two
 *   buckets at the same moment: what is in them is added up.
 */


#ifndef STOK_THROTTLE_H
#define STOK_THROTTLE_H


#include <stdatomic.h>

#include "stok.h"


#define STOK_THROTTLE_VERSION  1                 /* of the layout */
#define STOK_THROTTLE_WAYS     8


/* two lines of a cache; all zero: empty */
typedef struct {
    _Atomic uint64_t      key[STOK_THROTTLE_WAYS];  /* 0: free */
    _Atomic uint64_t      until[STOK_THROTTLE_WAYS];
} stok_throttle_set_t;


typedef struct {
    stok_throttle_set_t  *set;
    uint32_t              n;
} stok_throttle_t;


/* how many sets fit size bytes (0: none); memory is zeroed, aligned to 64 */
uint32_t stok_throttle_fit(size_t size);

/*
 * key: evenly distributed, and not to be guessed from outside, or somebody
 * could choose keys that share a set.  now, step and the answer are of one
 * unit; now is of a clock that never goes back, and not 0.
 *
 * The time until one more failure fits; 0: it fits now.
 */
uint64_t stok_throttle_wait(const stok_throttle_t *table, uint64_t key,
    uint64_t now, uint64_t step, uint64_t burst);

/* counts a failure; all together never take longer than most to leak out */
void stok_throttle_fail(const stok_throttle_t *table, uint64_t key,
    uint64_t now, uint64_t step, uint64_t most);

/*
 * Adds to *failing how many keys have failures that did not leak out yet, and
 * to *over how many of them would have to wait.  Looks at no more than most
 * sets, spread evenly: if there are more, the numbers are reckoned from these.
 */
void stok_throttle_tally(const stok_throttle_t *table, uint32_t most,
    uint64_t now, uint64_t step, uint64_t burst, uint64_t *failing,
    uint64_t *over);


#endif /* STOK_THROTTLE_H */
