/*
 * The touches of a worker, in its slot's chunks.
 *
 * A token has an open cell, or a few; while a batch is on its way, its cells
 * are frozen, and a token that is used meanwhile gets another one.
 *
 *     free -> open -> frozen under a number of the slot -> free, acknowledged
 *
 * Whichever process dies between any two lines, these always hold:
 *
 * - the slot's number ("seq") is raised before the first cell is frozen under
 *   it, and "ready" follows when the last one is; no cell is ever frozen under
 *   a number that is ready.  So the cells frozen under one number are one
 *   batch: a worker that sends them, and sends them again after a lost answer,
 *   sends the very same batch, and Redis takes it once.  Of a worker that was
 *   killed while it froze, what is frozen under the last number is that batch;
 * - a cell changes as its slot's owner has it, and in no other way; once
 *   frozen it only goes, and not before "acked" says that it is in Redis;
 * - a cell is counted as used by its id's length, which is stored last, and
 *   an update touches counters before dates: at worst a use is lost that was
 *   being noted when its worker was killed.
 *
 * The index (head, next, cells, chunk) is the process' own: an heir needs
 * none.
 */


#include "ngx_service_token_last_used.h"
#include "ngx_service_token_addr.h"


#define NGX_SERVICE_TOKEN_TOUCH_SEEN   65536
#define NGX_SERVICE_TOKEN_TOUCH_CELLS  8           /* open ones, of a token */


static ngx_service_token_cell_t *ngx_service_token_last_used_cell(
    ngx_service_token_last_used_t *lu, ngx_service_token_touch_t *touch,
    uint32_t hash) stok_hot;
static void ngx_service_token_last_used_update(
    ngx_service_token_cell_t *cell, ngx_service_token_touch_t *touch) stok_hot;
static void ngx_service_token_last_used_order(
    ngx_service_token_last_used_t *lu, ngx_service_token_cell_t *cell,
    ngx_service_token_touch_t *touch);
static void ngx_service_token_last_used_addr(
    ngx_service_token_touch_t *touch) stok_hot;
static size_t ngx_service_token_last_used_location(
    ngx_service_token_touch_t *touch) stok_hot;
static ngx_service_token_cell_t *ngx_service_token_last_used_find(
    ngx_service_token_last_used_t *lu, uint32_t hash,
    ngx_service_token_touch_t *touch) stok_hot;
static ngx_uint_t ngx_service_token_last_used_same(
    ngx_service_token_cell_t *cell, ngx_service_token_touch_t *touch) stok_hot;


ngx_service_token_last_used_t *
ngx_service_token_last_used_create(ngx_conf_t *cf,
    ngx_service_token_link_t *link, ngx_service_token_slot_view_t *view,
    ngx_service_token_cache_t *cache, ngx_str_t *prefix, ngx_str_t *marker,
    stok_roles_t *roles, ngx_msec_t interval)
{
    ngx_service_token_last_used_t  *lu;

    lu = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_last_used_t));
    if (lu == NULL) {
        return NULL;
    }

    lu->link = link;
    lu->view = view;
    lu->cache = cache;
    lu->prefix = *prefix;
    lu->marker = *marker;
    lu->roles = roles;
    lu->interval = interval;

    return lu;
}


void
ngx_service_token_last_used_start(ngx_service_token_last_used_t *lu)
{
    size_t   chunks, size;
    u_char  *p;

    chunks = lu->view->shared->chunks;

    size = sizeof(ngx_service_token_batch_t)
           + sizeof(uint32_t) * (NGX_SERVICE_TOKEN_CELLS_HEADS + chunks * 64
                                 + NGX_SERVICE_TOKEN_TOUCH_SEEN + chunks)
           + chunks;

    p = ngx_calloc(size, ngx_cycle->log);

    if (p) {
        lu->batch = (ngx_service_token_batch_t *) p;
        p += sizeof(ngx_service_token_batch_t);

        lu->head = (uint32_t *) p;
        lu->next = lu->head + NGX_SERVICE_TOKEN_CELLS_HEADS;
        lu->seen = lu->next + chunks * 64;
        lu->chunk = lu->seen + NGX_SERVICE_TOKEN_TOUCH_SEEN;
        lu->cells = (uint8_t *) (lu->chunk + chunks);

        ngx_memset(lu->head, 0xff,
                   NGX_SERVICE_TOKEN_CELLS_HEADS * sizeof(uint32_t));
    }

    if (ngx_service_token_slot_claim(lu->view) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "service token: no slot for this worker: it does not "
                      "record uses yet");
    }

    lu->timer.handler = ngx_service_token_flush_handler;
    lu->timer.data = lu;
    lu->timer.log = ngx_cycle->log;
    lu->timer.cancelable = 1;
    lu->heir = 1;
    lu->beaten = ngx_current_msec;

    ngx_add_timer(&lu->timer, 1);
}


