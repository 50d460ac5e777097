// The worker's end: a DealerLink against a RouterServer.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "net/protocol.h"
#include "tests/net/server_fixture.h"

namespace kiln::net {
namespace {

struct TestLink {
  explicit TestLink(const std::string& endpoint) {
    LinkHandlers handlers;
    handlers.on_connected = [this] { connected.put(true); };
    handlers.on_batch = [this](std::vector<std::string> batch) {
      for (std::string& message : batch) got.put(std::move(message));
    };
    link = std::move(DealerLink::start(endpoint, std::move(handlers))).value();
  }
  Inbox<bool> connected;
  Inbox<std::string> got;
  std::unique_ptr<DealerLink> link;
};

TEST(Link, CarriesMessagesBothWaysInOrder) {
  TestServer server({"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
                    [](const Inbound& m) { return std::vector{m.bytes}; });
  TestLink worker(server->workers_endpoint());
  ASSERT_EQ(worker.connected.wait_for(1).size(), 1U);
  constexpr int kCount = 2'000;  // far beyond the high-water mark
  std::vector<std::string> batch;
  for (int i = 0; i < kCount; ++i) batch.push_back(std::to_string(i));
  worker.link->send(batch);
  EXPECT_EQ(worker.got.wait_for(kCount), batch);
}

TEST(Link, ConnectsAgainWhenTheBrokerComesBack) {
  TemporaryDirectory directory;
  const ServerOptions options{directory.ipc("clients"), directory.ipc("workers")};
  std::optional<TestServer> server(std::in_place, options);
  TestLink worker(options.workers_endpoint);
  ASSERT_EQ(worker.connected.wait_for(1).size(), 1U);
  server.reset();
  server.emplace(options);
  ASSERT_EQ(worker.connected.wait_for(2).size(), 2U);
  worker.link->send({"again"});
  EXPECT_EQ(server->inbound.wait_for(1).at(0).bytes, "again");
}

TEST(Link, ReconnectOpensANewRouteAndTheOldOneIsReported) {
  TestServer server;
  TestLink worker(server->workers_endpoint());
  worker.connected.wait_for(1);
  worker.link->send({"first"});
  const std::string old = server.inbound.wait_for(1).at(0).route;
  worker.link->reconnect();
  ASSERT_EQ(worker.connected.wait_for(2).size(), 2U);
  worker.link->send({"second"});
  EXPECT_NE(server.inbound.wait_for(2).at(1).route, old);
  EXPECT_EQ(server.unreachable.wait_for(1).at(0), std::make_pair(Peer::worker, old));
}

TEST(Link, OpensANewConnectionToABrokerThatDoesNotRead) {
  zmq::context_t context;
  zmq::socket_t broker(context, zmq::socket_type::router);
  broker.set(zmq::sockopt::linger, 0);
  broker.set(zmq::sockopt::rcvhwm, 1);
  broker.bind("tcp://127.0.0.1:*");
  TestLink worker(broker.get(zmq::sockopt::last_endpoint));
  ASSERT_EQ(worker.connected.wait_for(1).size(), 1U);
  const std::string chunk(size_t{1} << 20U, 'x');
  // Two high-water marks and the kernel's buffers hold less than 200 MB.
  for (int i = 0; i < 200 && worker.link->counts().outbound_dropped == 0; ++i) {
    worker.link->send({chunk});
  }
  EXPECT_GE(worker.connected.wait_for(2).size(), 2U);
  EXPECT_GT(worker.link->counts().outbound_dropped, 0U);
}

TEST(Link, DropsWhatIsSentWithoutAConnection) {
  TemporaryDirectory directory;
  const ServerOptions options{directory.ipc("clients"), directory.ipc("workers")};
  TestLink worker(options.workers_endpoint);
  worker.link->send({"into the void"});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (worker.link->counts().outbound_dropped == 0 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(worker.link->counts().outbound_dropped, 1U);
  TestServer server(options);
  ASSERT_EQ(worker.connected.wait_for(1).size(), 1U);
  worker.link->send({"hello"});
  EXPECT_EQ(server.inbound.wait_for(1).at(0).bytes, "hello");
}

TEST(Link, RefusesWhatIsNoEndpoint) {
  for (const char* endpoint : {"", "nonsense", "tcp://", "tcp://127.0.0.1:port"}) {
    const auto link = DealerLink::start(endpoint, {});
    ASSERT_FALSE(link.ok()) << endpoint;
    EXPECT_EQ(link.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(link.error().field, "endpoint");
  }
}

}  // namespace
}  // namespace kiln::net
