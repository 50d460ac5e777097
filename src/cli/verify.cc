// kiln verify: checks a data directory, and what clients were told of it. The ledger is read before
// the store: what a client was told by then is committed, so a snapshot taken later has it, even
// while a broker works.
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/directories.h"
#include "cli/ledger.h"
#include "store/scan.h"

namespace kiln::cli {
namespace {

std::vector<std::string> report_lines(const model::AuditReport& report) {
  std::vector<Row> rows;
  for (const model::Finding& finding : report.findings) {
    rows.push_back({std::string(to_string(finding.kind)), finding.id ? to_string(*finding.id) : "-",
                    finding.text});
  }
  std::vector<std::string> lines;
  if (!rows.empty()) lines = table({"FINDING", "TASK", "WHAT IS WRONG"}, std::move(rows));
  if (report.found() > report.findings.size()) {
    lines.push_back("... and " + std::to_string(report.found() - report.findings.size()) + " more");
  }
  std::string sum = std::to_string(report.tasks) + " tasks, " + std::to_string(report.events) +
                    " events, " + std::to_string(report.ledger) + " tasks in the ledger:";
  for (size_t i = 0; i < model::kFindingKindCount; ++i) {
    sum += (i == 0 ? " " : ", ") + std::to_string(report.counts.at(i)) + " " +
           std::string(to_string(static_cast<model::FindingKind>(i)));
  }
  lines.push_back(std::move(sum));
  return lines;
}

}  // namespace

int execute(const VerifyOptions& options) {
  Result<model::Ledger> ledger = model::Ledger();
  if (!options.ledger.empty()) ledger = read_ledger(options.ledger);
  if (!ledger) return fail(ledger.error());
  const std::string data = options.data.empty() ? default_data_directory() : options.data;
  model::Audit audit(*std::move(ledger), options.all_ended);
  const Result<bool> complete = store::scan_sqlite_store(
      data, {[&](const model::StoredTask& task) { audit.add(task); },
             [&](std::string damage) { audit.damaged(std::move(damage)); }});
  if (!complete) return fail(complete.error());
  const model::AuditReport report = audit.finish(*complete);
  const int printed =
      print_lines(options.json ? std::vector{audit_json(report)} : report_lines(report));
  if (printed != kExitOk) return printed;
  return report.found() == 0 ? kExitOk : kExitFindings;
}

}  // namespace kiln::cli
