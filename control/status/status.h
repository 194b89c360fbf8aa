/*
 * What the files of the status share.
 */


#ifndef CTL_STATUS_H
#define CTL_STATUS_H


#include "internal.h"


typedef struct {
    json_t   *json;                              /* the answer */
    json_t   *attention;                         /* its lines, {what, text} */
    int64_t   now;                               /* seconds, by Redis */
    int64_t   now_ms;
} ctl_status_t;


void ctl_attend(ctl_status_t *s, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* status_tokens.c: "ending" and "rotations" */
int ctl_status_tokens(ctl_t *ctl, ctl_status_t *s);

/* status_people.c: "approvals" and "refusals" */
int ctl_status_approvals(ctl_t *ctl, ctl_status_t *s);
int ctl_status_refusals(ctl_t *ctl, ctl_status_t *s);


#endif /* CTL_STATUS_H */
