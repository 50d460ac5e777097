#include "tests/actors/scripted_worker.h"

#include <gtest/gtest.h>

namespace kiln::actors {
namespace {

constexpr std::chrono::seconds kPatience(10);

}  // namespace

ScriptedWorker::ScriptedWorker(const std::string& endpoint, uint8_t number,
                               std::optional<net::ClientKeys> keys)
    : instance_{{number}} {
  net::LinkHandlers handlers;
  handlers.on_connected = [this] {
    const std::lock_guard lock(mutex_);
    connected_ = true;
    changed_.notify_all();
  };
  handlers.on_batch = [this](const std::vector<std::string>& batch) {
    const std::lock_guard lock(mutex_);
    for (const std::string& bytes : batch) {
      auto message = net::decode_to_worker(bytes);
      ASSERT_TRUE(message.ok()) << message.error().text();
      inbox_.push_back(std::move(*message));
    }
    changed_.notify_all();
  };
  link_ = std::move(net::DealerLink::start(endpoint, std::move(handlers), keys)).value();
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return connected_; }));
}

std::optional<model::ToWorker> ScriptedWorker::pop() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return !inbox_.empty(); })) return std::nullopt;
  model::ToWorker message = std::move(inbox_.front());
  inbox_.pop_front();
  return message;
}

void ScriptedWorker::say(const model::FromWorker& message) { link_->send({net::encode(message)}); }

void ScriptedWorker::hello(std::vector<model::LeaseRef> leases,
                           std::vector<model::LeaseRef> results) {
  model::Hello hello;
  hello.instance = instance_;
  hello.name = "scripted";
  hello.slots = 1;
  hello.credit = 1;
  hello.languages = {{"python", "3.11.2"}};
  hello.leases = std::move(leases);
  hello.results = std::move(results);
  say(hello);
  EXPECT_TRUE(next<model::Welcome>().has_value());
}

void ScriptedWorker::run(const model::Assign& assign, const std::string& output) {
  say(model::Started{assign.lease});
  if (assign.watch) say(model::Output{assign.lease, 0, 1, output});
  finish(assign, output);
}

void ScriptedWorker::finish(const model::Assign& assign, const std::string& output) {
  model::TaskResult result;
  result.verdict = model::Verdict::ok;
  result.exit_code = 0;
  result.out.bytes = output;
  say(model::Finished{assign.lease, result.verdict,
                      std::make_shared<std::string>(net::encode_result(result))});
}

}  // namespace kiln::actors
