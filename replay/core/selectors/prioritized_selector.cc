#include "replay/core/selectors/prioritized_selector.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr double kErrorFloor = 1e-6;         // so that a row without an error is seen again
constexpr uint32_t kStateTag = 0x4f495250u;  // "PRIO"

// Of kErrorFloor to kErrorMax, with any alpha.
bool IsPriority(float p) {
  constexpr float kLeast = 0.9e-6f;
  return p >= kLeast && p <= 1.1f * PrioritizedSelector::kErrorMax;
}

absl::Status CheckShare(absl::string_view name, double value) {
  if (value >= 0.0 && value <= 1.0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " must be in [0, 1], got ", value,
                                                 "; prioritized replay usually wants 0.4 to 1"));
}

}  // namespace

absl::Status PriorityOptions::Validate() const {
  PMOE_RETURN_IF_ERROR(CheckShare("replay.priority_alpha", alpha));
  PMOE_RETURN_IF_ERROR(CheckShare("replay.priority_beta", beta));
  PMOE_RETURN_IF_ERROR(CheckShare("replay.priority_beta_end", beta_end));
  if (beta_rows >= 1 && update_rows_max >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the rows over which beta grows and those of an update must be >= 1, got ",
                   beta_rows, " and ", update_rows_max));
}

double PriorityOptions::BetaAt(int64_t inserted) const {
  const double share =
      std::min(1.0, static_cast<double>(inserted) / static_cast<double>(beta_rows));
  return beta + share * (beta_end - beta);
}

void PrioritizedSelector::OnOpen(uint32_t) { tree_.Grow(size_t{pool_->slots()} * kPageRows); }

void PrioritizedSelector::OnReady(RowRef first, int count) {
  const size_t place = PlaceOf(first);
  if (loaded_.empty()) return tree_.Fill(place, static_cast<size_t>(count), newest_);
  for (size_t i = place; i < place + static_cast<size_t>(count); ++i) {
    tree_.Set(i, i < loaded_.size() && loaded_[i] > 0.0f ? loaded_[i] : newest_);
  }
}

void PrioritizedSelector::OnEvict(uint32_t page) { tree_.Fill(PlaceOf({page, 0}), kPageRows, 0); }

absl::Status PrioritizedSelector::Check(const SelectRequest& request) const {
  if (!request.in_order) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this shard's rows are sampled; only one made with on_policy gives rollouts");
}

void PrioritizedSelector::Select(const SelectRequest& request, Rng* rng,
                                 std::vector<RowRef>* rows) {
  const double total = tree_.total();
  for (int64_t i = 0; i < request.rows; ++i) {
    const size_t place = tree_.Find(rng->Uniform() * total);
    rows->push_back(
        {static_cast<uint32_t>(place / kPageRows), static_cast<uint32_t>(place % kPageRows)});
  }
}

// (N p / total)^-beta over the largest of them, which is that of the smallest p: N and the total
// are the same in both.
void PrioritizedSelector::Weigh(absl::Span<const RowRef> rows, double beta, float* weights) const {
  double least = HUGE_VAL;
  for (const RowRef row : rows) least = std::min(least, double{tree_.at(PlaceOf(row))});
  for (size_t i = 0; i < rows.size(); ++i) {
    weights[i] = static_cast<float>(std::pow(least / double{tree_.at(PlaceOf(rows[i]))}, beta));
  }
}

bool PrioritizedSelector::IsHere(const RowKey& key) const {
  const uint32_t slot = key.place / kPageRows;
  if (slot >= pool_->slots()) return false;
  const Page& page = pool_->page(slot);
  return page.live && static_cast<uint32_t>(page.id) == key.generation &&
         tree_.at(key.place) > 0.0f;
}

int64_t PrioritizedSelector::Update(absl::Span<const RowKey> rows, absl::Span<const float> errors) {
  int64_t gone = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!IsHere(rows[i])) {
      ++gone;
      continue;
    }
    const float p = static_cast<float>(std::pow(double{errors[i]} + kErrorFloor, alpha_));
    tree_.Set(rows[i].place, p);
    newest_ = std::max(newest_, p);
  }
  return gone;
}

std::string PrioritizedSelector::SaveState() const {
  ByteWriter out;
  out.Pod(kStateTag);
  out.Pod(alpha_);
  out.Pod(newest_);
  out.Vector(tree_.numbers());
  return out.Take();
}

absl::Status PrioritizedSelector::LoadState(absl::string_view state) {
  if (state.empty()) return absl::OkStatus();  // of a uniform table: every row is new
  ByteReader in(state);
  uint32_t tag = 0;
  double alpha = 0;
  in.Pod(&tag);
  in.Pod(&alpha);
  in.Pod(&newest_);
  if (tag != kStateTag) {
    return absl::FailedPreconditionError(
        "the saved shard kept rollouts or an order of its rows, this one priorities; resume with "
        "its "
        "algorithm and replay.selector");
  }
  in.Vector(&loaded_);
  PMOE_RETURN_IF_ERROR(in.Finish("the selector block"));
  const auto sound = [](float p) { return p == 0.0f || IsPriority(p); };
  if (!IsPriority(newest_) || !std::all_of(loaded_.begin(), loaded_.end(), sound)) {
    return absl::DataLossError("the selector block has priorities that are none");
  }
  if (alpha == alpha_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the saved table has priorities of replay.priority_alpha ", alpha,
                   ", this run's is ", alpha_, "; resume with the saved one"));
}

void PrioritizedSelector::OnLoaded() {
  loaded_.clear();
  loaded_.shrink_to_fit();
}

}  // namespace pmoe
