/*
 * Deleting a token that is revoked.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_delete(ctl_t *ctl, const char *id, int force, char **what,
    char **word);
static int ctl_delete_tried(const char *told, char tried[256]);


int
ctl_token_delete(ctl_t *ctl, const char *id, int force)
{
    int    code, still;
    char  *what, *word, date[24], tried[256];

    code = ctl_delete(ctl, id, force, &what, &word);
    still = word && ctl_delete_tried(word, tried);

    if (code == CTL_FOUND) {
        ctl_iso(ctl_number(word), date);
        code = ctl_fail(ctl, CTL_STATE, "token \"%s\" is watched until %s, "
                        "7 days after it was revoked, and was %s: "
                        "--force deletes it now", id, date, tried);

    } else if (code == CTL_OK) {
        ctl_done(ctl, "deleted", "delete", "%s%s%s", what,
                 still ? ", which was " : "", still ? tried : "");
    }

    free(what);
    free(word);

    return code;
}


/* what: the token with its name and its user, for who acts */

static int
ctl_delete(ctl_t *ctl, const char *id, int force, char **what, char **word)
{
    int            code;
    size_t         size;
    const char    *arg[4];
    ctl_record_t   rec;

    *what = NULL;
    *word = NULL;

    code = ctl_stop_token(ctl, id, &rec);
    if (code != CTL_OK) {
        return code;
    }

    arg[0] = id;
    arg[1] = force ? "-9999999999" : "604800";
    arg[2] = rec.key + sizeof("token:") - 1;
    arg[3] = ctl->dry ? "look" : "";

    size = strlen(id) + STOK_NAME_BYTES + STOK_USER_ID_MAX + 16;
    *what = malloc(size);

    if (*what) {
        snprintf(*what, size, "%s (%s) of %s", id, ctl_get(&rec, "name"),
                 ctl_get(&rec, "user"));
        code = ctl_script_texts(ctl, stok_script_token_delete, 4, arg, word);

    } else {
        code = ctl_fail(ctl, CTL_FAILED, "no memory");
    }

    ctl_free(&rec);

    return code == CTL_CHANGED ? ctl_fail(ctl, CTL_NOTFOUND, "no token \"%s\"",
                                          id)
                              : code;
}


/* whether somebody went on with a revoked token, as the script tells */

static int
ctl_delete_tried(const char *told, char tried[256])
{
    char       date[24], from[64], verdict[32];
    long long  at;

    if (sscanf(told, "%*d %lld %63s %31s", &at, from, verdict) != 3) {
        strcpy(tried, "not tried since");
        return 0;
    }

    ctl_iso(at, date);
    snprintf(tried, 256, "still tried %s from %s (%s)", date, from, verdict);

    return 1;
}
