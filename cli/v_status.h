/*
 * The status as metrics; v_metrics.c.
 */


#ifndef CLI_V_STATUS_H
#define CLI_V_STATUS_H


#include "cli.h"


void cli_status_metrics(json_t *status);


#endif /* CLI_V_STATUS_H */
