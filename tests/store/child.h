// Work in a process of its own, for what the test's process must not do or survive.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace kiln::store {

// Runs `work` in a forked child and returns what it returned ("" = all well), or how the child
// ended if it did not return.
std::string run_in_child(const std::function<std::string()>& work);

// In a child: a file system of `bytes` in memory mounted on `directory`, seen by this process only
// (mount_namespaces(7)). Returns "" or what failed.
std::string mount_private_tmpfs(const std::string& directory, size_t bytes);

}  // namespace kiln::store
