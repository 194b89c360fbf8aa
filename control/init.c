/*
 * init: makes a dataset; again, it changes nothing.
 */


#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


int
ctl_init(ctl_t *ctl, const char *brand, const char *approval, json_t **made)
{
    int          code;
    char        *word;
    const char  *arg[2];

    arg[0] = brand ? brand : "stk";
    arg[1] = approval ? approval : "none";

    if (stok_brand_check(arg[0], strlen(arg[0])) != STOK_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad --brand: %d to %d of a-z 0-9",
                        STOK_BRAND_MIN, STOK_BRAND_MAX);
    }

    if (strcmp(arg[1], "none") != 0 && strcmp(arg[1], "required") != 0) {
        return ctl_fail(ctl, CTL_INVALID, "bad --approval: required or none");
    }

    code = ctl_script_texts(ctl, stok_script_init, 2, arg, &word);

    if (code != CTL_OK && code != CTL_FOUND) {
        return code;
    }

    if (code == CTL_FOUND) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "a dataset is there already: nothing "
                 "was changed");

        if ((brand && strcmp(brand, word) != 0) || approval) {
            ctl_note(ctl, CTL_NOTE_NOTE, "--brand and --approval were passed "
                     "over; its brand is %s, and service-token approval "
                     "shows and sets the other", word);
        }
    }

    *made = json_pack("{s:s, s:s, s:b}", "schema", STOK_SCHEMA, "brand",
                      code == CTL_FOUND ? word : arg[0], "created",
                      code == CTL_OK);
    free(word);

    return *made ? CTL_OK : ctl_fail(ctl, CTL_UNAVAILABLE, "no memory");
}
