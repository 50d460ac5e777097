#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace kiln::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ArgumentsTest : public testing::Test {
 protected:
  ArgumentsTest() {
    unsetenv("KILN_BROKER");
    unsetenv("KILN_WORKER_BROKER");
    unsetenv("KILN_DATA");
    unsetenv("KILN_KEY");
    unsetenv("KILN_BROKER_KEY");
  }

  std::variant<Command, int> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "kiln");
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    auto parsed = parse_arguments(static_cast<int>(words.size()), words.data());
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return parsed;
  }
  template <class Options>
  Options options_of(std::vector<const char*> words) {
    const auto parsed = parse(std::move(words));
    const Command* command = std::get_if<Command>(&parsed);
    EXPECT_NE(command, nullptr) << err_;
    return command == nullptr ? Options{} : std::get<Options>(*command);
  }
  // The message of words that must be refused.
  std::string refusal(std::vector<const char*> words) {
    const auto parsed = parse(std::move(words));
    const int* code = std::get_if<int>(&parsed);
    EXPECT_TRUE(code != nullptr && *code == 2);
    EXPECT_EQ(out_, "");
    EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << "one line: " << err_;
    EXPECT_EQ(err_.substr(0, 6), "kiln: ");
    return err_;
  }

  std::string out_;
  std::string err_;
};

TEST_F(ArgumentsTest, KeysComeFromOptionsOrTheEnvironment) {
  const auto bare = options_of<WorkersOptions>({"workers"}).broker;
  EXPECT_EQ(bare.key + bare.broker_key, "");
  const auto typed = options_of<StatusOptions>({"status", "x", "--key", "a", "--broker-key", "b"});
  EXPECT_EQ(typed.broker.key, "a");
  EXPECT_EQ(typed.broker.broker_key, "b");
  setenv("KILN_KEY", "e", 1);
  setenv("KILN_BROKER_KEY", "f", 1);
  const auto worker = options_of<WorkerCommand>({"worker", "--key", "a"});
  EXPECT_EQ(worker.broker.key, "a");
  EXPECT_EQ(worker.broker.broker_key, "f");
  EXPECT_EQ(options_of<BrokerCommand>({"broker"}).key, "") << "a client's key is not the broker's";
  const auto broker = options_of<BrokerCommand>({"broker", "--key", "a", "--allow", "l"});
  EXPECT_EQ(broker.key, "a");
  EXPECT_EQ(broker.allow, "l");
  EXPECT_FALSE(broker.insecure);
  EXPECT_TRUE(options_of<ServeOptions>({"serve", "--insecure"}).broker.insecure);
  unsetenv("KILN_KEY");
  unsetenv("KILN_BROKER_KEY");
}

TEST_F(ArgumentsTest, KeygenTakesARoleThatThereIs) {
  EXPECT_EQ(options_of<KeygenOptions>({"keygen"}).role, "client");
  EXPECT_EQ(options_of<KeygenOptions>({"keygen", "--role", "admin"}).role, "admin");
  EXPECT_THAT(refusal({"keygen", "--role", "boss"}), HasSubstr("boss"));
}

TEST_F(ArgumentsTest, RunTakesAllItsOptions) {
  const auto run = options_of<RunOptions>(
      {"run",        "a.py", "--arg",   "x",       "--arg",    "-y",      "--timeout", "2",
       "--memory",   "64",   "--stdin", "-",       "--file",   "d:e",     "--file",    "f",
       "--language", "bash", "--json",  "--quiet", "--broker", "ipc:///x"});
  EXPECT_EQ(run.program, "a.py");
  EXPECT_THAT(run.task.args, ElementsAre("x", "-y"));
  EXPECT_EQ(run.task.timeout, "2");
  EXPECT_EQ(run.task.memory, "64");
  EXPECT_EQ(run.task.stdin_path, "-");
  EXPECT_THAT(run.task.files, ElementsAre("d:e", "f"));
  EXPECT_EQ(run.task.language, "bash");
  EXPECT_TRUE(run.json && run.quiet);
  EXPECT_EQ(run.broker.endpoint, "ipc:///x");
}

TEST_F(ArgumentsTest, AnArgumentKeepsItsPlaceBeforeTheFile) {
  const auto run = options_of<RunOptions>({"run", "--arg", "x", "a.py"});
  EXPECT_EQ(run.program, "a.py");
  EXPECT_THAT(run.task.args, ElementsAre("x"));
}

TEST_F(ArgumentsTest, NegativeAndEmptyValuesReachTheirCheck) {
  EXPECT_EQ(options_of<RunOptions>({"run", "a.py", "--memory", "-1"}).task.memory, "-1");
  EXPECT_EQ(options_of<RunOptions>({"run", "a.py", "--timeout=-1"}).task.timeout, "-1");
  EXPECT_THAT(options_of<RunOptions>({"run", "a.py", "--arg", ""}).task.args, ElementsAre(""));
}

TEST_F(ArgumentsTest, ADashIsAProgram) {
  EXPECT_EQ(options_of<RunOptions>({"run", "-", "--language", "python"}).program, "-");
}

