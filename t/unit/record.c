/*
 * Records: what Redis may answer, field by field.
 */


#include "guard.h"

#include "stok_record.h"


#define FIELDS_MAX  18


typedef struct {
    stok_str_t  str[2 * FIELDS_MAX];
    size_t      n;
} record_t;


/* a value of len times ch, or text if it is not NULL */

typedef struct {
    const char  *field;
    const char  *text;
    size_t       len;
    char         ch;
    int          rc;
} record_case_t;


static const char *const record_token[][2] = {
    { "id", "tok_0123456789ABCDEF" },
    { "user", "etl@service" },
    { "name", "nightly" },
    { "type", "service" },
    { "scope", "scim" },
    { "env", "production" },
    { "networks", "192.0.2.0/24,2001:db8::/32" },
    { "rate", "600r/m" },
    { "status", "active" },
    { "created_at", "1700000000" },
    { "created_by", "admin@example.com" },
    { "expires_at", "1800000000" },
    { "revoked_at", "0" },
    { "rotated_from", "tok_0000000000000000" },
    { "rotated_to", "tok_1111111111111111" },
    { "seal", "k:00" }
};

static const char *const record_user[][2] = {
    { "kind", "human" },
    { "name", "J\303\266rg" },
    { "role", "manager" },
    { "status", "disabled" },
    { "purpose", "syncs the\ncatalog" },
    { "owner", "data team" },
    { "use_case", "catalog-sync" },
    { "created_at", "1700000000" },
    { "created_by", "admin@example.com" },
    { "seal", "k:00" }
};

#define record_count(a)  (sizeof(a) / sizeof((a)[0]))


