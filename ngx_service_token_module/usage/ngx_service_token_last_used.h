/*
 * Last Used and usage: touches of a worker, and how they get to Redis.
 */


#ifndef NGX_SERVICE_TOKEN_LAST_USED_H
#define NGX_SERVICE_TOKEN_LAST_USED_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "stok_digest.h"
#include "stok_role.h"
#include "ngx_service_token_cache.h"
#include "ngx_service_token_eval.h"
#include "ngx_service_token_link.h"
#include "ngx_service_token_slot.h"


#define NGX_SERVICE_TOKEN_CELLS_HEADS   16384      /* of chains */
#define NGX_SERVICE_TOKEN_CELLS_NONE    0xffffffff

#define NGX_SERVICE_TOKEN_FLUSH_BATCH   96         /* tokens of a command */
#define NGX_SERVICE_TOKEN_FLUSH_FIELDS  11         /* arguments of each */
#define NGX_SERVICE_TOKEN_FLUSH_HEAD    10

#define NGX_SERVICE_TOKEN_FLUSH_SOON    100        /* timer, at work, ms */
#define NGX_SERVICE_TOKEN_FLUSH_IDLE    500        /* timer, else */

#define ngx_service_token_flush_due(date)                                     \
    ((ngx_msec_int_t) (ngx_current_msec - (date)) >= 0)

/* where a test's build has a process die; see t/hook.h */

#ifndef ngx_service_token_flush_hook
#define ngx_service_token_flush_hook(point)
#endif


/* one attempt with a known token */
typedef struct {
    stok_str_t                      id;
    const u_char                   *digest;        /* STOK_DIGEST_LEN */
    time_t                          now;
    struct sockaddr                *sockaddr;
    ngx_str_t                      *location;
    stok_str_t                      role;          /* needed here */
    ngx_uint_t                      rank;
    stok_verdict_e                  verdict;
    unsigned                        counted:1;     /* in this request */

    /* by touch */

    unsigned                        same:1;        /* as the cell's last use */
    uint64_t                        first;         /* date for a new cell */
    uint8_t                         addr_len;      /* of sockaddr */
    u_char                          addr[16];      /* zeros behind it */
} ngx_service_token_touch_t;


/* a command's arguments while it is made */
typedef struct {
    int                             argc;
    u_char                         *last;
    const char                     *arg[NGX_SERVICE_TOKEN_FLUSH_HEAD
                                        + NGX_SERVICE_TOKEN_FLUSH_BATCH
                                        * NGX_SERVICE_TOKEN_FLUSH_FIELDS];
    size_t                          len[NGX_SERVICE_TOKEN_FLUSH_HEAD
                                        + NGX_SERVICE_TOKEN_FLUSH_BATCH
                                        * NGX_SERVICE_TOKEN_FLUSH_FIELDS];
    u_char                          text[NGX_SERVICE_TOKEN_FLUSH_BATCH
                                         * NGX_SERVICE_TOKEN_FLUSH_FIELDS
                                         * 24 + 1024];
} ngx_service_token_batch_t;


/* a worker's; lives in the cycle's pool, its tables on the heap */
typedef struct {
    ngx_service_token_link_t       *link;          /* the worker's own */
    ngx_service_token_slot_view_t  *view;

    /* what a use needs, together */

    ngx_service_token_batch_t      *batch;
    uint32_t                       *head;          /* cells by hash */
    uint32_t                       *next;
    unsigned                        armed:1;       /* timer: soon */
    unsigned                        only_fresh:1;
    unsigned                        busy:1;        /* writer.c: asked */
    unsigned                        heir:1;        /* of slots, perhaps */
    unsigned                        waited:1;      /* to connect */

    ngx_service_token_cache_t      *cache;         /* the node's name */
    ngx_str_t                       prefix;
    ngx_str_t                       marker;
    stok_roles_t                   *roles;
    ngx_msec_t                      interval;

    uint32_t                       *seen;          /* tags of tokens */
    uint8_t                        *cells;         /* used, of a chunk */
    uint32_t                       *chunk;         /* ours, oldest first */
    ngx_uint_t                      nchunks;
    ngx_uint_t                      hint;          /* where one may be free */
    ngx_uint_t                      hint_bare;

    ngx_uint_t                      pending;       /* cells that are used */
    ngx_uint_t                      fresh;         /* new tokens among them */
    ngx_uint_t                      dropped;       /* not yet warned of */

    /* flush.c */

    ngx_event_t                     timer;
    ngx_msec_t                      due;           /* all */
    ngx_msec_t                      due_fresh;
    ngx_msec_t                      warned;
    ngx_msec_t                      leaving;       /* since when, or 0 */
    uint64_t                        freed;         /* batches up to it */
    ngx_uint_t                      frozen;        /* cells, not yet freed */
    ngx_uint_t                      left;          /* of this flush */
    ngx_uint_t                      window;        /* batches at a time */

    /* writer.c */

    ngx_service_token_eval_t        eval;
    ngx_service_token_slot_t       *slot;          /* whose batch was sent */
    uint64_t                        seq;           /* its number */
    ngx_uint_t                      sent;          /* cells in the command */
    ngx_uint_t                      turn;          /* slot to look at first */
    ngx_msec_t                      again;         /* not before, if failed */
    ngx_msec_t                      adopted;       /* when last looked */
    ngx_msec_t                      beaten;        /* the writer was seen */
    uint32_t                        beat;          /* as it was then */
    uint32_t                        writer;
} ngx_service_token_last_used_t;


