// What environments say at the end of their episodes, as columns of metrics.csv: the share that
// succeeded, and means of what observe.info names. Used by the learner's thread only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/metrics/csv_writer.h"
#include "control/core/control.h"

namespace pmoe {

class InfoColumns {
 public:
  // `names` beside success.
  explicit InfoColumns(std::vector<std::string> names) : names_(std::move(names)) {}

  // Of episodes of training, until the next row.
  void Add(const InfoSums& sums);
  // Ends a row.
  void AddTo(MetricRow* row);
  void AddEvaluation(const std::map<std::string, double>& means, MetricRow* row) const;

  // Behind a mark; a state without one has said nothing.
  void SaveState(ByteWriter* out) const;
  void LoadState(ByteReader* in);

 private:
  std::vector<std::string> names_;
  InfoSums sums_;
};

// "train_success_rate" or "eval_success_rate", "train_info_NAME" or "eval_info_NAME".
std::string InfoColumn(const std::string& who, const std::string& name);

}  // namespace pmoe
