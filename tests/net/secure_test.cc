// Server, link and client with keys, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "net/client.h"
#include "net/protocol.h"
#include "net/zap.h"
#include "tests/net/key_fixture.h"

namespace kiln::net {
namespace {

using testing::HasSubstr;

std::vector<std::string> answer_ping(const Inbound& message) {
  const auto request = decode_from_client(message.bytes);
  if (!request.ok()) return {"re:" + message.bytes};
  Ok ok;
  ok.rid = std::get<Ping>(*request).rid;
  return {encode(ToClient(std::move(ok)))};
}

enum class Kind : uint8_t { tcp, ipc };

class Secure : public testing::TestWithParam<Kind> {
 protected:
  ServerOptions options() const {
    ServerOptions out{"tcp://127.0.0.1:*", "tcp://127.0.0.1:*", ring_.server()};
    if (GetParam() == Kind::ipc) {
      out.clients_endpoint = ring_.directory.ipc("clients");
      out.workers_endpoint = ring_.directory.ipc("workers");
    }
    return out;
  }
  Result<std::unique_ptr<Client>> connect(const KeyPair& keys) {
    return Client::connect(server_->clients_endpoint(), kPatience, ring_.with(keys));
  }
  Plain plain(const std::string& endpoint, const KeyPair& keys, const std::string& id = "") {
    return Plain(zmq::socket_type::dealer, endpoint, 1'000, [&](zmq::socket_t& socket) {
      set_client_keys(socket, ring_.with(keys));
      if (!id.empty()) socket.set(zmq::sockopt::routing_id, id);
    });
  }
  KeyRing ring_;
  TestServer server_{options(), answer_ping};
};
INSTANTIATE_TEST_SUITE_P(Endpoints, Secure, testing::Values(Kind::tcp, Kind::ipc),
                         [](const auto& i) { return i.param == Kind::tcp ? "tcp" : "ipc"; });

TEST_P(Secure, LetsInWhomTheListNamesAndSaysWhoSpeaks) {
  ASSERT_TRUE(connect(ring_.client).ok());
  ASSERT_TRUE(connect(ring_.admin).ok());
  auto worker = plain(server_->workers_endpoint(), ring_.worker);
  worker.send({"hello"});
  const auto inbound = server_.inbound.wait_for(3);
  ASSERT_EQ(inbound.size(), 3U);
  EXPECT_EQ(*inbound[0].sender,
            (Identity{Role::client, "red", "builder", key_text(ring_.client.public_key)}));
  EXPECT_EQ(inbound[1].sender->role, Role::admin);
  EXPECT_EQ(inbound[2].sender->name, "w1");
  EXPECT_EQ(worker.receive(), std::vector<std::string>{"re:hello"});
  EXPECT_EQ(server_->counts().refused, 0U);
}

TEST_P(Secure, CarriesTheLargestMessageBothWays) {
  auto dealer = plain(server_->workers_endpoint(), ring_.worker);
  const std::string large(kMaxMessageBytes - 3, 'x');
  dealer.send({large});
  const auto got = dealer.receive();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].size(), kMaxMessageBytes);
}

TEST_P(Secure, DropsALargerMessage) {
  // Libzmq lets a few bytes more through, since a message may be wrapped or not.
  auto dealer = plain(server_->clients_endpoint(), ring_.client);
  dealer.send({"", std::string(kMaxMessageBytes + 1, 'x')});
  dealer.send({std::string(kMaxMessageBytes + kCurveOverhead, 'x')});
  ASSERT_TRUE(connect(ring_.client).ok());
  EXPECT_EQ(server_.inbound.size(), 1U);
}

