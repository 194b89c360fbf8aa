/*
 * The packed form of a record, with every prefix and every changed byte.
 */


#include "guard.h"

#include "stok_record.h"


static stok_str_t
pack_str(const char *data, size_t len)
{
    stok_str_t  str;

    str.data = data;
    str.len = len;

    return str;
}


static void
pack_same(stok_str_t a, stok_str_t b)
{
    assert_int_equal(a.len, b.len);

    if (a.len != 0) {
        assert_memory_equal(a.data, b.data, a.len);
    }
}


/* cmocka 2 has assert_in_range under another name */

static void
pack_range(size_t value, size_t least, size_t most)
{
    assert_true(value >= least && value <= most);
}


/* a token record in *buf, the longest one or a short one */

static size_t
pack_token(stok_token_record_t *rec, uint8_t *buf, int longest)
{
    size_t       n;
    static char  text[STOK_NAME_BYTES];

    memset(text, 'x', sizeof(text));
    memset(rec, 0, sizeof(*rec));

    rec->id = pack_str(text, longest ? STOK_RECORD_ID_MAX : 3);
    rec->user = pack_str(text, longest ? STOK_USER_ID_MAX : 2);
    rec->name = pack_str(text, longest ? STOK_NAME_BYTES : 1);
    rec->scope = pack_str(text, longest ? STOK_SCOPE_MAX : 0);
    rec->env = pack_str(text, longest ? STOK_ENV_MAX : 0);
    rec->networks = pack_str(text, longest ? STOK_NETWORKS_MAX : 0);
    rec->rate = pack_str(text, longest ? STOK_RATE_TEXT : 0);
    rec->expires_at = longest ? STOK_DATE_MAX : 0;
    rec->type = longest ? STOK_TYPE_PERSONAL : STOK_TYPE_SERVICE;
    rec->status = longest ? STOK_TOKEN_REVOKED : STOK_TOKEN_ACTIVE;
    rec->tampered = (uint8_t) longest;

    n = stok_token_record_pack(rec, buf, STOK_PACK_MAX);

    assert_true(n > 0 && n <= STOK_PACK_MAX);
    assert_int_equal(stok_token_record_pack(rec, buf, n), n);
    assert_int_equal(stok_token_record_pack(rec, buf, n - 1), 0);
    assert_int_equal(stok_token_record_pack(rec, buf, 0), 0);

    return n;
}


static size_t
pack_user(stok_user_record_t *rec, uint8_t *buf, int longest)
{
    size_t       n;
    static char  text[STOK_ROLE_MAX];

    memset(text, 'r', sizeof(text));
    memset(rec, 0, sizeof(*rec));

    rec->role = pack_str(text, longest ? STOK_ROLE_MAX : 1);
    rec->kind = longest ? STOK_USER_HUMAN : STOK_USER_SERVICE;
    rec->status = longest ? STOK_USER_DELETED : STOK_USER_PENDING;
    rec->tampered = (uint8_t) longest;

    n = stok_user_record_pack(rec, buf, STOK_PACK_MAX);

    assert_true(n > 0 && n <= STOK_PACK_MAX);
    assert_int_equal(stok_user_record_pack(rec, buf, n), n);
    assert_int_equal(stok_user_record_pack(rec, buf, n - 1), 0);
    assert_int_equal(stok_user_record_pack(rec, buf, 0), 0);

    return n;
}


static void
pack_inside(stok_str_t str, const char *p, size_t len)
{
    assert_true(str.len == 0
                || (str.data >= p && str.len <= len
                    && str.data + str.len <= p + len));
}


/* STOK_INVALID, or a record that decode might have answered */

static int
pack_check(guard_t *guard, const uint8_t *buf, size_t len, int user)
{
    int                   rc;
    char                 *p;
    stok_user_record_t    u;
    stok_token_record_t   t;

    p = guard_tail(guard, buf, len);

    if (user) {
        rc = stok_user_record_unpack(&u, (uint8_t *) p, len);

        if (rc == STOK_OK) {
            pack_inside(u.role, p, len);
            pack_range(u.role.len, 1, STOK_ROLE_MAX);
            pack_range(u.kind, 1, 2);
            pack_range(u.status, 1, 4);
            pack_range(u.tampered, 0, 1);
            assert_int_equal(u.name.len, 0);
            assert_int_equal(u.seal.len, 0);
        }

    } else {
        rc = stok_token_record_unpack(&t, (uint8_t *) p, len);

        if (rc == STOK_OK) {
            pack_inside(t.id, p, len);
            pack_inside(t.user, p, len);
            pack_inside(t.name, p, len);
            pack_inside(t.scope, p, len);
            pack_inside(t.env, p, len);
            pack_inside(t.networks, p, len);
            pack_inside(t.rate, p, len);
            pack_range(t.id.len, 1, STOK_RECORD_ID_MAX);
            pack_range(t.user.len, 1, STOK_USER_ID_MAX);
            pack_range(t.name.len, 1, STOK_NAME_BYTES);
            pack_range(t.scope.len, 0, STOK_SCOPE_MAX);
            pack_range(t.env.len, 0, STOK_ENV_MAX);
            pack_range(t.networks.len, 0, STOK_NETWORKS_MAX);
            pack_range(t.rate.len, 0, STOK_RATE_TEXT);
            pack_range(t.type, 1, 2);
            pack_range(t.status, 1, 2);
            pack_range(t.tampered, 0, 1);
            assert_true(t.expires_at >= 0 && t.expires_at <= STOK_DATE_MAX);
            assert_int_equal(t.seal.len, 0);
        }
    }

    assert_true(rc == STOK_OK || rc == STOK_INVALID);

    return rc;
}


