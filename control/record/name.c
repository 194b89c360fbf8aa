/*
 * Names of users and tokens: what a new one may be, the id that is made from
 * it, and whether it says what it is for.
 *
 * A record that is there may have any name that judge.c takes: only a new
 * name is asked for more.
 */


#include "internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>


#define CTL_ID_MAX     64                        /* before "@service" */
#define CTL_LOST_MAX   64
#define CTL_WORD_MAX   64


static int ctl_name_blank(const char *text);
static int ctl_name_tidy(const char *name, char out[STOK_NAME_BYTES + 1]);
static const char *ctl_word_lint(const char *word, size_t len);


int
ctl_name_new(ctl_t *ctl, const char *what, const char *name)
{
    char         tidy[STOK_NAME_BYTES + 1];
    const char  *why;

    why = ctl_text_wrong(ctl_str(name), CTL_TEXT_NAME);

    if (why) {
        return ctl_fail(ctl, CTL_INVALID, "bad %s: it %s", what, why);
    }

    if (ctl_name_tidy(name, tidy)) {
        return CTL_OK;
    }

    return ctl_fail(ctl, CTL_INVALID, "bad %s: it has blanks at an end, two "
                    "in a row, or one that only looks like a blank: did you "
                    "mean \"%s\"?", what, tidy);
}


/* 1: it is tidy; out: as it would be */

static int
ctl_name_tidy(const char *name, char out[STOK_NAME_BYTES + 1])
{
    int          len;
    size_t       n;
    const char  *p;

    for (p = name, n = 0; *p; /* void */ ) {
        len = ctl_name_blank(p);

        if (len == 0) {
            out[n++] = *p++;
            continue;
        }

        p += len;

        if (n && out[n - 1] != ' ') {
            out[n++] = ' ';
        }
    }

    n -= n && out[n - 1] == ' ';
    out[n] = '\0';

    return strcmp(name, out) == 0;
}


/*
 * The bytes of a blank: U+0020, and those that look like it, U+00A0, U+1680,
 * U+2000 to U+200A, U+202F, U+205F, U+3000; what fills a place and is not to
 * be seen, U+115F, U+1160, U+2800, U+3164, U+FFA0.  0: it is none.
 */

static int
ctl_name_blank(const char *text)
{
    size_t  i, n;

    static const char  *blanks[] = {
        " ", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xaf", "\xe2\x81\x9f",
        "\xe3\x80\x80", "\xe1\x85\x9f", "\xe1\x85\xa0", "\xe2\xa0\x80",
        "\xe3\x85\xa4", "\xef\xbe\xa0"
    };

    for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
        n = strlen(blanks[i]);

        if (strncmp(text, blanks[i], n) == 0) {
            return (int) n;
        }
    }

    return strncmp(text, "\xe2\x80", 2) == 0
           && (unsigned char) text[2] >= 0x80
           && (unsigned char) text[2] <= 0x8a ? 3 : 0;
}


/*
 * The id of a service user: ASCII letters to lower case, a run of white space
 * to one underscore, all but a-z 0-9 _ removed, underscores at the ends
 * removed.
 */

int
ctl_user_id(ctl_t *ctl, const char *name, char id[STOK_USER_ID_MAX + 1])
{
    int          blank;
    char         ch;
    size_t       n;
    const char  *p;

    for (p = name, n = 0, blank = 0; *p; p++) {
        ch = *p;

        if (ch == ' ' || (ch >= '\t' && ch <= '\r')) {
            if (blank) {
                continue;
            }

            blank = 1;
            ch = '_';

        } else {
            blank = 0;

            if (ch >= 'A' && ch <= 'Z') {
                ch = (char) (ch + ('a' - 'A'));
            }

            if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
                  || ch == '_'))
            {
                continue;
            }
        }

        if (n == STOK_USER_ID_MAX) {
            break;
        }

        if (n || ch != '_') {
            id[n++] = ch;
        }
    }

    while (n && id[n - 1] == '_') {
        n--;
    }

    if (n == 0) {
        return ctl_fail(ctl, CTL_INVALID, "the name has no letter or digit "
                        "from which to make an id");
    }

    if (n > CTL_ID_MAX) {
        return ctl_fail(ctl, CTL_INVALID, "the id made from this name is "
                        "longer than %d characters", CTL_ID_MAX);
    }

    strcpy(id + n, "@service");

    return CTL_OK;
}


void
ctl_name_lost(ctl_t *ctl, const char *name, const char *id)
{
    int          shown;
    char         lost[CTL_LOST_MAX + 8];
    size_t       len, n;
    const char  *p;

    for (p = name, n = 0; *p && n < CTL_LOST_MAX; p += len) {
        len = ctl_char(p, strlen(p), &shown);

        if (len > 1) {
            lost[n++] = ' ';
            memcpy(lost + n, p, len);
            n += len;
        }
    }

    lost[n] = '\0';

    if (n) {
        ctl_note(ctl, CTL_NOTE_NOTE, "the id %s has only the ASCII letters "
                 "and digits of the name, without%s", id, lost);
    }
}


/*
 * A name is poor if each of its words is, numbers apart; of those the first
 * says why.  A character that is not ASCII is a letter.
 */

const char *
ctl_name_lint(const char *name)
{
    size_t       len;
    const char  *p, *why, *first;

    for (p = name, first = NULL; *p; p += len + !len) {

        for (len = 0; isalnum((unsigned char) p[len])
                      || (unsigned char) p[len] >= 0x80; len++)
        {
            /* void */
        }

        if (len == 0 || strspn(p, "0123456789") >= len) {
            continue;
        }

        why = ctl_word_lint(p, len);

        if (why == NULL) {
            return NULL;
        }

        first = first ? first : why;
    }

    return first ? first : "numbers only";
}


/* why a word says nothing, whatever number stands behind it; or NULL */

static const char *
ctl_word_lint(const char *word, size_t len)
{
    char    lower[CTL_WORD_MAX];
    size_t  i, n;

    static const struct {
        const char  *words;
        const char  *why;
    } poor[] = {
        { " service svc app api job script user bot token account key secret"
          " access auth bearer automation machine robot system integration"
          " client server program process task cron prod production staging"
          " stage dev development name ", "not descriptive" },
        { " temp tmp misc stuff foo bar baz new old my a an the of for and"
          " abc xyz asdf qwerty untitled thing something whatever other"
          " another some ", "vague" },
        { " test testing tests demo example sample dummy default admin ",
          "generic" }
    };

    while (len > 1 && isdigit((unsigned char) word[len - 1])) {
        len--;
    }

    if (len < 2) {
        return "vague";
    }

    if (len > sizeof(lower) - 3) {
        return NULL;
    }

    n = 0;
    lower[n++] = ' ';

    for (i = 0; i < len; i++) {
        lower[n++] = (char) tolower((unsigned char) word[i]);
    }

    lower[n++] = ' ';
    lower[n] = '\0';

    for (i = 0; i < sizeof(poor) / sizeof(poor[0]); i++) {
        if (strstr(poor[i].words, lower)) {
            return poor[i].why;
        }
    }

    return NULL;
}
