# SPDX-License-Identifier: GPL-2.0-or-later
# Builds, checks and installs everything. CC, CFLAGS and LDFLAGS are the packager's own.

VERSION = 0.1.0

PREFIX ?= /usr
DESTDIR ?=
BUILD ?= build
DRACUT = $(PREFIX)/lib/dracut/modules.d/50vfio-bind
MAN = $(PREFIX)/share/man
UNITS = $(PREFIX)/lib/systemd/system
ZSH_FUNCTIONS ?= $(PREFIX)/share/zsh/site-functions
CC ?= cc
# The binder wants a small libc: musl where there is one.
BINDER_CC ?= $(if $(shell command -v musl-gcc),musl-gcc,$(CC))

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wswitch-enum -Wvla -Wformat=2 -Wcast-qual -Wundef
HARDEN = -fstack-protector-strong -fstack-clash-protection
# Built in another folder it is the same, debug information and all.
COMMON = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ibinder -Ibinder/core -MMD -MP $(WARN) $(HARDEN) \
	-ffile-prefix-map='$(CURDIR)'=.

# Small, and in the end without what only glibc has: core objects go into a musl binder too.
# 96 KiB are promised, so a packager's -O2 gives way here.
BINDER_CFLAGS = $(COMMON) -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
	-fno-jump-tables -fno-align-functions -fno-align-loops $(CFLAGS) -Os $(HOT_CFLAGS) -U_FORTIFY_SOURCE
# Pages of 512 bytes pack the data right behind the code: that is 4 KiB less.
BINDER_LDFLAGS = $(LDFLAGS) -static -s -Wl,--gc-sections \
	-Wl,-z,norelro,-z,noexecstack,-z,noseparate-code,-z,common-page-size=512
CLI_LIBS = libkmod libarchive zlib mount blkid libpci json-c smartcols
# bzip2 has no file of its own for pkg-config everywhere.
CLI_LINK = $(shell pkg-config --libs $(CLI_LIBS)) -lbz2
CLI_CFLAGS = $(COMMON) -O2 -g -fPIE -Icli $(shell pkg-config --cflags $(CLI_LIBS)) $(CPPFLAGS) \
	$(CFLAGS)
CLI_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)

# Text to rules, rules and inventory to verdicts: no system call, no allocation, no printing.
CORE_DIR = binder/core
# What touches the machine. All but the binder's own start is in both programs.
EDGE_DIR = binder
BOOT_ONLY = binder/main.c binder/pid1.c binder/late.c binder/undo.c binder/busy.c
# The rooms of the host program; cli/ROOMS says which may use which.
CLI_DIRS = cli $(filter-out cli/ROOMS,$(wildcard cli/*))
# What the bus walk does for every function: fast before small.
HOT = address

CORE = $(basename $(notdir $(wildcard $(CORE_DIR)/*.c)))
EDGE = $(basename $(notdir $(filter-out $(BOOT_ONLY),$(wildcard $(EDGE_DIR)/*.c))))
CLI = $(patsubst cli/%.c,%,$(wildcard cli/*.c cli/*/*.c))

CORE_OBJS = $(CORE:%=$(BUILD)/core/%.o)
EDGE_OBJS = $(EDGE:%=$(BUILD)/edge/%.o)
BINDER_OBJS = $(CORE_OBJS) $(patsubst binder/%.c,$(BUILD)/binder.o/%.o,$(BOOT_ONLY)) \
	$(EDGE:%=$(BUILD)/binder.o/%.o)
CLI_OBJS = $(CORE_OBJS) $(EDGE_OBJS) $(CLI:%=$(BUILD)/cli.o/%.o)

all: $(BUILD)/binder $(BUILD)/vfio-bind

$(BUILD)/binder: $(BINDER_OBJS)
	$(BINDER_CC) $(BINDER_CFLAGS) $(BINDER_LDFLAGS) -o $@ $(BINDER_OBJS)

$(BUILD)/vfio-bind: $(CLI_OBJS)
	$(CC) $(CLI_CFLAGS) $(CLI_LDFLAGS) -o $@ $(CLI_OBJS) $(CLI_LINK)

