#include "config/options.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/nearest.h"

namespace kiln::config {
namespace {

constexpr std::array<std::string_view, 3> kCacheWords = {"success", "always", "never"};
constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
constexpr uint8_t kBrokers = kBroker | kServe;
constexpr uint8_t kWorkers = kWorker | kServe;
using enum OptionType;

constexpr std::array kOptions = {
    Option{"client.broker", "--broker", "KILN_BROKER", kClient, text, "ENDPOINT", "",
           "tcp://127.0.0.1:5570", "The broker that is asked"},
    Option{"client.key_file", "--key", "KILN_KEY", kClient, text, "FILE", "", "none",
           "Our key, where the broker asks for one (see keygen)"},
    Option{"client.broker_key", "--broker-key", "KILN_BROKER_KEY", kClient, text, "KEY", "", "none",
           "The broker's public key, or its .pub file"},

    Option{"broker.data", "--data", "KILN_DATA", kBrokers, text, "DIRECTORY", "",
           "/var/lib/kiln as root, else ~/.local/state/kiln", "The directory that holds the tasks"},
    Option{"broker.clients", "--clients", "KILN_BROKER_CLIENTS", kBrokers, text, "ENDPOINT",
           "tcp://127.0.0.1:5570", "", "Where clients connect; port * takes any free one"},
    Option{"broker.workers", "--workers", "KILN_BROKER_WORKERS", kBrokers, text, "ENDPOINT",
           "tcp://127.0.0.1:5571", "", "Where workers connect; port * takes any free one"},
    Option{"broker.key_file", "--key", "KILN_BROKER_KEY_FILE", kBrokers, text, "FILE", "", "none",
           "The broker's key: whoever connects needs one too (see keygen)"},
    Option{"broker.allow", "--allow", "KILN_BROKER_ALLOW", kBrokers, text, "FILE", "", "none",
           "Who may come in: KEY ROLE TENANT NAME lines; read again on SIGHUP"},
    Option{"broker.insecure", "--insecure", "KILN_BROKER_INSECURE", kBrokers, flag, "", "false", "",
           "Listen on any address even without keys or token: everybody there is an admin"},
    Option{"broker.http", "--http", "KILN_HTTP", kBrokers, text, "ADDRESS:PORT", "127.0.0.1:8080",
           "", "Where /metrics, /healthz and /readyz are read, or off; port 0 takes any free one"},
    Option{"broker.metrics_token_file", "--metrics-token-file", "KILN_BROKER_METRICS_TOKEN_FILE",
           kBrokers, text, "FILE", "", "none",
           "Whoever reads /metrics sends the token in this file (Bearer)"},
    Option{"broker.cache", "--cache", "KILN_BROKER_CACHE", kBrokers, word, "MODE", "success", "",
           "Which results answer equal work", 0, 0, kCacheWords},
    Option{"broker.cache_time", "--cache-time", "KILN_BROKER_CACHE_TIME", kBrokers, seconds, "",
           "3600", "", "How long a result answers equal work"},
    Option{"broker.blob_space", "--blob-space", "KILN_BROKER_BLOB_SPACE", kBrokers, megabytes, "",
           "4096", "", "What the blobs of each tenant may take"},
    Option{"broker.alert_command", "--alert-command", "KILN_BROKER_ALERT_COMMAND", kBrokers, text,
           "COMMAND", "", "none",
           "Run by the shell when tasks died, with a JSON line for each on its input"},

    Option{"worker.broker", "--broker", "KILN_WORKER_BROKER", kWorker, text, "ENDPOINT",
           "tcp://127.0.0.1:5571", "", "The broker's endpoint for workers"},
    Option{"worker.key_file", "--key", "KILN_KEY", kWorker, text, "FILE", "", "none",
           "The worker's key, where the broker asks for one (see keygen)"},
    Option{"worker.broker_key", "--broker-key", "KILN_BROKER_KEY", kWorker, text, "KEY", "", "none",
           "The broker's public key, or its .pub file"},
    Option{"worker.name", "--name", "KILN_WORKER_NAME", kWorkers, text, "NAME", "", "the host's",
           "The worker's name"},
    Option{"worker.slots", "--slots", "KILN_WORKER_SLOTS", kWorkers, number, "", "",
           "one for each CPU", "Tasks at once", 1, 1'024},
    Option{"worker.queues", "--queue", "KILN_WORKER_QUEUES", kWorker, list, "NAME", "", "all",
           "Serve only these queues"},
    Option{"worker.tags", "--tag", "KILN_WORKER_TAGS", kWorker, list, "NAME", "", "none",
           "Tags of this worker"},
    Option{"worker.first_uid", "--first-uid", "KILN_WORKER_FIRST_UID", kWorkers, number, "UID", "",
           "231072", "First of the cells' user ids", 1'000, 2'000'000'000},
    Option{"worker.http", "--http", "KILN_WORKER_HTTP", kWorker, text, "ADDRESS:PORT", "off", "",
           "Where /metrics, /healthz and /readyz are read, or off; port 0 takes any free one"},
    Option{"worker.metrics_token_file", "--metrics-token-file", "KILN_WORKER_METRICS_TOKEN_FILE",
           kWorker, text, "FILE", "", "none",
           "Whoever reads /metrics sends the token in this file (Bearer)"},
    Option{"worker.insecure", "--insecure", "KILN_WORKER_INSECURE", kWorker, flag, "", "false", "",
           "HTTP on any address even without a token"},
    Option{"worker.noop", "--noop", "KILN_WORKER_NOOP", kWorker, flag, "", "false", "",
           "Run nothing: tasks of the language noop end at once, so that bench can measure the "
           "broker"},

    Option{"log.level", "--log-level", "KILN_LOG_LEVEL", kBroker | kWorker | kServe, word, "LEVEL",
           "info", "", "Least level of the log lines", 0, 0, kLevels},
};

Error must_be(const std::string& what, std::string_view value) {
  return field_error("", "must be " + what + ", not \"" + std::string(value) + "\"");
}

bool is_whole_number(std::string_view value, int64_t& number) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  return error == std::errc() && end == value.data() + value.size();
}

bool is_decimal(std::string_view value) {
  const size_t dot = value.find('.');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (dot == std::string_view::npos) return digits(value);
  return digits(value.substr(0, dot)) && digits(value.substr(dot + 1));
}

bool is_zero(std::string_view value) {
  return value.find_first_not_of("0.") == std::string_view::npos;
}

Status check_number(const Option& option, std::string_view value) {
  int64_t number = 0;
  if (is_whole_number(value, number) && number >= option.min && number <= option.max) return {};
  return must_be(
      "a whole number from " + std::to_string(option.min) + " to " + std::to_string(option.max),
      value);
}

Status check_word(const Option& option, std::string_view value) {
  if (std::ranges::find(option.words, value) != option.words.end()) return {};
  Error error = must_be("one of its words", value);
  error.hint = allowed_hint(value, option.words);
  return error;
}

}  // namespace

std::span<const Option> options() { return kOptions; }

const Option* find_option(std::string_view key) {
  const auto* const found = std::ranges::find(kOptions, key, &Option::key);
  return found == kOptions.end() ? nullptr : &*found;
}

const Option& option_of(std::string_view key) { return *find_option(key); }

Status check_value(const Option& option, std::string_view value) {
  switch (option.type) {
    case text:
    case list:
      return value.empty() ? Status(must_be("a text", value)) : Status();
    case number:
      return check_number(option, value);
    case flag:
      if (value == "true" || value == "false") return {};
      return must_be("true or false", value);
    case word:
      return check_word(option, value);
    case seconds:
      if (is_decimal(value) && !is_zero(value)) return {};
      return must_be("a positive number of seconds, such as 2 or 0.5", value);
    case megabytes:
      if (is_decimal(value) && value.find('.') == std::string_view::npos && !is_zero(value)) {
        return {};
      }
      return must_be("a positive whole number of MB", value);
  }
  return {};
}

}  // namespace kiln::config
