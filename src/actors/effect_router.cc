#include "actors/effect_router.h"

#include <type_traits>
#include <utility>

namespace kiln::actors {
namespace {

template <class Command>
concept FromClient = requires(const Command& command) {
  { command.client } -> std::convertible_to<core::ClientRef>;
};

template <class Actor, class Batch, class Items>
void send_if_any(const Actor& actor, Batch& batch, Items Batch::*items) {
  if ((batch.*items).empty()) return;
  caf::anon_send(actor, std::exchange(batch, Batch{}));
}

}  // namespace

const core::ClientRef* client_of(const core::Command& command) {
  return std::visit(
      []<class Command>(const Command& one) -> const core::ClientRef* {
        if constexpr (FromClient<Command>) return &one.client;
        return nullptr;
      },
      command);
}

Error busy_error(std::string cause) {
  return {ErrorCode::busy, "the broker cannot take this request now", "", std::move(cause),
          "send it again in a second"};
}

void EffectRouter::route(core::Effects effects) {
  for (core::Effect& effect : effects) {
    std::visit([this](auto& one) { route_one(std::move(one)); }, effect);
  }
}

void EffectRouter::reply(const core::ClientRef& client, Error error) {
  route_one(core::Reply{client, std::move(error)});
}

void EffectRouter::flush() {
  send_if_any(wiring_.streams, streams_, &StreamBatch::news);
  send_if_any(wiring_.retry, retry_, &ScheduleBatch::schedules);
  send_if_any(wiring_.link, link_, &EffectBatch::effects);
  send_if_any(wiring_.dead_letter, dead_, &DeadBatch::rows);
  send_if_any(wiring_.telemetry, telemetry_, &FactBatch::facts);
  send_if_any(wiring_.blobs, blobs_, &BlobRequests::requests);
}

void EffectRouter::route_one(core::Publish publish) {
  watches_.note(publish.news);
  const auto* ended = std::get_if<core::TaskEnded>(&publish.news);
  if (ended && ended->row.state == model::TaskState::dead) dead_.rows.push_back(ended->row);
  streams_.news.push_back(std::move(publish.news));
}
void EffectRouter::route_one(core::Schedule schedule) { retry_.schedules.push_back(schedule); }
void EffectRouter::route_one(core::Count count) { telemetry_.facts.emplace_back(std::move(count)); }
void EffectRouter::route_one(core::Waited waited) {
  telemetry_.facts.emplace_back(std::move(waited));
}
void EffectRouter::route_one(core::AttemptEnded ended) {
  telemetry_.facts.emplace_back(std::move(ended));
}
void EffectRouter::route_one(core::WorkerGone gone) {
  telemetry_.facts.emplace_back(std::move(gone));
}
void EffectRouter::route_one(core::WorkerBlob wanted) {
  BlobRequest request;
  request.from = wanted.worker;
  request.tenant = std::move(wanted.tenant);
  if (auto* store = std::get_if<model::StoreBlob>(&wanted.wanted)) {
    request.what = BlobRequest::What::put;
    request.rid = store->rid;
    request.blob = store->blob;
    request.offset = store->offset;
    request.data = std::move(store->data);
  } else {
    const auto& fetch = std::get<model::FetchBlob>(wanted.wanted);
    request.rid = fetch.rid;
    request.blob.sha256 = fetch.sha256;
    request.offset = fetch.offset;
  }
  blobs_.requests.push_back(std::move(request));
}
void EffectRouter::route_one(core::Send send) { link_.effects.emplace_back(std::move(send)); }
void EffectRouter::route_one(core::Cancel cancel) { link_.effects.emplace_back(cancel); }
void EffectRouter::route_one(core::Reply reply) { link_.effects.emplace_back(std::move(reply)); }
// The outbox keeps these for itself.
void EffectRouter::route_one(core::Persist /*persist*/) {}

}  // namespace kiln::actors
