/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include <string.h>

struct target {
	char *out;
	size_t size, len;
};

static void put(struct target *target, const char *at, size_t len)
{
	size_t room = target->size - target->len - 1;

	if (len > room)
		len = room;
	memcpy(target->out + target->len, at, len);
	target->len += len;
}

static void put_number(struct target *target, unsigned number, unsigned base, size_t digits)
{
	char text[10];
	size_t at = sizeof(text);

	do {
		text[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number || sizeof(text) - at < digits);
	put(target, text + at, sizeof(text) - at);
}

/* Puts what a conversion stands for; returns the conversion's length. */
static size_t convert(struct target *target, const char *how, va_list *arguments)
{
	const char *string;
	int len;

	switch (how[1]) {
	case 's':
		string = va_arg(*arguments, const char *);
		put(target, string, strlen(string));
		return 2;
	case 'u':
		put_number(target, va_arg(*arguments, unsigned), 10, 1);
		return 2;
	case '0': /* %04x */
		put_number(target, va_arg(*arguments, unsigned), 16, 4);
		return 4;
	case '.': /* %.*s */
		len = va_arg(*arguments, int);
		put(target, va_arg(*arguments, const char *), (size_t)len);
		return 4;
	default:
		put(target, "%", 1);
		return 2;
	}
}

size_t format_list(char *out, size_t size, const char *how, va_list arguments)
{
	struct target target = { out, size, 0 };
	va_list rest;

	va_copy(rest, arguments);
	while (*how) {
		const char *percent = strchr(how, '%');
		size_t plain = percent ? (size_t)(percent - how) : strlen(how);

		put(&target, how, plain);
		how += plain;
		if (*how)
			how += convert(&target, how, &rest);
	}
	va_end(rest);
	out[target.len] = '\0';
	return target.len;
}

size_t format(char *out, size_t size, const char *how, ...)
{
	va_list arguments;
	size_t len;

	va_start(arguments, how);
	len = format_list(out, size, how, arguments);
	va_end(arguments);
	return len;
}
