/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arguments.h"
#include "host/kernel_variants.h"
#include "host/machine_file.h"
#include "host/read_host.h"

#include <stdio.h>
#include <string.h>

/*
 * Words of the kernel command line that say what becomes of PCI devices; a word is kept that begins
 * with one of them, "-" and "_" being the same. Others may hold passwords and names.
 */
static const char *const telling[] = {
	"root=",
	"resume=",
	"ro",
	"rw",
	"quiet",
	"console=",
	"vfio",
	"rd.vfio",
	"pci",
	"xen_pciback",
	"rd.qubes",
	"iommu",
	"intel_iommu",
	"amd_iommu",
	"init=",
	"rdinit=",
	"noinitrd",
	"disablehooks=",
	"modprobe.blacklist=",
	"module_blacklist=",
	"rd.driver",
	"video=",
	"nomodeset",
	"efifb",
	"vesafb",
	"simplefb",
	"kvm",
	"i915",
	"xe.",
	"amdgpu",
	"radeon",
	"nouveau",
	"nvidia",
	"nvme",
	"hugepages",
	"default_hugepagesz",
	"systemd.unit=",
	"isolcpus=",
};

static bool begins_with(struct text word, const char *start)
{
	size_t len = strlen(start);

	if (word.len && *word.at == '"') {
		word.at++;
		word.len--;
	}
	if (word.len < len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((word.at[i] == '-' ? '_' : word.at[i]) != start[i])
			return false;
	/* "ro" is a word of its own, and no beginning of one. */
	return len > 2 || word.len == len || word.at[len] == '=';
}

/* Leaves out of the command line what is nobody's business. Returns how many words that were. */
static size_t redact(char *cmdline)
{
	struct text rest = text_of(cmdline);
	struct cmdline_word word;
	char *end = cmdline;
	size_t gone = 0;

	while (cmdline_next(&rest, &word)) {
		bool kept = false;

		for (size_t i = 0; !kept && i < ARRAY_SIZE(telling); i++)
			kept = begins_with(word.whole, telling[i]);
		if (!kept || memchr(word.whole.at, '@', word.whole.len)) {
			gone++;
			continue;
		}
		if (end != cmdline)
			*end++ = ' ';
		memmove(end, word.whole.at, word.whole.len);
		end += word.whole.len;
	}
	*end = '\0';
	return gone;
}

int command_dump(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	int code = arguments_take(options, &none, argc, argv);
	struct host *host;

	if (code >= 0)
		return code;
	if (options->json)
		return arguments_refuse_json(options, "dump writes a machine file: no --json");
	host = host_look(options, &code);
	if (!host)
		return code;
	host_find_variants(host, NULL);
	code = host_read_all(host);
	/* What cannot be written main() sees to. */
	if (code == EXIT_AS_CONFIGURED) {
		size_t gone = host->from_file ? 0 : redact(host->judged.cmdline);

		if (gone)
			(void)printf("# %zu words of the kernel command line are left out\n", gone);
		(void)machinefile_write(host, stdout);
	}
	host_free(host);
	return code;
}