$(BUILD)/binder.o/scan.o: HOT_CFLAGS = -O3
$(foreach name,$(HOT),$(BUILD)/core/$(name).o): HOT_CFLAGS = -O2

# The very same objects judge in both programs.
$(BUILD)/core/%.o: binder/core/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -fPIE $(BINDER_CFLAGS) -c -o $@ $<

$(BUILD)/binder.o/%.o: binder/%.c Makefile
	@mkdir -p $(@D)
	$(BINDER_CC) $(BINDER_CFLAGS) -c -o $@ $<

$(BUILD)/edge/%.o: binder/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) -c -o $@ $<

$(BUILD)/cli.o/%.o: cli/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) -c -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(CORE_OBJS) $(EDGE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) -Itests/unit -o $@ $(filter %.c %.o,$^) -lcmocka

# The host program with another main(), which forks for each command.
$(BUILD)/tests/again: tests/property/again.c $(filter-out %/main.o,$(CLI_OBJS))
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) $(CLI_LDFLAGS) -o $@ $(filter %.c %.o,$^) $(CLI_LINK)

# Neither root nor network, and less than a minute.
# What takes no time comes last: no worker is left with much of it.
SUITES = property cli cases unit
check: all
	BUILD=$(BUILD) tests/run --no-install $(SUITES)

# Figures: tests/bench.
bench: all
	BUILD=$(BUILD) tests/run --no-install bench

# Installs what is missing, so it does not ask for the product to be built here first.
demo:
	@tests/run demo

# The Debian package, in build/deb, built in a root that has what packaging/debian/control names.
deb:
	@PYTHONPATH=tests /usr/bin/python3 -B -m package

# Not of the objects they are linked with.
$(BUILD)/bench/%: private HOT_CFLAGS = -O2
$(BUILD)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(BINDER_CC) $(BINDER_CFLAGS) $(BINDER_LDFLAGS) -o $@ $(filter %.c %.o,$^)
$(BUILD)/bench/core: $(CORE_OBJS)

# The targets of tests/fuzz, for each engine: libFuzzer, and AFL++ in build/afl.
FUZZ_CC ?= clang-14
AFL_CC ?= AFL_QUIET=1 afl-clang-fast
FUZZ_FLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ibinder -Ibinder/core -Icli $(WARN) -MMD -MP -g \
	-O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	$(shell pkg-config --cflags $(CLI_LIBS))
FUZZ_SOURCES = $(wildcard $(CORE_DIR)/*.c) $(filter-out $(BOOT_ONLY),$(wildcard $(EDGE_DIR)/*.c)) \
	$(filter-out cli/main.c,$(wildcard cli/*.c cli/*/*.c))
FUZZ_LINK = $(filter %.c %.o,$^) $(CLI_LINK)
# Import reads files and a machine that are in memory.
$(BUILD)/fuzz/imports $(BUILD)/afl/imports: FUZZ_LINK += $(WRAPPED:%=-Wl,--wrap=%)
WRAPPED = machine_openat machine_read machine_readlink machine_has dir_open dir_next dir_close \
	host_read host_read_all host_free host_use_find host_use_write \
	last_boot_picture

$(BUILD)/fuzz.o/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(BUILD)/afl.o/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(AFL_CC) $(FUZZ_FLAGS) -c -o $@ $<

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz.o/%.o)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(FUZZ_LINK)

