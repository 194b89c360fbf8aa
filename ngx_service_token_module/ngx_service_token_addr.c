/*
 * Where a request comes from: the address that nginx goes by, which is what
 * the realip module has made of it.
 */


#include "ngx_service_token.h"


/* of a socket of the same machine there is none */

void
ngx_service_token_addr_get(ngx_http_request_t *r, stok_addr_t *addr)
{
    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        stok_addr_set(addr, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        stok_addr_set(addr, &sin6->sin6_addr, 16);
        break;
#endif

    default:
        stok_addr_set(addr, NULL, 0);
    }
}
