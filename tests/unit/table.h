/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of tests. A row is a struct whose first member is its name, a sentence about what the
 * module does; each becomes a test of its own.
 */
#ifndef TABLE_H
#define TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TABLE(rows, check)                                                                         \
	run_table(#rows, rows, sizeof(rows) / sizeof((rows)[0]), sizeof((rows)[0]), check)

static int run_table(const char *name, const void *rows, size_t count, size_t size,
		     CMUnitTestFunction check)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!tests)
		abort();
	for (size_t i = 0; i < count; i++) {
		const char *row = (const char *)rows + i * size;

		memcpy(&tests[i].name, row, sizeof(tests[i].name));
		tests[i].test_func = check;
		/* cmocka wants no const here; no test writes to its row. */
		memcpy(&tests[i].initial_state, &row, sizeof(row));
	}
	failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	free(tests);
	return failed;
}

#endif
