#include "metrics/registry.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>

namespace kiln::metrics {
namespace {

prometheus::Labels labels_of(const Metric& metric, LabelValues values) {
  prometheus::Labels labels;
  const auto* value = values.begin();
  for (const std::string_view name : label_names(metric)) {
    labels.emplace(std::string(name), std::string(*value++));
  }
  return labels;
}

prometheus::MetricType type_of(Kind kind) {
  return kind == Kind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
}

}  // namespace

Sampled::Sampled() = default;
Sampled::~Sampled() = default;

void Sampled::set(Id id, LabelValues labels, double value) {
  const Metric& one = metric(id);
  const auto [place, fresh] = places_.try_emplace(id, families_.size());
  if (fresh) {
    families_.push_back({std::string(one.name), std::string(one.help), type_of(one.kind), {}});
  }
  prometheus::ClientMetric& series = families_[place->second].metric.emplace_back();
  const auto* text = labels.begin();
  for (const std::string_view name : label_names(one)) {
    series.label.push_back({std::string(name), std::string(*text++)});
  }
  std::ranges::sort(series.label, {}, &prometheus::ClientMetric::Label::name);
  (one.kind == Kind::counter ? series.counter.value : series.gauge.value) = value;
}

class Registry::Impl {
  template <class Builder>
  auto& family(Builder builder, const Metric& one) {
    return builder.Name(std::string(one.name)).Help(std::string(one.help)).Register(registry_);
  }

 public:
  Impl() {
    for (const Metric& one : catalogue()) {
      if (one.kind == Kind::counter) {
        counters_.emplace(one.id, &family(prometheus::BuildCounter(), one));
      } else if (one.kind == Kind::histogram) {
        histograms_.emplace(one.id, &family(prometheus::BuildHistogram(), one));
      }
    }
  }

  prometheus::Counter& counter(Id id, LabelValues labels) {
    return counters_.at(id)->Add(labels_of(metric(id), labels));
  }
  prometheus::Histogram& histogram(Id id, LabelValues labels) {
    return histograms_.at(id)->Add(labels_of(metric(id), labels),
                                   id == Id::commit_size ? kSizeBuckets : kTimeBuckets);
  }
  std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }

 private:
  prometheus::Registry registry_;
  std::map<Id, prometheus::Family<prometheus::Counter>*> counters_;
  std::map<Id, prometheus::Family<prometheus::Histogram>*> histograms_;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

prometheus::Counter& Registry::counter(Id id, LabelValues labels) {
  return impl_->counter(id, labels);
}
prometheus::Histogram& Registry::histogram(Id id, LabelValues labels) {
  return impl_->histogram(id, labels);
}

std::string Registry::text(Sampled& sampled) const {
  std::vector<prometheus::MetricFamily> families = impl_->collect();
  std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
  std::ranges::move(sampled.families_, std::back_inserter(families));
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace kiln::metrics
