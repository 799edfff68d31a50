/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decide.h"

#include "table.h"
#include "world.h"

struct decision_row {
	const char *name, *machine, *policy;
	const char *protect; /* lines; NULL: unknown */
	const char *want;    /* print_plan() */
};

/* Two equal cards with audio and USB; the first shows the picture. */
#define TWINS                                                                                      \
	"00:01.0 060400 8086:0001\n"                                                               \
	"00:02.0 060400 8086:0001\n"                                                               \
	"01:00.0 030000 10de:1c82 above=00:01.0 vga=1 group=1\n"                                   \
	"01:00.1 040300 10de:0fb9 above=00:01.0 group=1\n"                                         \
	"02:00.0 030000 10de:1c82 above=00:02.0 vga=0 group=2\n"                                   \
	"02:00.1 040300 10de:0fb9 above=00:02.0 group=2\n"
#define DISKS                                                                                      \
	"00:01.0 060400 8086:0001\n"                                                               \
	"00:02.0 060400 8086:0001\n"                                                               \
	"01:00.0 010802 144d:a80a above=00:01.0\n"                                                 \
	"02:00.0 010802 144d:a80a above=00:02.0\n"

static const struct decision_row guards[] = {
	{ "a device that a rule matches and no guard strikes is bound",
	  "01:00.0 020000 8086:1539\n", "bind network", "", "01:00.0 bind rule 1\n" },
	{ "a device that no rule matches has no verdict", "01:00.0 020000 8086:1539\n", "bind usb",
	  "", "1 absent\n" },
	{ "a host bridge is refused", "00:00.0 060000 8086:1\n", "bind 00:00.0", "",
	  "00:00.0 refuse bridge 1\n" },
	{ "an ISA bridge is refused", "00:1f.0 060100 8086:1\n", "bind 00:1f.0", "",
	  "00:1f.0 refuse bridge 1\n" },
	{ "a PCI bridge is refused", "00:01.0 060400 8086:1\n", "bind 00:01.0", "",
	  "00:01.0 refuse bridge 1\n" },
	{ "a CardBus bridge is refused", "00:01.0 060700 8086:1\n", "bind 00:01.0", "",
	  "00:01.0 refuse bridge 1\n" },
	{ "a semi-transparent bridge is refused", "00:01.0 060900 8086:1\n", "bind 00:01.0", "",
	  "00:01.0 refuse bridge 1\n" },
	{ "a bridge of another kind is not", "00:01.0 068000 8086:1\n", "bind 00:01.0", "",
	  "00:01.0 bind rule 1\n" },
	{ "a header of type 1 makes a bridge, whatever the class",
	  "00:01.0 088000 8086:1 header=1\n", "bind 00:01.0", "", "00:01.0 refuse bridge 1\n" },
	{ "no allow= lifts the guard of bridges", "00:01.0 060400 8086:1\n",
	  "bind 00:01.0 allow=no-iommu,boot-display,host-storage,host-network,host-input,"
	  "bound-display,last-display",
	  "", "00:01.0 refuse bridge 1\n" },
	{ "what is behind a VMD controller is refused", "10000:e1:00.0 010802 8086:1 vmd\n",
	  "bind 10000:e1:00.0 id=8086:0001", "", "10000:e1:00.0 refuse behind-vmd 1\n" },
	{ "a device in no IOMMU group is refused", "01:00.0 020000 8086:1539 group=-\n",
	  "bind network", "", "01:00.0 refuse no-iommu 1\n" },
	{ "allow=no-iommu lifts that", "01:00.0 020000 8086:1539 group=-\n",
	  "bind network allow=no-iommu", "", "01:00.0 bind rule 1\n" },
	{ "of two screens without a sign of the picture both are refused",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1\n", "bind display with=none", "",
	  "01:00.0 refuse ambiguous-display 1\n02:00.0 refuse ambiguous-display 1\n" },
	{ "a rule that names such a screen by its address binds it",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1\n", "bind 02:00.0", "", "02:00.0 bind rule 1\n" },
	{ "a rule that names such a screen by its path binds it",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1\n", "bind path=0000:02/00.0", "",
	  "02:00.0 bind rule 1\n" },
	{ "a rule that names such a screen by its slot binds it",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1\nslot 3 0000:02:00\n", "bind slot=3", "",
	  "02:00.0 bind rule 1\n" },
	{ "a rule that names such a screen by its serial number binds it",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1 dsn=7\n", "bind dsn=00-00-00-00-00-00-00-07", "",
	  "02:00.0 bind rule 1\n" },
	{ "a rule that names it by its id does not", "01:00.0 038000 1:1\n02:00.0 038000 1:2\n",
	  "bind id=0001:0002", "", "02:00.0 refuse ambiguous-display 1\n" },
	{ "a screen that goes along is not named by its leader's address",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1 group=7\n02:00.1 038000 1:2 group=7\n",
	  "bind 02:00.0 with=functions", "",
	  "02:00.0 bind rule 1\n02:00.1 refuse ambiguous-display 1\n" },
	{ "the boot display is refused", TWINS, "bind 01:00.0 with=none", "",
	  "01:00.0 refuse boot-display 1\n" },
	{ "allow=boot-display lifts that", TWINS, "bind 01:00.0 with=none allow=boot-display", "",
	  "01:00.0 bind rule 1\n" },
	{ "allow=last-display lifts that too", TWINS, "bind 01:00.0 with=none allow=last-display",
	  "", "01:00.0 bind rule 1\n" },
	{ "a drive the host lives on is refused", DISKS, "bind nvme",
	  "storage path=0000:00/01.0/00.0 id=144d:a80a",
	  "01:00.0 refuse host-storage 1\n02:00.0 bind rule 1\n" },
	{ "allow=host-storage lifts that", DISKS, "bind 01:00.0 allow=host-storage",
	  "storage path=0000:00/01.0/00.0 id=144d:a80a", "01:00.0 bind rule 1\n" },
	{ "allow=host-network does not lift it", DISKS, "bind 01:00.0 allow=host-network",
	  "storage path=0000:00/01.0/00.0 id=144d:a80a", "01:00.0 refuse host-storage 1\n" },
	{ "the host's network card is refused", "01:00.0 020000 8086:1539\n", "bind 01:00.0",
	  "network path=0000:01/00.0 id=8086:1539", "01:00.0 refuse host-network 1\n" },
	{ "allow=host-network lifts that", "01:00.0 020000 8086:1539\n",
	  "bind 01:00.0 allow=host-network", "network path=0000:01/00.0 id=8086:1539",
	  "01:00.0 bind rule 1\n" },
	{ "the controller of the only keyboard is refused", "01:00.0 0c0330 8086:1\n",
	  "bind 01:00.0", "input path=0000:01/00.0 id=8086:0001", "01:00.0 refuse host-input 1\n" },
	{ "allow=host-input lifts that", "01:00.0 0c0330 8086:1\n", "bind 01:00.0 allow=host-input",
	  "input path=0000:01/00.0 id=8086:0001", "01:00.0 bind rule 1\n" },
	{ "storage is refused while nobody knows what the host needs", DISKS, "bind nvme", NULL,
	  "01:00.0 refuse host-unknown 1\n02:00.0 refuse host-unknown 1\n" },
	{ "no allow= lifts that", DISKS,
	  "bind 02:00.0 allow=no-iommu,boot-display,host-storage,host-network,host-input,"
	  "bound-display,last-display",
	  NULL, "02:00.0 refuse host-unknown 1\n" },
	{ "nor the guard of disks in use", "01:00.0 010802 144d:a80a driver=nvme disk\n",
	  "bind 01:00.0 allow=no-iommu,boot-display,host-storage,host-network,host-input,"
	  "bound-display,last-display",
	  "", "01:00.0 refuse in-use 1\n" },
	{ "an address alone does not name a drive then", DISKS, "bind 02:00.0", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "an id alone does not name a drive then", DISKS, "bind id=144d:a80a count=2 nth=2", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "an address with an id names a drive then", DISKS, "bind 02:00.0 id=144d:a80a", NULL,
	  "02:00.0 bind rule 1\n" },
	{ "a path with an id names a drive then", DISKS, "bind path=0000:00/02.0/00.0 id=144d:a80a",
	  NULL, "02:00.0 bind rule 1\n" },
	{ "a path with half an id does not", DISKS, "bind path=0000:00/02.0/00.0 id=144d:*", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "an address with any id does not", DISKS, "bind 02:00.0 id=*:*", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "an address with two ids does not", DISKS, "bind 02:00.0 id=144d:a80a,144d:a80b", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "two addresses with an id do not", DISKS, "bind 02:00.0,03:00.0 id=144d:a80a", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "all functions of a slot with an id do not", DISKS, "bind 02:00.* id=144d:a80a", NULL,
	  "02:00.0 refuse host-unknown 1\n" },
	{ "a slot with an id does not name a drive then", DISKS "slot 4 0000:02:00\n",
	  "bind slot=4 id=144d:a80a", NULL, "02:00.0 refuse host-unknown 1\n" },
	{ "only storage needs a name then", TWINS, "bind 02:00.1", NULL, "02:00.1 bind rule 1\n" },
	{ "a drive that is in use is refused", "01:00.0 010802 144d:a80a driver=nvme disk\n",
	  "bind nvme", "", "01:00.0 refuse in-use 1\n" },
	{ "a display that a host's driver holds is refused",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:1 vga=0 driver=nouveau\n", "bind 02:00.0", "",
	  "02:00.0 refuse bound-display 1\n" },
	{ "an accelerator that a host's driver holds is refused",
	  "01:00.0 120000 1:1 driver=qaic\n", "bind accelerator", "",
	  "01:00.0 refuse bound-display 1\n" },
	{ "a display that a guest's driver holds is not",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:1 vga=0 driver=vfio-pci\n", "bind 02:00.0",
	  "", "02:00.0 bind rule 1\n" },
	{ "allow=bound-display lifts that",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:1 vga=0 driver=nouveau\n",
	  "bind 02:00.0 allow=bound-display", "", "02:00.0 bind rule 1\n" },
	{ "another device that a host's driver holds is bound",
	  "01:00.0 020000 1:1 driver=e1000e\n", "bind network", "", "01:00.0 bind rule 1\n" },
	{ "the first guard that strikes is the one named",
	  "01:00.0 060400 8086:1 group=-\n02:00.0 030000 1:1 group=- vga=1 driver=nouveau\n",
	  "bind 01:00.0\nbind 02:00.0", "",
	  "01:00.0 refuse bridge 1\n02:00.0 refuse no-iommu 2\n" },
	{ "no-iommu is named before the boot display", TWINS "03:00.0 030000 1:1 vga=1 group=-\n",
	  "bind 03:00.0", "", "03:00.0 refuse no-iommu 1\n" },
};

static const struct decision_row displays[] = {
	{ "the framebuffer outweighs boot_vga", "01:00.0 038000 1:1 fb\n02:00.0 030000 1:1 vga=1\n",
	  "bind display boot_display=0", "", "02:00.0 bind rule 1\n" },
	{ "a boot_display of 1 counts as the framebuffer does",
	  "01:00.0 038000 1:1 drm\n02:00.0 030000 1:1 vga=1\n", "bind display boot_display=0", "",
	  "02:00.0 bind rule 1\n" },
	{ "a screen without boot_vga stays unknown beside one that has the 1",
	  "01:00.0 038000 1:1\n02:00.0 030000 1:1 vga=1\n03:00.0 030000 1:1 vga=0\n",
	  "bind display boot_display=0", "", "03:00.0 bind rule 1\n" },
	{ "the only screen is the boot display", "01:00.0 038000 1:1\n", "bind 01:00.0", "",
	  "01:00.0 refuse boot-display 1\n" },
	{ "a 0302 device is no screen: the one beside it is the only one",
	  "01:00.0 030200 1:1\n02:00.0 038000 1:1\n", "bind display boot_display=0 with=none", "",
	  "01:00.0 bind rule 1\n" },
	{ "a 0302 device is known not to be the boot display, even if nothing else is known",
	  "01:00.0 030200 1:1\n02:00.0 038000 1:1\n03:00.0 038000 1:1\n",
	  "bind display boot_display=0", "", "01:00.0 bind rule 1\n" },
	{ "a boot_display of 1 counts on a 0302 device too",
	  "01:00.0 030200 1:1 drm\n02:00.0 030000 1:1 vga=1\n", "bind 01:00.0", "",
	  "01:00.0 refuse boot-display 1\n" },
	{ "a 0302 device with the framebuffer is the boot display",
	  "01:00.0 030200 1:1 fb\n02:00.0 038000 1:1\n", "bind id=0001:0001 with=none", "",
	  "01:00.0 refuse boot-display 1\n02:00.0 bind rule 1\n" },
	{ "whatever holds the framebuffer is the boot display",
	  "01:00.0 048000 1:1 fb\n02:00.0 030000 1:1 vga=1\n", "bind boot_display=1", "",
	  "01:00.0 refuse boot-display 1\n" },
	{ "boot_display=0 matches displays only", "01:00.0 020000 1:1\n02:00.0 030000 1:1 vga=1\n",
	  "bind boot_display=0", "", "1 absent\n" },
	{ "boot_vga=0 does not match a device without the file",
	  "01:00.0 038000 1:1\n02:00.0 030000 1:1 vga=1\n", "bind boot_vga=0", "", "1 absent\n" },
	{ "without a 1 anywhere every one of two screens is unknown",
	  "01:00.0 030000 1:1 vga=0\n02:00.0 030000 1:1 vga=0\n", "bind vga", "",
	  "01:00.0 refuse ambiguous-display 1\n02:00.0 refuse ambiguous-display 1\n" },
	{ "all screens named: the last guard keeps them all with the host",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:1 vga=0\n", "bind vga allow=boot-display", "",
	  "01:00.0 refuse last-display 1\n02:00.0 refuse last-display 1\n" },
	{ "what the screens brought drops out with them, the rest of the plan stands",
	  "01:00.0 030000 1:1 vga=1\n01:00.1 040300 1:2\n02:00.0 020000 1:3\n",
	  "bind vga allow=boot-display\nbind network", "",
	  "01:00.0 refuse last-display 1\n02:00.0 bind rule 2\n" },
	{ "allow=last-display takes the last screen", "01:00.0 030000 1:1 vga=1\n",
	  "bind vga allow=last-display", "", "01:00.0 bind rule 1\n" },
	{ "the screen whose rule allows it goes, the others stay",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:2 vga=0\n",
	  "bind 01:00.0 allow=last-display\nbind 02:00.0", "",
	  "01:00.0 bind rule 1\n02:00.0 refuse last-display 2\n" },
	{ "a screen that a guest already has is not left to the host",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:2 vga=0 driver=vfio-pci\n",
	  "bind 01:00.0 allow=boot-display", "", "01:00.0 refuse last-display 1\n" },
	{ "a screen that is refused is left to the host",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030000 1:2 vga=0 group=-\n",
	  "bind vga allow=boot-display", "", "01:00.0 bind rule 1\n02:00.0 refuse no-iommu 1\n" },
	{ "a 0302 device is not left to the host as a screen",
	  "01:00.0 030000 1:1 vga=1\n02:00.0 030200 1:2\n", "bind 01:00.0 allow=boot-display", "",
	  "01:00.0 refuse last-display 1\n" },
	{ "all 0302 devices may go, for none is a screen",
	  "01:00.0 030200 1:1\n02:00.0 030200 1:1\n", "bind display", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n" },
};

static const struct decision_row companions[] = {
	{ "a card takes its audio along", TWINS, "bind vga boot_display=0", "",
	  "02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "a card takes its USB and UCSI functions along",
	  "01:00.0 030000 10de:1 vga=0\n01:00.1 040300 10de:2\n01:00.2 0c0330 10de:3\n"
	  "01:00.3 0c8000 10de:4\n02:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0", "",
	  "01:00.0 bind rule 1\n01:00.1 bind companion 1\n01:00.2 bind companion 1\n"
	  "01:00.3 bind companion 1\n" },
	{ "a USB4 host interface stays",
	  "01:00.0 030000 10de:1 vga=0\n01:00.2 0c0340 10de:3\n"
	  "02:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0", "", "01:00.0 bind rule 1\n" },
	{ "functions of another maker stay",
	  "01:00.0 030000 1b36:1 vga=0\n01:00.1 040300 8086:2\n"
	  "01:00.2 0c0330 1b36:3\n02:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0", "", "01:00.0 bind rule 1\n01:00.2 bind companion 1\n" },
	{ "functions of another kind stay",
	  "01:00.0 030000 10de:1 vga=0\n01:00.1 010802 10de:2\n"
	  "01:00.2 0c0500 10de:3\n02:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0", "", "01:00.0 bind rule 1\n" },
	{ "functions of another slot stay",
	  "01:00.0 030000 10de:1 vga=0\n01:01.1 040300 10de:2\n"
	  "02:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0", "", "01:00.0 bind rule 1\n" },
	{ "only displays have companions", "01:00.0 020000 10de:1\n01:00.1 040300 10de:2\n",
	  "bind 01:00.0", "", "01:00.0 bind rule 1\n" },
	{ "an Intel Arc takes the audio below its own switch",
	  "00:01.0 060400 8086:1\n01:00.0 060400 8086:2\n02:01.0 060400 8086:3 above=01:00.0\n"
	  "02:04.0 060400 8086:3 above=01:00.0\n03:00.0 030000 8086:4 above=02:01.0 vga=0\n"
	  "04:00.0 040300 8086:5 above=02:04.0\n05:00.0 030000 1:1 vga=1\n",
	  "bind 03:00.0", "", "03:00.0 bind rule 1\n04:00.0 bind companion 1\n" },
	{ "below its own switch only audio goes along",
	  "01:00.0 060400 8086:2\n02:01.0 060400 8086:3 above=01:00.0\n"
	  "02:04.0 060400 8086:3 above=01:00.0\n03:00.0 030000 8086:4 above=02:01.0 vga=0\n"
	  "04:00.0 0c0330 8086:5 above=02:04.0\n05:00.0 030000 1:1 vga=1\n",
	  "bind 03:00.0", "", "03:00.0 bind rule 1\n" },
	{ "a switch of another maker is not the card's own",
	  "01:00.0 060400 10b5:2\n02:01.0 060400 8086:3 above=01:00.0\n"
	  "02:04.0 060400 8086:3 above=01:00.0\n03:00.0 030000 8086:4 above=02:01.0 vga=0\n"
	  "04:00.0 040300 8086:5 above=02:04.0\n05:00.0 030000 1:1 vga=1\n",
	  "bind 03:00.0", "", "03:00.0 bind rule 1\n" },
	{ "a root port alone is no switch",
	  "00:01.0 060400 8086:1\n00:1f.3 040300 8086:9\n03:00.0 030000 8086:4 above=00:01.0 "
	  "vga=0\n"
	  "05:00.0 030000 1:1 vga=1\n",
	  "bind 03:00.0", "", "03:00.0 bind rule 1\n" },
	{ "with=none takes nothing along", TWINS, "bind 02:00.0 with=none", "",
	  "02:00.0 bind rule 1\n" },
	{ "with=functions takes all of the slot along, bridges are refused",
	  "01:00.0 020000 1:1\n01:00.1 088000 2:1\n01:00.2 060100 2:2\n01:01.0 020000 1:1\n",
	  "bind 01:00.0 with=functions", "",
	  "01:00.0 bind rule 1\n01:00.1 bind companion 1\n01:00.2 refuse bridge 1\n" },
	{ "with=functions takes functions before the leader along",
	  "01:00.0 088000 1:1\n01:00.1 020000 1:1\n", "bind 01:00.1 with=functions", "",
	  "01:00.0 bind companion 1\n01:00.1 bind rule 1\n" },
	{ "with=group takes the IOMMU group along but its bridges",
	  "00:1f.0 060100 1:1 group=5\n00:1f.2 010601 1:1 group=5\n00:1f.3 0c0500 1:1 group=5\n"
	  "00:1f.4 088000 1:1 group=5 header=1\n00:1f.5 0c8000 1:1 group=6\n",
	  "bind 00:1f.3 with=group", "", "00:1f.2 bind companion 1\n00:1f.3 bind rule 1\n" },
	{ "with=group takes nothing along where there is no group",
	  "00:1f.2 010601 1:1 group=-\n00:1f.3 0c0500 1:1 group=-\n",
	  "bind 00:1f.3 with=group allow=no-iommu", "", "00:1f.3 bind rule 1\n" },
	{ "what goes along brings nothing along itself",
	  "01:00.0 020000 1:1 group=1\n01:00.1 030000 1:1 vga=0 group=2\n"
	  "02:00.0 088000 1:1 group=2\n03:00.0 030000 1:1 vga=1\n",
	  "bind 01:00.0 with=functions", "", "01:00.0 bind rule 1\n01:00.1 bind companion 1\n" },
	{ "a refused device brings nothing along", TWINS, "bind vga", "",
	  "01:00.0 refuse boot-display 1\n02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "a kept device brings nothing along", TWINS, "bind 02:00.0\nkeep 02:00.0", "",
	  "02:00.0 keep rule 2\n" },
	{ "a companion that is kept stops nobody", TWINS, "bind 02:00.0\nkeep audio", "",
	  "02:00.0 bind rule 1\n02:00.1 keep rule 2\n" },
	{ "a companion that is refused stops nobody", TWINS, "bind 02:00.0",
	  "input path=0000:00/02.0/00.1 id=10de:0fb9",
	  "02:00.0 bind rule 1\n02:00.1 refuse host-input 1\n" },
	{ "an allow= covers what the rule brings along", TWINS, "bind 02:00.0 allow=host-input",
	  "input path=0000:00/02.0/00.1 id=10de:0fb9",
	  "02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "a companion that an earlier rule matches itself is bound by that", TWINS,
	  "bind audio\nbind 02:00.0", "",
	  "01:00.1 bind rule 1\n02:00.0 bind rule 2\n02:00.1 bind rule 1\n" },
	{ "a companion that a later rule matches too is named by the first", TWINS,
	  "bind 02:00.0\nbind 02:00.1", "", "02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "a leader bound by another rule only brings nothing along by this one",
	  "01:00.0 020000 1:1 group=-\n01:00.1 088000 1:2\n",
	  "bind 01:00.0 with=functions\nbind 01:00.0 allow=no-iommu with=none", "",
	  "01:00.0 bind rule 2\n" },
};

static const struct decision_row rules[] = {
	{ "a subsystem tells two cards of one id apart",
	  "01:00.0 020000 1:1 sub=1043:1\n02:00.0 020000 1:1 sub=1043:2\n",
	  "bind network subsystem=1043:0002", "", "02:00.0 bind rule 1\n" },
	{ "half of a subsystem may be open",
	  "01:00.0 020000 1:1 sub=1043:1\n02:00.0 020000 1:1 sub=1458:1\n",
	  "bind network subsystem=1458:*", "", "02:00.0 bind rule 1\n" },
	{ "a slot that is a whole bus holds every device on it",
	  "01:00.0 020000 1:1\n01:1f.0 020000 1:1\n02:00.0 020000 1:1\nslot 7 0000:01\n",
	  "bind slot=7", "", "01:00.0 bind rule 1\n01:1f.0 bind rule 1\n" },
	{ "a slot holds what is below the card's own switch",
	  "00:01.0 060400 1:1\n01:00.0 060400 1:1 above=00:01.0\n"
	  "02:00.0 060400 1:1 above=01:00.0\n03:00.0 020000 1:1 above=02:00.0\n"
	  "04:00.0 020000 1:1\nslot 3 0000:01:00\n",
	  "bind network slot=3", "", "03:00.0 bind rule 1\n" },
	{ "a slot's name in quotes may hold a comma",
	  "01:00.0 020000 1:1\n02:00.0 020000 1:1\nslot 1 0000:01:00\nslot 1,2 0000:02:00\n",
	  "bind slot=\"1,2\"", "", "02:00.0 bind rule 1\n" },
	{ "names and hex mix in a list of classes",
	  "01:00.0 010802 1:1\n02:00.0 0c0330 1:1\n03:00.0 020000 1:1\n",
	  "bind class=nvme,0c03\nbind network,0c0330", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n03:00.0 bind rule 2\n" },
	{ "a class by name takes every interface of it", "01:00.0 0c0301 1:1\n02:00.0 020001 1:2\n",
	  "bind usb\nbind network", "", "01:00.0 bind rule 1\n02:00.0 bind rule 2\n" },
	{ "a driver's name of one letter is one", "01:00.0 120000 1:1 driver=x\n", "bind 01:00.0",
	  "", "01:00.0 refuse bound-display 1\n" },
	{ "no word lifts the guard of a screen nobody knows enough of",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:2\n",
	  "bind id=0001:0001 "
	  "allow=no-iommu,boot-display,bound-display,last-display",
	  "", "01:00.0 refuse ambiguous-display 1\n" },
	{ "virtual functions of a physical one, by its address",
	  "01:00.0 020000 1:1\n01:10.0 020000 1:2 vf=0\n01:10.1 020000 1:2 vf=1\n",
	  "bind pf=01:00.0", "", "01:10.0 bind rule 1\n01:10.1 bind rule 1\n" },
	{ "one of them, by its index and the physical one's path",
	  "01:00.0 020000 1:1\n01:10.0 020000 1:2 vf=0\n01:10.1 020000 1:2 vf=1\n",
	  "bind pf=0000:01/00.0 vf=1-7", "", "01:10.1 bind rule 1\n" },
	{ "a physical function with virtual ones is refused",
	  "01:00.0 020000 1:1\n01:10.0 020000 1:2 vf=0\n", "bind 01:00.0", "",
	  "01:00.0 refuse has-vfs 1\n" },
	{ "a virtual function is no screen, known or not",
	  "00:02.0 030000 1:1 vga=1\n00:02.1 030000 1:1 vga=0 vf=0\n",
	  "bind display boot_display=0\nbind display boot_display=1 allow=boot-display", "",
	  "00:02.0 refuse has-vfs 2\n1 absent\n" },
	{ "a virtual function is no screen that is left",
	  "01:00.0 030000 2:1 vga=1\n03:00.0 120000 1:1\n03:02.0 030000 1:2 vf=0\n",
	  "bind 01:00.0 allow=boot-display", "", "01:00.0 refuse last-display 1\n" },
	{ "the heads of a card are the boot display together",
	  "00:02.0 030000 1:1 vga=1\n00:02.1 038000 1:1\n01:00.0 030000 2:1 vga=0\n",
	  "bind 00:02.1", "", "00:02.1 refuse boot-display 1\n" },
	{ "a head without boot_vga goes with the one that has it",
	  "00:02.0 030000 1:1 vga=1\n01:00.0 030000 2:1 vga=0\n01:00.1 038000 2:2\n",
	  "bind display boot_display=0 with=none", "",
	  "01:00.0 bind rule 1\n01:00.1 bind rule 1\n" },
	{ "the heads of the only card are the only screen",
	  "01:00.0 038000 2:1\n01:00.1 038000 2:2\n", "bind 01:00.1", "",
	  "01:00.1 refuse boot-display 1\n" },
	{ "a head is no screen that is left", "01:00.0 030000 2:1 vga=0\n01:00.1 038000 2:2\n",
	  "bind 01:00.0 with=none allow=boot-display", "", "01:00.0 refuse last-display 1\n" },
	{ "a screen that cannot be read is none that is left",
	  "01:00.0 030000 2:1 vga=0\n02:00.0 030000 2:2 vga=0 unreadable\n", "bind 01:00.0", "",
	  "01:00.0 refuse last-display 1\n" },
	{ "what cannot be read makes nobody the only screen",
	  "01:00.0 038000 2:1\n02:00.0 000000 0:0 unreadable\n", "bind display", "",
	  "01:00.0 refuse ambiguous-display 1\n02:00.0 refuse unreadable 1\n" },
	{ "what cannot be read in a card's slot may go along, and is told",
	  "01:00.0 030000 2:1 vga=1\n02:00.0 030000 2:1 vga=0\n02:00.1 000000 0:0 unreadable\n",
	  "bind 02:00.0", "", "02:00.0 bind rule 1\n02:00.1 refuse unreadable 1\n" },
	{ "what cannot be read is refused, and no count includes it",
	  "01:00.0 020000 1:1\n02:00.0 020000 1:1 unreadable\n03:00.0 0c0330 1:1\n",
	  "bind network\nbind network count=2\nbind usb count=1", "",
	  "01:00.0 bind rule 1\n02:00.0 refuse unreadable 1\n03:00.0 bind rule 3\n2 count\n" },
	{ "a slot nobody knows holds nothing", "01:00.0 020000 1:1\nslot 7 0000:01\n",
	  "bind slot=8", "", "1 absent\n" },
	{ "a device whose bridge is gone is at no path", "02:00.0 020000 1:1 above=00:01.0\n",
	  "bind path=0000:02/00.0\nbind path=0000:00/01.0/00.0\nbind 02:00.0", "",
	  "02:00.0 bind rule 3\n1 absent\n2 absent\n" },
	{ "keep vetoes whatever its place", TWINS "03:00.0 020000 8086:1539\n",
	  "keep 03:00.0\nbind network", "", "03:00.0 keep rule 1\n" },
	{ "keep behind the rule does the same", "03:00.0 020000 8086:1539\n",
	  "bind network\nkeep 03:00.0", "", "03:00.0 keep rule 2\n" },
	{ "a device nobody wants to bind is not told as kept", "03:00.0 020000 8086:1539\n",
	  "keep network", "", "" },
	{ "of two keep rules the first is named", "03:00.0 020000 8086:1539\n",
	  "bind network\nkeep id=8086:1539\nkeep 03:00.0", "", "03:00.0 keep rule 2\n" },
	{ "of two rules the first is named", "03:00.0 020000 8086:1539\n",
	  "bind id=8086:1539\nbind network", "", "03:00.0 bind rule 1\n" },
	{ "a rule that is held back leaves it to one that lets through",
	  "03:00.0 020000 8086:1539 group=-\n", "bind network\nbind 03:00.0 allow=no-iommu", "",
	  "03:00.0 bind rule 2\n" },
	{ "of two rules that are held back the first is named",
	  "03:00.0 020000 8086:1539 group=-\n", "bind network\nbind 03:00.0", "",
	  "03:00.0 refuse no-iommu 1\n" },
	{ "count=2 holds for two", DISKS, "bind nvme count=2", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n" },
	{ "count=3 is void for two", DISKS, "bind nvme count=3", "", "1 count\n" },
	{ "count=1 is void for two", DISKS, "bind nvme count=1", "", "1 count\n" },
	{ "count= counts from the first function there is",
	  "01:00.0 020000 8086:1\n02:00.0 020000 8086:1\n", "bind network count=2", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n" },
	{ "count=1 is void for none", DISKS, "bind vga count=1", "", "1 count\n" },
	{ "count= counts what is kept", DISKS, "bind nvme count=2\nkeep 01:00.0", "",
	  "01:00.0 keep rule 2\n02:00.0 bind rule 1\n" },
	{ "count= does not count companions", TWINS, "bind 02:00.0 count=1", "",
	  "02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "nth=2 is the second in address order", DISKS, "bind nvme count=2 nth=2", "",
	  "02:00.0 bind rule 1\n" },
	{ "nth=1 is the first", DISKS, "bind nvme count=2 nth=1", "", "01:00.0 bind rule 1\n" },
	{ "nth= counts what is kept", DISKS, "bind nvme count=2 nth=2\nkeep 01:00.0", "",
	  "02:00.0 bind rule 1\n" },
	{ "a serial number in two slots makes a bind rule void",
	  "01:00.0 020000 1:1 dsn=5\n02:00.0 020000 1:1 dsn=5\n",
	  "bind dsn=00-00-00-00-00-00-00-05", "", "1 dsn\n" },
	{ "a serial number on two functions of one slot does not",
	  "01:00.0 020000 1:1 dsn=5\n01:00.1 020000 1:1 dsn=5\n",
	  "bind dsn=00-00-00-00-00-00-00-05", "", "01:00.0 bind rule 1\n01:00.1 bind rule 1\n" },
	{ "two serial numbers may be in two slots",
	  "01:00.0 020000 1:1 dsn=5\n02:00.0 020000 1:1 dsn=6\n",
	  "bind dsn=00-00-00-00-00-00-00-05,00-00-00-00-00-00-00-06", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n" },
	{ "another selector tells two cards of one serial number apart",
	  "01:00.0 020000 1:1 dsn=5\n02:00.0 020000 1:1 dsn=5\n",
	  "bind dsn=00-00-00-00-00-00-00-05 01:00.0", "", "01:00.0 bind rule 1\n" },
	{ "a keep rule keeps every card of the serial number, and finds nothing wrong",
	  "01:00.0 020000 1:1 dsn=5\n02:00.0 020000 1:1 dsn=5\n",
	  "bind network\nkeep dsn=00-00-00-00-00-00-00-05", "",
	  "01:00.0 keep rule 2\n02:00.0 keep rule 2\n" },
	{ "a serial number of zeros matches nothing", "01:00.0 020000 1:1\n",
	  "bind dsn=00-00-00-00-00-00-00-00", "", "1 absent\n" },
	{ "a serial number of ones matches nothing", "01:00.0 020000 1:1 dsn=ffffffffffffffff\n",
	  "bind dsn=ff-ff-ff-ff-ff-ff-ff-ff", "", "1 absent\n" },
	{ "another device where the address points: moved", DISKS, "bind 01:00.0 id=10de:1c82", "",
	  "1 moved\n" },
	{ "another device where the path points: moved", DISKS,
	  "bind path=0000:00/01.0/00.0 id=10de:1c82", "", "1 moved\n" },
	{ "nothing where the address points: absent", DISKS, "bind 05:00.0 id=144d:a80a", "",
	  "1 absent\n" },
	{ "address and path that part company: moved", DISKS, "bind 01:00.0 path=0000:00/02.0/00.0",
	  "", "1 moved\n" },
	{ "a keep rule is told to be absent too", DISKS, "keep 05:00.0", "", "1 absent\n" },
	{ "required is met by a bound device", DISKS, "bind nvme required", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 1\n" },
	{ "required is unmet where nothing matches", DISKS, "bind vga required", "",
	  "1 required\n" },
	{ "required is unmet where all is refused", DISKS, "bind 00:01.0 required", "",
	  "00:01.0 refuse bridge 1\n1 required\n" },
	{ "required is unmet where all is kept", DISKS, "bind 01:00.0 required\nkeep nvme", "",
	  "01:00.0 keep rule 2\n1 required\n" },
	{ "required is met by the device of that number", DISKS, "bind nvme count=2 nth=2 required",
	  "", "02:00.0 bind rule 1\n" },
	{ "required counts from the first function there is",
	  "01:00.0 020000 8086:1\n02:00.0 020000 8086:1\n", "bind network count=2 nth=1 required",
	  "", "01:00.0 bind rule 1\n" },
	{ "required is not met by a device of another number", DISKS,
	  "bind nvme count=2 nth=2 required\nbind 01:00.0\nkeep 02:00.0", "",
	  "01:00.0 bind rule 2\n02:00.0 keep rule 3\n1 required\n" },
	{ "required is met by what an earlier rule is named for", DISKS,
	  "bind 01:00.0\nbind nvme required", "", "01:00.0 bind rule 1\n02:00.0 bind rule 2\n" },
	{ "a count that does not hold is named before required", DISKS,
	  "bind nvme required count=1", "", "1 count\n" },
	{ "two rules with two drivers refuse the device", DISKS,
	  "bind 01:00.0\nbind nvme driver=pci-stub", "",
	  "01:00.0 refuse driver-conflict 1\n02:00.0 bind rule 2\n" },
	{ "two rules with one driver do not", DISKS,
	  "bind 01:00.0 driver=pci-stub\nbind nvme driver=pci-stub", "",
	  "01:00.0 bind rule 1\n02:00.0 bind rule 2\n" },
	{ "the default driver conflicts like any other", DISKS,
	  "bind 01:00.0 driver=pci-stub\nbind 01:00.0", "", "01:00.0 refuse driver-conflict 1\n" },
	{ "a rule that a guard holds back is in conflict with nobody",
	  "01:00.0 020000 1:1 group=-\n",
	  "bind 01:00.0 driver=pci-stub\nbind 01:00.0 allow=no-iommu", "",
	  "01:00.0 bind rule 2\n" },
	{ "a kept device is in conflict with nobody", DISKS,
	  "bind 01:00.0\nbind 01:00.0 driver=pci-stub\nkeep 01:00.0", "", "01:00.0 keep rule 3\n" },
	{ "what a device in conflict brings along does not go", TWINS,
	  "bind 02:00.0\nbind 02:00.0 driver=pci-stub with=none", "",
	  "02:00.0 refuse driver-conflict 1\n" },
	{ "a companion may be in conflict where its leader is not", TWINS,
	  "bind 02:00.0\nbind 02:00.1 driver=pci-stub", "",
	  "02:00.0 bind rule 1\n02:00.1 refuse driver-conflict 1\n" },
	{ "a conflict seen with companions stays one when they drop out",
	  "01:00.0 020000 1:1 group=-\n01:00.1 040300 1:2 group=-\n",
	  "bind 01:00.0 with=functions driver=pci-stub allow=no-iommu\n"
	  "bind 01:00.0 with=functions allow=no-iommu\nbind audio",
	  "", "01:00.0 refuse driver-conflict 1\n01:00.1 refuse driver-conflict 1\n" },
	{ "auto conflicts with a driver that is not what the device gets by it", TWINS,
	  "bind 02:00.* driver=auto with=none\nbind 02:00.* driver=vfio-pci with=none", "",
	  "02:00.0 refuse driver-conflict 1\n02:00.1 bind rule 1\n" },
	{ "auto is in no conflict with what the device gets by it", TWINS,
	  "bind 02:00.0 driver=auto with=none\nbind 02:00.0 driver=own-vfio-pci with=none", "",
	  "02:00.0 bind rule 1\n" },
	{ "auto is in no conflict with itself", TWINS,
	  "bind 02:00.0 driver=auto\nbind display id=10de:* boot_vga=0 driver=auto", "",
	  "02:00.0 bind rule 1\n02:00.1 bind companion 1\n" },
	{ "of a conflict the first rule that let it through is named",
	  "01:00.0 020000 1:1\n01:00.1 040300 1:2\n",
	  "bind 01:00.0 with=functions driver=pci-stub\nbind 01:00.* with=none", "",
	  "01:00.0 refuse driver-conflict 1\n01:00.1 refuse driver-conflict 1\n" },
};

static void check_decision(void **state)
{
	const struct decision_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256], got[4096];

	set_machine(row->machine);
	set_protect(row->protect);
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	assert_true(decide(&decision));
	print_plan(got);
	assert_string_equal(got, row->want);
}

struct want_row {
	const char *name, *machine, *policy, *protect;
	unsigned known;         /* of each device */
	unsigned machine_wants; /* asked for in the first round */
	unsigned wants[3];      /* of the first devices */
};

static const struct want_row wants[] = {
	{ "a rule that matches nothing asks for no fact",
	  "01:00.0 020000 1:1\n",
	  "bind usb",
	  "",
	  0,
	  0,
	  { 0 } },
	{ "a device that is selected is asked for its group and header",
	  "01:00.0 020000 1:1\n",
	  "bind network",
	  "",
	  0,
	  FACT_FRAMEBUFFER,
	  { FACT_GROUP | FACT_HEADER | FACT_VFS } },
	{ "a device that is not selected is asked for nothing",
	  "01:00.0 020000 1:1\n02:00.0 0c0330 1:1\n",
	  "bind network",
	  "",
	  0,
	  FACT_FRAMEBUFFER,
	  { FACT_GROUP | FACT_HEADER | FACT_VFS, 0 } },
	{ "a class that does not fit spares the serial number",
	  "01:00.0 0c0330 1:1\n",
	  "bind network dsn=00-00-00-00-00-00-00-01",
	  "",
	  0,
	  0,
	  { 0 } },
	{ "a serial number is asked for where all else fits",
	  "01:00.0 020000 1:1\n02:00.0 020000 2:2\n",
	  "bind network id=0001:0001 dsn=00-00-00-00-00-00-00-01",
	  "",
	  0,
	  0,
	  { FACT_DSN, 0 } },
	{ "disks are asked about only where a driver holds the device",
	  "01:00.0 010802 1:1\n02:00.0 010802 1:1 driver=nvme\n",
	  "bind nvme",
	  "",
	  FACT_GROUP | FACT_HEADER | FACT_VFS,
	  FACT_FRAMEBUFFER,
	  { 0, FACT_DISKS } },
	{ "a protected serial number is asked of every device of its id",
	  "01:00.0 020000 1:1\n02:00.0 020000 1:1\n03:00.0 020000 1:2\n",
	  "bind 02:00.0",
	  "network path=0000:01/00.0 id=0001:0001 dsn=00-00-00-00-00-00-00-05",
	  FACT_GROUP | FACT_HEADER | FACT_VFS,
	  FACT_FRAMEBUFFER,
	  { FACT_DSN, FACT_DSN, 0 } },
	{ "a screen that goes on purpose is asked for the framebuffer all the same",
	  "01:00.0 038000 1:1\n02:00.0 030000 1:1\n",
	  "bind 01:00.0 allow=boot-display",
	  "",
	  FACT_GROUP | FACT_HEADER | FACT_VFS | FACT_BOOT_VGA,
	  FACT_FRAMEBUFFER,
	  { 0 } },
	{ "slots are read where a rule names one",
	  "01:00.0 020000 1:1\n",
	  "bind slot=3",
	  "",
	  0,
	  FACT_SLOTS,
	  { 0 } },
};

static void check_wants(void **state)
{
	const struct want_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256];

	set_machine(row->machine);
	set_protect(row->protect);
	inventory.known = 0;
	for (size_t i = 0; i < inventory.count; i++)
		inventory.devices[i].known = (uint16_t)row->known;
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	assert_int_equal(decide(&decision), !row->machine_wants && !row->wants[0]);
	assert_int_equal(lacking.machine, row->machine_wants);
	for (size_t i = 0; i < inventory.count; i++)
		assert_int_equal(lacking.of[i] & ~(FACT_BOOT_VGA | FACT_PHYSFN), row->wants[i]);
}

#define CARD "01:00.0 020000 8086:10fb sriov=7:10ed\n"

struct awaited_row {
	const char *name, *machine, *policy;
	const char *want; /* the physical functions that wait, and how many they are to have */
};

static const struct awaited_row awaited[] = {
	{ "by the physical function", CARD, "bind pf=01:00.0", "01:00.0 0 " },
	{ "by its path", CARD, "bind pf=0000:01/00.0 vf=2", "01:00.0 0 " },
	{ "another physical function", CARD "02:00.0 020000 1:1\n", "bind pf=02:00.0", "" },
	{ "how many there are to be", CARD, "bind pf=01:00.0 vfs=4\nbind pf=01:00.0 vfs=5",
	  "01:00.0 4 " },
	{ "the first that says so", CARD, "bind pf=01:00.0 vf=1\nbind pf=01:00.0 vfs=5",
	  "01:00.0 5 " },
	{ "by their own id", CARD, "bind id=8086:10ed", "01:00.0 0 " },
	{ "by half of an id", CARD "02:00.0 020000 8086:10ed\n", "bind id=8086:*\nkeep network",
	  "01:00.0 0 " },
	{ "by the other half", CARD, "bind id=*:10ed", "01:00.0 0 " },
	{ "an id of another maker", CARD, "bind id=10de:10ed", "" },
	{ "not by the id of the physical one", CARD, "bind id=8086:10fb\nkeep network", "" },
	{ "by the class", CARD, "bind network\nkeep 01:00.0", "01:00.0 0 " },
	{ "by one of two classes", CARD, "bind nvme,network\nkeep 01:00.0", "01:00.0 0 " },
	{ "another class", CARD, "bind nvme", "" },
	{ "another of two classes", CARD, "bind nvme,usb", "" },
	{ "another class beside the id", CARD, "bind usb id=8086:10ed", "" },
	{ "by an address where nothing stands", CARD, "bind 01:10.2", "01:00.0 0 " },
	{ "on the next bus, too", CARD, "bind 02:00.2", "01:00.0 0 " },
	{ "by an address before it, never", CARD, "bind 00:10.2", "" },
	{ "nor in another domain", CARD, "bind 0001:01:10.2", "" },
	{ "nor by an address where something stands", CARD "02:00.0 0c0330 1:1\n", "bind 02:00.0",
	  "" },
	{ "by a path to its bus", CARD, "bind path=0000:01/10.2", "01:00.0 0 " },
	{ "by a path to another bus, never", CARD, "bind path=0000:02/10.2", "" },
	{ "by a path below the bridge above it",
	  "00:01.0 060400 1:1\n01:00.0 020000 8086:10fb above=00:01.0 sriov=7:10ed\n",
	  "bind path=0000:00/01.0/10.2", "01:00.0 0 " },
	{ "by a path below another bridge, never",
	  "00:01.0 060400 1:1\n01:00.0 020000 8086:10fb above=00:01.0 sriov=7:10ed\n",
	  "bind path=0000:00/02.0/10.2", "" },
	{ "by a path to the root bus, never",
	  "00:01.0 060400 1:1\n01:00.0 020000 8086:10fb above=00:01.0 sriov=7:10ed\n",
	  "bind path=0000:00/10.2", "" },
	{ "by the slot", "slot 5 0000:01:00\n" CARD, "bind slot=5\nkeep network", "01:00.0 0 " },
	{ "another slot", "slot 5 0000:02:00\n" CARD, "bind slot=5", "" },
	{ "by a subsystem", CARD, "bind subsystem=0001:0001", "01:00.0 0 " },
	{ "a screen that is not the boot's", "01:00.0 030000 8086:1 vga=1 sriov=7:2\n",
	  "bind vga boot_vga=0", "01:00.0 0 " },
	{ "no virtual function is another screen", "01:00.0 030000 8086:1 vga=1 sriov=7:2\n",
	  "bind vga boot_display=0", "" },
	{ "none has a serial number", CARD, "bind network dsn=00-00-00-00-00-00-00-01", "" },
	{ "none where it can have none", "01:00.0 020000 8086:10fb\n", "bind pf=01:00.0", "" },
	{ "what goes to a guest itself hands on its own driver", CARD, "bind network", "" },
	{ "a keep rule takes nothing", CARD, "keep pf=01:00.0", "" },
};

static void check_awaited(void **state)
{
	const struct awaited_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256], got[256] = "";

	set_machine(row->machine);
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	set_protect("");
	assert_true(decide(&decision));
	for (size_t i = 0; i < inventory.count; i++) {
		char name[ADDRESS_SIZE];

		if (!plan.tallies[i].awaits)
			continue;
		address_format(inventory.devices[i].address, name);
		sprintf(got + strlen(got), "%s %u ", name + 5, plan.tallies[i].vfs);
	}
	assert_string_equal(got, row->want);
}

struct late_row {
	const char *name, *machine, *policy;
	unsigned only;    /* from 1: which device has come */
	const char *want; /* what the pass for it is about */
};

#define VIRTUAL CARD "01:10.0 020000 8086:10ed vf=0\n01:10.1 020000 8086:10ed vf=1\n"

static const struct late_row late[] = {
	{ "a late device alone", "01:00.0 010802 1:1\n02:00.0 010802 1:1\n", "bind nvme", 2,
	  "02:00.0 bind rule 1\n" },
	{ "what goes along with it", "01:00.0 030200 1:1\n01:00.1 040300 1:1\n", "bind display", 1,
	  "01:00.0 bind rule 1\n01:00.1 bind companion 1\n" },
	{ "not what brought it along", "01:00.0 030200 1:1\n01:00.1 040300 1:1\n", "bind display",
	  2, "01:00.1 bind companion 1\n" },
	{ "one that no rule selects", "01:00.0 010802 1:1\n02:00.0 020000 1:1\n", "bind nvme", 2,
	  "" },
	{ "one that is refused", "01:00.0 010802 1:1 group=-\n02:00.0 020000 1:1\n", "bind nvme", 1,
	  "01:00.0 refuse no-iommu 1\n" },
	{ "its siblings, which wait for their own pass", VIRTUAL, "bind pf=01:00.0", 2,
	  "01:10.0 bind rule 1\n01:10.1 bind rule 1\n" },
	{ "not one that has its driver", VIRTUAL "01:10.2 020000 8086:10ed vf=2 driver=vfio-pci\n",
	  "bind pf=01:00.0", 2, "01:10.0 bind rule 1\n01:10.1 bind rule 1\n" },
	{ "not the virtual functions of another",
	  VIRTUAL "02:00.0 020000 1:1\n02:10.0 020000 1:2 "
		  "vf=0\n",
	  "bind network vf=0 pf=01:00.0,02:00.0", 2, "01:10.0 bind rule 1\n" },
	{ "no sibling that is kept or refused", VIRTUAL "01:10.2 020000 8086:10ed vf=2 group=-\n",
	  "bind pf=01:00.0\nkeep 01:10.1", 2, "01:10.0 bind rule 1\n" },
};

static void check_late(void **state)
{
	const struct late_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256], got[512] = "";

	set_machine(row->machine);
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	set_protect("");
	decision.only = row->only;
	assert_true(decide(&decision));
	for (size_t i = 0; i < plan.selected_count; i++) {
		struct verdict verdict = plan_verdict(&plan, plan.selected[i]);
		char name[ADDRESS_SIZE];

		address_format(inventory.devices[plan.selected[i]].address, name);
		sprintf(got + strlen(got), "%s %s %s %u\n", name + 5, verdict_token(verdict.kind),
			reason_token(verdict.reason), policy.rules[verdict.rule].line);
	}
	assert_string_equal(got, row->want);
}

struct shared_row {
	const char *name, *machine, *policy;
	const char *want; /* what shares the group of the first bound device */
};

static const struct shared_row shared[] = {
	{ "host functions in the group of a bound one are told",
	  "00:1f.2 010601 1:1 group=5\n00:1f.3 0c0500 1:1 group=5\n00:1f.5 0c8000 1:1 group=6\n",
	  "bind 00:1f.3", "00:1f.2 " },
	{ "bridges in the group are not",
	  "00:01.0 060400 1:1 group=5\n01:00.0 020000 1:1 group=5\n", "bind network", "" },
	{ "what is bound too is not", "01:00.0 020000 1:1 group=5\n02:00.0 020000 1:1 group=5\n",
	  "bind network", "" },
	{ "what a guest's driver holds is not",
	  "01:00.0 020000 1:1 group=5\n02:00.0 0c0330 1:1 group=5 driver=vfio-pci\n",
	  "bind network", "" },
	{ "what is kept or refused is",
	  "01:00.0 020000 1:1 group=5\n02:00.0 0c0330 1:1 group=5\n03:00.0 0c0330 1:1 group=5\n",
	  "bind network\nbind 02:00.0\nkeep 02:00.0", "02:00.0 03:00.0 " },
	{ "without a group nothing is shared",
	  "01:00.0 020000 1:1 group=-\n02:00.0 0c0330 1:1 group=-\n", "bind network allow=no-iommu",
	  "" },
};

static void check_shared(void **state)
{
	const struct shared_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256], got[256] = "";
	size_t bound = 0, other = 0;

	set_machine(row->machine);
	set_protect("");
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	assert_true(decide(&decision));
	while (plan_verdict(&plan, bound).kind != VERDICT_BIND)
		bound++;
	while ((other = plan_group_shared(&plan, &inventory, bound, other)) != NO_DEVICE) {
		strcat(got, short_address(inventory.devices[other++].address));
		strcat(got, " ");
	}
	assert_string_equal(got, row->want);
}

struct detail_row {
	const char *name, *machine, *policy;
	const char *want; /* what rule_detail() says of each rule, with "|" behind it */
};

#define PORTS                                                                                      \
	"07:00.0 020000 8086:1572\n07:00.1 020000 8086:1572\n08:00.0 020000 8086:1533\n"           \
	"09:00.0 010802 144d:a80a dsn=11\n0a:00.0 010802 144d:a80a dsn=22\n"

static const struct detail_row details[] = {
	{ "a rule that matches has nothing to add", PORTS, "bind 07:00.0 id=8086:1572", "|" },
	{ "nothing there, and one function has its id", PORTS, "bind 33:00.0 id=8086:1533",
	  "its id is at 0000:08:00.0|" },
	{ "something else stands there", PORTS, "bind 07:00.0 id=8086:1533",
	  "now 8086:1572, its id is at 0000:08:00.0|" },
	{ "something else, and nobody has its id", PORTS, "bind 07:00.0 id=8086:9999",
	  "now 8086:1572|" },
	{ "by path, too", PORTS, "bind path=0000:00/01.0/00.0 id=8086:1533",
	  "its id is at 0000:08:00.0|" },
	{ "of two the one with its serial number", PORTS,
	  "bind 33:00.0 id=144d:a80a dsn=00-00-00-00-00-00-00-22", "its id is at 0000:0a:00.0|" },
	{ "of two twins none", PORTS, "bind 33:00.0 id=144d:a80a", "|" },
	{ "of the ports of a card the one with its function number", PORTS,
	  "bind 33:00.1 id=8086:1572\nbind path=0000:33/00.0 id=8086:1572",
	  "its id is at 0000:07:00.1|its id is at 0000:07:00.0|" },
	{ "no port of that number", PORTS, "bind 33:00.2 id=8086:1572", "|" },
	{ "the only one, whatever its function number", PORTS, "bind 33:00.5 id=8086:1533",
	  "its id is at 0000:08:00.0|" },
	{ "without a whole id nobody knows", PORTS,
	  "bind 33:00.0\nbind 33:00.0 id=8086:*\nbind 33:00.0 id=8086:1533,0001:0001", "|||" },
	{ "nor of all functions of a slot, or of two places", PORTS,
	  "bind 33:00.* id=8086:1533\nbind 33:00.0,34:00.0 id=8086:1533\n"
	  "bind path=0000:33/00.0,0000:34/00.0 id=8086:1533",
	  "|||" },
	{ "the other selectors count", PORTS, "bind 33:00.0 id=8086:1533 class=03", "|" },
	{ "what cannot be read is no candidate", "08:00.0 020000 8086:1533 unreadable\n",
	  "bind 33:00.0 id=8086:1533", "|" },
	{ "a keep rule as well", PORTS, "keep 33:00.0 id=8086:1533", "its id is at 0000:08:00.0|" },
	{ "a count that is not met", PORTS, "bind network count=2", "3 match, not 2|" },
	{ "screens nobody knows enough of",
	  "01:00.0 038000 1:1\n02:00.0 030000 1:2\n03:00.0 040300 1:3\n",
	  "bind display boot_display=0\nbind display id=0001:0002 boot_display=0\nbind audio "
	  "boot_display=0",
	  "may be the boot display: 0000:01:00.0, 0000:02:00.0; name one by path|"
	  "may be the boot display: 0000:02:00.0; name one by path||" },
	{ "eight screens are named, and no more",
	  "01:00.0 038000 1:1\n02:00.0 038000 1:1\n03:00.0 038000 1:1\n04:00.0 038000 1:1\n"
	  "05:00.0 038000 1:1\n06:00.0 038000 1:1\n07:00.0 038000 1:1\n08:00.0 038000 1:1\n"
	  "09:00.0 038000 1:1\n",
	  "bind display boot_display=0",
	  "may be the boot display: 0000:01:00.0, 0000:02:00.0, 0000:03:00.0, 0000:04:00.0, "
	  "0000:05:00.0, 0000:06:00.0, 0000:07:00.0, 0000:08:00.0; name one by path|" },
	{ "screens that are known are not named", "01:00.0 030000 1:1 fb\n",
	  "bind display boot_display=0", "|" },
};

static void check_detail(void **state)
{
	const struct detail_row *row = *state;
	struct decision decision = WORLD;
	char mistakes[256], got[1024] = "", one[RULE_DETAIL_SIZE];

	set_machine(row->machine);
	set_protect("");
	assert_true(set_policy(row->policy, strlen(row->policy), mistakes));
	assert_true(decide(&decision));
	for (size_t r = 0; r < policy.rule_count; r++) {
		size_t len = rule_detail(&decision, r, one);

		assert_int_equal(len, strlen(one));
		strcat(strcat(got, one), "|");
	}
	assert_string_equal(got, row->want);
}

int main(void)
{
	return TABLE(details, check_detail) + TABLE(guards, check_decision) +
	       TABLE(displays, check_decision) + TABLE(companions, check_decision) +
	       TABLE(rules, check_decision) + TABLE(wants, check_wants) +
	       TABLE(shared, check_shared) + TABLE(awaited, check_awaited) +
	       TABLE(late, check_late);
}
