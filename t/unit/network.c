/*
 * Networks: how a list is written, and which addresses are in it, against a
 * reference that compares bit by bit.
 */


#include "guard.h"

#include <stdio.h>

#include "stok_network.h"


#define network_count(a)  (sizeof(a) / sizeof((a)[0]))


static stok_str_t
network_str(const char *data, size_t len)
{
    stok_str_t  str;

    str.data = data;
    str.len = len;

    return str;
}


/* at an unreadable page, from both sides */

static int
network_check(guard_t *guard, const char *text, size_t len)
{
    int  rc;

    rc = stok_networks_check(network_str(guard_head(guard, text, len), len));

    assert_int_equal(stok_networks_check(network_str(guard_tail(guard, text,
                                                                len), len)),
                     rc);

    return rc;
}


static const struct {
    const char  *text;
    int          rc;
} network_cases[] = {
    { "0.0.0.0/0", STOK_OK },
    { "10.0.0.0/8", STOK_OK },
    { "192.0.2.7/32", STOK_OK },
    { "255.255.255.255/32", STOK_OK },
    { "::/0", STOK_OK },
    { "::1/128", STOK_OK },
    { "2001:db8::/32", STOK_OK },
    { "2001:db8:1:2:3:4:5:6/128", STOK_OK },
    { "fe80::/10", STOK_OK },
    { "10.0.0.0/8,192.0.2.7/32,2001:db8::/32", STOK_OK },
    { "::/0,0.0.0.0/0", STOK_OK },

    /* none, or not whole */

    { "", STOK_INVALID },
    { ",", STOK_INVALID },
    { "10.0.0.0/8,", STOK_INVALID },
    { ",10.0.0.0/8", STOK_INVALID },
    { "10.0.0.0/8,,::/0", STOK_INVALID },
    { "/8", STOK_INVALID },
    { "10.0.0.0/", STOK_INVALID },
    { "10.0.0.0", STOK_INVALID },
    { "::1", STOK_INVALID },
    { "10.0.0/8", STOK_INVALID },
    { "any", STOK_INVALID },
    { "any/0", STOK_INVALID },

    /* written otherwise than we write it */

    { "10.0.0.1/8", STOK_INVALID },
    { "0.0.0.1/0", STOK_INVALID },
    { "10.0.0.128/24", STOK_INVALID },
    { "192.0.2.2/30", STOK_INVALID },
    { "192.0.2.0/31", STOK_OK },
    { "192.0.2.1/31", STOK_INVALID },
    { "2001:db8::1/64", STOK_INVALID },
    { "2001:db8:0:0:8000::/64", STOK_INVALID },
    { "2001:db8:0:0:8000::/65", STOK_OK },
    { "2001:db8:0:0:1::/80", STOK_OK },
    { "2001:db8::1:0:0:0/80", STOK_INVALID },
    { "2001:DB8::/32", STOK_INVALID },
    { "2001:0db8::/32", STOK_INVALID },
    { "2001:db8:0::/48", STOK_INVALID },
    { "010.0.0.0/8", STOK_INVALID },
    { "0x0a.0.0.0/8", STOK_INVALID },
    { "10.0.0.0/08", STOK_INVALID },
    { "10.0.0.0/+8", STOK_INVALID },
    { "10.0.0.0/ 8", STOK_INVALID },
    { "10.0.0.0/8 ", STOK_INVALID },
    { " 10.0.0.0/8", STOK_INVALID },
    { "10.0.0.0/8, ::/0", STOK_INVALID },
    { "10.0.0.0/8\n", STOK_INVALID },
    { "10.0.0.0/255.0.0.0", STOK_INVALID },
    { "fe80::%eth0/64", STOK_INVALID },
    { "[::]/0", STOK_INVALID },

    /* too long a prefix */

    { "10.0.0.0/33", STOK_INVALID },
    { "::/129", STOK_INVALID },
    { "::/1000", STOK_INVALID },
    { "::/4294967296", STOK_INVALID },

    /* IPv4-mapped is IPv4, and written so */

    { "::ffff:192.0.2.0/120", STOK_INVALID },
    { "::ffff:c000:200/120", STOK_INVALID },
    { "::ffff:0:0/96", STOK_INVALID },
    { "::ffff:0:0/95", STOK_INVALID },
    { "::fffe:0:0/95", STOK_OK },
    { "::/80", STOK_OK }
};


static void
network_forms(void **state)
{
    size_t  i;

    for (i = 0; i < network_count(network_cases); i++) {
        if (network_check(*state, network_cases[i].text,
                          strlen(network_cases[i].text))
            != network_cases[i].rc)
        {
            fail_msg("\"%s\"", network_cases[i].text);
        }
    }

    assert_int_equal(network_check(*state, "10.0.0.0\0/8", 11), STOK_INVALID);
    assert_int_equal(network_check(*state, "10.0.0.0/8\0", 11), STOK_INVALID);
    assert_int_equal(stok_networks_check(network_str(NULL, 0)), STOK_INVALID);
}


/* every byte of a list, and every shorter one */

static void
network_bytes(void **state)
{
    int          ch;
    char         text[64];
    size_t       i, len;
    const char  *list = "192.0.2.0/24,2001:db8::/32";

    len = strlen(list);

    for (i = 0; i <= len; i++) {
        (void) network_check(*state, list, i);
    }

    for (i = 0; i < len; i++) {
        for (ch = 0; ch < 256; ch++) {
            memcpy(text, list, len);
            text[i] = (char) ch;
            (void) network_check(*state, text, len);
        }
    }
}


