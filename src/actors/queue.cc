// The queue: owns the scheduler, which holds all task state, and the outbox, which lets nothing be
// told before it is stored. It turns messages into commands and effects into messages, and decides
// nothing itself.
//
// One commit is under way at a time; what is written meanwhile goes with the next. When a commit
// fails the scheduler is ahead of the store: all that waited for the commit is dropped, its clients
// are told `busy`, and the scheduler is loaded anew under a new boot number, which also proves that
// the store can commit again. Until that succeeds clients are told `busy`; workers are not answered
// and say hello again once they are.
//
// When another actor is started anew, what it had been told is told again: due times to retry,
// watched tasks to streams; a commit under way with a journal that ended counts as failed.
#include "actors/actor.h"
#include "actors/broker_sample.h"
#include "actors/effect_router.h"
#include "actors/watches.h"
#include "core/outbox.h"
#include "core/scheduler.h"

namespace kiln::actors {
namespace {

constexpr Duration kReloadPause = std::chrono::seconds(1);
constexpr Duration kLongestSleep = std::chrono::seconds(1);
// Effects, and bytes of programs and results, that wait for the store; above either clients are
// told to try again.
constexpr size_t kMaxWaitingEffects = 200'000;
constexpr size_t kMaxWaitingBytes = size_t{256} << 20U;

struct QueueState {
  static inline const char* name = "queue";
  QueueActor::stateful_pointer<QueueState> self = nullptr;
  SharedReader reader;
  core::CacheOptions cache;
  BrokerInsight insight;
  BrokerWiring wiring;
  EffectRouter router;
  std::optional<core::Scheduler> scheduler;  // nothing: not loaded
  core::Outbox outbox;
  Alarm alarm;
  std::string store_error = "its tasks are being read";  // why nothing is loaded
  bool loading = false;
  bool stopping = false;

  // --- the others

  void wire(const BrokerWiring& now) {
    const bool new_retry = wiring.retry && wiring.retry != now.retry;
    const bool new_streams = wiring.streams && wiring.streams != now.streams;
    wiring = now;
    router.wire(now);
    if (!scheduler) return;
    if (new_retry) carry_out(scheduler->schedules());
    if (new_streams) watch_again();
    after_work();
  }

  void watch_again() {
    for (core::Command& command : router.watches().again()) {
      carry_out(scheduler->apply(std::move(command), real_now()));
    }
  }

  // --- commands

  void take(CommandBatch& batch) {
    {
      const store::ReadTogether lookups(*reader);
      for (core::Command& command : batch.commands) take(std::move(command));
    }
    after_work();
  }

  void take(core::Command command) {
    if (!scheduler) return refuse(command, store_error);
    if (stopping) return refuse(command, "it is stopping");
    const bool full =
        outbox.waiting_effects() > kMaxWaitingEffects || outbox.waiting_bytes() > kMaxWaitingBytes;
    if (full && client_of(command)) {
      return refuse(command, "its store does not keep up");
    }
    if (look_up_known(command)) carry_out(scheduler->apply(std::move(command), real_now()));
  }

  // A client that chose its task's id may be repeating itself after the task ended.
  bool look_up_known(core::Command& command) {
    auto* submit = std::get_if<core::Submit>(&command);
    if (!submit) return true;
    for (core::Submission& submission : submit->tasks) {
      if (!submission.chosen_id || scheduler->find(submission.row.id)) continue;
      auto found = reader->find_task(submission.row.id);
      if (!found) {
        router.reply(submit->client, std::move(found).error());
        return false;
      }
      submission.known = std::move(*found);
    }
    return true;
  }

  void refuse(const core::Command& command, std::string cause) {
    const core::ClientRef* client = client_of(command);
    if (client) router.reply(*client, busy_error(std::move(cause)));
  }

  // --- effects

  void carry_out(core::Effects effects) { router.route(outbox.push(std::move(effects))); }

  void after_work() {
    router.flush();
    start_commit();
    set_alarm();
    if (stopping && outbox.idle()) self->quit();
  }

  void start_commit() {
    auto batch = outbox.take_batch();
    if (!batch) return;
    self->request(wiring.journal, caf::infinite, CommitBatch{std::move(*batch)})
        .then([this](CommitDone& done) { commit_ended(done); },
              [this](const caf::error& error) { commit_failed(journal_is_gone(error)); });
  }

  // Whether the batch is stored is not known; loading shows.
  Error journal_is_gone(const caf::error& error) {
    return {ErrorCode::internal, "the journal ended", "", self->system().render(error), ""};
  }

  void commit_ended(const CommitDone& done) {
    if (done.error) return commit_failed(*done.error);
    core::Outbox::Committed committed = outbox.committed();
    scheduler->committed(committed.persists);
    router.route(std::move(committed.ready));
    after_work();
  }

