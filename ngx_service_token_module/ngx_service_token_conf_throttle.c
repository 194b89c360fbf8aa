/*
 * service_token_throttle: the directive, and the zone that it names.
 *
 * A zone may be named before it is defined.  So what it lacks is reported when
 * all is read, with the line that named it first.
 */


#include "ngx_service_token.h"

#include <openssl/rand.h>


#define NGX_SERVICE_TOKEN_THROTTLE_PAGES  8        /* of a zone, at least */
#define NGX_SERVICE_TOKEN_THROTTLE_SHARE  80       /* buckets, % of it */


/* the head of the zone */
typedef struct {
    uint8_t               secret[STOK_KEY_LEN];
    uint32_t              n;
    stok_throttle_set_t  *set;
} ngx_service_token_throttle_shared_t;


static ngx_int_t ngx_service_token_conf_throttle_options(ngx_conf_t *cf,
    ngx_str_t *zone, ngx_str_t *rate, ngx_str_t *burst);
static ngx_int_t ngx_service_token_conf_throttle_burst(ngx_conf_t *cf,
    ngx_str_t *text, ngx_uint_t *burst);
static ngx_int_t ngx_service_token_conf_throttle_rate(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone, ngx_str_t *rate);
static uint64_t ngx_service_token_conf_throttle_step(ngx_str_t *rate);
static ngx_int_t ngx_service_token_conf_throttle_size(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone, ngx_str_t *size);
static ngx_service_token_throttle_zone_t *
    ngx_service_token_conf_throttle_zone(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_service_token_conf_throttle_add(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone);
static ngx_int_t ngx_service_token_conf_throttle_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);


char *
ngx_service_token_conf_throttle(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_service_token_loc_conf_t *lcf = conf;

    u_char                        *p;
    ngx_str_t                     *value, name, size, rate, burst;
    ngx_service_token_throttle_t  *throttle;

    if (lcf->throttle != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->throttle = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_service_token_conf_throttle_options(cf, &name, &rate, &burst)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (name.data == NULL) {
        return "needs \"zone=\"";
    }

    ngx_str_null(&size);
    p = ngx_strlchr(name.data, name.data + name.len, ':');

    if (p) {
        size.data = p + 1;
        size.len = name.data + name.len - size.data;
        name.len = p - name.data;
    }

    if (name.len == 0) {
        return "has a zone without a name";
    }

    throttle = ngx_palloc(cf->pool, sizeof(ngx_service_token_throttle_t));
    if (throttle == NULL) {
        return NGX_CONF_ERROR;
    }

    throttle->zone = ngx_service_token_conf_throttle_zone(cf, &name);

    if (throttle->zone == NULL
        || ngx_service_token_conf_throttle_rate(cf, throttle->zone, &rate)
           != NGX_OK
        || ngx_service_token_conf_throttle_size(cf, throttle->zone, &size)
           != NGX_OK
        || ngx_service_token_conf_throttle_burst(cf, &burst,
                                                 &throttle->burst)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* who defines a zone says what those get who name no burst */

    if (size.data && throttle->zone->burst == NGX_CONF_UNSET_UINT) {
        throttle->zone->burst = throttle->burst;
        ngx_conf_init_uint_value(throttle->zone->burst, 0);
    }

    lcf->throttle = throttle;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_service_token_conf_throttle_options(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_str_t *rate, ngx_str_t *burst)
{
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    static const char  *names[] = { "zone=", "rate=", "burst=" };
    ngx_str_t          *values[] = { zone, rate, burst };

    ngx_str_null(zone);
    ngx_str_null(rate);
    ngx_str_null(burst);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (n = 0; n < 3; n++) {
            if (values[n]->data == NULL
                && ngx_service_token_conf_option(&value[i], names[n],
                                                 values[n])
                   == NGX_OK)
            {
                break;
            }
        }

        if (n == 3) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_conf_throttle_burst(ngx_conf_t *cf, ngx_str_t *text,
    ngx_uint_t *burst)
{
    ngx_int_t  n;

    *burst = NGX_CONF_UNSET_UINT;

    if (text->data == NULL) {
        return NGX_OK;
    }

    n = ngx_atoi(text->data, text->len);

    if (n == NGX_ERROR || n > (ngx_int_t) NGX_MAX_INT32_VALUE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid burst \"%V\"",
                           text);
        return NGX_ERROR;
    }

    *burst = n;

    return NGX_OK;
}


/* the rate is the zone's; who names the zone may repeat it */

static ngx_int_t
ngx_service_token_conf_throttle_rate(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone, ngx_str_t *rate)
{
    uint64_t  step;

    if (rate->data == NULL) {
        return NGX_OK;
    }

    step = ngx_service_token_conf_throttle_step(rate);

    if (step == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid rate \"%V\"", rate);
        return NGX_ERROR;
    }

    if (zone->step && zone->step != step) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" has another rate already",
                           &zone->name);
        return NGX_ERROR;
    }

    zone->step = step;

    return NGX_OK;
}


