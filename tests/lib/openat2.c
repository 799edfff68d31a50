/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a program that runs under valgrind, or linked to it: valgrind 3.19 does not know
 * openat2(2), by which the binder reads below another root. For trees without a link that leads out
 * openat(2) does the same.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/syscall.h>

long syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long words[4];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 4; i++)
		words[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_openat2) {
		const struct open_how *how = (const void *)words[2];

		return openat((int)words[0], (const char *)words[1], (int)how->flags, how->mode);
	}
	return real(number, words[0], words[1], words[2], words[3]);
}
