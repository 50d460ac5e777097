#include "actors/requests.h"

namespace kiln::actors {
namespace {

constexpr const char* kServerName = "kiln " KILN_VERSION;

Request command_of(net::StatusOf&& message, core::ClientRef client) {
  return core::QueryStatus{std::move(client), message.id, message.history};
}
Request command_of(net::ResultOf&& message, core::ClientRef client) {
  return core::QueryResult{std::move(client), message.id,
                           std::chrono::milliseconds(message.wait_ms), message.history};
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
Request command_of(net::Retry&& message, core::ClientRef client) {
  return core::RetryTask{std::move(client), message.id};
}
Request command_of(net::DeadLetters&& message, core::ClientRef client) {
  return LetterRequest{std::move(client), std::move(message)};
}

Request command_of(net::PutBlob&& message, core::ClientRef client) {
  BlobRequest request;
  request.what = BlobRequest::What::put;
  request.rid = client.rid;
  request.tenant = client.tenant;
  request.blob = message.blob;
  request.offset = message.offset;
  request.data = std::move(message.data);
  request.from = std::move(client);
  return request;
}
// An administrator sees the results of every tenant, and so what they refer to.
Request command_of(net::GetBlob&& message, core::ClientRef client) {
  BlobRequest request;
  request.rid = client.rid;
  request.tenant = client.admin && message.tenant ? *message.tenant : client.tenant;
  request.blob.sha256 = message.sha256;
  request.offset = message.offset;
  request.from = std::move(client);
  return request;
}

core::SetQueue settings_of(net::Admin&& message, core::ClientRef client) {
  core::SetQueue set{std::move(client), std::move(*message.queue), {}, {}, {}, {}, {}};
  set.max_retries = message.max_retries;
  if (message.retry_on) set.retry_on = model::bits_of(*message.retry_on);
  set.retry_delay_ms = message.retry_delay_ms;
  set.full_jitter = message.full_jitter;
  return set;
}
core::SetQueue pause(net::Admin&& message, core::ClientRef client, bool paused) {
  return {std::move(client), std::move(*message.queue), paused, {}, {}, {}, {}};
}

bool is_about_worker(net::AdminOp op) {
  return op == net::AdminOp::drain_worker || op == net::AdminOp::ping_worker;
}

// The queue or worker that the operation is about.
Status check_names(const net::Admin& message) {
  const bool worker = is_about_worker(message.op);
  const std::optional<std::string>& name = worker ? message.worker : message.queue;
  const char* field = worker ? "worker" : "queue";
  if (!name) return field_error(field, std::string("the ") + field + " is missing", "name it");
  return model::validate_name(field, *name);
}

Request command_of(net::Admin&& message, core::ClientRef client) {
  if (!client.admin) {
    return Error{ErrorCode::unauthorized, "only an administrator may do this", "op",
                 std::string(net::to_string(message.op)), "use a key with the role admin"};
  }
  if (Status valid = check_names(message); !valid.ok()) return valid.error();
  switch (message.op) {
    case net::AdminOp::pause_queue:
      return pause(std::move(message), std::move(client), true);
    case net::AdminOp::resume_queue:
      return pause(std::move(message), std::move(client), false);
    case net::AdminOp::purge_queue:
      return core::PurgeQueue{std::move(client), std::move(*message.queue)};
    case net::AdminOp::set_queue:
      return settings_of(std::move(message), std::move(client));
    case net::AdminOp::drain_worker:
      return core::DrainWorker{std::move(client), std::move(*message.worker)};
    case net::AdminOp::ping_worker:
      return core::PingWorker{std::move(client), std::move(*message.worker)};
  }
  return Error{ErrorCode::unsupported, "there is no such operation", "op", "", ""};
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
  core::ClientRef client{route, rid_of(message), sender.tenant, sender.role == net::Role::admin};
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
