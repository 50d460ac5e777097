#include "tests/store/fault_vfs.h"

#include <sqlite3.h>

#include <cstring>

namespace kiln::store {
namespace {

// The wrapper's file: SQLite's part, what kind it is, and the real file behind it in memory.
struct WrappedFile {
  sqlite3_file base;
  int kind;
};

FileFaults faults;
sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs wrapper;

WrappedFile* wrapped(sqlite3_file* file) { return reinterpret_cast<WrappedFile*>(file); }
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(wrapped(file) + 1);
}
bool is_log(sqlite3_file* file) { return (wrapped(file)->kind & SQLITE_OPEN_WAL) != 0; }

int close_file(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
int read_file(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, size, at);
}
int write_file(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
  ++faults.writes;
  if (is_log(f) && faults.fail_log_writes) return SQLITE_IOERR_WRITE;
  return real(f)->pMethods->xWrite(real(f), from, size, at);
}
int truncate_file(sqlite3_file* f, sqlite3_int64 size) {
  return real(f)->pMethods->xTruncate(real(f), size);
}
int sync_file(sqlite3_file* f, int flags) {
  ++faults.syncs;
  if (is_log(f) ? faults.fail_log_syncs : faults.fail_database_syncs) return SQLITE_IOERR_FSYNC;
  return real(f)->pMethods->xSync(real(f), flags);
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
int lock_file(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int unlock_file(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int check_lock(sqlite3_file* f, int* held) {
  return real(f)->pMethods->xCheckReservedLock(real(f), held);
}
int control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int sector_size(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int traits(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

constexpr sqlite3_io_methods kMethods = {
    2,         close_file,  read_file,  write_file, truncate_file, sync_file, file_size,
    lock_file, unlock_file, check_lock, control,    sector_size,   traits,    shm_map,
    shm_lock,  shm_barrier, shm_unmap,  nullptr,    nullptr};

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  wrapped(file)->kind = flags;
  const int code = real_vfs->xOpen(real_vfs, name, real(file), flags, out_flags);
  file->pMethods = real(file)->pMethods == nullptr ? nullptr : &kMethods;
  return code;
}

}  // namespace

FileFaults& file_faults() {
  static const bool installed = [] {
    real_vfs = sqlite3_vfs_find(nullptr);
    wrapper = *real_vfs;
    wrapper.zName = "kiln-faults";
    wrapper.szOsFile = real_vfs->szOsFile + static_cast<int>(sizeof(WrappedFile));
    wrapper.xOpen = open_file;
    return sqlite3_vfs_register(&wrapper, 1) == SQLITE_OK;
  }();
  (void)installed;
  return faults;
}

}  // namespace kiln::store
