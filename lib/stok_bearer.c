/*
 * Authorization -> bearer token; see stok_bearer.h.
 */


#include "stok_bearer.h"
#include "stok_class.h"


static size_t stok_bearer_scheme(const char *p, size_t len) stok_hot;


int
stok_bearer_parse(const char *value, size_t len, stok_str_t *token)
{
    int  rc;

    rc = stok_bearer_find(value, len, token);

    if (rc == STOK_OK && stok_bearer_check(token->data, token->len) != STOK_OK)
    {
        token->data = value;
        token->len = 0;
        return STOK_INVALID;
    }

    return rc;
}


int
stok_bearer_find(const char *value, size_t len, stok_str_t *token)
{
    size_t  i;

    token->data = value;
    token->len = 0;

    i = stok_bearer_scheme(value, len);

    /* another scheme, or one that only begins so */

    if (stok_unlikely(i == 0 || (i < len && stok_class[(uint8_t) value[i]]
                                            & STOK_TCHAR)))
    {
        return STOK_DECLINED;
    }

    if (stok_unlikely(i == len || value[i] != ' ')) {
        return STOK_INVALID;
    }

    i++;

    while (i < len && stok_unlikely(value[i] == ' ')) {
        i++;
    }

    if (stok_unlikely(i == len || len - i > STOK_BEARER_MAX)) {
        return STOK_INVALID;
    }

    token->data = value + i;
    token->len = len - i;

    return STOK_OK;
}


int
stok_bearer_check(const char *p, size_t len)
{
    size_t  i;

    if (len == 0 || len > STOK_BEARER_MAX) {
        return STOK_INVALID;
    }

    if (stok_class_all(p, len) & STOK_B64) {
        return STOK_OK;
    }

    for (i = 0; stok_class[(uint8_t) p[i]] & STOK_B64; i++) { /* void */ }

    if (i == 0) {
        return STOK_INVALID;
    }

    while (i < len) {
        if (p[i++] != '=') {
            return STOK_INVALID;
        }
    }

    return STOK_OK;
}


/* the length of its name if it begins with it, or 0 */

static size_t
stok_bearer_scheme(const char *p, size_t len)
{
    size_t             i;
    static const char  name[] = "bearer";

    if (len < sizeof(name) - 1) {
        return 0;
    }

    for (i = 0; i < sizeof(name) - 1; i++) {
        if ((p[i] | 0x20) != name[i]) {
            return 0;
        }
    }

    return i;
}
