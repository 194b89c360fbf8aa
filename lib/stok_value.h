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
#define STOK_TEXT_MAX        1024                /* purpose, owner, ... */
#define STOK_DATE_MAX        253402300799        /* 9999-12-31T23:59:59Z */


/*
 * STOK_OK or STOK_INVALID.  An id and a scope are printable ASCII without
 * blanks; a name is UTF-8 without control characters; a date is decimal digits
 * without leading zeros, at most STOK_DATE_MAX.
 */
int stok_record_id_check(stok_str_t id);
int stok_user_id_check(stok_str_t id);
int stok_scope_check(stok_str_t scope);
int stok_name_check(stok_str_t name);
int stok_date_parse(stok_str_t text, int64_t *date);

/* 1 to max bytes of printable ASCII without blanks */
int stok_graph_check(stok_str_t value, size_t max);


#endif /* STOK_VALUE_H */
