/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "override_gate.h"

#include "table.h"

#include <errno.h>

/* What went wrong with a device, and whether the kernel may have refused its override. */
struct row {
	const char *name;
	enum step step;
	int err;
	bool gone, refused;
};

static const struct row rows[] = {
	{ "the override is not taken", STEP_OVERRIDE, -EPERM, false, true },
	{ "nor by a kernel that knows no such thing", STEP_OVERRIDE, -EOPNOTSUPP, false, true },
	{ "nothing matches", STEP_BIND, -ENODEV, false, true },
	{ "the driver is not let at it", STEP_BIND, -EACCES, false, true },
	{ "the device has gone", STEP_BIND, -ENODEV, true, false },
	{ "another driver has it", STEP_BIND, -EBUSY, false, false },
	{ "vfio-pci without an IOMMU group", STEP_BIND, -EINVAL, false, false },
	{ "its own driver does not let go", STEP_UNBIND, -ENODEV, false, false },
	{ "there is no such driver", STEP_LOAD, -ENODEV, false, false },
	{ "nothing", STEP_BIND, 0, false, false },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	const struct outcome outcome = { .step = row->step,
					 .err = row->err,
					 .read_back = !row->gone };

	assert_int_equal(override_is_refused(&outcome), row->refused);
}

int main(void)
{
	return TABLE(rows, check_row);
}
