/*
 * The distance of two words is the number of characters that were added, left
 * out, changed, or swapped with the next one.  Up to three may be.  The
 * beginning of a word is near to it, too.
 */


#include "guess.h"

#include <stdio.h>
#include <string.h>


#define CLI_GUESS_MAX  40                        /* of longer words: nothing */


static int cli_guess_distance(const char *a, size_t n, const char *b,
    size_t m);
static void cli_guess_insert(cli_guess_t *guess, stok_str_t word,
    int distance);


void
cli_guess_init(cli_guess_t *guess, const char *typed, size_t len)
{
    memset(guess, 0, sizeof(*guess));
    guess->typed = typed;
    guess->len = len;
}


void
cli_guess_add(cli_guess_t *guess, const char *word)
{
    stok_str_t  str;

    str.data = word;
    str.len = strlen(word);

    cli_guess_add_str(guess, str);
}


void
cli_guess_add_str(cli_guess_t *guess, stok_str_t word)
{
    int  distance;

    distance = cli_guess_near(guess->typed, guess->len, word);

    if (distance >= 0) {
        cli_guess_insert(guess, word, distance);
    }
}


void
cli_guess_keep(cli_guess_t *guess, const char *word, int distance)
{
    stok_str_t  str;

    str.data = word;
    str.len = strlen(word);

    cli_guess_insert(guess, str, distance);
}


int
cli_guess_near(const char *typed, size_t len, stok_str_t word)
{
    int  distance, most;

    if (word.len > CLI_GUESS_MAX || len > CLI_GUESS_MAX || len < 2) {
        return -1;
    }

    if (word.len >= len && memcmp(word.data, typed, len) == 0) {
        return word.len > len;
    }

    distance = cli_guess_distance(typed, len, word.data, word.len);
    most = word.len < 5 ? 1 : word.len < 9 ? 2 : 3;

    return distance <= most && distance < (int) len ? distance : -1;
}


/* the nearest come first, and of the same distance the one that came first */

static void
cli_guess_insert(cli_guess_t *guess, stok_str_t word, int distance)
{
    size_t  i, n;

    for (i = 0; i < guess->n; i++) {
        if (guess->word[i].len == word.len
            && memcmp(guess->word[i].data, word.data, word.len) == 0)
        {
            return;
        }
    }

    for (i = 0; i < guess->n && guess->distance[i] <= distance; i++) {
        /* void */
    }

    if (i == CLI_GUESSES) {
        return;
    }

    n = guess->n < CLI_GUESSES ? guess->n++ : CLI_GUESSES - 1;

    for ( /* void */ ; n > i; n--) {
        guess->word[n] = guess->word[n - 1];
        guess->distance[n] = guess->distance[n - 1];
    }

    guess->word[i] = word;
    guess->distance[i] = distance;
}


static int
cli_guess_distance(const char *a, size_t n, const char *b, size_t m)
{
    int     d[CLI_GUESS_MAX + 1][CLI_GUESS_MAX + 1], best;
    size_t  i, j;

    for (i = 0; i <= n; i++) {
        for (j = 0; j <= m; j++) {

            if (i == 0 || j == 0) {
                d[i][j] = (int) (i + j);
                continue;
            }

            best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = best < d[i - 1][j] + 1 ? best : d[i - 1][j] + 1;
            best = best < d[i][j - 1] + 1 ? best : d[i][j - 1] + 1;

            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && d[i - 2][j - 2] + 1 < best)
            {
                best = d[i - 2][j - 2] + 1;
            }

            d[i][j] = best;
        }
    }

    return d[n][m];
}


const char *
cli_guess_text(const cli_guess_t *guess, const char *mark, const char *quote,
    char *out, size_t size)
{
    int     n;
    size_t  i, len;

    len = 0;
    out[0] = '\0';

    for (i = 0; i < guess->n && guess->distance[i] <= guess->distance[0] + 1
                && len < size; i++)
    {
        n = snprintf(out + len, size - len, "%s%s%s%.*s%s",
                     i == 0 ? ": did you mean " : i + 1 < guess->n ? ", "
                     : " or ", quote, mark, (int) guess->word[i].len,
                     guess->word[i].data, quote);
        len += n > 0 ? (size_t) n : 0;
    }

    if (i && len < size) {
        snprintf(out + len, size - len, "?");
    }

    return out;
}
