// The command line as data. CLI11 is used in arguments.cc only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/task.h"
#include "net/protocol.h"

namespace kiln::cli {

inline constexpr const char* kDefaultBroker = "tcp://127.0.0.1:5570";
inline constexpr const char* kDefaultWorkersEndpoint = "tcp://127.0.0.1:5571";

// What is to be run and how, shared by run and submit.
struct TaskOptions {
  std::string language;             // "": from the file's extension
  std::vector<std::string> args;    // the program's arguments
  std::string stdin_path;           // "": no input; "-": ours
  std::string timeout;              // seconds, as typed
  std::string memory;               // MB, as typed
  std::vector<std::string> limits;  // NAME=NUMBER
  std::vector<std::string> env;     // NAME=VALUE
  std::vector<std::string> files;   // PATH or PATH:NAME, files and directories
};

// Where the broker is, and the keys it asks for. Both or none of the two are given.
struct BrokerAccess {
  std::string endpoint;
  std::string key;         // our NAME.key file
  std::string broker_key;  // the broker's public key: its text, or a NAME.pub file
};

struct RunOptions {
  std::string program;  // a path, or "-": our standard input
  TaskOptions task;
  BrokerAccess broker;  // no endpoint: a broker and a worker of its own
  std::string out;      // the directory for its artifacts; "": they are not written
  bool json = false;
  bool quiet = false;
};

struct SubmitOptions {
  std::vector<std::string> programs;
  TaskOptions task;
  BrokerAccess broker;
  std::string queue = "default";
  int priority = model::kDefaultPriority;
  std::string id;  // "": chosen here
  std::optional<int> max_retries;
  std::vector<std::string> retry_on;       // reasons
  std::optional<std::string> retry_delay;  // this and the next two: seconds, as typed
  std::optional<std::string> countdown;
  std::optional<std::string> expires_in;
  bool wait = false;
  bool no_cache = false;
  bool json = false;
};

struct StatusOptions {
  std::string id;
  BrokerAccess broker;
  bool history = false;
  bool json = false;
};

struct ResultOptions {
  std::string id;
  BrokerAccess broker;
  std::optional<std::string> wait;  // seconds, as typed
  std::string out;                  // as of RunOptions
  bool json = false;
  bool quiet = false;
};

struct CancelOptions {
  std::string id;
  BrokerAccess broker;
  bool json = false;
};

struct RetryOptions {
  std::string id;
  BrokerAccess broker;
  bool json = false;
};

struct LogsOptions {
  std::string id;
  BrokerAccess broker;
  bool follow = false;
  bool json = false;
};

struct ListOptions {
  BrokerAccess broker;
  std::optional<std::string> queue;
  std::optional<std::string> state;
  uint32_t limit = 100;
  bool json = false;
};

struct QueuesOptions {
  BrokerAccess broker;
  bool list = true;  // else `op`
  net::AdminOp op = net::AdminOp::pause_queue;
  std::string queue;
  std::optional<uint32_t> max_retries;
  std::vector<std::string> retry_on;
  std::optional<std::string> retry_delay;  // seconds, as typed
  std::optional<bool> full_jitter;
  bool json = false;
};

struct WorkersOptions {
  BrokerAccess broker;
  bool list = true;  // else `op`
  net::AdminOp op = net::AdminOp::ping_worker;
  std::string worker;
  bool json = false;
};

struct DeadLettersOptions {
  BrokerAccess broker;
  net::DeadLetterOp op = net::DeadLetterOp::list;
  std::vector<std::string> ids;
  std::optional<std::string> queue;
  std::optional<std::string> verdict;
  std::optional<uint32_t> limit;
  std::optional<uint32_t> rate;  // a second
  bool all = false;
  bool dry_run = false;
  bool json = false;
};

inline constexpr const char* kNoHttp = "off";

// One option as it holds, and where that comes from: "flag --data", "variable KILN_DATA",
// "kiln.yaml:3" or "default".
struct EffectiveOption {
  std::string key;
  std::string value;
  std::string origin;
};

// Of a service that is only to be checked.
struct ConfigCheck {
  bool wanted = false;
  bool json = false;
  std::vector<EffectiveOption> values;
};

// Where metrics and health are read.
struct HttpCommand {
  std::string address;     // or kNoHttp
  std::string token_file;  // "": no token is asked for
};

// The defaults of a service's options are in config/options.cc.
struct BrokerCommand {
  std::string data;  // "": the default
  std::string clients;
  std::string workers;
  std::string key;    // a NAME.key file; "": no keys
  std::string allow;  // the file that names who may come in
  bool insecure = false;
  std::string cache;       // success, always or never
  std::string cache_time;  // seconds, as typed
  std::string alert_command;
  std::string blob_space;  // MB for each tenant, as typed
  HttpCommand http;
  std::string log_level;
  ConfigCheck check;
};

struct WorkerCommand {
  BrokerAccess broker;
  std::string name;    // "": the host's
  uint32_t slots = 0;  // 0: one for each CPU
  std::vector<std::string> queues;
  std::vector<std::string> tags;
  uint32_t first_uid = 0;  // 0: the sandbox's default
  HttpCommand http;
  bool insecure = false;  // HTTP on any address without a token
  bool noop = false;
  std::string log_level;
  ConfigCheck check;
};

struct ServeOptions {
  BrokerCommand broker;
  WorkerCommand worker;  // its `broker` is not used
  ConfigCheck check;
};

struct KeygenOptions {
  std::string out = "kiln.key";
  std::string role = "client";
  std::string tenant = "default";
  std::string name;  // "": that of the file
  bool json = false;
};

struct VerifyOptions {
  std::string data;    // "": the default
  std::string ledger;  // a file; "": none
  bool all_ended = false;
  bool json = false;
};

struct BenchOptions {
  std::string pattern = "throughput";
  BrokerAccess broker;  // no endpoint: a broker and a worker of its own
  bool noop = false;    // programs of the language noop, else Python
  uint32_t tasks = 200;
  uint32_t clients = 8;
  uint32_t window = 1;
  double rate = 50;    // a second
  uint32_t slots = 0;  // of its own worker; 0: one for each CPU
  bool json = false;
};

struct DoctorOptions {
  std::string data;  // "": the default
  bool json = false;
};

using Command = std::variant<RunOptions, ServeOptions, BrokerCommand, WorkerCommand, SubmitOptions,
                             StatusOptions, ResultOptions, CancelOptions, RetryOptions, LogsOptions,
                             ListOptions, QueuesOptions, WorkersOptions, DeadLettersOptions,
                             KeygenOptions, VerifyOptions, BenchOptions, DoctorOptions>;

// A command, or the exit code after help, the version or an error was printed.
std::variant<Command, int> parse_arguments(int argc, const char* const* argv);

}  // namespace kiln::cli
