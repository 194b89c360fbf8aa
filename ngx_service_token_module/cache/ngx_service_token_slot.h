/*
 * Worker slots: what the workers of a node leave in shared memory for any
 * worker that comes after them: counters, and touches that are not in Redis
 * yet.
 *
 * Invariants:
 *
 * - a slot belongs to the process whose pid it has, and only that one writes
 *   to it and to its chunks.  A slot whose process is dead is taken by
 *   another with one compare-and-swap, and then is that one's;
 * - two words have other writers: "acked" of a slot and "writer" of all are
 *   the node's writer's (writer.c), who only reads the rest;
 * - acked <= ready <= seq, and each of them only grows, through all owners of
 *   the slot.  The cells of batches above acked, up to ready, do not change;
 * - a chunk belongs to one slot (map[].owner), or is free;
 * - counters only grow, so a sum over all slots never falls, even if a worker
 *   dies;
 * - a cell is used when its id_len is not 0, which is stored last.
 */


#ifndef NGX_SERVICE_TOKEN_SLOT_H
#define NGX_SERVICE_TOKEN_SLOT_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <stdatomic.h>

#include "stok_decide.h"
#include "stok_record.h"


#define NGX_SERVICE_TOKEN_SLOT_VERSION   4         /* of the layout */
#define NGX_SERVICE_TOKEN_SLOTS          256
#define NGX_SERVICE_TOKEN_CHUNK          4096      /* bytes */
#define NGX_SERVICE_TOKEN_CELL_LOCATION  72
#define NGX_SERVICE_TOKEN_SLOT_NONCE     16        /* bytes */


/* where a request's records came from */
typedef enum {
    NGX_SERVICE_TOKEN_NOWHERE = 0,
    NGX_SERVICE_TOKEN_HIT,                         /* all from the cache */
    NGX_SERVICE_TOKEN_MISS,                        /* one was not in it */
    NGX_SERVICE_TOKEN_BYPASS,                      /* it could not be used */
    NGX_SERVICE_TOKEN_SOURCES
} ngx_service_token_source_e;


/* a token is used whose last day is near; each includes those before */
typedef enum {
    NGX_SERVICE_TOKEN_EXPIRING_1D = 0,
    NGX_SERVICE_TOKEN_EXPIRING_7D,
    NGX_SERVICE_TOKEN_EXPIRING_30D,
    NGX_SERVICE_TOKEN_EXPIRINGS
} ngx_service_token_expiring_e;


/* how long questions take: up to each of the bounds in slot.c, and longer */
#define NGX_SERVICE_TOKEN_TIMES  13


/* of one worker after the other; written by one process, read by any */
typedef struct {
    _Atomic uint64_t   requests[STOK_VERDICTS][NGX_SERVICE_TOKEN_SOURCES];
    _Atomic uint64_t   stale;                      /* ALLOWED, beyond lease */
    _Atomic uint64_t   expiring[NGX_SERVICE_TOKEN_EXPIRINGS];  /* ALLOWED */
    _Atomic uint64_t   lookups;                    /* questions to Redis */
    _Atomic uint64_t   times[NGX_SERVICE_TOKEN_TIMES];   /* of questions */
    _Atomic uint64_t   times_usec;                 /* of all together */
    _Atomic uint64_t   unproven;                   /* answers not used */
    _Atomic uint64_t   timeouts;                   /* no answer in time */
    _Atomic uint64_t   connects;                   /* links made ready */
    _Atomic uint64_t   losses;                     /* links lost */
    _Atomic uint64_t   flushes;                    /* acknowledged batches */
    _Atomic uint64_t   flushed;                    /* touches in them */
    _Atomic uint64_t   detail_dropped;             /* touches without detail */
    _Atomic uint64_t   last_used_dropped;          /* touches not kept at all */
    _Atomic int64_t    waiters;                    /* requests, now */
    _Atomic int64_t    pending;                    /* touches, now */
    _Atomic int64_t    down;                       /* links lost, now */
} ngx_service_token_counters_t;


typedef struct {
    _Atomic uint32_t              pid;             /* 0: free */
    _Atomic uint64_t              seq;             /* last batch begun */
    _Atomic uint64_t              ready;           /* complete up to here */
    _Atomic uint64_t              acked;           /* in Redis up to here */
    u_char                        nonce[NGX_SERVICE_TOKEN_SLOT_NONCE];
    ngx_service_token_counters_t  counters;
} ngx_service_token_slot_t;


