/*
 * Errors and notes: kept in the context or handed to the front end, never
 * printed.
 */


#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


int
ctl_fail(ctl_t *ctl, ctl_kind_e kind, const char *format, ...)
{
    va_list  ap;

    ctl->error.kind = kind;
    memcpy(ctl->error.hint, ctl->hint, sizeof(ctl->hint));

    va_start(ap, format);
    vsnprintf(ctl->error.text, sizeof(ctl->error.text), format, ap);
    va_end(ap);

    return kind;
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
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    ctl->note(ctl->note_data, note, text);
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
