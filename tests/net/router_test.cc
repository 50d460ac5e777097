// The broker's end over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "net/protocol.h"
#include "tests/net/server_fixture.h"

namespace kiln::net {
namespace {

using testing::HasSubstr;

std::vector<std::string> echo(const Inbound& message) { return {"re:" + message.bytes}; }

enum class Kind : uint8_t { tcp, ipc };

class Router : public testing::TestWithParam<Kind> {
 protected:
  ServerOptions options() const {
    if (GetParam() == Kind::ipc) return {directory_.ipc("clients"), directory_.ipc("workers")};
    return {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"};
  }
  TemporaryDirectory directory_;
};
INSTANTIATE_TEST_SUITE_P(Endpoints, Router, testing::Values(Kind::tcp, Kind::ipc),
                         [](const auto& i) { return i.param == Kind::tcp ? "tcp" : "ipc"; });

TEST_P(Router, AnswersReqAndDealerClientsAlike) {
  TestServer server(options(), echo);
  Plain req(zmq::socket_type::req, server->clients_endpoint());
  req.send({"one"});
  EXPECT_EQ(req.receive(), std::vector<std::string>{"re:one"});
  Plain dealer(zmq::socket_type::dealer, server->clients_endpoint());
  dealer.send({"two"});
  EXPECT_EQ(dealer.receive(), std::vector<std::string>{"re:two"});
  dealer.send({"", "three"});
  EXPECT_EQ(dealer.receive(), (std::vector<std::string>{"", "re:three"}));
}

TEST_P(Router, CarriesTheLargestMessageBothWays) {
  TestServer server(options(), [](const Inbound& m) { return std::vector{m.bytes}; });
  Plain dealer(zmq::socket_type::dealer, server->clients_endpoint());
  std::string large(kMaxMessageBytes, 'x');
  large.back() = 'y';
  dealer.send({large});
  const auto got = dealer.receive();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0] == large);
}

TEST_P(Router, RefusesALargerMessageAndServesOthers) {
  TestServer server(options(), echo);
  Plain big(zmq::socket_type::dealer, server->clients_endpoint());
  big.send({std::string(kMaxMessageBytes + 1, 'x')});
  Plain honest(zmq::socket_type::req, server->clients_endpoint());
  honest.send({"here"});
  EXPECT_EQ(honest.receive(), std::vector<std::string>{"re:here"});
  ASSERT_EQ(server.inbound.size(), 1U);
  server->send({{Peer::client, server.inbound.wait_for(1)[0].route,
                 std::string(kMaxMessageBytes + 1, 'x')}});
  honest.send({"again"});
  EXPECT_EQ(honest.receive(), std::vector<std::string>{"re:again"});
  EXPECT_EQ(server->counts().outbound_dropped, 1U);
}

TEST_P(Router, DropsAndCountsShapesThatAreNoMessage) {
  TestServer server(options(), echo);
  Plain dealer(zmq::socket_type::dealer, server->clients_endpoint());
  dealer.send({""});
  dealer.send({"a", "b"});
  dealer.send({"", "a", "b"});
  dealer.send({"a", "b", "c", "d", "e"});
  dealer.send({"good"});
  EXPECT_EQ(dealer.receive(), std::vector<std::string>{"re:good"});
  EXPECT_EQ(server->counts().inbound_dropped, 4U);
  EXPECT_EQ(server.inbound.size(), 1U);
}

TEST_P(Router, ReportsAWorkerThatLeft) {
  TestServer server(options());
  std::optional<Plain> leaves(std::in_place, zmq::socket_type::dealer, server->workers_endpoint());
  leaves->send({"first"});
  const std::string route = server.inbound.wait_for(1).at(0).route;
  Plain stays(zmq::socket_type::dealer, server->workers_endpoint());
  stays.send({"second"});
  server.inbound.wait_for(2);
  leaves.reset();
  const auto lost = server.unreachable.wait_for(1);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0], std::make_pair(Peer::worker, route));
}

TEST_P(Router, ReportsAClientOnlyWhenASendFindsItGone) {
  TestServer server(options());
  std::optional<Plain> client(std::in_place, zmq::socket_type::dealer, server->clients_endpoint());
  client->send({"first"});
  const std::string route = server.inbound.wait_for(1).at(0).route;
  client.reset();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (server.unreachable.size() == 0 && std::chrono::steady_clock::now() < deadline) {
    server->send({{Peer::client, route, "late"}});
    std::this_thread::yield();
  }
  EXPECT_EQ(server.unreachable.wait_for(1).at(0), std::make_pair(Peer::client, route));
}

