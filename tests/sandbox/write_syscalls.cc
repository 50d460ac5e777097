// sandbox_write_syscalls FILE: writes what the filter answers, after a change of the policy. Read
// the difference before you commit it.
#include <cstdio>
#include <fstream>

#include "tests/sandbox/syscall_table.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: sandbox_write_syscalls tests/security/syscalls.txt\n", stderr);
    return 2;
  }
  std::ofstream file(argv[1]);
  file << kiln::sandbox::syscall_table();
  return file.flush() ? 0 : 1;
}
