/*
 * Tokens in base64; see stok_scan.h.
 *
 * "_svc_", "_pat_" and "_scim" stand in base64 in three ways each, by where in
 * three bytes they begin; of each, six digits do not depend on what stands
 * around them.  So do these six digits in base64 once more, three ways each.
 * All bytes of a block of base64 are looked at through a window of six digits;
 * where it shows such a mark, what stands around it is decoded, and searched
 * as any other text is.
 *
<<<<<<< HEAD
 * Any byte that is not a digit ends a block, except the end of a line.  Since
 * a token takes 57 digits and more, a piece of it has 28, if lines have 32:
 * each 28th byte is looked at to find one, as stok_scan.c does it.
=======
 * Anything but a digit ends a block, except the end of a line.  A token takes
 * 57 digits and more, so a piece of it has 28, if lines have 32: each 28th byte
 * is looked at to find one, as stok_scan.c does it.
>>>>>>> main
 */


#include "stok_scan.h"

#include <string.h>


#define STOK_MARK       6                        /* digits of a mark */
#define STOK_MARK_BITS  ((1ULL << (6 * STOK_MARK)) - 1)
#define STOK_PIECE      28
#define STOK_BEHIND     64                       /* digits, a power of 2 */
#define STOK_AHEAD      80
#define STOK_INDENT     32                       /* blanks of a line */
#define STOK_BACK       200                      /* bytes */


typedef struct {
    char      digits[STOK_MARK + 1];
    uint8_t   skip;                              /* bits before them */
    uint8_t   twice;
} stok_mark_t;

typedef struct {
    uint64_t  mark[36];
    uint64_t  filter[64];                        /* of the last two digits */
    uint8_t   first[64];                         /* by the last one, + 1 */
    uint8_t   next[36];
} stok_marks_t;

typedef struct {
    const char          *data;
    size_t               len;
    size_t               p;                      /* what is read next */
    size_t               n;                      /* digits that were read */
    uint64_t             window;
    uint8_t              ring[STOK_BEHIND];
    stok_marks_t         marks;
} stok_block_t;


static const stok_mark_t  stok_marks[36] = {
    { "X3N2Y1", 0, 0 }, { "9zdmNf", 4, 0 }, { "fc3ZjX", 2, 0 },   /* _svc_ */
    { "X3BhdF", 0, 0 }, { "9wYXRf", 4, 0 }, { "fcGF0X", 2, 0 },   /* _pat_ */
    { "X3NjaW", 0, 0 }, { "9zY2lt", 4, 0 }, { "fc2Npb", 2, 0 },   /* _scim */

    { "WDNOMl", 0, 1 }, { "gzTjJZ", 4, 1 }, { "YM04yW", 2, 1 },
    { "OXpkbU", 0, 1 }, { "l6ZG1O", 4, 1 }, { "5emRtT", 2, 1 },
    { "ZmMzWm", 0, 1 }, { "ZjM1pq", 4, 1 }, { "mYzNaa", 2, 1 },
    { "WDNCaG", 0, 1 }, { "gzQmhk", 4, 1 }, { "YM0JoZ", 2, 1 },
    { "OXdZWF", 0, 1 }, { "l3WVhS", 4, 1 }, { "5d1lYU", 2, 1 },
    { "ZmNHRj", 0, 1 }, { "ZjR0Yw", 4, 1 }, { "mY0dGM", 2, 1 },
    { "WDNOam", 0, 1 }, { "gzTmph", 4, 1 }, { "YM05qY", 2, 1 },
    { "OXpZMm", 0, 1 }, { "l6WTJs", 4, 1 }, { "5elkyb", 2, 1 },
    { "ZmMyTn", 0, 1 }, { "ZjMk5w", 4, 1 }, { "mYzJOc", 2, 1 }
};


static void stok_marks_init(stok_marks_t *marks);
static int stok_scan64_block(stok_block_t *block, size_t low, size_t first,
    stok_scan64_t *found);
static int stok_scan64_step(const char *data, size_t len, size_t *p);
static size_t stok_scan64_wrap(const char *data, size_t len, size_t p);
static size_t stok_scan64_back(const char *data, size_t p, size_t first);
static int stok_scan64_found(const stok_block_t *block,
    const stok_mark_t *mark, stok_scan64_t *found);
