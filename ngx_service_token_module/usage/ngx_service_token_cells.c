/*
 * The cells of a worker's slot: found by hash, taken from its chunks.
 *
 * When chunks run out the oldest detail goes first: Last Used of its tokens
 * moves into bare cells, which need a third of the room.  Only when there is
 * no room for these either, a use is not noted at all.
 */


#include "ngx_service_token_last_used.h"


/* chunks that only bare cells may take */
#define NGX_SERVICE_TOKEN_CELLS_RESERVE(chunks)                               \
    ngx_min((chunks) / 4, NGX_SERVICE_TOKEN_SLOTS)


static uint32_t ngx_service_token_cells_vacant(
    ngx_service_token_last_used_t *lu, ngx_uint_t k, ngx_uint_t bare);
static ngx_int_t ngx_service_token_cells_grow(
    ngx_service_token_last_used_t *lu, ngx_uint_t bare);
static ngx_int_t ngx_service_token_cells_demote(
    ngx_service_token_last_used_t *lu);


/*
 * A free cell: of the chunks that we have, of a new one, or of one whose
 * detail has to go.
 */

uint32_t
ngx_service_token_cells_room(ngx_service_token_last_used_t *lu,
    ngx_uint_t bare)
{
    uint32_t     index;
    ngx_uint_t   n, *hint;

    hint = bare ? &lu->hint_bare : &lu->hint;

    do {
        for (n = 0; n < lu->nchunks; n++, (*hint)++) {
            *hint = (*hint < lu->nchunks) ? *hint : 0;

            index = ngx_service_token_cells_vacant(lu, lu->chunk[*hint],
                                                       bare);
            if (index != NGX_SERVICE_TOKEN_CELLS_NONE) {
                return index;
            }
        }

        /* a new chunk comes last */

        *hint = lu->nchunks;

    } while (ngx_service_token_cells_grow(lu, bare) == NGX_OK
             || (!bare && ngx_service_token_cells_demote(lu) == NGX_OK));

    return NGX_SERVICE_TOKEN_CELLS_NONE;
}


/* one chunk more; when half of them are taken, it is time to flush */

static ngx_int_t
ngx_service_token_cells_grow(ngx_service_token_last_used_t *lu,
    ngx_uint_t bare)
{
    ngx_uint_t                  n, chunks;
    ngx_service_token_chunk_t  *chunk;

    chunks = lu->view->shared->chunks;

    chunk = ngx_service_token_slot_chunk(lu->view, lu->view->mine, bare,
                                         chunks / 2, &n);

    if (chunk == NULL) {
        ngx_service_token_flush_hurry(lu);

        /* the last of the room is for bare cells */

        chunk = ngx_service_token_slot_chunk(lu->view, lu->view->mine, bare,
                             bare ? 0 : NGX_SERVICE_TOKEN_CELLS_RESERVE(chunks),
                             &n);
    }

    if (chunk == NULL) {
        return NGX_DECLINED;
    }

    lu->cells[n] = 0;
    lu->chunk[lu->nchunks++] = (uint32_t) n;

    return NGX_OK;
}


static uint32_t
ngx_service_token_cells_vacant(ngx_service_token_last_used_t *lu,
    ngx_uint_t k, ngx_uint_t bare)
{
    ngx_uint_t                  i, max;
    ngx_service_token_chunk_t  *chunk;

    max = bare ? NGX_SERVICE_TOKEN_BARES : NGX_SERVICE_TOKEN_CELLS;

    if (lu->cells[k] == max || ngx_service_token_is_bare(lu, k) != bare) {
        return NGX_SERVICE_TOKEN_CELLS_NONE;
    }

    chunk = &lu->view->shared->chunk[k];

    for (i = 0; i < max; i++) {
        if ((bare ? chunk->bare[i].id_len : chunk->cell[i].id_len) == 0) {
            return ngx_service_token_index(k, i);
        }
    }

    return NGX_SERVICE_TOKEN_CELLS_NONE;
}


/*
 * The oldest chunk of detail that is not on its way becomes bare cells.  These
 * are there before it goes, so a kill leaves both, and Redis keeps the later
 * date.
 */

