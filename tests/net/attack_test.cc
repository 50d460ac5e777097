// What strangers and forgers may try on the sockets: they are dropped and counted, the honest are
// served, and memory stays as it was.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <random>

#include "net/client.h"
#include "net/codec_writer.h"
#include "net/protocol.h"
#include "net/zap.h"
#include "tests/net/inbox.h"
#include "tests/net/key_fixture.h"
#include "tests/net/raw_peer.h"
#include "tests/net/samples.h"

namespace kiln::net {
namespace {

// As the broker: what cannot be decoded is answered with an error, a ping with ok.
std::vector<std::string> answer(const Inbound& message) {
  if (message.peer == Peer::worker) return {};
  auto request = decode_from_client(message.bytes);
  if (!request.ok()) {
    return {encode(ToClient(ErrorReply{peek_rid(message.bytes), std::move(request).error()}))};
  }
  Ok ok;
  if (const auto* ping = std::get_if<Ping>(&*request)) ok.rid = ping->rid;
  return {encode(ToClient(std::move(ok)))};
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Above what the allocator may keep, and far below what was sent.
void expect_flat(size_t before, size_t slack) {
  const size_t after = resident_bytes();
  std::cout << "resident: " << (before >> 10U) << " KiB, then " << (after >> 10U) << " KiB\n";
  EXPECT_LT(after, before + slack);
}

// A server that keeps nothing of what it is told.
class Attack : public testing::TestWithParam<bool> {
 protected:
  Attack() {
    ServerOptions options{"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"};
    if (GetParam()) options.keys = ring_.server();
    ServerHandlers handlers;
    handlers.on_batch = [this](const std::vector<Inbound>& batch) {
      std::vector<Outbound> out;
      for (const Inbound& message : batch) {
        for (std::string& bytes : answer(message)) {
          out.push_back({message.peer, message.route, std::move(bytes)});
        }
        ++heard_;
      }
      server_->send(std::move(out));
    };
    handlers.on_unreachable = [](Peer, const std::string&) {};
    handlers.on_refused = [this](const Refused& peer) { refused_.put(peer.peer); };
    server_ = std::move(RouterServer::start(options, std::move(handlers))).value();
  }

  std::optional<ClientKeys> keys() const {
    if (!GetParam()) return std::nullopt;
    return ring_.with(ring_.client);
  }
  void expect_honest_is_served() {
    const auto client = Client::connect(server_->clients_endpoint(), kPatience, keys());
    EXPECT_TRUE(client.ok()) << client.error().text();
  }
  Plain dealer() {
    return Plain(zmq::socket_type::dealer, server_->clients_endpoint(), 1'000,
                 [&](zmq::socket_t& socket) {
                   if (GetParam()) set_client_keys(socket, *keys());
                 });
  }
  // Waits for the server to have counted so many.
  template <class Count>
  bool comes_to(uint64_t wanted, Count count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (count(server_->counts()) < wanted) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      expect_honest_is_served();
    }
    return true;
  }

  KeyRing ring_;
  std::atomic<uint64_t> heard_ = 0;
  Inbox<Peer> refused_;
  std::unique_ptr<RouterServer> server_;
};
INSTANTIATE_TEST_SUITE_P(Servers, Attack, testing::Bool(),
                         [](const auto& i) { return i.param ? "keys" : "open"; });

std::vector<std::string> handshakes_that_stop() {
  const std::string good = greeting("NULL");
  return {"",
          good.substr(0, 1),
          good.substr(0, 11),
          good.substr(0, 63),
          good,
          greeting("CURVE"),
          greeting("CURVE") + std::string("\x04\xC8\x05HELLO", 8)};
}

TEST_P(Attack, HandshakesThatStopHalfWayAreEnded) {
  constexpr int kEach = 30;
  std::vector<RawPeer> peers;
  for (const std::string& bytes : handshakes_that_stop()) {
    for (int i = 0; i < kEach; ++i) {
      peers.emplace_back(server_->clients_endpoint());
      peers.back().send(bytes);
      peers.emplace_back(server_->workers_endpoint());
      peers.back().send(bytes);
    }
  }
  expect_honest_is_served();
  for (RawPeer& peer : peers) EXPECT_TRUE(peer.closes(kPatience));
  EXPECT_TRUE(comes_to(peers.size() / 2, [](const TransportCounts& c) { return c.failed; }));
  EXPECT_EQ(server_->counts().refused, 0U);
}

std::vector<std::string> handshakes_that_lie() {
  std::mt19937_64 random(7);
  std::vector<std::string> out = {
      "GET / HTTP/1.1\r\nHost: kiln\r\n\r\n" + std::string(100, 'x'),
      greeting("PLAIN") + command("HELLO", "\x01u\x01p"),
      greeting("GSSAPI"),
      greeting(std::string(20, 'A')),
      greeting("CURVE") + command("HELLO", std::string(194, 'x')),
      greeting("CURVE") + command("HELLO", "short"),
      greeting("CURVE") + command("INITIATE", std::string(200, 'x')),
      greeting("CURVE") + command("READY", ""),
      greeting("CURVE") + message_frame("hello"),
      greeting("CURVE") + std::string("\x06\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9),
      greeting("NULL") + command("READY", "\x0BSocket-Type\xFF\xFF\xFF\xFF"),
      greeting("NULL") + command("ERROR", "\x03no!"),
      greeting("NULL") + std::string("\x02\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9),
  };
  for (int i = 0; i < 50; ++i) {
    std::string noise = i % 2 == 0 ? std::string() : greeting("CURVE");
    for (int n = 0; n < 300; ++n) noise += static_cast<char>(random());
    out.push_back(noise);
  }
  return out;
}

TEST_P(Attack, HandshakesThatLieAreEnded) {
  for (const std::string& bytes : handshakes_that_lie()) {
    for (const std::string& endpoint : {server_->clients_endpoint(), server_->workers_endpoint()}) {
      RawPeer peer(endpoint);
      peer.send(bytes);
    }
  }
  expect_honest_is_served();
  // The honest one's ping. Without keys libzmq speaks ZMTP 1.0 with whoever gives no signature:
  // what such a one says comes in as messages, for the decoder to refuse.
  if (GetParam()) {
    EXPECT_EQ(heard_, 1U);
  }
}

// libzmq keeps the properties of a peer's own handshake beside those of the ZAP handler.
TEST_P(Attack, AUserIdOfThePeersOwnIsNoIdentity) {
  TestServer server({"tcp://127.0.0.1:*", "tcp://127.0.0.1:*",
                     GetParam() ? std::optional(ring_.server()) : std::nullopt});
  RawPeer peer(server->clients_endpoint());
  peer.send(greeting("NULL") + ready_with("User-Id", key_text(ring_.admin.public_key)));
  peer.receive(kGreetingSize + 1, kPatience);  // a message before the server's READY ends it
  peer.send(message_frame("forged"));
  if (GetParam()) {
    EXPECT_TRUE(peer.closes(kPatience));  // CURVE or nothing
    EXPECT_EQ(server.inbound.size(), 0U);
  } else {
    const auto inbound = server.inbound.wait_for(1);
    ASSERT_EQ(inbound.size(), 1U);
    EXPECT_EQ(*inbound[0].sender, (Identity{Role::admin, "default", "", ""}));
  }
}

TEST_P(Attack, StrangersThatKnockAllDayAreCounted) {
  if (!GetParam()) {
    expect_honest_is_served();
    return;
  }
  const auto before = resident_bytes();
  for (int i = 0; i < 200; ++i) {
    Plain stranger(zmq::socket_type::dealer, server_->clients_endpoint(), 1'000,
                   [&](zmq::socket_t& socket) {
                     socket.set(zmq::sockopt::immediate, true);
                     set_client_keys(socket, ring_.with(generate_keypair()));
                   });
    refused_.wait_for(static_cast<size_t>(i) + 1);
  }
  EXPECT_GE(server_->counts().refused, 200U);
  EXPECT_EQ(heard_, 0U);
  expect_honest_is_served();
  expect_flat(before, size_t{16} << 20U);
}

std::string nested(size_t depth) {
  return "\x83\xA1v\x01\xA1t\xA4ping\xA1x" + std::string(depth, '\x91') + "\x01";
}

// One of each kind of bad message, in turn.
std::vector<std::string> bad_messages() {
  std::mt19937_64 random(11);
  std::vector<std::string> out = {
      nested(10'000),
      std::string("\x82\xA1v\x01\xA1t\xDD\xFF\xFF\xFF\xFF", 10),
      std::string("\xDF\xFF\xFF\xFF\xFF", 5),
      std::string("\x82\xA1v\x01\xA1t\xA4pong", 10),
      std::string(size_t{1} << 16U, '\xC1'),
      "\x93" + std::string(60'000, '\x90'),
  };
  for (const Sample& sample : samples()) {
    out.push_back(sample.bytes.substr(0, sample.bytes.size() / 2));
    std::string changed = sample.bytes;
    changed[random() % changed.size()] = static_cast<char>(random());
    out.push_back(changed);
    if (sample.target != "from_client") out.push_back(sample.bytes);  // somebody else's message
  }
  return out;
}

TEST_P(Attack, TenThousandBadMessagesLeaveMemoryFlat) {
  constexpr size_t kWarmUp = 1'000;
  constexpr size_t kMessages = 10'000;
  const std::vector<std::string> bad = bad_messages();
  auto peer = dealer();
  size_t warm = 0;
  for (size_t i = 0; i < kWarmUp + kMessages; ++i) {
    if (i == kWarmUp) warm = resident_bytes();
    peer.send({bad[i % bad.size()]});
    ASSERT_FALSE(peer.receive().empty()) << "no answer to message " << i % bad.size();
  }
  expect_flat(warm, size_t{8} << 20U);
  EXPECT_EQ(heard_, kWarmUp + kMessages);
  expect_honest_is_served();
}

TEST_P(Attack, OversizedMessagesAndFloodsOfFramesLeaveMemoryFlat) {
  const std::string large(kMaxMessageBytes + 64, 'x');
  size_t warm = 0;
  for (int i = 0; i < 12; ++i) {
    if (i == 4) warm = resident_bytes();
    {
      auto big = dealer();
      big.send({large});
      expect_honest_is_served();
    }
    auto many = dealer();
    many.send(std::vector<std::string>(1'000, "frame"));
    many.send({encode(FromClient(Ping{1}))});
    ASSERT_FALSE(many.receive().empty());
  }
  expect_flat(warm, size_t{40} << 20U);
  EXPECT_EQ(server_->counts().inbound_dropped, 12U);
}

TEST_P(Attack, ConnectionsThatComeAndGoLeaveNothing) {
  constexpr int kConnections = 1'500;
  size_t warm = 0;
  for (int i = 0; i < kConnections; ++i) {
    if (i == 300) warm = resident_bytes();
    RawPeer peer(i % 2 == 0 ? server_->clients_endpoint() : server_->workers_endpoint());
    peer.send(greeting(GetParam() ? "CURVE" : "NULL"));
  }
  EXPECT_TRUE(comes_to(kConnections / 2, [](const TransportCounts& c) { return c.failed; }));
  expect_flat(warm, size_t{16} << 20U);
}

}  // namespace
}  // namespace kiln::net
