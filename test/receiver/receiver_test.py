"""The receiver program without a server: what it takes, refuses and survives.

    python3 receiver_test.py PROGRAM CAPTURES
"""
import gzip
import json
import os
import random
import socket
import struct
import tempfile
import threading
import time

from peer import BUSY, GRPC, HTTP, JSON, MALFORMED, PROTOBUF, RECORDED, STOP, Receiver, check, wait_for
from wire import (CAPTURES, PREFACE, PROGRAM, Http2, call, call_headers, chunked, connect, exchange, frame, frames, head, literal,
                  post, read, read_all, run, status)


def test_http():
    body = read("proto/001.bin")
    with Receiver(PROGRAM) as r:
        port = r.http_port
        check(status(post(port, body)) == 200, "protobuf is taken")
        check(r.requests[-1][0] == HTTP and r.requests[-1][1] == PROTOBUF and r.requests[-1][3] == body, "and handed on as it came")
        answer = post(port, b'{"resourceSpans":[]}', type="application/json; charset=utf-8")
        check(status(answer) == 200 and answer.endswith(b"\r\n\r\n{}"), "JSON is answered in JSON")
        check(r.requests[-1][1] == JSON, "and told apart")
        check([status(exchange(port, head(body))) for i in range(8)] == [200] * 8, "who says nothing more is still answered")
        check(status(post(port, gzip.compress(body), extra=["Content-Encoding: gzip"])) == 200 and r.requests[-1][3] == body, "gzip is inflated")
        check(status(post(port, gzip.compress(body[:99]) + gzip.compress(body[99:]), extra=["Content-Encoding: gzip"])) == 200 and r.requests[-1][3] == body, "two members of gzip")
        check(status(post(port, body + b"x", extra=["Content-Encoding: gzip"])) == 400, "what is no gzip is refused")
        check(status(post(port, gzip.compress(body)[:-9], extra=["Content-Encoding: gzip"])) == 400, "nor is half of one")
        check(status(post(port, gzip.compress(body) + b"junk", extra=["Content-Encoding: gzip"])) == 400, "nor one with junk behind it")
        for size in (1, 7, 1000, 100000):
            answer = exchange(port, head(length=False, extra=["Transfer-Encoding: chunked", "Connection: close"]) + chunked(body, size))
            check(status(answer) == 200 and r.requests[-1][3] == body, f"chunks of {size} bytes")
        answer = exchange(port, head(length=False, extra=["Transfer-Encoding: chunked", "Connection: close"]) + b"3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")
        check(status(answer) == 200 and r.requests[-1][3] == b"abc", "chunk extensions and trailers mean nothing")
        check(status(post(port, b"")) == 200, "an empty request")
        check(exchange(port, head(b"1") + head(b"2", extra=["Connection: close"])).count(b"HTTP/1.1 200") == 2, "two requests at once")
        check([q[3] for q in r.requests[-2:]] == [b"1", b"2"], "in their order")
        with connect(port) as s:
            s.sendall(head(body, extra=["Expect: 100-continue"])[:-len(body)])
            check(s.recv(100).startswith(b"HTTP/1.1 100"), "100-continue")
            s.sendall(body)
            check(status(s.recv(1000)) == 200, "and then the body")
            for i in range(3):
                s.sendall(head(b"k%d" % i))
                check(status(s.recv(1000)) == 200, "the connection is kept alive")
        with connect(port) as s:
            for byte in head(b"slow", extra=["Connection: close"]):
                s.sendall(bytes([byte]))
            check(status(read_all(s)) == 200, "byte by byte")
        check(status(exchange(port, b"\r\n" + head(b"x", extra=["Connection: close"]))) == 200, "an empty line before")
        check(status(exchange(port, head(b"x", version="1.0"))) == 200, "HTTP/1.0")
        r.answer = lambda q: (RECORDED, 3, 'bad "span"\n')
        check(b"\x08\x03\x12\x0bbad \"span\"\n" in post(port, body), "rejected spans in protobuf")
        answer = post(port, b"{}", type="application/json")
        check(json.loads(answer.split(b"\r\n\r\n")[1]) == {"partialSuccess": {"rejectedSpans": "3", "errorMessage": 'bad "span"\n'}}, "and in JSON")
        r.answer = lambda q: (MALFORMED, 0, "no OTLP")
        answer = post(port, body)
        check(status(answer) == 400 and answer.endswith(b"\x08\x03\x12\x07no OTLP"), "what the worker cannot read")
        check(json.loads(post(port, b"{}", type="application/json").split(b"\r\n\r\n")[1]) == {"code": 3, "message": "no OTLP"}, "also in JSON")
        r.answer = lambda q: (BUSY, 0, "locked")
        answer = post(port, body)
        check(status(answer) == 503 and b"Retry-After: 1" in answer, "what it cannot record now")
        r.answer = lambda q: (RECORDED, 0, "")
        check(r.is_alive(), "alive")
    check(r.status == 0, "ends with its stream")


