/*
 * Export and import: a dataset as lines of JSON.
 *
 *     {"meta":{"schema":"1","brand":"stk","exported_at":1790000000}}
 *     {"user":{"id":"...", and every field of the record}}
 *     {"token":{"digest":"<64 hex>", every field of the record,
 *               "last_used":1790000000,"usage":{"uses":"12", ...}}}
 *     {"end":{"users":1,"tokens":1}}
 *
 * The first line is meta and the last is end, so a file that was cut is seen.
 * A user stands before its tokens.  Dates are numbers; all else is text.
 */


#ifndef CTL_DUMP_H
#define CTL_DUMP_H


#include "internal.h"


#define CTL_LINE_MAX   (256 * 1024)              /* bytes of a line */
#define CTL_USAGE_MAX  16                        /* fields of a usage */
#define CTL_MEMBERS    (CTL_FIELDS / 2 + 3)      /* of a line's object */
#define CTL_SET_KEY    16


typedef struct {
    uint8_t  *slots;
    size_t    n;
    size_t    size;                              /* a power of two */
} ctl_set_t;


typedef enum {
    CTL_LINE_META = 0,
    CTL_LINE_USER,
    CTL_LINE_TOKEN,
    CTL_LINE_END
} ctl_line_e;


typedef enum {
    CTL_MEMBER_TEXT = 0,
    CTL_MEMBER_NUMBER,                           /* a whole one: its digits */
    CTL_MEMBER_USAGE,                            /* line->usage */
    CTL_MEMBER_OTHER                             /* without text */
} ctl_member_e;


typedef struct {
    ctl_member_e          type;
    stok_str_t            name;
    stok_str_t            text;
} ctl_member_t;


/* a line that was read; its texts lie in what was read, or in json */
typedef struct {
    ctl_line_e            kind;
    json_t               *json;                  /* NULL: read in place */
    json_t               *object;                /* in it */

    size_t                members;
    size_t                usages;                /* strings of usage */
    size_t                n;                     /* strings of field */

    stok_str_t            id;                    /* of the user or token */
    char                  hex[STOK_DIGEST_HEX + 1];
    uint8_t               digest[STOK_DIGEST_LEN];
    stok_str_t            last_used;             /* empty: never */

    stok_user_record_t    user;
    stok_token_record_t   token;

    char                  why[160];              /* what is wrong with it */

    /* as many as was said above are set */

    ctl_member_t          member[CTL_MEMBERS];
    char                  number[CTL_MEMBERS][24];
    stok_str_t            field[CTL_FIELDS];
    stok_str_t            usage[CTL_USAGE_MAX * 2];
} ctl_line_t;


/* set.c: 1: it is new; 0: it was there; -1: no memory */
int ctl_set_add(ctl_set_t *set, const void *data, size_t len);
int ctl_set_has(const ctl_set_t *set, const void *data, size_t len);
void ctl_set_free(ctl_set_t *set);

/*
 * line.c: text of len bytes to a line that holds what the schema allows, with
 * a seal of a key of ours if there are keys.  CTL_REJECTED: line->why says
 * why not.  The text stays as it is while the line is used.  The caller frees
 * it, whatever the answer.
 */
int ctl_line_parse(ctl_t *ctl, ctl_line_t *line, const char *text,
    size_t len);
void ctl_line_init(ctl_line_t *line);
void ctl_line_free(ctl_line_t *line);
int ctl_line_bad(ctl_line_t *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * line_read.c: kind, members and usage of a line after ctl_line_init().
 * plain: CTL_REJECTED: it is not as export writes it, or it is wrong.  json:
 * line->why says why not.
 */
int ctl_line_plain(ctl_line_t *line, const char *text, size_t len);
int ctl_line_json(ctl_line_t *line, const char *text, size_t len);


#endif /* CTL_DUMP_H */
