/*
 * A rate of accepted requests, kept in one word: the generic cell rate
 * algorithm (ITU-T I.371), as a virtual schedule.
 *
 * The word is the moment at which the last request that was let in would have
 * come, had all come evenly.  A request is let in if that is at most burst
 * requests ahead of now.  So a key that was quiet may send burst + 1 requests
 * at once, and the rate afterwards.  0 is a key that was never seen.
 *
 * Where the word lies, and what else writes it, is the caller's affair.
 */


#ifndef STOK_LIMIT_H
#define STOK_LIMIT_H


#include "stok_value.h"


typedef struct {
    uint64_t  retry;                             /* until the next one, us */
    uint32_t  left;                              /* would be let in now */
} stok_limit_t;


/*
 * One request, now: microseconds of a clock that does not go back; a word from
 * the future, as after a restart of that clock, is taken for a full burst, so
 * nobody is shut out for longer.  rate: as stok_rate_parse() gives it.
 * STOK_OK: *word is the new one.  STOK_DECLINED: over the rate, *word is as it
 * was.  *limit is set for both; retry is 0 where requests are left.
 */
int stok_limit_take(const stok_rate_t *rate, uint32_t burst, uint64_t now,
    uint64_t *word, stok_limit_t *limit);


#endif /* STOK_LIMIT_H */
