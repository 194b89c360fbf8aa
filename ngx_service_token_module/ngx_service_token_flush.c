/*
 * How touches get to Redis.
 *
 * One timer: while touches are pending it looks every quarter of a second
 * whether they are due; else once a second, for slots of dead workers.  One
 * batch is on its way at a time, of one slot: the worker's own, then those
 * that it has inherited.  What is not acknowledged is sent again.
 *
 * A worker that leaves flushes at once.  Its timer keeps it until all was
 * acknowledged, but not longer than NGX_SERVICE_TOKEN_FLUSH_LEAVE: then its
 * slot is inherited.
 */


#include "ngx_service_token_last_used.h"


#define NGX_SERVICE_TOKEN_FLUSH_SOON   250         /* ms */
#define NGX_SERVICE_TOKEN_FLUSH_FRESH  500         /* tokens not seen before */
#define NGX_SERVICE_TOKEN_FLUSH_IDLE   1000        /* between looks for heirs */
#define NGX_SERVICE_TOKEN_FLUSH_AGAIN  1000        /* after a failure */
#define NGX_SERVICE_TOKEN_FLUSH_LEAVE  3000


static void ngx_service_token_flush_look(ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_heir(ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_start(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t only_fresh);
static void ngx_service_token_flush_next(ngx_service_token_last_used_t *lu);
static ngx_int_t ngx_service_token_flush_send(
    ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_cells(ngx_service_token_last_used_t *lu,
    uint64_t seq);
static void ngx_service_token_flush_cell(ngx_service_token_batch_t *batch,
    ngx_service_token_cell_t *cell);
static void ngx_service_token_flush_bare(ngx_service_token_batch_t *batch,
    ngx_service_token_bare_t *bare);
static void ngx_service_token_flush_text(ngx_service_token_batch_t *batch,
    const void *data, size_t len);
static void ngx_service_token_flush_number(ngx_service_token_batch_t *batch,
    uint64_t number);
static void ngx_service_token_flush_addr(ngx_service_token_batch_t *batch,
    u_char *addr, size_t len);
static void ngx_service_token_flush_done(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);
static void ngx_service_token_flush_failed(
    ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_warn(ngx_service_token_last_used_t *lu);


#define ngx_service_token_flush_due(date)                                     \
    ((ngx_msec_int_t) (ngx_current_msec - (date)) >= 0)


void
ngx_service_token_flush_wake(ngx_service_token_last_used_t *lu,
    ngx_uint_t fresh)
{
    if (fresh && lu->fresh++ == 0) {
        lu->due_fresh = ngx_current_msec + NGX_SERVICE_TOKEN_FLUSH_FRESH;
    }

    if (lu->armed) {
        return;
    }

    /* a worker that is asked to leave has to see that it may not yet */

    lu->armed = 1;
    lu->due = ngx_current_msec + (ngx_exiting ? 0 : lu->interval);
    lu->leaving = 0;
    lu->timer.cancelable = 0;
    ngx_add_timer(&lu->timer, NGX_SERVICE_TOKEN_FLUSH_SOON);
}


void
ngx_service_token_flush_hurry(ngx_service_token_last_used_t *lu)
{
    if (lu->armed && !lu->busy && !ngx_service_token_flush_due(lu->due)
        && ngx_service_token_flush_due(lu->again))
    {
        lu->due = ngx_current_msec;
        ngx_add_timer(&lu->timer, 1);
    }
}


void
ngx_service_token_flush_handler(ngx_event_t *ev)
{
    ngx_msec_t                      next;
    ngx_service_token_last_used_t  *lu;

    lu = ev->data;

    if (lu->batch == NULL) {
        return;
    }

    if (ngx_exiting && lu->leaving == 0) {
        lu->leaving = ngx_current_msec | 1;
        lu->due = ngx_current_msec;
    }

    if (!lu->busy) {
        ngx_service_token_flush_look(lu);
    }

    ngx_service_token_flush_warn(lu);

    next = NGX_SERVICE_TOKEN_FLUSH_IDLE;
    lu->armed = lu->pending || lu->busy;

    if (lu->leaving) {

        next = NGX_SERVICE_TOKEN_FLUSH_SOON / 10;

        if (!lu->armed) {
            return;
        }

        /* not waited for any more; a request that stays keeps the worker */

        if (ngx_service_token_flush_due(lu->leaving
                                        + NGX_SERVICE_TOKEN_FLUSH_LEAVE))
        {
            lu->timer.cancelable = 1;
            ngx_add_timer(&lu->timer, NGX_SERVICE_TOKEN_FLUSH_IDLE);
            return;
        }

    } else if (lu->armed) {
        next = NGX_SERVICE_TOKEN_FLUSH_SOON;
    }

    lu->timer.cancelable = !lu->armed;
    ngx_add_timer(&lu->timer, next);
}


/* what there is to flush now, if anything */

static void
ngx_service_token_flush_look(ngx_service_token_last_used_t *lu)
{
    ngx_service_token_slot_t  *mine;

    /* without a slot there is nothing of its own, and heirs make slots free */

    (void) ngx_service_token_slot_claim(lu->view);
    mine = lu->view->mine;

    if (!ngx_service_token_flush_due(lu->again)) {
        return;
    }

    if (lu->pending && ngx_service_token_flush_due(lu->due)) {
        lu->due = ngx_current_msec + (lu->leaving ? 0 : lu->interval);
        ngx_service_token_flush_start(lu, mine, 0);
        return;
    }

    if (lu->fresh && ngx_service_token_flush_due(lu->due_fresh)) {
        lu->due_fresh = ngx_current_msec + NGX_SERVICE_TOKEN_FLUSH_FRESH;
        ngx_service_token_flush_start(lu, mine, 1);
        return;
    }

    if (!lu->leaving
        && ngx_service_token_flush_due(lu->adopted
                                       + NGX_SERVICE_TOKEN_FLUSH_IDLE))
    {
        lu->adopted = ngx_current_msec;
        ngx_service_token_flush_heir(lu);
    }
}


/* slots of workers that are dead: one is flushed, empty ones are given back */

static void
ngx_service_token_flush_heir(ngx_service_token_last_used_t *lu)
{
    ngx_uint_t                 i;
    ngx_service_token_slot_t  *slot;

    i = 0;

    for ( ;; ) {
        slot = ngx_service_token_slot_adopt(lu->view, &i);

        if (slot == NULL) {
            return;
        }

        if (!ngx_service_token_batch_empty(lu, slot)) {
            ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                          "service token: this worker flushes the uses that "
                          "another has left");

            ngx_service_token_flush_start(lu, slot, 0);
            return;
        }

        ngx_service_token_slot_release(lu->view, slot);
    }
}


static void
ngx_service_token_flush_start(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot, ngx_uint_t only_fresh)
{
    lu->slot = slot;
    lu->only_fresh = only_fresh;

    /* what comes while this flush is under way is of the next one */

    lu->left = lu->pending;

    ngx_service_token_flush_next(lu);
}


static void
ngx_service_token_flush_next(ngx_service_token_last_used_t *lu)
{
    lu->sent = ngx_service_token_batch_freeze(lu, lu->slot, lu->only_fresh);

    if (lu->sent == 0) {

        if (lu->slot != lu->view->mine
            && ngx_service_token_batch_empty(lu, lu->slot))
        {
            ngx_service_token_slot_release(lu->view, lu->slot);
        }

        return;
    }

    if (ngx_service_token_flush_send(lu) == NGX_OK) {
        lu->busy = 1;

    } else {
        ngx_service_token_flush_failed(lu);
    }
}


static ngx_int_t
ngx_service_token_flush_send(ngx_service_token_last_used_t *lu)
{
    u_char                     *p;
    size_t                      i;
    uint64_t                    seq;
    ngx_service_token_batch_t  *batch;

    batch = lu->batch;
    batch->argc = NGX_SERVICE_TOKEN_EVAL_HEAD;
    batch->last = batch->text;
    seq = atomic_load(&lu->slot->seq);

    ngx_service_token_flush_text(batch, "1", 1);
    ngx_service_token_flush_text(batch, lu->marker.data, lu->marker.len);
    ngx_service_token_flush_text(batch, lu->prefix.data, lu->prefix.len);
    ngx_service_token_flush_text(batch, "nginx", 5);

    p = batch->last;
    batch->last = ngx_sprintf(p, "%*s:%uz", lu->cache->shared->node_len,
                              lu->cache->shared->node,
                              lu->slot - lu->view->shared->slot);
    ngx_service_token_flush_text(batch, p, batch->last - p);

    ngx_service_token_flush_number(batch, seq);

    p = batch->last;

    for (i = 0; i < lu->roles->n; i++) {
        batch->last = ngx_cpymem(batch->last, lu->roles->name[i].data,
                                 lu->roles->name[i].len);
        *batch->last++ = ' ';
    }

    ngx_service_token_flush_text(batch, p, batch->last - p);

    ngx_service_token_flush_cells(lu, seq);

    lu->eval.handler = ngx_service_token_flush_done;
    lu->eval.data = lu;

    return ngx_service_token_eval_send(&lu->eval, lu->link,
                                       ngx_service_token_script_touch,
                                       ngx_service_token_script_touch_sha1,
                                       batch->argc, batch->arg, batch->len);
}


static void
ngx_service_token_flush_cells(ngx_service_token_last_used_t *lu,
    uint64_t seq)
{
    ngx_uint_t                  i, k, owner;
    ngx_service_token_slots_t  *shared;
    ngx_service_token_chunk_t  *chunk;

    shared = lu->view->shared;
    owner = lu->slot - shared->slot + 1;

    for (k = 0; k < shared->chunks; k++) {

        if (atomic_load(&shared->map[k].owner) != owner) {
            continue;
        }

        chunk = &shared->chunk[k];

        if (shared->map[k].bare) {

            for (i = 0; i < NGX_SERVICE_TOKEN_BARES; i++) {
                if (chunk->bare[i].id_len && chunk->bare[i].seq == seq) {
                    ngx_service_token_flush_bare(lu->batch, &chunk->bare[i]);
                }
            }

            continue;
        }

        for (i = 0; i < NGX_SERVICE_TOKEN_CELLS; i++) {
            if (chunk->cell[i].id_len && chunk->cell[i].seq == seq) {
                ngx_service_token_flush_cell(lu->batch, &chunk->cell[i]);
            }
        }
    }
}


/* what a dead worker left is bounded before it is believed */

static void
ngx_service_token_flush_cell(ngx_service_token_batch_t *batch,
    ngx_service_token_cell_t *cell)
{
    stok_str_t  word;

    ngx_service_token_flush_text(batch, cell->id,
                                 ngx_min(cell->id_len, STOK_RECORD_ID_MAX));
    ngx_service_token_flush_number(batch, cell->first);
    ngx_service_token_flush_number(batch, cell->used);
    ngx_service_token_flush_number(batch, cell->uses);
    ngx_service_token_flush_addr(batch, cell->addr, cell->addr_len);
    ngx_service_token_flush_text(batch, cell->location,
                                 ngx_min(cell->location_len,
                                         NGX_SERVICE_TOKEN_CELL_LOCATION));
    ngx_service_token_flush_text(batch, cell->role,
                                 ngx_min(cell->role_len, STOK_ROLE_MAX));
    ngx_service_token_flush_number(batch, cell->refusals);
    ngx_service_token_flush_number(batch, cell->refused);
    ngx_service_token_flush_addr(batch, cell->refused_addr,
                                 cell->refused_addr_len);

    word = stok_verdict_word(ngx_min(cell->verdict, STOK_VERDICTS - 1));
    ngx_service_token_flush_text(batch, word.data, word.len);
}


static void
ngx_service_token_flush_bare(ngx_service_token_batch_t *batch,
    ngx_service_token_bare_t *bare)
{
    ngx_uint_t  i;

    ngx_service_token_flush_text(batch, bare->id,
                                 ngx_min(bare->id_len, STOK_RECORD_ID_MAX));
    ngx_service_token_flush_number(batch, bare->used);
    ngx_service_token_flush_number(batch, bare->used);

    for (i = 3; i < NGX_SERVICE_TOKEN_FLUSH_FIELDS; i++) {
        ngx_service_token_flush_text(batch, "0", 1);
    }
}


static void
ngx_service_token_flush_text(ngx_service_token_batch_t *batch,
    const void *data, size_t len)
{
    batch->arg[batch->argc] = data;
    batch->len[batch->argc++] = len;
}


static void
ngx_service_token_flush_number(ngx_service_token_batch_t *batch,
    uint64_t number)
{
    u_char  *p;

    p = batch->last;
    batch->last = ngx_sprintf(p, "%uL", number);

    ngx_service_token_flush_text(batch, p, batch->last - p);
}


static void
ngx_service_token_flush_addr(ngx_service_token_batch_t *batch, u_char *addr,
    size_t len)
{
    u_char  *p;

    p = batch->last;

    if (len == 4 || len == 16) {
        batch->last += ngx_inet_ntop(len == 4 ? AF_INET : AF_INET6, addr, p,
                                     NGX_INET6_ADDRSTRLEN);
    }

    ngx_service_token_flush_text(batch, p, batch->last - p);
}


/* {'OK', written, failed}; anything else: the batch stays, and goes again */

static void
ngx_service_token_flush_done(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_last_used_t  *lu;

    lu = eval->data;
    lu->busy = 0;

    if (reply == NULL || lu->batch == NULL) {
        ngx_service_token_flush_failed(lu);
        return;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lu->link, reply, 1);
        ngx_service_token_flush_failed(lu);
        return;
    }

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY || reply->n != 3
        || reply->element[2].type != NGX_SERVICE_TOKEN_INTEGER)
    {
        ngx_service_token_flush_failed(lu);
        return;
    }

    if (reply->element[2].integer) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "service token: the uses of %L tokens could not be "
                      "written: a key has the wrong type",
                      reply->element[2].integer);
    }

    ngx_service_token_pipe_complain(lu->link, NULL, 1);
    ngx_service_token_count(flushes);
    ngx_service_token_count_add(flushed, lu->sent);

    ngx_service_token_batch_free(lu, lu->slot);

    if (lu->slot == lu->view->mine) {
        lu->left -= ngx_min(lu->left, lu->sent);

        if (lu->left == 0) {
            return;
        }
    }

    ngx_service_token_flush_next(lu);
}


static void
ngx_service_token_flush_failed(ngx_service_token_last_used_t *lu)
{
    lu->again = ngx_current_msec + (lu->leaving
                                    ? NGX_SERVICE_TOKEN_FLUSH_SOON
                                    : NGX_SERVICE_TOKEN_FLUSH_AGAIN);
    lu->due = lu->again;
}


static void
ngx_service_token_flush_warn(ngx_service_token_last_used_t *lu)
{
    if (lu->dropped == 0
        || !ngx_service_token_flush_due(lu->warned + lu->interval))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "service token: the detail of %ui uses was dropped: there "
                  "is no room until Redis takes them", lu->dropped);

    lu->dropped = 0;
    lu->warned = ngx_current_msec;
}
