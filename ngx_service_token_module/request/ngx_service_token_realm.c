/*
 * The realm: how it stands in a challenge, and what it is if it has variables.
 * The value "off" then means that there is no check for this request; nothing
 * else does, an empty value neither.
 */


#include "ngx_service_token.h"


ngx_int_t
ngx_service_token_realm_quote(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *realm)
{
    u_char  *p, ch;
    size_t   i;

    p = ngx_pnalloc(pool, text->len * 2 + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    realm->data = p;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch < 0x20 || ch == 0x7f) {
            continue;
        }

        if (ch == '"' || ch == '\\') {
            *p++ = '\\';
        }

        *p++ = ch;
    }

    realm->len = p - realm->data;

    return NGX_OK;
}


ngx_str_t *
ngx_service_token_realm_get(ngx_http_request_t *r,
    ngx_service_token_loc_conf_t *lcf)
{
    ngx_str_t  *realm, text;

    if (ngx_http_complex_value(r, lcf->realm_value, &text) != NGX_OK) {
        return NULL;
    }

    realm = ngx_pcalloc(r->pool, sizeof(ngx_str_t));
    if (realm == NULL) {
        return NULL;
    }

    if (text.len == 3 && ngx_strncmp(text.data, "off", 3) == 0) {
        return realm;
    }

    return ngx_service_token_realm_quote(r->pool, &text, realm) == NGX_OK
           ? realm : NULL;
}
