"""A TCP proxy that can cut, delay, truncate and refuse."""

import random
import select
import socket
import threading
import time


class Proxy:
    def __init__(self, port: int, rng: random.Random):
        self.target, self.rng = ("127.0.0.1", port), rng
        self.delay, self.refusing, self.truncating = 0.0, False, False
        self.pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Ends every connection that is open now."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for end in pair:
                _shut(end)

    def heal(self) -> None:
        self.delay, self.refusing, self.truncating = 0.0, False, False

    def close(self) -> None:
        self.refusing = True
        _shut(self.listener)
        self.listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        pair = (client, server)
        with self.lock:
            self.pairs.add(pair)
        try:
            while self._forward(client, server):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard(pair)
            client.close()
            server.close()

    def _forward(self, client: socket.socket, server: socket.socket) -> bool:
        ready, _, _ = select.select([client, server], [], [], 30)
        for end in ready:
            data = end.recv(65536)
            if not data:
                return False
            if self.delay:
                time.sleep(self.rng.uniform(0, self.delay))
            other = server if end is client else client
            if self.truncating and self.rng.random() < 0.3:
                other.sendall(data[: self.rng.randrange(len(data))])
                return False
            other.sendall(data)
        return True


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
