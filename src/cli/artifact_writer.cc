#include "cli/artifact_writer.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "model/result.h"
#include "net/codec.h"

namespace kiln::cli {
namespace {

// A message to the writer is one piece of one artifact, encoded as a result that has nothing else.
constexpr size_t kMaxPieceMessage = model::kBlobChunkBytes + 4'096;
constexpr size_t kMaxAnswer = 64 * 1024;
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

// Up to `size` bytes; less at the end of what the other side sends.
std::string receive(int socket, size_t size) {
  std::string out(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::recv(socket, out.data() + have, size - have, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

// Nothing at the end of what is sent.
std::optional<std::string> receive_message(int socket) {
  uint32_t size = 0;
  const std::string length = receive(socket, sizeof size);
  if (length.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, length.data(), sizeof size);
  return receive(socket, std::min<size_t>(size, kMaxPieceMessage));
}

Status put_encoded(OutDirectory& directory, const std::string& message) {
  const auto result = net::decode_result(message);
  if (!result) return result.error();
  for (const model::Artifact& artifact : result->artifacts) {
    if (Status s = directory.put({artifact.path, artifact.size, artifact.bytes}); !s) return s;
  }
  return {};
}

[[noreturn]] void serve(OutDirectory& directory, const UniqueFd& socket) {
  ::prctl(PR_SET_NAME, "kiln-out");
  Status first;
  while (const auto message = receive_message(socket.get())) {
    Status status = put_encoded(directory, *message);
    if (!status && first) first = std::move(status);
  }
  send_all(socket.get(), first ? kDone : first.error().text());
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<ArtifactWriter>> ArtifactWriter::fork_for(const std::string& path) {
  auto directory = OutDirectory::open(path);
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

Status ArtifactWriter::put(const FilePiece& piece) {
  model::TaskResult only;
  only.artifacts.push_back({std::string(piece.path), piece.size, std::string(piece.bytes)});
  const std::string message = net::encode_result(only);
  const auto size = static_cast<uint32_t>(message.size());
  std::string length(sizeof size, '\0');
  std::memcpy(length.data(), &size, sizeof size);
  if (send_all(socket_.get(), length) && send_all(socket_.get(), message)) return {};
  return dead();
}

Status ArtifactWriter::finish() {
  ::shutdown(socket_.get(), SHUT_WR);
  const std::string answer = receive(socket_.get(), kMaxAnswer);
  if (answer == kDone) return {};
  return answer.empty() ? dead() : Error{ErrorCode::io_error, answer, "", "", ""};
}

Error ArtifactWriter::dead() {
  return {ErrorCode::io_error, "the process that writes the artifacts has died", "", "", ""};
}

}  // namespace kiln::cli
