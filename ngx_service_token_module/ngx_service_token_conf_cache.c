/*
 * service_token_zone, service_token_cache_valid, service_token_lease,
 * service_token_flush, and what is made of them once all is read.
 */


#include "ngx_service_token.h"


#define NGX_SERVICE_TOKEN_ZONE        (16 * 1024 * 1024)
#define NGX_SERVICE_TOKEN_ZONE_PAGES  16           /* at least */
#define NGX_SERVICE_TOKEN_LEASE_MIN   1000         /* ticks are 250 ms apart */
#define NGX_SERVICE_TOKEN_FLUSH_MIN   1000


static ngx_int_t ngx_service_token_conf_identity(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf, ngx_str_t *identity);


char *
ngx_service_token_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->zone.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty name";
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (NGX_SERVICE_TOKEN_ZONE_PAGES * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: at least %uz",
                           &value[1],
                           NGX_SERVICE_TOKEN_ZONE_PAGES * ngx_pagesize);
        return NGX_CONF_ERROR;
    }

    mcf->zone = value[1];
    mcf->zone_size = size;

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_cache_valid(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    ngx_str_t   *value, text;
    ngx_msec_t  *msec;
    ngx_uint_t   i;

    if (mcf->cache.valid != NGX_CONF_UNSET_MSEC
        || mcf->cache.valid_unknown != NGX_CONF_UNSET_MSEC)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        text = value[i];
        msec = &mcf->cache.valid;

        if (text.len > 8 && ngx_strncmp(text.data, "unknown=", 8) == 0) {
            text.data += 8;
            text.len -= 8;
            msec = &mcf->cache.valid_unknown;
        }

        if (*msec != NGX_CONF_UNSET_MSEC) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate time \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        *msec = ngx_parse_time(&text, 0);

        if (*msec == (ngx_msec_t) NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_lease(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->cache.lease != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->cache.lease = ngx_parse_time(&value[1], 0);

    if (mcf->cache.lease == (ngx_msec_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (mcf->cache.lease < NGX_SERVICE_TOKEN_LEASE_MIN) {
        return "must be at least 1s";
    }

    return NGX_CONF_OK;
}


char *
ngx_service_token_conf_flush(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->flush != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->flush = ngx_parse_time(&value[1], 0);

    if (mcf->flush == (ngx_msec_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid time \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (mcf->flush < NGX_SERVICE_TOKEN_FLUSH_MIN) {
        return "must be at least 1s";
    }

    return NGX_CONF_OK;
}


/* nothing is made if nothing is checked */

ngx_int_t
ngx_service_token_conf_cache(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf)
{
    ngx_str_t  identity;

    ngx_conf_init_msec_value(mcf->cache.valid, 60000);
    ngx_conf_init_msec_value(mcf->cache.valid_unknown, 5000);
    ngx_conf_init_msec_value(mcf->cache.lease, 2000);
    ngx_conf_init_msec_value(mcf->flush, 5000);

    if (mcf->zone.data == NULL) {
        ngx_str_set(&mcf->zone, "service_token");
        mcf->zone_size = NGX_SERVICE_TOKEN_ZONE;
    }

    if (!mcf->used) {
        return NGX_OK;
    }

    if (ngx_service_token_conf_identity(cf, mcf, &identity) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_service_token_cache_add(cf, &mcf->cache, &mcf->zone,
                                    mcf->zone_size, &identity)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_service_token_slot_add(cf, &mcf->slots, &mcf->zone,
                                   mcf->zone_size, &identity)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    mcf->link = ngx_service_token_link_create(cf, mcf->redis);
    if (mcf->link == NULL) {
        return NGX_ERROR;
    }

    mcf->marker.data = ngx_pnalloc(cf->pool, mcf->prefix.len + 4);
    if (mcf->marker.data == NULL) {
        return NGX_ERROR;
    }

    mcf->marker.len = ngx_sprintf(mcf->marker.data, "%Vmeta", &mcf->prefix)
                      - mcf->marker.data;

    mcf->last_used = ngx_service_token_last_used_create(cf, mcf->link,
                                                    &mcf->slots, &mcf->cache,
                                                    &mcf->prefix,
                                                    &mcf->marker,
                                                    &mcf->roles, mcf->flush);
    if (mcf->last_used == NULL) {
        return NGX_ERROR;
    }

    mcf->lookups = ngx_service_token_lookups_create(cf, mcf->link,
                                                    &mcf->cache, &mcf->prefix,
                                                    &mcf->marker, mcf->keys);
    if (mcf->lookups == NULL) {
        return NGX_ERROR;
    }

    mcf->stream = ngx_service_token_keeper_create(cf, mcf->redis,
                                                  mcf->link, &mcf->cache,
                                                  &mcf->prefix,
                                                  &mcf->marker);

    return mcf->stream ? NGX_OK : NGX_ERROR;
}


/* where the records come from, and the keys that make digests and seals */

static ngx_int_t
ngx_service_token_conf_identity(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf, ngx_str_t *identity)
{
    size_t   i;
    u_char  *p, hex[STOK_DIGEST_HEX], digest[STOK_DIGEST_LEN];

    p = ngx_pnalloc(cf->pool, mcf->redis->name.len + mcf->prefix.len
                              + NGX_INT64_LEN + 2
                              + STOK_KEYS_MAX * STOK_DIGEST_HEX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    identity->data = p;
    p = ngx_sprintf(p, "%V %i %V", &mcf->redis->name, mcf->redis->db,
                    &mcf->prefix);

    for (i = 0; mcf->keys && i < mcf->keys->n; i++) {
        stok_digest(&mcf->keys->key[i], "identity", 8, digest);
        stok_digest_hex(digest, (char *) hex);
        p = ngx_cpymem(p, hex, STOK_DIGEST_HEX);
    }

    identity->len = p - identity->data;

    return NGX_OK;
}
