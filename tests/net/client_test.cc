// The client against a server that answers as each test says.
#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "net/zmq_parts.h"
#include "tests/net/server_fixture.h"

namespace kiln::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const TaskId kId = *parse_id<TaskId>("01935b00-1122-7033-8044-010203040501");

Event output(uint64_t offset, std::string data) {
  return Event{kId, "output", 1, offset, 1, std::move(data), {}};
}
std::string ok(uint64_t rid) {
  Ok out;
  out.rid = rid;
  out.server = "kiln test";
  return encode(ToClient(std::move(out)));
}

// Answers pings; what else comes is answered by `other` (rid, message).
class ClientTest : public testing::Test {
 protected:
  using Other = std::function<std::vector<std::string>(const FromClient&)>;
  std::unique_ptr<Client> connect(Other other) {
    server_.emplace(ServerOptions{"tcp://127.0.0.1:*", "tcp://127.0.0.1:*"},
                    [other](const Inbound& m) -> std::vector<std::string> {
                      const auto request = decode_from_client(m.bytes);
                      if (!request.ok()) return {};
                      if (const auto* ping = std::get_if<Ping>(&*request)) return {ok(ping->rid)};
                      return other(*request);
                    });
    return std::move(Client::connect((*server_)->clients_endpoint(), kPatience)).value();
  }
  std::optional<TestServer> server_;
};

TEST(ClientConnect, SaysWhatToDoWhenNobodyAnswers) {
  TemporaryDirectory directory;
  const std::string endpoint = directory.ipc("nobody");
  const auto client = Client::connect(endpoint, milliseconds(50));
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::unavailable);
  EXPECT_THAT(client.error().text(), HasSubstr(endpoint));
  EXPECT_THAT(client.error().hint, HasSubstr("kiln serve"));
}

TEST(ClientConnect, RefusesWhatIsNoEndpoint) {
  const auto client = Client::connect("nonsense", milliseconds(50));
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.error().field, "endpoint");
}

TEST_F(ClientTest, MatchesAnswersToRequestsAndKeepsEvents) {
  const auto client = connect([](const FromClient& m) -> std::vector<std::string> {
    const uint64_t rid = std::get<StatusOf>(m).rid;
    return {encode(ToClient(output(0, "ab"))), ok(rid + 1'000), ok(rid),
            encode(ToClient(output(2, "c")))};
  });
  const auto answer = client->request(StatusOf{0, kId}, kPatience);
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_EQ(answer->server, "kiln test");
  for (const char* data : {"ab", "c"}) {
    const auto event = client->next_event(kPatience);
    ASSERT_TRUE(event.ok() && event->has_value());
    EXPECT_EQ((*event)->data, data);
  }
}

TEST_F(ClientTest, HandsOnTheBrokersError) {
  const Error refusal{ErrorCode::not_found, "there is no such task", "id", "", "Look it up"};
  const auto client = connect([&](const FromClient& m) -> std::vector<std::string> {
    return {encode(ToClient(ErrorReply{std::get<Cancel>(m).rid, refusal}))};
  });
  const auto answer = client->request(Cancel{0, kId}, kPatience);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error(), refusal);
}

TEST_F(ClientTest, PostedRequestsAreAnsweredInAnyOrder) {
  std::vector<uint64_t> rids;
  const auto client = connect([&](const FromClient& m) -> std::vector<std::string> {
    rids.push_back(std::get<StatusOf>(m).rid);
    if (rids.size() < 2) return {};
    return {ok(rids[1]), ok(rids[0])};
  });
  const auto first = client->post(StatusOf{0, kId});
  ASSERT_TRUE(first.ok());
  const auto none = client->answer(*first, milliseconds(1));
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const auto second = client->post(StatusOf{0, kId});
  ASSERT_TRUE(second.ok());
  for (const uint64_t rid : {*first, *second}) {
    const auto answer = client->answer(rid, kPatience);
    ASSERT_TRUE(answer.ok() && answer->has_value());
    EXPECT_EQ((*answer)->rid, rid);
  }
  EXPECT_EQ(client->answer(*first, milliseconds(1)).error().code, ErrorCode::not_found);
}

TEST_F(ClientTest, TimesOutAndDropsTheLateAnswer) {
  uint64_t forgotten = 0;
  const auto client = connect([&](const FromClient& m) -> std::vector<std::string> {
    const uint64_t rid = std::get<StatusOf>(m).rid;
    if (forgotten == 0) {
      forgotten = rid;
      return {};
    }
    return {ok(forgotten), ok(rid)};
  });
  const auto late = client->request(StatusOf{0, kId}, milliseconds(1));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::timeout);
  const auto next = client->request(StatusOf{0, kId}, kPatience);
  ASSERT_TRUE(next.ok());
  EXPECT_NE(next->rid, forgotten);
}

TEST_F(ClientTest, RefusesARequestThatFitsNoMessage) {
  const auto client = connect([](const FromClient&) { return std::vector<std::string>(); });
  Submit submit;
  submit.task.program.code.assign(kMaxMessageBytes, 'x');
  const auto answer = client->request(submit);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::too_large);
}

TEST_F(ClientTest, AReadableDescriptorEndsTheWaitForEvents) {
  const auto client = connect([](const FromClient&) { return std::vector<std::string>(); });
  const Wake wake;
  wake.ring();
  const auto begun = std::chrono::steady_clock::now();
  const auto event = client->next_event(kPatience, wake.fd());
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(event->has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, kPatience / 2);
}

TEST_F(ClientTest, HeldEventsAreBoundedAndTheEndIsKept) {
  constexpr size_t kPerRequest = 1'000;  // each request's events stay inside the server's backlog
  constexpr size_t kRequests = kMaxEventsHeld / kPerRequest + 1;
  const auto client = connect([](const FromClient& m) {
    const auto& subscribe = std::get<Subscribe>(m);
    std::vector<std::string> out;
    for (size_t i = 0; i < kPerRequest; ++i) {
      out.push_back(encode(ToClient(output(subscribe.offset + i, "x"))));
    }
    if (subscribe.offset == 0) out[0] = encode(ToClient(Event{kId, "end", 1, 0, 0, {}, {}}));
    out.push_back(ok(subscribe.rid));
    return out;
  });
  for (size_t i = 0; i < kRequests; ++i) {
    ASSERT_TRUE(client->request(Subscribe{0, kId, i * kPerRequest}, kPatience).ok());
  }
  std::vector<Event> events;
  while (true) {
    auto event = client->next_event(milliseconds(0));
    ASSERT_TRUE(event.ok());
    if (!event->has_value()) break;
    events.push_back(**event);
  }
  ASSERT_EQ(events.size(), kMaxEventsHeld);
  EXPECT_EQ(events.front().kind, "end");  // the oldest of all, and kept
  EXPECT_EQ(events[1].offset, kPerRequest + 1);
  EXPECT_EQ(events.back().offset, kRequests * kPerRequest - 1);
}

}  // namespace
}  // namespace kiln::net
