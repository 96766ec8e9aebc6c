"""Browsers that look on: without a socket, ws-hub has nothing to compare with the database."""

import json
import threading

import websocket

from growth.scene import Actor, Scene


class Listeners:
    """An organizer's dashboards, a visitor with many registrations, somebody in a line, and somebody without an account."""

    def __init__(self, scene: Scene):
        self.sockets: list[websocket.WebSocket] = []
        opened, line, gate = (scene.probe[name] for name in ("open", "line", "gate"))
        waiting = scene.value("SELECT user_id FROM registrations WHERE event_id = %s AND status = 'waitlisted' ORDER BY line_number DESC LIMIT 1", line)
        self.open(scene, scene.host, "me", f"event:{opened}", *(f"organizer:{event}" for event in (opened, line, gate)))
        self.open(scene, scene.faithful, "me")
        self.open(scene, scene.actor(waiting), "me", f"event:{line}")
        self.open(scene, None, f"event:{gate}")

    def open(self, scene: Scene, actor: Actor | None, *topics: str) -> None:
        socket = websocket.create_connection(scene.stack.socket_url, timeout=10, origin=scene.stack.url)
        self.sockets.append(socket)
        if actor:
            socket.send(json.dumps({"type": "authenticate", "token": actor.token}))
        for topic in topics:
            socket.send(json.dumps({"type": "subscribe", "topic": topic}))
        socket.settimeout(None)
        threading.Thread(target=self.read, args=(socket,), daemon=True).start()

    @staticmethod
    def read(socket: websocket.WebSocket) -> None:
        """Who doesn't read is cut off. A token ends after a quarter of an hour, and the socket with it."""
        try:
            while socket.recv():
                pass
        except (OSError, websocket.WebSocketException):
            pass

    def close(self) -> None:
        for socket in self.sockets:
            socket.shutdown()
