/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "release.h"

#include "lines.h"
#include "load.h"
#include "log.h"
#include "report.h"
#include "sriov.h"
#include "sysfs.h"

#include <errno.h>

int class_read(struct machine *machine, struct address address, struct device *device)
{
	char text[16];
	ssize_t len = pci_read(machine, address, "class", text, sizeof(text));
	struct text digits = { text + 2, len > 2 ? (size_t)len - 2 : 0 };

	*device = (struct device){ .address = address };
	if (len < 0)
		return (int)len;
	return take_hex(&digits, 6, &device->class) == 6 ? 0 : -EIO;
}

int release_quietly(struct machine *machine, struct address address)
{
	char driver[DRIVER_SIZE];
	struct device device;
	int err;

	if (!class_read(machine, address, &device) && device_is_bridge(&device))
		return -EPERM;
	err = driver_read(machine, address, driver);
	if (!err && driver[0] && !driver_is_passthrough(text_of(driver)) &&
	    !override_is_set(machine, address))
		return 1;
	if (!err)
		err = override_clear(machine, address);
	if (!err && driver_is_passthrough(text_of(driver)))
		err = driver_unbind(machine, address, text_of(driver));
	if (!err)
		err = sriov_probe(machine, address);
	if (!err)
		err = driver_read(machine, address, driver);
	if (!err && driver_is_passthrough(text_of(driver)))
		err = -EBUSY; /* an ids= somewhere takes it right back */
	return err;
}

int release_device(struct machine *machine, struct address address)
{
	char name[ADDRESS_SIZE];
	int err = release_quietly(machine, address);

	(void)address_format(address, name);
	if (err > 0)
		log_line(LEVEL_INFO, "%s is the host's already", name);
	else if (err == -EPERM)
		log_line(LEVEL_ERROR, "%s not released: it is a bridge", name);
	else if (err)
		log_line(LEVEL_ERROR, "%s not released: %s", name, error_name(err));
	else
		log_line(LEVEL_INFO, "%s released", name);
	return err;
}

bool parse_bound(struct text line, struct address *address)
{
	struct text name, verdict;

	return text_cut(&line, '\t', &name) && address_parse(name, address) &&
	       text_cut(&line, '\t', &verdict) && text_is(verdict, "bind");
}

int release_all(struct machine *machine)
{
	static struct lines lines;
	struct address address;
	struct text line;
	int err = lines_open(&lines, machine, RUN_DIR REPORT_NAME), failed = 0;

	if (err == -ENOENT)
		err = lines_open(&lines, machine, DEV_DIR REPORT_NAME);
	if (err) {
		log_line(LEVEL_ERROR, "no report of what was bound (/%s): %s", RUN_DIR REPORT_NAME,
			 error_name(err));
		return err;
	}
	while (lines_next(&lines, &line, &err)) {
		int one = parse_bound(line, &address) ? release_device(machine, address) : 0;

		failed = failed ? failed : one < 0 ? one : 0;
	}
	lines_close(&lines);
	return failed ? failed : err;
}
