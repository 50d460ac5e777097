// Memory and processes: whoever takes too much is told so, or ends, alone.
#include "tests/security/battery.h"

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;

const std::vector<Attack> kMemory = {
    {.name = "Heap",
     .code = "hoard = []\nwhile True: hoard.append(bytearray(b'x' * (1 << 20)))",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
    {.name = "EightChildrenShareOneLimit",
     .code = R"(
import os, time
for _ in range(8):
    if os.fork() == 0:
        hoard = bytearray(b'x' * (12 << 20))
        time.sleep(1000)
while True: os.wait()
)",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
    {.name = "Tmp", .code = KILN_FILL("/tmp/x"), .output = "ENOSPC\n", .hits = {LimitHit::disk}},
    {.name = "SharedMemoryDirectory",
     .code = KILN_FILL("/dev/shm/x"),
     .output = "ENOSPC\n",
     .hits = {LimitHit::disk}},
    {.name = "TmpfsBeyondTheMemoryLimit",
     .code = "open('/tmp/x', 'wb').write(bytes(100 << 20))",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory},
     .tune = [](CellRequest& r) { r.limits.tmp_bytes = 256 * model::kMB; }},
    {.name = "MemoryFile",
     .code = R"(
import os
fd = os.memfd_create('x')
while True: os.write(fd, bytes(1 << 20))
)",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
    {.name = "SystemVSharedMemory",
     .code = R"(
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
for _ in range(64):
    at = libc.shmat(libc.shmget(0, 4 << 20, 0o600), None, 0)
    ctypes.memset(at, 1, 4 << 20)
)",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
    {.name = "SocketBuffers",
     .code = R"(
import socket
kept = []
while True:
    pair = socket.socketpair()
    kept.append(pair)
    pair[0].setblocking(False)
    try:
        while True: pair[0].send(bytes(1 << 16))
    except BlockingIOError: pass
)",
     .verdict = Verdict::nonzero_exit,  // its 1024 descriptors end first, at some 200 KB a pair
     .tune = [](CellRequest& r) { r.limits.memory_bytes = 512 * model::kMB; }},
    {.name = "SocketBuffersCount",
     .code = R"(
import socket
kept = []
while True:
    pair = socket.socketpair()
    kept.append(pair)
    pair[0].setblocking(False)
    try:
        while True: pair[0].send(bytes(1 << 16))
    except BlockingIOError: pass
)",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
    {.name = "PageTables",
     .code = R"(
import ctypes, mmap
# Pages that are only read share one page of zeros; the tables that say so do not.
size = 1 << 38
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, -1, 0)
libc.madvise(ctypes.c_void_p(at), ctypes.c_size_t(size), 15)
for offset in range(0, size, 2 << 20): ctypes.c_char.from_address(at + offset).value
)",
     .verdict = Verdict::memory_limit,
     .hits = {LimitHit::memory}},
};
KILN_ATTACKS(Memory, kMemory);

const std::vector<Attack> kProcesses = {
    {.name = "ForkBomb",
     .code = R"(
import os
while True:
    try: os.fork()
    except OSError: pass
)",
     .verdict = Verdict::wall_timeout,
     .hits = {LimitHit::processes},
     .tune = [](CellRequest& r) { r.limits.wall_ms = scaled_ms(500); },
     .within_ms = 1'500},
    {.name = "ThreadBomb",
     .code = R"(
import threading, time
count = 1
try:
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        count += 1
except RuntimeError as e: print(count, e, flush=True)
import os
os._exit(3)
)",
     .verdict = Verdict::nonzero_exit,
     .output = "16 can't start new thread\n",
     .exit_code = 3,
     .hits = {LimitHit::processes}},
    {.name = "Zombies",
     .code = R"(
import errno, os
for count in range(10_000):
    try:
        if os.fork() == 0: os._exit(0)
    except OSError as e:
        print(count, errno.errorcode[e.errno])
        break
)",
     .output = "15 EAGAIN\n",
     .hits = {LimitHit::processes}},
    {.name = "ZombiesThatTheInitMustReap",
     .code = R"(
import errno, os, time
reaped = 0
for _ in range(10_000):
    try:
        if os.fork() == 0:
            os.fork()
            os._exit(0)
        os.wait()
        reaped += 1
    except OSError as e: time.sleep(0.001)
print('done', reaped > 1000)
)",
     .output = "done True\n",
     .tune = [](CellRequest& r) { r.limits.wall_ms = scaled_ms(30'000); },
     .within_ms = 30'000},
    {.name = "StoppedChildren",
     .code = R"(
import os, signal
for _ in range(10):
    if os.fork() == 0:
        for n in range(1, 65):
            try: signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError): pass
        os.kill(os.getpid(), signal.SIGSTOP)
print('left')
)",
     .output = "left\n"},
};
KILN_ATTACKS(Processes, kProcesses);

}  // namespace
}  // namespace kiln::sandbox