static size_t stok_scan64_decode(const uint8_t *digit, size_t n, size_t bit,
    char *out);
static int stok_scan64_digit(char ch);


int
stok_scan64_next(const char *data, size_t len, size_t *pos,
    stok_scan64_t *found)
{
    size_t        i, low, row;
    stok_block_t  block;

    block.data = data;
    block.len = len;
    block.p = 0;

    low = *pos;

    if (len < low + STOK_PIECE) {
        return STOK_DECLINED;
    }

    stok_marks_init(&block.marks);

    for (i = low + STOK_PIECE - 1; i < len; i = low + STOK_PIECE - 1) {

        for (row = i + 1; row > low && stok_scan64_digit(data[row - 1]) >= 0;
             row--)
        {
            /* void */
        }

        if (row > low) {
            low = row;
            continue;
        }

        if (stok_scan64_block(&block, low, *pos, found) == STOK_OK) {
            *pos = block.p;
            return STOK_OK;
        }

        low = block.p;
    }

    return STOK_DECLINED;
}


size_t
stok_scan64_keep(size_t len, size_t pos)
{
    if (len < STOK_SCAN64_MAX || len - STOK_SCAN64_MAX < pos) {
        return pos < len ? pos : len;
    }

    return len - STOK_SCAN64_MAX;
}


static void
stok_marks_init(stok_marks_t *marks)
{
    size_t  i, k, last;

    memset(marks, 0, sizeof(*marks));

    for (i = 0; i < sizeof(stok_marks) / sizeof(stok_marks[0]); i++) {
        for (k = 0; k < STOK_MARK; k++) {
            marks->mark[i] = marks->mark[i] << 6
                             | (uint64_t)
                               stok_scan64_digit(stok_marks[i].digits[k]);
        }

        last = marks->mark[i] & 63;

        marks->filter[last] |= 1ULL << (marks->mark[i] >> 6 & 63);
        marks->next[i] = marks->first[last];
        marks->first[last] = (uint8_t) (i + 1);
    }
}


/*
 * A block that has digits from low on, and may begin in a line before, but not
 * before first.  block->p: behind the mark that was found, or behind the block.
 */

static int
stok_scan64_block(stok_block_t *block, size_t low, size_t first,
    stok_scan64_t *found)
{
    int     v;
    size_t  i;

    block->p = stok_scan64_back(block->data, low, first);
    block->n = 0;
    block->window = 0;

    for ( ;; ) {
        v = stok_scan64_step(block->data, block->len, &block->p);

        if (v < 0 && block->p < low) {
            block->p = low;
            block->n = 0;
            continue;
        }

        if (v < 0) {
            return STOK_DECLINED;
        }

        block->ring[block->n++ % STOK_BEHIND] = (uint8_t) v;
        block->window = (block->window << 6 | (uint64_t) v) & STOK_MARK_BITS;

        if ((block->marks.filter[v] >> (block->window >> 6 & 63) & 1) == 0
            || block->n < STOK_MARK)
        {
            continue;
        }

        for (i = block->marks.first[v]; i; i = block->marks.next[i - 1]) {
            if (block->window == block->marks.mark[i - 1]
                && stok_scan64_found(block, &stok_marks[i - 1], found)
                   == STOK_OK)
            {
                return STOK_OK;
            }
        }
    }
}


/* the next digit, in the next line if need be; -1: the block ends at *p */

static int
stok_scan64_step(const char *data, size_t len, size_t *p)
{
    int     v;
    size_t  next;

    v = *p < len ? stok_scan64_digit(data[*p]) : -1;

    if (v >= 0) {
        (*p)++;
        return v;
    }

    next = stok_scan64_wrap(data, len, *p);

    if (next == *p || next == len) {
        return -1;
    }

    v = stok_scan64_digit(data[next]);

    if (v >= 0) {
        *p = next + 1;
    }

    return v;
}


/* where the next line begins, behind its indentation; p: no line ends here */

