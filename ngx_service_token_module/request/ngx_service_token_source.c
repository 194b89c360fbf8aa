/*
 * Where a token may stand, besides Authorization: Bearer.  The first place
 * where something stands is the one that is judged, never a second one.
 *
 * A token that has to be decoded (Basic, an encoded argument) is copied into
 * the request's pool, and the copy is wiped when the request ends.
 */


#include "ngx_service_token.h"

#include "stok_source.h"


static ngx_int_t ngx_service_token_source_look(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text);
static int ngx_service_token_source_headers(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text);
static int ngx_service_token_source_one(ngx_service_token_place_t *place,
    ngx_str_t *value, stok_str_t *text);
static ngx_int_t ngx_service_token_source_decode(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text);
static void ngx_service_token_source_wipe(void *data);


ngx_int_t
ngx_service_token_source_digest(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf, ngx_service_token_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    stok_str_t                  text;
    ngx_service_token_place_t  *place;

    place = lcf->places->elts;

    for (i = 0; i < lcf->places->nelts; i++) {
        rc = ngx_service_token_source_look(r, &place[i], &text);

        if (rc == NGX_DECLINED) {
            continue;
        }

        ctx->place = &place[i].text;

        if (rc == NGX_ERROR) {
            ctx->verdict = STOK_UNAVAILABLE;
            return NGX_DECLINED;
        }

        if (rc != NGX_OK || text.len == 0 || text.len > STOK_BEARER_MAX) {
            ctx->verdict = STOK_MALFORMED;
            return NGX_DECLINED;
        }

        ctx->bearer = text;
        ngx_service_token_bearer_first(r, ctx);

        return NGX_OK;
    }

    ctx->verdict = STOK_MISSING;

    return NGX_DECLINED;
}


/* NGX_DECLINED: nothing stands there; NGX_ABORT: it cannot be read */

static ngx_int_t
ngx_service_token_source_look(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text)
{
    int         rc;
    stok_str_t  name;

    if (place->kind == NGX_SERVICE_TOKEN_PLACE_QUERY) {
        name.data = (const char *) place->name.data;
        name.len = place->name.len;

        rc = stok_source_query((const char *) r->args.data, r->args.len, name,
                               text);

    } else {
        rc = ngx_service_token_source_headers(r, place, text);
    }

    if (rc != STOK_OK) {
        return rc == STOK_DECLINED ? NGX_DECLINED : NGX_ABORT;
    }

    if (place->kind == NGX_SERVICE_TOKEN_PLACE_BASIC
        || (place->kind == NGX_SERVICE_TOKEN_PLACE_QUERY && text->len
            && memchr(text->data, '%', text->len)))
    {
        return ngx_service_token_source_decode(r, place, text);
    }

    return NGX_OK;
}


/* of all headers of that name; once is enough */

static int
ngx_service_token_source_headers(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text)
{
    int               rc, found;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = STOK_DECLINED;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != place->header.len
                || ngx_memcmp(h[i].lowcase_key, place->header.data,
                              place->header.len)
                   != 0)
            {
                continue;
            }

            rc = ngx_service_token_source_one(place, &h[i].value, text);

            if (rc == STOK_DECLINED) {
                continue;
            }

            if (rc != STOK_OK || found == STOK_OK) {
                return STOK_INVALID;
            }

            found = STOK_OK;
        }
    }

    return found;
}


static int
ngx_service_token_source_one(ngx_service_token_place_t *place,
    ngx_str_t *value, stok_str_t *text)
{
    stok_str_t   name;
    const char  *p;

    p = (const char *) value->data;
    name.data = (const char *) place->name.data;
    name.len = place->name.len;

    switch (place->kind) {

    case NGX_SERVICE_TOKEN_PLACE_BEARER:
        return stok_bearer_find(p, value->len, text);

    case NGX_SERVICE_TOKEN_PLACE_COOKIE:
        return stok_source_cookie(p, value->len, name, text);

    case NGX_SERVICE_TOKEN_PLACE_SUBPROTOCOL:
        return stok_source_subprotocol(p, value->len, text);

    default: /* BASIC, HEADER */

        if (name.len) {
            return stok_source_scheme(p, value->len, name, text);
        }

        *text = stok_source_trim(p, value->len);

        return STOK_OK;
    }
}


static ngx_int_t
ngx_service_token_source_decode(ngx_http_request_t *r,
    ngx_service_token_place_t *place, stok_str_t *text)
{
    int                  rc;
    ngx_str_t           *copy;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_str_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    copy = cln->data;
    copy->len = text->len;
    copy->data = ngx_pcalloc(r->pool, text->len + 1);
    if (copy->data == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_service_token_source_wipe;

    rc = place->kind == NGX_SERVICE_TOKEN_PLACE_BASIC
         ? stok_source_basic(text->data, text->len, (char *) copy->data, text)
         : stok_source_decode(text->data, text->len, (char *) copy->data,
                              text);

    return rc == STOK_OK ? NGX_OK : NGX_ABORT;
}


static void
ngx_service_token_source_wipe(void *data)
{
    ngx_str_t  *copy;

    copy = data;

    ngx_explicit_memzero(copy->data, copy->len);
}
