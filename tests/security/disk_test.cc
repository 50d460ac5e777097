// Disk: room and names. What comes out of a hostile /box/out is tested in tests/sandbox
// (collector_test), file by file.
#include "tests/security/battery.h"

namespace kiln::sandbox {
namespace {

using model::LimitHit;
using model::Verdict;

void with_artifacts(CellRequest& r) { r.collect_file_bytes = model::kMB; }

const std::vector<Attack> kDisk = {
    {.name = "FillsTheBox",
     .code = KILN_FILL("/box/x"),
     .output = "ENOSPC\n",
     .hits = {LimitHit::disk}},
    {.name = "AMillionFiles",
     .code = R"(
import errno, os
try:
    for n in range(1_000_000): os.close(os.open(f'/tmp/{n}', os.O_CREAT))
except OSError as e: print(n < 5000, errno.errorcode[e.errno])
)",
     .output = "True ENOSPC\n",
     .hits = {LimitHit::inodes}},
    {.name = "AMillionDirectoriesDeep",
     .code = R"(
import errno, os
try:
    while True:
        os.mkdir('d')
        os.chdir('d')
except OSError as e: print(errno.errorcode[e.errno])
)",
     .output = "ENOSPC\n",
     .hits = {LimitHit::inodes},
     .tune =
         [](CellRequest& r) {
           r.limits.box_inodes = 2'000;
           with_artifacts(r);
         }},
    {.name = "SparseFiles",
     .code = R"(
import errno, os
os.truncate(os.open('out/x', os.O_CREAT | os.O_RDWR), 90 << 20)
try: os.truncate('out/x', 1 << 40)
except OSError as e: print(errno.errorcode[e.errno])
)",
     .output = "EFBIG\n",
     .tune = with_artifacts},
    {.name = "SpecialFilesAsArtifacts",
     .code = R"(
import os, socket, stat
os.mkfifo('out/fifo')
socket.socket(socket.AF_UNIX).bind('out/socket')
os.symlink('/etc/passwd', 'out/link')
os.symlink('/proc/1/root', 'out/root')
open('x', 'w').write('x'); os.link('x', 'out/hard')
try: os.mknod('out/device', stat.S_IFCHR | 0o666, os.makedev(1, 3))
except PermissionError: print('no device')
os.mkdir('out/closed'); os.chmod('out/closed', 0)
for name in b'a\nb', b'x' * 255, b'\xff\xfe', b'-rf':
    open(b'out/' + name, 'w').close()
)",
     .output = "no device\n",
     .tune = with_artifacts},
    {.name = "MakesItsDirectoriesUnusable",
     .code = R"(
import os
for path in '/tmp', '/dev/shm':
    try: os.chmod(path, 0)
    except OSError as e: print(e.strerror)
os.chmod('/box', 0)
)",
     .output = "Operation not permitted\nOperation not permitted\n"},
    {.name = "Quotas",
     .code = R"(
import os
# The longest name, the most names in one directory, holes and renames on top of one another.
for n in range(1000): os.rename(os.open and open(f'/tmp/{n}', 'w').name, '/tmp/' + 'x' * 255)
print(len(os.listdir('/tmp')))
)",
     .output = "1\n"},
};
KILN_ATTACKS(Disk, kDisk);

}  // namespace
}  // namespace kiln::sandbox
