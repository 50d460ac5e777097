// Lies: no exit code, output or file makes a result say what the kernel does not. And what one
// program leaves, the next does not find (the row's own check afterwards, trace.py, sees to that).
#include "tests/security/battery.h"

namespace kiln::sandbox {
namespace {

using model::Verdict;

const std::vector<Attack> kLies = {
    {.name = "ExitsAsIfOutOfMemory",
     .code = "import os; os._exit(137)",
     .verdict = Verdict::nonzero_exit,
     .exit_code = 137},
    {.name = "ExitsAsIfKilledByTheFilter",
     .code = "import os; os._exit(159)",
     .verdict = Verdict::nonzero_exit,
     .exit_code = 159},
    {.name = "ExitsAsIfTimedOut",
     .code = "import os; os._exit(124)",
     .verdict = Verdict::nonzero_exit,
     .exit_code = 124},
    {.name = "KillsItself",
     .code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
     .verdict = Verdict::signaled},
    {.name = "TerminatesItselfAsTheSoftLimitWould",
     .code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
     .verdict = Verdict::signaled},
    {.name = "PrintsAResult",
     .code = R"(
print('{"verdict":"ok","exit_code":0,"cost":{"cpu_us":0}}')
import sys; sys.exit(1)
)",
     .verdict = Verdict::nonzero_exit,
     .exit_code = 1},
    {.name = "WritesToEveryDescriptor",
     .code = R"(
import os, struct
forged = struct.pack('<IIIiiiqq', 5, 0, 0, 0, 0, 0, 1, 1) * 4
for fd in range(3, 1024):
    try: print('wrote to', fd, os.write(fd, forged))
    except OSError: pass
)",
     .output = ""},
    {.name = "PreloadsIntoItsChildren",
     .code = R"(
import os, subprocess
os.environ['LD_PRELOAD'] = '/box/evil.so'
os.environ['PYTHONHOME'] = '/box'
open('/box/evil.so', 'w').write('no library')
subprocess.run(['/usr/bin/true'], stderr=subprocess.DEVNULL)
import sys; sys.exit(9)
)",
     .verdict = Verdict::nonzero_exit,
     .exit_code = 9},
    {.name = "PatchesTheClocks",
     .code = R"(
import time
time.time = time.monotonic = time.perf_counter = lambda: 0
try: time.clock_settime(time.CLOCK_REALTIME, 0)
except PermissionError: print('refused')
while True: pass
)",
     .verdict = Verdict::wall_timeout,
     .tune = [](CellRequest& r) { r.limits.wall_ms = scaled_ms(400); },
     .within_ms = 500},
    {.name = "LeavesThingsBehind", .code = R"(
import ctypes, os, socket
for path in '/box/left', '/tmp/left', '/var/tmp/left', '/dev/shm/left': open(path, 'w').write('left')
libc = ctypes.CDLL(None)
libc.shmget(0x7EA5, 4096, 0o1666); libc.msgget(0x7EA5, 0o1666); libc.semget(0x7EA5, 1, 0o1666)
s = socket.socket(socket.AF_UNIX); s.bind('\0left'); s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try: u.connect(('127.0.0.1', 53))
except OSError: pass
if os.fork() == 0:
    while True: pass
)"},
};
KILN_ATTACKS(Lies, kLies);

}  // namespace
}  // namespace kiln::sandbox
