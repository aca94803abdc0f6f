// Every metric of /metrics: the one list that the roles' code, docs/metrics.md and the test that
// compares them share. Names end in their unit; counters in _total. Every series also has the
// labels run, role and index (MetricsIdentity); no metric has a label of those names.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

enum class MetricKind { kCounter, kGauge, kHistogram };

struct MetricInfo {
  const char* name;
  MetricKind kind;
  const char* role;   // "actor", "evaluator", "replay", "learner", or several
  const char* label;  // name of its label, or several: "door, reason"; empty: none
  const char* help;
};

const std::vector<MetricInfo>& MetricList();

// nullptr: no such metric.
const MetricInfo* FindMetric(absl::string_view name);

}  // namespace pmoe
