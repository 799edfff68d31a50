# SPDX-License-Identifier: GPL-2.0-or-later
"""What may follow an archive in an image, and what the kernel makes of it: a table for verify, and
for a kernel that is booted with each row (linux/init/initramfs.c, linux/lib/decompress*.c).

Each row makes bytes out of a policy's text, and says what becomes of /etc/vfio-bind.conf:
"same": that is in it; "other": something else is; "missing"; "wrong": the kernel gives up, and says
so; "unsure": it does, and verify cannot know; "cut": it says nothing, but what it makes of the image is not whole."""

import bz2
import gzip
import lzma
import struct
import zlib

from .initramfs import COMPRESS, tool

CONF = "etc/vfio-bind.conf"
FOLDERS = ["etc"]
FILE, FOLDER, LINK, FIFO = 0o100644, 0o040755, 0o120777, 0o010644


def moved(text):
    return text.replace(b"etc", FOLDERS[-1].encode())


def put(name, content=b"", mode=FILE, total=0, **more):
    """One member. total: its sum; size and name_len: what the header says of them."""
    how = {"magic": b"070701", "ino": 0, "links": 1, **more}
    name = moved(name.encode() if isinstance(name, str) else name)
    content = moved(content) if mode == LINK else content
    name = name if "name_len" in how else name + b"\0"
    fields = (how["ino"], mode, 0, 0, how["links"], 0, how.get("size", len(content)), 0, 0, 0, 0,
              how.get("name_len", len(name)), total)
    head = how["magic"] + b"".join(how.get("digits", b"%08x") % field for field in fields) + name
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)


END = put("TRAILER!!!", mode=0)
CRC = {"magic": b"070702"}


def made(name, policy, folder="etc"):
    """A row's bytes and its word; folder: of three letters, in place of etc."""
    FOLDERS.append(folder)
    try:
        return CASES[name](policy)
    finally:
        FOLDERS.pop()


def conf(policy, **more):
    return put(CONF, policy, **more)


def halves(data):
    middle = len(data) // 8 * 4
    return data[:middle], data[middle:]


def old(policy):
    """As conf(), in an archive of its own, with another text."""
    return conf(b"keep usb # " + policy) + END


def gz(data, flags=0, more=b"", crc=None):
    raw = zlib.compressobj(wbits=-15)
    return (b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\3" + more + raw.compress(data)
            + raw.flush() + struct.pack("<II", zlib.crc32(data) if crc is None else crc, len(data)))


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


