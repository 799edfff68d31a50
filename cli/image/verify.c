/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind verify: reads an image of any generator, and says whether it will do what /etc says. */
#include "verify.h"

#include "base/arguments.h"
#include "base/complain.h"
#include "base/json.h"
#include "base/table.h"
#include "image_check.h"
#include "image_model.h"
#include "verify_boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct table_column columns[] = {
	{ "CHECK", "check", 8, 0, false },
	{ "RESULT", "result", 8, 0, false },
	{ "DETAIL", "detail", 40, 0, false },
};

static const struct table table = { .columns = columns, .count = ARRAY_SIZE(columns) };

static const char *colour_of(enum finding_kind kind)
{
	switch (kind) {
	case FOUND_RIGHT:
		break;
	case FOUND_UNPROVEN:
	case FOUND_CHANGED:
	case FOUND_UNKNOWN:
		return "brown";
	case FOUND_OUTDATED:
	case FOUND_MISSING:
	case FOUND_WRONG:
		return "red";
	}
	return "";
}

static struct json_object *rows_of(const struct image_check *check, const struct options *options)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < check->count; i++) {
		const struct image_check_row *finding = &check->findings[i];
		struct json_object *row = json_object_new_object();

		json_add_string(row, "check", finding->check);
		json_add_string(row, "result", finding_word(finding->kind));
		json_add_string(row, "detail", finding->detail);
		if (!options->json)
			json_add_string(row, "colour", colour_of(finding->kind));
		(void)json_object_array_add(rows, row);
	}
	return rows;
}

/* What the image does with each function that a rule of its own selects; null: nobody knows. */
static struct json_object *functions_of(const struct image_model *model)
{
	struct json_object *functions = json_object_new_array();

	if (!model || !model->known) {
		(void)json_object_put(functions);
		return NULL;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct model_row *row = &model->rows[i];
		struct json_object *function = json_object_new_object();
		char address[ADDRESS_SIZE];

		if (row->done.kind == VERDICT_NONE) {
			(void)json_object_put(function);
			continue;
		}
		(void)address_format(row->address, address);
		json_add_string(function, "address", address);
		json_add_string(function, "verdict", verdict_token(row->done.kind));
		json_add_string(function, "reason", reason_token(row->done.reason));
		json_add_string(function, "driver", row->driver);
		(void)json_object_array_add(functions, function);
	}
	return functions;
}

static enum finding_kind worst_of(const struct image_check *check)
{
	enum finding_kind worst = FOUND_RIGHT;

	for (size_t i = 0; i < check->count; i++)
		if (check->findings[i].kind > worst)
			worst = check->findings[i].kind;
	return worst;
}

static int code_of(const struct image_check *check, const struct verify *verify)
{
	enum finding_kind worst = worst_of(check);

	if (worst == FOUND_WRONG)
		return EXIT_FAILED;
	if (check->mistakes)
		return check->denied ? EXIT_PERMISSION : EXIT_USAGE;
	if (!check->configured && !check->ours)
		return EXIT_NOT_CONFIGURED;
	if (worst >= FOUND_OUTDATED)
		return EXIT_PENDING;
	if (worst == FOUND_UNKNOWN)
		return EXIT_FAILED;
	return verify->strict && worst != FOUND_RIGHT ? EXIT_WARNINGS : EXIT_AS_CONFIGURED;
}

static void print_next_step(const struct image_check *check, const struct verify *verify, int code)
{
	switch (code) {
	case EXIT_FAILED:
		if (check->elsewhere && worst_of(check) == FOUND_UNKNOWN)
			(void)puts("Look at it on the machine that boots it, as root.");
		else if (worst_of(check) == FOUND_UNKNOWN && !verify->boot)
			(void)printf("Only a boot can tell: vfio-bind verify --boot %s\n",
				     verify->image);
		else if (worst_of(check) != FOUND_UNKNOWN)
			(void)puts("This image will not do what /etc says.");
		break;
	case EXIT_NOT_CONFIGURED:
		(void)puts("There is no rule in /etc, and nothing of ours in the image.");
		break;
	case EXIT_PENDING:
		/* Who has just built it is not to do so again. */
		if (verify->print == VERIFY_IF_AMISS)
			(void)puts("The generator made it so: look at what it said, and at "
				   "vfio-bind-initramfs(7).");
		else
			(void)puts("Build the image anew: vfio-bind update");
		break;
	default:
		break;
	}
}

static int print_text(const struct image_check *check, struct json_object *rows,
		      const struct options *options, const struct verify *verify, int code)
{
	bool bare = options->raw || options->noheadings;
	int printed;

	if (!bare)
		(void)printf("%s: %s, kernel %s\n", verify->image, check->generator,
			     check->release[0] ? check->release : "unknown");
	printed = table_print(&table, rows, options);
	if (!bare && printed == EXIT_AS_CONFIGURED)
		print_next_step(check, verify, code);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

static int print_check(const struct image_check *check, const struct options *options,
		       const struct verify *verify, int code)
{
	struct json_object *object = json_object_new_object();
	struct json_object *rows = rows_of(check, options);

	json_add_string(object, "result", exit_word(code));
	json_add_string(object, "image", verify->image);
	json_add_string(object, "generator", check->generator);
	json_add_string(object, "kernel", check->release);
	(void)json_object_object_add(object, "checks", rows);
	(void)json_object_object_add(object, "functions", functions_of(check->model));
	if (options->json)
		json_print(object);
	else
		code = print_text(check, rows, options, verify, code);
	(void)json_object_put(object);
	return code;
}

static int boot_image(struct image_check *check, const struct options *options,
		      const struct verify *verify)
{
	const struct boot_request request = { .root = options->root,
					      .image = verify->image,
					      .release = check->release,
					      .init_is_binder = check->init_is_binder };

	return verify_boot(&request, check->order);
}

int verify_image(const struct options *options, const struct verify *verify)
{
	static struct image_check check;
	int err = image_check(&check, options->root, verify->image, verify->kernel), code;

	if (err == -EACCES || err == -EPERM)
		return complain(EXIT_PERMISSION, "%s: %s", check.failed, strerror(-err));
	if (err)
		return complain(EXIT_FAILED, "%s: %s", check.failed, strerror(-err));
	if (verify->boot && (check.ours || check.configured)) {
		code = boot_image(&check, options, verify);
		if (code != EXIT_AS_CONFIGURED)
			return code;
	}
	code = code_of(&check, verify);
	if (verify->print == VERIFY_NEVER ||
	    (verify->print == VERIFY_IF_AMISS && code == EXIT_AS_CONFIGURED))
		return code;
	return print_check(&check, options, verify, code);
}

static int take_option(void *context, int option, const char *value)
{
	struct verify *verify = context;

	if (option == 'k')
		verify->kernel = value;
	else if (option == 'b')
		verify->boot = true;
	else
		verify->strict = true;
	return -1;
}

int command_verify(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "kernel", required_argument, NULL, 'k' },
					     { "boot", no_argument, NULL, 'b' },
					     { "strict", no_argument, NULL, 's' } };
	struct verify verify = { 0 };
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take_option,
		.context = &verify,
		.min = 1,
		.max = 1,
		.table = &table,
		.usage = "[--boot] [--kernel RELEASE] [--strict] IMAGE",
	};
	int code = arguments_take(options, &arguments, argc, argv);

	if (code < 0)
		code = arguments_need_machine(options, argv[0], NULL);
	if (code >= 0)
		return code;
	verify.image = argv[optind];
	return verify_image(options, &verify);
}
