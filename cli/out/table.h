/*
 * Tables: rows of texts below each other.
 *
 * In a pipe or a file every text is whole.  On a terminal a row is one line:
 * the columns that matter least are cut, with an ellipsis, and if that is not
 * enough, they are left out.
 */


#ifndef CLI_TABLE_H
#define CLI_TABLE_H


#include <stddef.h>


#define CLI_TABLE_MAX  20
#define CLI_AHEAD    200                         /* rows that widths are of */


typedef struct {
    const char          *head;
    int                  least;                  /* it is not cut below that */
    int                  cut;                    /* 1: first; 0: never */
} cli_column_t;


typedef struct {
    const cli_column_t  *column;
    size_t               n;
    int                  terminal;               /* its columns; 0: none */
    int                  width[CLI_TABLE_MAX];     /* below 0: left out */
    int                  laid;                   /* widths are known */
    size_t               rows;                   /* that are held back */
    char                *cell[CLI_AHEAD][CLI_TABLE_MAX];
    char                *note[CLI_AHEAD];        /* of a row; or NULL */
    void               (*under)(const char *note);
} cli_table_t;


void cli_table_init(cli_table_t *table, const cli_column_t *column, size_t n);

/* as many texts as there are columns; NULL is "-" */
void cli_table_row(cli_table_t *table, const char *const *cell);

/* the rows that were held back; a table without rows has its head, too */
void cli_table_done(cli_table_t *table);

/* printed by table->under below the row that was given last */
void cli_table_note(cli_table_t *table, const char *note);

/* nothing more is printed */
void cli_table_drop(cli_table_t *table);


/*
 * width.c: columns of a text as it is shown; bytes of its next character; and
 * columns of the terminal that standard output is, 0: it is none.
 */
int cli_width(const char *text, size_t len);
size_t cli_width_next(const char *text, size_t len, int *width);
int cli_terminal(void);


#endif /* CLI_TABLE_H */
