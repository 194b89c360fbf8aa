/*
 * How hard a token is to guess, as far as its characters tell.
 *
 * The estimate is the length of a description of the token: each character is
 * worth the logarithm of the kinds of characters that the token has, and a
 * part that follows from what was before is worth what it takes to say so.
 * A drawn token has no short description: it loses k bits with a chance of
 * about 2^-k.  A part counts as
 *
 *   - 2 characters, if 4 and more were there before, whatever their case, or
 *     if 4 and more are a sequence: equal, up, or down by one;
 *   - 2, and a quarter for each after the second, if each of 6 and more is at
 *     most one up or down from the one before.
 *
 * Letters of one case with separators between them and without a digit are
 * words, and are worth less; so is one word with or without a number behind
 * it.  All in all it is an upper bound: what a person thought up may look as
 * if it had been drawn.
 *
 * Of a million drawn tokens, so many were below 80 bits:
 *
 *   hex 32 and 40, UUID of version 4, base62 32, 24 and 20, base64url 32
 *   and 22, base32 26                                                     0
 *   digits 32                                                            30
 *   those that have hardly more: base32 20 (100 bits)                     3
 *   base62 16 (95 bits)                                                  31
 *   hex 24 (96 bits)                                                    116
 */


#include "internal.h"

#include <ctype.h>
#include <string.h>


#define CTL_MATCH_MIN     4
#define CTL_SEQUENCE_MIN  4
#define CTL_DRIFT_MIN     6
#define CTL_WORDS_KINDS   6                      /* 2.6 bits a letter */
#define CTL_WORD_KINDS    16


static size_t ctl_strength_match(const char *text, size_t at, size_t len);
static size_t ctl_strength_sequence(const char *text, size_t at, size_t len);
static size_t ctl_strength_drift(const char *text, size_t at, size_t len);
static int ctl_strength_word(const char *text, size_t len);
static int ctl_strength_tenths(int kinds);
static int ctl_strength_kinds(const char *text, size_t len);


int
ctl_strength(const char *text, size_t len)
{
    size_t  i, quarters, match, sequence, drift;

    quarters = 0;
    i = 0;

    while (i < len) {
        match = ctl_strength_match(text, i, len);
        sequence = ctl_strength_sequence(text, i, len);
        drift = ctl_strength_drift(text, i, len);

        match = match < CTL_MATCH_MIN ? 0 : match;
        sequence = sequence < CTL_SEQUENCE_MIN ? 0 : sequence;
        match = match < sequence ? sequence : match;

        if (drift >= CTL_DRIFT_MIN && drift > match) {
            quarters += 8 + drift - 2;
            i += drift;

        } else if (match) {
            quarters += 8;
            i += match;

        } else {
            quarters += 4;
            i++;
        }
    }

    return (int) quarters * ctl_strength_tenths(ctl_strength_kinds(text, len))
           / 40;
}


/* the most that begins here and was there before, whatever its case */

static size_t
ctl_strength_match(const char *text, size_t at, size_t len)
{
    size_t  i, n, best;

    best = 0;

    for (i = 0; i < at; i++) {

        for (n = 0; at + n < len
                    && tolower((unsigned char) text[i + n])
                       == tolower((unsigned char) text[at + n]); n++)
        {
            /* void */
        }

        if (n > best) {
            best = n;
        }
    }

    return best;
}


/* the characters from here on that are the same, or one up, or one down */

static size_t
ctl_strength_sequence(const char *text, size_t at, size_t len)
{
    int     step;
    size_t  n;

    if (at + 1 == len) {
        return 1;
    }

    step = text[at + 1] - text[at];

    if (step < -1 || step > 1) {
        return 1;
    }

    for (n = 2; at + n < len && text[at + n] - text[at + n - 1] == step; n++) {
        /* void */
    }

    return n;
}


/* those that are at most one from the one before, like 112233 */

static size_t
ctl_strength_drift(const char *text, size_t at, size_t len)
{
    int     step;
    size_t  n;

    for (n = 1; at + n < len; n++) {
        step = text[at + n] - text[at + n - 1];

        if (step < -1 || step > 1) {
            break;
        }
    }

    return n;
}


/* like administrator123, Welcome2026 and changemechangemenow */

static int
ctl_strength_word(const char *text, size_t len)
{
    size_t  i, letters;

    i = isupper((unsigned char) text[0]) ? 1 : 0;

    for (letters = i; i < len && islower((unsigned char) text[i]); i++) {
        letters++;
    }

    while (i < len && isdigit((unsigned char) text[i])) {
        i++;
    }

    return letters && i == len;
}


/* of a bit, rounded up: 2 to the tenth part of 1 is 1.0718 */

static int
ctl_strength_tenths(int kinds)
{
    int     n;
    double  x;

    for (n = 0, x = 1; x < kinds; n++) {
        x *= 1.07177346;
    }

    return n;
}


/* how many characters there are of the kinds that are there */

static int
ctl_strength_kinds(const char *text, size_t len)
{
    int      n;
    size_t   i, k;
    unsigned seen, lower, upper;

    static const unsigned  separators = 1U << 5;
    static const struct {
        const char  *chars;
        int          n;
    } kinds[] = {
        { "0123456789", 10 },
        { "abcdef", 6 },
        { "ABCDEF", 6 },
        { "ghijklmnopqrstuvwxyz", 20 },
        { "GHIJKLMNOPQRSTUVWXYZ", 20 },
        { "-._~+/=", 2 }
    };

    for (i = 0, seen = 0; i < len; i++) {
        for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            if (memchr(kinds[k].chars, text[i], strlen(kinds[k].chars))) {
                seen |= 1U << k;
            }
        }
    }

    lower = seen & (1U << 1 | 1U << 3);
    upper = seen & (1U << 2 | 1U << 4);

    if (seen == (lower | separators) || seen == (upper | separators)) {
        return CTL_WORDS_KINDS;
    }

    if (ctl_strength_word(text, len)) {
        return CTL_WORD_KINDS;
    }

    for (k = 0, n = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        n += seen & (1U << k) ? kinds[k].n : 0;
    }

    return n > 1 ? n : 2;
}