static ngx_int_t
ngx_service_token_cells_demote(ngx_service_token_last_used_t *lu)
{
    ngx_uint_t                 i, k, n;
    ngx_service_token_cell_t  *cell;

    k = 0;
    cell = NULL;

    for (n = 0; n < lu->nchunks; n++) {
        k = lu->chunk[n];

        if (ngx_service_token_is_bare(lu, k)) {
            continue;
        }

        cell = lu->view->shared->chunk[k].cell;

        for (i = 0; i < NGX_SERVICE_TOKEN_CELLS && cell[i].seq == 0; i++) {
            /* void */
        }

        if (i == NGX_SERVICE_TOKEN_CELLS) {
            break;
        }
    }

    if (n >= lu->nchunks) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {

        if (cell[i].id_len == 0) {
            continue;
        }

        if (cell[i].used
            && ngx_service_token_cells_bare(lu, cell[i].hash, cell[i].id,
                                                cell[i].id_len, cell[i].used)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }

        ngx_service_token_count_add(detail_dropped,
                                    cell[i].uses + cell[i].refusals);
        lu->dropped++;

        ngx_service_token_cells_unlink(lu,
                                           ngx_service_token_index(k, i),
                                           cell[i].hash);
        ngx_service_token_cells_freed(lu, k, 1);

        lu->fresh -= cell[i].fresh;
        atomic_store(&cell[i].id_len, 0);
        ngx_memzero(&cell[i], sizeof(ngx_service_token_cell_t));
    }

    ngx_service_token_cells_gone(lu, n);

    return NGX_OK;
}


ngx_int_t
ngx_service_token_cells_bare(ngx_service_token_last_used_t *lu,
    uint32_t hash, const char *id, size_t len, uint64_t used)
{
    uint32_t                   index;
    ngx_service_token_bare_t  *bare;

    for (index = lu->head[hash % NGX_SERVICE_TOKEN_CELLS_HEADS];
         index != NGX_SERVICE_TOKEN_CELLS_NONE;
         index = lu->next[index])
    {
        if (!ngx_service_token_is_bare(lu, ngx_service_token_chunk_of(index)))
        {
            continue;
        }

        bare = ngx_service_token_bare(lu, index);

        if (bare->hash == hash && bare->id_len == len
            && ngx_memcmp(bare->id, id, len) == 0)
        {
            bare->used = ngx_max(bare->used, used);
            return NGX_OK;
        }
    }

    index = ngx_service_token_cells_room(lu, 1);

    if (index == NGX_SERVICE_TOKEN_CELLS_NONE) {
        return NGX_DECLINED;
    }

    bare = ngx_service_token_bare(lu, index);
    bare->used = used;
    bare->hash = hash;
    ngx_memcpy(bare->id, id, len);
    atomic_store_explicit(&bare->id_len, (uint8_t) len,
                          memory_order_release);

    ngx_service_token_cells_link(lu, index, hash);

    return NGX_OK;
}


void
ngx_service_token_cells_link(ngx_service_token_last_used_t *lu,
    uint32_t index, uint32_t hash)
{
    uint32_t  *head;

    head = &lu->head[hash % NGX_SERVICE_TOKEN_CELLS_HEADS];

    lu->next[index] = *head;
    *head = index;

    lu->cells[ngx_service_token_chunk_of(index)]++;
    lu->pending++;

    atomic_store_explicit(&lu->view->mine->counters.pending,
                          (int64_t) lu->pending, memory_order_relaxed);
}


/* a cell that is open no more: it is not found again */

void
ngx_service_token_cells_unlink(ngx_service_token_last_used_t *lu,
    uint32_t index, uint32_t hash)
{
    uint32_t  *p;

    for (p = &lu->head[hash % NGX_SERVICE_TOKEN_CELLS_HEADS];
         *p != NGX_SERVICE_TOKEN_CELLS_NONE;
         p = &lu->next[*p])
    {
        if (*p == index) {
            *p = lu->next[index];
            return;
        }
    }
}


void
ngx_service_token_cells_freed(ngx_service_token_last_used_t *lu,
    ngx_uint_t k, ngx_uint_t n)
{
    lu->cells[k] -= n;
    lu->pending -= n;

    atomic_store_explicit(&lu->view->mine->counters.pending,
                          (int64_t) lu->pending, memory_order_relaxed);
}


void
ngx_service_token_cells_gone(ngx_service_token_last_used_t *lu,
    ngx_uint_t n)
{
    ngx_service_token_slot_chunk_free(lu->view, lu->chunk[n]);

    lu->nchunks--;

    ngx_memmove(&lu->chunk[n], &lu->chunk[n + 1],
                (lu->nchunks - n) * sizeof(uint32_t));
}
