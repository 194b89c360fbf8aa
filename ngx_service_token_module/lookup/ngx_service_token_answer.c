/*
 * The answers to a question: counter, record and marker, in this order; then,
 * if it is needed, the proof that the server may answer; then all who wait.
 * lookup.c says what holds.
 */


#include "ngx_service_token_question.h"
#include "ngx_service_token_slot.h"


static ngx_uint_t ngx_service_token_answer_proven(
    ngx_service_token_lookup_t *lookup);
static ngx_int_t ngx_service_token_answer_again(
    ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_complete(
    ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_checked(
    ngx_service_token_lookups_t *lookups, ngx_uint_t accepted);
static void ngx_service_token_answer_check(
    ngx_service_token_lookups_t *lookups);
static ngx_int_t ngx_service_token_answer_keep(
    ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_doubt(
    ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_wake(ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_free(ngx_service_token_lookup_t *lookup);
static void ngx_service_token_answer_refuse(
    ngx_service_token_lookup_t *lookup);


void
ngx_service_token_answer_ticked(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    off_t                        n, since;
    ngx_service_token_link_t    *link;
    ngx_service_token_reply_t   *element;
    ngx_service_token_lookup_t  *lookup;

    lookup = cmd->data;
    link = lookup->lookups->link;

    if (reply && reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(link, reply, 0);

    } else if (reply && reply->type == NGX_SERVICE_TOKEN_ARRAY
               && reply->n == 2)
    {
        element = reply->element;

        n = element[0].type == NGX_SERVICE_TOKEN_STRING
            ? ngx_atoof(element[0].str.data, element[0].str.len) : NGX_ERROR;
        since = element[1].type == NGX_SERVICE_TOKEN_STRING
                ? ngx_atoof(element[1].str.data, element[1].str.len)
                : NGX_ERROR;

        if (n > 0 && since > 0) {
            lookup->ticked_serial = link->serial;
            lookup->guard.counter = ngx_service_token_cache_counter(
                                                   link->server,
                                                   (uint64_t) since);
            lookup->guard.ticked = (lookup->guard.counter << 32)
                                   + (uint64_t) n;
        }
    }

    if (--lookup->pending == 0) {
        ngx_service_token_answer_complete(lookup);
    }
}


void
ngx_service_token_answer_record(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_lookup_t  *lookup;

    lookup = cmd->data;

    /* NGX_OK and NGX_DECLINED are made valid by the marker's answer */

    if (reply) {
        lookup->serial = lookup->lookups->link->serial;
        lookup->server = lookup->lookups->link->server;
        lookup->proven = ngx_service_token_answer_proven(lookup);
        lookup->found = ngx_service_token_question_decode(lookup, reply);
    }

    /* a counter that came by another connection may be another server's */

    if (lookup->ticked_serial != lookup->serial) {
        lookup->guard.ticked = 0;
    }

    if (--lookup->pending == 0) {
        ngx_service_token_answer_complete(lookup);
    }
}


void
ngx_service_token_answer_marker(ngx_service_token_command_t *cmd,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_lookup_t   *lookup;
    ngx_service_token_lookups_t  *lookups;

    lookup = cmd->data;
    lookups = lookup->lookups;

    if (reply == NULL) {
        goto done;
    }

    /* a marker that came by another connection may be another server's */

    if (lookup->serial != lookups->link->serial) {
        lookup->split = (lookup->serial != 0);
        goto done;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(lookups->link, reply, 0);
        goto done;
    }

    if (ngx_service_token_question_marked(lookups, reply) != NGX_OK) {
        lookup->rc = NGX_ABORT;
        goto done;
    }

    if (lookup->found != NGX_ERROR) {
        ngx_service_token_pipe_complain(lookups->link, NULL, 0);
    }

    lookup->rc = lookup->found;

done:

    if (--lookup->pending == 0) {
        ngx_service_token_answer_complete(lookup);
    }
}


/*
 * The server was a primary before it read the record: by what was proven when
 * the question was sent; or by the worker's own script, which it has accepted
 * on this connection, so before it read this.
 */

static ngx_uint_t
ngx_service_token_answer_proven(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;

    return ngx_service_token_fresh_accepted(lookups->cache, lookup->primary,
                                            lookup->server, lookup->asked)
           || (lookups->tick_serial == lookup->serial
               && ngx_service_token_fresh_accepted(lookups->cache,
                                                   lookups->tick_primary,
                                                   lookup->server,
                                                   lookup->asked));
}


/* all commands have come back */

static void
ngx_service_token_answer_complete(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;

    ngx_service_token_slot_took(ngx_service_token_tick_usec() - lookup->usec);
    ngx_service_token_lookup_overtake(lookup);

    /* the connection was lost in the middle of the answer */

    if (lookup->split && !lookup->again) {
        lookup->again = 1;

        if (ngx_service_token_answer_again(lookup) == NGX_OK) {
            return;
        }
    }

    if ((lookup->rc == NGX_OK || lookup->rc == NGX_DECLINED)
        && !lookup->proven)
    {
        if (!lookup->again
            && ngx_service_token_tick_send(&lookups->tick, 0) != NGX_ERROR)
        {
            lookup->again = 1;
            ngx_queue_insert_tail(&lookups->unproven, &lookup->queue);
            return;
        }

        ngx_service_token_answer_refuse(lookup);
    }

    ngx_service_token_answer_done(lookup);
}


/* the worker's own script has come back, or never will */

void
ngx_service_token_answer_judged(ngx_service_token_tick_t *tick)
{
    ngx_queue_t                  *q, unproven;
    ngx_uint_t                    accepted;
    ngx_service_token_lookup_t   *lookup;
    ngx_service_token_lookups_t  *lookups;

    lookups = tick->data;

    accepted = (tick->state == NGX_SERVICE_TOKEN_TICK_ACCEPTED
                || tick->state == NGX_SERVICE_TOKEN_TICK_UNJUDGED);

    if (accepted) {
        lookups->tick_serial = tick->link->serial;
        lookups->tick_primary = ngx_service_token_fresh_primary_of(
                                                   tick->link->server,
                                                   tick->sent);
    }

    if (lookups->checked && tick->state == NGX_SERVICE_TOKEN_TICK_ACCEPTED) {
        lookups->checked->guard.checked = ngx_service_token_cache_counter(
                                                   tick->link->server,
                                                   tick->since);
    }

    lookups->checked = NULL;

    ngx_service_token_answer_checked(lookups,
                       tick->state == NGX_SERVICE_TOKEN_TICK_ACCEPTED);

    if (ngx_queue_empty(&lookups->unproven)) {
        return;
    }

    ngx_queue_init(&unproven);
    ngx_queue_add(&unproven, &lookups->unproven);
    ngx_queue_init(&lookups->unproven);

    while (!ngx_queue_empty(&unproven)) {
        q = ngx_queue_head(&unproven);

        /* the neighbours of one that is in the queue are there */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        ngx_queue_remove(q);

        lookup = ngx_queue_data(q, ngx_service_token_lookup_t, queue);

        if (accepted && ngx_service_token_answer_again(lookup) == NGX_OK) {
            continue;
        }

        ngx_service_token_answer_refuse(lookup);
        ngx_service_token_answer_done(lookup);
    }
}


/*
 * Answers that could not be kept before the server was checked: those before
 * the script that has come back, and then the others, with the next one.
 */

static void
ngx_service_token_answer_checked(ngx_service_token_lookups_t *lookups,
    ngx_uint_t accepted)
{
    ngx_queue_t                 *q;
    ngx_service_token_tick_t    *tick;
    ngx_service_token_lookup_t  *lookup;

    tick = &lookups->tick;

    while (!ngx_queue_empty(&lookups->checking)) {
        q = ngx_queue_head(&lookups->checking);

        /* the head that was freed was taken off before */
        /* NOLINTNEXTLINE(clang-analyzer-core.*,clang-analyzer-unix.Malloc) */
        ngx_queue_remove(q);
        lookups->nunchecked--;

        lookup = ngx_queue_data(q, ngx_service_token_lookup_t, queue);

        if (accepted && lookup->serial == tick->link->serial) {
            lookup->guard.checked = ngx_service_token_cache_counter(
                                                   lookup->server,
                                                   tick->since);
            (void) ngx_service_token_answer_keep(lookup);

        } else {
            ngx_service_token_answer_doubt(lookup);
        }

        ngx_service_token_answer_free(lookup);
    }

    ngx_service_token_answer_check(lookups);
}


static void
ngx_service_token_answer_check(ngx_service_token_lookups_t *lookups)
{
    if (ngx_queue_empty(&lookups->unchecked)
        || ngx_service_token_tick_send(&lookups->tick, 0) == NGX_BUSY)
    {
        return;
    }

    ngx_queue_add(&lookups->checking, &lookups->unchecked);
    ngx_queue_init(&lookups->unchecked);

    if (!lookups->tick.busy) {
        ngx_service_token_answer_checked(lookups, 0);
    }
}


static ngx_int_t
ngx_service_token_answer_keep(ngx_service_token_lookup_t *lookup)
{
    return ngx_service_token_cache_store(lookup->lookups->cache,
                                         &lookup->cached, &lookup->guard,
                                         lookup->server, lookup->packed.data,
                                         lookup->rc == NGX_OK
                                         ? lookup->packed.len : 0);
}


static void
ngx_service_token_answer_doubt(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_cache_doubt(lookup->lookups->cache, &lookup->cached,
                                  lookup->packed.data,
                                  lookup->rc == NGX_OK ? lookup->packed.len
                                                       : 0);
}


static void
ngx_service_token_answer_free(ngx_service_token_lookup_t *lookup)
{
    if (lookup->packed.data) {
        ngx_free(lookup->packed.data);
    }

    ngx_free(lookup);
}


/* the same question; not if nobody waits */

static ngx_int_t
ngx_service_token_answer_again(ngx_service_token_lookup_t *lookup)
{
    ngx_str_t  packed;
    ngx_int_t  rc;

    if (ngx_queue_empty(&lookup->waiters)) {
        return NGX_DECLINED;
    }

    packed = lookup->packed;
    rc = lookup->rc;

    lookup->packed.data = NULL;
    lookup->packed.len = 0;
    lookup->found = NGX_ERROR;
    lookup->rc = NGX_ERROR;
    lookup->serial = 0;

    if (ngx_service_token_lookup_ask(lookup) != NGX_OK) {
        lookup->packed = packed;
        lookup->rc = rc;
        return NGX_ERROR;
    }

    if (packed.data) {
        ngx_free(packed.data);
    }

    return NGX_OK;
}


/* perhaps another server has taken its place: it decides nothing */

static void
ngx_service_token_answer_refuse(ngx_service_token_lookup_t *lookup)
{
    ngx_service_token_answer_doubt(lookup);

    lookup->rc = NGX_ERROR;
    ngx_service_token_count(unproven);
}


void
ngx_service_token_answer_done(ngx_service_token_lookup_t *lookup)
{
    ngx_int_t                     kept;
    ngx_service_token_lookups_t  *lookups;

    lookups = lookup->lookups;
    kept = NGX_DECLINED;

    if (lookups->checked == lookup) {
        lookups->checked = NULL;
    }

    if (lookup->rc == NGX_OK || lookup->rc == NGX_DECLINED) {
        kept = ngx_service_token_answer_keep(lookup);

    } else if (lookup->found == NGX_ABORT) {

        /* unreadable now: what it was before is not used in an outage, too */

        ngx_service_token_cache_forget(lookups->cache, &lookup->cached);
    }

    ngx_service_token_answer_wake(lookup);

    if (kept == NGX_AGAIN) {

        if (lookups->nunchecked >= NGX_SERVICE_TOKEN_LOOKUP_UNCHECKED) {
            ngx_service_token_answer_doubt(lookup);
            ngx_service_token_answer_free(lookup);
            return;
        }

        ngx_queue_insert_tail(&lookups->unchecked, &lookup->queue);
        lookups->nunchecked++;
        ngx_service_token_answer_check(lookups);
        return;
    }

    ngx_service_token_answer_free(lookup);
}


static void
ngx_service_token_answer_wake(ngx_service_token_lookup_t *lookup)
{
    ngx_queue_t                 *q;
    ngx_service_token_waiter_t  *waiter;

    while (!ngx_queue_empty(&lookup->waiters)) {
        q = ngx_queue_head(&lookup->waiters);

        /* the neighbours of one that is in the queue are there */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_service_token_waiter_t, queue);
        waiter->lookup = NULL;
        waiter->rc = lookup->rc;

        if (waiter->rc == NGX_OK) {
            waiter->record.len = lookup->packed.len;
            waiter->record.data = ngx_pnalloc(waiter->pool,
                                              lookup->packed.len);

            if (waiter->record.data == NULL) {
                waiter->rc = NGX_ERROR;

            } else {
                ngx_memcpy(waiter->record.data, lookup->packed.data,
                           lookup->packed.len);
            }
        }

        ngx_post_event(&waiter->event, &ngx_posted_events);
    }
}
