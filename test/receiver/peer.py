"""The worker's side of the receiver program, for tests without a server.

    with Receiver("path/to/distributed_trace_receiver") as receiver:
        ... talk to receiver.http_port and receiver.grpc_port ...
        receiver.requests   # [(protocol, encoding, timeout_ms, body), ...]
    receiver.refusals   # {(protocol, reason): (count, address), ...}

Requests are answered by receiver.answer(request) -> (outcome, rejected, text),
"recorded" unless a test sets something else; None answers nothing.  Everything
listens on loopback, and the program is ended by its pid.
"""
import os
import signal
import socket
import struct
import subprocess
import threading
import time

LISTENING, FAILED, REQUEST, COUNTS, REFUSED, CONFIG, ANSWER, STATE, STOP = range(1, 10)
RECORDED, MALFORMED, BUSY = range(3)
HTTP, GRPC = range(2)
PROTOBUF, JSON = range(2)
COUNTERS = ("connections", "open", "turned_away", "http_requests", "grpc_requests", "bytes",
            "pending", "unauthorized", "malformed", "too_large", "too_slow", "other_refused")
HEADER = struct.Struct("<IBBBBQQ")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    def __init__(self, program, ready=True, **settings):
        self.http_port, self.grpc_port = free_port(), free_port()
        self.requests, self.counts, self.refusals, self.fault = [], {}, {}, None
        self.answer = lambda request: (RECORDED, 0, "")
        self.lock = threading.Lock()
        self.listening = threading.Event()
        ours, theirs = socket.socketpair()
        # what is measured here is its memory, not what a sanitizer keeps of what was freed
        environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4")
        self.process = subprocess.Popen([program, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment)
        theirs.close()
        self.link = ours
        config = dict(listen_addresses="127.0.0.1", http_port=self.http_port, grpc_port=self.grpc_port,
                      max_request=1 << 20, max_pending=8 << 20, max_connections=64, max_wait=8000)
        config.update(settings)
        self.send(CONFIG, payload="".join(f"{k}={v}\n" for k, v in config.items()).encode())
        if ready:
            self.send(STATE, 1)
        self.thread = threading.Thread(target=self.read_frames, daemon=True)
        self.thread.start()
        self.listening.wait(10)

    def send(self, type, detail=0, number=0, value=0, payload=b""):
        with self.lock:
            self.link.sendall(HEADER.pack(len(payload), type, detail, 0, 0, number, value) + payload)

    def read_exactly(self, size):
        data, read = bytearray(size), 0
        while read < size:
            part = self.link.recv_into(memoryview(data)[read:])
            if not part:
                raise EOFError
            read += part
        return bytes(data)

    def read_frames(self):
        try:
            while True:
                length, type, detail, encoding, zero, number, value = HEADER.unpack(self.read_exactly(HEADER.size))
                payload = self.read_exactly(length)
                if type == LISTENING:
                    self.listening.set()
                elif type == FAILED:
                    self.fault = payload.decode()
                    self.listening.set()
                elif type == COUNTS:
                    self.counts = dict(zip(COUNTERS, struct.unpack(f"<{len(COUNTERS)}Q", payload)))
                elif type == REFUSED:
                    protocol, reason, peer = payload.decode().split("\n")
                    count, _ = self.refusals.get((protocol, reason), (0, None))
                    self.refusals[protocol, reason] = count + value, peer
                elif type == REQUEST:
                    self.take(detail, encoding, value, payload, number)
        except (EOFError, OSError):
            pass

    def take(self, protocol, encoding, timeout, body, number):
        request = (protocol, encoding, timeout, body)
        self.requests.append(request)
        answer = self.answer(request)
        if answer is not None:
            self.send(ANSWER, answer[0], number, answer[1], answer[2].encode())

    def is_alive(self):
        return self.process.poll() is None

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    def stop(self):
        """Closes the stream; the program has to end by itself, and in order."""
        try:
            self.link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.link.close()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return -9

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.status = self.stop()


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


number, failures = 0, 0


def check(holds, name):
    global number, failures
    number += 1
    failures += not holds
    print(f"{'ok' if holds else 'not ok'} {number} - {name}", flush=True)
    return holds


def done():
    print(f"1..{number}")
    return 1 if failures else 0
