/*
 * Ticks and the lease.
 *
 * The proof: the tick script, sent on the data link at the time t, answers the
 * counter n.  When the *stream* names a tick above n, that tick was made after
 * the script ran, so all that Redis executed before t has been received: the
 * cache is fresh until t + lease.  The answer and the tick travel on two
 * connections and may come in any order: they are compared once both are
 * there.  Answers of an earlier session, or of another server than the
 * stream's, prove nothing, nor does a tick that is too far above to be of the
 * same counter.  "since" is the counter's birth: another one says that it
 * began anew, perhaps without a word (SWAPDB), or under another primary: then
 * the stream begins anew, too.  A counter that went back is of older data:
 * ticks that were received would prove scripts that they are not above, so the
 * session ends as with a nil.
 *
 * If the keeper dies between any two lines, no more is proven: the lease ends
 * by itself, and the next stream to join raises the epoch.
 */


#include "ngx_service_token_stream.h"


static void ngx_service_token_proof_prove(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_proof_count(ngx_service_token_stream_t *stream,
    uint64_t sent);
static void ngx_service_token_proof_heard_to(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_proof_ticked(ngx_service_token_tick_t *tick);
static ngx_int_t ngx_service_token_proof_counter(
    ngx_service_token_stream_t *stream, ngx_service_token_tick_t *tick);
static void ngx_service_token_proof_marked(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);


void
ngx_service_token_proof_heard(ngx_service_token_stream_t *stream,
    uint64_t tick)
{
    if (tick <= stream->heard) {
        return;
    }

    stream->heard = tick;

    if (stream->state != NGX_SERVICE_TOKEN_STREAM_JOINED) {
        ngx_service_token_keeper_join(stream);
        return;
    }

    ngx_service_token_proof_prove(stream);
    ngx_service_token_proof_heard_to(stream);
}


/*
 * For answers, which are kept if they are not older; and for a stream that is
 * joining: this one has told all up to the tick.
 */

static void
ngx_service_token_proof_heard_to(ngx_service_token_stream_t *stream)
{
    if (stream->heard) {
        ngx_service_token_fresh_heard(stream->cache,
                             ngx_service_token_stream_counter(stream),
                             stream->heard);
    }
}


void
ngx_service_token_proof_joined(ngx_service_token_stream_t *stream)
{
    stream->state = NGX_SERVICE_TOKEN_STREAM_JOINED;

    atomic_store(&stream->cache->shared->joined, (uint32_t) ngx_pid);

    ngx_service_token_proof_prove(stream);
    ngx_service_token_proof_heard_to(stream);
}


/* answers below what was received are proofs; the others stay */

static void
ngx_service_token_proof_prove(ngx_service_token_stream_t *stream)
{
    ngx_uint_t                  i, n;
    ngx_service_token_proof_t  *p;

    if (stream->state != NGX_SERVICE_TOKEN_STREAM_JOINED) {
        return;
    }

    n = 0;

    for (i = 0; i < stream->nproofs; i++) {
        p = &stream->proof[i];

        if (p->n >= stream->heard
            || stream->heard - p->n > NGX_SERVICE_TOKEN_CACHE_TICKS)
        {
            stream->proof[n++] = *p;
            continue;
        }

        stream->proved = ngx_service_token_cache_now();

        ngx_service_token_fresh_prove(stream->cache, stream->link->server,
                                      p->sent, p->resets);

        ngx_service_token_proof_count(stream, p->usec);
    }

    stream->nproofs = n;
}


/* several keepers may prove at once, for a moment */

static void
ngx_service_token_proof_count(ngx_service_token_stream_t *stream,
    uint64_t sent)
{
    uint64_t                     took;
    ngx_service_token_shared_t  *shared;

    took = ngx_service_token_tick_usec() - sent;
    shared = stream->cache->shared;

    atomic_store(&shared->proof_last, took);
    atomic_fetch_add(&shared->proof_usec, took);
    atomic_fetch_add(&shared->proofs, 1);
}


void
ngx_service_token_proof_tick(ngx_service_token_stream_t *stream)
{
    uint64_t  now;

    if (stream->tick.busy) {
        return;
    }

    now = ngx_service_token_cache_now();

    stream->tick.handler = ngx_service_token_proof_ticked;
    stream->tick.data = stream;
    stream->tick_session = stream->session;
    stream->ticked = now;

    (void) ngx_service_token_tick_send(&stream->tick, 1);
}


static void
ngx_service_token_proof_ticked(ngx_service_token_tick_t *tick)
{
    ngx_service_token_stream_t  *stream;

    stream = tick->data;

    if (stream->tick_session != stream->session
        || stream->data->server != stream->link->server
        || stream->state < NGX_SERVICE_TOKEN_STREAM_JOINING)
    {
        return;
    }

    if (tick->state == NGX_SERVICE_TOKEN_TICK_ABSENT) {
        ngx_service_token_fresh_bump(stream->cache,
                                     NGX_SERVICE_TOKEN_BUMP_FLUSH);
        return;
    }

    if (tick->state != NGX_SERVICE_TOKEN_TICK_ACCEPTED
        || ngx_service_token_proof_counter(stream, tick) != NGX_OK)
    {
        return;
    }

    if (stream->nproofs < NGX_SERVICE_TOKEN_STREAM_PROOFS) {
        stream->proof[stream->nproofs].n = tick->n;
        stream->proof[stream->nproofs].sent = tick->sent;
        stream->proof[stream->nproofs].usec = tick->usec;
        stream->proof[stream->nproofs].resets = tick->resets;
        stream->nproofs++;
    }

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINING) {

        if (stream->join == 0) {
            stream->join = tick->n;
        }

        ngx_service_token_keeper_join(stream);
        return;
    }

    ngx_service_token_proof_prove(stream);
}


/* NGX_OK: it is the counter that the stream has received, and went on */

static ngx_int_t
ngx_service_token_proof_counter(ngx_service_token_stream_t *stream,
    ngx_service_token_tick_t *tick)
{
    if (stream->since && stream->since != tick->since) {
        ngx_service_token_health_note(stream, tick);
        ngx_service_token_fresh_reset(stream->cache,
                                      NGX_SERVICE_TOKEN_BUMP_FLUSH);
        ngx_service_token_stream_close(stream);
        ngx_service_token_stream_open(stream);
        return NGX_DECLINED;
    }

    ngx_service_token_health_note(stream, tick);

    if (tick->n < stream->counted) {
        ngx_service_token_stream_restart(stream);
        return NGX_DECLINED;
    }

    stream->since = tick->since;
    stream->counted = tick->n;

    return NGX_OK;
}


/*
 * A marker, after all messages before it: this node acknowledges it.  A stream
 * that has not joined is silent; the command asks again.
 */

void
ngx_service_token_proof_mark(ngx_service_token_stream_t *stream,
    u_char *nonce, size_t len)
{
    size_t                       arglen[7];
    ngx_uint_t                   i;
    const char                  *arg[7];
    ngx_service_token_mark_t    *mark;
    ngx_service_token_shared_t  *shared;

    shared = stream->cache->shared;

    if (stream->state != NGX_SERVICE_TOKEN_STREAM_JOINED || len > 48
        || ngx_service_token_cache_server(stream->cache)
           != stream->link->server)
    {
        return;
    }

    for (i = 0; i < NGX_SERVICE_TOKEN_STREAM_MARKS; i++) {
        if (!stream->mark[i].busy) {
            break;
        }
    }

    if (i == NGX_SERVICE_TOKEN_STREAM_MARKS) {
        return;
    }

    mark = &stream->mark[i];
    mark->eval.handler = ngx_service_token_proof_marked;
    mark->eval.data = mark;

    arg[2] = "1";
    arglen[2] = 1;
    arg[3] = (const char *) stream->marker.data;
    arglen[3] = stream->marker.len;
    arg[4] = (const char *) stream->prefix.data;
    arglen[4] = stream->prefix.len;
    arg[5] = (const char *) shared->node;
    arglen[5] = shared->node_len;
    arg[6] = (const char *) nonce;
    arglen[6] = len;

    if (ngx_service_token_eval_send(&mark->eval, stream->data,
                                    ngx_service_token_script_ack,
                                    ngx_service_token_script_ack_sha1,
                                    7, arg, arglen)
        == NGX_OK)
    {
        mark->busy = 1;
    }
}


static void
ngx_service_token_proof_marked(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    ngx_service_token_mark_t  *mark;

    mark = eval->data;
    mark->busy = 0;

    if (reply && reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(eval->link, reply, 1);
    }
}
