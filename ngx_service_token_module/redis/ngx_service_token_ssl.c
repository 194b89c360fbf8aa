/*
 * TLS to Redis through nginx's own code.  The server is always verified: its
 * chain against tls_ca= or the system's authorities, its name against
 * tls_name= or the host of the address.
 *
 * nginx says what failed only to the connection's log.  That log is ours: its
 * writer keeps the last line, for the one line that the link logs.
 */


#include "ngx_service_token_link.h"


#if (NGX_SSL)

#include <openssl/x509v3.h>


#define NGX_SERVICE_TOKEN_SSL_DEPTH  4             /* of a chain */


static ngx_int_t ngx_service_token_ssl_authorities(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis);
static ngx_int_t ngx_service_token_ssl_prepare(ngx_service_token_link_t *link);
static void ngx_service_token_ssl_handler(ngx_connection_t *c);
static const char *ngx_service_token_ssl_verify(ngx_connection_t *c,
    ngx_str_t *name);
static ngx_int_t ngx_service_token_ssl_check_time(ngx_connection_t *c);
static ngx_int_t ngx_service_token_ssl_check_name(ngx_connection_t *c,
    ngx_str_t *name);
static ngx_uint_t ngx_service_token_ssl_is_address(ngx_str_t *name);
static void ngx_service_token_ssl_save(ngx_connection_t *c);
static void ngx_service_token_ssl_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);


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

    if (redis->tls_cert.len
        && ngx_ssl_certificate(cf, ssl, &redis->tls_cert, &redis->tls_key,
                               NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_ssl_client_session_cache(cf, ssl, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_service_token_ssl_authorities(cf, redis);
}


static ngx_int_t
ngx_service_token_ssl_authorities(ngx_conf_t *cf,
    ngx_service_token_redis_t *redis)
{
    if (redis->tls_ca.len) {
        return ngx_ssl_trusted_certificate(cf, redis->ssl, &redis->tls_ca,
                                           NGX_SERVICE_TOKEN_SSL_DEPTH);
    }

    if (SSL_CTX_set_default_verify_paths(redis->ssl->ctx) == 0) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    SSL_CTX_set_verify_depth(redis->ssl->ctx, NGX_SERVICE_TOKEN_SSL_DEPTH);

    return NGX_OK;
}


void
ngx_service_token_ssl_start(ngx_service_token_link_t *link)
{
    ngx_connection_t  *c;

    c = link->connection;

    if (ngx_service_token_ssl_prepare(link) != NGX_OK) {
        ngx_service_token_link_secured(link, "TLS cannot be set up", NULL);
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_service_token_ssl_handler;
        return;
    }

    ngx_service_token_ssl_handler(c);
}


static ngx_int_t
ngx_service_token_ssl_prepare(ngx_service_token_link_t *link)
{
    u_char                     *name;
    ngx_connection_t           *c;
    ngx_service_token_redis_t  *redis;

    c = link->connection;
    redis = link->redis;

    link->failed_len = 0;
    link->log.log_level = NGX_LOG_INFO;
    link->log.writer = ngx_service_token_ssl_writer;
    link->log.wdata = link;
    link->log.next = NULL;

    /* nginx's TLS code takes memory from the connection's pool */

    c->pool = ngx_create_pool(1024, c->log);
    if (c->pool == NULL) {
        return NGX_ERROR;
    }

    name = ngx_pnalloc(c->pool, redis->tls_name.len + 1);

    if (name == NULL
        || ngx_ssl_create_connection(redis->ssl, c, NGX_SSL_CLIENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name, redis->tls_name.data, redis->tls_name.len + 1);

    /* RFC 6066 section 3: no address as a server's name */

    if (!ngx_service_token_ssl_is_address(&redis->tls_name)
        && SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0)
    {
        return NGX_ERROR;
    }

    c->ssl->save_session = ngx_service_token_ssl_save;

    if (link->session && ngx_ssl_set_session(c, link->session) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_service_token_ssl_handler(ngx_connection_t *c)
{
    ngx_str_t                  text;
    const char                *failed;
    ngx_service_token_link_t  *link;

    link = c->data;

    if (!c->ssl->handshaked) {
        ngx_service_token_link_secured(link, "lost: TLS handshake failed",
                                ngx_service_token_ssl_failed(link, &text));
        return;
    }

    failed = ngx_service_token_ssl_verify(c, &link->redis->tls_name);

    if (failed) {
        text.data = (u_char *) failed;
        text.len = ngx_strlen(failed);

        ngx_service_token_link_secured(link, "lost: certificate refused",
                                       &text);
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "service token: redis %s, session reused: %d",
                   SSL_get_version(c->ssl->connection),
                   SSL_session_reused(c->ssl->connection));

    ngx_service_token_link_secured(link, NULL, NULL);
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

    if (ngx_service_token_ssl_check_name(c, name) != NGX_OK) {
        return "it is for another name";
    }

    if (ngx_service_token_ssl_check_time(c) != NGX_OK) {
        return X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED);
    }

    return NULL;
}


/* a session that is used again keeps what was found when it began */

static ngx_int_t
ngx_service_token_ssl_check_time(ngx_connection_t *c)
{
    int    rc;
    X509  *cert;

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_cmp_current_time(X509_get0_notAfter(cert));

    X509_free(cert);

    return rc > 0 ? NGX_OK : NGX_ERROR;
}


/* a name, or an address, which nginx's function does not look for */

static ngx_int_t
ngx_service_token_ssl_check_name(ngx_connection_t *c, ngx_str_t *name)
{
    int      rc;
    X509    *cert;
    u_char   text[NGX_SOCKADDR_STRLEN];

    if (!ngx_service_token_ssl_is_address(name)) {
        return ngx_ssl_check_host(c, name);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(text, name->data, ngx_min(name->len + 1,
                                                 sizeof(text)));

    rc = X509_check_ip_asc(cert, (char *) text, 0);

    X509_free(cert);

    return rc == 1 ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_service_token_ssl_is_address(ngx_str_t *name)
{
#if (NGX_HAVE_INET6)
    u_char  addr[16];

    if (ngx_inet6_addr(name->data, name->len, addr) == NGX_OK) {
        return 1;
    }
#endif

    return ngx_inet_addr(name->data, name->len) != INADDR_NONE;
}


/* with TLS 1.3 it comes some time after the handshake */

static void
ngx_service_token_ssl_save(ngx_connection_t *c)
{
    ngx_ssl_session_t         *session;
    ngx_service_token_link_t  *link;

    link = c->data;

    session = ngx_ssl_get_session(c);
    if (session == NULL) {
        return;
    }

    ngx_service_token_ssl_forget(link);
    link->session = session;
}


void
ngx_service_token_ssl_forget(ngx_service_token_link_t *link)
{
    if (link->session) {
        ngx_ssl_free_session(link->session);
        link->session = NULL;
    }
}


void
ngx_service_token_ssl_shutdown(ngx_connection_t *c)
{
    c->ssl->no_wait_shutdown = 1;

    if (ngx_ssl_shutdown(c) != NGX_AGAIN) {
        return;
    }

    /* it cannot be said now; what remains is to free */

    c->ssl->no_send_shutdown = 1;
    (void) ngx_ssl_shutdown(c);
}


ngx_str_t *
ngx_service_token_ssl_failed(ngx_service_token_link_t *link, ngx_str_t *text)
{
    ssize_t            n;
    ngx_connection_t  *c;
    u_char             buf[256];

    c = link->connection;

    if (c == NULL || c->ssl == NULL) {
        return NULL;
    }

    if (c->ssl->handshaked && link->state == NGX_SERVICE_TOKEN_LINK_SETUP) {

        /*
         * With TLS 1.3 a server judges our certificate after the handshake.
         * Its alert may lie unread behind a write that failed.
         */

        do {
            n = c->recv(c, buf, sizeof(buf));
        } while (n > 0);
    }

    if (link->failed_len == 0) {
        return NULL;
    }

    text->data = link->failed;
    text->len = link->failed_len;

    return text;
}


/* keeps what follows "time [level] pid#tid: *number " */

static void
ngx_service_token_ssl_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    u_char                    *p, *last;
    ngx_service_token_link_t  *link;

    link = log->wdata;

    p = buf;
    last = buf + len;

    while (p < last && *p != '#') {
        p++;
    }

    while (p < last && *p != ' ') {
        p++;
    }

    if (p + 1 < last && p[1] == '*') {
        for (p++; p < last && *p != ' '; p++) { /* void */ }
    }

    while (p < last && *p == ' ') {
        p++;
    }

    while (last > p && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    if (level <= NGX_LOG_ALERT) {
        ngx_log_error(level, ngx_cycle->log, 0, "%*s", last - p, p);
    }

    link->failed_len = ngx_min(last - p, NGX_SERVICE_TOKEN_LINK_FAILED);
    ngx_memcpy(link->failed, p, link->failed_len);
}


#endif
