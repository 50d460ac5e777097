"""Whether a process' memory grows without end: its resident set, each second, and a line through that."""

import json
import statistics
import threading

PERIOD = 1.0  # seconds between samples
SETTLED = 0.5  # of the samples, the first part, while allocators and caches fill, does not count
MOST_KIB_PER_MINUTE = 256.0


def resident_kib(pid):
    """None if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmRSS:")), None)
    except (FileNotFoundError, ProcessLookupError):
        return None


def slope(samples):
    """KiB a minute, by least squares over (second, KiB)."""
    return statistics.linear_regression(*zip(*samples)).slope * 60


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
            growth = slope(settled)
            steady = steady and growth <= MOST_KIB_PER_MINUTE
            print(f"{name}: {samples[0][1]} KiB, then {samples[-1][1]} KiB; {growth:+.1f} KiB/min over "
                  f"the last {len(settled)} s (at most {MOST_KIB_PER_MINUTE:g})")
        return steady
