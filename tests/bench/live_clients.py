#!/usr/bin/python3
"""Clients of the event stream: opens so many, each wanting one tag, reads until standard input ends, then prints a JSON object.

usage: tests/bench/live_clients.py PORT CLIENTS FIRST N      client i wants the instance at port FIRST + i % N
"""
import json
import re
import selectors
import socket
import sys

sys.dont_write_bytecode = True
MISSED = re.compile(rb'"missed":(\d+)')


def main():
    port, clients, first, n = map(int, sys.argv[1:5])
    selector = selectors.DefaultSelector()
    counts = {"clients": 0, "events": 0, "missed": 0, "bytes": 0, "closed": 0}
    for i in range(clients):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(f"GET /api/v1/live?match=instance:127.0.0.1:{first + i % n} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        selector.register(s, selectors.EVENT_READ)
        counts["clients"] += 1
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("open", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                print(json.dumps(counts), flush=True)
                return
            piece = key.fileobj.recv(1 << 18)
            if not piece:
                selector.unregister(key.fileobj)
                counts["closed"] += 1
                continue
            counts["bytes"] += len(piece)
            counts["events"] += piece.count(b'data: {"command"')
            if b"lagged" in piece:
                counts["missed"] += sum(map(int, MISSED.findall(piece)))


if __name__ == "__main__":
    main()