TEST_P(Secure, RefusesAnUnknownKeyAndSaysSo) {
  const auto client = connect(ring_.stranger);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(client.error().hint, HasSubstr("allow list"));
  const auto refused = server_.refused.wait_for(1);
  ASSERT_GE(refused.size(), 1U);
  EXPECT_EQ(refused[0].key, key_text(ring_.stranger.public_key));
  EXPECT_EQ(refused[0].peer, Peer::client);
  EXPECT_GE(server_->counts().refused, 1U);
  EXPECT_EQ(server_.inbound.size(), 0U);
}

TEST_P(Secure, RefusesTheWrongRole) {
  const auto client = connect(ring_.worker);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::unauthorized);
  for (const KeyPair* keys : {&ring_.client, &ring_.admin}) {
    auto worker = plain(server_->workers_endpoint(), *keys);
    worker.send({"hello"});
    server_.refused.wait_for(server_.refused.size() + 1);
  }
  for (const Refused& peer : server_.refused.wait_for(3)) {
    EXPECT_THAT(peer.why.message, HasSubstr("socket"));
  }
  EXPECT_EQ(server_.inbound.size(), 0U);
}

TEST_P(Secure, SaysWhetherAKeyIsWanted) {
  const auto bare = Client::connect(server_->clients_endpoint(), kPatience);
  ASSERT_FALSE(bare.ok());
  EXPECT_EQ(bare.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(bare.error().hint, HasSubstr("--key"));
  TestServer open;
  const auto keyed = Client::connect(open->clients_endpoint(), kPatience, ring_.with(ring_.client));
  ASSERT_FALSE(keyed.ok());
  EXPECT_EQ(keyed.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(keyed.error().hint, HasSubstr("Leave out"));
}

TEST_P(Secure, SpeaksToNoOtherBroker) {
  ClientKeys keys{ring_.client, ring_.stranger.public_key};
  const auto client =
      Client::connect(server_->clients_endpoint(), std::chrono::milliseconds(300), keys);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::unauthorized);
  EXPECT_THAT(client.error().hint, HasSubstr("--broker-key"));
  EXPECT_EQ(server_.inbound.size(), 0U);
  EXPECT_GE(server_->counts().failed, 1U);
}

TEST_P(Secure, ARevokedClientIsRefusedAtItsNextMessage) {
  const auto client = std::move(connect(ring_.client)).value();
  const std::string route = server_.inbound.wait_for(1).at(0).route;
  ring_.allow(KeyRing::line(ring_.other_client, "client blue tester"));
  const auto answer = client->request(Ping{}, kPatience);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::unauthorized);
  EXPECT_EQ(server_.inbound.size(), 1U);
  EXPECT_EQ(server_->counts().unauthorized, 1U);
  // What was still meant for it does not leave.
  server_->send({{Peer::client, route, "a result"}});
  EXPECT_EQ(server_.unreachable.wait_for(1).at(0), std::make_pair(Peer::client, route));
  // Nor does it come in again.
  EXPECT_EQ(connect(ring_.client).error().code, ErrorCode::unauthorized);
  EXPECT_TRUE(connect(ring_.other_client).ok());
}

TEST_P(Secure, ARevokedWorkerIsUnreachable) {
  auto worker = plain(server_->workers_endpoint(), ring_.worker);
  auto stays = plain(server_->workers_endpoint(), ring_.other_worker);
  worker.send({"one"});
  const std::string route = server_.inbound.wait_for(1).at(0).route;
  stays.send({"two"});
  server_.inbound.wait_for(2);
  ring_.allow(KeyRing::line(ring_.other_worker, "worker default w2"));
  worker.send({"three"});
  EXPECT_EQ(server_.unreachable.wait_for(1).at(0), std::make_pair(Peer::worker, route));
  worker.send({"four"});
  stays.send({"five"});
  EXPECT_EQ(server_.inbound.wait_for(3).at(2).bytes, "five");
  EXPECT_EQ(server_.unreachable.size(), 1U);
}

