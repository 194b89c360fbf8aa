/*
 * Addresses and networks; see stok_network.h.
 */


#define _POSIX_C_SOURCE  200809L                 /* inet_pton, inet_ntop */

#include "stok_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>


#define STOK_NETWORK_TEXT  (INET6_ADDRSTRLEN + sizeof("/128"))


typedef struct {
    stok_addr_t  addr;
    unsigned     bits;                           /* of its prefix */
} stok_network_t;


static int stok_networks_next(stok_str_t *list, stok_str_t *network);
static int stok_network_parse(stok_network_t *network, stok_str_t text);
static int stok_network_bits(stok_str_t text, unsigned *bits);
static size_t stok_network_format(const stok_network_t *network,
    char out[STOK_NETWORK_TEXT]);
static int stok_network_same(const uint8_t *a, const uint8_t *b,
    unsigned bits);


static const uint8_t  stok_addr_mapped[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};


void
stok_addr_set(stok_addr_t *addr, const void *bytes, size_t len)
{
    const uint8_t  *p;

    memset(addr, 0, sizeof(*addr));

    if (len != 4 && len != 16) {
        return;
    }

    p = bytes;

    if (len == 16 && memcmp(p, stok_addr_mapped, 12) == 0) {
        p += 12;
        len = 4;
    }

    memcpy(addr->bytes, p, len);
    addr->len = (uint8_t) len;
}


/* what is written in another way than we write it may be meant otherwise */

int
stok_networks_check(stok_str_t networks)
{
    char            text[STOK_NETWORK_TEXT];
    size_t          len;
    stok_str_t      list, item;
    stok_network_t  network;

    if (networks.len == 0 || networks.len > STOK_NETWORKS_MAX) {
        return STOK_INVALID;
    }

    list = networks;

    while (stok_networks_next(&list, &item)) {
        if (stok_network_parse(&network, item) != STOK_OK) {
            return STOK_INVALID;
        }

        len = stok_network_format(&network, text);

        if (len != item.len || memcmp(text, item.data, len) != 0) {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


int
stok_networks_match(stok_str_t networks, const stok_addr_t *addr)
{
    stok_str_t      list, item;
    stok_network_t  network;

    list = networks;

    while (stok_networks_next(&list, &item)) {
        if (stok_network_parse(&network, item) == STOK_OK
            && network.addr.len == addr->len
            && stok_network_same(network.addr.bytes, addr->bytes,
                                 network.bits))
        {
            return 1;
        }
    }

    return 0;
}


/* 0: there is no more; a list that ends with a comma has an empty one last */

static int
stok_networks_next(stok_str_t *list, stok_str_t *network)
{
    const char  *comma;

    if (list->data == NULL) {
        return 0;
    }

    *network = *list;
    comma = list->len ? memchr(list->data, ',', list->len) : NULL;

    if (comma == NULL) {
        list->data = NULL;
        list->len = 0;
        return 1;
    }

    network->len = (size_t) (comma - list->data);
    list->data += network->len + 1;
    list->len -= network->len + 1;

    return 1;
}


static int
stok_network_parse(stok_network_t *network, stok_str_t text)
{
    int          family;
    char         addr[INET6_ADDRSTRLEN];
    uint8_t      bytes[16];
    stok_str_t   prefix;
    const char  *slash;

    slash = text.len ? memchr(text.data, '/', text.len) : NULL;

    if (slash == NULL || slash - text.data >= (ptrdiff_t) sizeof(addr)) {
        return STOK_INVALID;
    }

    prefix.data = slash + 1;
    prefix.len = text.len - (size_t) (slash + 1 - text.data);

    memcpy(addr, text.data, (size_t) (slash - text.data));
    addr[slash - text.data] = '\0';

    family = strchr(addr, ':') ? AF_INET6 : AF_INET;

    if (inet_pton(family, addr, bytes) != 1
        || stok_network_bits(prefix, &network->bits) != STOK_OK
        || network->bits > (family == AF_INET6 ? 128 : 32))
    {
        return STOK_INVALID;
    }

    stok_addr_set(&network->addr, bytes, family == AF_INET6 ? 16 : 4);

    /* a part of the mapped addresses is a network of IPv4 */

    if (family == AF_INET6 && network->addr.len == 4) {
        if (network->bits < 96) {
            return STOK_INVALID;
        }

        network->bits -= 96;
    }

    return STOK_OK;
}


static int
stok_network_bits(stok_str_t text, unsigned *bits)
{
    size_t  i;

    if (text.len == 0 || text.len > 3
        || (text.data[0] == '0' && text.len != 1))
    {
        return STOK_INVALID;
    }

    for (i = 0, *bits = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return STOK_INVALID;
        }

        *bits = *bits * 10 + (unsigned) (text.data[i] - '0');
    }

    return STOK_OK;
}


/* without the bits beyond its prefix */

static size_t
stok_network_format(const stok_network_t *network,
    char out[STOK_NETWORK_TEXT])
{
    char      digits[3];
    size_t    i, n, len;
    uint8_t   bytes[16];
    unsigned  bits;

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, network->addr.bytes, network->bits / 8);

    if (network->bits % 8) {
        bytes[network->bits / 8] = network->addr.bytes[network->bits / 8]
                                   & (uint8_t) (0xff00 >> network->bits % 8);
    }

    (void) inet_ntop(network->addr.len == 16 ? AF_INET6 : AF_INET, bytes, out,
                     INET6_ADDRSTRLEN);

    len = strlen(out);
    out[len++] = '/';

    n = 0;
    bits = network->bits;

    do {
        digits[n++] = (char) ('0' + bits % 10);
        bits /= 10;
    } while (bits);

    for (i = 0; i < n; i++) {
        out[len++] = digits[n - 1 - i];
    }

    return len;
}


static int
stok_network_same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned  rest;

    rest = bits % 8;

    return memcmp(a, b, bits / 8) == 0
           && (rest == 0
               || ((a[bits / 8] ^ b[bits / 8]) & (0xff00 >> rest) & 0xff) == 0);
}
