"""The receiver program without a server: what clients speak, on either port.

    python3 protocols_test.py PROGRAM CAPTURES
"""
import gzip
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import zlib

from peer import GRPC, HTTP, JSON, PROTOBUF, RECORDED, Receiver, check, wait_for
from wire import (PATH, PREFACE, PROGRAM, PROTO, Http2, Http2Answer, call, connect, exchange, frame, frames, head, http2_headers, post, read,
                  read_all, run, status)


def raw_deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def zstd_frame(*blocks):
    """A frame of blocks (type, size, bytes), without the size of its content: type 0 is as it is, 1 one byte so many times."""
    data = b"\x28\xb5\x2f\xfd\x00\x58"
    for i, (type, size, content) in enumerate(blocks):
        data += struct.pack("<I", size << 3 | type << 1 | (i == len(blocks) - 1))[:3] + content
    return data


def zstd(data):
    return zstd_frame(*[(0, len(data[i:i + 60000]), data[i:i + 60000]) for i in range(0, max(len(data), 1), 60000)])


ENCODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "GZIP": gzip.compress, "deflate": zlib.compress, "zstd": zstd}


def test_encodings():
    body = read("proto/001.bin")
    with Receiver(PROGRAM) as r:
        cases = [(name, make(body), name) for name, make in ENCODINGS.items()]
        cases += [("deflate", raw_deflate(body), "bare deflate"), ("identity", body, "identity"),
                  ("zstd", zstd(body[:50]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd(body[50:]), "two frames of zstd and one to be skipped")]
        for encoding, data, name in cases:
            before = len(r.requests)
            good = status(post(r.http_port, data, extra=[f"Content-Encoding: {encoding}"])) == 200
            check(good and len(r.requests) == before + 1 and r.requests[-1][3] == body, f"{name} over HTTP/1.1")
            good = Http2Answer(r.grpc_port, data, extra=[("content-encoding", encoding)]).status == 200
            check(good and len(r.requests) == before + 2 and r.requests[-1][3] == body, f"{name} over HTTP/2")
        for encoding, data, name in cases:
            if encoding in ("x-gzip", "GZIP"):
                continue
            before = len(r.requests)
            c = Http2(r.grpc_port)
            c.send(call(1, data, 1, extra=[("grpc-encoding", encoding)]) + call(3, body, 0, extra=[("grpc-encoding", encoding)]))
            c.read(2)
            check([q[3] for q in r.requests[before:]] == [body] * 2, f"{name} over gRPC, and a message that is not compressed")
            c.close()
        twice = gzip.compress(gzip.compress(body))
        check(status(post(r.http_port, twice, extra=["Content-Encoding: gzip"])) == 200 and r.requests[-1][3] == gzip.compress(body),
              "one layer is taken off and no more")
        bombs = {"gzip": gzip.compress(b"\0" * (40 << 20)), "deflate": zlib.compress(b"\0" * (40 << 20)),
                 "zstd": zstd_frame(*[(1, 128 << 10, b"\0")] * 320)}
        before, memory = len(r.requests), r.memory_kb()
        for encoding, make in ENCODINGS.items():
            good = make(body)
            for data, what in ((b"", "nothing"), (body, "something else"), (good[:-3], "all but the end"), (good + b"junk", "junk behind")):
                check(status(post(r.http_port, data, extra=[f"Content-Encoding: {encoding}"])) == 400, f"{encoding}: {what} is refused")
            bomb = bombs.get(encoding.lower().replace("x-", ""))
            check(status(post(r.http_port, bomb, extra=[f"Content-Encoding: {encoding}"])) == 413, f"{encoding}: a bomb is refused")
            check(Http2Answer(r.http_port, bomb, extra=[("content-encoding", encoding)]).status == 413, f"{encoding}: over HTTP/2 too")
        check(len(r.requests) == before, "nothing of that reaches the worker")
        check(r.memory_kb() < memory + 30000, f"and it leaves little behind: {memory} to {r.memory_kb()} kB")
        check(status(post(r.http_port, zstd_frame((0, 1, b"x"))[:5] + b"\xb8" + b"\x09\0\0x", extra=["Content-Encoding: zstd"])) == 400,
              "a zstd window of more than 8 MB is refused")


def test_otlp_over_http2():
    body = read("proto/001.bin")
    with Receiver(PROGRAM, token="t") as r:
        token = [("authorization", "Bearer t")]
        for port, name in ((r.grpc_port, "the port of gRPC"), (r.http_port, "the port of HTTP")):
            a = Http2Answer(port, body, extra=token)
            check(a.status == 200 and a.body == b"" and r.requests[-1] == (HTTP, PROTOBUF, 10000, body), f"{name}: OTLP/HTTP in protobuf")
            a = Http2Answer(port, b"{}", type="application/json; charset=utf-8", extra=token)
            check(a.status == 200 and a.body == b"{}" and r.requests[-1][:2] == (HTTP, JSON), f"{name}: and in JSON")
            r.answer = lambda q: (RECORDED, 3, "bad")
            a = Http2Answer(port, body, extra=token)
            check(a.status == 200 and a.body.endswith(b"\x08\x03\x12\x03bad"), f"{name}: rejected spans are named")
            r.answer = lambda q: (1, 0, "no OTLP")
            a = Http2Answer(port, body, extra=token)
            check(a.status == 400 and a.body == b"\x08\x03\x12\x07no OTLP", f"{name}: a malformed one")
            r.answer = lambda q: (2, 0, "locked")
            check(Http2Answer(port, body, extra=token).status == 503, f"{name}: one that cannot be recorded now")
            r.answer = lambda q: (RECORDED, 0, "")
            before = len(r.requests)
            for expected, options in (
                    (401, dict()), (401, dict(extra=[("authorization", "Bearer x")])), (403, dict(extra=token + [("origin", "http://x")])),
                    (415, dict(type=None, extra=token)), (415, dict(type="text/plain", extra=token)), (415, dict(type="", extra=token)),
                    (415, dict(type="application/grpc-web+proto", extra=token)), (415, dict(type="application/json", path=PATH, extra=token)),
                    (404, dict(path="/", type=None)), (404, dict(path="/v1/metrics", extra=token)), (404, dict(path="/v1/traces/v1/traces")),
                    (405, dict(method="GET", type=None)), (405, dict(method="PUT", extra=token)), (405, dict(method="POST", path="/healthz")),
                    (415, dict(extra=token + [("content-encoding", "br")])),
                    (415, dict(extra=token + [("content-encoding", "gzip"), ("content-encoding", "gzip")])),
                    (413, dict(extra=token, body=b"x" * (1 << 20) + b"x"))):
                data = options.pop("body", body)
                a = Http2Answer(port, data, **options)
                check(a.status == expected, f"{name}: {expected} for {options}" + ("" if a.status == expected else f", not {a.status}"))
            check(len(r.requests) == before, f"{name}: nothing of that reaches the worker")
            for path in ("/healthz", "/healthz/live"):
                a = Http2Answer(port, method="GET", path=path, type=None)
                check(a.status == 200 and a.body == b"ok\n", f"{name}: GET {path}")
                a = Http2Answer(port, method="HEAD", path=path, type=None)
                check(a.status == 200 and a.body == b"", f"{name}: HEAD {path}")
        for name, options in (("OTLP/HTTP", dict()), ("gRPC", dict(path=PATH, type="application/grpc"))):
            a = Http2Answer(r.grpc_port, b"x" * 100, ends=False, **options)
            check(a.status and a.reset == [0], f"{name}: one refused before it has come is reset without an error, {a.reset}")
        a = Http2Answer(r.grpc_port, b"\0\0\0\0\1x", path=PATH, type="Application/gRPC+proto", extra=token)
        check(a.status == 200 and a.body == b"\0" * 5, "a media type in other letters is one of gRPC")


def test_curl():
    """A client as it is."""
    body = read("proto/001.bin")

    def curl(*arguments, data=None):
        done = subprocess.run(["curl", "-s", "-m", "8", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", *arguments],
                              input=data, capture_output=True)
        return done.stdout.decode()

    with Receiver(PROGRAM, token="t") as r:
        for port in (r.grpc_port, r.http_port):
            at = f"http://127.0.0.1:{port}"
            send = ["--data-binary", "@-", "-H", f"Content-Type: {PROTO}", "-H", "Authorization: Bearer t"]
            check(curl("--http2-prior-knowledge", at + "/v1/traces", *send, data=body) == "200 2" and r.requests[-1][3] == body, "curl by HTTP/2")
            check(curl("--http2-prior-knowledge", "-I", at + "/healthz") == "200 2", "curl -I by HTTP/2")
            began = time.monotonic()
            curl("--http2-prior-knowledge", at + PATH, "--data-binary", "@-", "-H", "Content-Type: application/grpc", data=body * 1000)
            check(time.monotonic() - began < 4, "a large call of gRPC that is refused does not hang")
        check(curl("--http2", f"http://127.0.0.1:{r.http_port}/v1/traces", *send, data=body) == "200 1.1", "an offer to upgrade is not taken up")


def test_http1():
    body = read("proto/001.bin")
    with Receiver(PROGRAM) as r:
        port = r.http_port
        for target in (f"http://localhost:{port}/v1/traces", "HTTP://127.0.0.1/v1/traces?x=/y", "https://[::1]:1/v1/traces"):
            check(status(post(port, body, path=target)) == 200, f"the target {target}")
        check(status(post(port, body, path="http://localhost")) == 404, "a URL without a path")
        check(status(post(port, body, path="http:///v1/traces")) == 400, "one without a host")
        for path in ("/healthz", "/healthz/live"):
            a = exchange(port, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            check(status(a) == 200 and a.endswith(b"\r\n\r\n") and b"Content-Length: 3\r\n" in a, f"HEAD {path}")
            a = exchange(port, f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
            check(status(a) == 405 and b"Allow: GET, HEAD" in a, f"POST {path}")
        a = exchange(port, head(method="HEAD"))
        check(status(a) == 405 and a.endswith(b"\r\n\r\n"), "HEAD of what has none is answered without a body")
        for name, data in (("a browser's visit", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), ("no type", head(b"x", type=None)),
                           ("no HTTP", b"hello\r\n\r\n"), ("another type", head(b"x", type="text/html"))):
            a = exchange(port, data)
            check(b"Content-Type: text/plain\r\n" in a and a.endswith(b"\n") and a.split(b"\r\n\r\n", 1)[1].strip().decode().isprintable(),
                  f"{name} is answered in text")
        check(b"Content-Type: application/x-protobuf\r\n" in exchange(port, head(b"x", path="/v1/metrics")), "OTLP in protobuf")
        check(b'{"code":' in exchange(port, head(b"x", path="/v1/metrics", type="application/json")), "OTLP in JSON")


def test_hosts():
    """Without a token nobody may call us by a name that somebody else could have made point here."""
    good = ["localhost", "LOCALHOST:4318", "localhost.", "a.localhost:1", "127.0.0.1:4318", "192.168.1.7", "[::1]", "[::1]:4318", "db", "x:4318", ""]
    bad = ["evil.example", "evil.example:4318", "localhost.evil.example", "evil.localhost.x", "127.0.0.1.evil.example", "127.0.0.1:x", "1.2.3",
           "999.0.0.1", "[::1", "[::1]x", "[evil.example]", "::1", "localhost:4318@evil.example"]
    with Receiver(PROGRAM) as r:
        for host in good + bad:
            expected = 200 if host in good else 403
            found = status(exchange(r.http_port, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))
            check(found == expected, f"{expected} for Host '{host}', {found}")
            found = Http2Answer(r.http_port, b"x", authority=host).status if host else expected
            check(found == expected, f"{expected} for the authority '{host}', {found}")
        check(status(exchange(r.http_port, head(b"x", path="http://evil.example/v1/traces"))) == 403, "a target's host counts")
        check(status(exchange(r.http_port, b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n")) == 200, "and the header's then does not")
        check(Http2Answer(r.grpc_port, b"x", extra=[("host", "evil.example")]).status == 403, "a header of HTTP/2 counts too")
        c = Http2(r.grpc_port)
        c.send(call(1, b"good") + frame(1, 4, 3, http2_headers(path=PATH, authority="evil.example", type="application/grpc")))
        c.read(2)
        check([q[3] for q in r.requests if q[0] == GRPC] == [b"good"] and {1, 3} <= c.ended(), "gRPC alike")
        c.close()
    name = socket.gethostname()
    with Receiver(PROGRAM, listen_addresses=f"127.0.0.1, {name}") as r:
        if r.fault is None:
            found = status(exchange(r.http_port, f"GET /healthz HTTP/1.1\r\nHost: {name.upper()}:1\r\n\r\n".encode()))
            check(found == 200, "a name that is listened on is good")
    with Receiver(PROGRAM, token="t") as r:
        check(status(post(r.http_port, b"x", extra=["Authorization: Bearer t"], path="http://trace.example/v1/traces")) == 200, "with a token any name will do")


def test_refusals():
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "1",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True, cwd=d)
        files = dict(tls_cert_file=f"{d}/cert.pem", tls_key_file=f"{d}/key.pem")
        trusting = lambda: ssl.create_default_context(cafile=f"{d}/cert.pem")

        def secure(port, context, protocols, data=None, **options):
            context.set_alpn_protocols(protocols)
            with context.wrap_socket(connect(port), server_hostname="localhost") as s:
                if data is None:
                    return Http2Answer(port, socket=s, **options)
                s.sendall(data)
                return read_all(s)

        def noted(r, protocol, words, name, count=1):
            def find():
                return [(k, v) for k, v in r.refusals.items() if k[0] == protocol and words in k[1] and v[0] >= count and v[1] == "127.0.0.1"]
            check(wait_for(find, 4), f"{name} is noted" + ("" if find() else f": {r.refusals}"))

        with Receiver(PROGRAM, token="t") as r:
            a = exchange(r.grpc_port, head(b"x"))
            check(status(a) == 400 and b"port of gRPC" in a, "HTTP/1.1 on the port of gRPC is told so")
            noted(r, "HTTP", "on the port of gRPC", "HTTP/1.1 on the port of gRPC")
            c = Http2(r.http_port)
            c.send(call(1, b"x", extra=[("authorization", "Bearer t")]))
            check(any(t == 1 and f & 1 for t, f, s, p in c.read(1)), "gRPC on the port of HTTP is answered")
            noted(r, "gRPC", "on the port of OTLP/HTTP", "gRPC on the port of HTTP")
            c.close()
            for i in range(50):
                post(r.http_port, b"x", path="/v1/traces/v1/traces")
            noted(r, "HTTP", "twice", "the path twice", 50)
            post(r.http_port, b"x")
            noted(r, "HTTP", "token", "a missing token")
            Http2Answer(r.grpc_port, b"x")
            noted(r, "HTTP/2", "token", "a missing token over HTTP/2")
            c = Http2(r.grpc_port)
            c.send(call(1, b"x"))
            c.read(1)
            c.close()
            noted(r, "gRPC", "token", "a missing token over gRPC")
            for port in (r.http_port, r.grpc_port):
                try:
                    secure(port, trusting(), ["h2"], b"x")
                except (ssl.SSLError, OSError):
                    pass
            noted(r, "HTTP", "TLS on a port without TLS", "TLS to a plain port", 2)
            for i in range(300):
                post(r.http_port, b"x", path=f"/{i}", extra=[f"Host{i}: x"])
            noted(r, "HTTP", "only /v1/traces", "another path", 300)
            check(len(r.refusals) < 12, f"whatever clients say, the kinds are few: {len(r.refusals)}")
        with Receiver(PROGRAM, **files) as r:
            a = secure(r.grpc_port, trusting(), ["h2", "http/1.1"], body=b"x")
            check(a.status == 200 and r.requests[-1][3] == b"x", "OTLP/HTTP over HTTP/2 and TLS, port of gRPC")
            a = secure(r.http_port, trusting(), ["h2", "http/1.1"], body=b"y")
            check(a.status == 200 and r.requests[-1][3] == b"y", "OTLP/HTTP over HTTP/2 and TLS, port of HTTP")
            check(status(secure(r.http_port, trusting(), ["http/1.1"], head(b"z", extra=["Connection: close"]))) == 200, "HTTP/1.1 over TLS")
            exchange(r.http_port, head(b"x"))
            exchange(r.grpc_port, PREFACE)
            noted(r, "TLS", "no TLS on a port with TLS", "plain text to a port with TLS", 2)
            for context, protocols in ((ssl.create_default_context(), ["h2"]), (trusting(), ["http/1.1"])):
                try:
                    secure(r.grpc_port, context, protocols, b"x")
                except (ssl.SSLError, OSError):
                    pass
            noted(r, "TLS", "unknown ca", "a certificate that the client refuses")
            noted(r, "TLS", "application protocol", "a client of HTTP/1.1 alone to the port of gRPC")
        with Receiver(PROGRAM, tls_client_ca_file=f"{d}/cert.pem", **files) as r:
            try:
                secure(r.http_port, trusting(), ["http/1.1"], head(b"x"))
            except (ssl.SSLError, OSError):
                pass
            noted(r, "TLS", "did not return a certificate", "a client without certificate")


run((test_encodings, test_otlp_over_http2, test_curl, test_http1, test_hosts, test_refusals))
