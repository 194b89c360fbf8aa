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


#ifndef CLI_DUMP_H
#define CLI_DUMP_H


#include "cli.h"


#define CLI_LINE_MAX   (256 * 1024)              /* bytes of a line */
#define CLI_USAGE_MAX  16                        /* fields of a usage */
#define CLI_SET_KEY    16


typedef struct {
    uint8_t  *slots;
    size_t    n;
    size_t    size;                              /* a power of two */
} cli_set_t;


typedef enum {
    CLI_LINE_META = 0,
    CLI_LINE_USER,
    CLI_LINE_TOKEN,
    CLI_LINE_END
} cli_line_e;


/* a line that was read; its texts lie in json */
typedef struct {
    cli_line_e            kind;
    json_t               *json;                  /* NULL: none was read */
    json_t               *object;                /* in it */

    stok_str_t            id;                    /* of the user or token */
    char                  hex[STOK_DIGEST_HEX + 1];
    uint8_t               digest[STOK_DIGEST_LEN];

    size_t                n;                     /* strings of field */
    stok_str_t            field[CLI_FIELDS];
    size_t                dates;
    char                  date[CLI_FIELDS / 2][24];

    stok_str_t            last_used;             /* empty: never */
    char                  last[24];
    size_t                usages;                /* strings of usage */
    stok_str_t            usage[CLI_USAGE_MAX * 2];

    stok_user_record_t    user;
    stok_token_record_t   token;

    char                  why[160];              /* what is wrong with it */
} cli_line_t;


/* set.c: 1: it is new; 0: it was there; -1: no memory */
int cli_set_add(cli_set_t *set, const void *data, size_t len);
int cli_set_has(const cli_set_t *set, const void *data, size_t len);
void cli_set_free(cli_set_t *set);

/*
 * line.c: text of len bytes to a line that holds what the schema allows, with
 * a seal of a key of ours if there are keys.  CLI_REFUSED: line->why says
 * why not.  The caller frees it, whatever the answer.
 */
int cli_line_parse(cli_t *cli, cli_line_t *line, const char *text,
    size_t len);
void cli_line_free(cli_line_t *line);


#endif /* CLI_DUMP_H */
