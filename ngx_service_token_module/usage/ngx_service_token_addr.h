/*
 * The address of a client; see addr.c.
 */


#ifndef NGX_SERVICE_TOKEN_ADDR_H
#define NGX_SERVICE_TOKEN_ADDR_H


#include <ngx_config.h>
#include <ngx_core.h>


/* 4 or 16 bytes at *addr; 0 for a socket of the same machine */
size_t ngx_service_token_addr(struct sockaddr *sockaddr, u_char **addr);


#endif /* NGX_SERVICE_TOKEN_ADDR_H */
