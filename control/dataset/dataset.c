/*
 * Whether the dataset and the key file belong together.
 *
 * The key file decides: it names the dataset that its keys are for, and with
 * it a record without a good seal is tampered with.  The marker in Redis
 * ("dataset" and "sealed") can only make an operation refuse: write access to
 * Redis is not enough to have a record sealed or served.
 */


#include "internal.h"

#include <stdio.h>
#include <string.h>


static void ctl_dataset_text(redisReply *reply, char *out, size_t size);


int
ctl_dataset_read(ctl_t *ctl, ctl_dataset_t *dataset)
{
    int          code;
    redisReply  *reply;

    memset(dataset, 0, sizeof(*dataset));

    code = ctl_command(ctl, CTL_IS_ANY, &reply, "HMGET %smeta schema dataset "
                       "sealed brand importing", ctl->prefix);
    if (code != CTL_OK) {
        return code;
    }

    if (ctl_fits(reply, CTL_IS_VALUES) && reply->elements == 5) {
        ctl_dataset_text(reply->element[0], dataset->schema,
                         sizeof(dataset->schema));
        ctl_dataset_text(reply->element[1], dataset->id,
                         sizeof(dataset->id));
        ctl_dataset_text(reply->element[3], dataset->brand,
                         sizeof(dataset->brand));

        dataset->sealed = reply->element[2]->type == REDIS_REPLY_STRING
                          && reply->element[2]->len != 0;
        dataset->importing = reply->element[4]->type == REDIS_REPLY_STRING;
    }

    freeReplyObject(reply);

    if (dataset->schema[0] && strcmp(dataset->schema, STOK_SCHEMA) != 0) {
        return ctl_fail(ctl, CTL_UNREADY, "this dataset has schema %s; this "
                        "version needs schema %s", dataset->schema,
                        STOK_SCHEMA);
    }

    return CTL_OK;
}


int
ctl_dataset_open(ctl_t *ctl)
{
    int            code;
    ctl_dataset_t  dataset;

    code = ctl_dataset_read(ctl, &dataset);
    ctl->importing = dataset.importing != 0;

    /* a caller that needs a dataset reports that it is missing */

    if (code != CTL_OK || dataset.schema[0] == '\0') {
        return code;
    }

    ctl->sealed = dataset.sealed;
    ctl->keyless = dataset.sealed && ctl->keys.n == 0;

    if (ctl->importing) {
        ctl_note(ctl, CTL_NOTE_NOTE, CTL_UNFINISHED);
    }

    return ctl_dataset_mine(ctl, &dataset);
}


int
ctl_dataset_mine(ctl_t *ctl, const ctl_dataset_t *dataset)
{
    if (ctl->keys.n
        && !stok_keys_dataset(&ctl->keys, dataset->id, strlen(dataset->id)))
    {
        return ctl_fail(ctl, CTL_STATE, "this key file belongs to dataset "
                        "%.*s, and that is not the one at \"%s\"",
                        (int) ctl->keys.dataset_len, ctl->keys.dataset,
                        ctl->prefix);
    }

    return CTL_OK;
}


int
ctl_writable(ctl_t *ctl)
{
    return ctl->keyless ? ctl_fail(ctl, CTL_KEYLESS, "this dataset is sealed: "
                                   "give --key-file")
                        : CTL_OK;
}


void
ctl_unchecked(ctl_t *ctl)
{
    if (ctl->keyless) {
        ctl_note(ctl, CTL_NOTE_NOTE, "this dataset is sealed, and no key file "
                 "was given: no seal was checked");
    }
}


void
ctl_unsealed(ctl_t *ctl)
{
    if (ctl->unsealed) {
        ctl_note(ctl, CTL_NOTE_NOTE, "this dataset is not sealed yet: see "
                 "\"seal --first --dry-run\"");
    }
}


/* a short word; anything else is none */

static void
ctl_dataset_text(redisReply *reply, char *out, size_t size)
{
    size_t  i;

    out[0] = '\0';

    if (reply->type != REDIS_REPLY_STRING || reply->len >= size) {
        return;
    }

    for (i = 0; i < reply->len; i++) {
        if (reply->str[i] <= ' ' || reply->str[i] > '~') {
            return;
        }
    }

    memcpy(out, reply->str, reply->len);
    out[reply->len] = '\0';
}
