/*
 * Ordered role names.
 */


#include "guard.h"

#include <stdio.h>

#include "stok_record.h"
#include "stok_role.h"


static stok_str_t
role_str(const char *text)
{
    stok_str_t  str;

    str.data = text;
    str.len = strlen(text);

    return str;
}


static void
role_default(void **state)
{
    stok_roles_t  roles;

    (void) state;

    stok_roles_default(&roles);

    assert_int_equal(roles.n, 3);
    assert_int_equal(stok_role_rank(&roles, role_str("member")), 0);
    assert_int_equal(stok_role_rank(&roles, role_str("manager")), 1);
    assert_int_equal(stok_role_rank(&roles, role_str("admin")), 2);
    assert_int_equal(stok_role_rank(&roles, role_str("Admin")), -1);
    assert_int_equal(stok_role_rank(&roles, role_str("admi")), -1);
    assert_int_equal(stok_role_rank(&roles, role_str("admins")), -1);
    assert_int_equal(stok_role_rank(&roles, role_str("")), -1);

    assert_int_equal(stok_roles_add(&roles, role_str("root")), STOK_OK);
    assert_int_equal(stok_role_rank(&roles, role_str("root")), 3);
}


static void
role_full(void **state)
{
    int           i;
    char          names[STOK_ROLES_MAX + 1][8];
    stok_roles_t  roles;

    (void) state;

    roles.n = 0;

    for (i = 0; i <= STOK_ROLES_MAX; i++) {
        sprintf(names[i], "role-%d", i);

        assert_int_equal(stok_roles_add(&roles, role_str(names[i])),
                         i < STOK_ROLES_MAX ? STOK_OK : STOK_ERROR);
    }

    assert_int_equal(roles.n, STOK_ROLES_MAX);

    for (i = 0; i < STOK_ROLES_MAX; i++) {
        assert_int_equal(stok_role_rank(&roles, role_str(names[i])), i);
        assert_int_equal(stok_roles_add(&roles, role_str(names[i])),
                         STOK_DECLINED);
    }
}


static void
role_names(void **state)
{
    int            ch, good;
    char           text[STOK_ROLE_MAX + 1];
    size_t         i, len;
    guard_t       *guard;
    stok_str_t     name;
    stok_roles_t   roles;

    guard = *state;

    memset(text, 'r', sizeof(text));

    for (len = 0; len <= sizeof(text); len++) {
        roles.n = 0;
        name.data = guard_tail(guard, text, len);
        name.len = len;

        assert_int_equal(stok_roles_add(&roles, name),
                         len >= 1 && len <= 32 ? STOK_OK : STOK_INVALID);
        assert_int_equal(stok_role_rank(&roles, name),
                         len >= 1 && len <= 32 ? 0 : -1);
    }

    for (i = 0; i < 3; i++) {
        for (ch = 0; ch < 256; ch++) {
            memset(text, 'r', sizeof(text));
            text[i] = (char) ch;

            roles.n = 0;
            name.data = guard_tail(guard, text, 3);
            name.len = 3;

            good = ch != 0
                   && strchr("abcdefghijklmnopqrstuvwxyz0123456789_-"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ", ch);

            assert_int_equal(stok_roles_add(&roles, name),
                             good ? STOK_OK : STOK_INVALID);
        }
    }
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(role_default, &guard),
        cmocka_unit_test_prestate(role_full, &guard),
        cmocka_unit_test_prestate(role_names, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("role", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
