/*
 * Errors and notes: kept in the context or handed to the front end, never
 * printed.
 *
 * They quote what others wrote, and that may hold a plaintext token: one given
 * as an id, a name in a file that is imported.  It never leaves here.
 */


#include "ctl.h"
#include "stok_scan.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>


#define CTL_TEXT  4096                           /* a token is not cut there */


static void ctl_error_text(char *out, size_t size, const char *format,
    va_list ap) __attribute__((format(printf, 3, 0)));


int
(ctl_fail)(ctl_t *ctl, ctl_kind_e kind, const char *format, ...)
{
    va_list  ap;

    ctl->error.kind = kind;
    ctl->error.what = NULL;
    memcpy(ctl->error.hint, ctl->hint, sizeof(ctl->hint));

    va_start(ap, format);
    ctl_error_text(ctl->error.text, sizeof(ctl->error.text), format, ap);
    va_end(ap);

    return kind;
}


int
ctl_named(ctl_t *ctl, const char *what)
{
    ctl->error.what = what;

    return ctl->error.kind;
}


static void
ctl_error_text(char *out, size_t size, const char *format, va_list ap)
{
    char           text[CTL_TEXT];
    size_t         pos, len;
    stok_token_t   token;

    vsnprintf(text, sizeof(text), format, ap);

    for (pos = 0, len = strlen(text);
         stok_scan_next(text, len, &pos, &token) == STOK_OK; )
    {
        memset(text + (token.brand.data - text), '*', stok_scan_len(&token));
    }

    snprintf(out, size, "%.*s", (int) size - 1, text);
    OPENSSL_cleanse(text, sizeof(text));
}


void
ctl_hint(ctl_t *ctl, const char *format, ...)
{
    va_list  ap;

    ctl->hint[0] = '\0';

    if (format) {
        va_start(ap, format);
        vsnprintf(ctl->hint, sizeof(ctl->hint), format, ap);
        va_end(ap);
    }
}


void
ctl_note(ctl_t *ctl, ctl_note_e note, const char *format, ...)
{
    char     text[1024];
    va_list  ap;

    if (ctl->note == NULL) {
        return;
    }

    va_start(ap, format);
    ctl_error_text(text, sizeof(text), format, ap);
    va_end(ap);

    ctl->note(ctl->note_data, note, text);
}


void
ctl_done(ctl_t *ctl, const char *did, const char *verb, const char *format,
    ...)
{
    char     text[CTL_TEXT];
    va_list  ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    ctl_note(ctl, CTL_NOTE_DONE, "%s%s %s", ctl->dry ? "would " : "",
             ctl->dry ? verb : did, text);

    OPENSSL_cleanse(text, sizeof(text));
}


void
ctl_note_error(ctl_t *ctl)
{
    ctl_error_t  *error;

    error = &ctl->error;

    if (error->text[0]) {
        ctl_note(ctl, CTL_NOTE_ERROR, "%s%s%s", error->text,
                 error->hint[0] ? ": " : "", error->hint);
    }

    memset(error, 0, sizeof(*error));
}
