/*
 * Texts of people: names, purposes, owners, who acts.  One function judges
 * them, wherever they come in: by an option, by the environment or by an
 * import.  It also says what a terminal may be shown.
 */


#include "internal.h"

#include <stdint.h>
#include <string.h>


static int ctl_char_plain(uint32_t ch);


const char *
ctl_text_wrong(stok_str_t text, ctl_text_e kind)
{
    int     plain;
    size_t  i, n, chars;

    for (i = 0, chars = 0; i < text.len; i += n, chars++) {
        n = ctl_char(text.data + i, text.len - i, &plain);

        if (!plain) {
            return "has a control character, or one that hides or turns text, "
                   "or is not UTF-8";
        }
    }

    if (kind == CTL_TEXT_NAME && (chars == 0 || chars > STOK_NAME_MAX)) {
        return "has 1 to 255 characters";
    }

    return text.len > STOK_TEXT_MAX ? "has 1024 bytes at most" : NULL;
}


/* of a record; an empty text is one that is missing */

const char *
ctl_record_wrong(const stok_str_t *field, size_t n, const char **name)
{
    size_t       i, k;
    const char  *why;

    static const struct {
        const char  *name;
        ctl_text_e   kind;
    } texts[] = {
        { "name", CTL_TEXT_NAME }, { "purpose", CTL_TEXT_FREE },
        { "owner", CTL_TEXT_FREE }, { "created_by", CTL_TEXT_FREE },
    };

    for (i = 0; i + 1 < n; i += 2) {
        for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {

            if (!ctl_str_is(field[i], texts[k].name)
                || field[i + 1].len == 0)
            {
                continue;
            }

            why = ctl_text_wrong(field[i + 1], texts[k].kind);

            if (why) {
                *name = texts[k].name;
                return why;
            }
        }
    }

    return NULL;
}


/* RFC 3629: no surrogates, nothing longer than it need be */

size_t
ctl_char(const char *text, size_t len, int *plain)
{
    size_t                i, n;
    uint32_t              ch;
    const unsigned char  *p;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    p = (const unsigned char *) text;
    n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    *plain = 0;

    if (n == 1) {
        *plain = ctl_char_plain(p[0]);
        return 1;
    }

    if (p[0] < 0xc2 || p[0] > 0xf4 || n > len) {
        return 1;
    }

    ch = p[0] & (0xffu >> (n + 1));

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 1;
        }

        ch = ch << 6 | (p[i] & 0x3f);
    }

    if (ch < least[n] || ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff)) {
        return 1;
    }

    *plain = ctl_char_plain(ch);

    return n;
}


/*
 * C0, DEL, C1, separators of lines, what turns the direction, what has no
 * width, and tags: two texts that differ in those look the same
 */

static int
ctl_char_plain(uint32_t ch)
{
    return ch >= 0x20 && (ch < 0x7f || ch > 0x9f)
           && ch != 0x00ad && ch != 0x034f && ch != 0x061c
           && (ch < 0x180b || ch > 0x180f)
           && (ch < 0x200b || ch > 0x200f)
           && (ch < 0x2028 || ch > 0x202e)
           && (ch < 0x2060 || ch > 0x206f) && ch != 0xfeff
           && (ch < 0xfff9 || ch > 0xfffb)
           && (ch < 0xe0000 || ch > 0xe007f);
}
