/*
 * What the two incidents share: the timeline, and what remains to do.
 */


#ifndef CLI_INCIDENT_H
#define CLI_INCIDENT_H


#include "cli.h"


/*
 * A timeline from the audit, of one token or of one user and its tokens: the
 * newest entries, oldest first, as {at, what, who, detail}.
 */
int cli_timeline(ctl_t *ctl, const char *token, const char *user,
    json_t **timeline);

/* puts first and last use, and the last refused try, in their places */
void cli_timeline_usage(json_t *timeline, json_t *usage, int64_t now);

/* one more step of what remains: {step, why, command}; command may be NULL */
void cli_remains(json_t *remaining, const char *step, const char *why,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

void cli_timeline_print(json_t *timeline);
void cli_remains_print(json_t *remaining);

/* the words of an array, with a comma between; "" if it has none */
void cli_words(json_t *array, char *out, size_t size);


#endif /* CLI_INCIDENT_H */
