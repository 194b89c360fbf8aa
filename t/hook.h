/*
 * For the builds of t/fault/fault_write.t and t/usage/last_used_steps.t, by "-include": a
 * writer of the shared table, or of touches, dies, or stops, at a named point
 * between two of its stores.
 *
 * It does so if there is a file KILL-POINT, or STOP-POINT, in the folder that
 * STOK_HOOK names.  The file goes first, so it is for one process, once.
 */


#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define stok_table_hook(point)                                                \
    do {                                                                      \
        stok_test_hook("KILL-" point, SIGKILL);                               \
        stok_test_hook("STOP-" point, SIGSTOP);                               \
    } while (0)

#define ngx_service_token_flush_hook(point)  stok_table_hook("flush-" point)


static inline void
stok_test_hook(const char *name, int signo)
{
    char         path[4096];
    const char  *dir;

    dir = getenv("STOK_HOOK");

    if (dir == NULL) {
        return;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (unlink(path) == 0) {
        (void) raise(signo);
    }
}