static const record_case_t record_token_cases[] = {
    { "id", NULL, 64, 'i', STOK_OK },
    { "id", NULL, 65, 'i', STOK_INVALID },
    { "id", "", 0, 0, STOK_INVALID },
    { "id", "a b", 3, 0, STOK_INVALID },
    { "id", "a\0b", 3, 0, STOK_INVALID },
    { "id", "a\nb", 3, 0, STOK_INVALID },
    { "id", "a\177", 2, 0, STOK_INVALID },
    { "id", "\303\266", 2, 0, STOK_INVALID },
    { "id", "!~", 2, 0, STOK_OK },
    { "user", NULL, 254, 'u', STOK_OK },
    { "user", NULL, 255, 'u', STOK_INVALID },
    { "user", "", 0, 0, STOK_INVALID },
    { "user", "a@b\0", 4, 0, STOK_INVALID },
    { "name", NULL, 255, 'n', STOK_OK },
    { "name", NULL, 256, 'n', STOK_INVALID },
    { "name", "", 0, 0, STOK_INVALID },
    { "name", "a b", 3, 0, STOK_OK },
    { "name", "a\0b", 3, 0, STOK_INVALID },
    { "name", "\377", 1, 0, STOK_INVALID },
    { "type", "personal", 8, 0, STOK_OK },
    { "type", "", 0, 0, STOK_INVALID },
    { "type", "Service", 7, 0, STOK_INVALID },
    { "type", "servic", 6, 0, STOK_INVALID },
    { "type", "service\0", 8, 0, STOK_INVALID },
    { "type", "services", 8, 0, STOK_INVALID },
    { "type", "1", 1, 0, STOK_INVALID },
    { "scope", NULL, 64, 's', STOK_OK },
    { "scope", NULL, 65, 's', STOK_INVALID },
    { "scope", "", 0, 0, STOK_OK },
    { "scope", " ", 1, 0, STOK_INVALID },
    { "scope", "\0", 1, 0, STOK_INVALID },
    { "env", NULL, 32, 'e', STOK_OK },
    { "env", NULL, 33, 'e', STOK_INVALID },
    { "env", "a b", 3, 0, STOK_INVALID },
    { "env", "a\0b", 3, 0, STOK_INVALID },
    { "env", "", 0, 0, STOK_OK },
    { "networks", "192.0.2.7/32", 12, 0, STOK_OK },
    { "networks", "192.0.2.7", 9, 0, STOK_INVALID },
    { "networks", "any", 3, 0, STOK_INVALID },
    { "networks", " ", 1, 0, STOK_INVALID },
    { "networks", "", 0, 0, STOK_OK },
    { "rate", "1000000r/s", 10, 0, STOK_OK },
    { "rate", "1000001r/s", 10, 0, STOK_INVALID },
    { "rate", "10", 2, 0, STOK_INVALID },
    { "rate", "", 0, 0, STOK_OK },
    { "status", "revoked", 7, 0, STOK_OK },
    { "status", "", 0, 0, STOK_INVALID },
    { "status", "ACTIVE", 6, 0, STOK_INVALID },
    { "status", "active ", 7, 0, STOK_INVALID },
    { "status", "disabled", 8, 0, STOK_INVALID },
    { "created_at", "x", 1, 0, STOK_INVALID },
    { "created_at", "-1", 2, 0, STOK_INVALID },
    { "created_at", "", 0, 0, STOK_OK },
    { "created_at", "253402300800", 12, 0, STOK_INVALID },
    { "created_by", NULL, 1024, 'c', STOK_OK },
    { "created_by", NULL, 1025, 'c', STOK_INVALID },
    { "expires_at", "0", 1, 0, STOK_OK },
    { "expires_at", "253402300799", 12, 0, STOK_OK },
    { "expires_at", "253402300800", 12, 0, STOK_INVALID },
    { "expires_at", "", 0, 0, STOK_INVALID },
    { "expires_at", "never", 5, 0, STOK_INVALID },
    { "expires_at", "1800000000x", 11, 0, STOK_INVALID },
    { "expires_at", "180000000\0", 10, 0, STOK_INVALID },
    { "expires_at", NULL, 400, '9', STOK_INVALID },
    { "revoked_at", "soon", 4, 0, STOK_INVALID },
    { "revoked_at", "", 0, 0, STOK_OK },
    { "rotated_from", NULL, 64, 'r', STOK_OK },
    { "rotated_from", NULL, 65, 'r', STOK_INVALID },
    { "rotated_from", "a b", 3, 0, STOK_INVALID },
    { "rotated_from", "", 0, 0, STOK_OK },
    { "rotated_to", NULL, 64, 'r', STOK_OK },
    { "rotated_to", NULL, 65, 'r', STOK_INVALID },
    { "rotated_to", "", 0, 0, STOK_OK },
    { "seal", NULL, STOK_SEAL_MAX, 's', STOK_OK },
    { "seal", NULL, STOK_SEAL_MAX + 1, 's', STOK_INVALID },
    { "seal", "", 0, 0, STOK_OK }
};

static const record_case_t record_user_cases[] = {
    { "kind", "service", 7, 0, STOK_OK },
    { "kind", "", 0, 0, STOK_INVALID },
    { "kind", "robot", 5, 0, STOK_INVALID },
    { "name", NULL, 255, 'n', STOK_OK },
    { "name", NULL, 256, 'n', STOK_INVALID },
    { "name", "", 0, 0, STOK_OK },
    { "name", "a\nb", 3, 0, STOK_INVALID },
    { "role", NULL, 32, 'r', STOK_OK },
    { "role", NULL, 33, 'r', STOK_INVALID },
    { "role", "", 0, 0, STOK_INVALID },
    { "role", "a b", 3, 0, STOK_INVALID },
    { "role", "admin\0", 6, 0, STOK_INVALID },
    { "status", "pending", 7, 0, STOK_OK },
    { "status", "active", 6, 0, STOK_OK },
    { "status", "deleted", 7, 0, STOK_OK },
    { "status", "", 0, 0, STOK_INVALID },
    { "status", "revoked", 7, 0, STOK_INVALID },
    { "purpose", NULL, 1024, 'p', STOK_OK },
    { "purpose", NULL, 1025, 'p', STOK_INVALID },
    { "owner", NULL, 1024, 'o', STOK_OK },
    { "owner", NULL, 1025, 'o', STOK_INVALID },
    { "use_case", NULL, 64, 'u', STOK_OK },
    { "use_case", NULL, 65, 'u', STOK_INVALID },
    { "use_case", "a b", 3, 0, STOK_INVALID },
    { "use_case", "", 0, 0, STOK_OK },
    { "created_at", "x", 1, 0, STOK_INVALID },
    { "created_by", NULL, 1025, 'c', STOK_INVALID },
    { "seal", NULL, STOK_SEAL_MAX, 's', STOK_OK },
    { "seal", NULL, STOK_SEAL_MAX + 1, 's', STOK_INVALID }
};


