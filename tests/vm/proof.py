# SPDX-License-Identifier: GPL-2.0-or-later
"""What counts as proof: driver links of every function, and the driver core's own log."""

VFIO = "vfio-pci"


def prove(boot, machine, taken=(), stages=("initramfs", "root"), gave_up=()):
    """
    The functions named in taken are vfio-pci's and never were another's; those in gave_up had
    their host's driver, which is built in, and then vfio-pci; all the rest is the host's.
    """
    for stage in stages:
        prove_links(boot, machine, (*taken, *gave_up), stage)
    prove_probes(boot, machine, taken, "multi-user" in stages, gave_up)


def prove_links(boot, machine, taken, stage, all_up=False):
    """The driver link of every function of the machine, at one time."""
    expected = machine.host_drivers(all_up or stage == "multi-user")
    expected |= {address: VFIO for address in machine.addresses(*taken)}
    assert boot.stages[stage].drivers == expected, f"in stage {stage}"


def prove_probes(boot, machine, taken, all_up=False, gave_up=()):
    """Which drivers the core let at each function, in order, from power-on to power-off."""
    probed = {address: list(dict.fromkeys(drivers)) for address, drivers in boot.probes().items()}
    expected = {address: [driver] for address, driver
                in machine.host_drivers(all_up).items() if driver}
    for address in machine.addresses(*gave_up):
        expected[address] = [*expected[address], VFIO]
    expected |= {address: [VFIO] for address in machine.addresses(*taken)}
    # What ends without a driver may have been looked at by one, but never by vfio-pci.
    others = {address: drivers for address, drivers in probed.items() if address not in expected}
    assert {address: probed.get(address) for address in expected} == expected
    assert not any(VFIO in drivers for drivers in others.values()), others


def verdicts(machine, stage, expected):
    """The binder's report, next to the proof: a verdict and reason for each function named."""
    assert stage.verdicts() == {(machine.address(name), *verdict.split())
                                for name, verdict in expected.items()}
