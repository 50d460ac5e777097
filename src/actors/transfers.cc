// Transfers: brings the blobs that tasks need, and takes those of their results to the broker.
// core::BlobTransfers decides what is sent when; this actor checks hashes, keeps what was fetched
// lately, and tells the executor when all that a task waits for is here, or there.
#include <map>
#include <set>

#include "actors/actor.h"
#include "actors/blob_cache.h"
#include "core/blob_transfers.h"

namespace kiln::actors {
namespace {

struct TransfersState {
  static inline const char* name = "transfers";
  TransfersActor::stateful_pointer<TransfersState> self = nullptr;
  WorkerWiring wiring;
  core::BlobTransfers transfers;
  BlobCache cache{kBlobCacheBytes};
  Alarm alarm;
  // What a task waits for, and what has come of it.
  struct Fetch {
    std::set<model::BlobRef> missing;
    BlobsFetched result;
  };
  struct Store {
    std::set<model::BlobRef> missing;
    BlobsStored result;
  };
  std::map<model::LeaseRef, Fetch> fetches;
  std::map<model::LeaseRef, Store> stores;
  BlobMessages messages;  // made while one message is handled, sent at its end

  static MonoTime now() { return real_now().mono; }

  // A new executor knows of no task, a new session has no leases.
  void wire(const WorkerWiring& now_wired) {
    const WorkerWiring before = std::exchange(wiring, now_wired);
    const bool new_executor = before.executor && before.executor != wiring.executor;
    const bool new_session = before.session && before.session != wiring.session;
    if (new_executor || new_session) drop_all();
  }

  void drop_all() {
    transfers = {};
    fetches.clear();
    stores.clear();
  }

  void fetch(const FetchBlobs& wanted) {
    Fetch& job = fetches[wanted.lease];
    job.result.lease = wanted.lease;
    for (const model::BlobRef& blob : wanted.blobs) {
      if (auto kept = cache.find(blob)) {
        job.result.blobs[blob.sha256] = std::move(kept);
      } else if (job.missing.insert(blob).second) {
        carry_out(transfers.fetch(wanted.lease, blob, now()));
      }
    }
    end_if_done(wanted.lease, job);
    after_work();
  }

  void store(StoreBlobs& wanted) {
    Store& job = stores[wanted.lease];
    job.result.lease = wanted.lease;
    for (auto& [blob, bytes] : wanted.blobs) {
      job.missing.insert(blob);
      carry_out(transfers.store(wanted.lease, blob, std::move(bytes), now()));
    }
    after_work();
  }

  void drop(const DropBlobs& wanted) {
    if (!wanted.lease) {
      drop_all();
    } else {
      fetches.erase(*wanted.lease);
      stores.erase(*wanted.lease);
      carry_out(transfers.drop(*wanted.lease, now()));
    }
    after_work();
  }

  void take(const BlobAnswers& batch) {
    for (const model::ToWorker& answer : batch.answers) {
      if (const auto* ok = std::get_if<model::BlobOk>(&answer)) {
        carry_out(transfers.answered(*ok, now()));
      } else if (const auto* error = std::get_if<model::BlobError>(&answer)) {
        carry_out(transfers.answered(*error, now()));
      }
    }
    after_work();
  }

  void tick() {
    if (!alarm.ring()) return;
    carry_out(transfers.tick(now()));
    after_work();
  }

  void after_work() {
    if (!messages.messages.empty()) caf::anon_send(wiring.session, std::exchange(messages, {}));
    if (transfers.size() > 0) alarm.set(self, transfers.next_deadline());
  }

  void carry_out(core::TransferEffects effects) {
    for (core::TransferEffect& effect : effects) {
      std::visit([this](auto& one) { act(one); }, effect);
    }
  }

  void act(core::TellBroker& tell) { messages.messages.push_back(std::move(tell.message)); }

  void act(core::BlobFetched& fetched) {
    const auto job = fetches.find(fetched.lease);
    if (job == fetches.end()) return;
    if (sha256(*fetched.bytes) != fetched.blob.sha256) {
      job->second.result.error =
          Error{ErrorCode::corrupt, "the blob " + to_hex(fetched.blob.sha256) + " came damaged",
                "files", "", "Put it again"};
    }
    cache.put(fetched.blob, fetched.bytes);
    job->second.result.blobs[fetched.blob.sha256] = std::move(fetched.bytes);
    job->second.missing.erase(fetched.blob);
    end_if_done(fetched.lease, job->second);
  }

  void act(const core::BlobStored& stored) { settle(stored.lease, stored.blob, std::nullopt); }

  void act(const core::BlobFailed& failed) {
    if (const auto job = fetches.find(failed.lease); job != fetches.end()) {
      job->second.result.error = failed.error;
      job->second.missing.erase(failed.blob);
      return end_if_done(failed.lease, job->second);
    }
    settle(failed.lease, failed.blob, failed.error);
  }

  void settle(const model::LeaseRef& lease, const model::BlobRef& blob,
              const std::optional<Error>& error) {
    const auto job = stores.find(lease);
    if (job == stores.end()) return;
    job->second.missing.erase(blob);
    if (error) job->second.result.refused.emplace(blob.sha256, *error);
    if (!job->second.missing.empty()) return;
    caf::anon_send(wiring.executor, std::move(job->second.result));
    stores.erase(job);
  }

  // The first error ends it: the task cannot start.
  void end_if_done(const model::LeaseRef& lease, Fetch& job) {
    if (!job.missing.empty() && !job.result.error) return;
    const model::LeaseRef ended = lease;
    caf::anon_send(wiring.executor, std::move(job.result));
    fetches.erase(ended);
    carry_out(transfers.drop(ended, now()));
  }
};

TransfersActor::behavior_type transfers(TransfersActor::stateful_pointer<TransfersState> self) {
  end_on_failure(self, "transfers");
  self->state.self = self;
  return {
      [=](const WorkerWiring& wiring) { self->state.wire(wiring); },
      [=](const FetchBlobs& wanted) { self->state.fetch(wanted); },
      [=](StoreBlobs& wanted) { self->state.store(wanted); },
      [=](const DropBlobs& wanted) { self->state.drop(wanted); },
      [=](const BlobAnswers& batch) { self->state.take(batch); },
      [=](TickAtom) { self->state.tick(); },
  };
}

}  // namespace

TransfersActor spawn_transfers(caf::actor_system& system) { return system.spawn(transfers); }

}  // namespace kiln::actors