ZSTD, LZ4, LZO = COMPRESS["zstd"], COMPRESS["lz4"], tool("lzop", "-c")
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0none"
SUMS = {
    "sum": lambda p: (conf(p, total=sum(p), **CRC) + END, "same"),
    "wrong sum": lambda p: (conf(p, total=sum(p) + 1, **CRC) + END, "wrong"),
    "no sum": lambda p: (conf(p, **CRC) + END, "wrong"),
    "sum in gzip": lambda p: (gz(conf(p, total=sum(p), **CRC) + END), "same"),
    "wrong sum in gzip": lambda p: (gz(conf(p, total=1, **CRC) + END), "wrong"),
    "sum of an empty file": lambda p: (conf(p) + put("etc/x", total=5, **CRC) + END, "wrong"),
    "sum of an empty file is 0": lambda p: (conf(p) + put("etc/x", **CRC) + END, "same"),
    "sum of a folder": lambda p: (put("etc/x", mode=FOLDER, total=5, **CRC) + conf(p) + END,
                                  "same"),
    "sum of a link": lambda p: (put("etc/x", b"y", LINK, total=5, **CRC) + conf(p) + END, "same"),
    "sum of what cannot be made": lambda p: (put("none/x", b"y", total=5, **CRC) + conf(p) + END,
                                             "same"),
    "sum without the magic": lambda p: (conf(p, total=5) + END, "same"),
}
STREAMS = {
    "gzip twice": lambda p: (gz(old(p)) + gz(conf(p) + END), "same"),
    "gzip cut in two": lambda p: (b"".join(map(gz, halves(conf(p) + END))), "wrong"),
    "gzip, zeros, gzip": lambda p: (gz(old(p)) + bytes(3) + gz(conf(p) + END), "same"),
    "gzip and zeros": lambda p: (gz(conf(p) + END) + bytes(7), "same"),
    "gzip and text": lambda p: (gz(conf(p) + END) + b"text", "wrong"),
    "gzip and a line feed": lambda p: (gz(conf(p) + END) + b"\n", "wrong"),
    "gzip with a name": lambda p: (gz(conf(p) + END, 8, b"name\0"), "same"),
    "gzip with a comment": lambda p: (gz(conf(p) + END, 16, b"comment\0"), "wrong"),
    "gzip with more": lambda p: (gz(conf(p) + END, 4, b"\2\0xx"), "wrong"),
    "gzip of text": lambda p: (gz(conf(p) + END, 1), "same"),
    "gzip with a wrong sum": lambda p: (gz(conf(p) + END, crc=1), "same"),
    "gzip of nothing": lambda p: (gz(b"") + conf(p) + END, "same"),
    "gzip of zeros": lambda p: (gz(bytes(99)) + gz(conf(p) + END), "same"),
    "zeros in gzip first": lambda p: (gz(bytes(8) + conf(p) + END), "same"),
    "bzip2 twice": lambda p: (bz2.compress(old(p)) + bz2.compress(conf(p) + END), "same"),
    "bzip2 cut in two": lambda p: (b"".join(map(bz2.compress, halves(conf(p) + END))), "wrong"),
    "bzip2, zeros, bzip2": lambda p: (bz2.compress(old(p)) + bytes(3)
                                      + bz2.compress(conf(p) + END), "same"),
    "bzip2 and text": lambda p: (bz2.compress(conf(p) + END) + b"text", "wrong"),
    "bzip2 with a wrong sum": lambda p: (flipped(bz2.compress(conf(p) + END), 12), "wrong"),
    "xz twice": lambda p: (COMPRESS["xz"](old(p)) + COMPRESS["xz"](conf(p) + END), "same"),
    "xz cut in two": lambda p: (b"".join(map(COMPRESS["xz"], halves(conf(p) + END))), "wrong"),
    "xz of many blocks": lambda p: (tool("xz", "-C", "crc32", "--block-size=64", "-c")(
        conf(p) + END), "same"),
    "xz and zeros": lambda p: (COMPRESS["xz"](conf(p) + END) + bytes(5), "same"),
    "xz without a check": lambda p: (lzma.compress(conf(p) + END, check=lzma.CHECK_NONE), "same"),
    "xz of CRC64": lambda p: (lzma.compress(conf(p) + END, check=lzma.CHECK_CRC64), "wrong"),
    "xz with delta": lambda p: (lzma.compress(conf(p) + END, check=lzma.CHECK_CRC32, filters=[
        {"id": lzma.FILTER_DELTA, "dist": 4}, {"id": lzma.FILTER_LZMA2}]), "wrong"),
    "zstd twice": lambda p: (ZSTD(old(p)) + ZSTD(conf(p) + END), "same"),
    "zstd cut in two": lambda p: (b"".join(map(ZSTD, halves(conf(p) + END))), "wrong"),
    "zstd behind a skippable frame": lambda p: (SKIPPABLE + ZSTD(conf(p) + END), "wrong"),
    "zstd before a skippable frame": lambda p: (ZSTD(conf(p) + END) + SKIPPABLE, "wrong"),
    "zstd with a window of 256 MiB": lambda p: (tool("zstd", "-q", "-c", "--long=28")(
        conf(p) + END), "wrong"),
    "zstd with a window of 128 MiB": lambda p: (tool("zstd", "-q", "-c", "--long=27")(
        conf(p) + END), "same"),
    "lz4 cut in two": lambda p: (b"".join(map(LZ4, halves(conf(p) + END))), "same"),
    "lz4, zeros, lz4": lambda p: (LZ4(old(p)) + bytes(4) + LZ4(conf(p) + END), "same"),
    "lz4 and three zeros": lambda p: (LZ4(conf(p) + END) + bytes(3), "same"),
    "lz4 and text": lambda p: (LZ4(conf(p) + END) + b"abc", "wrong"),
    "lz4 and gzip": lambda p: (LZ4(old(p)) + gz(conf(p) + END), "wrong"),
    "lzo": lambda p: (LZO(conf(p) + END), "same"),
    "lzo twice": lambda p: (LZO(old(p)) + LZO(conf(p) + END), "same"),
    "lzo, then plain": lambda p: ((first := LZO(old(p))) + bytes(-len(first) % 4) + conf(p) + END,
                                  "same"),
    "lzo cut in two": lambda p: (b"".join(map(LZO, halves(conf(p) + END))), "wrong"),
    "lzo of many blocks": lambda p: (LZO(put("etc/x", bytes(600000)) + conf(p) + END), "same"),
    "lzo with another sum": lambda p: (tool("lzop", "--crc32", "-c")(conf(p) + END), "same"),
    "lzo without sums": lambda p: (tool("lzop", "-F", "-c")(conf(p) + END), "wrong"),
    "lzo and text": lambda p: (LZO(conf(p) + END) + b"text", "wrong"),
    "lzma, then plain": lambda p: ((first := COMPRESS["lzma"](old(p)))
                                   + bytes(-len(first) % 4) + conf(p) + END, "same"),
    "lzma, its size known": lambda p: (sized_lzma(conf(p) + END), "unsure"),
    "lzma of 4 KiB": lambda p: (lzma.compress(conf(p) + END, lzma.FORMAT_ALONE, filters=[
        {"id": lzma.FILTER_LZMA1, "dict_size": 4096}]), "same"),
}


