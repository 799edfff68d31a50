# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads the log that QEMU's blklogwrites keeps of a drive, and makes the drive of any moment again.

The format is that of dm-log-writes: Documentation/admin-guide/device-mapper/log-writes.rst and
drivers/md/dm-log-writes.c. Numbers are little-endian; each record begins at a whole sector.
"""

import struct
from dataclasses import dataclass

MAGIC = 0x6a736677736872
HEAD = struct.Struct("<QQQI")  # magic, version, records, bytes of a sector
RECORD = struct.Struct("<QQQQ")  # sector, sectors, flags, bytes of a mark's text
FLUSH, FUA, DISCARD = 1, 2, 4


def json_drive(drive, log):
    """What QEMU is told to be the file of a drive, so that it keeps a log; a comma is two there."""
    log.touch()
    files = (f'"{name}":{{"driver":"file","filename":"{path}"}}'
             for name, path in (("file", drive), ("log", log)))
    text = f'json:{{"driver":"raw","file":{{"driver":"blklogwrites",{",".join(files)}}}}}'
    return text.replace(",", ",,")


@dataclass(frozen=True)
class Record:
    """A write, a flush, or what the drive may forget."""

    at: int  # in bytes, on the drive
    size: int
    flags: int
    data: int  # where it is in the log

    @property
    def writes(self):
        """False for what changes nothing that is read again."""
        return self.size > 0 and not self.flags & DISCARD


def read_log(path):
    """All its records, in order."""
    records = []
    with open(path, "rb") as file:
        magic, version, count, sector = HEAD.unpack(file.read(HEAD.size))
        assert (magic, version) == (MAGIC, 1)
        place = sector
        for _ in range(count):
            file.seek(place)
            at, sectors, flags, _ = RECORD.unpack(file.read(RECORD.size))
            records.append(Record(at * sector, sectors * sector, flags, place + sector))
            place += sector + (0 if flags & DISCARD else sectors * sector)
    return records


class Replay:
    """The drive as it was before its log began, and what the log has done to it so far."""

    def __init__(self, drive, log):
        self.drive, self.records = open(drive, "r+b"), read_log(log)
        self.log = open(log, "rb")
        self.done = 0
        self.unflushed = []  # what a power cut could lose

    def write(self, record, to):
        """Does again what one record says."""
        self.log.seek(record.data)
        to.seek(record.at)
        to.write(self.log.read(record.size))
        to.flush()

    def go_to(self, point):
        """Up to that record: to lose() is what no flush has come behind."""
        for record in self.records[self.done:point]:
            if record.flags & FLUSH:
                self.settle()
            if record.writes and record.flags & FUA:
                self.unflushed.append((record, True))
            elif record.writes:
                self.unflushed.append((record, False))
        self.done = point

    def settle(self):
        """A flush: all of it is on the drive for good."""
        for record, _ in self.unflushed:
            self.write(record, self.drive)
        self.unflushed = []

    def cut(self, drive, lost):
        """On a copy of the drive: what a cut leaves there, if lost() says which writes it loses."""
        with open(drive, "r+b") as to:
            for record, certain in self.unflushed:
                if certain or not lost():
                    self.write(record, to)

    def close(self):
        """Both files."""
        self.drive.close()
        self.log.close()