static stok_str_t
record_str(const char *data, size_t len)
{
    stok_str_t  str;

    str.data = data;
    str.len = len;

    return str;
}


static void
record_add(record_t *rec, const char *name, const char *value)
{
    rec->str[rec->n++] = record_str(name, strlen(name));
    rec->str[rec->n++] = record_str(value, strlen(value));
}


static void
record_base(record_t *rec, int user)
{
    size_t  i;

    rec->n = 0;

    for (i = 0; !user && i < record_count(record_token); i++) {
        record_add(rec, record_token[i][0], record_token[i][1]);
    }

    for (i = 0; user && i < record_count(record_user); i++) {
        record_add(rec, record_user[i][0], record_user[i][1]);
    }
}


/* the list itself ends at an unreadable page, too */

static int
record_decode(const record_t *rec, int user, const char **why)
{
    int                   rc;
    guard_t               guard;
    stok_str_t           *str;
    stok_user_record_t    u;
    stok_token_record_t   t;

    guard_create(&guard);

    str = (stok_str_t *) guard_tail(&guard, rec->str,
                                    rec->n * sizeof(stok_str_t));

    rc = user ? stok_user_record_decode(&u, str, rec->n, why)
              : stok_token_record_decode(&t, str, rec->n, why);

    guard_destroy(&guard);

    return rc;
}


static void
record_good(void **state)
{
    record_t             rec;
    const char          *why;
    stok_user_record_t   user;
    stok_token_record_t  token;

    (void) state;

    record_base(&rec, 0);
    assert_int_equal(rec.n, STOK_RECORD_STRINGS);

    token.tampered = 1;
    assert_int_equal(stok_token_record_decode(&token, rec.str, rec.n, &why),
                     STOK_OK);
    assert_ptr_equal(token.id.data, rec.str[1].data);
    assert_int_equal(token.id.len, rec.str[1].len);
    assert_ptr_equal(token.user.data, rec.str[3].data);
    assert_int_equal(token.user.len, rec.str[3].len);
    assert_ptr_equal(token.name.data, rec.str[5].data);
    assert_int_equal(token.name.len, rec.str[5].len);
    assert_ptr_equal(token.scope.data, rec.str[9].data);
    assert_int_equal(token.scope.len, rec.str[9].len);
    assert_ptr_equal(token.env.data, rec.str[11].data);
    assert_int_equal(token.env.len, rec.str[11].len);
    assert_ptr_equal(token.networks.data, rec.str[13].data);
    assert_int_equal(token.networks.len, rec.str[13].len);
    assert_ptr_equal(token.rate.data, rec.str[15].data);
    assert_int_equal(token.rate.len, rec.str[15].len);
    assert_ptr_equal(token.seal.data, rec.str[31].data);
    assert_int_equal(token.seal.len, rec.str[31].len);
    assert_int_equal(token.type, STOK_TYPE_SERVICE);
    assert_int_equal(token.status, STOK_TOKEN_ACTIVE);
    assert_int_equal(token.expires_at, 1800000000);
    assert_int_equal(token.tampered, 0);

    assert_int_equal(stok_token_record_decode(&token, rec.str, 0, &why),
                     STOK_DECLINED);

    record_base(&rec, 1);

    user.tampered = 1;
    assert_int_equal(stok_user_record_decode(&user, rec.str, rec.n, &why),
                     STOK_OK);
    assert_ptr_equal(user.name.data, rec.str[3].data);
    assert_int_equal(user.name.len, 5);
    assert_ptr_equal(user.role.data, rec.str[5].data);
    assert_int_equal(user.role.len, 7);
    assert_ptr_equal(user.use_case.data, rec.str[13].data);
    assert_int_equal(user.use_case.len, 12);
    assert_int_equal(user.seal.len, 4);
    assert_int_equal(user.kind, STOK_USER_HUMAN);
    assert_int_equal(user.status, STOK_USER_DISABLED);
    assert_int_equal(user.tampered, 0);

    assert_int_equal(stok_user_record_decode(&user, NULL, 0, &why),
                     STOK_DECLINED);
}