/* what is known of a token's use since it was last written */
typedef struct {
    _Atomic uint64_t   seq;                        /* 0: open; else frozen */
    uint64_t           first;                      /* seconds; 0: not used */
    uint64_t           used;
    uint64_t           refused;                    /* 0: not refused */
    uint32_t           uses;
    uint32_t           refusals;
    uint32_t           hash;
    _Atomic uint8_t    id_len;                     /* 0: free */
    uint8_t            fresh;                      /* not seen before */
    uint8_t            verdict;                    /* of the refusal */
    uint8_t            rank;                       /* highest role needed */
    uint8_t            role_len;
    uint8_t            location_len;
    uint8_t            addr_len;                   /* 0, 4 or 16 */
    uint8_t            refused_addr_len;
    u_char             addr[16];
    u_char             refused_addr[16];
    char               role[STOK_ROLE_MAX];
    char               id[STOK_RECORD_ID_MAX];
    char               location[NGX_SERVICE_TOKEN_CELL_LOCATION];
} ngx_service_token_cell_t;


/* the same, when memory is short: Last Used alone */
typedef struct {
    _Atomic uint64_t   seq;
    uint64_t           used;
    uint32_t           hash;
    _Atomic uint8_t    id_len;
    char               id[STOK_RECORD_ID_MAX];
} ngx_service_token_bare_t;


#define NGX_SERVICE_TOKEN_CELLS                                               \
    (NGX_SERVICE_TOKEN_CHUNK / sizeof(ngx_service_token_cell_t))
#define NGX_SERVICE_TOKEN_BARES                                               \
    (NGX_SERVICE_TOKEN_CHUNK / sizeof(ngx_service_token_bare_t))


typedef union {
    ngx_service_token_cell_t  cell[NGX_SERVICE_TOKEN_CELLS];
    ngx_service_token_bare_t  bare[NGX_SERVICE_TOKEN_BARES];
    u_char                    bytes[NGX_SERVICE_TOKEN_CHUNK];
} ngx_service_token_chunk_t;


typedef struct {
    _Atomic uint32_t   owner;                      /* slot + 1; 0: free */
    _Atomic uint32_t   bare;                       /* of bare cells */
} ngx_service_token_map_t;


/* the head of the zone */
typedef struct {
    uint32_t                   chunks;
    _Atomic uint32_t           claimed;            /* slots that ever were */
    ngx_service_token_chunk_t *chunk;
    ngx_service_token_map_t   *map;
    _Atomic uint32_t           writer;             /* pid; 0: none */
    _Atomic uint32_t           beat;               /* grows while it runs */
    ngx_service_token_slot_t   slot[NGX_SERVICE_TOKEN_SLOTS];
} ngx_service_token_slots_t;


/* a process' view of it */
typedef struct {
    ngx_service_token_slots_t  *shared;            /* NULL until it is there */
    ngx_service_token_slot_t   *mine;              /* NULL: none was free */
} ngx_service_token_slot_view_t;


/* all slots beyond these are free; it never falls */
#define ngx_service_token_slots_claimed(shared)                               \
    ((ngx_uint_t) atomic_load(&(shared)->claimed))

/* the counters of this worker; others than it may read them */
extern ngx_service_token_counters_t  *ngx_service_token_counters;

#define ngx_service_token_count(name)  ngx_service_token_count_add(name, 1)

/* a question took so long */
void ngx_service_token_slot_took(uint64_t usec);

/* one writer: a load and a store are enough, and cost no locked bus */
#define ngx_service_token_count_add(name, n)                                  \
    atomic_store_explicit(&ngx_service_token_counters->name,                  \
        atomic_load_explicit(&ngx_service_token_counters->name,               \
                             memory_order_relaxed) + (n),                     \
        memory_order_relaxed)


/*
 * The zone beside the cache's, of half its size; name and identity as there.
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_service_token_slot_add(ngx_conf_t *cf,
    ngx_service_token_slot_view_t *view, ngx_str_t *name, size_t size,
    ngx_str_t *identity);

/* a worker begins: it takes a slot.  NGX_OK, or NGX_DECLINED: none is free */
ngx_int_t ngx_service_token_slot_claim(ngx_service_token_slot_view_t *view);

/*
 * The next slot from *i on that was of a process that is dead: it is this
 * one's from now on.  NULL: no such slot.
 */
ngx_service_token_slot_t *ngx_service_token_slot_adopt(
    ngx_service_token_slot_view_t *view, ngx_uint_t *i);

/* gives a slot without touches back */
void ngx_service_token_slot_release(ngx_service_token_slot_view_t *view,
    ngx_service_token_slot_t *slot);

/*
 * A chunk for that slot, zeroed, and its number in *n; reserve: so many are
 * left free.  NULL: no chunk is free.
 */
ngx_service_token_chunk_t *ngx_service_token_slot_chunk(
    ngx_service_token_slot_view_t *view, ngx_service_token_slot_t *slot,
    ngx_uint_t bare, ngx_uint_t reserve, ngx_uint_t *n);
void ngx_service_token_slot_chunk_free(ngx_service_token_slot_view_t *view,
    ngx_uint_t n);

/* 1: there is no such process any more */
ngx_uint_t ngx_service_token_slot_dead(uint32_t pid);


#endif /* NGX_SERVICE_TOKEN_SLOT_H */
