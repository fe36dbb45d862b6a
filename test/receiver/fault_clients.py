"""Honest clients of the receiver, beside one that does harm or alone.

    python3 fault_clients.py PORT SECONDS HARM

Four clients send one span a request over a connection each, as fast as they are
answered.  HARM is what a fifth does meanwhile:

    none        there is none
    bad         spans of the service "bad", which somebody is against
    large       gzip requests with 150 000 spans
    too_large   gzip requests with more spans than one may hold

The last line of the output is "honest N slowest MS harming STATUS:COUNT ...": how
many requests of the honest ones were recorded, the longest that one of them
waited, and the answers of the fifth.  Only the standard library is used.
"""
import collections
import gzip
import http.client
import json
import os
import struct
import sys
import threading
import time

port, seconds, harm = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
NANOS = 1764325000000000000


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def large(count):
    trace = os.urandom(15)
    tail = varint(7 << 3 | 1) + struct.pack("<Q", NANOS)
    spans = b"".join(field(2, field(1, trace + bytes([i & 255])) + field(2, struct.pack(">Q", i + 1)) + tail) for i in range(count))
    return gzip.compress(field(1, field(2, spans)), 1)


def small(service):
    return json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"spans": [{
            "traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": service,
            "startTimeUnixNano": str(NANOS), "endTimeUnixNano": str(NANOS + 1000000)}]}]}]}).encode()


JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
make, headers = {
    "none": (None, None),
    "bad": (lambda: small("bad"), JSON),
    "large": (large(150000) if harm == "large" else None, GZIP),
    "too_large": (large(250000) if harm == "too_large" else None, GZIP),
}[harm]
answers = {"honest": collections.Counter(), "harming": collections.Counter()}
slowest = 0


def client(kind, body, headers, end):
    global slowest
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            connection.request("POST", "/v1/traces", body if isinstance(body, bytes) else body(), headers)
            answer = connection.getresponse()
            text = answer.read()
            status = "rejected" if answer.status == 200 and b"rejectedSpans" in text else str(answer.status)
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            status = type(e).__name__
            time.sleep(0.1)
        answers[kind][status] += 1
        if kind == "honest":
            slowest = max(slowest, time.monotonic() - began)


end = time.monotonic() + seconds
threads = [threading.Thread(target=client, args=("honest", lambda: small("good"), JSON, end)) for _ in range(4)]
if make is not None:
    threads.append(threading.Thread(target=client, args=("harming", make, headers, end)))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
others = {status: n for status, n in answers["honest"].items() if status != "200"}
if others:
    print("honest clients were also told", others)
print(f"honest {answers['honest']['200']} slowest {slowest * 1000:.0f} harming",
      " ".join(f"{status}:{n}" for status, n in sorted(answers["harming"].items())))
