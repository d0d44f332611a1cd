"""What the tests share: a server, the command line, and scripts in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

TRELLIS = os.environ["TRELLIS"]
LIMIT = 60.0
"""The longest that anything may take, in seconds."""


class Server:
    """A ``trellis serve`` on a free port of this machine: of one repo, or of any that peers bring."""

    def __init__(self, folder: Path, *, one: bool = False, members: bool = False) -> None:
        which = ["-C", str(folder)] if one else ["--repos", str(folder)]
        whom = [] if members else ["--open"]
        command = [TRELLIS, "serve", *whom, *which, "--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = [word for word in line.split() if word.startswith("ws://")]
            if found:
                self.url = found[0].rstrip("/.,;")
                break
        else:
            raise AssertionError("the server did not begin")

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


def trellis(*args: str, code: int = 0) -> str:
    """Runs the command line, and returns what it prints."""
    done = subprocess.run([TRELLIS, *args], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def script(text: str, *args: str) -> "subprocess.Popen[str]":
    """Starts a program in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", text, *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def run(text: str, *args: str) -> str:
    """Runs a program to its end, which has to be a good one, and returns what it prints."""
    process = script(text, *args)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, f"exit {process.returncode}\n{out}\n{err}"
    return out
