/*
 * service_token_throttle: failures by address, in a zone of their own.
 */


#ifndef NGX_SERVICE_TOKEN_THROTTLE_H
#define NGX_SERVICE_TOKEN_THROTTLE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_digest.h"
#include "stok_throttle.h"


/* of the clock that a machine's processes share, in microseconds */
#define ngx_service_token_throttle_now  (ngx_service_token_cache_now() * 1000)


typedef struct ngx_service_token_throttle_zone_s
                                           ngx_service_token_throttle_zone_t;


/* of the zone that locations share; read-only once configured */
struct ngx_service_token_throttle_zone_s {
    ngx_service_token_throttle_zone_t  *next;
    ngx_str_t                           name;

    size_t                              size;     /* 0: not yet defined */
    uint64_t                            step;     /* usec a failure; or 0 */
    ngx_uint_t                          burst;

    ngx_str_t                           file;     /* where it is named */
    ngx_uint_t                          line;

    stok_throttle_t                     table;    /* in the zone */
    stok_key_t                          key;      /* addresses -> its keys */
};


/* of a location */
typedef struct {
    ngx_service_token_throttle_zone_t  *zone;
    ngx_uint_t                          burst;    /* may be unset: zone's */
} ngx_service_token_throttle_t;


#endif /* NGX_SERVICE_TOKEN_THROTTLE_H */
