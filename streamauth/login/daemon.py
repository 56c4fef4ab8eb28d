"""The login daemon: a socket, a thread for each connection, and its notices to systemd.

Data path: **socket** -> conversation -> voices.
"""

import logging
import os
import selectors
import signal
import socket
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from streamauth.errors import LoginError
from streamauth.login import protocol
from streamauth.login.conversation import Conversation, Peer
from streamauth.login.state import DaemonState
from streamauth.login.voices import LoginVoices
from streamauth.outputs.systemd import sd_notify
from streamauth.settings import LoginSettings

_log = logging.getLogger("streamauth.login")
_FIRST_FD = 3  # sd_listen_fds(3)
_BACKLOG = 16
_LONGEST_S = 300.0  # no conversation takes so long; one that does is stuck
_WAIT_S = 60.0


def systemd_listener(environment: Mapping[str, str] | None = None) -> socket.socket | None:
    """The socket that systemd listens on for this process, None without one. See sd_listen_fds(3)."""
    environment = os.environ if environment is None else environment
    if environment.get("LISTEN_PID") != str(os.getpid()) or environment.get("LISTEN_FDS") != "1":
        return None
    os.set_inheritable(_FIRST_FD, False)
    return socket.socket(fileno=_FIRST_FD)


def own_listener(path: Path) -> socket.socket:
    """A socket at a path, for everybody to connect to; who may do what is for the conversation.

    Raises:
        LoginError: Another daemon listens there, or the folder cannot be used.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if path.is_socket():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
                other.settimeout(1)
                if other.connect_ex(str(path)) == 0:
                    raise LoginError("Another login daemon listens on this socket.")
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise LoginError(f"The socket cannot be made ({error.strerror}).") from None
    except LoginError:
        listener.close()
        raise
    return listener


@dataclass(eq=False, repr=False)
class Daemon:
    """Serves the socket until it is told to stop.

    Attributes:
        listener: Listens already; closed at the end.
        voices: Judges and enrolls.
        state: Which services may ask, and the microphone.
        settings: The limits of connections.
    """

    listener: socket.socket
    voices: LoginVoices
    state: DaemonState
    settings: LoginSettings

    def __post_init__(self) -> None:
        self._lock = Lock()
        self._begun: dict[Thread, tuple[int, float]] = {}
        self._wake, self._woken = socket.socketpair()
        self._stopping = False

    def stop(self) -> None:
        """End ``run``; for signal handlers and any thread."""
        self._stopping = True
        with suppress(OSError):
            self._wake.send(b"x")

    def run(self, watchdog_s: float | None = None) -> None:
        """Serve; a conversation under way is given a moment at the end.

        Args:
            watchdog_s: Within which systemd wants to be told that all is well, in seconds.
        """
        wait_s = _WAIT_S if watchdog_s is None else watchdog_s / 3
        self.listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            sd_notify("READY=1")
            while not self._stopping:
                selector.select(wait_s)
                if watchdog_s is not None and not self._stuck():
                    sd_notify("WATCHDOG=1")
                self._accept()
        sd_notify("STOPPING=1")
        self.listener.close()
        self._wake.close()
        self._woken.close()
        deadline_s = time.monotonic() + 2.0
        for thread in list(self._begun):
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _stuck(self) -> bool:
        now_s = time.monotonic()
        with self._lock:
            return any(now_s - began_s > _LONGEST_S for _, began_s in self._begun.values())

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        peer = Peer.of(connection)
        with self._lock:
            of_users = Counter(uid for uid, _ in self._begun.values())
            full = len(self._begun) >= self.settings.max_connections
            mine = peer.uid != 0 and of_users[peer.uid] >= self.settings.max_connections_per_user
            if full or mine or self._stopping:
                connection.close()
                _log.warning("too many connections")
                return
            thread = Thread(target=self._converse, args=(connection, peer), daemon=True)
            self._begun[thread] = (peer.uid, time.monotonic())
        thread.start()

    def _converse(self, connection: socket.socket, peer: Peer) -> None:
        from threading import current_thread

        try:
            with connection:
                Conversation(connection, peer, self.voices, self.state).run()
        finally:
            with self._lock:
                del self._begun[current_thread()]


def serve(voices: LoginVoices, state: DaemonState, path: Path | None) -> None:
    """Run the daemon on systemd's socket, else on one of its own, until SIGTERM or SIGINT.

    Args:
        voices: Judges and enrolls.
        state: Which services may ask.
        path: Of the socket; the usual one if None.

    Raises:
        LoginError: The socket cannot be made.
        StreamAuthError: A model cannot be loaded.
    """
    listener = systemd_listener()
    own = None if listener is not None else path or Path(protocol.SOCKET)
    if listener is None and own is not None:
        listener = own_listener(own)
    assert listener is not None  # noqa: S101 - one of the two
    try:
        voices.warm_up()
        settings = voices.authenticator.settings.login
        daemon = Daemon(listener, voices, state, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: daemon.stop())
        watchdog_us = os.environ.get("WATCHDOG_USEC", "")
        daemon.run(int(watchdog_us) / 1e6 if watchdog_us.isdecimal() else None)
    finally:
        listener.close()
        if own is not None:
            own.unlink(missing_ok=True)
