"""Whether a process' memory grows without end: its resident set, each second, and a line through that."""

import json
import statistics
import threading

PERIOD = 1.0  # seconds between samples
SETTLED = 0.5  # of the samples, the first part, while allocators and caches fill, does not count
# Over the rest, whichever is more: so the longer the run, the slower a leak it finds.
MOST_GROWTH = 0.05  # of its size
SLACK_KIB = 2_048  # of a small process


def resident_kib(pid):
    """None if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmRSS:")), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def slope(samples):
    """KiB a second, by least squares over (second, KiB)."""
    return statistics.linear_regression(*zip(*samples)).slope


class Memory:
    """Samples in a thread of its own, while the block runs."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.samples = {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _sample(self):
        processes = self.cluster.processes()
        second = 0
        while not self.over.wait(PERIOD):
            second += 1
            for name, pid in processes.items():
                if (kib := resident_kib(pid)) is not None:
                    self.samples.setdefault(name, []).append((second, kib))

    def report(self):
        """Prints a line for each; whether all are steady."""
        with open("memory.json", "w", encoding="ascii") as file:
            json.dump(self.samples, file)
        steady = bool(self.samples)
        for name, samples in self.samples.items():
            settled = samples[int(len(samples) * SETTLED):]
            per_second = slope(settled)
            growth = per_second * len(settled)
            most = max(MOST_GROWTH * settled[0][1], SLACK_KIB)
            steady = steady and growth <= most
            print(f"{name}: {samples[0][1]} KiB, then {samples[-1][1]} KiB; over the last "
                  f"{len(settled)} s {60 * per_second:+.1f} KiB/min, {growth:+.0f} KiB in all "
                  f"(at most {most:.0f})")
        return steady