/* the same answer whatever the order of the fields */

static void
record_order(void **state)
{
    int          user;
    size_t       i, k;
    uint32_t     seed;
    record_t     rec;
    stok_str_t   str[2];
    const char  *why;

    (void) state;

    for (user = 0, seed = 3; user < 2; user++) {
        record_base(&rec, user);

        for (k = 0; k < 500; k++) {
            i = guard_random(&seed) % (rec.n / 2) * 2;

            memcpy(str, rec.str, sizeof(str));
            memcpy(rec.str, rec.str + i, sizeof(str));
            memcpy(rec.str + i, str, sizeof(str));

            assert_int_equal(record_decode(&rec, user, &why), STOK_OK);
        }
    }
}


static void
record_fields(void **state)
{
    int          user, rc;
    size_t       i;
    record_t     rec;
    stok_str_t   name;
    const char  *why;

    (void) state;

    for (user = 0; user < 2; user++) {
        record_base(&rec, user);

        for (i = 0; i < rec.n; i += 2) {

            /* missing: needed or not */

            record_base(&rec, user);
            name = rec.str[i];
            rec.n -= 2;
            memmove(rec.str + i, rec.str + i + 2,
                    (rec.n - i) * sizeof(stok_str_t));

            rc = strstr(user ? " kind role status "
                             : " id user name type status expires_at ",
                        name.data) != NULL
                 ? STOK_INVALID : STOK_OK;

            if (record_decode(&rec, user, &why) != rc) {
                fail_msg("%s missing is not %d", name.data, rc);
            }

            if (rc == STOK_INVALID) {
                assert_non_null(strstr(why, name.data));
                assert_ptr_equal(strstr(why, "no field"), why);
            }

            /* twice, with the same value and with an empty one first */

            record_base(&rec, user);
            rec.str[rec.n] = rec.str[i];
            rec.str[rec.n + 1] = rec.str[i + 1];
            rec.n += 2;
            assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);
            assert_non_null(strstr(why, name.data));

            rec.str[i + 1] = record_str(NULL, 0);
            assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);
            assert_non_null(strstr(why, name.data));

            /* of a name that is not known, by one character */

            record_base(&rec, user);
            rec.str[i].len--;
            assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);

            record_base(&rec, user);
            rec.str[i].len++;                    /* the closing zero */
            assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);
        }

        record_base(&rec, user);
        record_add(&rec, "restricted_to", "10.0.0.0/8");
        assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);

        record_base(&rec, user);
        record_add(&rec, "", "");
        assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);

        /* a name without a value; a record of one string */

        record_base(&rec, user);
        rec.n--;
        assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);
        rec.n = 1;
        assert_int_equal(record_decode(&rec, user, &why), STOK_INVALID);
        assert_non_null(why);
    }
}


