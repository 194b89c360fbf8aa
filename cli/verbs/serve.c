/*
 * serve: the operations over HTTP, behind nginx; see api/.
 */


#include "api.h"
#include "cli.h"

#include <stdlib.h>


#define CLI_SERVE_SOCKET  "/run/service-token/control.sock"


int
cli_serve(cli_t *cli, cli_args_t *args)
{
    char         *end;
    api_serve_t   conf;
    const char   *socket, *peer, *workers;

    socket = cli_option(args, "socket");
    peer = cli_option(args, "peer");
    workers = cli_option(args, "workers");

    conf.redis = cli->redis;
    conf.socket = socket ? socket : CLI_SERVE_SOCKET;
    conf.peer = peer ? peer : "www-data";
    conf.workers = workers ? (int) strtol(workers, &end, 10) : 4;

    if (workers && (*workers == '\0' || *end)) {
        conf.workers = 0;
    }

    return api_serve(&cli->ctl, &conf);
}
