/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/openat2.h and linux/magic.h, which musl-gcc does not find. */
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_IN_ROOT       0x10
#define SYSFS_MAGIC           0x62656572

struct open_how {
	uint64_t flags, mode, resolve;
};

bool join(char *out, size_t size, const char *a, const char *b, const char *c)
{
	const char *const pieces[] = { a, b, c };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t add = strlen(pieces[i]);

		if (add >= size - len)
			return false;
		memcpy(out + len, pieces[i], add);
		len += add;
	}
	out[len] = '\0';
	return true;
}

const char *pci_path(char *out, struct address address, const char *name)
{
	char dir[ADDRESS_SIZE + 1];
	size_t len = address_format(address, dir);

	dir[len] = '/';
	dir[len + 1] = '\0';
	(void)join(out, MACHINE_PATH_SIZE, PCI_DEVICES "/", dir, name);
	return out;
}

static int result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

int machine_blame(struct machine *machine, const char *path, int err)
{
	(void)join(machine->failed, sizeof(machine->failed), path, "", "");
	return err;
}

/*
 * Below "/" the plain call does. Below any other root links must be taken as if that root
 * were "/", which is what openat2(2) has RESOLVE_IN_ROOT for (Linux 5.6).
 */
int machine_openat(struct machine *machine, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? 0644 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	do { /* a rename anywhere meanwhile makes it say EAGAIN: openat2(2) */
		if (machine->confined)
			fd = result(syscall(SYS_openat2, machine->root, path, &how, sizeof(how)));
		else
			fd = result(openat(machine->root, path, flags | O_CLOEXEC, 0644));
	} while (fd == -EAGAIN && machine->confined);
	return fd < 0 ? machine_blame(machine, path, fd) : fd;
}

/* Splits path at its last slash and opens the directory, so that the name is not followed. */
static int open_parent(struct machine *machine, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[MACHINE_PATH_SIZE];
	size_t len = slash ? (size_t)(slash - path) : 1;

	if (len >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, slash ? path : ".", len);
	parent[len] = '\0';
	*name = slash ? slash + 1 : path;
	if (!**name) /* "DIR/": an empty name would never be there */
		*name = ".";
	return machine_openat(machine, parent, O_PATH | O_DIRECTORY);
}

int64_t machine_inode(struct machine *machine, const char *path)
{
	const char *name;
	int parent = open_parent(machine, path, &name);
	struct stat st;
	int err;

	if (parent < 0)
		return parent == -ENOTDIR ? -ENOENT : parent;
	err = result(fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW));
	(void)close(parent);
	return err ? err : (int64_t)(st.st_ino & INT64_MAX);
}

int machine_exists(struct machine *machine, const char *path)
{
	int64_t inode = machine_inode(machine, path);

	if (inode >= 0)
		return 1;
	return inode == -ENOENT ? 0 : (int)inode;
}

bool machine_has(struct machine *machine, const char *path)
{
	return machine_exists(machine, path) != 0;
}

/* A file that is there and says it is not would make us do too little, and report success. */
static int confirm_absence(struct machine *machine, const char *path)
{
	int err = machine_exists(machine, path) ? -EIO : -ENOENT;

	return machine_blame(machine, path, err);
}

int machine_open(struct machine *machine, const char *root)
{
	struct statfs fs;
	int sys, err;

	machine->confined = strcmp(root, "/") != 0;
	machine->live = false;
	machine->pci = -1;
	(void)join(machine->failed, sizeof(machine->failed), root, "", "");
	machine->root = result(open(root, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (machine->root < 0)
		return machine->root;
	machine->pci = machine_openat(machine, PCI_DEVICES, O_PATH | O_DIRECTORY);
	/* What is there but is not told of is an error: without sysfs no disk would be claimed. */
	sys = machine_openat(machine, "sys", O_PATH | O_DIRECTORY);
	if (sys == -ENOENT)
		sys = confirm_absence(machine, "sys");
	if (sys < 0)
		return sys == -ENOENT ? 0 : sys;
	err = result(fstatfs(sys, &fs));
	(void)close(sys);
	if (err)
		return machine_blame(machine, "sys", err);
	machine->live = fs.f_type == SYSFS_MAGIC;
	return 0;
}

void machine_close(struct machine *machine)
{
	if (machine->pci >= 0)
		(void)close(machine->pci);
	(void)close(machine->root);
}

static ssize_t read_some(int fd, char *out, size_t size, bool whole_file)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, out + len, size - len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	} while (n && whole_file);
	out[len] = '\0';
	return (ssize_t)len;
}

static ssize_t read_file(struct machine *machine, const char *path, int fd, char *out, size_t size,
			 bool whole_file)
{
	ssize_t len;

	if (fd == -ENOENT)
		return confirm_absence(machine, path);
	if (fd < 0)
		return machine_blame(machine, path, fd);
	len = read_some(fd, out, size, whole_file);
	(void)close(fd);
	if (len == -ENOENT) /* what was opened is there */
		len = -EIO;
	return len < 0 ? machine_blame(machine, path, (int)len) : len;
}

ssize_t machine_read(struct machine *machine, const char *path, char *out, size_t size)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK);

	return read_file(machine, path, fd, out, size, true);
}

ssize_t machine_read_attribute(struct machine *machine, const char *path, char *out, size_t size)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK);

	return read_file(machine, path, fd, out, size, false);
}

ssize_t machine_read_line(struct machine *machine, const char *path, char *out, size_t size)
{
	ssize_t len = machine_read_attribute(machine, path, out, size);

	if (len > 0 && out[len - 1] == '\n')
		out[--len] = '\0';
	return len;
}

