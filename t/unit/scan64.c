/*
 * Tokens found in base64: wherever they begin in it, in lines of any length
 * that is used, in either alphabet, in base64 that is in base64; and once,
 * however the bytes are cut.
 */


#include "guard.h"

#include "stok_scan.h"


#define SCAN_TEXT  4096


static const char  *scan_tokens[] = {
    "stk_svc_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe2WkhhL",
    "stk_pat_eby3abP3E2Zs8IQ9Y7aJZqhB6baeCN6Z0laLBv",
    "acme_scim_j4a3dDVhYRnKTbxTNJFoBinF5aJXVuLk13wo76"
};

static const char  *scan_ends[] = { "\n", "\r\n", "\n    ", "\\n", "\\r\\n" };


/* lines of a width, 0: one; with their end between */

static size_t
scan_encode(const char *text, size_t len, char *out, int url, size_t width,
    const char *end)
{
    size_t        i, n, k, column;
    uint32_t      bits;
    const char   *digits;

    digits = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789-_"
                 : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789+/";

    for (i = 0, n = 0, column = 0; i < len; i += 3) {
        bits = (uint32_t) (uint8_t) text[i] << 16;
        bits |= i + 1 < len ? (uint32_t) (uint8_t) text[i + 1] << 8 : 0;
        bits |= i + 2 < len ? (uint32_t) (uint8_t) text[i + 2] : 0;

        for (k = 0; k < 4; k++) {
            if (width && column++ == width) {
                memcpy(out + n, end, strlen(end));
                n += strlen(end);
                column = 1;
            }

            out[n++] = k > len - i ? '=' : digits[bits >> (18 - 6 * k) & 63];
        }
    }

    return n;
}


/* random bytes, a token, some more; base64 of it, once or twice */

static size_t
scan_make(char *out, uint32_t *seed, const char *token, size_t before,
    int twice, int url, size_t width, const char *end)
{
    char    text[SCAN_TEXT], inner[SCAN_TEXT];
    size_t  i, len;

    for (i = 0; i < before; i++) {
        text[i] = (char) guard_random(seed);
    }

    len = strlen(token);
    memcpy(text + i, token, len);
    len += before;

    for (i = 0; i < before % 4; i++) {
        text[len++] = '"';
    }

    if (twice) {
        len = scan_encode(text, len, inner, url, 0, "");
        memcpy(text, inner, len);
    }

    return scan_encode(text, len, out, url, width, end);
}


static void
scan_places(void **state)
{
    char            text[SCAN_TEXT], *p;
    size_t          i, k, len, pos, before;
    guard_t        *guard = *state;
    uint32_t        seed;
    stok_scan64_t   found;

    static const size_t  widths[] = { 0, 32, 64, 76 };

    seed = 5;

    for (before = 0; before < 60; before++) {
        for (i = 0; i < 3 * 4 * 4; i++) {
            for (k = 0; k < 5; k++) {
                len = scan_make(text, &seed, scan_tokens[i % 3], before,
                                i / 3 % 2, i / 6 % 2, widths[i / 12],
                                scan_ends[k]);

                p = guard_tail(guard, text, len);
                pos = 0;

                assert_int_equal(stok_scan64_next(p, len, &pos, &found),
                                 STOK_OK);
                assert_int_equal(stok_scan_len(&found.token),
                                 strlen(scan_tokens[i % 3]));
                assert_memory_equal(found.token.brand.data, scan_tokens[i % 3],
                                    strlen(scan_tokens[i % 3]));
                assert_true(found.at <= len && pos <= len);

                assert_int_equal(stok_scan64_next(p, len, &pos, &found),
                                 STOK_DECLINED);
            }
        }
    }
}


/* one behind the other, with the shortest brand: each is found once */

