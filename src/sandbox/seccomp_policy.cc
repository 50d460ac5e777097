#include "sandbox/seccomp_policy.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <sstream>

#include "base/fd.h"
#include "sandbox/profile_texts.h"

namespace kiln::sandbox {
namespace {

constexpr unsigned kMaxArgument = 5;
constexpr uint32_t kAllBits = 0xffff'ffff;
constexpr uint64_t kAllPointerBits = ~uint64_t{0};

// A condition: any one of these compares holds.
using Alternatives = std::vector<MaskedCompare>;

std::optional<uint32_t> parse_value(std::string_view word) {
  const int base = word.starts_with("0x") ? 16 : 10;
  if (base == 16) word.remove_prefix(2);
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<Answer> parse_answer(std::string_view word) {
  if (word == "allow") return Answer::allow;
  if (word == "enosys") return Answer::enosys;
  if (word == "eperm") return Answer::eperm;
  if (word == "eafnosupport") return Answer::eafnosupport;
  if (word == "eprotonosupport") return Answer::eprotonosupport;
  if (word == "done") return Answer::done;
  if (word == "ask") return Answer::ask;
  return std::nullopt;
}

std::optional<Alternatives> make_condition(unsigned argument, std::string_view relation,
                                           const std::vector<uint32_t>& values) {
  Alternatives out;
  // "null" takes no values, all others take some.
  if ((relation == "null") != values.empty()) return std::nullopt;
  if (relation == "null") {
    out.push_back({argument, kAllPointerBits, 0});
  } else if (relation == "is") {
    for (const uint32_t value : values) out.push_back({argument, kAllBits, value});
  } else if (relation == "has") {
    for (const uint32_t bit : values) out.push_back({argument, bit, bit});
  } else if (relation == "lacks") {
    uint32_t mask = 0;
    for (const uint32_t bit : values) mask |= bit;
    out.push_back({argument, mask, 0});
  } else if (relation == "not") {
    out = complement(argument, values);
  } else {
    return std::nullopt;
  }
  return out;
}

// Words from `at` on: "if 0 is 1 2 and 1 not 3". Nothing: a mistake.
std::optional<std::vector<Alternatives>> parse_conditions(const std::vector<std::string>& words,
                                                          size_t at) {
  std::vector<Alternatives> out;
  while (at < words.size()) {
    if (words[at] != (out.empty() ? "if" : "and") || at + 2 >= words.size()) return std::nullopt;
    const auto argument = parse_value(words[at + 1]);
    const std::string& relation = words[at + 2];
    std::vector<uint32_t> values;
    for (at += 3; at < words.size() && words[at] != "and"; ++at) {
      const auto value = parse_value(words[at]);
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    if (!argument || *argument > kMaxArgument) return std::nullopt;
    auto condition = make_condition(*argument, relation, values);
    if (!condition) return std::nullopt;
    out.push_back(std::move(*condition));
  }
  return out;
}

// All ways to hold every condition, as one rule each.
void expand(const PolicyRule& rule, const std::vector<Alternatives>& conditions, size_t at,
            std::vector<PolicyRule>& out) {
  if (at == conditions.size()) {
    out.push_back(rule);
    return;
  }
  for (const MaskedCompare& compare : conditions[at]) {
    PolicyRule next = rule;
    next.compares.push_back(compare);
    expand(next, conditions, at + 1, out);
  }
}

bool parse_line(const std::string& line, std::vector<PolicyRule>& out) {
  std::istringstream stream(line.substr(0, line.find('#')));
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty()) return true;
  if (words.size() < 2) return false;
  const auto answer = parse_answer(words[1]);
  const auto conditions = parse_conditions(words, 2);
  if (!answer || !conditions) return false;
  expand(PolicyRule{words[0], *answer, {}}, *conditions, 0, out);
  return true;
}

uint32_t action_of(Answer answer) {
  if (answer == Answer::allow) return SCMP_ACT_ALLOW;
  if (answer == Answer::ask) return SCMP_ACT_NOTIFY;
  return SCMP_ACT_ERRNO(static_cast<uint32_t>(errno_of(answer)));
}

int add_rule(scmp_filter_ctx context, const PolicyRule& rule, Answer unlisted) {
  const auto number = syscall_number(rule.syscall);
  // libseccomp refuses a rule that says what is said of the unlisted anyway, and what this machine
  // does not know needs no rule.
  if (!number || rule.answer == unlisted) return 0;
  std::vector<scmp_arg_cmp> compares;
  for (const MaskedCompare& c : rule.compares) {
    compares.push_back(scmp_arg_cmp{c.argument, SCMP_CMP_MASKED_EQ, c.mask, c.value});
  }
  return seccomp_rule_add_array(context, action_of(rule.answer), *number,
                                static_cast<unsigned>(compares.size()), compares.data());
}

int set_attributes(scmp_filter_ctx context) {
  if (int e = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) return e;
  if (int e = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0)) return e;
  return seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
  const UniqueFd file(::memfd_create("kiln-filter", MFD_CLOEXEC));
  if (!file) return errno_error(ErrorCode::sandbox, "make a memory file", errno);
  if (const int error = seccomp_export_bpf(context, file.get())) {
    return errno_error(ErrorCode::sandbox, "export the syscall filter", -error);
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<size_t>(size), 0) != size) {
    return errno_error(ErrorCode::sandbox, "read the syscall filter", errno);
  }
  return program;
}

// A call that the programs' own filters answer.
struct Left {
  Answer answer = Answer::enosys;  // the base list's
  size_t profile = 0;              // that answers otherwise; 0: none does
};
using Leftover = std::map<std::string_view, Left>;

Error misplaced(const PolicyRule& rule, std::string what) {
  return Error{ErrorCode::invalid_argument, "the answer to " + rule.syscall + " " + std::move(what),
               "", "each program's own filter answers it, and is small",
               "See seccomp_policy.h for what a list may say"};
}

Status leave_to(Leftover& leftover, const PolicyRule& rule, size_t profile) {
  const auto [at, added] = leftover.try_emplace(rule.syscall, Left{Answer::enosys, profile});
  if (added || at->second.profile == profile) return {};
  return misplaced(rule, at->second.profile == 0 ? "is needed to make cells, and no profile's"
                                                 : "stands in two profiles");
}

}  // namespace

