/*
 * Environments, and how long their tokens live unless somebody asks for
 * another lifetime.  A longer one draws a warning and a finding in reviews.
 */


#include "internal.h"

#include <string.h>


static const struct {
    const char  *env;
    int          days;
} ctl_envs[] = {
    { "production", 365 }, { "staging", 180 }, { "development", 90 },
    { "testing", 30 }
};


const char *
ctl_env(size_t i, int *days)
{
    if (i >= sizeof(ctl_envs) / sizeof(ctl_envs[0])) {
        return NULL;
    }

    *days = ctl_envs[i].days;

    return ctl_envs[i].env;
}


int
ctl_env_lifetime(const char *env, int64_t *seconds)
{
    int          days;
    size_t       i;
    const char  *name;

    for (i = 0; (name = ctl_env(i, &days)) != NULL; i++) {
        if (strcmp(env, name) == 0) {
            *seconds = (int64_t) days * CTL_DAY;
            return CTL_OK;
        }
    }

    return CTL_INVALID;
}


/* a date is rounded up to a whole day, so a day more is not longer */

int
ctl_env_longer(const char *env, int64_t lifetime, int64_t *usual)
{
    return ctl_env_lifetime(env, usual) == CTL_OK
           && (lifetime == 0 || lifetime > *usual + CTL_DAY);
}


void
ctl_env_warn(ctl_t *ctl, const char *env, int64_t lifetime)
{
    int64_t  usual;

    if (!ctl_env_longer(env, lifetime, &usual)) {
        return;
    }

    if (lifetime == 0 && strcmp(env, "production") == 0) {
        ctl_note(ctl, CTL_NOTE_WARNING, "a production token that never "
                 "expires: every review will find it");

    } else if (lifetime == 0) {
        ctl_note(ctl, CTL_NOTE_WARNING, "a %s token that never expires, "
                 "%lld days are usual: reviews will find it", env,
                 (long long) usual / CTL_DAY);

    } else {
        ctl_note(ctl, CTL_NOTE_WARNING, "a %s token for %lld days, %lld are "
                 "usual: reviews will find it", env,
                 (long long) lifetime / CTL_DAY, (long long) usual / CTL_DAY);
    }
}
