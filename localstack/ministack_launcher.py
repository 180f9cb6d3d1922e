"""Starts MiniStack with Nagle's algorithm off.

Its server of the Lambda Runtime API answers in two writes, head and body. On a connection that stays open, the second waits for the
acknowledgement of the first, which the other side delays: some 40 ms for each invocation, that no function spends.
"""

import socket
import socketserver
import sys


def without_delay(server: socketserver.TCPServer):
    """Takes a connection, as a TCPServer does, whose writes leave at once."""
    connection, peer = server.socket.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return connection, peer


if __name__ == "__main__":
    socketserver.TCPServer.get_request = without_delay
    from ministack import app

    sys.exit(app.main())
