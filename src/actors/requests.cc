#include "actors/requests.h"

namespace kiln::actors {
namespace {

constexpr const char* kServerName = "kiln " KILN_VERSION;

Request command_of(net::StatusOf&& message, core::ClientRef client) {
  return core::QueryStatus{std::move(client), message.id};
}
Request command_of(net::ResultOf&& message, core::ClientRef client) {
  return core::QueryResult{std::move(client), message.id,
                           std::chrono::milliseconds(message.wait_ms)};
}
Request command_of(net::Cancel&& message, core::ClientRef client) {
  return core::CancelTask{std::move(client), message.id};
}
Request command_of(net::Subscribe&& message, core::ClientRef client) {
  return core::Subscribe{std::move(client), message.id, message.offset};
}
Request command_of(net::Unsubscribe&& message, core::ClientRef client) {
  return core::Unsubscribe{std::move(client), message.id};
}
Request command_of(net::List&& message, core::ClientRef client) {
  return core::QueryList{std::move(client), std::move(message.queue), message.state,
                         message.before_seq, message.limit};
}
Request command_of(net::Queues&& /*message*/, core::ClientRef client) {
  return core::QueryQueues{std::move(client)};
}
Request command_of(net::Workers&& /*message*/, core::ClientRef client) {
  return core::QueryWorkers{std::move(client)};
}
Request command_of(net::Ping&& /*message*/, core::ClientRef /*client*/) {
  net::Ok ok;
  ok.server = kServerName;
  return ok;
}

}  // namespace

uint64_t rid_of(const net::FromClient& message) {
  return std::visit([](const auto& one) { return one.rid; }, message);
}

Request Requests::make(net::FromClient message, const std::string& route,
                       const net::Identity& sender, WallTime now) {
  core::ClientRef client{route, rid_of(message), sender.tenant};
  if (auto* submit = std::get_if<net::Submit>(&message)) {
    std::vector<model::TaskSpec> specs;
    specs.push_back(std::move(submit->task));
    return make_submit(std::move(client), std::move(specs), submit->watch, "task", now);
  }
  if (auto* batch = std::get_if<net::SubmitBatch>(&message)) {
    return make_submit(std::move(client), std::move(batch->tasks), false, "tasks", now);
  }
  return std::visit(
      [&]<class M>(M& one) -> Request {
        if constexpr (std::is_same_v<M, net::Submit> || std::is_same_v<M, net::SubmitBatch>) {
          return Error{};  // handled above
        } else {
          return command_of(std::move(one), std::move(client));
        }
      },
      message);
}

Request Requests::make_submit(core::ClientRef client, std::vector<model::TaskSpec> specs,
                              bool watch, const std::string& field, WallTime now) {
  auto made = submissions_.make(std::move(specs), client.tenant, field, now);
  if (!made) return std::move(made).error();
  return core::Submit{std::move(client), std::move(made).value(), watch};
}

}  // namespace kiln::actors
