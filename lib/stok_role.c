/*
 * Ordered role names; see stok_role.h.
 */


#include "stok_role.h"
#include "stok_record.h"

#include <string.h>


static int stok_role_check(stok_str_t name);


void
stok_roles_default(stok_roles_t *roles)
{
    static const stok_str_t  names[] = {
        stok_string("member"),
        stok_string("manager"),
        stok_string("admin")
    };

    memcpy(roles->name, names, sizeof(names));
    roles->n = sizeof(names) / sizeof(names[0]);
}


int
stok_roles_add(stok_roles_t *roles, stok_str_t name)
{
    if (stok_role_check(name) != STOK_OK) {
        return STOK_INVALID;
    }

    if (stok_role_rank(roles, name) >= 0) {
        return STOK_DECLINED;
    }

    if (roles->n == STOK_ROLES_MAX) {
        return STOK_ERROR;
    }

    roles->name[roles->n++] = name;

    return STOK_OK;
}


int
stok_role_rank(const stok_roles_t *roles, stok_str_t name)
{
    size_t  i;

    if (name.len == 0) {
        return -1;
    }

    for (i = 0; i < roles->n; i++) {
        if (roles->name[i].len == name.len
            && stok_same(roles->name[i].data, name.data, name.len))
        {
            return (int) i;
        }
    }

    return -1;
}


static int
stok_role_check(stok_str_t name)
{
    char    ch;
    size_t  i;

    if (name.len == 0 || name.len > STOK_ROLE_MAX) {
        return STOK_INVALID;
    }

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'))
        {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}