void
ngx_service_token_last_used_stop(ngx_service_token_last_used_t *lu)
{
    ngx_service_token_slot_t  *mine;

    if (lu->timer.timer_set) {
        ngx_del_timer(&lu->timer);
    }

    /* with touches left it is found by a worker that sees that we are dead */

    mine = lu->view->mine;

    if (lu->batch && mine) {
        lu->left = 0;
        ngx_service_token_flush_collect(lu);
    }

    if (mine && ngx_service_token_batch_empty(lu, mine)) {
        ngx_service_token_slot_release(lu->view, mine);
    }

    ngx_service_token_writer_leave(lu);

    if (lu->batch) {
        ngx_free(lu->batch);
        lu->batch = NULL;
    }
}


void
ngx_service_token_last_used_touch(ngx_service_token_last_used_t *lu,
    ngx_service_token_touch_t *touch)
{
    uint32_t                   hash;
    ngx_service_token_cell_t  *cell;

    if (stok_unlikely(touch->id.len == 0 || touch->id.len > STOK_RECORD_ID_MAX
                      || lu->batch == NULL))
    {
        return;
    }

    if (stok_unlikely(lu->view->mine == NULL)
        && ngx_service_token_slot_claim(lu->view) != NGX_OK)
    {
        return;
    }

    ngx_memcpy(&hash, touch->digest, sizeof(uint32_t));
    ngx_service_token_last_used_addr(touch);

    cell = ngx_service_token_last_used_cell(lu, touch, hash);

    if (stok_likely(cell != NULL)) {
        ngx_service_token_last_used_order(lu, cell, touch);
        ngx_service_token_last_used_update(cell, touch);

        if (stok_unlikely(!lu->armed)) {
            ngx_service_token_flush_wake(lu, 0);
        }

        return;
    }

    ngx_service_token_count(detail_dropped);

    if (touch->verdict == STOK_ALLOWED
        && ngx_service_token_cells_bare(lu, hash, touch->id.data,
                                            touch->id.len, touch->now)
           != NGX_OK)
    {
        ngx_service_token_count(last_used_dropped);
    }

    lu->dropped++;
    ngx_service_token_flush_hurry(lu);
}


/* the open cell of that token, perhaps a new one; NULL: there is no room */

static ngx_service_token_cell_t *
ngx_service_token_last_used_cell(ngx_service_token_last_used_t *lu,
    ngx_service_token_touch_t *touch, uint32_t hash)
{
    uint32_t                   index, tag, *seen;
    ngx_service_token_cell_t  *cell;

    cell = ngx_service_token_last_used_find(lu, hash, touch);

    if (stok_likely(cell != NULL)) {
        return cell;
    }

    index = ngx_service_token_cells_room(lu, 0);

    if (index == NGX_SERVICE_TOKEN_CELLS_NONE) {
        return NULL;
    }

    /* one that this worker has not seen before goes soon */

    ngx_memcpy(&tag, touch->digest + sizeof(uint32_t), sizeof(uint32_t));
    seen = &lu->seen[hash % NGX_SERVICE_TOKEN_TOUCH_SEEN];

    cell = ngx_service_token_cell(lu, index);
    cell->fresh = (*seen != tag);
    cell->hash = hash;
    *seen = tag;

    ngx_memcpy(cell->id, touch->id.data, touch->id.len);
    atomic_store_explicit(&cell->id_len, (uint8_t) touch->id.len,
                          memory_order_release);

    ngx_service_token_cells_link(lu, index, hash);
    ngx_service_token_flush_wake(lu, cell->fresh);

    return cell;
}


static void
ngx_service_token_last_used_update(ngx_service_token_cell_t *cell,
    ngx_service_token_touch_t *touch)
{
    size_t  len;

    if (stok_unlikely(touch->verdict != STOK_ALLOWED)) {
        cell->refusals += !touch->counted;
        cell->verdict = (uint8_t) touch->verdict;
        cell->refused_addr_len = touch->addr_len;
        ngx_memcpy(cell->refused_addr, touch->addr, sizeof(touch->addr));
        cell->refused = touch->now;
        return;
    }

    cell->uses += !touch->counted;

    if (stok_unlikely(cell->role_len == 0 || touch->rank > cell->rank)) {
        len = ngx_min(touch->role.len, sizeof(cell->role));
        cell->rank = (uint8_t) touch->rank;
        cell->role_len = (uint8_t) len;
        ngx_memcpy(cell->role, touch->role.data, len);
    }

    if (stok_unlikely(!touch->same)) {
        len = ngx_service_token_last_used_location(touch);
        ngx_memcpy(cell->location, touch->location->data, len);
        cell->location_len = (uint8_t) len;

        cell->addr_len = touch->addr_len;
        ngx_memcpy(cell->addr, touch->addr, sizeof(touch->addr));

        if (cell->first == 0) {
            cell->first = touch->first;
        }
    }

    cell->used = ngx_max((uint64_t) touch->now, cell->used);
}


