"""Starts the parts of the studio, starts again what dies, and leaves nothing behind.

Each part runs in its own session, so that a Ctrl-C in the terminal reaches the supervisor alone, and the rest of a part
can be ended through its group. All parts watch the supervisor: if it is killed and cannot stop them, they end by
themselves.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lemonstudio.processes import parent_watch

POLL_SECONDS = 0.2
# After so many deaths of one part within so many seconds, starting it again does not help.
DEATHS = 5
DEATHS_SECONDS = 60.0
BACK_OFF_SECONDS = 0.5
# How often a long stop says what it waits for.
SAY_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 15.0

# glibc gives each of a hundred threads memory of its own, which then stays with the process. Measured after 100
# generations at once: 552 MiB in place of 635 (PSS of the whole tree), for the same processor time.
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}

# Wrappers pass on a Ctrl-C that the terminal has sent already. Only a later one means that a person will not wait.
ECHO_SECONDS = 0.5

STOPPED, GAVE_UP, KILLED = 0, 1, 130


@dataclass(frozen=True)
class Part:
    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 15.0
    # Stopped only after the others have ended, because they need it until then.
    last: bool = False


class _Keeper:
    """One part: its process, if it has one, and how often it died."""

    def __init__(self, part: Part, parent_pipe: parent_watch.ParentPipe) -> None:
        self.part = part
        self._parent_pipe = parent_pipe
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._kill_at = float("inf")
        self.start_at = 0.0

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def stop_asked(self) -> bool:
        return self._kill_at != float("inf")

    @property
    def hopeless(self) -> bool:
        return len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] <= DEATHS_SECONDS

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 the studio's own commands, no shell
            self.part.argv,
            env={**FEW_ARENAS, **os.environ, **self.part.env, parent_watch.VARIABLE: str(self._parent_pipe.read_fd)},
            cwd=self.part.cwd,
            pass_fds=(self._parent_pipe.read_fd,),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )

    def ended(self) -> str | None:
        """How the process ended, told once; the rest of its group ends too."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._signal_group(signal.SIGKILL)
        self._process = None
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def plan_restart(self) -> None:
        now = time.monotonic()
        self._deaths.append(now)
        lately = sum(now - death <= DEATHS_SECONDS for death in self._deaths)
        pause = BACK_OFF_SECONDS * 2 ** (lately - 2) if lately > 1 else 0.0
        self.start_at = now + min(pause, LONGEST_BACK_OFF_SECONDS)

    def ask_to_stop(self) -> None:
        """Only the leader gets the signal: it knows in which order its children should end."""
        if self._process is not None and not self.stop_asked:
            self._kill_at = time.monotonic() + self.part.grace
            with contextlib.suppress(OSError):
                self._process.send_signal(self.part.stop_signal)

    def kill_if_late(self) -> bool:
        if self._process is None or time.monotonic() < self._kill_at:
            return False
        self.kill()
        return True

    def kill(self) -> None:
        if self._process is not None:
            self._signal_group(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal_group(self, number: signal.Signals) -> None:
        # No such group: no process is left. macOS says "not permitted" if there are only zombies.
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _print(line: str) -> None:
    # The reader of this output may be gone; that is no reason to fail while stopping.
    with contextlib.suppress(OSError):
        # In one piece, also where output is not buffered: the parts write to the same place.
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class Supervisor:
    def __init__(self, parts: Sequence[Part], say: Callable[[str], None] = _print) -> None:
        self._parent_pipe = parent_watch.ParentPipe()
        self._keepers = [_Keeper(part, self._parent_pipe) for part in parts]
        self._say = say
        self._waits_for: Callable[[], str] | None = None
        self._asked_at = 0.0
        self._hurry = False

    def run(
        self, when_up: Callable[[], bool] | None = None, up: str = "", waits_for: Callable[[], str] | None = None
    ) -> int:
        """Run the parts until a signal asks for the end, or until one of them cannot be kept alive.

        `up` is said once `when_up` says yes; it is asked at every look, so it must be quick. `waits_for` says during a
        stop what that waits for; an empty text is not said.
        """
        self._waits_for = waits_for
        self._listen()
        try:
            while not self._asked_at:
                for keeper in self._keepers:
                    if not self._keep(keeper):
                        self._stop()
                        return GAVE_UP
                if when_up is not None and when_up():
                    self._say(up)
                    when_up = None
                time.sleep(POLL_SECONDS)
            self._say("Stopping …")
            return self._stop()
        finally:
            for keeper in self._keepers:
                keeper.kill()
            self._parent_pipe.close()

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup the hang-up is ignored, and stays ignored.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        # No more than this: a handler may run in the middle of anything.
        now = time.monotonic()
        if not self._asked_at:
            self._asked_at = now
        elif now - self._asked_at > ECHO_SECONDS:
            self._hurry = True

    def _keep(self, keeper: _Keeper) -> bool:
        if how := keeper.ended():
            keeper.plan_restart()
            if keeper.hopeless:
                self._say(
                    f"{keeper.part.name} ended {DEATHS} times within {DEATHS_SECONDS:.0f} seconds,"
                    f" now with {how}. Giving up; what it wrote above may say why."
                )
                return False
            self._say(f"{keeper.part.name} ended ({how}); starting it again")
        if not keeper.running and time.monotonic() >= keeper.start_at:
            keeper.start()
        return True

    def _stop(self) -> int:
        say_at = 0.0
        while running := [keeper for keeper in self._keepers if keeper.running]:
            if self._hurry:
                self._say("Ended at once.")
                return KILLED
            first = [keeper for keeper in running if not keeper.part.last]
            for keeper in first or running:
                keeper.ask_to_stop()
            for keeper in running:
                # A part that was not asked yet may end as well; nothing starts again from here on.
                if not keeper.ended() and keeper.kill_if_late():
                    self._say(f"{keeper.part.name} did not stop within {keeper.part.grace:.0f} seconds; ended it")
            if self._waits_for is not None and time.monotonic() >= say_at:
                say_at = time.monotonic() + SAY_SECONDS
                if words := self._waits_for():
                    self._say(words)
            time.sleep(POLL_SECONDS / 4)
        return STOPPED


def bindable(host: str, port: int) -> str:
    """Why a server cannot listen there, as a sentence; empty if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            # As servers do it: connections of the last run that linger are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OverflowError:
        return f"Port {port} does not exist; ports go from 1 to 65535."
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        return f"Cannot listen at {host}, port {port}: {reason}."
    return ""


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or another where that is taken."""
    if 0 < wanted < 65536 and not bindable(host, wanted):
        return wanted
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether a server takes connections there. For an unspecified address, the machine's own is asked."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    try:
        socket.create_connection((host, port), timeout=0.2).close()
    except OSError:
        return False
    return True


def address(host: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
