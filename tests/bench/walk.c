/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least a bus walk can do: opens, reads and closes the uevent of every PCI function. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int walk(DIR *dir)
{
	static char buffer[4096];
	const struct dirent *entry;
	char path[sizeof(entry->d_name) + sizeof("/uevent")];
	int fd;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		strcpy(stpcpy(path, entry->d_name), "/uevent");
		fd = openat(dirfd(dir), path, O_RDONLY);
		if (fd < 0 || read(fd, buffer, sizeof(buffer)) <= 0)
			return 1;
		(void)close(fd);
	}
	return 0;
}

int main(void)
{
	DIR *dir = opendir("/sys/bus/pci/devices");

	return dir ? walk(dir) : 1;
}