static size_t
stok_scan64_wrap(const char *data, size_t len, size_t p)
{
    size_t  i, n;

    i = p;

    /* as a string of JSON or C has it */

    if (i + 1 < len && data[i] == '\\' && data[i + 1] == 'r') {
        i += 2;
    }

    if (i + 1 < len && data[i] == '\\' && data[i + 1] == 'n') {
        return i + 2;
    }

    i = p;

    if (i < len && data[i] == '\r') {
        i++;
    }

    if (i == len || data[i] != '\n') {
        return p;
    }

    i++;

    for (n = 0; i < len && n < STOK_INDENT
                && (data[i] == ' ' || data[i] == '\t'); n++)
    {
        i++;
    }

    return i;
}


/* over the ends of lines, too */

static size_t
stok_scan64_back(const char *data, size_t p, size_t first)
{
    size_t  i, n;

    if (p - first > STOK_BACK) {
        first = p - STOK_BACK;
    }

    for ( ;; ) {
        while (p > first && stok_scan64_digit(data[p - 1]) >= 0) {
            p--;
        }

        i = p;

        if (i > first && data[i - 1] == '\\'
            && (data[i] == 'n' || data[i] == 'r'))
        {
            p--;
            continue;
        }

        for (n = 0; i > first && n < STOK_INDENT
                    && (data[i - 1] == ' ' || data[i - 1] == '\t'); n++)
        {
            i--;
        }

        if (i == first || data[i - 1] != '\n') {
            return p;
        }

        i--;
        i -= i > first && data[i - 1] == '\r';

        if (i == first || stok_scan64_digit(data[i - 1]) < 0) {
            return p;
        }

        p = i;
    }
}


/* what stands around a mark, which ends before block->p */

static int
stok_scan64_found(const stok_block_t *block, const stok_mark_t *mark,
    stok_scan64_t *found)
{
    int      v;
    char     inner[STOK_SCAN64_TEXT];
    size_t   i, n, p, pos, behind, bit;
    uint8_t  digit[STOK_BEHIND + STOK_AHEAD];

    behind = block->n < STOK_BEHIND ? block->n : STOK_BEHIND;

    for (i = 0; i < behind; i++) {
        digit[i] = block->ring[(block->n - behind + i) % STOK_BEHIND];
    }

    p = block->p;

    for (n = behind; n < sizeof(digit); n++) {
        v = stok_scan64_step(block->data, block->len, &p);

        if (v < 0) {
            break;
        }

        digit[n] = (uint8_t) v;
    }

    bit = 6 * (behind - STOK_MARK);

    if (bit < mark->skip) {
        return STOK_DECLINED;
    }

    bit -= mark->skip;                           /* where the mark begins */
    pos = 0;

    if (mark->twice) {
        n = stok_scan64_decode(digit, n, bit % 8, inner);

        if (stok_scan64_next(inner, n, &pos, found) != STOK_OK) {
            return STOK_DECLINED;
        }

    } else {

        /* no more than a brand before it, so that no token is found again */

        bit = bit > 8 * STOK_BRAND_MAX ? bit - 8 * STOK_BRAND_MAX : bit % 8;
        n = stok_scan64_decode(digit, n, bit, found->text);

        if (stok_scan_next(found->text, n, &pos, &found->token) != STOK_OK) {
            return STOK_DECLINED;
        }
    }

    found->at = block->p;

    return STOK_OK;
}


/* bytes from a bit of the digits on, which is an even one */

static size_t
stok_scan64_decode(const uint8_t *digit, size_t n, size_t bit, char *out)
{
    size_t    i;
    unsigned  two;

    for (i = 0; bit / 6 + 1 < n; bit += 8) {
        two = (unsigned) digit[bit / 6] << 6 | digit[bit / 6 + 1];
        out[i++] = (char) (two >> (4 - bit % 6) & 0xff);
    }

    return i;
}


/* of either alphabet; -1: not a digit */

static int
stok_scan64_digit(char ch)
{
    static const signed char  digits[256] = {
        ['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
        ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
        ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
        19, 20, 21, 22, 23, 24, 25, 26,
        ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
        42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52
    };

    return digits[(uint8_t) ch] - 1;
}
