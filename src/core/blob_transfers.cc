#include "core/blob_transfers.h"

#include <algorithm>
#include <utility>

namespace kiln::core {
namespace {

constexpr MonoTime kNever{std::chrono::hours(24 * 365 * 100)};

// The broker cannot at the moment: asked again later.
bool passes(ErrorCode code) {
  return code == ErrorCode::busy || code == ErrorCode::timeout || code == ErrorCode::unavailable;
}

Error cut_short() {
  return Error{ErrorCode::malformed, "the broker sent another chunk than was asked for", "", "",
               ""};
}

}  // namespace

TransferEffects BlobTransfers::fetch(const model::LeaseRef& lease, const model::BlobRef& blob,
                                     MonoTime now) {
  Transfer transfer;
  transfer.lease = lease;
  transfer.blob = blob;
  return add(std::move(transfer), now);
}

TransferEffects BlobTransfers::store(const model::LeaseRef& lease, const model::BlobRef& blob,
                                     model::Bytes bytes, MonoTime now) {
  Transfer transfer;
  transfer.lease = lease;
  transfer.blob = blob;
  transfer.bytes = std::move(bytes);
  transfer.asks = true;
  return add(std::move(transfer), now);
}

TransferEffects BlobTransfers::add(Transfer transfer, MonoTime now) {
  TransferEffects out;
  transfers_.push_back(std::move(transfer));
  begin_waiting(now, out);
  return out;
}

TransferEffects BlobTransfers::drop(const model::LeaseRef& lease, MonoTime now) {
  TransferEffects out;
  std::erase_if(transfers_, [&](const Transfer& one) { return one.lease == lease; });
  begin_waiting(now, out);
  return out;
}

void BlobTransfers::begin_waiting(MonoTime now, TransferEffects& out) {
  const size_t active = std::min(kMaxTransfers, transfers_.size());
  for (size_t i = 0; i < active; ++i) {
    if (transfers_[i].rid == 0) ask(transfers_[i], now, out);
  }
}

// Each time under a number of its own: an answer to an earlier one is not taken any more.
void BlobTransfers::ask(Transfer& transfer, MonoTime now, TransferEffects& out) {
  transfer.rid = ++last_rid_;
  transfer.asked_at = now;
  if (transfer.bytes == nullptr) {
    out.emplace_back(TellBroker{
        model::FetchBlob{transfer.rid, transfer.lease, transfer.blob.sha256, transfer.offset}});
    return;
  }
  model::StoreBlob chunk{transfer.rid, transfer.lease, transfer.blob, transfer.offset, ""};
  if (!transfer.asks) {
    const uint64_t size = model::chunk_size(transfer.blob.size, transfer.offset);
    chunk.data = transfer.bytes->substr(transfer.offset, size);
  }
  out.emplace_back(TellBroker{std::move(chunk)});
}

TransferEffects BlobTransfers::answered(const model::BlobOk& answer, MonoTime now) {
  TransferEffects out;
  Transfer* transfer = find(answer.rid);
  if (transfer == nullptr) return out;
  if (transfer->bytes == nullptr) {
    took_chunk(*transfer, answer, now, out);
  } else {
    took(*transfer, answer, now, out);
  }
  return out;
}

void BlobTransfers::took(Transfer& transfer, const model::BlobOk& answer, MonoTime now,
                         TransferEffects& out) {
  if (answer.state.complete) {
    return end(transfer, BlobStored{transfer.lease, transfer.blob}, now, out);
  }
  if (answer.state.received >= transfer.blob.size) {
    return end(transfer, BlobFailed{transfer.lease, transfer.blob, cut_short()}, now, out);
  }
  transfer.asks = false;
  transfer.offset = answer.state.received;
  ask(transfer, now, out);
}

void BlobTransfers::took_chunk(Transfer& transfer, const model::BlobOk& answer, MonoTime now,
                               TransferEffects& out) {
  if (answer.data.size() != model::chunk_size(transfer.blob.size, transfer.offset)) {
    return end(transfer, BlobFailed{transfer.lease, transfer.blob, cut_short()}, now, out);
  }
  transfer.fetched += answer.data;
  transfer.offset += answer.data.size();
  if (transfer.offset < transfer.blob.size) return ask(transfer, now, out);
  auto bytes = std::make_shared<const std::string>(std::move(transfer.fetched));
  end(transfer, BlobFetched{transfer.lease, transfer.blob, std::move(bytes)}, now, out);
}

TransferEffects BlobTransfers::answered(const model::BlobError& answer, MonoTime now) {
  TransferEffects out;
  Transfer* transfer = find(answer.rid);
  if (transfer == nullptr || passes(answer.error.code)) return out;
  end(*transfer, BlobFailed{transfer->lease, transfer->blob, answer.error}, now, out);
  return out;
}

void BlobTransfers::end(const Transfer& transfer, TransferEffect how, MonoTime now,
                        TransferEffects& out) {
  std::erase_if(transfers_, [rid = transfer.rid](const Transfer& one) { return one.rid == rid; });
  out.push_back(std::move(how));
  begin_waiting(now, out);
}

TransferEffects BlobTransfers::tick(MonoTime now) {
  TransferEffects out;
  for (Transfer& transfer : transfers_) {
    if (transfer.rid == 0 || now - transfer.asked_at < kBlobAnswerTime) continue;
    // What is there may have changed: a broker that restarted, an upload that was dropped.
    transfer.asks = transfer.bytes != nullptr;
    ask(transfer, now, out);
  }
  return out;
}

MonoTime BlobTransfers::next_deadline() const {
  MonoTime next = kNever;
  for (const Transfer& transfer : transfers_) {
    if (transfer.rid != 0) next = std::min(next, transfer.asked_at + kBlobAnswerTime);
  }
  return next;
}

BlobTransfers::Transfer* BlobTransfers::find(uint64_t rid) {
  const auto found = std::ranges::find(transfers_, rid, &Transfer::rid);
  return rid == 0 || found == transfers_.end() ? nullptr : &*found;
}

}  // namespace kiln::core
