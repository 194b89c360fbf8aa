/*
 * TLS to Redis: rediss://.  The server is always verified.
 */


#ifndef CTL_TLS_H
#define CTL_TLS_H


#include "internal.h"


/* empty: the system's authorities, no certificate of ours, the host's name */
typedef struct {
    char   ca[512];
    char   cert[512];
    char   key[512];
    char   name[256];
} ctl_tls_t;


/*
 * All that needs no connection, so that nothing is opened in vain; *tls goes
 * to ctl_tls_start(ctl), or to ctl_tls_free().
 */
int ctl_tls_create(ctl_t *ctl, const ctl_tls_t *files, const char *host,
    void **tls);

/* over a new connection; tls is the connection's, or freed */
int ctl_tls_start(ctl_t *ctl, redisContext *ctx, void *tls);

void ctl_tls_free(void *tls);


#endif /* CTL_TLS_H */
