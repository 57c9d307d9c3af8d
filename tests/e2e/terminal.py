"""A command whose every stream is one terminal: typed to, looked at."""

import os
import pty
import select
import subprocess
import time

from server import SLUICE, clean_environment


class Terminal:
    def __init__(self, *arguments, **environment):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [SLUICE, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**clean_environment(), "TERM": "xterm", **environment},
            preexec_fn=lambda: (os.setsid(), os.close(os.open(os.ttyname(0), os.O_RDWR))),
        )
        os.close(slave)
        self.seen = b""

    def type(self, keys):
        os.write(self.master, keys)

    def until(self, text, seconds=30):
        """What is shown up to and with the text; takes it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"no {text!r} in {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        shown, _, self.seen = self.seen.partition(text)
        return shown + text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
