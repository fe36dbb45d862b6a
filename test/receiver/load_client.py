"""A client of the receiver for tests: sends spans, and writes down which of them
the receiver said are stored.

    python3 load_client.py PROTOCOL ENCODING PORT FILE SECONDS [TOKEN]

PROTOCOL is http/protobuf, http/json or grpc; ENCODING plain or gzip.  A request
that fails in a way that may pass (503, UNAVAILABLE, a lost connection) is sent
again, the same spans, for up to 20 seconds, as SDKs do.  FILE gets a line per
acknowledged span: its id.  Each span is called "op " and its id, so that what is
stored can be told from what was sent.  The last line of the output is
"acknowledged A lost L refused R retries T".  Only the standard library is used.
"""
import gzip
import http.client
import json
import os
import random
import socket
import struct
import sys
import time

SPANS = 20
PAUSE = 0.02
PATIENCE = 20
TIMEOUT = 10

# gRPC codes after which a client may try again, all others but 0 refuse
PASSING = {1, 4, 8, 10, 11, 14, 15}


class Refused(Exception):
    """It makes no sense to send this again."""


class Passing(Exception):
    """It may go well the next time."""


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def spans_protobuf(spans):
    data = b""
    for trace_id, span_id, name, start in spans:
        data += field(2, field(1, trace_id) + field(2, span_id) + field(5, name.encode()) + varint(6 << 3) + varint(2) +
                      struct.pack("<BQBQ", 7 << 3 | 1, start, 8 << 3 | 1, start + 1500000))
    service = field(1, b"service.name") + field(2, field(1, b"load"))
    return field(1, field(1, field(1, service)) + field(2, data))


def spans_json(spans):
    return json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "load"}}]},
        "scopeSpans": [{"spans": [
            {"traceId": t.hex(), "spanId": s.hex(), "name": name, "kind": 2,
             "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 1500000)}
            for t, s, name, start in spans]}]}]}).encode()


class Http:
    """OTLP/HTTP over one connection; every other body is chunked."""

    def __init__(self, port, encoding, type, token):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self.headers = {"Content-Type": type}
        if encoding == "gzip":
            self.headers["Content-Encoding"] = "gzip"
        if token:
            self.headers["Authorization"] = "Bearer " + token
        self.encoding, self.is_json, self.chunked = encoding, "json" in type, False

    def send(self, spans):
        body = (spans_json if self.is_json else spans_protobuf)(spans)
        if self.encoding == "gzip":
            body = gzip.compress(body, 1)
        self.chunked = not self.chunked
        parts = iter([body[:100], body[100:]]) if self.chunked else body
        try:
            self.connection.request("POST", "/v1/traces", parts, self.headers, encode_chunked=self.chunked)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            raise Passing(e)
        if answer.status in (429, 502, 503, 504):
            raise Passing(answer.status)
        if answer.status != 200 or text not in (b"", b"{}"):
            raise Refused(f"{answer.status} {text}")


