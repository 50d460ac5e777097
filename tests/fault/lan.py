"""Machines on one machine: network namespaces, each with an address on one bridge, and cables that can
be cut. For a process that has a network, a mount and a process namespace of its own (see again_inside):
all of it goes when that process ends."""

import os
import subprocess
import sys

NETWORK = "10.78.0"
BRIDGE = "lan"
CABLE = "eth0"
NOWHERE = "02:00:00:00:00:ff"  # a hardware address that nobody has
NAMES = "/run/netns"  # where ip(8) keeps them; here a file system of our own is over it


def again_inside(arguments):
    """This program again, in new namespaces, to its end: the shell there is process 1 and takes up
    the orphans. Returns its exit code."""
    return subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child",
         "/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, *arguments], check=False).returncode


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Lan:
    def __init__(self):
        os.makedirs(NAMES, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "kiln-test", NAMES], check=True)
        ip("link", "set", "lo", "up")
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        self.addresses = {}

    def add(self, name):
        """A machine; returns its address."""
        address = f"{NETWORK}.{len(self.addresses) + 1}"
        self.addresses[name] = address
        ip("netns", "add", name)
        ip("link", "add", name, "type", "veth", "peer", "name", CABLE, "netns", name)
        ip("link", "set", name, "master", BRIDGE, "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "addr", "add", f"{address}/24", "dev", CABLE)
        ip("-n", name, "link", "set", CABLE, "up")
        return address

    @staticmethod
    def on(name, command):
        """The command line that runs this command there. (`ip netns exec` would mount another /sys,
        one without control groups.)"""
        return ["nsenter", f"--net={NAMES}/{name}", "--", *command]

    @staticmethod
    def cut(name):
        """Both ways, and neither end is told: the cable leaves the bridge."""
        ip("link", "set", name, "nomaster")

    @staticmethod
    def mend(name):
        ip("link", "set", name, "master", BRIDGE)

    def cut_one_way(self, sender, receiver):
        """What the sender sends there goes to a hardware address that nobody has."""
        ip("-n", sender, "neigh", "replace", self.addresses[receiver], "lladdr", NOWHERE, "dev", CABLE,
           "nud", "permanent")

    def mend_one_way(self, sender, receiver):
        ip("-n", sender, "neigh", "del", self.addresses[receiver], "dev", CABLE)