TEST_P(Secure, ANewRoleCountsFromTheNextMessageOn) {
  const auto client = std::move(connect(ring_.client)).value();
  ring_.allow(KeyRing::line(ring_.client, "admin green builder"));
  ASSERT_TRUE(client->request(Ping{}, kPatience).ok());
  EXPECT_EQ(server_.inbound.wait_for(2).at(1).sender->tenant, "green");
  ring_.allow(KeyRing::line(ring_.client, "worker green builder"));
  EXPECT_EQ(client->request(Ping{}, kPatience).error().code, ErrorCode::unauthorized);
}

// Whoever may choose its routing id may choose that of one that just left, and be sent its answers.
TEST_P(Secure, RefusesAChosenRoutingId) {
  auto named = plain(server_->clients_endpoint(), ring_.client, "alice");
  named.send({encode(FromClient(Ping{7}))});
  const auto got = named.receive();
  ASSERT_EQ(got.size(), 1U);
  const auto answer = decode_to_client(got[0]);
  ASSERT_TRUE(answer.ok());
  const auto& error = std::get<ErrorReply>(*answer);
  EXPECT_EQ(error.rid, 7U);
  EXPECT_EQ(error.error.code, ErrorCode::unauthorized);
  EXPECT_THAT(error.error.hint, HasSubstr("ROUTING_ID"));
  EXPECT_EQ(server_.inbound.size(), 0U);
}

TEST_P(Secure, ALinkIsLetInOnceTheListNamesIt) {
  Inbox<Error> refused;
  Inbox<int> connected;
  LinkHandlers handlers;
  handlers.on_connected = [&] { connected.put(1); };
  handlers.on_batch = [](const std::vector<std::string>&) {};
  handlers.on_refused = [&](Error why) { refused.put(std::move(why)); };
  auto link = DealerLink::start(server_->workers_endpoint(), handlers, ring_.with(ring_.stranger));
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(refused.wait_for(1).at(0).code, ErrorCode::unauthorized);
  server_.refused.wait_for(2);  // it tries again
  EXPECT_EQ(connected.size(), 0U);
  ring_.allow(ring_.everybody() + KeyRing::line(ring_.stranger, "worker default late"));
  EXPECT_EQ(connected.wait_for(1).size(), 1U);
  EXPECT_EQ(refused.size(), 1U);  // told once
  (*link)->send({"hello"});
  EXPECT_EQ(server_.inbound.wait_for(1).at(0).sender->name, "late");
}

