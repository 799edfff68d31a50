/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the host program again and again, each time in a process forked after it was linked,
 * which takes longer than most commands: again STDOUT STDERR. Reads a command a line, its
 * words with tabs between them, and answers each with the exit status of main(), or -1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

/* main() of the program: see the Makefile. */
int program(int argc, char *argv[]);

static int run(char *line, char *files[])
{
	char *words[WORDS_MAX + 1] = { 0 };
	int count = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *word = strtok(line, "\t"); word && count < WORDS_MAX; word = strtok(NULL, "\t"))
		words[count++] = word;
	if (!freopen(files[1], "w", stdout) || !freopen(files[2], "w", stderr))
		return EXIT_FAILURE;
	count = program(count, words);
	(void)fflush(stdout);
	return count;
}

int main(int argc, char *argv[])
{
	static char line[65536];

	if (argc != 3)
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin)) {
		int status = 0;
		pid_t child = fork();

		if (!child)
			_exit(run(line, argv));
		if (child < 0 || waitpid(child, &status, 0) != child)
			return EXIT_FAILURE;
		(void)printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
		(void)fflush(stdout);
	}
	return EXIT_SUCCESS;
}