static void
record_values(guard_t *guard, int user, const record_case_t *cases, size_t n)
{
    int          rc;
    char         text[2048];
    size_t       i, k;
    record_t     rec;
    const char  *why;

    for (i = 0; i < n; i++) {
        record_base(&rec, user);

        for (k = 0; strcmp(rec.str[k].data, cases[i].field) != 0; k += 2) {
            /* void */
        }

        if (cases[i].text != NULL) {
            memcpy(text, cases[i].text, cases[i].len);

        } else {
            memset(text, cases[i].ch, cases[i].len);
        }

        rec.str[k + 1] = record_str(guard_tail(guard, text, cases[i].len),
                                    cases[i].len);
        rc = record_decode(&rec, user, &why);

        if (rc != cases[i].rc) {
            fail_msg("%s, case %d: %d", cases[i].field, (int) i, rc);
        }

        if (rc == STOK_INVALID) {
            assert_non_null(strstr(why, cases[i].field));
        }
    }
}


static void
record_limits(void **state)
{
    record_values(*state, 0, record_token_cases,
                  record_count(record_token_cases));
    record_values(*state, 1, record_user_cases,
                  record_count(record_user_cases));
}


/* the log line of a bad record names its id, if that can be read */

static void
record_bad_id(void **state)
{
    record_t             rec;
    const char          *why;
    stok_token_record_t  token;

    (void) state;

    record_base(&rec, 0);
    rec.str[7] = record_str("x", 1);
    assert_int_equal(stok_token_record_decode(&token, rec.str, rec.n, &why),
                     STOK_INVALID);
    assert_ptr_equal(token.id.data, rec.str[1].data);
    assert_int_equal(token.user.len, 0);
    assert_int_equal(token.status, 0);

    record_base(&rec, 0);
    memmove(rec.str + 2, rec.str, (rec.n - 2) * sizeof(stok_str_t));
    rec.str[0] = record_str("new", 3);
    rec.str[1] = record_str("1", 1);
    assert_int_equal(stok_token_record_decode(&token, rec.str, rec.n, &why),
                     STOK_INVALID);
    assert_ptr_equal(token.id.data, rec.str[3].data);

    record_base(&rec, 0);
    rec.str[1] = record_str("a b", 3);
    assert_int_equal(stok_token_record_decode(&token, rec.str, rec.n, &why),
                     STOK_INVALID);
    assert_int_equal(token.id.len, 0);
}


static void
record_keys(void **state)
{
    char        *out, id[STOK_USER_ID_MAX], prefix[STOK_PREFIX_MAX];
    size_t       len;
    guard_t     *guard;
    uint8_t      digest[STOK_DIGEST_LEN];
    stok_str_t   str;

    guard = *state;
    out = guard->end - STOK_KEY_MAX;

    memset(digest, 0x9f, sizeof(digest));

    len = stok_token_key(out, record_str("{st}:", 5), digest);
    assert_int_equal(len, 75);
    assert_memory_equal(out, "{st}:token:9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f"
                             "9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f", 75);

    len = stok_user_key(out, record_str("{st}:", 5), record_str("a@b", 3));
    assert_int_equal(len, 13);
    assert_memory_equal(out, "{st}:user:a@b", 13);

    len = stok_user_key(out, record_str(NULL, 0), record_str("a@b", 3));
    assert_int_equal(len, 8);

    memset(id, 'i', sizeof(id));
    memset(prefix, 'p', sizeof(prefix));
    str = record_str(prefix, sizeof(prefix));

    assert_int_equal(stok_user_key(out, str, record_str(id, sizeof(id))),
                     64 + 5 + 254);
    assert_int_equal(stok_token_key(out, str, digest), 64 + 6 + 64);
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(record_good, &guard),
        cmocka_unit_test_prestate(record_order, &guard),
        cmocka_unit_test_prestate(record_fields, &guard),
        cmocka_unit_test_prestate(record_limits, &guard),
        cmocka_unit_test_prestate(record_bad_id, &guard),
        cmocka_unit_test_prestate(record_keys, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("record", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
