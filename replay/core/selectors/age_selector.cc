#include "replay/core/selectors/age_selector.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr uint32_t kStateTag = 0x53454741u;  // "AGES"
constexpr size_t kRunsMin = 1024;

static_assert(kPageRows == 64);  // a page's rows are the bits of a word

uint64_t Bits(uint32_t row, uint32_t rows) { return (~uint64_t{0} >> (kPageRows - rows)) << row; }

// Calls visit(first row, rows) for each row of ones, from the lowest on.
template <typename Visit>
void VisitOnes(uint64_t bits, Visit visit) {
  while (bits != 0) {
    const auto row = static_cast<uint32_t>(std::countr_zero(bits));
    const auto rows = static_cast<uint32_t>(std::countr_one(bits >> row));
    visit(row, rows);
    bits &= ~Bits(row, rows);
  }
}

}  // namespace

void AgeSelector::OnOpen(uint32_t page) {
  if (ready_.size() < pool_->slots()) ready_.resize(pool_->slots(), 0);
  ready_[page] = 0;
}

void AgeSelector::OnReady(RowRef first, int count) {
  ready_[first.page] |= Bits(first.row, static_cast<uint32_t>(count));
  ready_rows_ += count;
  Add(first, static_cast<uint32_t>(count));
}

void AgeSelector::OnEvict(uint32_t page) {
  ready_rows_ -= std::popcount(ready_[page]);
  ready_[page] = 0;
}

void AgeSelector::OnSpent(RowRef row) {
  ready_[row.page] &= ~Bits(row.row, 1);
  --ready_rows_;
}

uint64_t AgeSelector::Ready(const Run& run) const {
  const Page& page = pool_->page(run.page);
  return page.live && page.id == run.id ? ready_[run.page] & Bits(run.row, run.rows) : 0;
}

void AgeSelector::Add(RowRef first, uint32_t count) {
  const uint64_t id = pool_->page(first.page).id;
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.page == first.page && last.id == id && last.row + last.rows == first.row) {
      last.rows += count;
      return;
    }
  }
  if (runs_.size() >= runs_max_) DropDeadRuns();
  runs_.push_back({first.page, first.row, count, id});
}

void AgeSelector::AddBits(uint32_t page, uint64_t bits) {
  VisitOnes(bits, [&](uint32_t row, uint32_t rows) { Add({page, row}, rows); });
}

// As often as the queue has grown by what lives in it, so that a run costs the same however many
// there are.
void AgeSelector::DropDeadRuns() {
  std::erase_if(runs_, [this](const Run& run) { return Ready(run) == 0; });
  runs_max_ = 2 * runs_.size() + kRunsMin;
}

absl::Status AgeSelector::Check(const SelectRequest& request) const {
  if (!request.in_order) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "this shard's rows are sampled; only one made with on_policy gives rollouts");
}

void AgeSelector::Select(const SelectRequest& request, Rng*, std::vector<RowRef>* rows) {
  int64_t owed = request.rows;
  const auto give = [&](const Run& run, uint32_t row) {
    rows->push_back({run.page, row});
    --owed;
    return uint64_t{1} << row;
  };
  if (age_ == RowAge::kNewest) {
    while (!runs_.empty() && Ready(runs_.back()) == 0) runs_.pop_back();
    for (auto run = runs_.rbegin(); owed > 0; ++run) {
      for (uint64_t bits = Ready(*run); bits != 0 && owed > 0;) {
        bits &= ~give(*run, static_cast<uint32_t>(std::bit_width(bits)) - 1);
      }
    }
    return;
  }
  while (!runs_.empty() && Ready(runs_.front()) == 0) runs_.pop_front();
  for (auto run = runs_.begin(); owed > 0; ++run) {
    for (uint64_t bits = Ready(*run); bits != 0 && owed > 0;) {
      bits &= ~give(*run, static_cast<uint32_t>(std::countr_zero(bits)));
    }
  }
}

std::string AgeSelector::ExplainSelect(const SelectRequest& request) const {
  return absl::StrCat(ready_rows_, " rows can be given, a minibatch has ", request.rows);
}

// The same bytes whatever became of the rows that are gone: a queue that was loaded goes on as one
// that was not.
std::string AgeSelector::SaveState() const {
  std::vector<SavedRun> saved;
  for (const Run& run : runs_) {
    VisitOnes(Ready(run), [&](uint32_t row, uint32_t rows) {
      const uint32_t place = run.page * kPageRows + row;
      if (row > 0 && !saved.empty() && saved.back().place + saved.back().rows == place) {
        saved.back().rows += rows;
      } else {
        saved.push_back({place, rows});
      }
    });
  }
  ByteWriter out;
  out.Pod(kStateTag);
  out.Vector(saved);
  return out.Take();
}

absl::Status AgeSelector::LoadState(absl::string_view state) {
  if (state.empty()) return absl::OkStatus();  // of a uniform table: the order of their pages
  ByteReader in(state);
  uint32_t tag = 0;
  in.Pod(&tag);
  if (tag != kStateTag) {
    return absl::FailedPreconditionError(
        "the saved shard kept rollouts or priorities, this one the order of its rows; resume with "
        "its algorithm, replay.selector and replay.max_times_sampled");
  }
  in.Vector(&loaded_);
  PMOE_RETURN_IF_ERROR(in.Finish("the selector block"));
  for (const SavedRun& run : loaded_) {
    const uint64_t first = run.place % kPageRows;  // 64 bits: the sum of damaged numbers is none
    if (run.rows >= 1 && first + run.rows <= kPageRows) continue;
    return absl::DataLossError("the selector block has rows of no page");
  }
  return absl::OkStatus();
}

// The rows came by their pages. Those of which the file said nothing are the newest.
void AgeSelector::OnLoaded() {
  const std::deque<Run> by_page = std::exchange(runs_, {});
  std::vector<uint64_t> rest = ready_;
  const auto take = [&](uint32_t page, uint64_t bits) {
    if (page >= rest.size()) return;
    AddBits(page, rest[page] & bits);
    rest[page] &= ~bits;
  };
  for (const SavedRun& run : loaded_) {
    take(run.place / kPageRows, Bits(run.place % kPageRows, run.rows));
  }
  for (const Run& run : by_page) take(run.page, Bits(run.row, run.rows));
  loaded_.clear();
  loaded_.shrink_to_fit();
}

}  // namespace pmoe
