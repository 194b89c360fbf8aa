/*
 * Batches: the frozen cells of a slot, made and freed by its owner.  See
 * last_used.c for what always holds.
 */


#include "ngx_service_token_last_used.h"

#include <openssl/rand.h>


static ngx_uint_t ngx_service_token_batch_freeze_chunk(
    ngx_service_token_last_used_t *lu, ngx_service_token_slot_t *slot,
    ngx_uint_t k, uint64_t seq, ngx_uint_t max, ngx_uint_t only_fresh);
static ngx_uint_t ngx_service_token_batch_release(
    ngx_service_token_last_used_t *lu, ngx_uint_t k, uint64_t acked);
static ngx_uint_t ngx_service_token_batch_used(
    ngx_service_token_last_used_t *lu, ngx_uint_t k);


ngx_uint_t
ngx_service_token_batch_freeze(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t only_fresh, ngx_uint_t max)
{
    uint64_t                    seq;
    ngx_uint_t                  k, n, owner, total;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;
    total = 0;
    k = 0;

    while (max-- && k < shared->chunks) {
        seq = atomic_load(&slot->seq) + 1;

        /* no batch of this slot was sent yet: its ids may begin */

        if (seq == 1
            && RAND_bytes(slot->nonce, NGX_SERVICE_TOKEN_SLOT_NONCE) != 1)
        {
            break;
        }

        /* the number first, and what others look at last: see last_used.c */

        atomic_store(&slot->seq, seq);
        ngx_service_token_flush_hook("number");

        n = 0;

        while (k < shared->chunks) {

            if (atomic_load(&shared->map[k].owner) == owner) {
                n += ngx_service_token_batch_freeze_chunk(lu, slot, k, seq,
                                           NGX_SERVICE_TOKEN_FLUSH_BATCH - n,
                                           only_fresh);
            }

            if (n == NGX_SERVICE_TOKEN_FLUSH_BATCH) {
                break;
            }

            k++;
        }

        ngx_service_token_flush_hook("frozen");
        atomic_store(&slot->ready, seq);

        total += n;
    }

    return total;
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
            ngx_service_token_flush_hook("cell");
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


/* frees the cells of batches up to that number: how many */

static ngx_uint_t
ngx_service_token_batch_release(ngx_service_token_last_used_t *lu,
    ngx_uint_t k, uint64_t acked)
{
    ngx_uint_t                  i, n;
    ngx_service_token_bare_t   *bare;
    ngx_service_token_cell_t   *cell;

    n = 0;

    if (ngx_service_token_is_bare(lu, k)) {
        bare = lu->view->shared->chunk[k].bare;

        for (i = 0; i < NGX_SERVICE_TOKEN_BARES; i++) {
            if (bare[i].id_len && bare[i].seq && bare[i].seq <= acked) {
                atomic_store(&bare[i].id_len, 0);
                ngx_memzero(&bare[i], sizeof(ngx_service_token_bare_t));
                n++;
            }
        }

        return n;
    }

    cell = lu->view->shared->chunk[k].cell;

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {
        if (cell[i].id_len && cell[i].seq && cell[i].seq <= acked) {
            atomic_store(&cell[i].id_len, 0);
            ngx_memzero(&cell[i], sizeof(ngx_service_token_cell_t));
            ngx_service_token_flush_hook("free");
            n++;
        }
    }

    return n;
}


ngx_uint_t
ngx_service_token_batch_free(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    uint64_t                    acked;
    ngx_uint_t                  i, k, n, owner, total;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;
    acked = atomic_load(&slot->acked);
    total = 0;

    if (slot == lu->view->mine) {

        for (i = 0; i < lu->nchunks; /* void */ ) {
            k = lu->chunk[i];
            n = ngx_service_token_batch_release(lu, k, acked);

            ngx_service_token_cells_freed(lu, k, n);
            total += n;

            if (lu->cells[k] == 0) {
                ngx_service_token_cells_gone(lu, i);

            } else {
                i++;
            }
        }

        return total;
    }

    for (k = 0; k < shared->chunks; k++) {
        if (atomic_load(&shared->map[k].owner) == owner) {
            total += ngx_service_token_batch_release(lu, k, acked);

            if (ngx_service_token_batch_used(lu, k) == 0) {
                ngx_service_token_slot_chunk_free(lu->view, k);
            }
        }
    }

    return total;
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


ngx_uint_t
ngx_service_token_batch_empty(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    ngx_uint_t                  k, owner;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = slot - shared->slot + 1;

    for (k = 0; k < shared->chunks; k++) {
        if (atomic_load(&shared->map[k].owner) == owner
            && ngx_service_token_batch_used(lu, k))
        {
            return 0;
        }
    }

    return 1;
}
