/*
 * Shared by the two incidents: the timeline, and what remains to do.
 */


#ifndef CTL_INCIDENT_H
#define CTL_INCIDENT_H


#include "internal.h"


#define CTL_WATCH  (7 * CTL_DAY)                 /* before a delete */


/*
 * A timeline from the audit, of one token or of one user and its tokens: the
 * newest entries, oldest first, as {at, what, who, detail}.
 */
int ctl_timeline(ctl_t *ctl, const char *token, const char *user,
    json_t **timeline);

/* puts first and last use, and the last refused try, in their places */
void ctl_timeline_usage(json_t *timeline, json_t *usage, int64_t now);

/* one more step of what remains: {step, why, command}; command may be NULL */
void ctl_remains(json_t *remaining, const char *step, const char *why,
    const char *format, ...) __attribute__((format(printf, 4, 5)));


#endif /* CTL_INCIDENT_H */
