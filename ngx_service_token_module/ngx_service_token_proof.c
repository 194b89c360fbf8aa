/*
 * Ticks and the lease.
 *
 * The proof: the tick script, sent on the data link at the time t, answers
 * the counter n.  When the *stream* names a tick above n, that tick was made
 * after the script ran, so all that Redis executed before t has been heard:
 * the cache is fresh until t + lease.  The answer and the tick travel on two
 * connections and may come in any order: they are compared once both are
 * there.  Answers of an earlier session, or of another server than the
 * stream's, prove nothing, nor does a tick that is too far above to be of the
 * same counter.  "since" is the counter's birth: another one says that it
 * began anew, perhaps without a word (SWAPDB): then the stream begins anew,
 * too.
 *
 * If the keeper dies between any two lines, no more is proven: the lease ends
 * by itself, and whoever joins next raises the epoch.
 */


#include "ngx_service_token_stream.h"

#include <time.h>


static void ngx_service_token_proof_prove(
    ngx_service_token_stream_t *stream);
static void ngx_service_token_proof_count(ngx_service_token_stream_t *stream,
    uint64_t sent);
static uint64_t ngx_service_token_proof_usec(void);
static void ngx_service_token_proof_ticked(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply);
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

    /* for a stream that is joining: this one has told all up to the tick */

    ngx_service_token_cache_heard(stream->cache,
                                  ngx_service_token_stream_counter(stream),
                                  tick);
}


void
ngx_service_token_proof_joined(ngx_service_token_stream_t *stream)
{
    stream->state = NGX_SERVICE_TOKEN_STREAM_JOINED;

    atomic_store(&stream->cache->shared->joined, (uint32_t) ngx_pid);

    ngx_service_token_proof_prove(stream);
}


/* answers below what was heard are proofs; the others stay */

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

        ngx_service_token_cache_prove(stream->cache, stream->link->server,
                                      p->sent);

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

    took = ngx_service_token_proof_usec() - sent;
    shared = stream->cache->shared;

    atomic_store(&shared->proof_last, took);
    atomic_fetch_add(&shared->proof_usec, took);
    atomic_fetch_add(&shared->proofs, 1);
}


/* the lease's clock goes in steps that are longer than a round trip */

static uint64_t
ngx_service_token_proof_usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


void
ngx_service_token_proof_tick(ngx_service_token_stream_t *stream)
{
    u_char                       lease[NGX_INT64_LEN];
    size_t                       len[7];
    const char                  *arg[7];
    ngx_service_token_shared_t  *shared;

    if (stream->tick_busy) {
        return;
    }

    shared = stream->cache->shared;

    arg[2] = "1";
    len[2] = 1;
    arg[3] = (const char *) stream->marker.data;
    len[3] = stream->marker.len;
    arg[4] = (const char *) stream->prefix.data;
    len[4] = stream->prefix.len;
    arg[5] = (const char *) shared->node;
    len[5] = shared->node_len;
    arg[6] = (const char *) lease;
    len[6] = ngx_sprintf(lease, "%M", stream->cache->lease) - lease;

    stream->tick.handler = ngx_service_token_proof_ticked;
    stream->tick.data = stream;
    stream->tick_session = stream->session;
    stream->tick_sent = ngx_service_token_cache_now();
    stream->tick_usec = ngx_service_token_proof_usec();
    stream->ticked = stream->tick_sent;

    if (ngx_service_token_eval_send(&stream->tick, stream->data,
                                    ngx_service_token_script_tick,
                                    ngx_service_token_script_tick_sha1,
                                    7, arg, len)
        == NGX_OK)
    {
        stream->tick_busy = 1;
    }
}


static void
ngx_service_token_proof_ticked(ngx_service_token_eval_t *eval,
    ngx_service_token_reply_t *reply)
{
    uint64_t                     n, since;
    ngx_service_token_stream_t  *stream;

    stream = eval->data;
    stream->tick_busy = 0;

    if (reply == NULL) {
        return;
    }

    if (reply->type == NGX_SERVICE_TOKEN_FAILURE) {
        ngx_service_token_pipe_complain(stream->data, reply, 1);
        return;
    }

    ngx_service_token_pipe_complain(stream->data, NULL, 1);

    if (stream->tick_session != stream->session
        || stream->data->server != stream->link->server
        || stream->state < NGX_SERVICE_TOKEN_STREAM_JOINING
        || reply->type != NGX_SERVICE_TOKEN_ARRAY || reply->n != 2
        || reply->element[0].type != NGX_SERVICE_TOKEN_INTEGER
        || reply->element[1].type != NGX_SERVICE_TOKEN_INTEGER)
    {
        return;
    }

    n = (uint64_t) reply->element[0].integer;
    since = (uint64_t) reply->element[1].integer;

    stream->absent = (n == 0);

    if (stream->absent) {
        ngx_service_token_cache_bump(stream->cache,
                                     NGX_SERVICE_TOKEN_BUMP_FLUSH);
        return;
    }

    if (stream->since != since) {

        if (stream->since) {
            ngx_service_token_cache_bump(stream->cache,
                                         NGX_SERVICE_TOKEN_BUMP_FLUSH);
            ngx_service_token_stream_close(stream);
            ngx_service_token_stream_open(stream);
            return;
        }

        stream->since = since;
    }

    if (stream->nproofs < NGX_SERVICE_TOKEN_STREAM_PROOFS) {
        stream->proof[stream->nproofs].n = n;
        stream->proof[stream->nproofs].sent = stream->tick_sent;
        stream->proof[stream->nproofs].usec = stream->tick_usec;
        stream->nproofs++;
    }

    if (stream->state == NGX_SERVICE_TOKEN_STREAM_JOINING) {

        if (stream->join == 0) {
            stream->join = n;
        }

        ngx_service_token_keeper_join(stream);
        return;
    }

    ngx_service_token_proof_prove(stream);
}


/*
 * A marker, after all that was said before it: this node tells that it heard.
 * A stream that has not joined is silent; the command asks again.
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
