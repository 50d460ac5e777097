// The blobs of the tenants: takes their chunks, checks the hash of what is whole, hands them out,
// and makes room. All that it knows is in the store; it writes through the journal, one chunk at a
// time, and answers once that is on disk.
//
// A blob becomes complete with its last chunk, after everything before it was read back and hashed
// with it: what is kept is what was promised, and what is not is dropped. That reading goes a chunk
// at a time, with other work in between.
//
// A submission that refers to blobs comes through here: it goes on to the queue if they are there.
// They are pinned then, as everything is that was just sent or asked for, so that no room is made
// with them before the task is stored.
#include <deque>
#include <map>

#include "actors/actor.h"
#include "actors/answers.h"
#include "actors/effect_router.h"
#include "core/blobs.h"

namespace kiln::actors {
namespace {

constexpr size_t kMaxWaitingChunks = 64;
constexpr size_t kMaxEvicted = 1'000;  // blobs, to make room for one
constexpr size_t kMaxPins = 100'000;

using Key = std::pair<std::string, Sha256>;
Key key_of(const BlobRequest& request) { return {request.tenant, request.blob.sha256}; }

// A last chunk, and how far what comes before it is hashed.
struct Check {
  BlobRequest request;
  Sha256Hasher hash;
  uint64_t hashed = 0;
};

struct BlobsState {
  static inline const char* name = "blobs";
  BlobsActor::stateful_pointer<BlobsState> self = nullptr;
  SharedReader reader;
  uint64_t space = core::kDefaultBlobSpace;
  BrokerWiring wiring;
  std::deque<BlobRequest> puts;  // one after the other
  bool writing = false;          // a put is with the journal, or being checked
  std::optional<Check> check;
  std::map<Key, WallTime> pins;
  // Made while one message is handled, sent at its end.
  AnswerBatch to_clients;
  EffectBatch to_workers;

  static WallTime now() { return real_now().wall; }

  // --- what is asked

  void take(BlobRequests& batch) {
    for (BlobRequest& request : batch.requests) {
      if (request.what == BlobRequest::What::get) {
        get(request);
      } else if (puts.size() >= kMaxWaitingChunks) {
        refuse(request, busy_error("many chunks of blobs wait for the disk"));
      } else {
        puts.push_back(std::move(request));
      }
    }
    go_on();
  }

  void go_on() {
    while (!writing && !puts.empty()) {
      BlobRequest request = std::move(puts.front());
      puts.pop_front();
      put(std::move(request));
    }
    flush();
  }

  void flush() {
    if (!to_clients.answers.empty()) caf::anon_send(wiring.link, std::exchange(to_clients, {}));
    if (!to_workers.effects.empty()) caf::anon_send(wiring.link, std::exchange(to_workers, {}));
  }

  // --- out

  void get(const BlobRequest& request) {
    auto found = reader->find_blob(request.tenant, request.blob.sha256);
    if (!found) return refuse(request, std::move(found).error());
    if (!*found || !(*found)->state.complete) return refuse(request, no_such_blob(request));
    auto bytes = reader->read_blob(request.tenant, request.blob.sha256, request.offset);
    if (!bytes) return refuse(request, std::move(bytes).error());
    if (*bytes == nullptr) {
      return refuse(request, field_error("offset", "no chunk of the blob begins there",
                                         "Chunks begin at multiples of 1048576 below the size"));
    }
    answer(request, (*found)->state, **bytes);
  }

  static Error no_such_blob(const BlobRequest& request) {
    return Error{ErrorCode::not_found, "there is no blob " + to_hex(request.blob.sha256), "sha256",
                 "", "Put it first"};
  }

  // --- in

  void put(BlobRequest request) {
    auto found = reader->find_blob(request.tenant, request.blob.sha256);
    if (!found) return refuse(request, std::move(found).error());
    const std::optional<store::StoredBlob>& stored = *found;
    const auto known = stored ? std::optional(stored->state) : std::nullopt;
    const core::Chunk chunk{request.blob, request.offset, request.data.size()};
    const auto takes = core::takes_chunk(known, chunk);
    if (!takes) return refuse(request, takes.error());
    pin(key_of(request));
    if (!*takes) return answer(request, known.value_or(model::BlobState{request.blob}), "");
    if (core::is_last(chunk)) {
      writing = true;
      check.emplace(Check{std::move(request), {}, 0});
      return check_more();
    }
    model::Writes writes;
    if (!stored) {
      auto room = make_room(request);
      if (!room) return refuse(request, std::move(room).error());
      writes = *std::move(room);
    }
    store(std::move(request), std::move(writes), false);
  }

