#include "cli/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kiln::cli {
namespace {

using nlohmann::json;

TEST(Json, ResultHasItsFieldsAndTheTask) {
  net::TaskInfo task;
  task.state = model::TaskState::succeeded;
  task.queue = "q";
  model::TaskResult result;
  result.verdict = model::Verdict::ok;
  result.exit_code = 0;
  result.out.bytes = "line\n";
  result.limits_hit = {model::LimitHit::disk};
  const json parsed = json::parse(result_json(task, result));
  EXPECT_EQ(parsed.at("verdict"), "ok");
  EXPECT_EQ(parsed.at("exit_code"), 0);
  EXPECT_FALSE(parsed.contains("signal"));
  EXPECT_EQ(parsed.at("limits_hit"), json::array({"disk"}));
  EXPECT_EQ(parsed.at("task").at("state"), "succeeded");
  EXPECT_EQ(parsed.at("task").at("queue"), "q");
}

TEST(Json, WithoutAResultThereIsOnlyTheTask) {
  const json parsed = json::parse(result_json(net::TaskInfo{}, std::nullopt));
  EXPECT_EQ(parsed.size(), 1U);
  EXPECT_TRUE(parsed.contains("task"));
}

TEST(Json, IsOneLine) {
  model::TaskResult result;
  result.out.bytes = "a\nb\r\n\x01";
  EXPECT_EQ(result_json({}, result).find_first_of("\n\r"), std::string::npos);
}

TEST(Json, WorkersAreAList) {
  net::WorkerInfo worker;
  worker.name = "w";
  worker.languages = {{"python", "3.11.2"}};
  net::Ok answer;
  answer.rid = 7;
  answer.workers = {worker};
  const json parsed = json::parse(answer_json(answer));
  EXPECT_FALSE(parsed.contains("rid"));
  EXPECT_EQ(parsed.at("workers").at(0).at("name"), "w");
  EXPECT_EQ(parsed.at("workers").at(0).at("languages").at(0).at("version"), "3.11.2");
}

}  // namespace
}  // namespace kiln::cli
