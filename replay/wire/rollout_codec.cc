#include "replay/wire/rollout_codec.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr size_t kSegmentBytes = 48;  // at most, beside its observation

absl::Status Bad(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a rollout came damaged: ", what));
}

size_t RowBytes(const TableSpec& spec) {
  constexpr size_t kScalars = 2;  // reward, version
  return 4 * (static_cast<size_t>(spec.obs_dim) + static_cast<size_t>(spec.action_dim) +
              static_cast<size_t>(spec.extra_dim) + kScalars);
}

int64_t CountThatFits(size_t budget, size_t bytes_each, int64_t left) {
  const int64_t fits = static_cast<int64_t>(std::max<size_t>(1, budget / bytes_each));
  return std::min(fits, left);
}

// Rows [first, first + n) of a column of 32-bit values, `width` a row.
template <typename T>
void Put(const std::vector<T>& column, int64_t first, int64_t n, int width, std::string* out) {
  static_assert(sizeof(T) == 4);
  out->append(reinterpret_cast<const char*>(column.data() + first * width),
              static_cast<size_t>(n * width) * 4);
}

// Appends the next n rows of `in`, which has them, to the column.
template <typename T>
void Get(absl::string_view* in, int64_t n, int width, std::vector<T>* column) {
  static_assert(sizeof(T) == 4);
  const size_t values = static_cast<size_t>(n * width);
  const size_t before = column->size();
  if (values == 0) return;
  column->resize(before + values);
  std::memcpy(column->data() + before, in->data(), values * 4);
  in->remove_prefix(values * 4);
}

uint32_t AddColumn(const std::string& column, uint32_t crc) {
  const uint64_t bytes = column.size();
  return Crc32c(column, Crc32c({reinterpret_cast<const char*>(&bytes), sizeof(bytes)}, crc));
}

}  // namespace

uint32_t RolloutPieceCrc(const TakeRolloutReply& piece) {
  ByteWriter head;
  head.Pod(static_cast<uint64_t>(piece.rollout_id()));
  head.Pod(static_cast<int64_t>(piece.rows_total()));
  head.Pod(static_cast<int64_t>(piece.segments_total()));
  head.Pod(static_cast<int64_t>(piece.dropped()));
  head.Pod(static_cast<int64_t>(piece.first_row()));
  head.Pod(static_cast<uint32_t>(piece.rows()));
  head.Pod(static_cast<int64_t>(piece.first_segment()));
  head.Pod(static_cast<uint32_t>(piece.segments_size()));
  for (const TakeRolloutReply::Segment& segment : piece.segments()) {
    head.Pod(static_cast<int64_t>(segment.start()));
    head.Pod(static_cast<int64_t>(segment.length()));
    head.Pod(static_cast<uint32_t>(segment.end()));
    head.Pod(static_cast<uint32_t>(segment.actor()));
    head.Pod(static_cast<uint32_t>(segment.epoch()));
    head.Pod(static_cast<uint32_t>(segment.env()));
  }
  return AddColumn(piece.bootstrap_obs(), AddColumn(piece.columns(), Crc32c(head.bytes())));
}

bool RolloutEncoder::Next(TakeRolloutReply* piece) {
  const int64_t segments = static_cast<int64_t>(rollout_->segments.size());
  if (next_row_ == rollout_->rows() && next_segment_ == segments) return false;
  piece->Clear();
  piece->set_rollout_id(rollout_id_);
  piece->set_rows_total(rollout_->rows());
  piece->set_segments_total(segments);
  piece->set_dropped(rollout_->dropped);
  piece->set_first_row(next_row_);
  piece->set_first_segment(next_segment_);
  next_row_ < rollout_->rows() ? AddRows(piece) : AddSegments(piece);
  piece->set_crc32c(RolloutPieceCrc(*piece));
  return true;
}

void RolloutEncoder::AddRows(TakeRolloutReply* piece) {
  const TableSpec& spec = rollout_->spec;
  const int64_t n = CountThatFits(piece_bytes_, RowBytes(spec), rollout_->rows() - next_row_);
  piece->set_rows(static_cast<uint32_t>(n));
  std::string* const columns = piece->mutable_columns();
  columns->reserve(static_cast<size_t>(n) * RowBytes(spec));
  Put(rollout_->obs, next_row_, n, spec.obs_dim, columns);
  Put(rollout_->action, next_row_, n, spec.action_dim, columns);
  Put(rollout_->reward, next_row_, n, 1, columns);
  Put(rollout_->policy_version, next_row_, n, 1, columns);
  Put(rollout_->extra, next_row_, n, spec.extra_dim, columns);
  next_row_ += n;
}

void RolloutEncoder::AddSegments(TakeRolloutReply* piece) {
  const int obs_dim = rollout_->spec.obs_dim;
  const int64_t n = CountThatFits(piece_bytes_, kSegmentBytes + 4 * static_cast<size_t>(obs_dim),
                                  static_cast<int64_t>(rollout_->segments.size()) - next_segment_);
  for (int64_t i = next_segment_; i < next_segment_ + n; ++i) {
    const RolloutSegment& from = rollout_->segments[static_cast<size_t>(i)];
    TakeRolloutReply::Segment* const segment = piece->add_segments();
    segment->set_start(from.start);
    segment->set_length(from.length);
    segment->set_end(static_cast<TakeRolloutReply::Segment::End>(from.end));
    segment->set_actor(from.actor);
    segment->set_epoch(from.epoch);
    segment->set_env(from.env);
  }
  Put(rollout_->bootstrap_obs, next_segment_, n, obs_dim, piece->mutable_bootstrap_obs());
  next_segment_ += n;
}

