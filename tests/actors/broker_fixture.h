// A broker on free ports with a store that can be made to fail, and a client of it.
#pragma once

#include <gtest/gtest.h>

#include "actors/broker_node.h"
#include "net/client.h"
#include "store/faulty_store.h"
#include "tests/actors/scripted_worker.h"

namespace kiln::actors {

class BrokerTest : public testing::Test {
 protected:
  static constexpr Duration kPatience = std::chrono::seconds(10);

  void SetUp() override {
    start();
    client_ = std::move(net::Client::connect(broker_->clients_endpoint())).value();
  }

  void start() {
    BrokerOptions options;
    options.clients_endpoint = "tcp://127.0.0.1:*";
    options.workers_endpoint = "tcp://127.0.0.1:*";
    options.languages = config::default_languages();
    options.open_store = opener_;
    options.keys = keys_;
    options.blob_space = blob_space_;
    auto started = BrokerNode::start(std::move(options), [](const Error& error) {
      ADD_FAILURE() << "the broker gave up: " << error.text();
    });
    ASSERT_TRUE(started.ok()) << started.error().text();
    broker_ = std::move(started).value();
  }

  static net::Submit submission(std::string code, bool watch = false) {
    net::Submit submit;
    submit.task.program.language = "python";
    submit.task.program.code = std::move(code);
    submit.watch = watch;
    return submit;
  }

  // Each opening gives the same rows, in memory.
  std::shared_ptr<store::Store> rows_ = store::make_memory_store();
  std::shared_ptr<store::FaultPlan> faults_ = std::make_shared<store::FaultPlan>();
  StoreOpener opener_ = [rows = rows_, faults = faults_] {
    return Result<std::unique_ptr<store::Store>>(store::make_faulty_store(rows, faults));
  };
  std::optional<net::ServerKeys> keys_;
  uint64_t blob_space_ = core::kDefaultBlobSpace;
  std::unique_ptr<BrokerNode> broker_;
  std::unique_ptr<net::Client> client_;
};

}  // namespace kiln::actors
