/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host program as a function: what main() is, and what tests call again and again. */
#ifndef PROGRAM_H
#define PROGRAM_H

/* Runs the command in argv. Returns an exit code. */
int program(int argc, char *argv[]);

#endif
