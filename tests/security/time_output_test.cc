// Time and output: whoever does not end is ended, and what is printed decides nothing.
#include "tests/security/battery.h"

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;

constexpr int64_t kShortMs = 400;
constexpr int64_t kPromptMs = kShortMs + 100;  // by then it must be dead

void short_wall(CellRequest& r) { r.limits.wall_ms = scaled_ms(kShortMs); }
void short_cpu(CellRequest& r) { r.limits.cpu_ms = kShortMs; }

const std::vector<Attack> kTime = {
    {.name = "Spins",
     .code = "while True: pass",
     .verdict = Verdict::wall_timeout,
     .hits = {LimitHit::wall},
     .tune = short_wall,
     .within_ms = kPromptMs},
    {.name = "SpinsPastItsCpuTime",
     .code = "while True: pass",
     .verdict = Verdict::cpu_timeout,
     .hits = {LimitHit::cpu},
     .tune = short_cpu},
    {.name = "Sleeps",
     .code = "import time; time.sleep(1000)",
     .verdict = Verdict::wall_timeout,
     .hits = {LimitHit::wall},
     .tune = short_wall,
     .within_ms = kPromptMs},
    {.name = "IgnoresEverySignal",
     .code = R"(
import signal, time
for n in range(1, 65):
    try: signal.signal(n, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(1000)
)",
     .verdict = Verdict::wall_timeout,
     .tune =
         [](CellRequest& r) {
           r.limits.soft_ms = scaled_ms(kShortMs) / 2;
           short_wall(r);
         },
     .within_ms = kPromptMs},
    {.name = "StopsItself",
     .code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
     .verdict = Verdict::wall_timeout,
     .tune = short_wall,
     .within_ms = kPromptMs},
    {.name = "WorkOfChildrenThatNobodyWaitsFor",
     .code = R"(
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(1000):
    try:
        if os.fork() == 0:
            until = time.process_time() + 0.02
            while time.process_time() < until: pass
            os._exit(0)
    except OSError: pass
    time.sleep(0.021)
)",
     .verdict = Verdict::cpu_timeout,
     .hits = {LimitHit::cpu},
     .tune = short_cpu},
    {.name = "WorkOfThreads",
     .code = R"(
import hashlib, threading
def work():
    while True: hashlib.sha256(bytes(1 << 20))
for _ in range(4): threading.Thread(target=work).start()
)",
     .verdict = Verdict::cpu_timeout,
     .hits = {LimitHit::cpu},
     .tune = short_cpu},
    {.name = "RealTimePriority",
     .code = R"(
import os
try: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
except PermissionError: print('refused')
try: os.setpriority(os.PRIO_PROCESS, 0, -20)
except PermissionError: print('refused')
)",
     .output = "refused\nrefused\n"},
};
KILN_ATTACKS(Time, kTime);

const std::vector<Attack> kOutput = {
    {.name = "FloodsBothStreams",
     .code = R"(
import os
while True:
    os.write(1, b'flood ' * 1000)
    os.write(2, b'flood ' * 1000)
)",
     .verdict = Verdict::output_limit,
     .hits = {LimitHit::output},
     .tune = [](CellRequest& r) { r.limits.output_bytes = 100'000; }},
    {.name = "OneEndlessLine",
     .code = "import os\nwhile True: os.write(1, b'x' * 4096)",
     .verdict = Verdict::output_limit,
     .output = std::string(1000, 'x'),
     .tune = [](CellRequest& r) { r.limits.output_bytes = 1'000; }},
    {.name = "BytesThatAreNoText",
     .code = R"(import os; os.write(1, b'a\0b\xff\xfe\xc3(\xed\xa0\x80\r\n\x1b[2J'))",
     .output = std::string("a\0b\xff\xfe\xc3(\xed\xa0\x80\r\n\x1b[2J", 16)},
    {.name = "ACharacterInPieces",
     .code = R"(
import os, time
for byte in '\u20ac'.encode():
    os.write(1, bytes([byte]))
    time.sleep(0.02)
)",
     .output = "\xe2\x82\xac"},
    {.name = "ClosesItsOutputAndSpins",
     .code = "import os\nos.close(1); os.close(2)\nwhile True: pass",
     .verdict = Verdict::wall_timeout,
     .output = "",
     .tune = short_wall,
     .within_ms = kPromptMs},
    {.name = "AGrandchildKeepsThePipe",
     .code = R"(
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
    os._exit(0)
os.wait()
print('end', flush=True)
os._exit(5)
)",
     .verdict = Verdict::nonzero_exit,
     .output = "end\n",
     .exit_code = 5,
     .within_ms = 1'000},
    {.name = "ADaemonThatWritesLater",
     .code = R"(
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
        time.sleep(0.3)
        while True:
            os.write(1, b'late')
            open('/tmp/late', 'a').write('late')
    os._exit(0)
os.wait()
print('done')
)",
     .output = "done\n",
     .within_ms = 1'000},
};
KILN_ATTACKS(Output, kOutput);

}  // namespace
}  // namespace kiln::sandbox
