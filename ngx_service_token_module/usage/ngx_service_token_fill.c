/*
 * A batch as the arguments of touch.lua, which says what they are.
 *
 * The cells may be another process' and, if this one was frozen, may be freed
 * while they are read (see writer.c): each length is taken once, and bounded.
 */


#include "ngx_service_token_last_used.h"


static void ngx_service_token_fill_cells(ngx_service_token_last_used_t *lu,
    ngx_uint_t k);
static void ngx_service_token_fill_cell(ngx_service_token_batch_t *batch,
    ngx_service_token_cell_t *cell);
static void ngx_service_token_fill_bare(ngx_service_token_batch_t *batch,
    ngx_service_token_bare_t *bare);
static void ngx_service_token_fill_text(ngx_service_token_batch_t *batch,
    const void *data, size_t len);
static void ngx_service_token_fill_number(ngx_service_token_batch_t *batch,
    uint64_t number);
static void ngx_service_token_fill_addr(ngx_service_token_batch_t *batch,
    u_char *addr, size_t len);


void
ngx_service_token_fill_batch(ngx_service_token_last_used_t *lu)
{
    u_char                     *p;
    ngx_uint_t                  i, k, owner;
    ngx_service_token_batch_t  *batch;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    owner = lu->slot - shared->slot + 1;

    batch = lu->batch;
    batch->argc = NGX_SERVICE_TOKEN_EVAL_HEAD;
    batch->last = batch->text;

    ngx_service_token_fill_text(batch, "1", 1);
    ngx_service_token_fill_text(batch, lu->marker.data, lu->marker.len);
    ngx_service_token_fill_text(batch, lu->prefix.data, lu->prefix.len);
    ngx_service_token_fill_text(batch, "nginx", 5);

    p = batch->last;
    batch->last = ngx_sprintf(p, "%*s:%uz", lu->cache->shared->node_len,
                              lu->cache->shared->node, owner - 1);
    ngx_service_token_fill_text(batch, p, batch->last - p);

    ngx_service_token_fill_number(batch, lu->seq);

    p = batch->last;
    batch->last = ngx_hex_dump(p, lu->slot->nonce,
                               NGX_SERVICE_TOKEN_SLOT_NONCE);
    ngx_service_token_fill_text(batch, p, batch->last - p);

    p = batch->last;

    for (i = 0; i < lu->roles->n; i++) {
        batch->last = ngx_cpymem(batch->last, lu->roles->name[i].data,
                                 lu->roles->name[i].len);
        *batch->last++ = ' ';
    }

    ngx_service_token_fill_text(batch, p, batch->last - p);

    lu->sent = 0;

    for (k = 0; k < shared->chunks; k++) {
        if (atomic_load(&shared->map[k].owner) == owner) {
            ngx_service_token_fill_cells(lu, k);
        }
    }
}


static void
ngx_service_token_fill_cells(ngx_service_token_last_used_t *lu,
    ngx_uint_t k)
{
    ngx_uint_t                  i;
    ngx_service_token_bare_t   *bare;
    ngx_service_token_cell_t   *cell;

    if (ngx_service_token_is_bare(lu, k)) {
        bare = lu->view->shared->chunk[k].bare;

        for (i = 0; i < NGX_SERVICE_TOKEN_BARES; i++) {
            if (bare[i].id_len && bare[i].seq == lu->seq
                && lu->sent < NGX_SERVICE_TOKEN_FLUSH_BATCH)
            {
                ngx_service_token_fill_bare(lu->batch, &bare[i]);
                lu->sent++;
            }
        }

        return;
    }

    cell = lu->view->shared->chunk[k].cell;

    for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {
        if (cell[i].id_len && cell[i].seq == lu->seq
            && lu->sent < NGX_SERVICE_TOKEN_FLUSH_BATCH)
        {
            ngx_service_token_fill_cell(lu->batch, &cell[i]);
            lu->sent++;
        }
    }
}


static void
ngx_service_token_fill_cell(ngx_service_token_batch_t *batch,
    ngx_service_token_cell_t *cell)
{
    stok_str_t  word;

    ngx_service_token_fill_text(batch, cell->id,
                                 ngx_min(cell->id_len, STOK_RECORD_ID_MAX));
    ngx_service_token_fill_number(batch, cell->first);
    ngx_service_token_fill_number(batch, cell->used);
    ngx_service_token_fill_number(batch, cell->uses);
    ngx_service_token_fill_addr(batch, cell->addr, cell->addr_len);
    ngx_service_token_fill_text(batch, cell->location,
                                 ngx_min(cell->location_len,
                                         NGX_SERVICE_TOKEN_CELL_LOCATION));
    ngx_service_token_fill_text(batch, cell->role,
                                 ngx_min(cell->role_len, STOK_ROLE_MAX));
    ngx_service_token_fill_number(batch, cell->refusals);
    ngx_service_token_fill_number(batch, cell->refused);
    ngx_service_token_fill_addr(batch, cell->refused_addr,
                                 cell->refused_addr_len);

    word = stok_verdict_word(ngx_min(cell->verdict, STOK_VERDICTS - 1));
    ngx_service_token_fill_text(batch, word.data, word.len);
}


static void
ngx_service_token_fill_bare(ngx_service_token_batch_t *batch,
    ngx_service_token_bare_t *bare)
{
    ngx_uint_t  i;

    ngx_service_token_fill_text(batch, bare->id,
                                 ngx_min(bare->id_len, STOK_RECORD_ID_MAX));
    ngx_service_token_fill_number(batch, bare->used);
    ngx_service_token_fill_number(batch, bare->used);

    for (i = 3; i < NGX_SERVICE_TOKEN_FLUSH_FIELDS; i++) {
        ngx_service_token_fill_text(batch, "0", 1);
    }
}


static void
ngx_service_token_fill_text(ngx_service_token_batch_t *batch,
    const void *data, size_t len)
{
    batch->arg[batch->argc] = data;
    batch->len[batch->argc++] = len;
}


static void
ngx_service_token_fill_number(ngx_service_token_batch_t *batch,
    uint64_t number)
{
    u_char  *p;

    p = batch->last;
    batch->last = ngx_sprintf(p, "%uL", number);

    ngx_service_token_fill_text(batch, p, batch->last - p);
}


static void
ngx_service_token_fill_addr(ngx_service_token_batch_t *batch, u_char *addr,
    size_t len)
{
    u_char  *p;

    p = batch->last;

    if (len == 4 || len == 16) {
        batch->last += ngx_inet_ntop(len == 4 ? AF_INET : AF_INET6, addr, p,
                                     NGX_INET6_ADDRSTRLEN);
    }

    ngx_service_token_fill_text(batch, p, batch->last - p);
}
