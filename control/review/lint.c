/*
 * Judges names and addresses: whether a token's name says what uses it, which
 * environment a text names, how many networks addresses are of.
 */


#include "review.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>


#define CTL_NETWORKS  32                         /* more are not told apart */


static size_t ctl_lint_word(const char **p, char *word, size_t size);


const char *
ctl_token_lint(const char *name, const char *env)
{
    const char  *rest, *why, *other;

    why = ctl_name_lint(name);

    for ( /* void */ ; why == NULL; name = rest) {
        other = ctl_env_of(name, &rest);

        if (other == NULL) {
            break;
        }

        if (env[0] && strcmp(other, env) != 0) {
            why = "names another environment";
        }
    }

    return why;
}


const char *
ctl_env_of(const char *text, const char **rest)
{
    char    word[64];
    size_t  i;

    static const char  *envs[][2] = {
        { "production", "production" }, { "prod", "production" },
        { "staging", "staging" }, { "development", "development" },
        { "dev", "development" }, { "testing", "testing" }
    };

    for (*rest = text; ctl_lint_word(rest, word, sizeof(word)); ) {
        for (i = 0; i < sizeof(envs) / sizeof(envs[0]); i++) {
            if (strcmp(word, envs[i][0]) == 0) {
                return envs[i][1];
            }
        }
    }

    return NULL;
}


/* the next run of letters and digits, in lower case; not ASCII is a letter */

static size_t
ctl_lint_word(const char **p, char *word, size_t size)
{
    size_t         n;
    unsigned char  ch;

    for (n = 0; **p; (*p)++) {
        ch = (unsigned char) **p;

        if (!isalnum(ch) && ch < 0x80) {
            if (n) {
                break;
            }

            continue;
        }

        if (n + 1 < size) {
            word[n++] = (char) tolower(ch);
        }
    }

    word[n] = '\0';

    return n;
}


size_t
ctl_networks(const char *addrs)
{
    char      addr[64];
    size_t    len, i, n;
    uint8_t   net[CTL_NETWORKS][8], bin[16];

    for (n = 0; *addrs && n < CTL_NETWORKS; addrs += strspn(addrs, " ")) {
        len = strcspn(addrs, " ");

        if (len < sizeof(addr)) {
            memcpy(addr, addrs, len);
            addr[len] = '\0';
            memset(net[n], 0, sizeof(net[n]));

            if (inet_pton(AF_INET, addr, bin) == 1) {
                net[n][0] = 4;
                memcpy(net[n] + 1, bin, 2);

            } else if (inet_pton(AF_INET6, addr, bin) == 1) {
                net[n][0] = 6;
                memcpy(net[n] + 1, bin, 6);
            }

            for (i = 0; memcmp(net[i], net[n], sizeof(net[n])) != 0; i++) {
                /* void */
            }

            n += i == n && net[n][0];
        }

        addrs += len;
    }

    return n;
}


size_t
ctl_blank_count(const char *list)
{
    size_t  n;

    for (n = 0; *list; n++) {
        list += strspn(list, " ");

        if (*list == '\0') {
            break;
        }

        list += strcspn(list, " ");
    }

    return n;
}
