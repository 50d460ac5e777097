#include "cli/check_config.h"

#include "cli/access.h"
#include "cli/console.h"
#include "cli/exit_codes.h"
#include "cli/json.h"
#include "cli/services.h"
#include "cli/table.h"

namespace kiln::cli {
namespace {

Status print_table(const std::vector<EffectiveOption>& values) {
  std::vector<Row> rows;
  for (const EffectiveOption& one : values) {
    rows.push_back({one.key, one.value.empty() ? "-" : one.value, one.origin});
  }
  for (const std::string& line : table({"OPTION", "VALUE", "FROM"}, std::move(rows))) {
    if (Status s = print_line(line); !s) return s;
  }
  return {};
}

int report(const ConfigCheck& check, const std::vector<Status>& found) {
  bool good = true;
  for (const Status& status : found) {
    if (!status) say(status.error().text());
    good = good && status.ok();
  }
  if (!good) return kExitUsage;
  const Status printed =
      check.json ? print_line(config_json(check.values)) : print_table(check.values);
  return printed ? kExitOk : fail(printed.error());
}

}  // namespace

int check_config(const BrokerCommand& options) {
  return report(options.check, {check_broker(options)});
}

int check_config(const WorkerCommand& options) {
  return report(options.check, {check_worker(options)});
}

int check_config(const ServeOptions& options) {
  WorkerCommand worker = options.worker;
  return report(options.check, {check_broker(options.broker), complete(worker)});
}

}  // namespace kiln::cli