static void
pack_round_trip(void **state)
{
    int                   longest;
    char                 *p;
    size_t                n;
    uint8_t               buf[STOK_PACK_MAX];
    guard_t              *guard;
    stok_user_record_t    user, user2;
    stok_token_record_t   token, token2;

    guard = *state;

    for (longest = 0; longest < 2; longest++) {
        n = pack_token(&token, buf, longest);
        p = guard_tail(guard, buf, n);

        assert_int_equal(stok_token_record_unpack(&token2, (uint8_t *) p, n),
                         STOK_OK);
        pack_same(token.id, token2.id);
        pack_same(token.user, token2.user);
        pack_same(token.name, token2.name);
        pack_same(token.scope, token2.scope);
        pack_same(token.env, token2.env);
        pack_same(token.networks, token2.networks);
        pack_same(token.rate, token2.rate);
        assert_int_equal(token.type, token2.type);
        assert_int_equal(token.status, token2.status);
        assert_int_equal(token.tampered, token2.tampered);
        assert_int_equal(token.expires_at, token2.expires_at);
        assert_int_equal(pack_check(guard, buf, n, 1), STOK_INVALID);

        n = pack_user(&user, buf, longest);
        p = guard_tail(guard, buf, n);

        assert_int_equal(stok_user_record_unpack(&user2, (uint8_t *) p, n),
                         STOK_OK);
        pack_same(user.role, user2.role);
        assert_int_equal(user.kind, user2.kind);
        assert_int_equal(user.status, user2.status);
        assert_int_equal(user.tampered, user2.tampered);
        assert_int_equal(pack_check(guard, buf, n, 0), STOK_INVALID);
    }
}


static void
pack_corrupted(void **state)
{
    int                   user, longest, byte;
    size_t                i, n;
    uint8_t               buf[STOK_PACK_MAX + 1], saved;
    stok_user_record_t    u;
    stok_token_record_t   t;

    for (user = 0; user < 2; user++) {
        for (longest = 0; longest < 2; longest++) {
            n = user ? pack_user(&u, buf, longest)
                     : pack_token(&t, buf, longest);

            for (i = 0; i < n; i++) {
                assert_int_equal(pack_check(*state, buf, i, user),
                                 STOK_INVALID);
            }

            buf[n] = 0;
            assert_int_equal(pack_check(*state, buf, n + 1, user),
                             STOK_INVALID);

            for (i = 0; i < n && i < 130; i++) {
                saved = buf[i];

                for (byte = 0; byte < 256; byte++) {
                    buf[i] = (uint8_t) byte;
                    (void) pack_check(*state, buf, n, user);
                }

                buf[i] = saved;
            }

            for ( /* void */ ; i < n; i++) {
                saved = buf[i];
                buf[i] ^= 0xff;
                (void) pack_check(*state, buf, n, user);
                buf[i] = saved;
            }
        }
    }
}


/* what decode never answers is not packed */

static void
pack_refused(void **state)
{
    uint8_t               buf[2 * STOK_PACK_MAX];
    stok_user_record_t    user, u;
    stok_token_record_t   token, t;

    (void) state;

    pack_token(&token, buf, 1);
    pack_user(&user, buf, 1);

#define refuse_token(field, value)                                           \
    t = token; t.field = value;                                              \
    assert_int_equal(stok_token_record_pack(&t, buf, sizeof(buf)), 0)

#define refuse_user(field, value)                                            \
    u = user; u.field = value;                                               \
    assert_int_equal(stok_user_record_pack(&u, buf, sizeof(buf)), 0)

    refuse_token(type, 0);
    refuse_token(type, 3);
    refuse_token(status, 0);
    refuse_token(status, 3);
    refuse_token(tampered, 2);
    refuse_token(expires_at, -1);
    refuse_token(expires_at, STOK_DATE_MAX + 1);
    refuse_token(id.len, 0);
    refuse_token(id.len, STOK_RECORD_ID_MAX + 1);
    refuse_token(user.len, 0);
    refuse_token(user.len, STOK_USER_ID_MAX + 1);
    refuse_token(name.len, 0);
    refuse_token(name.len, STOK_NAME_BYTES + 1);
    refuse_token(name.len, 65536 + 1);
    refuse_token(scope.len, STOK_SCOPE_MAX + 1);
    refuse_token(env.len, STOK_ENV_MAX + 1);
    refuse_token(env.len, 256);
    refuse_token(networks.len, STOK_NETWORKS_MAX + 1);
    refuse_token(networks.len, 65536);
    refuse_token(rate.len, STOK_RATE_TEXT + 1);
    refuse_token(rate.len, 256);

    refuse_user(kind, 0);
    refuse_user(kind, 3);
    refuse_user(status, 0);
    refuse_user(status, 5);
    refuse_user(tampered, 2);
    refuse_user(role.len, 0);
    refuse_user(role.len, STOK_ROLE_MAX + 1);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(pack_round_trip, &guard),
        cmocka_unit_test_prestate(pack_corrupted, &guard),
        cmocka_unit_test_prestate(pack_refused, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("pack", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