/* of "10r/s" or "10r/m", as for limit_req_zone; 0: it is none */

static uint64_t
ngx_service_token_conf_throttle_step(ngx_str_t *rate)
{
    u_char     *unit;
    uint64_t    usec;
    ngx_int_t   n;

    if (rate->len < 4) {
        return 0;
    }

    unit = rate->data + rate->len - 3;

    if (ngx_strncmp(unit, "r/s", 3) == 0) {
        usec = 1000000;

    } else if (ngx_strncmp(unit, "r/m", 3) == 0) {
        usec = 60 * 1000000;

    } else {
        return 0;
    }

    n = ngx_atoi(rate->data, rate->len - 3);

    return n > 0 ? usec / n : 0;
}


static ngx_int_t
ngx_service_token_conf_throttle_size(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone, ngx_str_t *size)
{
    ssize_t  bytes;

    if (size->data == NULL) {
        return NGX_OK;
    }

    bytes = ngx_parse_size(size);

    if (bytes == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           size);
        return NGX_ERROR;
    }

    if (bytes < (ssize_t) (NGX_SERVICE_TOKEN_THROTTLE_PAGES * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: at least %uz",
                           &zone->name,
                           NGX_SERVICE_TOKEN_THROTTLE_PAGES * ngx_pagesize);
        return NGX_ERROR;
    }

    if (zone->size && zone->size != (size_t) bytes) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" has another size already",
                           &zone->name);
        return NGX_ERROR;
    }

    zone->size = bytes;

    return NGX_OK;
}


static ngx_service_token_throttle_zone_t *
ngx_service_token_conf_throttle_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_service_token_main_conf_t      *mcf;
    ngx_service_token_throttle_zone_t  *zone;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_service_token_module);

    for (zone = mcf->throttles; zone; zone = zone->next) {
        if (zone->name.len == name->len
            && ngx_strncmp(zone->name.data, name->data, name->len) == 0)
        {
            return zone;
        }
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_throttle_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->name = *name;
    zone->burst = NGX_CONF_UNSET_UINT;
    zone->file = cf->conf_file->file.name;
    zone->line = cf->conf_file->line;

    zone->next = mcf->throttles;
    mcf->throttles = zone;

    return zone;
}


ngx_int_t
ngx_service_token_conf_throttles(ngx_conf_t *cf,
    ngx_service_token_main_conf_t *mcf)
{
    const char                         *lacks;
    ngx_service_token_throttle_zone_t  *zone;

    for (zone = mcf->throttles; zone; zone = zone->next) {

        lacks = zone->size == 0 ? "size" : zone->step == 0 ? "rate" : NULL;

        if (lacks) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "zone \"%V\" of \"service_token_throttle\" has no "
                          "%s in %V:%ui",
                          &zone->name, lacks, &zone->file, zone->line);
            return NGX_ERROR;
        }

        if (mcf->used
            && ngx_service_token_conf_throttle_add(cf, zone) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* outlives a reload, but not another rate: its numbers would mean another */

static ngx_int_t
ngx_service_token_conf_throttle_add(ngx_conf_t *cf,
    ngx_service_token_throttle_zone_t *zone)
{
    ngx_str_t        full;
    ngx_shm_zone_t  *shm_zone;

    full.data = ngx_pnalloc(cf->pool, zone->name.len + 2 * NGX_INT64_LEN + 12);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    full.len = ngx_sprintf(full.data, "%V:throttle:%d.%uL%Z", &zone->name,
                           STOK_THROTTLE_VERSION, zone->step)
               - full.data - 1;

    shm_zone = ngx_shared_memory_add(cf, &full, zone->size,
                                     &ngx_service_token_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_service_token_conf_throttle_init_zone;
    shm_zone->data = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_service_token_conf_throttle_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                                size;
    ngx_slab_pool_t                      *shpool;
    ngx_service_token_throttle_zone_t    *zone;
    ngx_service_token_throttle_shared_t  *shared;

    zone = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data) {
        shared = shpool->data;

    } else {
        size = (shpool->pfree << ngx_pagesize_shift)
               * NGX_SERVICE_TOKEN_THROTTLE_SHARE / 100;

        shared = ngx_slab_calloc(shpool,
                              sizeof(ngx_service_token_throttle_shared_t));
        if (shared == NULL) {
            return NGX_ERROR;
        }

        shared->n = stok_throttle_fit(size);
        shared->set = ngx_slab_calloc(shpool, size);

        if (shared->set == NULL
            || RAND_bytes(shared->secret, STOK_KEY_LEN) != 1)
        {
            return NGX_ERROR;
        }

        shpool->data = shared;
    }

    zone->table.set = shared->set;
    zone->table.n = shared->n;

    (void) stok_key_init(&zone->key, "throttle", 8, shared->secret);

    return NGX_OK;
}
