// The module kiln in the root that programs see: kiln.py, the library behind it and kiln.pth, which
// has every interpreter import it, in each directory where one of the host's Pythons looks for
// packages of the machine (Debian: /usr/local/lib/pythonX.Y/dist-packages).
#pragma once

#include <string>

namespace kiln::sandbox {

// `root` has the host's /usr already and is still writable; `library` is _kiln in memory. What the
// host has in such a directory stays visible (overlayfs, without an upper layer); where the kernel
// has none and the directory is not empty, there is no module kiln. 0 or an errno.
int add_site_packages(const std::string& root, int library);

}  // namespace kiln::sandbox
