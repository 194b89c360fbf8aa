/*
 * What the two incidents share: the timeline, and what remains to do.
 */


#ifndef CTL_INCIDENT_H
#define CTL_INCIDENT_H


#include "cli.h"


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

void ctl_timeline_print(json_t *timeline);
void ctl_remains_print(json_t *remaining);

/* the words of an array, with a comma between; "" if it has none */
void ctl_words(json_t *array, char *out, size_t size);


#endif /* CTL_INCIDENT_H */