RolloutAssembler::RolloutAssembler(const TableSpec& spec, uint64_t rollout_id, int64_t rows_max,
                                   Rollout* rollout)
    : rollout_id_(rollout_id), rows_max_(rows_max), rollout_(rollout) {
  rollout->spec = spec;
  rollout->dropped = 0;
  for (std::vector<float>* column : {&rollout->obs, &rollout->action, &rollout->reward,
                                     &rollout->extra, &rollout->bootstrap_obs}) {
    column->clear();
  }
  rollout->policy_version.clear();
  rollout->segments.clear();
}

absl::Status RolloutAssembler::CheckHead(const TakeRolloutReply& piece) const {
  if (RolloutPieceCrc(piece) != piece.crc32c()) return Bad("its CRC32C differs");
  if (piece.rollout_id() != rollout_id_) {
    return Bad(absl::StrCat("rollout ", piece.rollout_id(), " instead of ", rollout_id_));
  }
  if (piece.rows_total() < 1 || piece.rows_total() > rows_max_ || piece.segments_total() < 1 ||
      piece.segments_total() > piece.rows_total() || piece.dropped() < 0) {
    return Bad(absl::StrCat(piece.rows_total(), " rows in ", piece.segments_total(),
                            " segments, at most ", rows_max_, " rows were asked for"));
  }
  if (any() && (piece.rows_total() != rows_total_ || piece.segments_total() != segments_total_ ||
                piece.dropped() != rollout_->dropped)) {
    return Bad("its pieces are of different rollouts");
  }
  if (piece.rows() == 0 && piece.segments_size() == 0) return Bad("a piece of nothing");
  const int64_t segments = static_cast<int64_t>(rollout_->segments.size());
  if (piece.first_row() != rollout_->rows() || piece.first_segment() != segments ||
      piece.rows() > piece.rows_total() - rollout_->rows() ||
      piece.segments_size() > piece.segments_total() - segments) {
    return Bad(absl::StrCat("a piece of ", piece.rows(), " rows from ", piece.first_row(), " and ",
                            piece.segments_size(), " segments from ", piece.first_segment(),
                            " after ", rollout_->rows(), " rows and ", segments, " segments"));
  }
  return absl::OkStatus();
}

absl::Status RolloutAssembler::Add(const TakeRolloutReply& piece) {
  PMOE_RETURN_IF_ERROR(CheckHead(piece));
  rows_total_ = piece.rows_total();
  segments_total_ = piece.segments_total();
  rollout_->dropped = piece.dropped();
  PMOE_RETURN_IF_ERROR(AddRows(piece));
  return AddSegments(piece);
}

absl::Status RolloutAssembler::AddRows(const TakeRolloutReply& piece) {
  const TableSpec& spec = rollout_->spec;
  const int64_t n = piece.rows();
  const size_t wanted = static_cast<size_t>(n) * RowBytes(spec);
  if (piece.columns().size() != wanted) {
    return Bad(
        absl::StrCat(piece.columns().size(), " bytes of columns, ", n, " rows have ", wanted));
  }
  absl::string_view in = piece.columns();
  Get(&in, n, spec.obs_dim, &rollout_->obs);
  Get(&in, n, spec.action_dim, &rollout_->action);
  Get(&in, n, 1, &rollout_->reward);
  Get(&in, n, 1, &rollout_->policy_version);
  Get(&in, n, spec.extra_dim, &rollout_->extra);
  return absl::OkStatus();
}

absl::Status RolloutAssembler::AddSegments(const TakeRolloutReply& piece) {
  const int obs_dim = rollout_->spec.obs_dim;
  const int64_t n = piece.segments_size();
  if (piece.bootstrap_obs().size() != static_cast<size_t>(n) * static_cast<size_t>(obs_dim) * 4) {
    return Bad(
        absl::StrCat(piece.bootstrap_obs().size(), " bytes of observations for ", n, " segments"));
  }
  for (const TakeRolloutReply::Segment& segment : piece.segments()) {
    if (segment.end() < TakeRolloutReply::Segment::TERMINATED ||
        segment.end() > TakeRolloutReply::Segment::CUT) {
      return Bad(absl::StrCat("a segment with end ", static_cast<int>(segment.end())));
    }
    rollout_->segments.push_back({segment.actor(), segment.epoch(), segment.env(), segment.start(),
                                  segment.length(), static_cast<SegmentEnd>(segment.end())});
  }
  absl::string_view in = piece.bootstrap_obs();
  Get(&in, n, obs_dim, &rollout_->bootstrap_obs);
  return absl::OkStatus();
}

absl::Status RolloutAssembler::Finish() const {
  const int64_t segments = static_cast<int64_t>(rollout_->segments.size());
  if (!any() || rollout_->rows() != rows_total_ || segments != segments_total_) {
    return Bad(absl::StrCat("it ended after ", rollout_->rows(), " of ", rows_total_, " rows and ",
                            segments, " of ", segments_total_, " segments"));
  }
  return ValidateRollout(*rollout_);
}

}  // namespace pmoe
