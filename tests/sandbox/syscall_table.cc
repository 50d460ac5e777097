#include "tests/sandbox/syscall_table.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "sandbox/seccomp_policy.h"

namespace kiln::sandbox {
namespace {

bool jumps(uint16_t code, uint32_t accumulator, uint32_t operand) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return accumulator == operand;
    case BPF_JGT:
      return accumulator > operand;
    case BPF_JGE:
      return accumulator >= operand;
    default:
      return (accumulator & operand) != 0;
  }
}

// The kinds of instructions that seccomp allows and libseccomp makes (kernel/seccomp.c,
// seccomp_check_filter).
uint32_t run_filter(const std::vector<sock_filter>& program, const seccomp_data& data) {
  uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    switch (BPF_CLASS(step.code)) {
      case BPF_LD:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k,
                    sizeof accumulator);
        break;
      case BPF_ALU:
        EXPECT_EQ(BPF_OP(step.code), BPF_AND);
        accumulator &= step.k;
        break;
      case BPF_JMP:
        if (BPF_OP(step.code) == BPF_JA) {
          at += step.k;
        } else {
          at += jumps(step.code, accumulator, step.k) ? step.jt : step.jf;
        }
        break;
      case BPF_RET:
        return step.k;
      default:
        ADD_FAILURE() << "unknown instruction " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "the program ran off its end";
  return 0;
}

// Actions are in the order of SECCOMP_RET_* (linux/seccomp.h), the least as a signed number counts;
// of two errors that of the filter loaded last (kernel/seccomp.c, seccomp_run_filters).
uint32_t stricter(uint32_t first, uint32_t last) {
  const auto order = [](uint32_t answer) {
    return static_cast<int32_t>(answer & SECCOMP_RET_ACTION_FULL);
  };
  return order(first) < order(last) ? first : last;
}

const Profiles& profiles() {
  static const Profiles all = builtin_profiles().value();
  return all;
}

struct Filters {
  std::vector<sock_filter> shared;
  std::vector<std::vector<sock_filter>> own;
};

const Filters& filters() {
  static const Filters all = [] {
    const SplitPolicy split = split_policies(profiles()).value();
    Filters out{compile_policy(split.shared).value(), {}};
    for (const auto& own : split.own) out.own.push_back(compile_policy(own, Answer::allow).value());
    return out;
  }();
  return all;
}

std::string name_of(long number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number)), std::free);
  return name ? name.get() : "-";
}

// Of each argument that the policy looks at: the values it names (masks of several bits name none),
// and 0.
using Named = std::map<unsigned, std::set<uint64_t>>;

void add_named(const PolicyRule& rule, Named& out) {
  for (const MaskedCompare& c : rule.compares) {
    out[c.argument].insert(0);
    const bool whole = c.mask == 0xffff'ffff || std::popcount(c.mask) == 1;
    if (whole) out[c.argument].insert(c.value);
    if (c.mask == ~uint64_t{0}) out[c.argument].insert(0x7000);  // some pointer
  }
}

Named named_values(const std::string& syscall) {
  Named out;
  for (const std::vector<PolicyRule>& rules : profiles()) {
    for (const PolicyRule& rule : rules) {
      if (rule.syscall == syscall) add_named(rule, out);
    }
  }
  return out;
}

// "eperm", and " personality:allow" for each profile that answers otherwise.
std::string answers(long number, const std::vector<uint64_t>& arguments) {
  const std::string usual = answer_name(filter_answer(number, arguments));
  std::string out = usual;
  for (size_t i = 1; i < profiles().size(); ++i) {
    const auto profile = static_cast<model::SyscallProfile>(i);
    const std::string other = answer_name(filter_answer(number, arguments, profile));
    if (other != usual) out += " " + std::string(to_string(profile)) + ":" + other;
  }
  return out;
}

void add_lines(long number, const Named& named, Named::const_iterator at,
               std::vector<uint64_t>& arguments, const std::string& before, std::ostream& out) {
  if (at == named.end()) {
    out << before << "  " << answers(number, arguments) << "\n";
    return;
  }
  for (const uint64_t value : at->second) {
    std::ostringstream text;
    text << before << "  " << at->first << "=0x" << std::hex << value;
    arguments[at->first] = value;
    add_lines(number, named, std::next(at), arguments, text.str(), out);
  }
}

}  // namespace

uint32_t filter_answer(long number, const std::vector<uint64_t>& arguments,
                       model::SyscallProfile profile, uint32_t architecture) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  std::copy(arguments.begin(), arguments.end(), data.args);
  const auto& own = filters().own.at(static_cast<size_t>(profile));
  return stricter(run_filter(filters().shared, data), run_filter(own, data));
}

std::string answer_name(uint32_t answer) {
  static const std::map<uint32_t, std::string> names = {
      {SECCOMP_RET_ALLOW, "allow"},
      {SECCOMP_RET_USER_NOTIF, "ask"},
      {SECCOMP_RET_KILL_PROCESS, "kill"},
      {SECCOMP_RET_ERRNO, "done"},
      {SECCOMP_RET_ERRNO | EPERM, "eperm"},
      {SECCOMP_RET_ERRNO | ENOSYS, "enosys"},
      {SECCOMP_RET_ERRNO | EAFNOSUPPORT, "eafnosupport"},
      {SECCOMP_RET_ERRNO | EPROTONOSUPPORT, "eprotonosupport"}};
  const auto found = names.find(answer);
  return found == names.end() ? "unknown" : found->second;
}

std::string syscall_table() {
  std::ostringstream out;
  for (long number = 0; number <= kLastSyscall; ++number) {
    const std::string name = name_of(number);
    const Named named = named_values(name);
    out << number << " " << name;
    std::vector<uint64_t> arguments(6, 0);
    if (named.empty()) {
      out << " " << answers(number, arguments) << "\n";
    } else {
      out << "\n";
      add_lines(number, named, named.begin(), arguments, "", out);
    }
  }
  return out.str();
}

}  // namespace kiln::sandbox