def frame(type, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([type, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    def string(s):
        s = s.encode()
        return (bytes([len(s)]) if len(s) < 127 else bytes([127, len(s) - 127])) + s
    return b"\x00" + string(name) + string(value)


def huffman(text):
    """HPACK's code of the few letters that are needed (RFC 7541, appendix B)."""
    codes = {"g": "100110", "r": "101100", "p": "101011", "c": "00100", "-": "010110", "s": "01000", "t": "01001", "a": "00011", "u": "101101"}
    bits = "".join(codes[c] for c in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


STATUS_NAMES = (b"grpc-status", huffman("grpc-status"))


def grpc_status(block):
    """grpc-status of a header block that was made without a dynamic table; its
    digits are never shorter in Huffman's code."""
    at = 0

    def number(prefix):
        nonlocal at
        limit = (1 << prefix) - 1
        n = block[at] & limit
        at += 1
        if n == limit:
            shift = 0
            while True:
                n += (block[at] & 127) << shift
                shift += 7
                at += 1
                if not block[at - 1] & 128:
                    break
        return n

    def string():
        nonlocal at
        length = number(7)
        at += length
        return block[at - length:at]

    while at < len(block):
        if block[at] & 0x80:
            number(7)
        elif block[at] & 0xe0 == 0x20:
            number(5)
        else:
            name = None if number(6 if block[at] & 0x40 else 4) else string()
            value = string()
            if name in STATUS_NAMES:
                return int(value)
    return None


class Grpc:
    """OTLP/gRPC: one call at a time over one connection, flow control included."""

    def __init__(self, port, encoding, token):
        self.port, self.encoding, self.token, self.socket = port, encoding, token, None

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data, self.stream, self.window, self.stream_window, self.initial = b"", -1, 65535, 65535, 65535
        # a header table of 0: the answers can be read without one
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 1, 0)))

    def take_frame(self, end):
        """The next frame's type, flags, stream and payload, after what it means
        for the connection."""
        while len(self.data) < 9 or len(self.data) < 9 + int.from_bytes(self.data[:3], "big"):
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            part = self.socket.recv(65536)
            if not part:
                raise OSError("the connection was closed")
            self.data += part
        length = int.from_bytes(self.data[:3], "big")
        type, flags, stream = self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big") & 0x7fffffff
        payload, self.data = self.data[9:9 + length], self.data[9 + length:]
        if type == 4 and not flags & 1:
            for at in range(0, length, 6):
                setting, value = struct.unpack_from(">HI", payload, at)
                if setting == 4:
                    self.stream_window += value - self.initial
                    self.initial = value
            self.socket.sendall(frame(4, 1, 0))
        elif type == 6 and not flags & 1:
            self.socket.sendall(frame(6, 1, 0, payload))
        elif type == 8:
            more = struct.unpack(">I", payload)[0] & 0x7fffffff
            if stream == 0:
                self.window += more
            elif stream == self.stream:
                self.stream_window += more
        elif type == 7 and int.from_bytes(payload[:4], "big") & 0x7fffffff < self.stream:
            raise OSError("the server goes away")
        return type, flags, stream, payload

    def call(self, message, end):
        if self.socket is None:
            self.connect()
        self.stream += 2
        self.stream_window = self.initial
        headers = [(":method", "POST"), (":scheme", "http"), (":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
                   (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", f"{TIMEOUT}S")]
        if self.encoding == "gzip":
            headers.append(("grpc-encoding", "gzip"))
            message = gzip.compress(message, 1)
        if self.token:
            headers.append(("authorization", "Bearer " + self.token))
        body = bytes([self.encoding == "gzip"]) + struct.pack(">I", len(message)) + message
        self.socket.sendall(frame(1, 4, self.stream, b"".join(literal(*h) for h in headers)))
        status, answer = None, b""
        while True:
            size = min(len(body), 16384, self.window, self.stream_window)
            if size > 0:
                self.socket.sendall(frame(0, size == len(body), self.stream, body[:size]))
                body = body[size:]
                self.window -= size
                self.stream_window -= size
                continue
            type, flags, stream, payload = self.take_frame(end)
            if stream != self.stream:
                continue
            if type == 3:
                raise OSError("the call was reset")
            if type == 1:
                status = grpc_status(payload)
            elif type == 0:
                answer += payload
            if type in (0, 1) and flags & 1:
                return status, answer

    def send(self, spans):
        try:
            status, answer = self.call(spans_protobuf(spans), time.monotonic() + TIMEOUT)
        except OSError as e:
            if self.socket is not None:
                self.socket.close()
            self.socket = None
            raise Passing(e)
        if status in PASSING:
            raise Passing(status)
        if status != 0 or answer != b"\0\0\0\0\0":
            raise Refused(f"{status} {answer}")


def send_patiently(client, spans, counts):
    end = time.monotonic() + PATIENCE
    nap = 0.2
    while True:
        try:
            client.send(spans)
            return True
        except Refused as e:
            print("refused:", e, flush=True)
            counts["refused"] += len(spans)
            return False
        except Passing as e:
            if time.monotonic() > end:
                print("lost:", e, flush=True)
                counts["lost"] += len(spans)
                return False
            counts["retries"] += 1
            time.sleep(nap * random.uniform(0.8, 1.2))
            nap = min(nap * 1.5, 2)


def main():
    protocol, encoding, port, file, seconds = sys.argv[1:6]
    token = sys.argv[6] if len(sys.argv) > 6 else None
    if protocol == "grpc":
        client = Grpc(int(port), encoding, token)
    else:
        client = Http(int(port), encoding, "application/json" if protocol == "http/json" else "application/x-protobuf", token)
    counts = dict(acknowledged=0, lost=0, refused=0, retries=0)
    process, number = os.urandom(4), 0
    end = time.monotonic() + float(seconds)
    with open(file, "w", buffering=1) as out:
        while time.monotonic() < end:
            trace_id, spans = os.urandom(16), []
            for i in range(SPANS):
                number += 1
                span_id = process + struct.pack(">I", number)
                spans.append((trace_id, span_id, "op " + span_id.hex(), time.time_ns()))
            if send_patiently(client, spans, counts):
                counts["acknowledged"] += SPANS
                out.write("".join(s[1].hex() + "\n" for s in spans))
            time.sleep(PAUSE)
    print(" ".join(f"{k} {v}" for k, v in counts.items()))


main()
