/*
 * init: makes a dataset; again, it changes nothing.
 *
 * A dataset has an id that is drawn here, never taken from Redis, since it is
 * sealed.  The key file names it.  If this process dies between the two, init
 * again goes on: of a dataset that is new, the file comes first, and a file
 * that names one is not changed; of one that is there and not sealed, the
 * marker comes first, and gets another id.
 */


#include "internal.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int ctl_init_draw(ctl_t *ctl, char id[STOK_DATASET_LEN + 1]);
static int ctl_init_new(ctl_t *ctl, const char *brand, const char *approval);
static int ctl_init_again(ctl_t *ctl, const ctl_dataset_t *dataset);
static int ctl_init_adopt(ctl_t *ctl);
static int ctl_init_script(ctl_t *ctl, const char *brand,
    const char *approval, const char *id, const char *what,
    const char *import);


int
ctl_init(ctl_t *ctl, const char *brand, const char *approval, json_t **made)
{
    int            code, created;
    json_t        *notes;
    ctl_dataset_t  dataset;

    if (brand && stok_brand_check(brand, strlen(brand)) != STOK_OK) {
        return ctl_fail(ctl, CTL_INVALID, "bad --brand: %d to %d of a-z 0-9",
                        STOK_BRAND_MIN, STOK_BRAND_MAX);
    }

    if (approval && strcmp(approval, "none") != 0
        && strcmp(approval, "required") != 0)
    {
        return ctl_fail(ctl, CTL_INVALID, "bad --approval: required or none");
    }

    code = ctl_dataset_read(ctl, &dataset);

    if (code == CTL_OK) {
        code = ctl_info_note(ctl, 1, &notes);
    }

    if (code != CTL_OK) {
        return code;
    }

    created = dataset.schema[0] == '\0';

    if (created) {
        snprintf(dataset.brand, sizeof(dataset.brand), "%s",
                 brand ? brand : "stk");
        code = ctl_init_new(ctl, dataset.brand,
                            approval ? approval : "none");

    } else {
        code = ctl_init_again(ctl, &dataset);

        if (code == CTL_OK && ((brand && strcmp(brand, dataset.brand) != 0)
                               || approval))
        {
            ctl_note(ctl, CTL_NOTE_NOTE, "--brand and --approval were ignored: "
                     "its brand is %s; for approval, see \"service-token "
                     "approval show\" and \"approval set\"", dataset.brand);
        }
    }

    if (code != CTL_OK) {
        json_decref(notes);
        return code;
    }

    *made = json_pack("{s:s, s:s, s:b}", "schema", STOK_SCHEMA, "brand",
                      dataset.brand, "created", created);

    return ctl_info_add(ctl, *made, notes);
}


int
ctl_init_make(ctl_t *ctl, const char *brand, const char *approval,
    const char *import)
{
    int   code;
    char  id[STOK_DATASET_LEN + 1];

    if (ctl->keys.dataset_len) {
        memcpy(id, ctl->keys.dataset, STOK_DATASET_LEN);
        id[STOK_DATASET_LEN] = '\0';

    } else {
        code = ctl_init_draw(ctl, id);
        if (code != CTL_OK) {
            return code;
        }
    }

    return ctl_init_script(ctl, brand, approval, id,
                           ctl->keys.n ? "sealed" : "", import);
}


static int
ctl_init_draw(ctl_t *ctl, char id[STOK_DATASET_LEN + 1])
{
    char     hex[STOK_DIGEST_HEX];
    uint8_t  bytes[STOK_DIGEST_LEN];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return ctl_fail(ctl, CTL_FAILED, "no random numbers");
    }

    stok_digest_hex(bytes, hex);
    memcpy(id, hex, STOK_DATASET_LEN);
    id[STOK_DATASET_LEN] = '\0';

    return CTL_OK;
}


static int
ctl_init_new(ctl_t *ctl, const char *brand, const char *approval)
{
    int            code;
    char           id[STOK_DATASET_LEN + 1];
    ctl_keyfile_t  file;

    if (ctl->keys.n && ctl->keys.dataset_len == 0) {
        code = ctl_init_draw(ctl, id);

        if (code == CTL_OK) {
            code = ctl_keyfile_begin(ctl, &file, id);
        }

        if (code == CTL_OK) {
            code = ctl_keyfile_commit(ctl, &file, id);
        }

        if (code != CTL_OK) {
            return code;
        }

        ctl_note(ctl, CTL_NOTE_PLAIN, "wrote the dataset's id into key file "
                 "\"%s\"",
                 ctl->key_file);
    }

    return ctl_init_make(ctl, brand, approval, "");
}


static int
ctl_init_again(ctl_t *ctl, const ctl_dataset_t *dataset)
{
    if (ctl->keys.n && ctl->keys.dataset_len == 0) {

        if (dataset->sealed) {
            return ctl_fail(ctl, CTL_STATE, "this dataset is sealed already: "
                            "copy the line \"dataset ...\" from its key file "
                            "to \"%s\"", ctl->key_file);
        }

        return ctl_init_adopt(ctl);
    }

    if (ctl_dataset_mine(ctl, dataset) != CTL_OK) {
        return CTL_STATE;
    }

    ctl_note(ctl, CTL_NOTE_PLAIN, "there is a dataset already: nothing was "
             "changed");

    return CTL_OK;
}


/* a dataset without seals gets its key file, and a new id */

static int
ctl_init_adopt(ctl_t *ctl)
{
    int            code;
    char           id[STOK_DATASET_LEN + 1];
    ctl_keyfile_t  file;

    code = ctl_init_draw(ctl, id);

    if (code == CTL_OK) {
        code = ctl_keyfile_begin(ctl, &file, id);
    }

    if (code != CTL_OK) {
        return code;
    }

    code = ctl_init_script(ctl, "", "", id, "adopt", "");

    if (code != CTL_OK) {
        ctl_keyfile_cancel(&file);
        return code;
    }

    code = ctl_keyfile_commit(ctl, &file, id);

    if (code == CTL_OK) {
        ctl_note(ctl, CTL_NOTE_PLAIN, "key file \"%s\" names this dataset "
                 "now; its records are not sealed yet: see \"seal --first "
                 "--dry-run\"", ctl->key_file);
    }

    return code;
}


static int
ctl_init_script(ctl_t *ctl, const char *brand, const char *approval,
    const char *id, const char *what, const char *import)
{
    int          code;
    char        *word;
    const char  *arg[5];

    arg[0] = brand;
    arg[1] = approval;
    arg[2] = id;
    arg[3] = what;
    arg[4] = import;

    code = ctl_script_texts(ctl, stok_script_init, 5, arg, &word);
    free(word);

    /* somebody was faster */

    return code == CTL_FOUND
           ? ctl_fail(ctl, CTL_CHANGED, "a dataset was made meanwhile: run "
                      "it again")
           : code;
}
