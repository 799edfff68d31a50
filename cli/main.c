/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "program.h"

#include <signal.h>

int main(int argc, char *argv[])
{
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, no child could be waited for */
	return program(argc, argv);
}
