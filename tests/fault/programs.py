"""The kinds of tasks that the clients submit, and how each may end."""

import dataclasses
import typing

# A task may lose three workers, or its launcher each time that it is tried: no fault of its own.
UNLUCKY = {("dead", "none"), ("dead", "infrastructure_error"), ("failed", "infrastructure_error")}


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    weight: int
    # (random, number) -> what it prints, its code, more fields of its task spec
    make: typing.Callable
    ends: frozenset  # of (state, verdict)
    cancelled: bool = False  # as soon as it is acknowledged

    def may_end(self, end, text):
        state, verdict, out = end
        if (state, verdict) in UNLUCKY:
            return True
        return (state, verdict) in self.ends and (verdict != "ok" or out == text)


OK = ("succeeded", "ok")


def quick(_, number):
    return f"{number}\n", f"print({number})", {"cache": False}


def slow(random, number):
    seconds = round(random.uniform(0.3, 3.0), 2)
    return f"{number}\n", f"import time; time.sleep({seconds}); print({number})", {"cache": False}


def equal(random, number):
    """Joined while one of them runs, from the cache afterwards; new ones every 50 tasks."""
    which = number // 50 * 10 + random.randrange(3)
    return f"{which}\n", f"import time; time.sleep(0.3); print({which})", {}


def retried(_, number):
    return "", f"import sys; sys.exit({number % 3 + 1})", {
        "cache": False, "max_retries": 2, "retry_on": ["nonzero_exit"]}


def failing(_, number):
    return "", f"raise ValueError({number})", {"cache": False}


def endless(_, number):
    return "", f"while {number}: pass", {"cache": False, "max_retries": 0,
                                         "limits": {"wall_ms": 1_000}}


def cancelled(_, number):
    return f"{number}\n", f"import time; time.sleep(1); print({number})", {"cache": False}


KINDS = [
    Kind("quick", 50, quick, frozenset([OK])),
    Kind("slow", 18, slow, frozenset([OK])),
    Kind("equal", 12, equal, frozenset([OK])),
    Kind("retried", 6, retried, frozenset([("dead", "nonzero_exit")])),
    Kind("failing", 6, failing, frozenset([("failed", "nonzero_exit")])),
    Kind("endless", 3, endless, frozenset([("dead", "wall_timeout"), ("failed", "wall_timeout")])),
    Kind("cancelled", 5, cancelled, frozenset([("cancelled", "cancelled"), ("cancelled", "none"), OK]),
         cancelled=True),
]
