#include "metrics/catalogue.h"

#include <array>

namespace kiln::metrics {

using model::TaskState;
using model::Verdict;

const std::vector<Metric>& catalogue() {
  static const std::vector<Metric> list = {
#define KILN_X(id, name, kind, where, labels, help) \
  Metric{Id::id, name, Kind::kind, Where::where, labels, help},
      KILN_METRICS(KILN_X)
#undef KILN_X
  };
  return list;
}

const Metric& metric(Id id) { return catalogue().at(static_cast<size_t>(id)); }

std::vector<std::string_view> label_names(const Metric& metric) {
  std::vector<std::string_view> names;
  std::string_view rest = metric.labels;
  while (!rest.empty()) {
    const size_t space = rest.find(' ');
    names.push_back(rest.substr(0, space));
    rest = space == std::string_view::npos ? "" : rest.substr(space + 1);
  }
  return names;
}

bool is_possible_end(TaskState state, Verdict verdict) {
  switch (state) {
    case TaskState::succeeded:
      return verdict == Verdict::ok;
    case TaskState::failed:
      return verdict != Verdict::ok && verdict != Verdict::cancelled && verdict != Verdict::none;
    case TaskState::dead:  // retries used up, or poison
      return model::retry_reason_of(verdict).has_value() || verdict == Verdict::none;
    case TaskState::cancelled:
      return verdict == Verdict::cancelled;
    case TaskState::expired:
      return verdict == Verdict::none;
    default:
      return false;
  }
}

}  // namespace kiln::metrics
