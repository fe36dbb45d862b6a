"""Sends OTLP requests to a receiver over several connections, and prints what came of it.

    receiver_load.py PORT FILE CONNECTIONS SECONDS [REQUESTS]

FILE holds requests in the format of COPY (FORMAT binary), as bench/generator
writes them; each is sent once, round and round with SECONDS > 0.  Prints spans
a second, requests, and the median and 99th percentile of the time until an
answer in ms.  Connections are processes, so that the client is no bottleneck.
"""
import http.client
import multiprocessing
import struct
import sys
import time

SPANS = 512


def read_requests(path, limit):
    with open(path, "rb") as f:
        f.read(19)
        requests = []
        while limit is None or len(requests) < limit:
            head = f.read(2)
            if struct.unpack(">h", head)[0] < 0:
                break
            length = struct.unpack(">i", f.read(4))[0]
            requests.append(f.read(length))
        return requests


def send(port, requests, start, until, results):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    times = []
    start.wait()
    while True:
        for body in requests:
            began = time.monotonic()
            if until > 0 and began > until:
                break
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"status {answer.status}")
            times.append(time.monotonic() - began)
        if until <= 0 or time.monotonic() > until:
            break
    results.put(times)


def main():
    port, path, connections, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    requests = read_requests(path, int(sys.argv[5]) if len(sys.argv) > 5 else None)
    start, results = multiprocessing.Barrier(connections + 1), multiprocessing.Queue()
    until = time.monotonic() + 3 + seconds if seconds > 0 else 0
    processes = [multiprocessing.Process(target=send, args=(port, requests[i::connections], start, until, results)) for i in range(connections)]
    for process in processes:
        process.start()
    start.wait()
    began = time.monotonic()
    times = sorted(t for _ in processes for t in results.get())
    elapsed = time.monotonic() - began
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise SystemExit("a client failed")
    print(len(times) * SPANS / elapsed, len(times), 1000 * times[len(times) // 2], 1000 * times[int(len(times) * 0.99)])


main()