  // Before the last chunk is stored: one chunk of what is there, or the end.
  void check_more() {
    BlobRequest& request = check->request;
    if (check->hashed < request.offset) {
      auto bytes = reader->read_blob(request.tenant, request.blob.sha256, check->hashed);
      if (!bytes) return give_up(std::move(bytes).error());
      if (*bytes == nullptr) {
        return give_up(Error{ErrorCode::corrupt, "a chunk of the blob is missing", "", "", ""});
      }
      check->hash.add(**bytes);
      check->hashed += (*bytes)->size();
      return caf::anon_send(caf::actor_cast<BlobsActor>(self), StepAtom::value);
    }
    check->hash.add(request.data);
    const bool good = check->hash.finish() == request.blob.sha256;
    BlobRequest done = std::move(request);
    check.reset();
    good ? store_last(std::move(done)) : drop(std::move(done));
  }

  void give_up(const Error& error) {
    refuse(check->request, error);
    check.reset();
    writing = false;
  }

  void step() {
    if (!check) return;
    check_more();
    go_on();
  }

  void store_last(BlobRequest request) {
    model::Writes writes;
    if (request.offset == 0) {  // its only chunk
      auto room = make_room(request);
      if (!room) {
        writing = false;
        return refuse(request, std::move(room).error());
      }
      writes = *std::move(room);
    }
    store(std::move(request), std::move(writes), true);
  }

  void store(BlobRequest request, model::Writes writes, bool last) {
    model::BlobState state{request.blob, request.offset + request.data.size(), last};
    auto bytes = std::make_shared<const std::string>(std::exchange(request.data, {}));
    writes.emplace_back(model::PutBlobChunk{request.tenant, request.blob, request.offset,
                                            std::move(bytes), last, now()});
    commit(std::move(writes), [this, request = std::move(request), state](const auto& error) {
      error ? refuse(request, *error) : answer(request, state, "");
    });
  }

  // What was sent is not what its hash says: it can only be sent again from the start.
  void drop(BlobRequest request) {
    request.data.clear();
    model::Writes writes;
    writes.emplace_back(model::DeleteBlob{request.tenant, request.blob.sha256});
    commit(std::move(writes), [this, request = std::move(request)](const auto& error) {
      refuse(request, error ? *error
                            : field_error("sha256", "what was sent has another hash",
                                          "Compute it again, and send the blob from its start"));
    });
  }

  template <class Then>
  void commit(model::Writes writes, Then then) {
    writing = true;
    self->request(wiring.journal, caf::infinite, CommitBatch{std::move(writes)})
        .then([this, then](const CommitDone& done) { committed(done.error, then); },
              [this, then](const caf::error& error) {
                committed(Error{ErrorCode::internal, "the journal ended", "",
                                self->system().render(error), ""},
                          then);
              });
  }

  template <class Then>
  void committed(const std::optional<Error>& error, const Then& then) {
    writing = false;
    if (error) to_queue(core::ProbeStore{});  // it mends a store that failed
    then(error ? std::optional(busy_error(error->text())) : std::nullopt);
    go_on();
  }

  // --- room

