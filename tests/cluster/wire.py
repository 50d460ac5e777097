"""A client that speaks the protocol itself (docs/protocol.md), for tests that ask much or often."""

import time
import uuid

import msgpack
import zmq

DEADLINE = 30.0


class Refused(Exception):
    """An `error`: its code, message and cause."""


class Client:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.rid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def post(self, tag, **fields):
        self.rid += 1
        self.socket.send(msgpack.packb({"v": 1, "t": tag, "rid": self.rid, **fields}))
        return self.rid

    def answer(self, rid, deadline=DEADLINE):
        """To this request; answers to earlier ones are dropped."""
        end = time.monotonic() + deadline
        while self.socket.poll(max(0, int(1000 * (end - time.monotonic())))):
            message = msgpack.unpackb(self.socket.recv())
            if message.get("rid") != rid:
                continue
            if message["t"] == "error":
                raise Refused(message["code"], message["message"], message.get("cause", ""))
            return message
        raise TimeoutError(f"no answer in {deadline:g} s")

    def ask(self, tag, **fields):
        return self.answer(self.post(tag, **fields))

    def ask_until_answered(self, tag, deadline=DEADLINE, **fields):
        """Again after any doubt: a broker that is starting answers nothing, or `busy`."""
        end = time.monotonic() + deadline
        while True:
            try:
                return self.answer(self.post(tag, **fields), 1.0)
            except (TimeoutError, Refused) as doubt:
                final = isinstance(doubt, Refused) and doubt.args[0] not in ("busy", "unavailable")
                if final or time.monotonic() > end:
                    raise

    def end_of(self, task):
        """The task's answer once it has ended."""
        while True:
            answer = self.ask_until_answered("result", id=task, wait_ms=500)
            if answer["task"]["state"] in ("succeeded", "failed", "dead", "cancelled", "expired"):
                return answer


def task(code, **more):
    return {"id": str(uuid.uuid4()), "language": "python", "code": code, **more}
