/*
 * service_token_redis: where Redis is, and how to greet it.
 */


#include "ngx_service_token.h"


#define NGX_SERVICE_TOKEN_PASSWORD_MAX  1024


static ngx_service_token_redis_t *ngx_service_token_conf_address(
    ngx_conf_t *cf, ngx_str_t *address, ngx_str_t *host);
static char *ngx_service_token_conf_redis_option(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *arg);
static char *ngx_service_token_conf_redis_check(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *host);
static char *ngx_service_token_conf_password(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *path);


char *
ngx_service_token_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_service_token_main_conf_t *mcf = conf;

    char                       *rv;
    ngx_str_t                  *value, host;
    ngx_uint_t                  i;
    ngx_service_token_redis_t  *redis;

    if (mcf->redis) {
        return "is duplicate";
    }

    value = cf->args->elts;

    redis = ngx_service_token_conf_address(cf, &value[1], &host);
    if (redis == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_service_token_conf_redis_option(cf, redis, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    mcf->redis = redis;

    return ngx_service_token_conf_redis_check(cf, redis, &host);
}


static ngx_service_token_redis_t *
ngx_service_token_conf_address(ngx_conf_t *cf, ngx_str_t *address,
    ngx_str_t *host)
{
    ngx_url_t                   u;
    ngx_service_token_redis_t  *redis;

    redis = ngx_pcalloc(cf->pool, sizeof(ngx_service_token_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *address;
    u.default_port = 6379;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in service_token_redis \"%V\"",
                           u.err ? u.err : "invalid address", address);
        return NULL;
    }

    ngx_str_null(host);

    if (u.family != AF_UNIX) {
        *host = u.host;

        if (host->len > 2 && host->data[0] == '[') {
            host->data++;
            host->len -= 2;
        }
    }

    redis->name = *address;
    redis->addrs = u.addrs;
    redis->naddrs = u.naddrs;
    redis->timeout = 250;
    redis->connect_timeout = 250;

    return redis;
}


static char *
ngx_service_token_conf_redis_option(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *arg)
{
    ngx_str_t    value;
    ngx_msec_t  *msec;

    msec = NULL;

    if (ngx_service_token_conf_option(arg, "user=", &redis->user) == NGX_OK
        || ngx_service_token_conf_option(arg, "tls_name=", &redis->tls_name)
           == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    if (ngx_service_token_conf_option(arg, "password_file=", &value)
        == NGX_OK)
    {
        return ngx_service_token_conf_password(cf, redis, &value);
    }

    if (ngx_service_token_conf_option(arg, "tls_ca=", &redis->tls_ca)
        == NGX_OK
        || ngx_service_token_conf_option(arg, "tls_cert=", &redis->tls_cert)
           == NGX_OK
        || ngx_service_token_conf_option(arg, "tls_key=", &redis->tls_key)
           == NGX_OK)
    {
        /* nginx's TLS code finds the files, and says if it does not */
        return NGX_CONF_OK;
    }

    if (ngx_service_token_conf_option(arg, "db=", &value) == NGX_OK) {
        redis->db = ngx_atoi(value.data, value.len);
        if (redis->db != NGX_ERROR) {
            return NGX_CONF_OK;
        }

    } else if (ngx_service_token_conf_option(arg, "timeout=", &value)
               == NGX_OK)
    {
        msec = &redis->timeout;

    } else if (ngx_service_token_conf_option(arg, "connect_timeout=", &value)
               == NGX_OK)
    {
        msec = &redis->connect_timeout;

    } else if (arg->len == 3 && ngx_strncmp(arg->data, "tls", 3) == 0) {
        redis->tls = 1;
        return NGX_CONF_OK;
    }

    if (msec) {
        *msec = ngx_parse_time(&value, 0);
        if (*msec != (ngx_msec_t) NGX_ERROR && *msec != 0) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       arg);

    return NGX_CONF_ERROR;
}


/* NGX_OK: arg is name with a value that is not empty */

ngx_int_t
ngx_service_token_conf_option(ngx_str_t *arg, const char *name,
    ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len <= len || ngx_strncmp(arg->data, name, len) != 0) {
        return NGX_DECLINED;
    }

    value->data = arg->data + len;
    value->len = arg->len - len;

    return NGX_OK;
}


/* what options mean together */

static char *
ngx_service_token_conf_redis_check(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *host)
{
    if (redis->user.len && redis->password.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"user=\" needs \"password_file=\"");
        return NGX_CONF_ERROR;
    }

    if (!redis->tls) {

        if (redis->tls_ca.len || redis->tls_name.len || redis->tls_cert.len
            || redis->tls_key.len)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"tls_ca=\", \"tls_name=\", \"tls_cert=\" "
                               "and \"tls_key=\" need \"tls\"");
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (!redis->tls_cert.len != !redis->tls_key.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tls_cert=\" and \"tls_key=\" need each other");
        return NGX_CONF_ERROR;
    }

#if (NGX_SSL)

    if (redis->tls_name.len == 0) {
        redis->tls_name = *host;
    }

    if (redis->tls_name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"tls\" to a unix socket needs \"tls_name=\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_service_token_ssl_init(cf, redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"tls\" needs an nginx that was built with TLS");
    return NGX_CONF_ERROR;

#endif
}


static char *
ngx_service_token_conf_password(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis, ngx_str_t *path)
{
    ngx_str_t  *text;

    text = &redis->password;

    if (ngx_service_token_file_read(cf, path, NGX_SERVICE_TOKEN_PASSWORD_MAX,
                                    0, text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (text->len && (text->data[text->len - 1] == LF
                         || text->data[text->len - 1] == CR))
    {
        text->len--;
    }

    if (text->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password file \"%V\" is empty", path);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_service_token_redis_t *
ngx_service_token_conf_redis_default(ngx_conf_t *cf)
{
    ngx_str_t  host, address = ngx_string("127.0.0.1:6379");

    return ngx_service_token_conf_address(cf, &address, &host);
}
