// prometheus-cpp under the catalogue: counters and histograms that live here, gauges that are given
// at each scrape (so that a series of what is gone cannot stay), and their text.
//
// Threads: any. What counter() and histogram() return stays valid; adding to it takes no lock of
// ours.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/catalogue.h"

namespace prometheus {
class Counter;
class Histogram;
struct MetricFamily;
}  // namespace prometheus

namespace kiln::metrics {

// In the order of the catalogue's labels.
using LabelValues = std::initializer_list<std::string_view>;

// Series whose values are known at the scrape only.
class Sampled {
 public:
  Sampled();
  ~Sampled();
  Sampled(const Sampled&) = delete;
  Sampled& operator=(const Sampled&) = delete;
  void set(Id id, LabelValues labels, double value);

 private:
  friend class Registry;
  std::vector<prometheus::MetricFamily> families_;
  std::map<Id, size_t> places_;  // in families_
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  prometheus::Counter& counter(Id id, LabelValues labels = {});
  prometheus::Histogram& histogram(Id id, LabelValues labels = {});
  // Prometheus' text format, version 0.0.4.
  std::string text(Sampled& sampled) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr const char* kTextType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace kiln::metrics