TEST_P(Router, GivesUpAPeerThatDoesNotRead) {
  TestServer server(options());
  Plain slow(zmq::socket_type::dealer, server->clients_endpoint(), 1);
  slow.send({"hello"});
  const std::string route = server.inbound.wait_for(1).at(0).route;
  const std::string chunk(size_t{1} << 20U, 'x');
  // Two high-water marks and the kernel's buffers hold less than 200 MB.
  for (int i = 0; i < 200 && server.unreachable.size() == 0; ++i) {
    server->send({{Peer::client, route, chunk}});
  }
  EXPECT_EQ(server.unreachable.wait_for(1).at(0), std::make_pair(Peer::client, route));
  EXPECT_GE(server->counts().outbound_dropped, kMaxBacklogBytes / chunk.size());
  Plain honest(zmq::socket_type::dealer, server->clients_endpoint());
  honest.send({"here"});
  EXPECT_EQ(server.inbound.wait_for(2).size(), 2U);
}

TEST(RouterStart, NamesAPortInUse) {
  TestServer first;
  const std::string taken = first->clients_endpoint();
  const auto second = RouterServer::start({taken, "tcp://127.0.0.1:*"}, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_THAT(second.error().text(), HasSubstr(taken));
  EXPECT_FALSE(second.error().hint.empty());
}

TEST(RouterStart, RefusesWhatIsNotLoopback) {
  for (const char* endpoint :
       {"tcp://0.0.0.0:5570", "tcp://*:5570", "tcp://192.168.1.2:5570", "tcp://localhost:5570",
        "tcp://[::]:5570", "tcp://eth0:5570", "tcp://127.0.0.1", "tcp://127.0.0.1:70000",
        "tcp://127.0.0.1:", "tcp://127.1:5570", "tcp://[::1:5570", "inproc://x", "ipc://relative",
        "ipc://", "pgm://127.0.0.1:1", "", "tcp://"}) {
    SCOPED_TRACE(endpoint);
    for (const ServerOptions& options : {ServerOptions{endpoint, "tcp://127.0.0.1:*"},
                                         ServerOptions{"tcp://127.0.0.1:*", endpoint}}) {
      const auto server = RouterServer::start(options, {});
      ASSERT_FALSE(server.ok());
      EXPECT_EQ(server.error().code, ErrorCode::invalid_argument);
      EXPECT_EQ(server.error().field, "endpoint");
    }
  }
}

TEST(RouterStart, AcceptsEveryLoopbackForm) {
  for (const char* endpoint : {"tcp://127.0.0.1:5570", "tcp://127.9.9.9:*", "tcp://[::1]:5570",
                               "ipc:///run/kiln/clients"}) {
    EXPECT_TRUE(check_endpoint(endpoint).ok()) << endpoint;
  }
}

TEST(RouterStop, CallsNoHandlerAfterwardsAndSendsWhatWasQueued) {
  std::atomic<bool> stopped = false;
  std::atomic<int> late = 0;
  Inbox<std::string> routes;
  ServerHandlers handlers;
  handlers.on_batch = [&](const std::vector<Inbound>& batch) {
    if (stopped) ++late;
    for (const Inbound& m : batch) routes.put(m.route);
  };
  handlers.on_unreachable = [&](Peer, const std::string&) {
    if (stopped) ++late;
  };
  auto server = RouterServer::start({"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"}, handlers);
  ASSERT_TRUE(server.ok());
  Plain client(zmq::socket_type::dealer, (*server)->clients_endpoint());
  client.send({"hello"});
  const std::string route = routes.wait_for(1).at(0);
  (*server)->send({{Peer::client, route, "last words"}});
  (*server)->stop();
  stopped = true;
  EXPECT_EQ(client.receive(), std::vector<std::string>{"last words"});
  client.socket().set(zmq::sockopt::sndtimeo, 0);
  client.socket().send(zmq::str_buffer("too late"), zmq::send_flags::dontwait);
  (*server)->send({{Peer::client, route, "never"}});
  (*server)->stop();  // again: nothing happens
  EXPECT_EQ(late, 0);
}

}  // namespace
}  // namespace kiln::net
