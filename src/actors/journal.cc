// The journal: the only user of the store, on a thread of its own because a commit waits for the
// disk. It commits what it is given, one batch at a time; the queue sends the next batch, with all
// that came meanwhile, once this one is answered. That is group commit without waiting for company.
//
// After an error that does not leave the store usable (store.h: an io_error, or a commit whose
// outcome is not known) nothing more is accepted from the open store: Reload closes it and opens it
// anew, and what that reads shows what became of the batch.
#include "actors/actor.h"

namespace kiln::actors {
namespace {

struct JournalState {
  static inline const char* name = "journal";
  std::unique_ptr<store::Store> store;
  StoreOpener open;
  BrokerInsight insight;
  bool broken = false;

  CommitDone commit(const model::Writes& writes) {
    if (!store) return {Error{ErrorCode::io_error, "the store is closed", "", "", ""}};
    const MonoTime begin = real_now().mono;
    insight.readiness->commit_begins(begin);
    const Status status = store->commit(writes);
    const MonoTime end = real_now().mono;
    insight.readiness->commit_ends(!status.ok(), end);
    insight.counted->committed(end - begin, writes.size());
    if (status.ok()) return {};
    broken = broken || !store::stays_usable(status.error().code);
    log::failure(log::Level::error, "a commit failed", status.error());
    return {status.error()};
  }

  Status reopen() {
    if (store && !broken) return {};
    store.reset();  // frees the data directory's lock first
    auto opened = open();
    if (!opened) return std::move(opened).error();
    store = std::move(opened).value();
    broken = false;
    return {};
  }

  Loaded reload(const Reload& wanted) {
    Loaded loaded;
    const auto refuse = [&](Error error) {
      broken = broken || !store::stays_usable(error.code);
      Loaded failed;
      failed.error = std::move(error);
      return failed;
    };
    if (Status status = reopen(); !status.ok()) return refuse(status.error());
    // open_boot commits, so it also proves that the store can.
    auto boot = store->open_boot();
    if (!boot) return refuse(std::move(boot).error());
    loaded.boot = *boot;
    if (Status read = read_into(loaded, wanted); !read.ok()) return refuse(read.error());
    return loaded;
  }

  Status read_into(Loaded& loaded, const Reload& wanted) {
    Status read =
        store->load_live([&](model::TaskRow row) { loaded.rows.push_back(std::move(row)); });
    if (!read.ok()) return read;
    read = store->load_queues(
        [&](model::QueueSettings one) { loaded.queues.push_back(std::move(one)); });
    if (!read.ok()) return read;
    read = store->load_cached(wanted.cached_since, wanted.max_cached,
                              [&](model::TaskRow row) { loaded.cached.push_back(std::move(row)); });
    if (!read.ok()) return read;
    auto dead = store->count_dead();
    if (!dead) return std::move(dead).error();
    loaded.dead = std::move(dead).value();
    return {};
  }
};

JournalActor::behavior_type journal(JournalActor::stateful_pointer<JournalState> self,
                                    std::shared_ptr<std::unique_ptr<store::Store>> store,
                                    StoreOpener open, BrokerInsight insight) {
  end_on_failure(self, "journal");
  self->state.store = std::move(*store);
  self->state.open = std::move(open);
  self->state.insight = std::move(insight);
  return {
      [=](CommitBatch& batch) { return self->state.commit(batch.writes); },
      [=](const Reload& wanted) { return self->state.reload(wanted); },
  };
}

}  // namespace

JournalActor spawn_journal(caf::actor_system& system, std::unique_ptr<store::Store> store,
                           StoreOpener open, BrokerInsight insight) {
  // CAF copies what it binds, hence the shared box.
  auto box = std::make_shared<std::unique_ptr<store::Store>>(std::move(store));
  return system.spawn<caf::detached>(journal, std::move(box), std::move(open), std::move(insight));
}

}  // namespace kiln::actors