std::vector<MaskedCompare> complement(unsigned argument, const std::vector<uint32_t>& values) {
  // Walk down the bits: a prefix under which no value lies is one compare; stop at a value itself.
  struct Prefix {
    uint32_t bits;
    unsigned length;
  };
  std::vector<MaskedCompare> out;
  std::vector<Prefix> open = {{0, 0}};
  while (!open.empty()) {
    const Prefix prefix = open.back();
    open.pop_back();
    const uint32_t mask = prefix.length == 0 ? 0 : kAllBits << (32 - prefix.length);
    const bool taken =
        std::ranges::any_of(values, [&](uint32_t v) { return (v & mask) == prefix.bits; });
    if (!taken) {
      out.push_back({argument, mask, prefix.bits});
    } else if (prefix.length < 32) {
      const uint32_t bit = uint32_t{1} << (31 - prefix.length);
      open.push_back({prefix.bits, prefix.length + 1});
      open.push_back({prefix.bits | bit, prefix.length + 1});
    }
  }
  return out;
}

Result<std::vector<PolicyRule>> parse_policy(std::string_view text) {
  std::vector<PolicyRule> rules;
  std::istringstream stream{std::string(text)};
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (parse_line(line, rules)) continue;
    return Error{ErrorCode::invalid_argument,
                 "line " + std::to_string(number) + " of the syscall policy cannot be read", "",
                 line, "See seccomp_policy.h for the form of a line"};
  }
  return rules;
}

Result<std::vector<sock_filter>> compile_policy(const std::vector<PolicyRule>& rules,
                                                Answer unlisted) {
  const std::unique_ptr<void, void (*)(void*)> context(seccomp_init(action_of(unlisted)),
                                                       [](void* c) { seccomp_release(c); });
  if (!context) return Error{ErrorCode::sandbox, "libseccomp cannot start", "", "", ""};
  if (const int error = set_attributes(context.get())) {
    return errno_error(ErrorCode::sandbox, "set up the syscall filter", -error);
  }
  for (const PolicyRule& rule : rules) {
    if (const int error = add_rule(context.get(), rule, unlisted)) {
      return errno_error(ErrorCode::sandbox, "add the rule for " + rule.syscall, -error);
    }
  }
  return export_program(context.get());
}

Result<SplitPolicy> split_policies(const Profiles& profiles) {
  Leftover leftover;
  for (const std::string_view name : kSetupCalls) leftover[name] = {};
  SplitPolicy out;
  for (size_t i = 1; i < profiles.size(); ++i) {
    for (const PolicyRule& rule : profiles[i]) {
      if (Status s = leave_to(leftover, rule, i); !s) return std::move(s).error();
      out.shared.push_back(rule);
    }
  }
  std::vector<PolicyRule> questions;
  for (const PolicyRule& rule : profiles[0]) {
    if (const auto at = leftover.find(rule.syscall); at != leftover.end()) {
      if (!rule.compares.empty()) return misplaced(rule, "cannot hang on its arguments");
      at->second.answer = rule.answer;
      continue;
    }
    out.shared.push_back(rule);
    if (rule.answer != Answer::ask) continue;
    out.shared.back().answer = Answer::allow;
    questions.push_back(rule);
  }
  for (const std::string_view name : kSetupCalls) {
    out.shared.push_back({std::string(name), Answer::allow, {}});
  }
  for (size_t i = 0; i < profiles.size(); ++i) {
    std::vector<PolicyRule>& own = out.own.emplace_back(questions);
    for (const auto& [name, left] : leftover) {
      if (i == 0 || left.profile != i) own.push_back({std::string(name), left.answer, {}});
    }
  }
  return out;
}

Answer answer_of(const std::vector<PolicyRule>& rules, std::string_view syscall,
                 const std::array<uint64_t, 6>& arguments) {
  const auto holds = [&arguments](const MaskedCompare& compare) {
    return (arguments.at(compare.argument) & compare.mask) == compare.value;
  };
  for (const PolicyRule& rule : rules) {
    if (rule.syscall == syscall && std::ranges::all_of(rule.compares, holds)) return rule.answer;
  }
  return Answer::enosys;
}

int errno_of(Answer answer) {
  switch (answer) {
    case Answer::allow:
    case Answer::ask:
    case Answer::done:
      return 0;
    case Answer::eperm:
      return EPERM;
    case Answer::eafnosupport:
      return EAFNOSUPPORT;
    case Answer::eprotonosupport:
      return EPROTONOSUPPORT;
    case Answer::enosys:
      break;
  }
  return ENOSYS;
}

std::optional<int> syscall_number(const std::string& name) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  return number == __NR_SCMP_ERROR ? std::nullopt : std::optional(number);
}

Result<Profiles> builtin_profiles() {
  Profiles out;
  for (size_t i = 0; i < model::kSyscallProfiles.size(); ++i) {
    auto rules = parse_policy(profile_text(static_cast<model::SyscallProfile>(i)));
    if (!rules) return std::move(rules).error();
    out.push_back(std::move(*rules));
  }
  return out;
}

}  // namespace kiln::sandbox
