// kiln doctor: whether this machine can run untrusted programs in full isolation; what is missing,
// why that matters, and what mends it. What a cell promises is asked of a real one: the launcher's
// canary. Nothing is left behind.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "actors/cell_host.h"
#include "actors/cell_request.h"
#include "actors/language_probe.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/directories.h"
#include "cli/doctor_checks.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/process.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "config/languages.h"
#include "log/log.h"
#include "sandbox/monitor.h"

namespace kiln::cli {
namespace {

constexpr uint32_t kCells = 256;  // what a launcher's range of user ids is for
constexpr int kFindings = 1;      // exit code

using Checks = std::vector<Check>;

void append(Checks& all, Checks more) { std::ranges::move(more, std::back_inserter(all)); }

Check launcher_check(const Result<std::string>& launcher) {
  Check check{"launcher", "isolation", CheckState::ok, "", "it makes the cells", "", true};
  if (launcher) {
    check.finding = *launcher;
    return check;
  }
  check.state = CheckState::missing;
  check.finding = launcher.error().message + ": " + launcher.error().cause;
  check.mend = launcher.error().hint;
  return check;
}

// What the kernel counted of a cell that ran; the others are null in results.
Check counters_check(const model::Cost& cost) {
  std::string lacks;
  const auto note = [&](bool there, const char* name) {
    if (!there) lacks += (lacks.empty() ? "" : " ") + std::string(name);
  };
  note(cost.cpu_us.has_value(), "cpu_us");
  note(cost.memory_charged_bytes.has_value(), "memory_charged_bytes");
  note(cost.memory_rss_bytes.has_value(), "memory_rss_bytes");
  note(cost.peak_processes.has_value(), "peak_processes");
  note(cost.throttled_us.has_value(), "throttled_us");
  Check check{"counters",
              "control groups",
              CheckState::ok,
              "all of a result's costs",
              "a result tells what a program cost",
              "",
              false};
  if (lacks.empty()) return check;
  check.state = CheckState::degraded;
  check.finding = "this kernel does not count: " + lacks + " (null in results)";
  check.mend = "Use a newer kernel, or control groups version 2";
  return check;
}

Checks language_checks(const actors::FoundLanguages& languages) {
  Checks checks;
  for (const auto& found : languages.found) {
    checks.push_back({found.name, "languages", CheckState::ok, found.version,
                      "programs in it are run", "", false});
  }
  const config::Languages all = config::default_languages();
  for (const auto& missing : languages.missing) {
    checks.push_back({missing.name, "languages", CheckState::missing, missing.why,
                      "programs in it are refused", all.find(missing.name)->install_hint, false});
  }
  return checks;
}

// Precondition: privileges are dropped, the monitor was forked.
Checks cell_checks(sandbox::Monitor monitor) {
  auto cells = actors::CellHost::start(std::move(monitor.control), actors::new_worker_insight());
  Checks checks = isolation_checks(cells ? std::nullopt : std::optional(cells.error()));
  if (cells) {
    const config::Language shell = *config::default_languages().find("bash");
    append(checks,
           {counters_check((*cells)->run_and_wait(actors::make_detect_request(shell)).cost)});
    append(checks, language_checks(actors::find_languages(**cells, config::default_languages())));
    (*cells)->stop();
    cells->reset();
  } else if (std::ranges::none_of(checks, [](const Check& check) {
               return check.state == CheckState::missing;
             })) {  // a step that stands for no property
    checks.push_back({"start", "isolation", CheckState::missing, cells.error().text(),
                      "without a launcher there are no cells", cells.error().hint, true});
  }
  wait_for_end(monitor.pid, kMonitorEnd);
  return checks;
}

Checks without_cells() { return isolation_checks(Error{ErrorCode::sandbox, "", "", "", ""}); }

Checks all_checks(const Result<std::string>& launcher, sandbox::Monitor monitor,
                  const std::string& directory, const User& user) {
  Checks checks = kernel_checks();
  append(checks, cgroup_checks());
  append(checks, user_checks(kCells));
  // What is there is used by the service's user, what is not is made by whoever starts it.
  std::error_code hidden;
  const bool there = std::filesystem::exists(directory, hidden);
  if (!there) append(checks, data_checks(directory, user.name));
  checks.push_back(launcher_check(launcher));
  const bool possible = monitor.pid > 0;
  if (possible) {
    if (const Status dropped = drop_privileges(user); !dropped) {
      checks.push_back({"user", "isolation", CheckState::missing, dropped.error().text(),
                        "everything but the launcher runs as an ordinary user",
                        dropped.error().hint, true});
      return checks;
    }
  }
  if (there) append(checks, data_checks(directory, user.name));
  append(checks, possible ? cell_checks(std::move(monitor)) : without_cells());
  return checks;
}

// In groups, the most important first.
void sort_by_group(Checks& checks) {
  constexpr std::array<std::string_view, 6> kOrder = {"isolation", "control groups", "kernel",
                                                      "users",     "languages",      "files"};
  std::ranges::stable_sort(checks, {}, [&](const Check& check) {
    return std::ranges::find(kOrder, check.group) - kOrder.begin();
  });
}

bool is_fit(const Checks& checks) {
  return std::ranges::none_of(checks, [](const Check& check) {
    const bool cell = check.group == "isolation" && check.state != CheckState::ok;
    return cell || (check.required && check.state == CheckState::missing);
  });
}

Status print_table(const Checks& checks, bool fit) {
  std::vector<Row> rows;
  for (const Check& check : checks) {
    rows.push_back({std::string(to_string(check.state)), check.group, check.name, check.finding});
  }
  std::vector<std::string> lines = table({"STATE", "GROUP", "CHECK", "FOUND"}, std::move(rows));
  for (const Check& check : checks) {
    if (check.state == CheckState::ok || check.state == CheckState::unchecked) continue;
    lines.push_back(check.name + " (" + check.group + "): " + check.why +
                    (check.mend.empty() ? "" : ". Mend it: " + check.mend));
  }
  lines.emplace_back(fit ? "Programs can be run here, in full isolation."
                         : "Programs cannot be run here: see what is missing.");
  for (const std::string& line : lines) {
    if (Status s = print_line(line); !s) return s;
  }
  return {};
}

}  // namespace

int execute(const DoctorOptions& options) {
  const auto user = service_user();
  if (!user) return fail(user.error());
  log::set_level(log::Level::error);
  const auto launcher = sandbox::find_launcher();
  sandbox::Monitor monitor;
  if (launcher && is_root()) {
    sandbox::MonitorOptions wanted;
    wanted.launcher_path = *launcher;
    auto forked = sandbox::fork_monitor(wanted);
    if (!forked) return fail(forked.error());
    monitor = std::move(*forked);
  }
  const std::string directory =
      std::filesystem::absolute(options.data.empty() ? default_data_directory() : options.data);
  Checks checks = all_checks(launcher, std::move(monitor), directory, *user);
  sort_by_group(checks);
  const bool fit = is_fit(checks);
  const Status printed =
      options.json ? print_line(doctor_json(checks, fit)) : print_table(checks, fit);
  if (!printed) return fail(printed.error());
  return fit ? kExitOk : kFindings;
}

}  // namespace kiln::cli