TEST_P(Secure, ALinkSaysThatTheBrokersKeyMayBeAnother) {
  Inbox<Error> refused;
  LinkHandlers handlers;
  handlers.on_connected = [] { ADD_FAILURE() << "let in"; };
  handlers.on_batch = [](const std::vector<std::string>&) {};
  handlers.on_refused = [&](Error why) { refused.put(std::move(why)); };
  const auto link = DealerLink::start(server_->workers_endpoint(), handlers,
                                      ClientKeys{ring_.worker, ring_.stranger.public_key});
  ASSERT_TRUE(link.ok());
  const auto told = refused.wait_for(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_THAT(told[0].hint, HasSubstr("--broker-key"));
}

TEST(SecureStart, KeysOpenEveryAddress) {
  KeyRing ring;
  const auto closed = RouterServer::start({"tcp://0.0.0.0:*", "tcp://127.0.0.1:*"}, {});
  ASSERT_FALSE(closed.ok());
  EXPECT_THAT(closed.error().hint, HasSubstr("--insecure"));
  ServerHandlers handlers;
  handlers.on_batch = [](const std::vector<Inbound>&) {};
  const auto open =
      RouterServer::start({"tcp://0.0.0.0:*", "tcp://127.0.0.1:*", ring.server()}, handlers);
  EXPECT_TRUE(open.ok()) << open.error().text();
  const auto insecure =
      RouterServer::start({"tcp://0.0.0.0:*", "tcp://127.0.0.1:*", {}, true}, handlers);
  EXPECT_TRUE(insecure.ok()) << insecure.error().text();
}

// The options alone keep everybody out: a handler that is missing or gone lets nobody in.
TEST(SecureStart, WithoutAZapHandlerNobodyComesIn) {
  KeyRing ring;
  zmq::context_t context;
  zmq::socket_t router(context, zmq::socket_type::router);
  set_server_keys(router, Peer::client, ring.own.secret_key);
  router.set(zmq::sockopt::linger, 0);
  router.bind("tcp://127.0.0.1:*");
  std::optional<ZapHandler> handler(std::in_place, context, ring.allowed, nullptr);
  const std::string endpoint = router.get(zmq::sockopt::last_endpoint);
  const auto knock = [&](std::chrono::milliseconds patience) {
    Plain client(zmq::socket_type::dealer, endpoint, 1'000,
                 [&](zmq::socket_t& socket) { set_client_keys(socket, ring.with(ring.client)); });
    client.send({"hello"});
    std::vector<zmq::pollitem_t> items = {{router.handle(), 0, ZMQ_POLLIN, 0}};
    poll(items, patience);
    return items[0].revents != 0;
  };
  EXPECT_TRUE(knock(kPatience));
  Frames frames;
  while (receive(router, frames)) {
  }
  handler.reset();
  EXPECT_FALSE(knock(std::chrono::milliseconds(300)));
}

class ZapRequest : public testing::Test {
 protected:
  // The status of the answer to these frames.
  std::string ask(const std::vector<std::string>& frames) {
    zmq::socket_t req(context_, zmq::socket_type::req);
    req.set(zmq::sockopt::linger, 0);
    req.set(zmq::sockopt::rcvtimeo, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    req.connect("inproc://zeromq.zap.01");
    for (size_t i = 0; i < frames.size(); ++i) {
      req.send(zmq::buffer(frames[i]),
               i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
    Frames answer(6);
    zmq::message_t first;
    if (!req.recv(first)) return "no answer";
    while (first.more()) {
      answer.frames.push_back(std::move(first));
      if (!req.recv(first)) return "no answer";
    }
    EXPECT_EQ(answer.frames.size(), 5U);  // and the last one
    return answer.frames.at(2).to_string();
  }
  std::vector<std::string> request(const KeyPair& keys) const {
    const auto* raw = reinterpret_cast<const char*>(keys.public_key.data());
    return {"1.0", "1", "kiln", "127.0.0.1", "clients", "CURVE", std::string(raw, 32)};
  }
  KeyRing ring_;
  zmq::context_t context_;
  ZapHandler handler_{context_, ring_.allowed, nullptr};
};

TEST_F(ZapRequest, IsGrantedOnlyWhenEverythingHolds) {
  EXPECT_EQ(ask(request(ring_.client)), "200");
  EXPECT_EQ(ask(request(ring_.worker)), "400");
  EXPECT_EQ(ask(request(ring_.stranger)), "400");
  const auto changed = [&](size_t frame, const std::string& to) {
    auto frames = request(ring_.client);
    frames[frame] = to;
    return ask(frames);
  };
  EXPECT_EQ(changed(2, "other"), "400");
  EXPECT_EQ(changed(4, ""), "400");
  EXPECT_EQ(changed(4, "workers"), "400");
  EXPECT_EQ(changed(5, "NULL"), "400");
  EXPECT_EQ(changed(6, ""), "400");
  EXPECT_EQ(changed(6, std::string(33, 'x')), "400");
  EXPECT_EQ(handler_.refused(), 8U);
}

TEST_F(ZapRequest, OfAnotherShapeIsRefused) {
  const auto good = request(ring_.client);
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_EQ(ask({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), "400");
  }
  auto longer = good;
  longer.emplace_back("more");
  EXPECT_EQ(ask(longer), "400");
  EXPECT_EQ(ask(good), "200");
}

}  // namespace
}  // namespace kiln::net
