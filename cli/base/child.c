/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "child.h"

#include "complain.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool child_find(struct machine *machine, const char *name, char out[CHILD_PROGRAM_SIZE])
{
	static const char *const dirs[] = { "usr/sbin/", "usr/bin/",        "sbin/",
					    "bin/",      "usr/local/sbin/", "usr/local/bin/" };
	char path[CHILD_PROGRAM_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (join(path, sizeof(path), dirs[i], name, "") && machine_has(machine, path))
			return join(out, CHILD_PROGRAM_SIZE, "/", path, "");
	return false;
}

/*
 * Becomes the program, with its standard output at out. Below another root it has to see that one
 * as its own.
 */
static _Noreturn void become(const char *root, const char *program, char *const argv[], int out)
{
	if (dup2(out, STDOUT_FILENO) < 0 ||
	    (strcmp(root, "/") != 0 && (chroot(root) || chdir("/"))))
		_exit(complain(EXIT_FAILED, "%s: %s", root, strerror(errno)));
	(void)execv(program, argv);
	_exit(complain(EXIT_FAILED, "%s: %s", program, strerror(errno)));
}

ssize_t child_ask(const char *root, const char *program, char *const argv[], char *out, size_t size)
{
	int ends[2], null, status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	(void)fflush(NULL);
	child = fork();
	if (!child) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null >= 0)
			(void)dup2(null, STDERR_FILENO);
		become(root, program, argv, ends[1]);
	}
	(void)close(ends[1]);
	while (child > 0 && len < size && (n = read(ends[0], out + len, size - len)) > 0)
		len += (size_t)n;
	(void)close(ends[0]);
	/* One that had more to say than there is room for dies of it. */
	if (child < 0 || waitpid(child, &status, 0) < 0 || (status && len < size))
		return -1;
	return (ssize_t)len;
}

bool child_run(const char *root, const char *program, char *const argv[])
{
	int status = -1;
	pid_t child;

	(void)fputc('+', stderr);
	for (size_t i = 0; argv[i]; i++)
		(void)fprintf(stderr, " %s", argv[i]);
	(void)fputc('\n', stderr);
	(void)fflush(NULL);
	warnings_print();
	child = fork();
	if (!child)
		become(root, program, argv, STDERR_FILENO);
	if (child < 0 || waitpid(child, &status, 0) < 0 || status) {
		if (child > 0 && WIFEXITED(status))
			warn("%s: exit %d", argv[0], WEXITSTATUS(status));
		else
			warn("%s: it did not come to its end", argv[0]);
		return false;
	}
	return true;
}
