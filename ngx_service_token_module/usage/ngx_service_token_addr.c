/*
 * The address of a client, the same whatever socket it came by: one that
 * listens to IPv6 and IPv4 gives IPv4 mapped into IPv6.
 */


#include "ngx_service_token_addr.h"


size_t
ngx_service_token_addr(struct sockaddr *sockaddr, u_char **addr)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    if (sockaddr->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) sockaddr;
        *addr = (u_char *) &sin->sin_addr;
        return 4;
    }

#if (NGX_HAVE_INET6)

    if (sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) sockaddr;
        *addr = sin6->sin6_addr.s6_addr;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            *addr += 12;
            return 4;
        }

        return 16;
    }

#endif

    *addr = NULL;

    return 0;
}
