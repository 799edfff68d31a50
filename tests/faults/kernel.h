/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's part below a root directory: what it does when a process has written to sysfs. */
#ifndef KERNEL_H
#define KERNEL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* Returns how many bytes of a process's memory there are, up to that many. */
static size_t read_bytes(pid_t pid, uint64_t at, void *out, size_t size)
{
	struct iovec to = { out, size }, from = { (void *)(uintptr_t)at, size };
	ssize_t n = process_vm_readv(pid, &to, 1, &from, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* A text of its memory, which may end just before a page that is not there. */
static void read_text(pid_t pid, uint64_t at, char *out, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read_bytes(pid, at + len, out + len, 1) && out[len])
		len++;
	out[len] = '\0';
}

/* The text a call of that process writes. */
static void text_of_write(pid_t pid, const struct user_regs_struct *regs, char *out, size_t size)
{
	size_t len = (size_t)regs->rax < size - 1 ? (size_t)regs->rax : size - 1;

	out[read_bytes(pid, regs->rsi, out, len)] = '\0';
}

static bool has_override(const char *device, const char *driver)
{
	char path[PATH_SIZE], text[64] = "";
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/driver_override", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return !strcmp(text, driver);
}

/*
 * What a kernel does with an address that is written: only a driver that the override names takes
 * the device, and a device without an override goes to one called "host".
 */
static void kernel(const char *root, pid_t pid, const struct user_regs_struct *regs)
{
	char fd[64], path[PATH_SIZE], address[64], device[PATH_SIZE], link[2 * PATH_SIZE];
	ssize_t len;
	char *name, *driver;

	(void)snprintf(fd, sizeof(fd), "/proc/%d/fd/%d", (int)pid, (int)regs->rdi);
	len = readlink(fd, path, sizeof(path) - 1);
	if (len < 0 || strncmp(path, root, strlen(root)) != 0)
		return;
	path[len] = '\0';
	name = strrchr(path, '/');
	*name++ = '\0';
	driver = strrchr(path, '/') + 1;
	text_of_write(pid, regs, address, sizeof(address));
	(void)snprintf(device, sizeof(device), "%s/sys/bus/pci/devices/%s", root, address);
	(void)snprintf(link, sizeof(link), "%s/driver", device);
	if (access(device, F_OK))
		return;
	if (!strcmp(name, "unbind")) {
		(void)unlink(link);
	} else if (!strcmp(name, "bind") && has_override(device, driver)) {
		(void)symlink(path + strlen(root), link);
	} else if (!strcmp(name, "drivers_probe") &&
		   (has_override(device, "") || has_override(device, "(null)"))) {
		(void)symlink("/sys/bus/pci/drivers/host", link);
	}
}

/* A device that is pulled out, or is back. */
static void be_gone(const char *root, const char *address, bool gone)
{
	char link[PATH_SIZE], to[PATH_SIZE], folder[2 * PATH_SIZE], away[2 * PATH_SIZE + 8];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "%s/sys/bus/pci/devices/%s", root, address);
	len = readlink(link, to, sizeof(to) - 1);
	to[len < 0 ? 0 : len] = '\0';
	(void)snprintf(folder, sizeof(folder), "%s/sys/bus/pci/devices/%s", root, to);
	(void)snprintf(away, sizeof(away), "%s.gone", folder);
	(void)rename(gone ? folder : away, gone ? away : folder);
}

/*
 * A function that was found is told of at once. Its entry in /proc is made as it is added, and no
 * driver gets it before. Where there is no such folder, all have been.
 */
static bool is_found(const char *root, const char *address, char path[PATH_SIZE])
{
	int len = snprintf(path, PATH_SIZE, "%s/proc/bus/pci", root);

	if (access(path, F_OK) || strlen(address) != sizeof("0000:01:00.0") - 1)
		return false;
	(void)snprintf(path + len, PATH_SIZE - (size_t)len, "/%.2s/%s", address + 5, address + 8);
	return access(path, F_OK) != 0;
}

/* Where there is a file ROOT/gate an override counts only for drivers with vfio in their names. */
static bool is_gated(const char *root, const char *bind)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/gate", root);
	return !access(path, F_OK) && !strstr(strstr(bind, "/drivers/"), "vfio");
}

/* True if a write to bind is answered by ENODEV. */
static bool is_refused(const char *root, pid_t pid, const struct user_regs_struct *regs)
{
	char fd[64], path[PATH_SIZE], address[64];
	ssize_t len;

	(void)snprintf(fd, sizeof(fd), "/proc/%d/fd/%d", (int)pid, (int)regs->rdi);
	len = readlink(fd, path, sizeof(path) - 1);
	path[len < 0 ? 0 : len] = '\0';
	if (len < 5 || strcmp(path + len - 5, "/bind") != 0 || (long)regs->rax <= 0)
		return false;
	if (is_gated(root, path))
		return true;
	text_of_write(pid, regs, address, sizeof(address));
	return is_found(root, address, path);
}

/* The kernel adds it, and vfio-pci gets it if the override names that. */
static void add_found(const char *root, const char *address)
{
	char path[PATH_SIZE], device[PATH_SIZE], link[PATH_SIZE + 8];

	if (!is_found(root, address, path))
		return;
	(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	(void)snprintf(device, sizeof(device), "%s/sys/bus/pci/devices/%s", root, address);
	(void)snprintf(link, sizeof(link), "%s/driver", device);
	if (has_override(device, "vfio-pci"))
		(void)symlink("/sys/bus/pci/drivers/vfio-pci", link);
}

#endif
