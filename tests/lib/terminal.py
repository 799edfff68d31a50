# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the host program on a terminal."""

import fcntl
import os
import pty
import struct
import termios

from . import golden


def _start(argv, terminal, columns, more):
    """In the child: what is said on stderr is not asked for."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.dup2(terminal, 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.closerange(3, 64)
    os.execve(argv[0], argv, golden.environment(TERM="xterm", **more))


def _read(keeper):
    try:
        return os.read(keeper, 65536)
    except OSError:  # nobody has the other end any more
        return b""


def on_terminal(program, *words, columns=80, **more):
    """What a terminal of that width gets; its line ends are those of a file."""
    keeper, terminal = pty.openpty()
    child = os.fork()
    if not child:
        try:
            _start([str(program), *map(str, words)], terminal, columns, more)
        finally:
            os._exit(127)
    os.close(terminal)
    text = b""
    while chunk := _read(keeper):
        text += chunk
    os.close(keeper)
    os.waitpid(child, 0)
    return text.decode().replace("\r\n", "\n")