/*
 * Dates are seconds, and a token's cells are written in any order: of those
 * that one second has touched, Redis would take any for the first or the last.
 * So the cell of the last use, or refusal, has the latest date of them, and
 * that of the first use the earliest: others step aside by a second.
 */

static void
ngx_service_token_last_used_order(ngx_service_token_last_used_t *lu,
    ngx_service_token_cell_t *cell, ngx_service_token_touch_t *touch)
{
    uint32_t                   i;
    uint64_t                   now;
    ngx_uint_t                 allowed;
    ngx_service_token_cell_t  *other;

    now = touch->now;
    allowed = (touch->verdict == STOK_ALLOWED);
    touch->first = now;

    /* it is the last one of this second already */

    if (stok_likely((allowed ? cell->used : cell->refused) >= now)) {
        return;
    }

    for (i = lu->head[cell->hash % NGX_SERVICE_TOKEN_CELLS_HEADS];
         i != NGX_SERVICE_TOKEN_CELLS_NONE;
         i = lu->next[i])
    {
        if (ngx_service_token_is_bare(lu, ngx_service_token_chunk_of(i))) {
            continue;
        }

        other = ngx_service_token_cell(lu, i);

        if (other == cell || other->hash != cell->hash
            || other->id_len != cell->id_len
            || !stok_same(other->id, cell->id, cell->id_len))
        {
            continue;
        }

        if (!allowed) {
            other->refused = ngx_min(other->refused, now - 1);
            continue;
        }

        other->used = ngx_min(other->used, now - 1);
        touch->first = ngx_max(touch->first, other->first + 1);
    }
}


static void
ngx_service_token_last_used_addr(ngx_service_token_touch_t *touch)
{
    u_char  *addr;

    touch->same = 0;
    ngx_memzero(touch->addr, sizeof(touch->addr));

    touch->addr_len = (uint8_t) ngx_service_token_addr(touch->sockaddr, &addr);

    if (stok_likely(touch->addr_len == 4)) {
        ngx_memcpy(touch->addr, addr, 4);

    } else if (touch->addr_len) {
        ngx_memcpy(touch->addr, addr, 16);
    }
}


/* how much of the location is kept: it is not cut inside a character */

static size_t
ngx_service_token_last_used_location(ngx_service_token_touch_t *touch)
{
    size_t  len;

    len = touch->location->len;

    if (stok_unlikely(len > NGX_SERVICE_TOKEN_CELL_LOCATION)) {
        len = NGX_SERVICE_TOKEN_CELL_LOCATION;

        while (len && (touch->location->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    return len;
}


/*
 * The cell for a touch.  Uses from several addresses or at several locations
 * have cells of their own, but a token has not more than a few, as many as
 * Redis keeps: then the newest cell has the last use.
 */

static ngx_service_token_cell_t *
ngx_service_token_last_used_find(ngx_service_token_last_used_t *lu,
    uint32_t hash, ngx_service_token_touch_t *touch)
{
    uint32_t                   i;
    ngx_uint_t                 n;
    ngx_service_token_cell_t  *cell, *other;

    n = 0;
    other = NULL;

    for (i = lu->head[hash % NGX_SERVICE_TOKEN_CELLS_HEADS];
         i != NGX_SERVICE_TOKEN_CELLS_NONE;
         i = lu->next[i])
    {
        if (stok_unlikely(ngx_service_token_is_bare(
                              lu, ngx_service_token_chunk_of(i))))
        {
            continue;
        }

        cell = ngx_service_token_cell(lu, i);

        if (stok_unlikely(cell->hash != hash || cell->id_len != touch->id.len
                          || !stok_same(cell->id, touch->id.data,
                                        touch->id.len)))
        {
            continue;
        }

        if (stok_likely(ngx_service_token_last_used_same(cell, touch))) {
            return cell;
        }

        /* the newest: the first one stays what it is */

        if (n++ == 0) {
            other = cell;
        }
    }

    return n < NGX_SERVICE_TOKEN_TOUCH_CELLS ? NULL : other;
}


/* 1: nothing is lost of the cell if this goes there, too */

static ngx_uint_t
ngx_service_token_last_used_same(ngx_service_token_cell_t *cell,
    ngx_service_token_touch_t *touch)
{
    if (stok_unlikely(touch->verdict != STOK_ALLOWED)) {
        return cell->refused == 0
               || (cell->verdict == touch->verdict
                   && cell->refused_addr_len == touch->addr_len
                   && ngx_memcmp(cell->refused_addr, touch->addr,
                                 sizeof(touch->addr)) == 0);
    }

    if (stok_unlikely(cell->first == 0)) {
        return 1;
    }

    touch->same = cell->addr_len == touch->addr_len
                  && ngx_memcmp(cell->addr, touch->addr, sizeof(touch->addr))
                     == 0
                  && cell->location_len
                     == ngx_service_token_last_used_location(touch)
                  && stok_same(cell->location, touch->location->data,
                               cell->location_len);

    return touch->same;
}
