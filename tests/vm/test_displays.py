# SPDX-License-Identifier: GPL-2.0-or-later
"""Graphics cards: which of two identical ones, what goes along, and what the host keeps."""

import pytest

from .machine import GPU2, QXL, TWINS
from .nights import ONE_BY_DAY
from .proof import prove, verdicts


@pytest.mark.parametrize("rule", ["bind display boot_display=0 with=functions",
                                  "bind vga boot_vga=0 with=functions"])
def test_second_card_with_all_its_functions(lab, rule):
    """Scenario a: the card without the picture, and all of its slot; the first is untouched."""
    boot = lab.boot(f"{rule}\n")
    prove(boot, TWINS, taken=GPU2)
    verdicts(TWINS, boot.stages["root"], {
        "gpu2": "bind rule", "gpu2_audio": "bind companion", "gpu2_usb": "bind companion"})


@ONE_BY_DAY
def test_companions_are_of_the_same_vendor(lab):
    """Scenario a: the USB function of the card's vendor goes along, foreign functions stay."""
    machine = TWINS.with_slots(QXL)
    boot = lab.boot("bind display boot_display=0\n", machine=machine)
    prove(boot, machine, taken=["gpu2", "qxl", "qxl_usb"])
    verdicts(machine, boot.stages["root"], {
        "gpu2": "bind rule", "qxl": "bind rule", "qxl_usb": "bind companion"})


@ONE_BY_DAY
def test_boot_card_is_refused(lab):
    """Scenario d: chosen by address, but the host keeps the card with the picture."""
    boot = lab.boot(f"bind {TWINS.address('gpu1')} id=1234:1111\n")
    prove(boot, TWINS)
    verdicts(TWINS, boot.stages["root"], {"gpu1": "refuse boot-display"})
    assert any("refused: is the boot display" in line for line in boot.said(level=3))


@ONE_BY_DAY
def test_boot_card_is_bound_if_allowed(lab):
    """Scenario d: with allow=boot-display it is bound, and the other card is the host's."""
    boot = lab.boot(f"bind {TWINS.address('gpu1')} id=1234:1111 allow=boot-display\n")
    prove(boot, TWINS, taken=["gpu1"])
    verdicts(TWINS, boot.stages["root"], {"gpu1": "bind rule"})


def test_last_card_is_refused(lab):
    """Scenario e: all cards chosen: none is bound, nor what they bring; the rest stands."""
    boot = lab.boot("bind vga allow=boot-display with=functions\n"
                    f"bind nvme path={TWINS.path('disk1')}\n")
    prove(boot, TWINS, taken=["disk1"])
    verdicts(TWINS, boot.stages["root"], {
        "gpu1": "refuse last-display", "gpu2": "refuse last-display", "disk1": "bind rule"})


@ONE_BY_DAY
def test_all_cards_are_bound_if_allowed(lab):
    """Scenario e: with allow=last-display the host has no screen left, and still boots."""
    boot = lab.boot("bind vga allow=last-display with=functions\n")
    prove(boot, TWINS, taken=["gpu1", "gpu1_audio", *GPU2])
