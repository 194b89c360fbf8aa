/*
 * Strings of a reply, in place; see stok_resp.h.
 */


#include "stok_resp.h"

#include <string.h>


#define STOK_RESP_DIGITS  4
#define STOK_RESP_NIL     5                      /* "$-1\r\n" */
#define STOK_RESP_LENGTH  (1 + STOK_RESP_DIGITS + 2)    /* type, CRLF */


static inline int stok_resp_nil(const char *p, const char *last);
static inline const char *stok_resp_length(const char *p, const char *last,
    char type, size_t *length);


size_t
stok_resp_strings(const char *buf, size_t len, stok_str_t *str, size_t max,
    size_t *n, int *array)
{
    size_t       i, count, length;
    const char  *p, *last, *next;

    p = buf;
    last = buf + len;

    *array = len != 0 && *p == '*';
    count = 1;

    if (*array) {
        p = stok_resp_length(p, last, '*', &count);

        if (p == NULL) {
            return 0;
        }
    }

    if (count > max) {
        return 0;
    }

    for (i = 0; i < count; i++) {
        next = stok_resp_length(p, last, '$', &length);

        if (next == NULL) {

            if (!*array || !stok_resp_nil(p, last)) {
                return 0;
            }

            *array = STOK_RESP_NILS;

            str[i].data = NULL;
            str[i].len = 0;

            p += STOK_RESP_NIL;
            continue;
        }

        if ((size_t) (last - next) < length + 2
            || next[length] != '\r' || next[length + 1] != '\n')
        {
            return 0;
        }

        str[i].data = next;
        str[i].len = length;

        p = next + length + 2;
    }

    *n = count;

    return (size_t) (p - buf);
}


static inline int
stok_resp_nil(const char *p, const char *last)
{
    return last - p >= STOK_RESP_NIL && p[1] == '-'
           && memcmp(p, "$-1\r\n", STOK_RESP_NIL) == 0;
}


/*
 * "<type><one to four digits>\r\n", the first of more than one not zero; what
 * follows, or NULL: also if so little is left that not every such length would
 * fit.
 */

static inline const char *
stok_resp_length(const char *p, const char *last, char type, size_t *length)
{
    size_t       n;
    unsigned     digit;
    const char  *end;

    if (last - p < STOK_RESP_LENGTH || *p++ != type) {
        return NULL;
    }

    n = (unsigned) (*p++ - '0');

    if (n > 9) {
        return NULL;
    }

    if (n == 0 && *p != '\r') {
        return NULL;                             /* hiredis refuses "05" */
    }

    for (end = p + STOK_RESP_DIGITS - 1; *p != '\r'; p++) {
        digit = (unsigned) (*p - '0');

        if (digit > 9 || p == end) {
            return NULL;
        }

        n = n * 10 + digit;
    }

    if (p[1] != '\n') {
        return NULL;
    }

    *length = n;

    return p + 2;
}
