# SPDX-License-Identifier: GPL-2.0-or-later
# Builds, checks and installs everything. CFLAGS, LDFLAGS and CC are the packager's own.

VERSION = 0.1.0

PREFIX ?= /usr
DESTDIR ?=
LIBDIR = $(PREFIX)/lib/vfio-bind
BUILD ?= build
CC ?= cc
# The binder wants a small libc: musl where there is one.
BINDER_CC ?= $(if $(shell command -v musl-gcc),musl-gcc,$(CC))

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wvla -Wformat=2 -Wcast-qual -Wundef
HARDEN = -fstack-protector-strong -fstack-clash-protection
COMMON = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ibinder -MMD -MP $(WARN) $(HARDEN)

BINDER_CFLAGS = $(COMMON) -Os -fno-asynchronous-unwind-tables -ffunction-sections \
	-fdata-sections $(CFLAGS) $(HOT_CFLAGS)
BINDER_LDFLAGS = -static -s -Wl,--gc-sections -Wl,-z,norelro,-z,noexecstack,-z,noseparate-code,-z,common-page-size=512 \
	$(LDFLAGS)
CLI_LIBS = libkmod libarchive mount blkid libpci json-c
CLI_CFLAGS = $(COMMON) -O2 -g -fPIE -D_FORTIFY_SOURCE=2 -Icli $(CLI_PKG_CFLAGS) $(CFLAGS)
CLI_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
CLI_PKG_CFLAGS = $(shell pkg-config --cflags $(CLI_LIBS))
CLI_PKG_LIBS = $(shell pkg-config --libs $(CLI_LIBS))

# Text to rules, rules and inventory to verdicts: no system call, no allocation, no printing.
CORE = address cmdline decide device diag display format guard line match modplan option path \
	policy protect reason text value
# What touches the machine, for both programs.
EDGE = apply disks facts framebuffer lines load log machine modules out release report scan \
	supervise sysfs
CLI = diagnose dump explain host json machinefile machinekeys machinewrite main names payload say
CORE_OBJS = $(CORE:%=$(BUILD)/core/%.o)
BINDER_OBJS = $(CORE_OBJS) $(patsubst %,$(BUILD)/binder.o/%.o,main pid1 $(EDGE))
CLI_OBJS = $(CORE_OBJS) $(patsubst %,$(BUILD)/cli.o/%.o,$(CLI) $(EDGE))

all: $(BUILD)/binder $(BUILD)/vfio-bind

$(BUILD)/binder: $(BINDER_OBJS)
	$(BINDER_CC) $(BINDER_CFLAGS) $(BINDER_LDFLAGS) -o $@ $(BINDER_OBJS)

# The bus walk and what judges every function of it: fast before small.
HOT = address decide device display match scan text
$(foreach name,$(HOT),$(BUILD)/core/$(name).o $(BUILD)/binder.o/$(name).o): HOT_CFLAGS = -O2

# The very same objects judge in both programs.
$(BUILD)/core/%.o: binder/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -fPIE $(BINDER_CFLAGS) -c -o $@ $<

$(BUILD)/binder.o/%.o: binder/%.c Makefile
	@mkdir -p $(@D)
	$(BINDER_CC) $(BINDER_CFLAGS) -c -o $@ $<

$(BUILD)/vfio-bind: $(CLI_OBJS)
	$(CC) $(CLI_CFLAGS) $(CLI_LDFLAGS) -o $@ $(CLI_OBJS) $(CLI_PKG_LIBS)

# Found in cli/ or, for what touches the machine, in binder/.
$(BUILD)/cli.o/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) -c -o $@ $<
vpath %.c cli binder

install: all
	install -D -m 755 $(BUILD)/binder $(DESTDIR)$(LIBDIR)/binder
	install -D -m 755 $(BUILD)/vfio-bind $(DESTDIR)$(PREFIX)/bin/vfio-bind
	install -D -m 755 initramfs-tools/hooks/vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/hooks/vfio-bind
	install -D -m 755 initramfs-tools/scripts/init-top/00-vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts/init-top/00-vfio-bind

clean:
	rm -rf $(BUILD)

.PHONY: all clean install
-include $(BINDER_OBJS:.o=.d) $(CLI_OBJS:.o=.d)
