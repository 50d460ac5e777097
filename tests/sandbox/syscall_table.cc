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

// The order of SECCOMP_RET_* (linux/seccomp.h): the least as a signed number counts.
uint32_t stricter(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a) < static_cast<int32_t>(b) ? a : b;
}

const std::vector<PolicyRule>& base_rules() {
  static const std::vector<PolicyRule> rules = parse_policy(base_policy_text()).value();
  return rules;
}

std::string name_of(long number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number)), std::free);
  return name ? name.get() : "-";
}

// Of each argument that the policy looks at: the values it names (masks of several bits name none),
// and 0.
using Named = std::map<unsigned, std::set<uint64_t>>;

Named named_values(const std::string& syscall) {
  Named out;
  for (const PolicyRule& rule : base_rules()) {
    if (rule.syscall != syscall) continue;
    for (const MaskedCompare& c : rule.compares) {
      out[c.argument].insert(0);
      const bool whole = c.mask == 0xffff'ffff || std::popcount(c.mask) == 1;
      if (whole) out[c.argument].insert(c.value);
      if (c.mask == ~uint64_t{0}) out[c.argument].insert(0x7000);  // some pointer
    }
  }
  return out;
}

void add_lines(long number, const Named& named, Named::const_iterator at,
               std::vector<uint64_t>& arguments, const std::string& before, std::ostream& out) {
  if (at == named.end()) {
    out << before << "  " << answer_name(filter_answer(number, arguments)) << "\n";
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

uint32_t filter_answer(long number, std::initializer_list<uint64_t> arguments,
                       uint32_t architecture) {
  static const SplitPolicy split = split_policy(base_rules()).value();
  static const std::vector<sock_filter> shared = compile_policy(split.shared).value();
  static const std::vector<sock_filter> own = compile_policy(split.own, Answer::allow).value();
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = architecture;
  std::copy(arguments.begin(), arguments.end(), data.args);
  return stricter(run_filter(shared, data), run_filter(own, data));
}

uint32_t filter_answer(long number, const std::vector<uint64_t>& a) {
  return filter_answer(number, {a.at(0), a.at(1), a.at(2), a.at(3), a.at(4), a.at(5)});
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
      out << " " << answer_name(filter_answer(number, arguments)) << "\n";
    } else {
      out << "\n";
      add_lines(number, named, named.begin(), arguments, "", out);
    }
  }
  return out.str();
}

}  // namespace kiln::sandbox
