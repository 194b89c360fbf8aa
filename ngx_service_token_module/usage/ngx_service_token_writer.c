/*
 * The node's writer: one worker that brings the batches of all workers to
 * Redis, so that a node needs one connection for that, and not one for each
 * worker.
 *
 * It is the keeper, which has a data link anyway, and which takes the word
 * "writer" from its holder.  Without a keeper, as at first, or if the
 * keeper does not write, any worker takes it that finds it at 0, of a dead
 * process, or of one whose "beat" has stood still for
 * NGX_SERVICE_TOKEN_WRITER_STILL.
 *
 * That is economy, not safety.  The word does not stop one that was frozen and
 * comes back: then two write.  Whichever worker writes, these always hold:
 *
 * - a batch that is ready does not change until it is acked: all writers send
 *   the same bytes;
 * - Redis takes a batch once.  It keeps the number of a slot's last batch,
 *   with a proof that the slot made it (touch.lua), and passes over what has
 *   this number or a lower one, in whatever order writers come;
 * - a writer says "acked" only after Redis has said so, and the word only
 *   grows.  So a cell is freed when its batch is in Redis, and one that was
 *   frozen while it read the cells of a batch, and reads them half-freed,
 *   sends what Redis passes over.
 *
 * | the writer dies | what follows |
 * |---|---|
 * | before it sent, or before the answer | another one sends the same batch |
 * | after the answer, before "acked" | the same; Redis knows its number |
 * | after "acked" | the owner frees it, or the heir of the owner |
 * | after it adopted a slot | its pid is dead: the next writer adopts |
 *
 * Slots of dead workers are adopted by the writer, which then is their owner,
 * too: it completes the last batch as it is (no other cell can come under its
 * number), freezes the rest, frees, and gives the slot back.  It stays their
 * owner if another worker becomes the writer meanwhile: then that one sends.
 */


#include "ngx_service_token_last_used.h"


#define NGX_SERVICE_TOKEN_WRITER_AGAIN   1000      /* after a failure, ms */
#define NGX_SERVICE_TOKEN_WRITER_ADOPT   1000      /* between looks for dead */
#define NGX_SERVICE_TOKEN_WRITER_KEEPER  1000      /* a keeper may take it */
#define NGX_SERVICE_TOKEN_WRITER_STILL   2000
#define NGX_SERVICE_TOKEN_WRITER_JITTER  250       /* to connect, ms */


static ngx_uint_t ngx_service_token_writer_mine(
    ngx_service_token_last_used_t *lu);
static ngx_uint_t ngx_service_token_writer_vacant(
    ngx_service_token_last_used_t *lu, uint32_t writer, uint32_t keeper);
static ngx_uint_t ngx_service_token_writer_heir(
    ngx_service_token_last_used_t *lu);
static void ngx_service_token_writer_adopt(ngx_service_token_last_used_t *lu);
static void ngx_service_token_writer_inherit(
    ngx_service_token_last_used_t *lu, ngx_service_token_slot_t *slot);
static void ngx_service_token_writer_next(ngx_service_token_last_used_t *lu);
static ngx_uint_t ngx_service_token_writer_ready(
    ngx_service_token_last_used_t *lu, ngx_service_token_slot_t *slot);
static ngx_int_t ngx_service_token_writer_send(
    ngx_service_token_last_used_t *lu);
static void ngx_service_token_writer_acked(ngx_service_token_slot_t *slot,
    uint64_t seq);
static void ngx_service_token_writer_done(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);
static ngx_int_t ngx_service_token_writer_answer(
    ngx_service_token_last_used_t *lu, ngx_service_token_reply_t *reply);
static void ngx_service_token_writer_failed(
    ngx_service_token_last_used_t *lu);


ngx_uint_t
ngx_service_token_writer_work(ngx_service_token_last_used_t *lu)
{
    if (!ngx_service_token_writer_mine(lu)) {
        return ngx_service_token_writer_heir(lu);
    }

    atomic_fetch_add(&lu->view->shared->beat, 1);

    if (!lu->busy && ngx_service_token_flush_due(lu->again)) {

        if (!lu->leaving && ngx_service_token_flush_due(lu->adopted
                                             + NGX_SERVICE_TOKEN_WRITER_ADOPT))
        {
            lu->adopted = ngx_current_msec;
            ngx_service_token_writer_adopt(lu);
        }

        ngx_service_token_writer_next(lu);
    }

    return 1;
}