$(BUILD)/afl/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(FUZZ_SOURCES:%.c=$(BUILD)/afl.o/%.o)
	@mkdir -p $(@D)
	$(AFL_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(FUZZ_LINK)

# What makes the system calls of a program fail; static, for it goes into virtual machines too.
$(BUILD)/faults/%: tests/faults/%.c tests/faults/kernel.h
	@mkdir -p $(@D)
	$(BINDER_CC) $(BINDER_CFLAGS) $(BINDER_LDFLAGS) -o $@ $<

# A suite of tests/run each: what it is stands there in tests/.
analysis coverage faults fuzz mutation power sabotage:
	BUILD=$(BUILD) tests/run $@

# The fast tests with a core that counts what they reach: tests/coverage.
counted:
	$(MAKE) BUILD=build/coverage BINDER_CC='$(CC)' HARDEN= HOT_CFLAGS=-O0 BINDER_LDFLAGS=-static \
		CFLAGS='-g -O0 --coverage -include tests/coverage/flush.h' SANITIZE=1 \
		SUITES='unit cases property' check

sanitize:
	$(MAKE) BUILD=build/sanitize BINDER_CC='$(CC)' HARDEN= BINDER_LDFLAGS= \
		CFLAGS='-g -fsanitize=address,undefined -fno-sanitize-recover=all' SANITIZE=1 check

# One at a time: with several files at once it takes every va_list for uninitialized (LLVM 14).
TIDY_FILES = binder/*.c binder/core/*.c cli/*.c cli/*/*.c
# What gcc 12 takes for lost in these two is in a table, which its caller frees.
ANALYZE_FLAGS = $(if $(filter cli/base/conf_file.c cli/image/image_tree.c,$(1)),-Wno-analyzer-malloc-leak)
ANALYZED = $(patsubst %,$(BUILD)/analyzed/%.o,$(wildcard $(TIDY_FILES)))
$(BUILD)/analyzed/%.o: % $(wildcard binder/*.h binder/core/*.h cli/*/*.h)
	@mkdir -p $(@D)
	$(CC) $(CLI_CFLAGS) -fanalyzer -Werror $(call ANALYZE_FLAGS,$<) -c -o $@ $<

# Of gcc's analyzer a compilation is the run: what is analyzed once is not again.
analyze: $(ANALYZED)

lint: analyze
	clang-format --dry-run -Werror binder/*.[ch] binder/core/*.[ch] cli/*.c cli/*/*.[ch] tests/unit/*.[ch] tests/bench/*.c \
		tests/fuzz/*.[ch] tests/property/*.c tests/faults/*.[ch] tests/coverage/*.h \
		tests/lib/*.c
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -DVERSION='""' -Ibinder -Ibinder/core -Icli binder cli
	printf '%s\n' $(TIDY_FILES) | xargs -P 2 -I FILE clang-tidy --quiet FILE -- -std=c11 \
		-D_GNU_SOURCE -DVERSION='""' -Ibinder -Ibinder/core -Icli $(shell pkg-config --cflags $(CLI_LIBS))
	shellcheck $(SHELL_FILES)

SHELL_FILES = .ci/run completions/vfio-bind.bash tests/run initramfs-tools/hooks/vfio-bind \
	initramfs-tools/scripts/init-top/00-vfio-bind initramfs-tools/scripts/local-block/vfio-bind \
	initramfs-tools/scripts/local-top/vfio-bind \
	initramfs-tools/scripts/nfs-top/vfio-bind dracut-module/module-setup.sh \
	dracut-module/vfio-bind.sh dracut-module/vfio-bind-undo.sh mkinitcpio/install/vfio-bind \
	mkinitcpio/hooks/vfio-bind hooks/89-vfio-bind.install hooks/95-vfio-bind-fallback.install \
	hooks/grub-fallback hooks/booster/booster hooks/busybox/init tests/bench/init \
	tests/bench/recipe.sh tests/bench/ids.sh tests/bench/overrides.sh \
	packaging/debian/postrm packaging/debian/prerm packaging/debian/tests/boot packaging/debian/tests/commands \
	packaging/arch/PKGBUILD packaging/arch/vfio-bind.install

INSTALL ?= install
PUT = $(INSTALL) -D -m
install: all
	$(PUT) 755 $(BUILD)/binder $(DESTDIR)$(PREFIX)/lib/vfio-bind/binder
	$(PUT) 755 $(BUILD)/vfio-bind $(DESTDIR)$(PREFIX)/bin/vfio-bind
	$(PUT) 644 doc/vfio-bind.schema.json \
		$(DESTDIR)$(PREFIX)/share/doc/vfio-bind/vfio-bind.schema.json
	$(PUT) 644 doc/examples/vfio-bind.conf \
		$(DESTDIR)$(PREFIX)/share/doc/vfio-bind/examples/vfio-bind.conf
	$(PUT) 644 man/vfio-bind.8 $(DESTDIR)$(MAN)/man8/vfio-bind.8
	$(PUT) 644 man/vfio-bind.conf.5 $(DESTDIR)$(MAN)/man5/vfio-bind.conf.5
	$(PUT) 644 man/vfio-bind-initramfs.7 $(DESTDIR)$(MAN)/man7/vfio-bind-initramfs.7
	$(PUT) 755 initramfs-tools/hooks/vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/hooks/vfio-bind
	$(PUT) 755 initramfs-tools/scripts/init-top/00-vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts/init-top/00-vfio-bind
	$(PUT) 755 initramfs-tools/scripts/local-block/vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts/local-block/vfio-bind
	$(PUT) 755 initramfs-tools/scripts/local-top/vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts/local-top/vfio-bind
	$(PUT) 755 initramfs-tools/scripts/nfs-top/vfio-bind \
		$(DESTDIR)$(PREFIX)/share/initramfs-tools/scripts/nfs-top/vfio-bind
	$(PUT) 755 dracut-module/module-setup.sh $(DESTDIR)$(DRACUT)/module-setup.sh
	$(PUT) 755 dracut-module/vfio-bind.sh $(DESTDIR)$(DRACUT)/vfio-bind.sh
	$(PUT) 755 dracut-module/vfio-bind-undo.sh $(DESTDIR)$(DRACUT)/vfio-bind-undo.sh
	$(PUT) 644 mkinitcpio/install/vfio-bind $(DESTDIR)$(PREFIX)/lib/initcpio/install/vfio-bind
	$(PUT) 644 mkinitcpio/hooks/vfio-bind $(DESTDIR)$(PREFIX)/lib/initcpio/hooks/vfio-bind
	$(PUT) 644 completions/vfio-bind.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/vfio-bind
	$(PUT) 644 completions/_vfio-bind $(DESTDIR)$(ZSH_FUNCTIONS)/_vfio-bind
	$(PUT) 644 completions/vfio-bind.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/vfio-bind.fish
	$(PUT) 755 hooks/89-vfio-bind.install \
		$(DESTDIR)$(PREFIX)/lib/kernel/install.d/89-vfio-bind.install
	$(PUT) 755 hooks/95-vfio-bind-fallback.install \
		$(DESTDIR)$(PREFIX)/lib/kernel/install.d/95-vfio-bind-fallback.install
	$(PUT) 755 hooks/grub-fallback $(DESTDIR)$(PREFIX)/lib/vfio-bind/grub-fallback
	$(PUT) 644 hooks/vfio-bind-initrd.service $(DESTDIR)$(UNITS)/vfio-bind-initrd.service
	$(PUT) 644 hooks/vfio-bind-undo.service $(DESTDIR)$(UNITS)/vfio-bind-undo.service
	$(PUT) 644 hooks/vfio-bind.service $(DESTDIR)$(UNITS)/vfio-bind.service
	$(PUT) 644 hooks/vfio-bind-confirm.service $(DESTDIR)$(UNITS)/vfio-bind-confirm.service
	install -d $(DESTDIR)$(UNITS)/multi-user.target.wants
	ln -sf ../vfio-bind-confirm.service \
		$(DESTDIR)$(UNITS)/multi-user.target.wants/vfio-bind-confirm.service
	$(PUT) 644 hooks/79-vfio-bind.rules \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/79-vfio-bind.rules
	$(PUT) 755 hooks/booster/booster $(DESTDIR)$(PREFIX)/lib/vfio-bind/booster
	install -d $(DESTDIR)$(PREFIX)/lib/booster
	ln -sf ../vfio-bind/binder $(DESTDIR)$(PREFIX)/lib/booster/vfio-bind-init
	$(PUT) 644 hooks/busybox/init $(DESTDIR)$(PREFIX)/share/doc/vfio-bind/busybox-init

clean:
	rm -rf $(BUILD)

.PHONY: all analysis analyze bench check clean counted coverage deb demo faults fuzz install lint \
	mutation power sabotage sanitize
-include $(CORE_OBJS:.o=.d) $(EDGE_OBJS:.o=.d) $(BINDER_OBJS:.o=.d) $(CLI_OBJS:.o=.d) \
	$(wildcard $(BUILD)/fuzz.o/*/*.d $(BUILD)/fuzz.o/*/*/*.d $(BUILD)/afl.o/*/*.d $(BUILD)/afl.o/*/*/*.d)
