# SPDX-License-Identifier: GPL-2.0-or-later
"""nfs.py TREE: an NFS server on its standard input and output, for one connection of a client that
only reads. Port mapper, mount and NFS 3 in one (RFC 1833, 1813): QEMU starts one for each
connection that its guest makes."""

import os
import stat
import struct
import sys
from pathlib import Path

PORTMAP, NFS, MOUNT = 100000, 100003, 100005
PORT = 2049  # of all of them but the first
UNAVAILABLE = 1  # as a program that there may be beside NFS, for access lists
NOENT, ROFS = 2, 30
LAST_FRAGMENT = 1 << 31
KINDS = {stat.S_IFREG: 1, stat.S_IFDIR: 2, stat.S_IFLNK: 5}


class Call:
    """What is left of a call, to be taken word by word."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, size=4):
        """Of 4 bytes or of 8."""
        self.at += size
        return int.from_bytes(self.data[self.at - size:self.at], "big")

    def opaque(self):
        """Bytes with their length before them."""
        length = self.number()
        self.at += length + -length % 4
        return self.data[self.at - length - -length % 4:][:length]


def numbers(*values):
    """Words of 4 bytes."""
    return struct.pack(f">{len(values)}I", *values)


def opaque(data):
    """Bytes with their length before them."""
    return numbers(len(data)) + data + bytes(-len(data) % 4)


class Server:
    """A tree that does not change, so that a file's place in the list of all is its handle."""

    def __init__(self, tree):
        self.paths = [tree, *sorted(tree.rglob("*"))]
        self.procedures = {1: self.getattr, 3: self.lookup, 4: self.access, 5: self.readlink,
                           6: self.read, 16: self.readdir, 17: self.readdirplus, 18: self.fsstat,
                           19: self.fsinfo, 20: self.pathconf}

    def path(self, call):
        """Of the handle that comes next."""
        return self.paths[int.from_bytes(call.opaque(), "big")]

    def handle(self, path):
        """Of a path."""
        return opaque(self.paths.index(path).to_bytes(8, "big"))

    def attributes(self, path):
        """fattr3"""
        found = path.lstat()
        times = (int(found.st_mtime), 0) * 3
        return numbers(KINDS[stat.S_IFMT(found.st_mode)], stat.S_IMODE(found.st_mode),
                       found.st_nlink, 0, 0) + struct.pack(
            ">QQIIQQ", found.st_size, found.st_size, 0, 0, 1, self.paths.index(path) + 1
        ) + numbers(*times)

    def after(self, path):
        """post_op_attr"""
        return numbers(1) + self.attributes(path)

    def getattr(self, call):
        """How every other answer begins."""
        return numbers(0) + self.attributes(self.path(call))

    def lookup(self, call):
        """A name in a directory."""
        parent = self.path(call)
        name = call.opaque().decode()
        path = {".": parent, "..": parent.parent}.get(name, parent / name)
        if path not in self.paths:
            return numbers(NOENT) + self.after(parent)
        return numbers(0) + self.handle(path) + self.after(path) + self.after(parent)

    def access(self, call):
        """Read, look up and execute."""
        path = self.path(call)
        return numbers(0) + self.after(path) + numbers(call.number() & 0x23)

    def readlink(self, call):
        """Where a link leads to."""
        path = self.path(call)
        return numbers(0) + self.after(path) + opaque(os.fsencode(os.readlink(path)))

    def read(self, call):
        """A part of a file."""
        path = self.path(call)
        offset, count = call.number(8), call.number()
        data = path.read_bytes()
        part = data[offset:offset + count]
        return numbers(0) + self.after(path) + numbers(
            len(part), offset + len(part) >= len(data)) + opaque(part)

    def entries(self, call, plus):
        """All of a directory that the client has room for, from its cookie on."""
        path = self.path(call)
        cookie = call.number(8)
        call.number(8)
        room = call.number()
        room = call.number() if plus else room
        found = sorted(child for child in path.iterdir())
        answer, full = b"", False
        for number, child in enumerate(found[cookie:], cookie + 1):
            entry = numbers(1) + struct.pack(">Q", self.paths.index(child) + 1) + opaque(
                os.fsencode(child.name)) + struct.pack(">Q", number)
            if plus:
                entry += self.after(child) + numbers(1) + self.handle(child)
            full = len(answer) + len(entry) + 256 > room
            if full:
                break
            answer += entry
        return numbers(0) + self.after(path) + bytes(8) + answer + numbers(0, not full)

    def readdir(self, call):
        """Names."""
        return self.entries(call, False)

    def readdirplus(self, call):
        """Names with what a lookup says."""
        return self.entries(call, True)

    def fsstat(self, call):
        """It is full."""
        return numbers(0) + self.after(self.path(call)) + bytes(52)

    def fsinfo(self, call):
        """Sizes of what may be read at once."""
        size = 1 << 16
        return numbers(0) + self.after(self.path(call)) + numbers(
            size, size, 4096, size, size, 4096, size) + struct.pack(">Q", 1 << 40) + numbers(
            0, 1, 0x1b)

    def pathconf(self, call):
        """As on any Unix."""
        return numbers(0) + self.after(self.path(call)) + numbers(1, 255, 1, 1, 0, 1)

    def nfs(self, procedure, call):
        """Anything that would write is refused."""
        if procedure == 0:
            return b""
        known = self.procedures.get(procedure)
        return known(call) if known else numbers(ROFS) + bytes(8)

    def mount(self, procedure, _):
        """Whatever path is asked for, the tree; without any proof of who asks."""
        if procedure != 1:
            return b""
        return numbers(0) + self.handle(self.paths[0]) + numbers(1, 1)

    def answer(self, data):
        """To one message."""
        call = Call(data)
        number, _, _, program, _, procedure = (call.number() for _ in range(6))
        for _ in range(2):  # credentials and their proof
            call.number()
            call.opaque()
        head = numbers(number, 1, 0, 0, 0, 0)
        if program == PORTMAP:
            return head + (numbers(PORT) if procedure == 3 else b"")
        known = {NFS: self.nfs, MOUNT: self.mount}.get(program)
        return head + known(procedure, call) if known else head[:-4] + numbers(UNAVAILABLE)


def messages(stream):
    """Each without its marks: RFC 5531, section 11."""
    message = b""
    while mark := stream.read(4):
        length = int.from_bytes(mark, "big")
        message += stream.read(length & ~LAST_FRAGMENT)
        if length & LAST_FRAGMENT:
            yield message
            message = b""


def main():
    """Until the client is gone."""
    server = Server(Path(sys.argv[1]).resolve())
    for message in messages(sys.stdin.buffer):
        answer = server.answer(message)
        sys.stdout.buffer.write(numbers(LAST_FRAGMENT | len(answer)) + answer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