void
ngx_service_token_writer_leave(ngx_service_token_last_used_t *lu)
{
    uint32_t  pid;

    pid = (uint32_t) ngx_pid;

    (void) atomic_compare_exchange_strong(&lu->view->shared->writer, &pid, 0);
}


static ngx_uint_t
ngx_service_token_writer_mine(ngx_service_token_last_used_t *lu)
{
    uint32_t                    pid, writer, keeper;
    ngx_service_token_slots_t  *shared;

    shared = lu->view->shared;
    pid = (uint32_t) ngx_pid;
    writer = atomic_load(&shared->writer);

    if (writer == pid) {
        return 1;
    }

    keeper = (uint32_t) atomic_load(&lu->cache->shared->keeper);

    if (keeper != pid && !ngx_service_token_writer_vacant(lu, writer, keeper))
    {
        return 0;
    }

    if (!atomic_compare_exchange_strong(&shared->writer, &writer, pid)) {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "service token: this worker writes the uses of all workers");

    return 1;
}


/* by our own clock: how long the writer has not been seen at work */

static ngx_uint_t
ngx_service_token_writer_vacant(ngx_service_token_last_used_t *lu,
    uint32_t writer, uint32_t keeper)
{
    uint32_t    beat;
    ngx_msec_t  wait;

    beat = atomic_load(&lu->view->shared->beat);

    if (writer != lu->writer || beat != lu->beat) {
        lu->writer = writer;
        lu->beat = beat;
        lu->beaten = ngx_current_msec;
    }

    wait = NGX_SERVICE_TOKEN_WRITER_STILL;

    if (writer == 0 || ngx_service_token_slot_dead(writer)) {
        wait = keeper ? NGX_SERVICE_TOKEN_WRITER_KEEPER : 0;
    }

    return ngx_service_token_flush_due(lu->beaten + wait);
}


/* slots that were adopted before another worker became the writer: how many */

static ngx_uint_t
ngx_service_token_writer_heir(ngx_service_token_last_used_t *lu)
{
    ngx_uint_t                 i, n, claimed;
    ngx_service_token_slot_t  *slot;

    if (!lu->heir) {
        return 0;
    }

    n = 0;
    claimed = ngx_service_token_slots_claimed(lu->view->shared);

    for (i = 0; i < claimed; i++) {
        slot = &lu->view->shared->slot[i];

        if (slot != lu->view->mine
            && atomic_load(&slot->pid) == (uint32_t) ngx_pid)
        {
            ngx_service_token_writer_inherit(lu, slot);
            n++;
        }
    }

    lu->heir = (n != 0);

    return n;
}


static void
ngx_service_token_writer_adopt(ngx_service_token_last_used_t *lu)
{
    ngx_uint_t                 i;
    ngx_service_token_slot_t  *slot;

    i = 0;

    for ( ;; ) {
        slot = ngx_service_token_slot_adopt(lu->view, &i);

        if (slot == NULL) {
            return;
        }

        lu->heir = 1;
        ngx_service_token_flush_hook("adopted");

        if (!ngx_service_token_batch_empty(lu, slot)) {
            ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                          "service token: this worker flushes the uses that "
                          "another worker has left");
        }
    }
}


/* a slot that was adopted: offers what is in it, or gives it back */

static void
ngx_service_token_writer_inherit(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    uint64_t  seq;

    seq = atomic_load(&slot->seq);

    atomic_store(&slot->ready, seq);

    (void) ngx_service_token_batch_free(lu, slot);

    if (atomic_load(&slot->acked) != seq) {
        return;
    }

    if (ngx_service_token_batch_empty(lu, slot)) {
        ngx_service_token_slot_release(lu->view, slot);
        return;
    }

    (void) ngx_service_token_batch_freeze(lu, slot, 0,
                                          ngx_service_token_flush_window(lu));
}


/* sends one batch, of the first slot that has one; they take turns */

static void
ngx_service_token_writer_next(ngx_service_token_last_used_t *lu)
{
    uint32_t                   pid;
    ngx_uint_t                 i, n, claimed;
    ngx_service_token_slot_t  *slot;

    i = lu->turn;
    claimed = ngx_service_token_slots_claimed(lu->view->shared);

    for (n = 0; n < claimed; n++, i++) {
        i = (i < claimed) ? i : 0;
        slot = &lu->view->shared->slot[i];
        pid = atomic_load(&slot->pid);

        if (pid == 0) {
            continue;
        }

        if (pid == (uint32_t) ngx_pid && slot != lu->view->mine) {
            ngx_service_token_writer_inherit(lu, slot);
        }

        if (!ngx_service_token_writer_ready(lu, slot)) {
            continue;
        }

        lu->turn = i + 1;

        if (ngx_service_token_writer_send(lu) != NGX_OK) {
            ngx_service_token_writer_failed(lu);
        }

        return;
    }
}