  // The writes that make it. Error: busy.
  Result<model::Writes> make_room(const BlobRequest& request) {
    auto usage = reader->blob_usage(request.tenant);
    if (!usage) return std::move(usage).error();
    model::Writes writes;
    uint64_t taken = core::blob_room(usage->bytes + request.blob.size, usage->blobs + 1);
    if (taken <= space) return writes;
    auto unused = reader->unused_blobs(request.tenant, now() - core::kBlobGrace, kMaxEvicted);
    if (!unused) return std::move(unused).error();
    for (const store::StoredBlob& one : *unused) {
      const model::BlobRef& blob = one.state.blob;
      if (is_pinned({request.tenant, blob.sha256})) continue;
      writes.emplace_back(model::DeleteBlob{request.tenant, blob.sha256});
      taken -= core::blob_room(blob.size, 1);
      if (taken <= space) return writes;
    }
    return Error{ErrorCode::too_large,
                 "there is no room for " + std::to_string(request.blob.size) +
                     " more bytes: the tenant's blobs may take " + std::to_string(space),
                 "size", "tasks refer to the blobs that are there, or they were used lately",
                 "Delete tasks that are done, or raise --blob-space"};
  }

  void pin(const Key& key) {
    if (pins.size() >= kMaxPins) {
      std::erase_if(pins, [](const auto& one) { return one.second < now() - core::kBlobGrace; });
    }
    if (pins.size() < kMaxPins) pins[key] = now();
  }

  bool is_pinned(const Key& key) const {
    const auto pinned = pins.find(key);
    return pinned != pins.end() && pinned->second >= now() - core::kBlobGrace;
  }

  // --- submissions

  void submit(core::Submit& command) {
    for (const core::Submission& one : command.tasks) {
      for (const model::BlobRef& blob : one.blobs) {
        if (Status there = is_there(one.row.tenant, blob); !there) {
          const net::ErrorReply refusal{command.client.rid, there.error()};
          to_clients.answers.push_back({command.client, encode_answer(refusal)});
          return flush();
        }
      }
    }
    to_queue(std::move(command));
  }

  void to_queue(core::Command command) {
    CommandBatch batch;
    batch.commands.push_back(std::move(command));
    caf::anon_send(wiring.queue, std::move(batch));
  }

  Status is_there(const std::string& tenant, const model::BlobRef& blob) {
    auto found = reader->find_blob(tenant, blob.sha256);
    if (!found) return std::move(found).error();
    const bool whole = *found && (*found)->state.complete && (*found)->state.blob == blob;
    if (!whole) {
      return Error{ErrorCode::not_found, "there is no blob " + to_hex(blob.sha256), "files",
                   *found ? "it is not complete, or has another size" : "", "Put it first"};
    }
    pin({tenant, blob.sha256});
    return {};
  }

  // --- answers

  void answer(const BlobRequest& request, const model::BlobState& state, std::string data) {
    if (const auto* worker = std::get_if<InstanceId>(&request.from)) {
      return tell(*worker, model::BlobOk{request.rid, state, std::move(data)});
    }
    net::Ok ok;
    ok.rid = request.rid;
    ok.blob = state;
    if (request.what == BlobRequest::What::get) ok.data = std::move(data);
    const auto& client = std::get<core::ClientRef>(request.from);
    to_clients.answers.push_back({client, encode_answer(std::move(ok))});
  }

  void refuse(const BlobRequest& request, Error error) {
    if (const auto* worker = std::get_if<InstanceId>(&request.from)) {
      return tell(*worker, model::BlobError{request.rid, std::move(error)});
    }
    const auto& client = std::get<core::ClientRef>(request.from);
    to_clients.answers.push_back(
        {client, encode_answer(net::ErrorReply{request.rid, std::move(error)})});
  }

  void tell(const InstanceId& worker, model::ToWorker message) {
    to_workers.effects.emplace_back(core::Send{worker, std::move(message)});
  }
};

BlobsActor::behavior_type blobs(BlobsActor::stateful_pointer<BlobsState> self, SharedReader reader,
                                uint64_t space) {
  end_on_failure(self, "blobs");
  self->state.self = self;
  self->state.reader = std::move(reader);
  self->state.space = space;
  return {
      [=](const BrokerWiring& wiring) { self->state.wiring = wiring; },
      [=](BlobRequests& batch) { self->state.take(batch); },
      [=](SubmitWithBlobs& submit) { self->state.submit(submit.command); },
      [=](StepAtom) { self->state.step(); },
  };
}

}  // namespace

BlobsActor spawn_blobs(caf::actor_system& system, SharedReader reader, uint64_t space) {
  return system.spawn(blobs, std::move(reader), space);
}

}  // namespace kiln::actors
