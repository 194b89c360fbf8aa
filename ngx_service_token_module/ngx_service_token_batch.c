/*
 * Batches: the frozen cells of a slot.  See last_used.c for what always holds.
 */


#include "ngx_service_token_last_used.h"


static ngx_uint_t ngx_service_token_batch_freeze_chunk(
    ngx_service_token_last_used_t *lu, ngx_service_token_slot_t *slot,
    ngx_uint_t k, uint64_t seq, ngx_uint_t max, ngx_uint_t only_fresh);
static ngx_uint_t ngx_service_token_batch_frozen(
    ngx_service_token_last_used_t *lu, ngx_uint_t k, uint64_t seq,
    ngx_uint_t release);
static ngx_uint_t ngx_service_token_batch_used(
    ngx_service_token_last_used_t *lu, ngx_uint_t k);


ngx_uint_t
ngx_service_token_batch_freeze(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t only_fresh)
{
    uint64_t                    seq;
    ngx_uint_t                  k, n, owner;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;
    seq = atomic_load(&slot->seq);
    n = 0;

    /* a batch of that number, if it is not done; 0 says "open" */

    for (k = 0; seq && k < shared->chunks; k++) {
        if (atomic_load(&shared->map[k].owner) == owner) {
            n += ngx_service_token_batch_frozen(lu, k, seq, 0);
        }
    }

    if (n) {
        return n;
    }

    /* the number first: see above */

    atomic_store(&slot->seq, ++seq);

    for (k = 0; k < shared->chunks && n < NGX_SERVICE_TOKEN_FLUSH_BATCH; k++) {
        if (atomic_load(&shared->map[k].owner) == owner) {
            n += ngx_service_token_batch_freeze_chunk(lu, slot, k, seq,
                                       NGX_SERVICE_TOKEN_FLUSH_BATCH - n,
                                       only_fresh);
        }
    }

    return n;
}


static ngx_uint_t
ngx_service_token_batch_freeze_chunk(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t k, uint64_t seq,
    ngx_uint_t max, ngx_uint_t only_fresh)
{
    ngx_uint_t                 i, n;
    ngx_service_token_bare_t  *bare;
    ngx_service_token_cell_t  *cell;

    n = 0;

    if (ngx_service_token_is_bare(lu, k)) {
        bare = lu->view->shared->chunk[k].bare;

        for (i = 0; i < NGX_SERVICE_TOKEN_BARES && n < max; i++) {
            if (bare[i].id_len && bare[i].seq == 0 && !only_fresh) {
                atomic_store(&bare[i].seq, seq);
                n++;

                if (slot == lu->view->mine) {
                    ngx_service_token_cells_unlink(lu,
                                              ngx_service_token_index(k, i),
                                              bare[i].hash);
                }
            }
        }

        return n;
    }

    cell = lu->view->shared->chunk[k].cell;

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS && n < max; i++) {
        if (cell[i].id_len && cell[i].seq == 0
            && (cell[i].fresh || !only_fresh))
        {
            atomic_store(&cell[i].seq, seq);
            n++;

            if (slot == lu->view->mine) {
                lu->fresh -= cell[i].fresh;
                ngx_service_token_cells_unlink(lu,
                                              ngx_service_token_index(k, i),
                                              cell[i].hash);
            }
        }
    }

    return n;
}


/* frozen under that number: how many; freed, if it is asked for */

static ngx_uint_t
ngx_service_token_batch_frozen(ngx_service_token_last_used_t *lu,
    ngx_uint_t k, uint64_t seq, ngx_uint_t release)
{
    ngx_uint_t                  i, n;
    ngx_service_token_chunk_t  *chunk;

    n = 0;
    chunk = &lu->view->shared->chunk[k];

    if (ngx_service_token_is_bare(lu, k)) {

        for (i = 0; i < NGX_SERVICE_TOKEN_BARES; i++) {
            if (chunk->bare[i].id_len && chunk->bare[i].seq == seq) {
                n++;

                if (release) {
                    atomic_store(&chunk->bare[i].id_len, 0);
                    ngx_memzero(&chunk->bare[i],
                                sizeof(ngx_service_token_bare_t));
                }
            }
        }

        return n;
    }

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {
        if (chunk->cell[i].id_len && chunk->cell[i].seq == seq) {
            n++;

            if (release) {
                atomic_store(&chunk->cell[i].id_len, 0);
                ngx_memzero(&chunk->cell[i],
                            sizeof(ngx_service_token_cell_t));
            }
        }
    }

    return n;
}


void
ngx_service_token_batch_free(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    uint64_t                    seq;
    ngx_uint_t                  k, n, owner;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;
    seq = atomic_load(&slot->seq);

    if (slot == lu->view->mine) {

        for (n = 0; n < lu->nchunks; /* void */ ) {
            k = lu->chunk[n];

            ngx_service_token_cells_freed(lu, k,
                       ngx_service_token_batch_frozen(lu, k, seq, 1));

            if (lu->cells[k] == 0) {
                ngx_service_token_cells_gone(lu, n);

            } else {
                n++;
            }
        }

        return;
    }

    for (k = 0; k < shared->chunks; k++) {
        if (atomic_load(&shared->map[k].owner) == owner) {
            (void) ngx_service_token_batch_frozen(lu, k, seq, 1);

            if (ngx_service_token_batch_used(lu, k) == 0) {
                ngx_service_token_slot_chunk_free(lu->view, k);
            }
        }
    }
}


/* cells of a chunk that hold something, as shared memory says */

static ngx_uint_t
ngx_service_token_batch_used(ngx_service_token_last_used_t *lu,
    ngx_uint_t k)
{
    ngx_uint_t                  i, n;
    ngx_service_token_chunk_t  *chunk;

    n = 0;
    chunk = &lu->view->shared->chunk[k];

    if (ngx_service_token_is_bare(lu, k)) {
        for (i = 0; i < NGX_SERVICE_TOKEN_BARES; i++) {
            n += chunk->bare[i].id_len != 0;
        }

        return n;
    }

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {
        n += chunk->cell[i].id_len != 0;
    }

    return n;
}


/* an heir also frees the chunks in which nothing was noted */

ngx_uint_t
ngx_service_token_batch_empty(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    ngx_uint_t                  k, owner, empty;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;
    empty = 1;

    for (k = 0; k < shared->chunks; k++) {

        if (atomic_load(&shared->map[k].owner) != owner) {
            continue;
        }

        if (ngx_service_token_batch_used(lu, k)) {
            empty = 0;

        } else if (slot != lu->view->mine) {
            ngx_service_token_slot_chunk_free(lu->view, k);
        }
    }

    return empty;
}
