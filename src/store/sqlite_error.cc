#include "store/sqlite_error.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cerrno>

namespace kiln::store {
namespace {

constexpr const char* kRoomHint = "Make room on the disk of the data directory";
constexpr const char* kIoHint =
    "Check the disk, the rights of the data directory and the kernel's log, then start again";
constexpr const char* kDamageHint =
    "Put back a copy of the data directory, or start with an empty one";

int system_errno(const SQLite::Database* database) {
  return database == nullptr ? 0 : sqlite3_system_errno(database->getHandle());
}

// ENOSPC comes as SQLITE_FULL. The shared index of the log (-shm) is rebuilt from the log at need,
// so that it cannot grow loses nothing; its only common cause is a full disk.
bool is_disk_full(int code, int extended, int error_number) {
  if (code == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE) return true;
  return extended == SQLITE_IOERR_WRITE && error_number == EDQUOT;
}

ErrorCode code_of(int code) {
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return ErrorCode::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_TOOBIG:
      return ErrorCode::too_large;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
      return ErrorCode::io_error;
    default:
      return ErrorCode::internal;
  }
}

std::string hint_of(ErrorCode code) {
  if (code == ErrorCode::io_error) return kIoHint;
  if (code == ErrorCode::corrupt) return kDamageHint;
  return "";
}

// SQLite's sentence, its extended code, and errno's text where the system refused something.
std::string cause_of(const SQLite::Exception& exception, int error_number) {
  std::string cause = std::string(exception.what()) + " (SQLite " +
                      std::to_string(exception.getExtendedErrorCode()) + ")";
  if (error_number != 0) cause += ", " + errno_error(ErrorCode::io_error, "", error_number).cause;
  return cause;
}

}  // namespace

Error sqlite_error(const SQLite::Exception& exception, const SQLite::Database* database,
                   const std::string& what) {
  const int error_number = system_errno(database);
  const int extended = exception.getExtendedErrorCode();
  Error error{code_of(exception.getErrorCode()), "cannot " + what, "", "", ""};
  if (is_disk_full(exception.getErrorCode(), extended, error_number)) {
    error.code = ErrorCode::busy;
    error.message += ", the disk is full";
    error.hint = kRoomHint;
  } else {
    error.hint = hint_of(error.code);
  }
  error.cause = cause_of(exception, error.code == ErrorCode::io_error ? error_number : 0);
  return error;
}

Error damaged(std::string what) {
  return Error{ErrorCode::corrupt, std::move(what), "", "", kDamageHint};
}

}  // namespace kiln::store
