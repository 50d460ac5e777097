#include "cli/input_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/fd.h"
#include "cli/task_input.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

Error too_many(const std::string& path) {
  return Error{ErrorCode::too_large,
               "with " + path + " there are more than " + std::to_string(model::kMaxFiles) +
                   " input files, the most that is taken",
               "--file", "", "Pack them into an archive that the program unpacks"};
}

Error not_readable(const fs::path& path, int error_number) {
  const bool theirs = error_number == ENOENT || error_number == ENOTDIR;
  return errno_error(theirs ? ErrorCode::invalid_argument : ErrorCode::io_error,
                     "read the file " + path.string(), error_number);
}

Error not_taken(const fs::path& path, const std::string& what) {
  return field_error("--file", path.string() + " is " + what + ", which is not taken along",
                     "Name the file that is meant by a --file of its own");
}

struct Taken {
  std::vector<model::InputFile>& files;
  std::vector<Upload>& uploads;
};

// Its bytes, or where they are larger than that an upload.
Status add(UniqueFd fd, const fs::path& path, std::string name, Taken& into) {
  if (into.files.size() >= model::kMaxFiles) return too_many(path.string());
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return not_readable(path, errno);
  const bool large =
      S_ISREG(status.st_mode) && static_cast<uint64_t>(status.st_size) > model::kMaxInlineFileBytes;
  const std::string what = "the file " + path.string();
  if (!large) {
    auto bytes = read_input("/proc/self/fd/" + std::to_string(fd.get()), what + " as",
                            model::kMaxInlineFileBytes);
    if (!bytes) return std::move(bytes).error();
    into.files.push_back({std::move(name), std::move(*bytes)});
    return {};
  }
  if (static_cast<uint64_t>(status.st_size) > model::kMaxBlobBytes) return too_large_blob(what);
  auto upload = prepare_upload(std::move(fd), path.string(), what);
  if (!upload) return std::move(upload).error();
  into.files.push_back({std::move(name), "", upload->blob});
  into.uploads.push_back(std::move(*upload));
  return {};
}

// Non-blocking and not through a link: between the listing and here it could have become a FIFO.
Status add_listed(const fs::path& path, std::string name, Taken& into) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return not_readable(path, errno);
  if (!S_ISREG(status.st_mode)) return not_taken(path, "no regular file");
  return add(std::move(fd), path, std::move(name), into);
}

Status read_tree(const fs::path& root, const std::string& prefix, Taken& into) {
  std::error_code error;
  std::vector<fs::path> files;
  for (auto at = fs::recursive_directory_iterator(root, error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::file_status status = at->symlink_status(error);
    if (error) break;
    if (fs::is_symlink(status)) return not_taken(at->path(), "a symbolic link");
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) return not_taken(at->path(), "no regular file");
    files.push_back(at->path());
    if (files.size() > model::kMaxFiles) return too_many(root.string());
  }
  if (error) {
    return errno_error(ErrorCode::io_error, "read the directory " + root.string(), error.value());
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    const std::string name = prefix + file.lexically_relative(root).string();
    if (Status s = add_listed(file, name, into); !s) return s;
  }
  return {};
}

// "data" of "data", "../data/" and "./data".
std::string last_part(const fs::path& path) {
  const fs::path name = path.has_filename() ? path.filename() : path.parent_path().filename();
  return name == "." || name == ".." ? "" : name.string();
}

}  // namespace

Status read_input_files(const std::string& option, std::vector<model::InputFile>& files,
                        std::vector<Upload>& uploads) {
  Taken into{files, uploads};
  const size_t colon = option.rfind(':');
  const std::string path = option.substr(0, colon);
  std::string name = colon == std::string::npos ? last_part(path) : option.substr(colon + 1);
  if (path == "-") return field_error("--file", "--file takes no standard input", "Name a file");
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return not_readable(path, errno);
    return add(std::move(fd), path, std::move(name), into);
  }
  if (name.empty()) {
    return field_error("--file", path + " says no name for the directory in /box",
                       "Write it as " + path + ":NAME, or " + path + ":. for /box itself");
  }
  return read_tree(path, name == "." ? "" : name + "/", into);
}

}  // namespace kiln::cli