def test_http_refusals():
    with Receiver(PROGRAM, token="secret token") as r:
        port = r.http_port
        token = ["Authorization: Bearer secret token"]
        before = len(r.requests)
        cases = [
            (401, head(b"x"), "no token"),
            (401, head(b"x", extra=["Authorization: Bearer secret tokem"]), "a wrong one"),
            (401, head(b"x", extra=["Authorization: Basic secret token"]), "another scheme"),
            (401, head(b"x", extra=["Authorization: Bearer "]), "an empty one"),
            (403, head(b"x", extra=token + ["Origin: http://evil.example"]), "a browser"),
            (404, head(b"x", path="/v1/metrics", extra=token), "metrics"),
            (404, head(b"x", path="/", extra=token), "another path"),
            (405, head(b"x", method="PUT", extra=token), "another method"),
            (405, head(method="GET", extra=token), "GET"),
            (411, head(b"x", length=False, extra=token), "no length"),
            (413, head(b"", extra=token, length=False) [:-2] + b"Content-Length: 1048577\r\n\r\n", "too large, before it has come"),
            (413, head(b"", extra=token, length=False)[:-2] + b"Content-Length: 999999999999999999\r\n\r\n", "far too large"),
            (413, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + chunked(b"x" * (1 << 20) + b"y", 1 << 16), "too large in chunks"),
            (415, head(b"x", type="text/plain", extra=token), "another type"),
            (415, head(b"x", type=None, extra=token), "no type"),
            (415, head(b"x", extra=token + ["Content-Encoding: br"]), "another encoding"),
            (415, head(b"x", extra=token + ["Content-Encoding: gzip, gzip"]), "two layers of gzip"),
            (417, head(b"x", extra=token + ["Expect: magic"]), "another expectation"),
            (400, head(b"x", extra=token + ["Content-Length: 1"]), "two lengths"),
            (400, head(b"x", extra=token + ["Transfer-Encoding: chunked"]), "a length and chunks"),
            (400, head(b"x", length=False, extra=token + ["Content-Length: +1"]), "a length with a sign"),
            (400, head(b"x", length=False, extra=token + ["Content-Length: 1 1"]), "a length with a space"),
            (400, head(b"x", length=False, extra=token + ["Content-Length: 9999999999999999999999"]), "a length that overflows"),
            (501, head(b"x", length=False, extra=token + ["Transfer-Encoding: gzip, chunked"]), "another coding"),
            (400, head(b"x", length=False, extra=token + ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]), "chunked twice"),
            (400, head(b"x", extra=token + ["Host: other"]), "two hosts"),
            (400, b"POST /v1/traces HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "no host"),
            (400, b"POST /v1/traces HTTP/1.1\nHost: localhost\n\n", "bare line feeds"),
            (400, b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n", "a folded header"),
            (400, b"POST /v1/traces HTTP/1.1\r\nHost : localhost\r\n\r\n", "space before a colon"),
            (400, b"POST /v1/traces HTTP/1.1\r\nHost: local\x00host\r\n\r\n", "a NUL"),
            (400, b"POST /v1/traces HTTP/1.1\r\nHost: a\rb\r\n\r\n", "a bare carriage return"),
            (400, b"POST  /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces"),
            (400, b"POST http://u@x/v1/traces HTTP/1.1\r\nHost: a\r\n\r\n", "a URL with a user"),
            (400, b"POST ftp://x/v1/traces HTTP/1.1\r\nHost: a\r\n\r\n", "a URL of another scheme"),
            (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", "a TLS greeting"),
            (505, b"POST /v1/traces HTTP/2.0\r\nHost: a\r\n\r\n", "another version"),
            (414, b"POST /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "a long path"),
            (431, head(b"x", extra=["A: b"] * 65), "many headers"),
            (431, head(b"x", extra=["A: " + "b" * 20000]), "a large header"),
            (400, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + b"x\r\n", "a chunk size that is none"),
            (400, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + b"0x1\r\nx\r\n0\r\n\r\n", "one with a prefix"),
            (400, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + b"ffffffffffffffff\r\n", "one that overflows"),
            (400, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + b"1\r\nxy\r\n", "a chunk that is too long"),
            (400, head(length=False, extra=token + ["Transfer-Encoding: chunked"]) + b"1\nx\n0\n\n", "chunks with bare line feeds"),
        ]
        for expected, data, name in cases:
            answer = exchange(port, data, shut=False)
            check(status(answer) == expected, f"{expected} for {name}" + ("" if status(answer) == expected else f", not {answer[:60]}"))
        check(len(r.requests) == before, "nothing of that reaches the worker")
        check(status(post(port, b"x", extra=token)) == 200, "and the next one is served")
        check(status(post(port, b"x", extra=["authorization: bearer secret token"])) == 200, "in other letters")
        bomb = gzip.compress(b"\x00" * (40 << 20), 9)
        memory = r.memory_kb()
        check(status(post(port, bomb, extra=token + ["Content-Encoding: gzip"])) == 413, "413 for a bomb")
        check(r.memory_kb() < memory + 20000, "which takes little memory")
        answer = exchange(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        check(status(answer) == 200 and answer.endswith(b"ok\n"), "health needs no token")
        check(wait_for(lambda: r.counts.get("unauthorized") == 4 and r.counts.get("too_large", 0) >= 5), "refusals are counted")
    with Receiver(PROGRAM, ready=False) as r:
        check(status(exchange(r.http_port, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 503, "not healthy while nothing can be committed")
        check(status(exchange(r.http_port, b"GET /healthz/live HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 200, "but alive")


def test_grpc():
    message = read("proto/001.bin")
    with Receiver(PROGRAM, token="t") as r:
        port = r.grpc_port
        token = [("authorization", "Bearer t")]
        c = Http2(port)
        c.send(call(1, message, extra=token))
        found = c.read(1)
        check(r.requests[-1][0] == GRPC and r.requests[-1][3] == message, "a call is handed on")
        check((0, 0, 1, b"\0\0\0\0\0") in found, "its answer is an empty message")
        check(any(t == 1 and f & 1 for t, f, s, p in found), "and trailers")
        c.send(call(3, gzip.compress(message), 1, extra=token + [("grpc-encoding", "gzip")]))
        c.read(2)
        check(r.requests[-1][3] == message, "gzip is inflated")
        c.send(b"".join(call(s, b"m%d" % s, extra=token + [("grpc-timeout", "2S")]) for s in range(5, 45, 2)))
        c.read(22)
        check({q[3] for q in r.requests[-20:]} == {b"m%d" % s for s in range(5, 45, 2)}, "twenty calls at once")
        check(1800 < r.requests[-1][2] <= 2000, "with what is left of their timeout")
        before = len(r.requests)
        for i, (data, name) in enumerate([
            (call(45, message), "no token"),
            (call(47, message, path="/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", extra=token), "metrics"),
            (call(49, message, type="application/grpc+json", extra=token), "another type"),
            (call(51, message, extra=token + [("grpc-encoding", "snappy")]), "another encoding"),
            (call(53, message, extra=token + [("origin", "http://x")]), "a browser"),
            (call(55, message, 1, extra=token), "compressed without saying how"),
            (call(57, message, 2, extra=token), "an unknown flag"),
            (frame(1, 4, 59, call_headers(extra=token)) + frame(0, 1, 59, b"\0\0\0\0\5abc"), "half a message"),
            (frame(1, 5, 61, call_headers(extra=token)), "no message"),
            (call(63, b"junk", 1, extra=token + [("grpc-encoding", "gzip")]), "no gzip"),
            (call(65, gzip.compress(b"\0" * (20 << 20)), 1, extra=token + [("grpc-encoding", "gzip")]), "a bomb"),
        ]):
            c.send(data)
            found = c.read(23 + i)
            stream = 45 + 2 * i
            mine = [x for x in found if x[2] == stream and x[0] in (0, 1)]
            check(len(mine) == 1 and mine[0][0] == 1 and mine[0][1] & 1, f"{name}: an error in one frame")
        check(len(r.requests) == before, "nothing of that reaches the worker")
        r.answer = lambda q: None
        c.send(call(67, message, extra=token))
        check(wait_for(lambda: len(r.requests) > before), "a call waits for its answer")
        c.close()
        check(wait_for(lambda: r.counts.get("open") == 0), "the client may go meanwhile")
        r.answer = lambda q: (RECORDED, 0, "")
        c = Http2(port)
        c.send(frame(1, 4, 1, call_headers(extra=token)) + frame(0, 0, 1, b"x" * 16000) * 3)
        c.send(frame(3, 0, 1, struct.pack(">I", 8)) + call(3, b"after", extra=token))
        c.read(1)
        check(r.requests[-1][3] == b"after", "a call that was given up")
        c.send(frame(6, 0, 0, b"12345678"))
        check(wait_for(lambda: c.read(99, 0.3) and any(t == 6 and f & 1 and p == b"12345678" for t, f, s, p in frames(c.data))), "PING is answered")
        r.send(STOP)
        check(wait_for(lambda: c.is_closed(5) and any(t == 7 for t, f, s, p in frames(c.data))), "GOAWAY when it stops")
        c.close()


def test_captures():
    random.seed(7)
    connections = sorted(f for f in os.listdir(os.path.join(CAPTURES, "grpc")) if f.endswith(".h2"))
    messages = {read(f"grpc/{f}")[5:] for f in os.listdir(os.path.join(CAPTURES, "grpc")) if f.endswith(".bin")}
    with Receiver(PROGRAM) as r:
        for name in connections:
            data = read(f"grpc/{name}")
            for limit in (1, 17, 1400, 1 << 20):
                before = len(r.requests)
                c = Http2(r.grpc_port, None)
                at = 0
                step = 1 if limit > 1 or len(data) < 20000 else 5
                while at < len(data):
                    size = random.randint(1, limit) * step
                    c.send(data[at:at + size])
                    at += size
                seen = lambda: r.requests[before:]
                wait_for(lambda: len(seen()) >= 1 and not time.sleep(0.3))
                check(len(seen()) > 0 and all(q[3] in messages for q in seen()), f"{name} in pieces of up to {limit * step} bytes: {len(seen())} calls")
                c.close()


def damage(data, chance):
    """Bytes changed, dropped, doubled and put elsewhere."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, size = chance.randrange(len(data)), chance.choice((1, 1, 2, 9, 100))
        how = chance.randrange(4)
        if how == 0:
            data[at] = chance.choice((0, 1, 127, 128, 255, data[at] ^ 1 << chance.randrange(8)))
        elif how == 1:
            del data[at:at + size]
        elif how == 2:
            data[at:at] = data[at:at + size]
        else:
            data[at:at] = bytes(chance.randrange(256) for _ in range(size))
        data = data or bytearray(b"x")
    return bytes(data)


def test_damaged_connections():
    """Whatever comes, the program lives, and serves whoever comes next."""
    seed = random.SystemRandom().randrange(10**9)
    chance = random.Random(seed)
    print(f"# damaged connections: seed {seed}")
    captures = [read(f"grpc/{f}") for f in sorted(os.listdir(os.path.join(CAPTURES, "grpc"))) if f.endswith(".h2")]
    body = read("proto/001.bin")
    requests = [head(body) + head(body, extra=["Connection: close"]),
                head(length=False, extra=["Transfer-Encoding: chunked"]) + chunked(body, 100) + head(body),
                head(gzip.compress(body), extra=["Content-Encoding: gzip"])]
    with Receiver(PROGRAM) as r:
        for port, kinds in ((r.grpc_port, captures), (r.http_port, requests)):
            for i in range(250):
                with connect(port) as s:
                    data = damage(chance.choice(kinds)[:20000], chance)
                    try:
                        while data:
                            size = chance.choice((len(data), chance.randint(1, 500)))
                            s.sendall(data[:size])
                            data = data[size:]
                        s.settimeout(0.01)
                        s.recv(65536)
                    except OSError:
                        pass
            check(r.is_alive(), f"damaged connections to port {'grpc' if port == r.grpc_port else 'http'}: the program lives")
            check(wait_for(lambda: r.counts.get("open") == 0, 5), "none of them stays open")
        check(status(post(r.http_port, body)) == 200, "whoever comes next is served")
        c = Http2(r.grpc_port)
        c.send(call(1, b"ok"))
        c.read(1)
        check(1 in c.ended(), "also over gRPC")
        c.close()


def test_floods():
    with Receiver(PROGRAM, max_connections=40) as r:
        port = r.grpc_port

        def healthy(name):
            c = Http2(port)
            c.send(call(1, b"ok"))
            c.read(1)
            good = 1 in c.ended() and r.is_alive()
            c.close()
            check(good, f"{name}: others are served")
            check(status(post(r.http_port, b"x")) == 200, f"{name}: also over HTTP")

        floods = {
            "PING": frame(6, 0, 0, b"12345678") * 20000,
            "SETTINGS": frame(4, 0, 0) * 20000,
            "rapid reset": b"".join(frame(1, 4, s, call_headers()) + frame(3, 0, s, struct.pack(">I", 8)) for s in range(1, 8001, 2)),
            "CONTINUATION": frame(1, 0, 1, call_headers()) + frame(9, 0, 1, literal("a", "b" * 100)) * 20000,
            "empty DATA": frame(1, 4, 1, call_headers()) + frame(0, 0, 1) * 20000,
            "WINDOW_UPDATE": frame(8, 0, 0, struct.pack(">I", 1)) * 20000,
            "PRIORITY": frame(2, 0, 1, b"\0\0\0\0\1") * 20000,
            "headers": frame(1, 0, 1, call_headers()) + b"".join(frame(9, 0, 1, literal("a%d" % i, "b" * 120) * 100) for i in range(50)),
            "junk": os.urandom(100000),
            "HTTP/1.1": head(b"x") * 10,
        }
        memory = r.memory_kb()
        for name, data in floods.items():
            c = Http2(port)
            c.send(data)
            check(c.is_closed(5), f"{name}: the connection is closed")
            c.close()
            healthy(name)
        check(r.memory_kb() < memory + 30000, f"floods leave little behind: {memory} to {r.memory_kb()} kB")
        # calls beyond the limit, by one who reads nothing of what is said about them
        memory = r.memory_kb()
        s = connect(port)
        s.sendall(PREFACE)
        sent = 0
        try:
            for first in range(1, 4000001, 20000):
                s.sendall(b"".join(frame(1, 4, i, b"\x83") for i in range(first, first + 20000, 2)))
                sent += 10000
        except OSError:
            pass
        check(sent < 2000000, f"calls beyond the limit: the connection is closed, after {sent}")
        check(r.memory_kb() < memory + 30000, f"calls beyond the limit take little memory: {memory} to {r.memory_kb()} kB")
        s.close()
        healthy("calls beyond the limit")
        # the same over HTTP: requests without end, answers that nobody reads
        s = connect(r.http_port)
        s.settimeout(3)
        sent = 0
        try:
            for _ in range(400):
                s.sendall(head(b"x") * 1000)
                sent += 1000
        except OSError:
            pass
        check(sent < 400000, f"answers that nobody reads: no more is taken, after {sent}")
        check(r.memory_kb() < memory + 30000, f"answers that nobody reads take little memory: {memory} to {r.memory_kb()} kB")
        s.close()
        healthy("answers that nobody reads")
        c = Http2(port)
        c.send(b"".join(frame(1, 4, s, call_headers()) for s in range(1, 401, 2)))
        c.read(100, 2)
        check(sum(1 for t, f, s, p in frames(c.data) if t == 3) >= 100, "more streams than are allowed are refused")
        c.close()
        healthy("many streams")


def test_slow_and_many():
    with Receiver(PROGRAM, max_connections=300) as r:
        memory = r.memory_kb()
        idle = [connect(r.http_port if i % 2 else r.grpc_port) for i in range(290)]
        check(wait_for(lambda: r.counts.get("open") == 290), "290 idle connections")
        check(status(post(r.http_port, b"x")) == 200, "others are served")
        more = [connect(r.http_port) for i in range(100)]
        check(wait_for(lambda: r.counts.get("turned_away", 0) >= 85), "beyond the limit those that were idle longest give way")
        check(all(s.recv(1) == b"" for s in idle[:80]), "which are the first ones")
        check(r.memory_kb() < memory + 60000, f"little memory: {r.memory_kb() - memory} kB more")
        slow = more[-1]
        slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHo")
        started = time.monotonic()
        answer = read_all(slow)
        check(status(answer) == 408 and time.monotonic() - started < 14, "a head that does not come")
        check(wait_for(lambda: r.counts.get("open", 999) <= 1, 15), "idle connections that never asked are closed")
        for s in idle + more:
            s.close()
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as script:
        script.write(f"#!/bin/sh\nulimit -n 100\nexec {PROGRAM} \"$@\"\n")
    os.chmod(script.name, 0o700)
    with Receiver(script.name, max_connections=300) as r:
        many = [connect(r.http_port) for i in range(90)]
        check(wait_for(lambda: r.counts.get("turned_away", 0) >= 50), "with few files fewer connections are taken")
        for s in many:
            s.close()
        check(wait_for(lambda: r.counts.get("open") == 0) and status(post(r.http_port, b"x")) == 200, "and others, when they are gone")
    os.unlink(script.name)
    with Receiver(PROGRAM, max_request=4 << 20, max_pending=8 << 20) as r:
        # bodies that nobody finishes hold all memory; who comes later waits, nobody is dropped
        held = []
        for i in range(6):
            s = connect(r.http_port)
            s.settimeout(1)
            s.sendall(head(b"", length=False)[:-2] + b"Content-Length: 4000000\r\n\r\n")
            try:
                s.sendall(b"x" * 3000000)
            except OSError:
                pass
            held.append(s)
        time.sleep(0.5)
        check(r.memory_kb() < 120000, f"bodies are bounded together: {r.memory_kb()} kB")
        for s in held[:4]:
            s.close()
        late = threading.Thread(target=lambda: results.append(status(post(r.http_port, b"y" * 100000))))
        results = []
        late.start()
        late.join(12)
        check(results == [200], "a late one is served when memory is free again")
        for s in held:
            s.close()


def test_unfinished_calls():
    """Calls that hold all memory are given up, however lively their clients are."""
    with Receiver(PROGRAM, max_request=1 << 16, max_pending=100000) as r:
        held = [Http2(r.grpc_port) for i in range(2)]
        for c in held:
            c.send(frame(1, 4, 1, call_headers()) + b"".join(frame(0, 0, 1, b"\0\0\0\xff\0" + b"x" * 15000) for i in range(4)))
        results = []
        time.sleep(5)

        def late():
            with connect(r.http_port) as s:
                s.settimeout(40)
                s.sendall(head(b"y" * 1000, extra=["Connection: close"]))
                results.append(status(read_all(s)))

        thread = threading.Thread(target=late)
        thread.start()
        for i in range(9):
            thread.join(3)
            for c in held:
                c.send(frame(6, 0, 0, b"12345678"))
        thread.join(10)
        check(results == [200], f"who came later is served: {results}")
        check(all(1 in c.ended() for c in held if c.read(1)), "the unfinished calls are answered")
        for c in held:
            c.close()


def test_set_up():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    with Receiver(PROGRAM, http_port=taken.getsockname()[1]) as r:
        check(r.fault is not None and "in use" in r.fault, f"a port that is taken: {r.fault}")
    taken.close()
    with Receiver(PROGRAM, listen_addresses="0.0.0.0") as r:
        check(r.fault is not None and "token" in r.fault, f"all addresses without a token: {r.fault}")
    with Receiver(PROGRAM, listen_addresses="no-such-host.invalid") as r:
        check(r.fault is not None, f"an unknown host: {r.fault}")
    with Receiver(PROGRAM, listen_addresses="localhost, 127.0.0.2") as r:
        check(r.fault is None, "two hosts")
        with socket.create_connection(("127.0.0.2", r.http_port), 5) as s:
            s.sendall(head(b"x", extra=["Connection: close"]))
            check(status(read_all(s)) == 200, "both are served")
    with Receiver(PROGRAM, grpc_port=0) as r:
        check(r.fault is None and status(post(r.http_port, b"x")) == 200, "port 0 turns a protocol off")
    with Receiver(PROGRAM, tls_cert_file="/nowhere", tls_key_file="/nowhere") as r:
        check(r.fault is not None and "/nowhere" in r.fault, f"a certificate that is not there: {r.fault}")
    r = Receiver(PROGRAM)
    r.link.sendall(b"\xff" * 64)
    check(r.process.wait(5) == 0, "a stream that makes no sense ends it")
    r.stop()


def test_tls():
    import ssl
    import subprocess
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        run = lambda *a: subprocess.run(a, check=True, capture_output=True, cwd=d)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        files = dict(tls_cert_file=f"{d}/cert.pem", tls_key_file=f"{d}/key.pem")
        client = ssl.create_default_context(cafile=f"{d}/cert.pem")

        def secure(port, context, protocol, data):
            context.set_alpn_protocols([protocol])
            with context.wrap_socket(connect(port), server_hostname="localhost") as s:
                s.sendall(data)
                s.settimeout(2)
                return read_all(s)

        with Receiver(PROGRAM, **files) as r:
            check(status(secure(r.http_port, client, "http/1.1", head(b"x" * 100000, extra=["Connection: close"]))) == 200, "HTTPS")
            answer = secure(r.grpc_port, client, "h2", PREFACE + call(1, b"over TLS"))
            check((0, 0, 1, b"\0\0\0\0\0") in frames(answer), "gRPC over TLS")
            check(exchange(r.http_port, head(b"x")) == b"" and r.is_alive(), "plain text is not served")
        with Receiver(PROGRAM, tls_client_ca_file=f"{d}/cert.pem", **files) as r:
            try:
                refused = secure(r.http_port, client, "http/1.1", head(b"x")) == b""
            except ssl.SSLError:
                refused = True
            check(refused and not r.requests, "a client without certificate is refused")
            client.load_cert_chain(f"{d}/cert.pem", f"{d}/key.pem")
            check(status(secure(r.http_port, client, "http/1.1", head(b"x", extra=["Connection: close"]))) == 200, "one with it is served")


run((test_set_up, test_http, test_http_refusals, test_grpc, test_captures, test_damaged_connections, test_floods, test_tls, test_slow_and_many,
     test_unfinished_calls))
