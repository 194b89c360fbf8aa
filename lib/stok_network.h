/*
 * Addresses, and the networks to which a token may be bound.
 *
 * A list of networks is text, as Redis holds it and as it is sealed: CIDRs
 * with commas between them, each written in the one way that it has:
 * "10.0.0.0/8,192.0.2.7/32,2001:db8::/32".  So the prefix length is always
 * there, no bit is set beyond it, and IPv6 is written as RFC 5952 says.
 *
 * An IPv4-mapped IPv6 address is the IPv4 address that it holds, wherever it
 * comes from: it is never in a network of IPv6, not even in "::/0".
 */


#ifndef STOK_NETWORK_H
#define STOK_NETWORK_H


#include "stok.h"


#define STOK_NETWORKS_MAX  512                   /* bytes of a list */


typedef struct {
    uint8_t  bytes[16];
    uint8_t  len;                                /* 4 or 16; 0: no address */
} stok_addr_t;


/* bytes: 4 of IPv4, 16 of IPv6, both in network order; else no address */
void stok_addr_set(stok_addr_t *addr, const void *bytes, size_t len);

/* STOK_OK: a list with at least one network.  STOK_INVALID */
int stok_networks_check(stok_str_t networks);

/* 1: addr is in one of them; 0 also for what is not an address or not a list */
int stok_networks_match(stok_str_t networks, const stok_addr_t *addr);


#endif /* STOK_NETWORK_H */
