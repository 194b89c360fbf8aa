/*
 * When touches go to Redis: a worker's own part of it.
 *
 * One timer.  Pending touches are frozen into batches when they are due, and
 * offered by the slot's word "ready"; the node's writer (writer.c), which may
 * be this worker, sends it and says so in "acked"; then it is freed here, and
 * what is left of the flush is frozen.  So the cells of a slot have one owner
 * at all times, and the writer only reads them.
 *
 * A flush begins with one batch, and twice as many each time all have arrived:
 * while Redis is away the least is frozen, since only open cells go on
 * counting, and give up their detail when room is short.
 *
 * A worker that leaves offers all at once.  Its timer keeps it until all was
 * freed, but not longer than NGX_SERVICE_TOKEN_FLUSH_LEAVE: then its slot is
 * inherited.
 */


#include "ngx_service_token_last_used.h"


#define NGX_SERVICE_TOKEN_FLUSH_FRESH  500         /* tokens not seen before */
#define NGX_SERVICE_TOKEN_FLUSH_LEAVE  3000


static void ngx_service_token_flush_look(ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_start(ngx_service_token_last_used_t *lu,
    ngx_uint_t only_fresh);
static void ngx_service_token_flush_freeze(ngx_service_token_last_used_t *lu);
static void ngx_service_token_flush_warn(ngx_service_token_last_used_t *lu);


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
    if (lu->armed && lu->frozen == 0 && !ngx_service_token_flush_due(lu->due))
    {
        lu->due = ngx_current_msec;
        ngx_add_timer(&lu->timer, 1);
    }
}


void
ngx_service_token_flush_handler(ngx_event_t *ev)
{
    ngx_msec_t                      next;
    ngx_uint_t                      writer;
    ngx_service_token_last_used_t  *lu;

    lu = ev->data;

    if (lu->batch == NULL) {
        return;
    }

    if (ngx_exiting && lu->leaving == 0) {
        lu->leaving = ngx_current_msec | 1;
        lu->due = ngx_current_msec;
    }

    ngx_service_token_flush_look(lu);
    writer = ngx_service_token_writer_work(lu);

    ngx_service_token_flush_warn(lu);

    lu->armed = lu->pending || lu->busy;
    next = (lu->armed || writer) ? NGX_SERVICE_TOKEN_FLUSH_SOON
                                 : NGX_SERVICE_TOKEN_FLUSH_IDLE;

    if (lu->leaving) {

        next = NGX_SERVICE_TOKEN_FLUSH_SOON / 10;

        if (!lu->armed) {
            ngx_service_token_writer_leave(lu);
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
    }

    lu->timer.cancelable = !lu->armed;
    ngx_add_timer(&lu->timer, next);
}


/* what there is to flush now, if anything */

static void
ngx_service_token_flush_look(ngx_service_token_last_used_t *lu)
{
    /* without a slot there is nothing of its own, and heirs make slots free */

    if (ngx_service_token_slot_claim(lu->view) != NGX_OK) {
        return;
    }

    ngx_service_token_flush_collect(lu);

    if (lu->frozen) {
        return;
    }

    if (lu->pending && ngx_service_token_flush_due(lu->due)) {
        lu->due = ngx_current_msec + (lu->leaving ? 0 : lu->interval);
        ngx_service_token_flush_start(lu, 0);
        return;
    }

    if (lu->fresh && ngx_service_token_flush_due(lu->due_fresh)) {
        lu->due_fresh = ngx_current_msec + NGX_SERVICE_TOKEN_FLUSH_FRESH;
        ngx_service_token_flush_start(lu, 1);
    }
}


static void
ngx_service_token_flush_start(ngx_service_token_last_used_t *lu,
    ngx_uint_t only_fresh)
{
    lu->only_fresh = only_fresh;
    lu->window = 1;

    /* what comes while this flush is under way is of the next one */

    lu->left = lu->pending;

    ngx_service_token_flush_freeze(lu);
}


static void
ngx_service_token_flush_freeze(ngx_service_token_last_used_t *lu)
{
    ngx_uint_t  n;

    n = ngx_service_token_batch_freeze(lu, lu->view->mine, lu->only_fresh,
                       ngx_min(lu->window, ngx_service_token_flush_window(lu)));

    lu->frozen = n;
    lu->left = n ? lu->left - ngx_min(lu->left, n) : 0;
    lu->window *= 2;
}


void
ngx_service_token_flush_collect(ngx_service_token_last_used_t *lu)
{
    uint64_t  acked;

    if (lu->frozen == 0) {
        return;
    }

    acked = atomic_load(&lu->view->mine->acked);

    if (acked == lu->freed) {
        return;
    }

    lu->freed = acked;
    lu->frozen -= ngx_service_token_batch_free(lu, lu->view->mine);

    if (lu->frozen == 0 && lu->left) {
        ngx_service_token_flush_freeze(lu);
    }
}


/* a quarter of the room at most: a batch takes eight chunks */

ngx_uint_t
ngx_service_token_flush_window(ngx_service_token_last_used_t *lu)
{
    return ngx_max(lu->view->shared->chunks / 32, 1);
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
                  "service token: the detail of %ui uses was dropped: "
                  "there is no room until Redis takes them", lu->dropped);

    lu->dropped = 0;
    lu->warned = ngx_current_msec;
}
