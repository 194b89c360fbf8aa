/*
 * The status as metrics; metrics.c.
 */


#ifndef CLI_METRICS_H
#define CLI_METRICS_H


#include "cli.h"


void cli_status_metrics(json_t *status);


#endif /* CLI_METRICS_H */
