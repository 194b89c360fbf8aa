/*
 * rediss://: hiredis' TLS over a session that is prepared here, since hiredis
 * checks no name.  hiredis has TLS from 1.0 on; the Makefile finds out.
 */


#include "tls.h"


#ifdef CTL_TLS

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>


static int ctl_tls_files(ctl_t *ctl, SSL_CTX *ctx, const ctl_tls_t *files);
static int ctl_tls_name(SSL *ssl, const char *name);
static int ctl_tls_fail(ctl_t *ctl, const char *what);


int
ctl_tls_create(ctl_t *ctl, const ctl_tls_t *files, const char *host,
    void **tls)
{
    int       code;
    SSL      *ssl;
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return ctl_tls_fail(ctl, "TLS cannot be set up");
    }

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

    code = ctl_tls_files(ctl, ctx, files);
    ssl = code == CTL_OK ? SSL_new(ctx) : NULL;

    SSL_CTX_free(ctx);

    if (code != CTL_OK) {
        return code;
    }

    if (ssl == NULL
        || ctl_tls_name(ssl, files->name[0] ? files->name : host) == 0)
    {
        SSL_free(ssl);
        return ctl_tls_fail(ctl, "TLS cannot be set up");
    }

    *tls = ssl;

    return CTL_OK;
}


static int
ctl_tls_files(ctl_t *ctl, SSL_CTX *ctx, const ctl_tls_t *files)
{
    if (files->ca[0] == '\0') {
        if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
            return ctl_tls_fail(ctl, "no authorities of the system");
        }

    } else if (SSL_CTX_load_verify_locations(ctx, files->ca, NULL) != 1) {
        return ctl_tls_fail(ctl, "ca= cannot be used");
    }

    if ((files->cert[0] == '\0') != (files->key[0] == '\0')) {
        return ctl_fail(ctl, CTL_INVALID, "cert= and key= need each other");
    }

    if (files->cert[0]
        && SSL_CTX_use_certificate_chain_file(ctx, files->cert) != 1)
    {
        return ctl_tls_fail(ctl, "cert= cannot be used");
    }

    if (files->key[0]
        && (SSL_CTX_use_PrivateKey_file(ctx, files->key, SSL_FILETYPE_PEM) != 1
            || SSL_CTX_check_private_key(ctx) != 1))
    {
        return ctl_tls_fail(ctl, "key= cannot be used");
    }

    return CTL_OK;
}


/* RFC 6066 section 3: no address as a server's name */

static int
ctl_tls_name(SSL *ssl, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1) {
        return 1;
    }

    return SSL_set1_host(ssl, name) == 1
           && SSL_set_tlsext_host_name(ssl, name) == 1;
}


static int
ctl_tls_fail(ctl_t *ctl, const char *what)
{
    const char  *why;

    why = ERR_reason_error_string(ERR_peek_last_error());

    return ctl_fail(ctl, CTL_INVALID, "%s: %s", what,
                    why ? why : "no reason known");
}


int
ctl_tls_start(ctl_t *ctl, redisContext *ctx, void *tls)
{
    int   code;
    long  rc;

    if (redisInitiateSSL(ctx, tls) == REDIS_OK) {
        return CTL_OK;
    }

    rc = SSL_get_verify_result(tls);

    code = ctl_fail(ctl, CTL_UNAVAILABLE, "no TLS with Redis: %s",
                    rc != X509_V_OK ? X509_verify_cert_error_string(rc)
                                    : ctx->errstr);
    SSL_free(tls);

    return code;
}


void
ctl_tls_free(void *tls)
{
    SSL_free(tls);
}


#else


int
ctl_tls_create(ctl_t *ctl, const ctl_tls_t *files, const char *host,
    void **tls)
{
    (void) files;
    (void) host;

    *tls = NULL;

    return ctl_fail(ctl, CTL_INVALID, "rediss:// is not available: "
                    "this hiredis has no TLS");
}


int
ctl_tls_start(ctl_t *ctl, redisContext *ctx, void *tls)
{
    (void) ctl;
    (void) ctx;
    (void) tls;

    return CTL_UNAVAILABLE;
}


void
ctl_tls_free(void *tls)
{
    (void) tls;
}


#endif
