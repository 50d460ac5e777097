"""What the nemesis does: each kind of fault, what it needs for itself meanwhile, and how it is mended."""

import dataclasses
import signal
import typing

import harness

FULL_DEADLINE = 30.0  # seconds until a client must have been told that the disk is full


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str  # as in the report
    place: str  # broker, node or client: no two faults at one place at once
    seconds: tuple  # its least and greatest length
    begin: typing.Callable  # (cluster, place) -> what mends it
    kills: bool = False


def kill(cluster, service):
    service.kill()
    return service.start


def pause(cluster, service):
    service.signal(signal.SIGSTOP)
    return lambda: service.signal(signal.SIGCONT)


def kill_launcher(cluster, node):
    """Its monitor starts another."""
    pid = node.signal_launcher(signal.SIGKILL)
    return lambda: harness.wait_until(lambda: node.launcher() not in (None, pid),
                                      f"{node.name} to start another launcher")


def pause_launcher(cluster, node):
    pid = node.signal_launcher(signal.SIGSTOP)
    return lambda: harness.os.kill(pid, signal.SIGCONT)


def cut(cluster, machine):
    cluster.lan.cut(machine.name)
    return lambda: cluster.lan.mend(machine.name)


def cut_client(cluster, _):
    cluster.lan.cut("client")
    return lambda: cluster.lan.mend("client")


def cut_to_broker(cluster, node):
    cluster.lan.cut_one_way(node.name, "broker")
    return lambda: cluster.lan.mend_one_way(node.name, "broker")


def cut_from_broker(cluster, node):
    cluster.lan.cut_one_way("broker", node.name)
    return lambda: cluster.lan.mend_one_way("broker", node.name)


def fill_disk(cluster, _):
    """Until a client was told so; the clients help with large programs."""
    def told():
        return sum(len(client.lines("full")) for client in cluster.clients)
    before = told()
    cluster.disk.fill()
    try:
        for client in cluster.clients:
            client.tell("big")
        harness.wait_until(lambda: told() > before, "a client to be told that the disk is full",
                           FULL_DEADLINE)
    finally:
        for client in cluster.clients:
            client.tell("small")
    return cluster.disk.make_room


# Heartbeats are a second apart, and three seconds of silence lose a worker its leases: the longer
# half of these lengths does.
SHORT = (0.3, 3.0)
LONG = (0.5, 7.0)

FAULTS = [
    Fault("kill broker", "broker", SHORT, kill, kills=True),
    Fault("kill worker", "node", SHORT, kill, kills=True),
    Fault("kill launcher", "node", SHORT, kill_launcher, kills=True),
    Fault("pause broker", "broker", LONG, pause),
    Fault("pause worker", "node", LONG, pause),
    Fault("pause launcher", "node", LONG, pause_launcher),
    Fault("cut both ways", "node", LONG, cut),
    Fault("cut to broker", "node", LONG, cut_to_broker),
    Fault("cut from broker", "node", LONG, cut_from_broker),
    Fault("cut client", "client", LONG, cut_client),
    Fault("full disk", "broker and client", (0.2, 1.5), fill_disk),
]
