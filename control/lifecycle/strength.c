/*
 * How hard a token is to guess, as far as its characters tell.
 *
 * The characters are counted that are not foreseen by those before them: the
 * same one again, the next one up or down, or three and more that were there
 * before.  Each is worth the logarithm of the kinds of characters that the
 * token has.  That is an upper bound: what a person thought up may look as
 * if it had been drawn.
 */


#include "internal.h"

#include <ctype.h>
#include <string.h>


#define CTL_MATCH_MIN  3


static size_t ctl_strength_match(const char *text, size_t at, size_t len);
static int ctl_strength_tenths(int kinds);
static int ctl_strength_kinds(const char *text, size_t len);


int
ctl_strength(const char *text, size_t len)
{
    int     step;
    size_t  i, n, match;

    n = 0;
    i = 0;

    while (i < len) {
        match = ctl_strength_match(text, i, len);

        if (match >= CTL_MATCH_MIN) {
            n++;
            i += match;
            continue;
        }

        step = i ? text[i] - text[i - 1] : 2;

        if (step < -1 || step > 1) {
            n++;
        }

        i++;
    }

    return (int) n * ctl_strength_tenths(ctl_strength_kinds(text, len)) / 10;
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
    unsigned seen;

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

    for (k = 0, n = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        n += seen & (1U << k) ? kinds[k].n : 0;
    }

    return n > 1 ? n : 2;
}
