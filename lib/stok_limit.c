/*
 * The rate of accepted requests; see stok_limit.h.
 */


#include "stok_limit.h"


#define STOK_LIMIT_SECOND  1000000


int
stok_limit_take(const stok_rate_t *rate, uint32_t burst, uint64_t now,
    uint64_t *word, stok_limit_t *limit)
{
    uint64_t  step, most, ahead;

    step = (uint64_t) rate->seconds * STOK_LIMIT_SECOND / rate->requests;
    step = step ? step : 1;
    most = step * burst;

    ahead = *word > now ? *word - now : 0;

    if (ahead > most + step) {
        ahead = most + step;
    }

    if (ahead > most) {
        limit->left = 0;
        limit->retry = ahead - most;

        return STOK_DECLINED;
    }

    ahead += step;
    *word = now + ahead;

    limit->left = ahead > most ? 0 : (uint32_t) ((most - ahead) / step + 1);
    limit->retry = ahead > most ? ahead - most : 0;

    return STOK_OK;
}