static void
network_longest(void **state)
{
    char    text[STOK_NETWORKS_MAX + 64];
    size_t  len;

    for (len = 0; len + 11 <= STOK_NETWORKS_MAX; len += 11) {
        memcpy(text + len, "10.0.0.0/8,", 11);
    }

    assert_int_equal(network_check(*state, text, len - 1), STOK_OK);

    /* 506 bytes with the comma: 6 are left, and none is so short */

    memcpy(text + len, "1.0.0.0/8", 9);
    assert_int_equal(network_check(*state, text, len + 9), STOK_INVALID);
}


static int
network_inside(const uint8_t *net, const uint8_t *addr, unsigned bits)
{
    unsigned  i;

    for (i = 0; i < bits; i++) {
        if ((net[i / 8] >> (7 - i % 8) & 1) != (addr[i / 8] >> (7 - i % 8) & 1))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Each prefix of an address: it is in it, and so is what differs in a later
 * bit only.
 */

static void
network_match(void **state)
{
    int          v6;
    char         text[128];
    size_t       len;
    uint8_t      net[16], bytes[16];
    unsigned     i, bits, bit;
    uint32_t     seed;
    stok_addr_t  addr;

    static const uint8_t  base[16] = {
        0x20, 1, 0xd, 0xb8, 0x5a, 0xa5, 0xff, 0, 0x11, 0x22, 0x33, 0x44, 0x80,
        1, 2, 0xfe
    };

    (void) state;

    seed = 7;

    for (v6 = 0; v6 < 2; v6++) {
        len = v6 ? 16 : 4;

        for (bits = 0; bits <= len * 8; bits++) {
            memset(net, 0, sizeof(net));

            for (i = 0; i < bits; i++) {
                net[i / 8] |= base[i / 8] & (uint8_t) (0x80 >> i % 8);
            }

            if (v6) {
                sprintf(text, "%x:%x:%x:%x:%x:%x:%x:%x/%u",
                        net[0] << 8 | net[1], net[2] << 8 | net[3],
                        net[4] << 8 | net[5], net[6] << 8 | net[7],
                        net[8] << 8 | net[9], net[10] << 8 | net[11],
                        net[12] << 8 | net[13], net[14] << 8 | net[15], bits);
            } else {
                sprintf(text, "%d.%d.%d.%d/%u", net[0], net[1], net[2],
                        net[3], bits);
            }

            for (bit = 0; bit <= len * 8; bit++) {
                memcpy(bytes, base, len);

                if (bit < len * 8) {
                    bytes[bit / 8] ^= (uint8_t) (0x80 >> bit % 8);
                }

                stok_addr_set(&addr, bytes, len);
                assert_int_equal(stok_networks_match(network_str(text,
                                                     strlen(text)), &addr),
                                 network_inside(net, bytes, bits));
            }

            for (i = 0; i < 64; i++) {
                bytes[i % len] = (uint8_t) guard_random(&seed);
                stok_addr_set(&addr, bytes, len);
                assert_int_equal(stok_networks_match(network_str(text,
                                                     strlen(text)), &addr),
                                 network_inside(net, bytes, bits));
            }
        }
    }
}


/* the first, a later one, none; and each kind of address */

static void
network_list(void **state)
{
    stok_str_t   list;
    stok_addr_t  addr;

    static const uint8_t  mapped[16] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3
    };

    (void) state;

    list = network_str("192.0.2.0/24,2001:db8::/32,10.0.0.0/8", 37);

    stok_addr_set(&addr, (uint8_t []) { 192, 0, 2, 255 }, 4);
    assert_int_equal(stok_networks_match(list, &addr), 1);

    stok_addr_set(&addr, (uint8_t []) { 10, 255, 0, 0 }, 4);
    assert_int_equal(stok_networks_match(list, &addr), 1);

    stok_addr_set(&addr, (uint8_t []) { 11, 0, 0, 0 }, 4);
    assert_int_equal(stok_networks_match(list, &addr), 0);

    stok_addr_set(&addr, (uint8_t [16]) { 0x20, 1, 0xd, 0xb8, 1 }, 16);
    assert_int_equal(stok_networks_match(list, &addr), 1);

    stok_addr_set(&addr, (uint8_t [16]) { 10 }, 16);
    assert_int_equal(stok_networks_match(list, &addr), 0);

    /* the list ends where it ends */

    stok_addr_set(&addr, (uint8_t []) { 10, 1, 2, 3 }, 4);
    list.len -= 11;
    assert_int_equal(stok_networks_match(list, &addr), 0);

    /* mapped */

    stok_addr_set(&addr, mapped, 16);
    assert_int_equal(addr.len, 4);
    assert_memory_equal(addr.bytes, mapped + 12, 4);

    assert_int_equal(stok_networks_match(network_str("10.0.0.0/8", 10), &addr),
                     1);
    assert_int_equal(stok_networks_match(network_str("::/0", 4), &addr), 0);

    /*
     * a client without an address is in no network, and a bad list has no
     * members
     */

    stok_addr_set(&addr, mapped, 0);
    assert_int_equal(addr.len, 0);
    assert_int_equal(stok_networks_match(network_str("0.0.0.0/0,::/0", 14),
                                         &addr), 0);

    stok_addr_set(&addr, mapped, 15);
    assert_int_equal(addr.len, 0);

    stok_addr_set(&addr, mapped, 16);
    assert_int_equal(stok_networks_match(network_str("0.0.0.0", 7), &addr), 0);
    assert_int_equal(stok_networks_match(network_str("", 0), &addr), 0);
    assert_int_equal(stok_networks_match(network_str(NULL, 0), &addr), 0);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(network_forms, &guard),
        cmocka_unit_test_prestate(network_bytes, &guard),
        cmocka_unit_test_prestate(network_longest, &guard),
        cmocka_unit_test_prestate(network_match, &guard),
        cmocka_unit_test_prestate(network_list, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("network", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
