/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine under a root directory, and the only open, read and write of its files. Paths
 * have no leading slash. Errors are negative errno values.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "address.h"

#include <stddef.h>
#include <sys/types.h>

#define PCI_DEVICES       "sys/bus/pci/devices"
#define MACHINE_PATH_SIZE 512
#define DIR_BUFFER_SIZE   32768

struct machine {
	int root;      /* file descriptor of the directory */
	int pci;       /* of PCI_DEVICES below it, or -1 */
	bool confined; /* not "/": no link may lead out of it */
	bool live;     /* its sys is the running kernel's sysfs, so writes reach hardware */
	char failed[MACHINE_PATH_SIZE]; /* what could not be read, after an error */
};

/* Opens the tree below root. Close it with machine_close(), after an error too. */
int machine_open(struct machine *machine, const char *root);
void machine_close(struct machine *machine);

int machine_openat(struct machine *machine, const char *path, int flags);

/* Notes path as what could not be read, where it is not a call that failed; returns err. */
int machine_blame(struct machine *machine, const char *path, int err);

/*
 * Reads a whole file of less than size bytes and ends it with a NUL; returns its length.
 * -ENOENT means the kernel was asked twice and said so twice; -EFBIG that it does not fit.
 */
ssize_t machine_read(struct machine *machine, const char *path, char *out, size_t size);

/* The same in one read(2), which is how sysfs hands out an attribute. */
ssize_t machine_read_attribute(struct machine *machine, const char *path, char *out, size_t size);

/* The same without the end of the line. */
ssize_t machine_read_line(struct machine *machine, const char *path, char *out, size_t size);

/* Writes value in one write(2): sysfs takes all of it or nothing. */
int machine_write(struct machine *machine, const char *path, const char *value);

/* Reads a link and ends it with a NUL; returns its length. -ENOENT as above. */
ssize_t machine_readlink(struct machine *machine, const char *path, char *out, size_t size);

/* The inode of what has this name, or an error: another one for what came in its place. */
int64_t machine_inode(struct machine *machine, const char *path);

/* 1 if something has this name, even a link that leads nowhere; 0 if nothing has; or an error. */
int machine_exists(struct machine *machine, const char *path);

/* The same where what cannot be told is better taken for there. */
bool machine_has(struct machine *machine, const char *path);

/* True if another file system is mounted at path. */
bool machine_is_mount(struct machine *machine, const char *path);

/* Creates a directory unless there is one. */
int machine_mkdir(struct machine *machine, const char *path);

/*
 * A file is put in place in one step: machine_create() opens PATH.new for writing, and once all
 * of it is there machine_commit() renames it to PATH.
 */
int machine_create(struct machine *machine, const char *path);
int machine_commit(struct machine *machine, const char *path);

/*
 * What scan reads of every function: the link PCI_DEVICES/ADDRESS, from the open directory, as
 * the kernel then has no way to walk; and path, PCI_DEVICES/ADDRESS/uevent, opened at place, where
 * that link leads, as the kernel then need not follow it again.
 */
ssize_t machine_readlink_pci(struct machine *machine, const char *path, char *out, size_t size);
ssize_t machine_read_uevent(struct machine *machine, const char *path, const char *place, char *out,
			    size_t size);

/* Paths of PCI devices: PCI_DEVICES/ADDRESS/name. out has MACHINE_PATH_SIZE bytes. */
const char *pci_path(char *out, struct address address, const char *name);

/* Reads an attribute of one line, without its end; a link; a number of 16 bits; or an error. */
ssize_t pci_read(struct machine *machine, struct address address, const char *name, char *out,
		 size_t size);
ssize_t pci_readlink(struct machine *machine, struct address address, const char *name,
		     char out[MACHINE_PATH_SIZE]);
int pci_read_number(struct machine *machine, struct address address, const char *name);
int pci_write(struct machine *machine, struct address address, const char *name, const char *value);
int pci_exists(struct machine *machine, struct address address, const char *name);

/* What is behind the last slash, as in where a link leads to. */
const char *base_name(const char *path);

/* Puts pieces one behind the other; false if out, of size bytes, is too short. */
bool join(char *out, size_t size, const char *a, const char *b, const char *c);

/* A directory being listed. One at a time for each struct; nothing is allocated. */
struct dir {
	int fd;
	size_t at, end;
	size_t name_len; /* of the name that dir_next() returned */
	char buffer[DIR_BUFFER_SIZE];
};

int dir_open(struct machine *machine, const char *path, struct dir *dir);

/* The next name but "." and "..", or NULL at the end; then *err is 0 or -errno. */
const char *dir_next(struct dir *dir, int *err);
void dir_close(struct dir *dir);

#endif
