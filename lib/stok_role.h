/*
 * Ordered role names, low to high; a higher role may do all that a lower one
 * may.
 */


#ifndef STOK_ROLE_H
#define STOK_ROLE_H


#include "stok.h"


#define STOK_ROLES_MAX  16


typedef struct {
    stok_str_t  name[STOK_ROLES_MAX];            /* the caller's text */
    size_t      n;
} stok_roles_t;


/* member manager admin */
void stok_roles_default(stok_roles_t *roles);

/*
 * Adds a role above those there.  STOK_INVALID: not 1 to STOK_ROLE_MAX of
 * [A-Za-z0-9_-].  STOK_DECLINED: there already.  STOK_ERROR: the list is full.
 */
int stok_roles_add(stok_roles_t *roles, stok_str_t name);

/* 0 is the lowest; -1: no such role */
int stok_role_rank(const stok_roles_t *roles, stok_str_t name) stok_hot;


#endif /* STOK_ROLE_H */
