/*
 * A person is one, however the address is written.
 *
 * A new person's id is the address in lower case.  A record that was written
 * by another control plane may have capitals in its id: the index of users is
 * searched for it.
 */


#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>


#define CTL_PERSON_COUNT  1000                   /* of a page */


static int ctl_person_exists(ctl_t *ctl, const char *id);
static int ctl_person_search(ctl_t *ctl, const char *lower,
    char found[STOK_USER_ID_MAX + 1]);
static void ctl_person_pattern(const char *lower,
    char out[4 * STOK_USER_ID_MAX + 1]);
static int ctl_person_page(const redisReply *page, const char *lower,
    char found[STOK_USER_ID_MAX + 1]);
static void ctl_person_lower(const char *id, char out[STOK_USER_ID_MAX + 1]);


int
ctl_user_find(ctl_t *ctl, const char *id, char found[STOK_USER_ID_MAX + 1])
{
    int   code;
    char  lower[STOK_USER_ID_MAX + 1];

    found[0] = '\0';

    if (stok_user_id_check(ctl_str(id)) != STOK_OK) {
        return CTL_NOTFOUND;
    }

    strcpy(found, id);
    ctl_person_lower(id, lower);

    code = ctl_person_exists(ctl, id);

    if (code == CTL_NOTFOUND && strcmp(lower, id) != 0) {
        code = ctl_person_exists(ctl, lower);

        if (code == CTL_OK) {
            strcpy(found, lower);
        }
    }

    /* the id of a service user never had capitals */

    if (code == CTL_NOTFOUND && strchr(lower, '@')
        && strstr(lower, "@service") == NULL)
    {
        code = ctl_person_search(ctl, lower, found);
    }

    return code;
}


static int
ctl_person_exists(ctl_t *ctl, const char *id)
{
    int          code;
    redisReply  *reply;

    code = ctl_command(ctl, CTL_IS_INTEGER, &reply, "EXISTS %suser:%s",
                       ctl->prefix, id);

    if (code == CTL_OK) {
        code = reply->integer ? CTL_OK : CTL_NOTFOUND;
        freeReplyObject(reply);
    }

    return code;
}


static int
ctl_person_search(ctl_t *ctl, const char *lower,
    char found[STOK_USER_ID_MAX + 1])
{
    int          code;
    char         cursor[CTL_CURSOR], pattern[4 * STOK_USER_ID_MAX + 1];
    redisReply  *reply;

    ctl_person_pattern(lower, pattern);
    strcpy(cursor, "0");

    do {
        code = ctl_command(ctl, CTL_IS_PAGE, &reply, "ZSCAN %susers %s MATCH "
                           "%s COUNT %d", ctl->prefix, cursor, pattern,
                           CTL_PERSON_COUNT);
        if (code != CTL_OK) {
            return code;
        }

        strcpy(cursor, reply->element[0]->str);
        code = ctl_person_page(reply->element[1], lower, found);
        freeReplyObject(reply);

        if (code == CTL_OK) {
            return ctl_person_exists(ctl, found);
        }

    } while (strcmp(cursor, "0") != 0);

    return CTL_NOTFOUND;
}


/* each letter in either case, as MATCH takes it */

static void
ctl_person_pattern(const char *lower, char out[4 * STOK_USER_ID_MAX + 1])
{
    size_t  n;

    for (n = 0; *lower; lower++) {

        if (*lower >= 'a' && *lower <= 'z') {
            out[n++] = '[';
            out[n++] = *lower;
            out[n++] = (char) toupper((unsigned char) *lower);
            out[n++] = ']';
            continue;
        }

        if (strchr("*?[]\\^-", *lower)) {
            out[n++] = '\\';
        }

        out[n++] = *lower;
    }

    out[n] = '\0';
}


static int
ctl_person_page(const redisReply *page, const char *lower,
    char found[STOK_USER_ID_MAX + 1])
{
    char    other[STOK_USER_ID_MAX + 1];
    size_t  i;

    for (i = 0; i + 1 < page->elements; i += 2) {
        if (!ctl_is_text(page->element[i])
            || page->element[i]->len != strlen(lower))
        {
            continue;
        }

        ctl_person_lower(page->element[i]->str, other);

        if (strcmp(other, lower) == 0) {
            strcpy(found, page->element[i]->str);
            return CTL_OK;
        }
    }

    return CTL_NOTFOUND;
}


static void
ctl_person_lower(const char *id, char out[STOK_USER_ID_MAX + 1])
{
    size_t  n;

    for (n = 0; n < STOK_USER_ID_MAX && id[n]; n++) {
        out[n] = ctl_lower(id[n]);
    }

    out[n] = '\0';
}
