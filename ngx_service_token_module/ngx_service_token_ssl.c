/*
 * TLS to Redis through nginx's own code.  The server is always verified: its
 * chain against tls_ca= or the system's authorities, its name against
 * tls_name= or the host of the address.
 */


#include "ngx_service_token_link.h"


#if (NGX_SSL)


#define NGX_SERVICE_TOKEN_SSL_DEPTH  4             /* of a chain */


static void ngx_service_token_ssl_handler(ngx_connection_t *c);
static const char *ngx_service_token_ssl_verify(ngx_connection_t *c,
    ngx_str_t *name);


/* kept at the connection while it shakes hands */
typedef struct {
    ngx_service_token_link_t  *link;
    ngx_service_token_ssl_pt   done;
} ngx_service_token_ssl_t;


ngx_int_t
ngx_service_token_ssl_init(ngx_conf_t *cf, ngx_service_token_redis_t *redis)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    redis->ssl = ssl;

    if (redis->tls_ca.len) {
        return ngx_ssl_trusted_certificate(cf, ssl, &redis->tls_ca,
                                           NGX_SERVICE_TOKEN_SSL_DEPTH);
    }

    if (SSL_CTX_set_default_verify_paths(ssl->ctx) == 0) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    SSL_CTX_set_verify_depth(ssl->ctx, NGX_SERVICE_TOKEN_SSL_DEPTH);

    return NGX_OK;
}


void
ngx_service_token_ssl_start(ngx_service_token_link_t *link,
    ngx_service_token_ssl_pt done)
{
    u_char                     *name;
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_service_token_ssl_t    *hand;
    ngx_service_token_redis_t  *redis;

    c = link->connection;
    redis = link->redis;

    /* nginx's TLS code takes memory from the connection's pool */

    c->pool = ngx_create_pool(1024, c->log);
    if (c->pool == NULL) {
        done(link, "no memory");
        return;
    }

    hand = ngx_palloc(c->pool, sizeof(ngx_service_token_ssl_t));
    name = ngx_pnalloc(c->pool, redis->tls_name.len + 1);

    if (hand == NULL || name == NULL
        || ngx_ssl_create_connection(redis->ssl, c,
                                     NGX_SSL_BUFFER|NGX_SSL_CLIENT)
           != NGX_OK)
    {
        done(link, "TLS cannot be set up");
        return;
    }

    hand->link = link;
    hand->done = done;

    (void) ngx_cpystrn(name, redis->tls_name.data, redis->tls_name.len + 1);

    if (ngx_inet_addr(name, redis->tls_name.len) == INADDR_NONE
        && SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0)
    {
        done(link, "TLS cannot be set up");
        return;
    }

    c->data = hand;

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_service_token_ssl_handler;
        return;
    }

    ngx_service_token_ssl_handler(c);
}


static void
ngx_service_token_ssl_handler(ngx_connection_t *c)
{
    ngx_service_token_ssl_t  *hand;

    hand = c->data;
    c->data = hand->link;

    if (!c->ssl->handshaked) {
        hand->done(hand->link, "TLS handshake failed");
        return;
    }

    hand->done(hand->link,
               ngx_service_token_ssl_verify(c, &hand->link->redis->tls_name));
}


/* NULL, or what is wrong with the certificate */

static const char *
ngx_service_token_ssl_verify(ngx_connection_t *c, ngx_str_t *name)
{
    long  rc;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        return X509_verify_cert_error_string(rc);
    }

    if (ngx_ssl_check_host(c, name) != NGX_OK) {
        return "certificate is of another name";
    }

    return NULL;
}


#endif
