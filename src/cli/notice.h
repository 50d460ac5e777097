// Something that happens once, told across threads and to poll(2): an eventfd(2).
#pragma once

#include <sys/eventfd.h>

#include "base/fd.h"

namespace kiln::cli {

class Notice {
 public:
  // The kernel refuses an eventfd only when descriptors run out; fd() is then -1 and nothing wakes.
  Notice() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // From any thread. Stays readable for ever.
  void raise() { eventfd_write(fd_.get(), 1); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace kiln::cli
