// The blobs that a worker fetches and stores for the tasks it holds, chunk by chunk. Pure; the
// transfers actor feeds it answers and time and sends what it wants sent. One owner.
//
// Messages may be lost, and the broker may be away: what is not answered is asked again, for as
// long as the task is held. A store begins with a question, so what the broker has is not sent.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/worker_messages.h"

namespace kiln::core {

inline constexpr size_t kMaxTransfers = 4;  // at once; each has one chunk under way
inline constexpr Duration kBlobAnswerTime = std::chrono::seconds(5);

struct TellBroker {
  model::FromWorker message;
};
struct BlobFetched {  // its hash is still to be checked
  model::LeaseRef lease;
  model::BlobRef blob;
  model::Bytes bytes;
};
struct BlobStored {
  model::LeaseRef lease;
  model::BlobRef blob;
};
struct BlobFailed {
  model::LeaseRef lease;
  model::BlobRef blob;
  Error error;
};
using TransferEffect = std::variant<TellBroker, BlobFetched, BlobStored, BlobFailed>;
using TransferEffects = std::vector<TransferEffect>;

class BlobTransfers {
 public:
  TransferEffects fetch(const model::LeaseRef& lease, const model::BlobRef& blob, MonoTime now);
  // `bytes` is the whole blob.
  TransferEffects store(const model::LeaseRef& lease, const model::BlobRef& blob,
                        model::Bytes bytes, MonoTime now);
  // Nothing of the lease is told any more.
  TransferEffects drop(const model::LeaseRef& lease, MonoTime now);
  TransferEffects answered(const model::BlobOk& answer, MonoTime now);
  TransferEffects answered(const model::BlobError& answer, MonoTime now);
  TransferEffects tick(MonoTime now);
  // When tick() must be called at the latest; a century ahead when nothing is under way.
  MonoTime next_deadline() const;

  size_t size() const { return transfers_.size(); }

 private:
  struct Transfer {
    model::LeaseRef lease;
    model::BlobRef blob;
    model::Bytes bytes;  // to store; null: to fetch
    std::string fetched;
    uint64_t offset = 0;
    bool asks = false;  // a store: how much is there
    uint64_t rid = 0;   // of its last message; 0: it has not begun
    MonoTime asked_at{};
  };

  TransferEffects add(Transfer transfer, MonoTime now);
  void begin_waiting(MonoTime now, TransferEffects& out);
  void ask(Transfer& transfer, MonoTime now, TransferEffects& out);
  void took(Transfer& transfer, const model::BlobOk& answer, MonoTime now, TransferEffects& out);
  void took_chunk(Transfer& transfer, const model::BlobOk& answer, MonoTime now,
                  TransferEffects& out);
  void end(const Transfer& transfer, TransferEffect how, MonoTime now, TransferEffects& out);
  Transfer* find(uint64_t rid);

  std::deque<Transfer> transfers_;  // the first kMaxTransfers are under way
  uint64_t last_rid_ = 0;
};

}  // namespace kiln::core
