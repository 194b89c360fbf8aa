/*
 * Where Redis is.
 */


#ifndef CTL_URI_H
#define CTL_URI_H


#include "tls.h"


typedef struct {
    char       user[256];
    char       password[1024];
    char       host[256];                        /* or a socket's path */
    int        port;                             /* 0: a socket */
    int        db;
    int        secure;                           /* rediss:// */
    ctl_tls_t  tls;
} ctl_uri_t;


/* CTL_INVALID: it is none; the caller wipes u */
int ctl_uri_parse(const char *uri, ctl_uri_t *u);


#endif /* CTL_URI_H */
