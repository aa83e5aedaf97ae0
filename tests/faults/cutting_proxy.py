"""A TCP proxy that passes bytes on until it is told to keep the answers to itself.

While it cuts, requests go through and answers are thrown away, until connections are broken off:
what a network does that breaks between the commit and the reply.
"""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"
STEP: Final = 65_536
POLL_S: Final = 0.02


class CuttingProxy:
    """Listens on a port of its own, on one thread."""

    def __init__(self, port: int) -> None:
        self._target = (HOST, port)
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._others: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._cuts = threading.Event()
        self._broken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.cut_answers = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        for one in [*self._others, self._listener]:
            one.close()
        self._selector.close()

    def cut(self) -> None:
        """From now on answers are lost."""
        self._cuts.set()

    def break_off(self) -> None:
        """Closes all connections; the answers of new ones go through again."""
        self._broken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(POLL_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._others:
                    self._move(key.fileobj)
            if self._broken.is_set():
                for one in list(self._clients):
                    self._close(one)
                self._cuts.clear()
                self._broken.clear()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        self._clients.add(client)
        for one, other in ((client, server), (server, client)):
            self._others[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _move(self, source: socket.socket) -> None:
        try:
            data = source.recv(STEP)
        except OSError:
            data = b""
        is_answer = source not in self._clients
        if data and is_answer and self._cuts.is_set():
            self.cut_answers += 1
            return
        if not data:
            self._close(source)
            return
        with contextlib.suppress(OSError):
            self._others[source].sendall(data)

    def _close(self, one: socket.socket) -> None:
        for end in (one, self._others[one]):
            self._selector.unregister(end)
            self._clients.discard(end)
            del self._others[end]
            end.close()
