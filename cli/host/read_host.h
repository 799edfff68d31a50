/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and judges a host: the machine it runs on, or a machine file. */
#ifndef READ_HOST_H
#define READ_HOST_H

#include "host.h"

/* Looks at the machine only. Returns NULL with *code set to an exit code if that fails. */
struct host *host_look(const struct options *options, int *code);

/*
 * Reads machine and policy, and judges for that moment. A policy with mistakes judges nothing;
 * the command tells them. Returns NULL with *code set to an exit code if the machine
 * cannot be read. Free it with host_free().
 */
struct host *host_read(const struct options *options, enum moment moment, int *code);
void host_free(struct host *host);

/*
 * The same machine once more, with no policy and no protect list yet: host_judge() judges it by
 * others. It shares what the first has open, so it is to be freed before that. NULL if there is
 * no memory.
 */
struct host *host_again(const struct host *host);

/* The policy of /etc, read once: with the rules of another command line. */
void host_policy_under(struct host *again, const char *cmdline);

/* Judges anew, as for that moment. Returns an exit code. */
int host_judge(struct host *host, enum moment moment);

/* Reads every fact there is, for dump. Returns an exit code. */
int host_read_all(struct host *host);

#endif
