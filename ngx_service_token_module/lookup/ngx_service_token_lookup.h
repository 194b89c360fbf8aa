/*
 * One question in flight for each key, however many requests wait for it.
 */


#ifndef NGX_SERVICE_TOKEN_LOOKUP_H
#define NGX_SERVICE_TOKEN_LOOKUP_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "stok_digest.h"
#include "stok_record.h"
#include "ngx_service_token_cache.h"
#include "ngx_service_token_link.h"


typedef struct ngx_service_token_lookup_s   ngx_service_token_lookup_t;
typedef struct ngx_service_token_lookups_s  ngx_service_token_lookups_t;


/*
 * A waiter.  Lives in the pool it names; the owner of the pool calls leave
 * first.  The answer: rc NGX_OK with a record packed by stok_record.h in
 * record (in the pool), NGX_DECLINED: there is no such record, NGX_ERROR:
 * Redis cannot answer, NGX_ABORT: it answered what cannot be used.
 */
typedef struct {
    ngx_queue_t                   queue;
    ngx_service_token_lookup_t   *lookup;         /* NULL: waits for nothing */
    ngx_pool_t                   *pool;
    ngx_event_t                   event;          /* posted with the answer */

    ngx_int_t                     rc;
    ngx_str_t                     record;
} ngx_service_token_waiter_t;


/* the worker's table of questions; NULL if memory is short */
ngx_service_token_lookups_t *ngx_service_token_lookups_create(ngx_conf_t *cf,
    ngx_service_token_link_t *link, ngx_service_token_cache_t *cache,
    ngx_str_t *prefix, ngx_str_t *marker, stok_keys_t *keys);

/* closes the link; waiters get NGX_ERROR; may be called again */
/*
 * Asks for the marker before any client comes, on each new connection until
 * there is an answer: a wrong address, password or database is in the log as
 * the worker begins, and not only when somebody was refused for it.
 */
void ngx_service_token_lookups_open(ngx_service_token_lookups_t *lookups);
void ngx_service_token_lookups_close(ngx_service_token_lookups_t *lookups);

/*
 * Asks for a token's record by digest, or a user's by id; token_id is who is
 * named in the log if the user's record cannot be read.
 * NGX_AGAIN: the waiter's event will be posted with the answer set.
 * NGX_ERROR: it cannot be asked now; nothing will be posted.
 */
ngx_int_t ngx_service_token_lookup_token(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, const u_char *digest);
ngx_int_t ngx_service_token_lookup_user(ngx_service_token_lookups_t *lookups,
    ngx_service_token_waiter_t *waiter, stok_str_t id, stok_str_t token_id);

/* the waiter waits no more, and its event is not posted; may be repeated */
void ngx_service_token_lookup_leave(ngx_service_token_waiter_t *waiter);


#endif /* NGX_SERVICE_TOKEN_LOOKUP_H */