ssize_t machine_read_uevent(struct machine *machine, const char *path, const char *place, char *out,
			    size_t size)
{
	int fd;

	/* Below another root ".." is not to be trusted: openat2(2) follows the link itself. */
	if (machine->confined)
		return machine_read_attribute(machine, path, out, size);
	fd = result(openat(machine->pci, place, O_RDONLY | O_CLOEXEC));
	return read_file(machine, path, fd, out, size, false);
}

int machine_write(struct machine *machine, const char *path, const char *value)
{
	int fd = machine_openat(machine, path, O_WRONLY | O_TRUNC);
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, value, len);
	if (n < 0)
		n = -errno;
	else if ((size_t)n != len)
		n = -EIO;
	(void)close(fd);
	return n < 0 ? (int)n : 0;
}

static ssize_t end_link(struct machine *machine, const char *path, ssize_t len, char *out,
			size_t size)
{
	if (len == -ENOENT)
		return confirm_absence(machine, path);
	if (len >= 0 && (size_t)len >= size)
		len = -ENAMETOOLONG;
	if (len < 0)
		return machine_blame(machine, path, (int)len);
	out[len] = '\0';
	return len;
}

ssize_t machine_readlink(struct machine *machine, const char *path, char *out, size_t size)
{
	const char *name;
	int parent = open_parent(machine, path, &name);
	ssize_t len = parent;

	if (parent >= 0) {
		len = result(readlinkat(parent, name, out, size));
		(void)close(parent);
	}
	return end_link(machine, path, len, out, size);
}

ssize_t machine_readlink_pci(struct machine *machine, const char *path, char *out, size_t size)
{
	ssize_t len = result(readlinkat(machine->pci, path + sizeof(PCI_DEVICES), out, size));

	return end_link(machine, path, len, out, size);
}

ssize_t pci_read(struct machine *machine, struct address address, const char *name, char *out,
		 size_t size)
{
	char path[MACHINE_PATH_SIZE];

	return machine_read_line(machine, pci_path(path, address, name), out, size);
}

int pci_read_number(struct machine *machine, struct address address, const char *name)
{
	char text[16];
	uint32_t number;
	ssize_t len = pci_read(machine, address, name, text, sizeof(text));

	if (len < 0)
		return (int)len;
	return text_number(text_of(text), UINT16_MAX, &number) ? (int)number : -EIO;
}

ssize_t pci_readlink(struct machine *machine, struct address address, const char *name,
		     char out[MACHINE_PATH_SIZE])
{
	char path[MACHINE_PATH_SIZE];

	return machine_readlink(machine, pci_path(path, address, name), out, MACHINE_PATH_SIZE);
}

int pci_write(struct machine *machine, struct address address, const char *name, const char *value)
{
	char path[MACHINE_PATH_SIZE];

	return machine_write(machine, pci_path(path, address, name), value);
}

int pci_exists(struct machine *machine, struct address address, const char *name)
{
	char path[MACHINE_PATH_SIZE];

	return machine_exists(machine, pci_path(path, address, name));
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool machine_is_mount(struct machine *machine, const char *path)
{
	int fd = machine_openat(machine, path, O_PATH | O_DIRECTORY);
	struct stat root, point;
	bool differs;

	if (fd < 0)
		return false;
	differs = !fstat(machine->root, &root) && !fstat(fd, &point) && root.st_dev != point.st_dev;
	(void)close(fd);
	return differs;
}

int machine_mkdir(struct machine *machine, const char *path)
{
	const char *name;
	int parent = open_parent(machine, path, &name);
	int err;

	if (parent < 0)
		return parent;
	err = result(mkdirat(parent, name, 0755));
	(void)close(parent);
	return err == -EEXIST ? 0 : err;
}

int machine_create(struct machine *machine, const char *path)
{
	char temporary[MACHINE_PATH_SIZE];

	if (!join(temporary, sizeof(temporary), path, ".new", ""))
		return -ENAMETOOLONG;
	return machine_openat(machine, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
}

int machine_commit(struct machine *machine, const char *path)
{
	char temporary[MACHINE_PATH_SIZE];
	const char *name;
	int parent = open_parent(machine, path, &name), err;

	if (parent < 0)
		return parent;
	(void)join(temporary, sizeof(temporary), name, ".new", "");
	err = result(renameat(parent, temporary, parent, name));
	(void)close(parent);
	return err;
}

int dir_open(struct machine *machine, const char *path, struct dir *dir)
{
	dir->at = dir->end = 0;
	dir->fd = machine_openat(machine, path, O_RDONLY | O_DIRECTORY);
	if (dir->fd == -ENOENT)
		dir->fd = confirm_absence(machine, path);
	return dir->fd < 0 ? dir->fd : 0;
}

/* getdents64(2) itself, for opendir(3) allocates; its record is libc's struct dirent64. */
const char *dir_next(struct dir *dir, int *err)
{
	for (;;) {
		const struct dirent64 *entry;
		size_t room, len;

		if (dir->at == dir->end) {
			*err = result(
				syscall(SYS_getdents64, dir->fd, dir->buffer, sizeof(dir->buffer)));
			if (*err == -ENOENT) /* what was opened is there, or was: no empty one */
				*err = -EIO;
			if (*err <= 0)
				return NULL;
			dir->end = (size_t)*err;
			dir->at = 0;
		}
		entry = (const void *)(dir->buffer + dir->at);
		dir->at += entry->d_reclen;
		/* A record grows with its name, in steps of 8: linux/fs/readdir.c:filldir64 */
		room = entry->d_reclen - offsetof(struct dirent64, d_name);
		len = room > 8 ? room - 8 : 0;
		while (entry->d_name[len])
			len++;
		dir->name_len = len;
		if (entry->d_name[0] != '.' ||
		    (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
			return entry->d_name;
	}
}

void dir_close(struct dir *dir)
{
	(void)close(dir->fd);
}
