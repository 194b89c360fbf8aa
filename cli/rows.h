/*
 * Objects of a list, as they come: a table, a JSON array, lines of JSON, CSV or
 * names.  Nothing is kept but the first rows of a table.
 */


#ifndef CLI_ROWS_H
#define CLI_ROWS_H


#include "cli.h"
#include "table.h"


typedef enum {
    CLI_ROWS_TABLE = 0,
    CLI_ROWS_WIDE,
    CLI_ROWS_NAME,
    CLI_ROWS_JSON,
    CLI_ROWS_JSONL,
    CLI_ROWS_CSV
} cli_rows_e;


/* a member of each object, and its column */
typedef struct {
    const char           *name;
    const char           *none;                  /* text of null */
    int                   wide;                  /* not in a narrow table */
    cli_column_t          column;
} cli_field_t;


typedef struct {
    cli_t                *cli;
    cli_rows_e            form;
    const cli_field_t    *field;
    size_t                n;
    size_t                shown;
    cli_column_t          column[CLI_TABLE_MAX];
    size_t                columns;
    cli_table_t           table;
} cli_rows_t;


/* CTL_INVALID: the form that is asked for is none */
int cli_rows_init(cli_rows_t *rows, cli_t *cli, cli_args_t *args,
    const cli_field_t *field, size_t n);

/* for an operation that takes a ctl_item_pt */
int cli_rows_add(ctl_t *ctl, json_t *item, void *data);

/* code: of the operation.  A failed one leaves an array open */
int cli_rows_done(cli_rows_t *rows, int code);


#endif /* CLI_ROWS_H */
