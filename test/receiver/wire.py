"""What clients of the receiver program put on the wire, by hand."""
import os
import socket
import struct
import sys
import time

from peer import done

PROGRAM, CAPTURES = sys.argv[1], sys.argv[2]
PROTO = "application/x-protobuf"


def read(path):
    with open(os.path.join(CAPTURES, path), "rb") as f:
        return f.read()


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), 10)
    s.settimeout(15)
    return s


def read_all(s):
    data = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            data += part
    except (ConnectionError, socket.timeout):
        pass
    return data


def exchange(port, data, shut=True):
    """Sends bytes, returns all that comes back until the other side closes."""
    with connect(port) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def head(body=b"", path="/v1/traces", method="POST", type=PROTO, version="1.1", extra=(), length=True):
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
    if type:
        lines.append(f"Content-Type: {type}")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    lines += list(extra)
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def status(answer):
    try:
        return int(answer.split(b" ", 2)[1])
    except (IndexError, ValueError):
        return 0


def chunked(body, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size)) + b"0\r\n\r\n"


def post(port, body, **options):
    return exchange(port, head(body, extra=["Connection: close"] + list(options.pop("extra", ())), **options))


def frame(type, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([type, flags]) + struct.pack(">I", stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)


def literal(name, value):
    def string(s):
        s = s.encode()
        return bytes([len(s)]) + s if len(s) < 127 else bytes([127, len(s) - 127]) + s
    return b"\x00" + string(name) + string(value)


PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def call_headers(path=PATH, type="application/grpc", extra=()):
    return b"".join(literal(n, v) for n, v in [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
                                               ("content-type", type), ("te", "trailers"), *extra])


def call(stream, message, compressed=0, **options):
    body = bytes([compressed]) + struct.pack(">I", len(message)) + message
    data = b"".join(frame(0, 1 if i + 16000 >= len(body) else 0, stream, body[i:i + 16000]) for i in range(0, len(body), 16000))
    return frame(1, 4, stream, call_headers(**options)) + data


def frames(data):
    found = []
    while len(data) >= 9:
        length = int.from_bytes(data[:3], "big")
        found.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:9 + length]))
        data = data[9 + length:]
    return found


class Http2:
    """A connection that can read its answers until a number of streams ended."""

    def __init__(self, port, preface=PREFACE, socket=None):
        self.socket = socket or connect(port)
        self.data = b""
        if preface:
            self.socket.sendall(preface)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def ended(self):
        return {s for t, f, s, p in frames(self.data) if (t in (0, 1) and f & 1) or t == 3}

    def read(self, streams, seconds=10):
        end = time.monotonic() + seconds
        self.socket.settimeout(0.2)
        while time.monotonic() < end and len(self.ended()) < streams:
            try:
                part = self.socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                break
            if not part:
                break
            self.data += part
        return frames(self.data)

    def is_closed(self, seconds=10):
        end = time.monotonic() + seconds
        self.socket.settimeout(0.2)
        while time.monotonic() < end:
            try:
                part = self.socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                return True
            if not part:
                return True
            self.data += part
        return False

    def close(self):
        self.socket.close()


DIGITS = {"00000": "0", "00001": "1", "00010": "2", "011001": "3", "011010": "4", "011011": "5", "011100": "6", "011101": "7",
          "011110": "8", "011111": "9"}


def http2_status(block):
    """The status that a block of headers, the first of its connection, begins with."""
    if block[0] & 0x80:
        return {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}[block[0] & 0x7f]
    size = block[1] & 0x7f
    if not block[1] & 0x80:
        return int(block[2:2 + size])
    bits, found, code = "".join(f"{b:08b}" for b in block[2:2 + size]), "", ""
    for bit in bits:
        code += bit
        if code in DIGITS:
            found, code = found + DIGITS[code], ""
    return int(found)


def http2_headers(method="POST", path="/v1/traces", type=PROTO, authority="localhost", extra=()):
    fields = [(":method", method), (":scheme", "http"), (":path", path)]
    fields += [(":authority", authority)] if authority is not None else []
    fields += [("content-type", type)] if type is not None else []
    return b"".join(literal(n, v) for n, v in [*fields, *extra])


class Http2Answer:
    """What one request over a connection of its own was answered."""

    def __init__(self, port, body=None, ends=True, socket=None, **options):
        c = Http2(port, preface=None, socket=socket)
        c.send(PREFACE + frame(1, 5 if body is None and ends else 4, 1, http2_headers(**options)))
        for i in range(0, len(body or b""), 16000):
            c.send(frame(0, 1 if ends and i + 16000 >= len(body) else 0, 1, body[i:i + 16000]))
        if body == b"" and ends:
            c.send(frame(0, 1, 1))
        c.read(1)
        if not ends:
            c.read(99, 0.5)
        found = [f for f in frames(c.data) if f[2] == 1]
        blocks = [p for t, f, s, p in found if t == 1]
        self.status = http2_status(blocks[0]) if blocks else None
        self.block = blocks[0] if blocks else b""
        self.body = b"".join(p for t, f, s, p in found if t == 0)
        self.reset = [struct.unpack(">I", p)[0] for t, f, s, p in found if t == 3]
        c.close()


def run(tests):
    """Those whose names have $ONLY in them; ends the program."""
    for test in tests:
        if os.environ.get("ONLY", "") in test.__name__:
            test()
    sys.exit(done())
