/*
 * Single values of the schema: their limits, and whether a text is one.  Used
 * for what Redis answers, and by the command before it writes.
 */


#ifndef STOK_VALUE_H
#define STOK_VALUE_H


#include "stok.h"


#define STOK_RECORD_ID_MAX   64                  /* bytes of a token id */
#define STOK_USER_ID_MAX     254
#define STOK_NAME_MAX        255                 /* characters of UTF-8 */
#define STOK_NAME_BYTES      (STOK_NAME_MAX * 4)
#define STOK_SCOPE_MAX       64
#define STOK_ROLE_MAX        32
#define STOK_ENV_MAX         32
#define STOK_USE_CASE_MAX    64
#define STOK_RATE_TEXT       (sizeof("1000000r/s") - 1)
#define STOK_RATE_MAX        1000000             /* requests a second, minute */
#define STOK_TEXT_MAX        1024                /* purpose, owner, ... */
#define STOK_DATE_MAX        253402300799        /* 9999-12-31T23:59:59Z */


/* so many requests in so many seconds */
typedef struct {
    uint32_t  requests;                          /* 1 to STOK_RATE_MAX */
    uint32_t  seconds;                           /* 1 or 60 */
} stok_rate_t;


/*
 * STOK_OK or STOK_INVALID.  An id, a scope and an environment are printable
 * ASCII without blanks; a name is UTF-8 without control characters; a date is
 * decimal digits without leading zeros, at most STOK_DATE_MAX; a rate is such
 * digits and "r/s" or "r/m".
 */
int stok_record_id_check(stok_str_t id);
int stok_user_id_check(stok_str_t id);
int stok_scope_check(stok_str_t scope);
int stok_env_check(stok_str_t env);
int stok_name_check(stok_str_t name);
int stok_date_parse(stok_str_t text, int64_t *date);
int stok_rate_parse(stok_str_t text, stok_rate_t *rate);

/* 1 to max bytes of printable ASCII without blanks */
int stok_graph_check(stok_str_t value, size_t max);


#endif /* STOK_VALUE_H */
