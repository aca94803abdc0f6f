#include "replay/load/npz_source.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr uint64_t kWidthMax = 1 << 16;  // as a table's
// By what conversions to floats may miss the ends of [-1, 1].
constexpr double kRounding = 1e-6;

absl::Status BadShape(const NpyReader& array, absl::string_view wanted) {
  return array.Bad(
      absl::StrCat("its shape is (", absl::StrJoin(array.shape(), ", "), "), it must be ", wanted));
}

absl::StatusOr<int> WidthOf(const NpyReader& array) {
  const std::vector<uint64_t>& shape = array.shape();
  if (shape.size() == 2 && shape[1] >= 1 && shape[1] <= kWidthMax) {
    return static_cast<int>(shape[1]);
  }
  return BadShape(array, absl::StrCat("(N, width), with a width from 1 to ", kWidthMax));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> NpzSource::Open(const std::string& path,
                                                           const ActionRange& actions) {
  PMOE_ASSIGN_OR_RETURN(std::unique_ptr<NpzArchive> archive, NpzArchive::Open(path));
  std::unique_ptr<NpzSource> source(new NpzSource(std::move(archive), actions));
  PMOE_ASSIGN_OR_RETURN(const Arrays arrays, source->OpenArrays());
  PMOE_RETURN_IF_ERROR(source->TakeShape(arrays));
  return std::unique_ptr<RowSource>(std::move(source));
}

absl::StatusOr<std::unique_ptr<NpyReader>> NpzSource::OneOf(const std::string& name,
                                                            const std::string& other) const {
  if (archive_->Has(name) && archive_->Has(other)) {
    return absl::InvalidArgumentError(
        absl::StrCat("has both arrays ", name, " and ", other, ", which say the same; keep one"));
  }
  for (const std::string& one : {name, other}) {
    if (archive_->Has(one)) return archive_->Read(one);
  }
  return nullptr;
}

absl::StatusOr<NpzSource::Arrays> NpzSource::OpenArrays() const {
  Arrays arrays;
  PMOE_ASSIGN_OR_RETURN(arrays.observations, archive_->Read("observations"));
  PMOE_ASSIGN_OR_RETURN(arrays.actions, archive_->Read("actions"));
  PMOE_ASSIGN_OR_RETURN(arrays.rewards, archive_->Read("rewards"));
  PMOE_ASSIGN_OR_RETURN(arrays.terminated, OneOf("terminals", "terminated"));
  PMOE_ASSIGN_OR_RETURN(arrays.truncated, OneOf("timeouts", "truncated"));
  if (arrays.terminated == nullptr) {
    return absl::InvalidArgumentError(
        "has neither an array terminals nor terminated: nothing says where an episode ends; add "
        "one, of zeros if none does");
  }
  if (archive_->Has("next_observations")) {
    PMOE_ASSIGN_OR_RETURN(arrays.next_observations, archive_->Read("next_observations"));
  }
  return arrays;
}

absl::Status NpzSource::TakeShape(const Arrays& arrays) {
  PMOE_ASSIGN_OR_RETURN(spec_.obs_dim, WidthOf(*arrays.observations));
  PMOE_ASSIGN_OR_RETURN(spec_.action_dim, WidthOf(*arrays.actions));
  rows_ = arrays.observations->shape()[0];
  if (rows_ < 1 || rows_ > static_cast<uint64_t>(kRowsMax)) {
    return BadShape(*arrays.observations, absl::StrCat("of 1 to ", kRowsMax, " rows"));
  }
  PMOE_RETURN_IF_ERROR(CheckShape(arrays.actions.get(), spec_.action_dim));
  PMOE_RETURN_IF_ERROR(CheckShape(arrays.next_observations.get(), spec_.obs_dim));
  for (const NpyReader* const array :
       {arrays.rewards.get(), arrays.terminated.get(), arrays.truncated.get()}) {
    PMOE_RETURN_IF_ERROR(CheckShape(array, /*width=*/0));
  }
  return absl::OkStatus();
}

// Of an array that is there. width 0: of one dimension.
absl::Status NpzSource::CheckShape(const NpyReader* array, int width) const {
  if (array == nullptr) return absl::OkStatus();
  std::vector<uint64_t> wanted = {rows_};
  if (width > 0) wanted.push_back(static_cast<uint64_t>(width));
  if (array->shape() == wanted) return absl::OkStatus();
  return BadShape(*array, absl::StrCat("(", absl::StrJoin(wanted, ", "), width > 0 ? "" : ",",
                                       "), a row for each of observations; use array.reshape"));
}

// From the first row to the last.
class NpzSource::Walk {
 public:
  Walk(const NpzSource* source, Arrays arrays)
      : source_(*source),
        arrays_(std::move(arrays)),
        obs_(static_cast<size_t>(source->spec_.obs_dim)),
        next_obs_(obs_.size()),
        action_(static_cast<size_t>(source->spec_.action_dim)) {}

  absl::StatusOr<uint64_t> Run(Visitor visit) {
    PMOE_RETURN_IF_ERROR(arrays_.observations->Read(obs_.size(), obs_.data()));
    for (; row_.index < source_.rows_; ++row_.index) {
      PMOE_RETURN_IF_ERROR(ReadRow());
      if (HasSuccessor()) {
        PMOE_RETURN_IF_ERROR(visit(row_));
      } else {
        ++left_out_;
      }
      row_.follows = HasSuccessor();
      obs_.swap(own_next_ ? ahead_ : next_obs_);
    }
    PMOE_RETURN_IF_ERROR(Finish());
    return left_out_;
  }

 private:
  bool is_last() const { return row_.index + 1 == source_.rows_; }
  bool HasSuccessor() const {
    const Transition& step = row_.transition;
    return own_next_ || step.terminated || (!step.truncated && !is_last());
  }

  absl::Status ReadRow() {
    Transition& step = row_.transition;
    PMOE_RETURN_IF_ERROR(arrays_.actions->Read(action_.size(), action_.data()));
    for (float& action : action_) action = Scaled(action);
    PMOE_RETURN_IF_ERROR(arrays_.rewards->Read(1, &step.reward));
    PMOE_RETURN_IF_ERROR(ReadFlag(arrays_.terminated.get(), &step.terminated));
    PMOE_RETURN_IF_ERROR(ReadFlag(arrays_.truncated.get(), &step.truncated));
    // The observation of the row behind this one, and with it, or by itself, the successor.
    std::vector<float>* const behind = own_next_ ? &ahead_ : &next_obs_;
    if (!is_last()) PMOE_RETURN_IF_ERROR(arrays_.observations->Read(obs_.size(), behind->data()));
    if (own_next_) {
      PMOE_RETURN_IF_ERROR(arrays_.next_observations->Read(obs_.size(), next_obs_.data()));
    }
    step.obs = obs_;
    step.action = action_;
    step.next_obs = !own_next_ && step.terminated ? obs_ : next_obs_;
    return absl::OkStatus();
  }

  // From the archive's range to the table's.
  float Scaled(float action) const {
    const double low = source_.actions_.low;
    const double high = source_.actions_.high;
    const double scaled = (2.0 * action - low - high) / (high - low);
    if (std::abs(scaled) > 1.0 + kRounding) return static_cast<float>(scaled);
    return static_cast<float>(std::clamp(scaled, -1.0, 1.0));
  }

  absl::Status ReadFlag(NpyReader* array, bool* flag) const {
    if (array == nullptr) return absl::OkStatus();
    float value = 0.0f;
    PMOE_RETURN_IF_ERROR(array->Read(1, &value));
    *flag = value == 1.0f;
    if (value == 0.0f || value == 1.0f) return absl::OkStatus();
    return array->Bad(absl::StrCat("its value of row ", row_.index, " is ", value,
                                   ", it must be 0 or 1; save it as array.astype(bool)"));
  }

  absl::Status Finish() {
    for (NpyReader* const array :
         {arrays_.observations.get(), arrays_.actions.get(), arrays_.rewards.get(),
          arrays_.terminated.get(), arrays_.truncated.get(), arrays_.next_observations.get()}) {
      if (array != nullptr) PMOE_RETURN_IF_ERROR(array->Finish());
    }
    return absl::OkStatus();
  }

  const NpzSource& source_;
  Arrays arrays_;
  std::vector<float> obs_;       // [O]
  std::vector<float> next_obs_;  // [O]
  std::vector<float> action_;    // [A]
  const bool own_next_ = arrays_.next_observations != nullptr;
  std::vector<float> ahead_ = obs_;  // [O] with next_observations: the next row's observation
  SourceRow row_;
  uint64_t left_out_ = 0;
};

absl::StatusOr<uint64_t> NpzSource::Visit(Visitor visit) {
  PMOE_ASSIGN_OR_RETURN(Arrays arrays, OpenArrays());
  return Walk(this, std::move(arrays)).Run(visit);
}

}  // namespace pmoe