/* 1: the slot has a batch to send, and it stands in lu->batch */

static ngx_uint_t
ngx_service_token_writer_ready(ngx_service_token_last_used_t *lu,
    ngx_service_token_slot_t *slot)
{
    lu->slot = slot;

    for ( ;; ) {
        lu->seq = atomic_load(&slot->acked) + 1;

        if (lu->seq > atomic_load(&slot->ready)) {
            return 0;
        }

        ngx_service_token_fill_batch(lu);

        if (lu->sent) {
            return 1;
        }

        /* nothing was frozen under that number, or all of it was freed */

        ngx_service_token_writer_acked(slot, lu->seq);
    }
}


static void
ngx_service_token_writer_acked(ngx_service_token_slot_t *slot, uint64_t seq)
{
    uint64_t  acked;

    acked = atomic_load(&slot->acked);

    while (acked < seq
           && !atomic_compare_exchange_weak(&slot->acked, &acked, seq))
    {
        /* void */
    }
}


/* of connects that no request waits for, not all nodes' at once */

static ngx_int_t
ngx_service_token_writer_send(ngx_service_token_last_used_t *lu)
{
    ngx_service_token_batch_t  *batch;

    if (lu->link->state == NGX_SERVICE_TOKEN_LINK_CLOSED && !lu->waited
        && !lu->leaving)
    {
        lu->waited = 1;
        lu->again = ngx_current_msec
                    + ngx_random() % (NGX_SERVICE_TOKEN_WRITER_JITTER + 1);
        return NGX_OK;
    }

    lu->waited = 0;
    batch = lu->batch;

    lu->eval.handler = ngx_service_token_writer_done;
    lu->eval.data = lu;

    ngx_service_token_flush_hook("send");

    if (ngx_service_token_eval_send(&lu->eval, lu->link,
                                    ngx_service_token_script_touch,
                                    ngx_service_token_script_touch_sha1,
                                    batch->argc, batch->arg, batch->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    lu->busy = 1;

    return NGX_OK;
}


/* a batch that Redis did not take stays, and goes again */

static void
ngx_service_token_writer_done(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_last_used_t  *lu;

    lu = eval->data;
    lu->busy = 0;

    if (lu->batch == NULL || ngx_service_token_writer_answer(lu, reply)
                             != NGX_OK)
    {
        ngx_service_token_writer_failed(lu);
        return;
    }

    ngx_service_token_count(flushes);
    ngx_service_token_count_add(flushed, lu->sent);

    ngx_service_token_flush_hook("answered");
    ngx_service_token_writer_acked(lu->slot, lu->seq);
    ngx_service_token_flush_hook("acked");

    if (lu->slot == lu->view->mine) {
        ngx_service_token_flush_collect(lu);
    }

    if (atomic_load(&lu->view->shared->writer) == (uint32_t) ngx_pid) {
        ngx_service_token_writer_next(lu);
    }
}


/* {'OK', written, failed}; anything else is NGX_ERROR */

static ngx_int_t
ngx_service_token_writer_answer(ngx_service_token_last_used_t *lu,
    ngx_service_token_reply_t *reply)
{
    if (reply == NULL) {
        return NGX_ERROR;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lu->link, reply, 1);
        return NGX_ERROR;
    }

    if (reply->type != NGX_SERVICE_TOKEN_ARRAY || reply->n != 3
        || reply->element[2].type != NGX_SERVICE_TOKEN_INTEGER)
    {
        return NGX_ERROR;
    }

    if (reply->element[2].integer) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "service token: the uses of %L tokens could not be "
                      "written: a key has the wrong type",
                      reply->element[2].integer);
    }

    ngx_service_token_pipe_complain(lu->link, NULL, 1);

    return NGX_OK;
}


static void
ngx_service_token_writer_failed(ngx_service_token_last_used_t *lu)
{
    lu->again = ngx_current_msec + (lu->leaving
                                    ? NGX_SERVICE_TOKEN_FLUSH_SOON
                                    : NGX_SERVICE_TOKEN_WRITER_AGAIN);
}
