#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/broker.h"

namespace kiln::metrics {
namespace {

using model::TaskState;
using model::Verdict;
using testing::HasSubstr;
using testing::Not;

constexpr MonoTime kStart{std::chrono::hours(1)};

size_t times(const std::string& text, const std::string& what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(BrokerMetrics, ShowPossibleEndsOfAQueueFromZeroOn) {
  Broker broker("1.2.3");
  const std::string text = broker.text(BrokerSample{}, kStart);
  EXPECT_THAT(text, HasSubstr("kiln_build_info{version=\"1.2.3\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{queue=\"default\",state=\"dead\",verdict=\"none\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("state=\"succeeded\",verdict=\"nonzero_exit\"")));
  EXPECT_EQ(times(text, "kiln_task_retries_total{queue=\"default\""), model::kRetryReasonCount);
  EXPECT_THAT(text, HasSubstr("kiln_queue_depth{queue=\"default\",state=\"joined\"} 0\n"));
}

TEST(BrokerMetrics, BucketsReachFromHalfAMillisecondToHalfAnHour) {
  Broker broker("1");
  broker.waited("default", std::chrono::microseconds(400));
  broker.waited("default", std::chrono::minutes(29));
  const std::string text = broker.text(BrokerSample{}, kStart);
  const std::string name = "kiln_task_queue_wait_seconds_bucket{queue=\"default\",le=\"";
  EXPECT_THAT(text, HasSubstr(name + "0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(name + "600\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(name + "1800\"} 2\n"));
}

TEST(BrokerMetrics, QueuesAboveTheBoundShareOneLabel) {
  Broker broker("1");
  constexpr size_t kMore = 50;
  BrokerSample sample;
  for (size_t i = 0; i < kMaxQueueLabels + kMore; ++i) {
    const std::string queue = "q" + std::to_string(i);
    broker.submitted(queue);
    broker.finished(queue, TaskState::succeeded, Verdict::ok);
    sample.queues.push_back({queue, std::vector<uint64_t>(model::kTaskStateCount, 1), 2, false, 1});
  }
  const std::string text = broker.text(sample, kStart);
  EXPECT_EQ(times(text, "kiln_tasks_submitted_total{"), kMaxQueueLabels + 1);
  EXPECT_EQ(times(text, "kiln_dead_letters{"), kMaxQueueLabels + 1);
  // "default" has a label of its own from the start.
  const std::string shared = std::to_string(kMore + 1);
  EXPECT_THAT(text, HasSubstr("kiln_tasks_submitted_total{queue=\"(other)\"} " + shared + "\n"));
  EXPECT_THAT(text,
              HasSubstr("kiln_queue_depth{queue=\"(other)\",state=\"queued\"} " + shared + "\n"));
}

TEST(BrokerMetrics, AnEmptyQueueStaysAtZero) {
  Broker broker("1");
  BrokerSample sample;
  sample.queues.push_back({"mail", std::vector<uint64_t>(model::kTaskStateCount, 3), 2, true, 0});
  EXPECT_THAT(broker.text(sample, kStart), HasSubstr("kiln_queue_paused{queue=\"mail\"} 1\n"));
  const std::string text = broker.text(BrokerSample{}, kStart);
  EXPECT_THAT(text, HasSubstr("kiln_queue_depth{queue=\"mail\",state=\"queued\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kiln_queue_paused{queue=\"mail\"} 0\n"));
}

TEST(BrokerMetrics, ALostWorkerIsShownForAWhileAndOneThatLeftIsNot) {
  Broker broker("1");
  broker.worker_lost("oven-1", kStart);
  broker.worker_lost("oven-2", kStart);
  broker.worker_left("oven-2");
  const std::string soon = broker.text(BrokerSample{}, kStart + std::chrono::minutes(14));
  EXPECT_THAT(soon, HasSubstr("kiln_worker_up{worker=\"oven-1\"} 0\n"));
  EXPECT_THAT(soon, Not(HasSubstr("oven-2")));
  EXPECT_THAT(broker.text(BrokerSample{}, kStart + std::chrono::minutes(16)),
              Not(HasSubstr("oven-1")));
}

TEST(BrokerMetrics, AWorkerThatIsBackIsUpAndInstancesOfOneNameAreOneSeries) {
  Broker broker("1");
  broker.worker_lost("oven-1", kStart);
  BrokerSample sample;
  sample.workers = {{"oven-1", 4, 1, true}, {"oven-1", 2, 5, false}};
  const std::string text = broker.text(sample, kStart);
  EXPECT_EQ(times(text, "kiln_worker_up{"), 1U);
  EXPECT_THAT(text, HasSubstr("kiln_worker_up{worker=\"oven-1\"} 1\n"));
  // What a worker holds beyond its slots waits there.
  EXPECT_THAT(text, HasSubstr("kiln_worker_slots{state=\"busy\",worker=\"oven-1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("kiln_worker_slots{state=\"free\",worker=\"oven-1\"} 3\n"));
  EXPECT_THAT(broker.text(BrokerSample{}, kStart), Not(HasSubstr("oven-1")));
}

TEST(BrokerMetrics, WithoutASampleItsGaugesAreAbsent) {
  Broker broker("1");
  const std::string text = broker.text(std::nullopt, kStart);
  EXPECT_THAT(text, Not(HasSubstr("kiln_queue_depth")));
  EXPECT_THAT(text, HasSubstr("kiln_tasks_submitted_total"));
}

}  // namespace
}  // namespace kiln::metrics