TEST_F(ArgumentsTest, TheBrokerComesFromTheEnvironmentToo) {
  EXPECT_EQ(options_of<RunOptions>({"run", "a.py"}).broker.endpoint, "");
  EXPECT_EQ(options_of<StatusOptions>({"status", "x"}).broker.endpoint, kDefaultBroker);
  setenv("KILN_BROKER", "ipc:///env", 1);
  EXPECT_EQ(options_of<RunOptions>({"run", "a.py"}).broker.endpoint, "ipc:///env");
  EXPECT_EQ(options_of<StatusOptions>({"status", "x"}).broker.endpoint, "ipc:///env");
  EXPECT_EQ(options_of<StatusOptions>({"status", "x", "--broker", "ipc:///o"}).broker.endpoint,
            "ipc:///o");
}

TEST_F(ArgumentsTest, ServicesHaveTheirDefaults) {
  const auto serve = options_of<ServeOptions>({"serve", "--slots", "3", "--name", "w"});
  EXPECT_EQ(serve.broker.clients, kDefaultBroker);
  EXPECT_EQ(serve.broker.workers, kDefaultWorkersEndpoint);
  EXPECT_EQ(serve.worker.slots, 3U);
  EXPECT_EQ(serve.worker.name, "w");
  const auto worker = options_of<WorkerCommand>({"worker", "--queue", "a", "--queue", "b"});
  EXPECT_THAT(worker.queues, ElementsAre("a", "b"));
  EXPECT_EQ(options_of<BrokerCommand>({"broker"}).data, "");
}

TEST_F(ArgumentsTest, VariablesCountBeforeDefaultsAndAreChecked) {
  setenv("KILN_WORKER_SLOTS", "3", 1);
  setenv("KILN_WORKER_QUEUES", "a,b", 1);
  setenv("KILN_BROKER_CACHE", "nevr", 1);
  const auto worker = options_of<WorkerCommand>({"worker", "--tag", "x"});
  EXPECT_EQ(worker.slots, 3U);
  EXPECT_THAT(worker.queues, ElementsAre("a", "b"));
  EXPECT_THAT(worker.tags, ElementsAre("x"));
  EXPECT_EQ(options_of<WorkerCommand>({"worker", "--slots", "4"}).slots, 4U);
  EXPECT_THAT(refusal({"broker"}),
              HasSubstr("KILN_BROKER_CACHE must be one of its words, not \"nevr\""));
  setenv("KILN_WORKER_SLOTS", "0", 1);
  EXPECT_THAT(refusal({"worker"}), HasSubstr("KILN_WORKER_SLOTS must be a whole number from 1"));
  for (const char* name : {"KILN_WORKER_SLOTS", "KILN_WORKER_QUEUES", "KILN_BROKER_CACHE"}) {
    unsetenv(name);
  }
}

TEST_F(ArgumentsTest, SubmitTakesSeveralPrograms) {
  const auto submit = options_of<SubmitOptions>(
      {"submit", "a.py", "b.py", "--queue", "q", "--priority", "8", "--no-cache", "--wait"});
  EXPECT_THAT(submit.programs, ElementsAre("a.py", "b.py"));
  EXPECT_EQ(submit.queue, "q");
  EXPECT_EQ(submit.priority, 8);
  EXPECT_TRUE(submit.no_cache && submit.wait);
}

TEST_F(ArgumentsTest, MistypedWordsGetTheRightOne) {
  EXPECT_THAT(refusal({"run", "a.py", "--timeot", "2"}),
              HasSubstr("unknown option --timeot: did you mean --timeout?"));
  EXPECT_THAT(refusal({"rum", "a.py"}), HasSubstr("unknown command rum: did you mean run?"));
  EXPECT_THAT(refusal({"run", "a.py", "b.py"}), HasSubstr("unexpected b.py"));
}

TEST_F(ArgumentsTest, WrongUseIsOneLine) {
  EXPECT_THAT(refusal({}), HasSubstr("--help"));
  EXPECT_THAT(refusal({"run"}), HasSubstr("FILE"));
  EXPECT_THAT(refusal({"run", "a.py", "--timeout"}), HasSubstr("--timeout"));
  EXPECT_THAT(refusal({"run", "a.py", "--timeout", "1", "--timeout", "2"}),
              HasSubstr("--timeout is given twice"));
  EXPECT_THAT(refusal({"serve", "--slots", "0"}), HasSubstr("--slots"));
  EXPECT_THAT(refusal({"serve", "--slots", "many"}), HasSubstr("--slots"));
  EXPECT_THAT(refusal({"submit", "a.py", "--priority", "1e3"}), HasSubstr("--priority"));
  EXPECT_THAT(refusal({"broker", "--log-level", "loud"}), HasSubstr("--log-level"));
}

TEST_F(ArgumentsTest, HelpHasExamplesForEachCommand) {
  for (const char* name :
       {"run", "serve", "broker", "worker", "submit", "status", "result", "cancel", "workers"}) {
    const auto parsed = parse({name, "--help"});
    ASSERT_TRUE(std::holds_alternative<int>(parsed));
    EXPECT_EQ(std::get<int>(parsed), 0);
    EXPECT_THAT(out_, HasSubstr("Examples:\n  $ ")) << name;
  }
}

TEST_F(ArgumentsTest, Version) {
  EXPECT_EQ(std::get<int>(parse({"--version"})), 0);
  EXPECT_THAT(out_, testing::MatchesRegex("kiln [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace kiln::cli
