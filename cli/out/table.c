/*
 * Tables.  The first rows are held back, since they say how wide the columns
 * have to be; those that follow are printed as they come.
 */


#include "table.h"

#include "sink.h"

#include <stdlib.h>
#include <string.h>


#define CLI_GAP  2                               /* between columns */


static void cli_table_head(cli_table_t *table);
static void cli_table_lay(cli_table_t *table);
static void cli_table_natural(cli_table_t *table);
static int cli_table_total(const cli_table_t *table, int least);
static int cli_table_next(const cli_table_t *table, int after);
static void cli_table_print(cli_table_t *table, const char *const *cell);
static void cli_table_cell(const char *text, int width, int fill, int cut);


void
cli_table_init(cli_table_t *table, const cli_column_t *column, size_t n)
{
    memset(table, 0, sizeof(*table));
    table->column = column;
    table->n = n;
    table->terminal = cli_terminal();
}


void
cli_table_row(cli_table_t *table, const char *const *cell)
{
    size_t  i;

    if (table->laid) {
        cli_table_print(table, cell);
        return;
    }

    for (i = 0; i < table->n; i++) {
        table->cell[table->rows][i] = strdup(cell[i] ? cell[i] : "-");
    }

    if (++table->rows == CLI_AHEAD) {
        cli_table_done(table);
    }
}


void
cli_table_done(cli_table_t *table)
{
    size_t  i;

    if (table->laid) {
        return;
    }

    cli_table_natural(table);
    cli_table_lay(table);
    cli_table_head(table);

    for (i = 0; i < table->rows; i++) {
        cli_table_print(table, (const char *const *) table->cell[i]);

        if (table->note[i]) {
            table->under(table->note[i]);
        }
    }

    cli_table_drop(table);
}


void
cli_table_note(cli_table_t *table, const char *note)
{
    if (table->laid) {
        table->under(note);

    } else {
        table->note[table->rows - 1] = strdup(note);
    }
}


static void
cli_table_head(cli_table_t *table)
{
    size_t       i;
    const char  *head[CLI_TABLE_MAX];

    memset(head, 0, sizeof(head));

    for (i = 0; i < table->n; i++) {
        head[i] = table->column[i].head;
    }

    cli_table_print(table, head);
}


void
cli_table_drop(cli_table_t *table)
{
    size_t  i, k;

    for (i = 0; i < table->rows; i++) {
        for (k = 0; k < table->n; k++) {
            free(table->cell[i][k]);
        }

        free(table->note[i]);
    }

    table->rows = 0;
    table->laid = 1;
}


/*
 * On a terminal: what has no place, however much the others are cut, is left
 * out, but for the first column; then those that matter least are cut.
 */

static void
cli_table_lay(cli_table_t *table)
{
    int  i, least, over;

    if (table->terminal == 0) {
        return;
    }

    for (i = cli_table_next(table, 0); i >= 0;
         i = cli_table_next(table, table->column[i].cut))
    {
        if (i && cli_table_total(table, 1) > table->terminal) {
            table->width[i] = -1;
        }
    }

    for (i = cli_table_next(table, 0); i >= 0;
         i = cli_table_next(table, table->column[i].cut))
    {
        over = cli_table_total(table, 0) - table->terminal;
        least = table->column[i].least;

        if (over > 0 && table->width[i] > least) {
            table->width[i] = table->width[i] - over > least
                              ? table->width[i] - over : least;
        }
    }
}


static void
cli_table_natural(cli_table_t *table)
{
    int          width;
    size_t       i, k;
    const char  *text;

    for (i = 0; i < table->n; i++) {
        table->width[i] = (int) strlen(table->column[i].head);

        for (k = 0; k < table->rows; k++) {
            text = table->cell[k][i] ? table->cell[k][i] : "";
            width = cli_width(text, strlen(text));

            if (width > table->width[i]) {
                table->width[i] = width;
            }
        }
    }
}


/* least: as far as they can be cut */

static int
cli_table_total(const cli_table_t *table, int least)
{
    int     total, width;
    size_t  i;

    for (i = 0, total = -CLI_GAP; i < table->n; i++) {
        width = table->width[i];

        if (least && table->column[i].cut && width > table->column[i].least) {
            width = table->column[i].least;
        }

        total += width < 0 ? 0 : width + CLI_GAP;
    }

    return total;
}


/* the column that is cut after this one; -1: no other */

static int
cli_table_next(const cli_table_t *table, int after)
{
    int     next;
    size_t  i;

    for (i = 0, next = -1; i < table->n; i++) {
        if (table->column[i].cut > after
            && (next < 0 || table->column[i].cut < table->column[next].cut))
        {
            next = (int) i;
        }
    }

    return next;
}


static void
cli_table_print(cli_table_t *table, const char *const *cell)
{
    size_t  i, last;

    for (i = 0, last = 0; i < table->n; i++) {
        last = table->width[i] < 0 ? last : i;
    }

    for (i = 0; i < table->n && i <= last; i++) {
        if (table->width[i] >= 0) {
            cli_table_cell(cell[i] ? cell[i] : "", table->width[i],
                           i < last, table->terminal && table->column[i].cut);
        }
    }

    cli_say("\n");
}


static void
cli_table_cell(const char *text, int width, int fill, int cut)
{
    int     used, next;
    size_t  i, n, len;

    len = strlen(text);
    used = cli_width(text, len);

    if (cut && used > width) {
        for (i = 0, used = 0; i < len; i += n, used += next) {
            n = cli_width_next(text + i, len - i, &next);

            if (used + next > width - 1) {
                break;
            }
        }

        cli_say("%.*s\xe2\x80\xa6", (int) i, text);
        used++;

    } else {
        cli_say("%s", text);
    }

    if (fill) {
        cli_say("%*s", (used < width ? width - used : 0) + CLI_GAP, "");
    }
}