ngx_service_token_last_used_t *ngx_service_token_last_used_create(
    ngx_conf_t *cf, ngx_service_token_link_t *link,
    ngx_service_token_slot_view_t *view, ngx_service_token_cache_t *cache,
    ngx_str_t *prefix, ngx_str_t *marker, stok_roles_t *roles,
    ngx_msec_t interval);

/* when a worker begins, and when it leaves: what is pending stays behind */
void ngx_service_token_last_used_start(ngx_service_token_last_used_t *lu);
void ngx_service_token_last_used_stop(ngx_service_token_last_used_t *lu);

/* never waits, never fails: what cannot be kept is counted */
void ngx_service_token_last_used_touch(ngx_service_token_last_used_t *lu,
    ngx_service_token_touch_t *touch) stok_hot;


/*
 * Between last_used.c, cells.c and batch.c (touches, and batches of them),
 * flush.c (when) and writer.c (the way to Redis).
 */

/* the number of a cell: its chunk, and which one it is there */

#define ngx_service_token_index(chunk, i)  ((uint32_t) ((chunk) << 6 | (i)))
#define ngx_service_token_chunk_of(index)  ((index) >> 6)

#define ngx_service_token_cell(lu, index)                                     \
    (&(lu)->view->shared->chunk[(index) >> 6].cell[(index) & 63])
#define ngx_service_token_bare(lu, index)                                     \
    (&(lu)->view->shared->chunk[(index) >> 6].bare[(index) & 63])
#define ngx_service_token_is_bare(lu, chunk)                                  \
    atomic_load_explicit(&(lu)->view->shared->map[chunk].bare,                \
                         memory_order_relaxed)

/*
 * cells.c: a free cell, of a new chunk or in place of older detail, if need
 * be; or NGX_SERVICE_TOKEN_CELLS_NONE
 */
uint32_t ngx_service_token_cells_room(ngx_service_token_last_used_t *lu,
    ngx_uint_t bare);

/* a cell that was filled: it is found by its hash; and no more */
void ngx_service_token_cells_link(ngx_service_token_last_used_t *lu,
    uint32_t index, uint32_t hash);
void ngx_service_token_cells_unlink(ngx_service_token_last_used_t *lu,
    uint32_t index, uint32_t hash);

/* Last Used alone: NGX_OK, or NGX_DECLINED: there is no room */
ngx_int_t ngx_service_token_cells_bare(ngx_service_token_last_used_t *lu,
    uint32_t hash, const char *id, size_t len, uint64_t used);

/* n cells of the chunk k, which is ours, were freed */
void ngx_service_token_cells_freed(ngx_service_token_last_used_t *lu,
    ngx_uint_t k, ngx_uint_t n);

/* the n-th of our chunks has no cells and is given back */
void ngx_service_token_cells_gone(ngx_service_token_last_used_t *lu,
    ngx_uint_t n);

/*
 * batch.c: freezes open cells of a slot, in at most so many batches.  How many
 * cells.
 */
ngx_uint_t ngx_service_token_batch_freeze(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t only_fresh, ngx_uint_t max);

/*
 * Frees the cells of acknowledged batches, and chunks without any other.  How
 * many cells.
 */
ngx_uint_t ngx_service_token_batch_free(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot);

/* 1: this slot has no cells */
ngx_uint_t ngx_service_token_batch_empty(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot);

/* flush.c: something is pending: within fresh or interval it has to go */
void ngx_service_token_flush_wake(ngx_service_token_last_used_t *lu,
    ngx_uint_t fresh);

/* memory is short */
void ngx_service_token_flush_hurry(ngx_service_token_last_used_t *lu);

void ngx_service_token_flush_handler(ngx_event_t *ev);

/* frees what the writer has brought to Redis, and freezes what is left */
void ngx_service_token_flush_collect(ngx_service_token_last_used_t *lu);

/* batches that may be under way at a time, of one slot */
ngx_uint_t ngx_service_token_flush_window(ngx_service_token_last_used_t *lu);

/*
 * writer.c: called by the timer: if this worker is the node's writer, or now
 * becomes it, it sends what is ready.  1: it is the writer.
 */
ngx_uint_t ngx_service_token_writer_work(ngx_service_token_last_used_t *lu);

/*
 * fill.c: the batch lu->seq of lu->slot as arguments in lu->batch; lu->sent is
 * the number of its cells.
 */
void ngx_service_token_fill_batch(ngx_service_token_last_used_t *lu);

/* writer.c: it is not any more */
void ngx_service_token_writer_leave(ngx_service_token_last_used_t *lu);


#endif /* NGX_SERVICE_TOKEN_LAST_USED_H */
