#include "cli/artifact_writer.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "cli/out_directory.h"
#include "net/codec.h"

namespace kiln::cli {
namespace {

constexpr size_t kPiece = 64 * 1024;
constexpr std::string_view kDone = "done";

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

// To the end of what the other side sends.
std::string receive_all(int socket) {
  std::string out;
  std::array<char, kPiece> piece{};
  while (out.size() <= net::kMaxMessageBytes) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(piece.data(), static_cast<size_t>(got));
  }
  return out;
}

Status write_encoded(const OutDirectory& directory, const std::string& bytes) {
  const auto result = net::decode_result(bytes);
  if (!result) return result.error();
  return directory.write_all(result->artifacts);
}

[[noreturn]] void serve(const OutDirectory& directory, const UniqueFd& socket) {
  ::prctl(PR_SET_NAME, "kiln-out");
  const std::string bytes = receive_all(socket.get());
  if (bytes.empty()) ::_exit(0);  // there is nothing to write
  const Status status = write_encoded(directory, bytes);
  send_all(socket.get(), status ? kDone : status.error().text());
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<ArtifactWriter>> ArtifactWriter::fork_for(const std::string& path) {
  const auto directory = OutDirectory::open(path);
  if (!directory) return directory.error();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error(ErrorCode::internal, "make a socket pair", errno);
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error(ErrorCode::internal, "fork the writer of artifacts", errno);
  if (pid == 0) {
    ours.reset();
    serve(*directory, theirs);
  }
  return std::unique_ptr<ArtifactWriter>(new ArtifactWriter(pid, std::move(ours)));
}

ArtifactWriter::~ArtifactWriter() {
  // Other children may hold our end, too: closing it would not be the end of what it reads.
  ::shutdown(socket_.get(), SHUT_RDWR);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status ArtifactWriter::write(const model::TaskResult& result) {
  model::TaskResult only;
  only.artifacts = result.artifacts;
  if (only.artifacts.empty()) return {};
  send_all(socket_.get(), net::encode_result(only));
  ::shutdown(socket_.get(), SHUT_WR);
  const std::string answer = receive_all(socket_.get());
  if (answer == kDone) return {};
  return Error{ErrorCode::io_error,
               answer.empty() ? "the process that writes the artifacts has died" : answer, "", "",
               ""};
}

}  // namespace kiln::cli
