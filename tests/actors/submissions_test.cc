#include "actors/submissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/requests.h"

namespace kiln::actors {
namespace {

using testing::HasSubstr;

const WallTime kNow = wall_from_micros(1'700'000'000'000'000);
const std::string kTenant = "red";
const net::Identity kSender{net::Role::client, kTenant, "builder", ""};

model::TaskSpec spec(std::string code = "print(1)") {
  model::TaskSpec made;
  made.program.language = "python";
  made.program.code = std::move(code);
  return made;
}

class SubmissionsTest : public testing::Test {
 protected:
  Error refusal(model::TaskSpec wrong, const std::string& field = "task") {
    auto made = submissions_.make({std::move(wrong)}, kTenant, field, kNow);
    EXPECT_FALSE(made.ok());
    return made.ok() ? Error{} : made.error();
  }
  Submissions submissions_{config::default_languages(), Random(7)};
};

TEST_F(SubmissionsTest, GivesIdsHashesAndTheProgramAsTheStoreKeepsIt) {
  auto made = submissions_.make({spec("print(1)"), spec("print(2)")}, kTenant, "tasks", kNow);
  ASSERT_TRUE(made.ok());
  const core::Submission& one = made->at(0);
  EXPECT_FALSE(one.chosen_id);
  EXPECT_NE(one.row.id, made->at(1).row.id);
  EXPECT_EQ(one.row.tenant, kTenant);
  EXPECT_EQ(one.row.submitted_at, kNow);
  EXPECT_EQ(one.row.code_hash, sha256("print(1)"));
  EXPECT_NE(one.row.body_hash, made->at(1).row.body_hash);
  const auto program = net::decode_program(*one.program);
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->code, "print(1)");
}

TEST_F(SubmissionsTest, KeepsTheIdAClientChose) {
  model::TaskSpec chosen = spec();
  chosen.id = TaskId{{9}};
  auto made = submissions_.make({chosen}, kTenant, "task", kNow);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(made->front().chosen_id);
  EXPECT_EQ(made->front().row.id, TaskId{{9}});
}

TEST_F(SubmissionsTest, NeverTakesATenantFromTheClient) {
  model::TaskSpec other = spec();
  other.tenant = "somebody";
  EXPECT_EQ(submissions_.make({other}, kTenant, "task", kNow)->front().row.tenant, kTenant);
}

TEST_F(SubmissionsTest, MakesALanguagesVersionPartOfTheCacheKey) {
  const auto before = submissions_.make({spec()}, kTenant, "task", kNow)->front().row.cache_key;
  submissions_.learn({{"python", "3.11.2"}, {"cobol", "1"}});
  EXPECT_NE(submissions_.make({spec()}, kTenant, "task", kNow)->front().row.cache_key, before);
}

TEST_F(SubmissionsTest, RefusesAnUnknownLanguageByName) {
  model::TaskSpec wrong = spec();
  wrong.program.language = "cobol";
  const Error error = refusal(wrong);
  EXPECT_EQ(error.code, ErrorCode::unknown_language);
  EXPECT_EQ(error.field, "task.language");
  EXPECT_THAT(error.hint, HasSubstr("python"));
}

TEST_F(SubmissionsTest, NamesTheFieldAndThePlaceInABatch) {
  model::TaskSpec wrong = spec();
  wrong.queue = "a/b";
  const auto made = submissions_.make({spec(), wrong}, kTenant, "tasks", kNow);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().field, "tasks[1].queue");
}

TEST_F(SubmissionsTest, RefusesAnInputFileInThePlaceOfTheSource) {
  for (const char* path : {"main.py", "main.py/x"}) {
    model::TaskSpec wrong = spec();
    wrong.program.files = {{path, ""}};
    EXPECT_EQ(refusal(wrong).field, "task.files") << path;
  }
}

TEST_F(SubmissionsTest, KnowsTheBlobsOfAProgram) {
  model::TaskSpec with_blob = spec();
  const model::BlobRef blob{sha256("content"), 7};
  with_blob.program.files = {{"small", "x"}, {"large", "", blob}};
  const auto made = submissions_.make({with_blob}, kTenant, "task", kNow);
  ASSERT_TRUE(made.ok()) << made.error().text();
  EXPECT_EQ(made.value()[0].blobs, model::BlobRefs{blob});
  with_blob.program.files[1].blob->size = 0;
  EXPECT_EQ(refusal(with_blob).field, "task.files[large].size");
}

TEST_F(SubmissionsTest, RefusesAnEmptyBatch) {
  const auto made = submissions_.make({}, kTenant, "tasks", kNow);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().field, "tasks");
}

TEST(Requests, AnswersAPingWithoutTheQueue) {
  Requests requests(Submissions(config::default_languages(), Random(1)));
  const Request answer = requests.make(net::Ping{4}, "route", kSender, kNow);
  ASSERT_TRUE(std::holds_alternative<net::Ok>(answer));
  EXPECT_THAT(*std::get<net::Ok>(answer).server, HasSubstr("kiln"));
}

TEST(Requests, CarryTheClientWithItsRequestNumber) {
  Requests requests(Submissions(config::default_languages(), Random(1)));
  net::Submit submit;
  submit.rid = 12;
  submit.task = spec();
  submit.watch = true;
  const Request made = requests.make(submit, "route", kSender, kNow);
  const auto* command = std::get_if<core::Command>(&made);
  ASSERT_NE(command, nullptr);
  const auto& submitted = std::get<core::Submit>(*command);
  EXPECT_EQ(submitted.client, (core::ClientRef{"route", 12, kTenant}));
  EXPECT_TRUE(submitted.watch);
}

}  // namespace
}  // namespace kiln::actors
