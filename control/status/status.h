/*
 * Shared by the files of the status.
 */


#ifndef CTL_STATUS_H
#define CTL_STATUS_H


#include "internal.h"


#define CTL_STATUS_LOOK   1000                   /* ids of a page */
#define CTL_STATUS_PAGES  4
#define CTL_STATUS_LINES  5                      /* of attention, of a kind */
#define CTL_STATUS_SOON   (7 * CTL_DAY)


typedef struct {
    json_t   *json;                              /* the answer */
    json_t   *attention;                         /* its lines, {what, text} */
    int64_t   now;                               /* seconds, by Redis */
    int64_t   now_ms;
} ctl_status_t;


void ctl_attend(ctl_status_t *s, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* status_tokens.c: "ending" */
int ctl_status_tokens(ctl_t *ctl, ctl_status_t *s);

/*
 * status_tokens.c: records of tokens and their last uses, which are freed by
 * the other if it is CTL_OK; whether a record is the one that was looked for,
 * and lets somebody in; 0: never.
 */
int ctl_status_read(ctl_t *ctl, size_t n, const stok_str_t *id,
    ctl_record_t **rec, int64_t **used);
void ctl_status_free(size_t n, ctl_record_t *rec, int64_t *used);
int ctl_status_valid(const ctl_status_t *s, const ctl_record_t *rec);
json_t *ctl_status_used(int64_t used);

/* status_rotations.c: "rotations" */
int ctl_status_rotations(ctl_t *ctl, ctl_status_t *s);

/* status_people.c: "approvals", "refusals" and "reviews" */
int ctl_status_approvals(ctl_t *ctl, ctl_status_t *s);
int ctl_status_reviews(ctl_t *ctl, ctl_status_t *s);
int ctl_status_refusals(ctl_t *ctl, ctl_status_t *s);


#endif /* CTL_STATUS_H */
