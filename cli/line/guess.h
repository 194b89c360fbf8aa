/*
 * "Did you mean": the words nearest to one that is not known.
 */


#ifndef CLI_GUESS_H
#define CLI_GUESS_H


#include "stok.h"


#define CLI_GUESSES  3


typedef struct {
    const char  *typed;
    size_t       len;
    size_t       n;
    stok_str_t   word[CLI_GUESSES];              /* the nearest first */
    int          distance[CLI_GUESSES];
} cli_guess_t;


void cli_guess_init(cli_guess_t *guess, const char *typed, size_t len);

/* a word that there is; it lives as long as the guess */
void cli_guess_add(cli_guess_t *guess, const char *word);
void cli_guess_add_str(cli_guess_t *guess, stok_str_t word);

/* the same of a word whose distance is known; 0: it is meant */
void cli_guess_keep(cli_guess_t *guess, const char *word, int distance);

/* how far a word is from what was typed; -1: it is another one */
int cli_guess_near(const char *typed, size_t len, stok_str_t word);

/*
 * ": did you mean --env or --end?", each word behind a mark such as "--" and
 * within quotes, if there are some; "" if no word is near
 */
const char *cli_guess_text(const cli_guess_t *guess, const char *mark,
    const char *quote, char *out, size_t size);


#endif /* CLI_GUESS_H */