static void
scan_close(void **state)
{
    char           text[SCAN_TEXT], out[SCAN_TEXT], *p;
    int            twice;
    size_t         i, n, len, pos, made;
    guard_t       *guard = *state;
    uint8_t        random[STOK_TOKEN_RANDOM];
    stok_scan64_t  found;

    for (twice = 0; twice < 2; twice++) {
        for (n = 0, len = 0; n < 20; n++) {
            memset(random, (int) n, sizeof(random));
            assert_int_equal(stok_token_make("ab", 2, STOK_KIND_SVC, random,
                                             text + len, &made),
                             STOK_OK);
            len += made;
        }

        len = scan_encode(text, len, out, 0, 0, "");

        if (twice) {
            len = scan_encode(memcpy(text, out, len), len, out, 0, 0, "");
        }

        p = guard_tail(guard, out, len);
        pos = 0;

        for (i = 0; stok_scan64_next(p, len, &pos, &found) == STOK_OK; i++) {
            /* void */
        }

        assert_int_equal(i, n);
    }
}


/* each byte of it changed, or missing at its end: no token is found */

static void
scan_changed(void **state)
{
    char           text[SCAN_TEXT], *p;
    size_t         i, len, pos;
    guard_t       *guard = *state;
    uint32_t       seed;
    stok_scan64_t  found;

    seed = 9;
    len = scan_make(text, &seed, scan_tokens[0], 0, 0, 0, 0, "");

    for (i = 0; i < len; i++) {
        pos = 0;
        p = guard_tail(guard, text, len);
        p[i] = p[i] == 'A' ? 'B' : 'A';

        /* the last digit has bits that are not used */

        if (p[i] != text[i] && i + 3 < len) {
            assert_int_equal(stok_scan64_next(p, len, &pos, &found),
                             STOK_DECLINED);
        }

        pos = 0;
        p = guard_tail(guard, text, i);

        if (i + 3 < len) {
            assert_int_equal(stok_scan64_next(p, i, &pos, &found),
                             STOK_DECLINED);
        }
    }
}


/* cut anywhere, they are found once */

static void
scan_stream(void **state)
{
    char           text[8192], part[8192], *p;
    size_t         i, n, len, size, pos, kept, step, seen, done;
    guard_t       *guard = *state;
    uint32_t       seed;
    stok_scan64_t  found;

    static const char  noise[] = "X3N2Y1fc2Npb \n=\"";

    seed = 13;

    for (step = 1; step < 300; step += 1 + step / 8) {

        for (len = 0, n = 0; len < sizeof(text) - 1500; n++) {
            size = guard_random(&seed) % 90;

            for (i = 0; i < size; i++) {
                text[len++] = noise[guard_random(&seed)
                                    % (sizeof(noise) - 1)];
            }

            text[len++] = '"';
            len += scan_make(text + len, &seed, scan_tokens[n % 3], n % 50,
                             n / 3 % 2, n / 2 % 2, n % 4 * 32,
                             scan_ends[n % 5]);
            text[len++] = '"';
        }

        seen = 0;
        kept = 0;

        for (done = 0; done < len; done += size) {
            size = step < len - done ? step : len - done;
            memcpy(part + kept, text + done, size);
            kept += size;

            p = guard_tail(guard, part, kept);
            pos = 0;

            while (stok_scan64_next(p, kept, &pos, &found) == STOK_OK) {
                seen++;
            }

            pos = stok_scan64_keep(kept, pos);
            memmove(part, part + pos, kept - pos);
            kept -= pos;

            assert_true(kept <= STOK_SCAN64_MAX);
        }

        assert_int_equal(seen, n);
    }
}


int
main(void)
{
    int      rc;
    guard_t  guard;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_prestate(scan_places, &guard),
        cmocka_unit_test_prestate(scan_close, &guard),
        cmocka_unit_test_prestate(scan_changed, &guard),
        cmocka_unit_test_prestate(scan_stream, &guard)
    };

    guard_create(&guard);

    cmocka_set_message_output(CM_OUTPUT_TAP);

    rc = cmocka_run_group_tests_name("scan64", tests, NULL, NULL);

    guard_destroy(&guard);

    return rc;
}