  void commit_failed(const Error& error) {
    for (const core::Effect& effect : outbox.failed()) {
      const auto* reply = std::get_if<core::Reply>(&effect);
      if (reply) router.reply(reply->client, busy_error(error.text()));
    }
    for (const core::ClientRef& client : scheduler->waiting_clients()) {
      router.reply(client, busy_error(error.text()));
    }
    router.flush();
    store_error = error.text();
    insight.readiness->fails(kStorePart, "it cannot commit");
    scheduler.reset();
    if (stopping) return self->quit();
    load();
  }

  // --- loading

  void load() {
    if (loading) return;
    ask_to_load([this](Loaded& loaded) { load_ended(loaded); });
  }

  template <class Then>
  void ask_to_load(Then then) {
    loading = true;
    const size_t max_cached = cache.max_bytes / core::kCacheEntryBytes;
    const Reload reload{real_now().wall - cache.ttl, max_cached};
    self->request(wiring.journal, caf::infinite, reload)
        .then(
            [this, then](Loaded& loaded) mutable {
              loading = false;
              then(loaded);
            },
            [this, then](const caf::error& error) mutable {
              loading = false;
              Loaded failed;
              failed.error = journal_is_gone(error);
              then(failed);
            });
  }

  void load_ended(Loaded& loaded) {
    if (stopping) return self->quit();
    if (loaded.error) {
      log::failure(log::Level::error, "the store cannot be used; trying again", *loaded.error);
      insight.readiness->fails(kStorePart, "it cannot be used");
      alarm.set(self, real_now().mono + kReloadPause);
      return;
    }
    start_scheduler(loaded);
    caf::anon_send(wiring.streams, WatchAgain{});
    after_work();
  }

  void start_scheduler(Loaded& loaded) {
    core::SchedulerOptions options;
    options.boot = loaded.boot.boot;
    options.last_seq = loaded.boot.last_seq;
    options.cache = cache;
    scheduler.emplace(options, seeded_random());
    for (model::QueueSettings& queue : loaded.queues) scheduler->load_queue(std::move(queue));
    for (const auto& [queue, dead] : loaded.dead) scheduler->load_dead_letters(queue, dead);
    for (const model::TaskRow& row : loaded.cached) scheduler->load_cached(row);
    for (model::TaskRow& row : loaded.rows) scheduler->load(std::move(row));
    carry_out(scheduler->finish_load(real_now()));
    insight.readiness->works(kStorePart);
    log::info("tasks are loaded",
              {{"boot", loaded.boot.boot}, {"live_tasks", scheduler->live_tasks()}});
  }

  caf::result<LoadDone> load_first() {
    auto promise = self->make_response_promise<LoadDone>();
    ask_to_load([this, promise](Loaded& loaded) mutable {
      LoadDone done{loaded.error, loaded.rows.size()};
      load_ended(loaded);
      promise.deliver(std::move(done));
    });
    return promise;
  }

  // --- time

  void set_alarm() {
    const MonoTime now = real_now().mono;
    const auto deadline = scheduler ? scheduler->next_deadline() : std::nullopt;
    alarm.set(self, std::min(deadline.value_or(now + kLongestSleep), now + kLongestSleep));
  }

  void tick() {
    if (!alarm.ring()) return;
    insight.readiness->moved(real_now().mono);
    if (!scheduler) {
      if (!stopping) load();
      return;
    }
    carry_out(scheduler->tick(real_now()));
    after_work();
  }

  // --- for metrics

  Sample sample() const {
    if (!scheduler) return {};
    return {sample_of(*scheduler, real_now().wall)};
  }

  void stop() {
    stopping = true;
    if (loading) return;  // load_ended ends it
    if (!scheduler) return self->quit();
    after_work();
  }
};

QueueActor::behavior_type queue(QueueActor::stateful_pointer<QueueState> self, SharedReader reader,
                                core::CacheOptions cache, BrokerInsight insight) {
  end_on_failure(self, "queue");
  self->state.self = self;
  self->state.reader = std::move(reader);
  self->state.cache = cache;
  self->state.insight = std::move(insight);
  return {
      [=](const BrokerWiring& wiring) { self->state.wire(wiring); },
      [=](LoadFirst&) { return self->state.load_first(); },
      [=](CommandBatch& batch) { self->state.take(batch); },
      [=](SampleRequest&) { return self->state.sample(); },
      [=](TickAtom) { self->state.tick(); },
      [=](StopAtom) { self->state.stop(); },
  };
}

}  // namespace

QueueActor spawn_queue(caf::actor_system& system, SharedReader reader, core::CacheOptions cache,
                       BrokerInsight insight) {
  return system.spawn(queue, std::move(reader), cache, std::move(insight));
}

}  // namespace kiln::actors
