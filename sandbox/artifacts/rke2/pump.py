"""Bytes both ways between two sockets, until one side ends."""
import select
import ssl

CHUNK = 65536
IDLE_SECONDS = 3600


def pump(left, right):
    other = {left: right, right: left}
    for each in other:
        each.setblocking(True)
    while True:
        # What TLS has decrypted already shows on no file descriptor.
        ready = [each for each in other if isinstance(each, ssl.SSLSocket) and each.pending()]
        if not ready:
            ready, _, _ = select.select(list(other), [], [], IDLE_SECONDS)
        if not ready:
            return
        for each in ready:
            try:
                data = each.recv(CHUNK)
                if not data:
                    return
                other[each].sendall(data)
            except OSError:
                return
