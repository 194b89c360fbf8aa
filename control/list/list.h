/*
 * A list: what is asked for, and the indexes that give it in order.
 *
 * A list is one or two passes over an index, by rank, in pages; what a page
 * holds is all that is kept in memory.  An index only says where to look: each
 * record is judged by what it says itself.
 */


#ifndef CTL_LIST_H
#define CTL_LIST_H


#include "internal.h"


#define CTL_BATCH  500                           /* records of a page */


typedef struct {
    const ctl_list_want_t  *want;
    const char             *states;              /* words that are shown */
    int                     sort;                /* ctl_sort_e */
    int                     reverse;
    int64_t                 expiring;            /* until when; 0: any */
    int64_t                 unused;              /* since when; 0: any */
    int64_t                 limit;               /* 0: none */
    int64_t                 now;
    int64_t                 shown;
    int                     users;
    ctl_item_pt             each;
    void                   *data;
} ctl_list_t;


typedef enum {
    CTL_SORT_CREATED = 0,
    CTL_SORT_EXPIRES,
    CTL_SORT_USED
} ctl_sort_e;


/* want.c: judges what is asked for, before Redis is asked, and after it */
int ctl_list_wanted(ctl_t *ctl, ctl_list_t *list);
int ctl_list_times(ctl_t *ctl, ctl_list_t *list);

/* 1: the word is among words, which have commas between; NULL: all are */
int ctl_list_word(const char *words, const char *word);

/*
 * page.c: shows those of n ids that are wanted.  lacks: an index that a token
 * is not in, or NULL.  CTL_FOUND: the limit is reached.
 */
int ctl_list_page(ctl_t *ctl, ctl_list_t *list, const stok_str_t *id,
    size_t n, const char *lacks);

/* order.c: every page, in order.  CTL_FOUND: as above */
int ctl_list_walk(ctl_t *ctl, ctl_list_t *list);


#endif /* CTL_LIST_H */