def sized_lzma(data):
    """With its size in the header, as the tools of the format's author write it, and an end mark."""
    stream = lzma.compress(data, lzma.FORMAT_ALONE)
    return stream[:5] + struct.pack("<Q", len(data)) + stream[13:]


def two(policy, *later, end=b""):
    """/etc/a and /etc/vfio-bind.conf are one file."""
    return (put("etc/a", policy, ino=9, links=2) + end + put(CONF, ino=9, links=2)
            + b"".join(later) + END)


MEMBERS = {
    "an archive behind another": lambda p: (old(p) + conf(p) + END, "same"),
    "a trailer in the middle": lambda p: (END + conf(p), "same"),
    "no trailer": lambda p: (conf(p), "same"),
    "no trailer in gzip": lambda p: (gz(conf(p)), "same"),
    "no padding": lambda p: (conf(p) + put("etc/x", b"y")[:-3], "same"),
    "no padding in gzip": lambda p: (gz(conf(p) + put("etc/x", b"y")[:-3]), "wrong"),
    "no padding of the trailer": lambda p: (conf(p) + END[:-3], "same"),
    "no padding of the trailer in gzip": lambda p: (gz(conf(p) + END[:-3]), "wrong"),
    "gzip where padding should be": lambda p: (conf(p) + END[:-3] + gz(END), "wrong"),
    "cut": lambda p: (conf(p)[:-len(p) // 2 - 4], "cut"),
    "cut in gzip": lambda p: (gz(conf(p)[:-len(p) // 2 - 4]), "wrong"),
    "a file of over 2 GiB": lambda p: (put(CONF, p, size=0x80000004), "cut"),
    "zeros before": lambda p: (bytes(512) + conf(p) + END, "same"),
    "an odd zero before": lambda p: (b"\0" + conf(p) + END, "wrong"),
    "gzip behind an odd zero": lambda p: (b"\0" + gz(conf(p) + END), "wrong"),
    "gzip behind four zeros": lambda p: (bytes(4) + gz(conf(p) + END), "same"),
    "odd zero behind gzip, gzip": lambda p: (gz(END) + b"\0" + gz(conf(p) + END), "same"),
    "odd place behind gzip": lambda p: ((first := gz(END)) + bytes(1 - len(first) % 4 + 4)
                                        + conf(p) + END, "wrong"),
    "odd place in gzip": lambda p: (gz(END + b"\0" + conf(p) + END), "wrong"),
    "text in gzip": lambda p: (gz(END + b"text" + conf(p) + END), "wrong"),
    "upper case": lambda p: (conf(p, digits=b"%08X") + END, "same"),
    "old format": lambda p: (b"070707" + conf(p)[6:] + END, "wrong"),
    "another number": lambda p: (b"070703" + conf(p)[6:] + END, "wrong"),
    "two names": lambda p: (two(p), "same"),
    "two names, the second has the bytes": lambda p: (
        put("etc/a", ino=9, links=2) + put(CONF, p, ino=9, links=2) + END, "same"),
    "two names, a trailer between": lambda p: (two(p, end=END), "other"),
    "two names, in two archives": lambda p: (gz(put("etc/a", p, ino=9, links=2))
                                             + gz(put(CONF, ino=9, links=2)), "same"),
    "two names, written over by one": lambda p: (two(b"keep usb\n", put("etc/a", p)), "same"),
    "two names, one removed": lambda p: (two(p, put("etc/a", mode=0)), "same"),
    "two names, a folder for one": lambda p: (two(p, put("etc/a", mode=FOLDER)), "same"),
    "two names, a link for one": lambda p: (two(p, put("etc/a", b"x", LINK)), "same"),
    "two names of unlike numbers": lambda p: (put("etc/a", p, ino=9, links=2)
                                              + put(CONF, ino=8, links=2) + END, "other"),
    "two names, but one link": lambda p: (put("etc/a", p, ino=9) + put(CONF, ino=9) + END,
                                          "other"),
    "name with a dot": lambda p: (put("./" + CONF, p) + END, "same"),
    "name from the root": lambda p: (put("/" + CONF, p) + END, "same"),
    "name with two slashes": lambda p: (put("etc//vfio-bind.conf", p) + END, "same"),
    "name that goes up": lambda p: (put("etc/../" + CONF, p) + END, "same"),
    "name that goes up from the root": lambda p: (put("../../" + CONF, p) + END, "same"),
    "name that goes up from nowhere": lambda p: (put("none/../" + CONF, p) + END, "missing"),
    "name that goes up from a file": lambda p: (
        put("etc/f") + put("etc/f/../vfio-bind.conf", p) + END, "missing"),
    "name with a slash at its end": lambda p: (put(CONF + "/", p) + END, "missing"),
    "name with a zero in it": lambda p: (put(CONF + "\0more", p) + END, "same"),
    "name without an end": lambda p: (put("etc/xy", name_len=6) + conf(p) + END, "wrong"),
    "name of no length": lambda p: (conf(p) + put(b"", name_len=0) + put("etc/x") + END, "same"),
    "name of 4096 bytes": lambda p: (put("etc/" + "x" * 4091, b"y") + conf(p) + END, "same"),
    "name of 4097 bytes": lambda p: (put("etc/" + "x" * 4092, b"y") + conf(p) + END, "same"),
    "empty name": lambda p: (put("", b"y") + conf(p) + END, "same"),
    "mode 0": lambda p: (conf(p) + put(CONF, mode=0) + END, "missing"),
    "mode 0 with bytes": lambda p: (conf(p) + put(CONF, b"xxxx", mode=0) + END, "same"),
    "mode of a file, and no more": lambda p: (conf(p, mode=0o200100644) + END, "same"),
    "folder over the file": lambda p: (conf(p) + put(CONF, mode=FOLDER) + END, "other"),
    "folder with bytes over it": lambda p: (conf(p) + put(CONF, b"xxxx", FOLDER) + END, "same"),
    "file over an empty folder": lambda p: (put(CONF, mode=FOLDER) + conf(p) + END, "same"),
    "file over a full folder": lambda p: (put(CONF, mode=FOLDER) + put(CONF + "/x") + conf(p)
                                          + END, "other"),
    "file over a full folder, since removed": lambda p: (
        put(CONF, mode=FOLDER) + put(CONF + "/x") + put(CONF + "/x", mode=0) + conf(p) + END,
        "same"),
    "file over a link": lambda p: (put(CONF, b"x", LINK) + conf(p) + END, "same"),
    "fifo over the file": lambda p: (conf(p) + put(CONF, mode=FIFO) + END, "other"),
    "link over the file, to nowhere": lambda p: (conf(p) + put(CONF, b"", LINK) + END, "other"),
    "link over the file, of over 4096 bytes": lambda p: (
        conf(p) + put(CONF, b"y" * 4097, LINK) + END, "same"),
    "folder over a link": lambda p: (
        put("etc/l", b"/etc", LINK) + put("etc/l", mode=FOLDER) + put("etc/l/vfio-bind.conf", p)
        + END, "missing"),
    "folder with a slash over a link": lambda p: (
        put("etc/l", b"/etc", LINK) + put("etc/l/", mode=FOLDER) + put("etc/l/vfio-bind.conf", p)
        + END, "same"),
    "hidden link, written over": lambda p: (
        conf(p) + put("etc/.l", b"vfio-bind.conf", LINK) + put("etc/.l", b"keep usb\n") + END,
        "same"),
}
CASES = {**SUMS, **STREAMS, **MEMBERS}
