#include "replay/wire/batch_codec.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/finite.h"
#include "common/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "proto/replay.pb.h"
#include "replay/core/sequence.h"

namespace pmoe {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr uint32_t VarintTag(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT);
}

absl::Status Bad(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("a minibatch came damaged: ", what));
}

// Reads one reply; the fields may come in any order, but rows before columns.
class ReplyReader {
 public:
  ReplyReader(CodedInputStream* in, const BatchSlot& slot, ShardCounts* counts)
      : in_(in), slot_(slot), counts_(counts) {}

  absl::Status Read() {
    while (const uint32_t tag = in_->ReadTag()) PMOE_RETURN_IF_ERROR(ReadField(tag));
    if (!in_->ConsumedEntireMessage()) return Bad("a field has no number");
    if (!has_columns_) PMOE_RETURN_IF_ERROR(CheckColumns(0));
    if (counts_->eligible <= counts_->size) return absl::OkStatus();
    return Bad(absl::StrCat(counts_->eligible, " of ", counts_->size, " rows can be drawn"));
  }

 private:
  absl::Status ReadField(uint32_t tag) {
    switch (tag) {
      case VarintTag(SampleReply::kRowsFieldNumber):
        return ReadNumber(&rows_);
      case VarintTag(SampleReply::kSizeFieldNumber):
        return ReadNumber(&counts_->size);
      case VarintTag(SampleReply::kInsertedFieldNumber):
        return ReadNumber(&counts_->inserted);
      case VarintTag(SampleReply::kEligibleFieldNumber):
        return ReadNumber(&counts_->eligible);
      case WireFormatLite::MakeTag(SampleReply::kColumnsFieldNumber,
                                   WireFormatLite::WIRETYPE_LENGTH_DELIMITED):
        return ReadColumns();
      default:
        // A field of a later version.
        return WireFormatLite::SkipField(in_, tag) ? absl::OkStatus() : Bad("a field is cut off");
    }
  }

  absl::Status ReadNumber(int64_t* number) {
    uint64_t value = 0;
    if (!in_->ReadVarint64(&value)) return Bad("a number is cut off");
    *number = static_cast<int64_t>(value);
    const bool counts = *number >= 0 && *number <= kRowsMax;
    return counts ? absl::OkStatus() : Bad(absl::StrCat("a count of ", *number));
  }

  absl::Status ReadColumns() {
    uint32_t bytes = 0;
    if (has_columns_) return Bad("its columns come twice");
    if (!in_->ReadVarint32(&bytes)) return Bad("a number is cut off");
    has_columns_ = true;
    PMOE_RETURN_IF_ERROR(CheckColumns(bytes));
    if (bytes == 0) return absl::OkStatus();
    if (!ReadRows() || !ReadWeights() || !ReadEnds()) return Bad("its columns are cut off");
    PMOE_RETURN_IF_ERROR(CheckWeights());
    PMOE_RETURN_IF_ERROR(CheckEnds());
    return slot_.reject_nonfinite ? CheckFinite() : absl::OkStatus();
  }

  bool ReadRows() {
    Minibatch* const batch = slot_.batch;
    const int each = batch->rows_each();
    const int obs_dim = batch->spec().obs_dim;
    return ReadColumn(batch->obs(), each * obs_dim) &&
           ReadColumn(batch->action(), each * batch->spec().action_dim) &&
           ReadColumn(batch->reward(), each) && ReadColumn(batch->discount(), each) &&
           ReadColumn(batch->next_obs(), each * obs_dim) &&
           ReadColumn(batch->policy_version(), each);
  }

  bool ReadWeights() {
    Minibatch* const batch = slot_.batch;
    return !batch->prioritized() || (ReadColumn(batch->weight(), 1) && ReadColumn(batch->key(), 1));
  }

  bool ReadEnds() {
    Minibatch* const batch = slot_.batch;
    return batch->sequence_rows() == 0 ||
           (ReadColumn(batch->length(), 1) && ReadColumn(batch->flags(), batch->rows_each()));
  }

  absl::Status CheckEnds() const {
    if (slot_.batch->sequence_rows() == 0) return absl::OkStatus();
    const absl::Status ends = CheckSequences(*slot_.batch, slot_.row, slot_.rows);
    return ends.ok() ? ends : Bad(ends.message());
  }

  absl::Status CheckWeights() const {
    if (!slot_.batch->prioritized()) return absl::OkStatus();
    const float* const weight = slot_.batch->weight() + slot_.row;
    for (int i = 0; i < slot_.rows; ++i) {
      if (!(weight[i] > 0.0f && weight[i] <= 1.0f)) {
        return Bad(absl::StrCat("a weight of ", weight[i]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckFinite() const {
    Minibatch* const batch = slot_.batch;
    const int each = batch->rows_each();
    const int obs_dim = each * batch->spec().obs_dim;
    if (IsFinite(batch->obs(), obs_dim) &&
        IsFinite(batch->action(), each * batch->spec().action_dim) &&
        IsFinite(batch->reward(), each) && IsFinite(batch->discount(), each) &&
        IsFinite(batch->next_obs(), obs_dim)) {
      return absl::OkStatus();
    }
    return Bad("a number in its columns is NaN or infinite");
  }

  bool IsFinite(const float* column, int width) const {
    return AllFinite({column + static_cast<ptrdiff_t>(slot_.row) * width,
                      static_cast<size_t>(slot_.rows) * static_cast<size_t>(width)});
  }

  absl::Status CheckColumns(size_t bytes) const {
    if (rows_ != slot_.rows) {
      return Bad(absl::StrCat(rows_, " rows before the columns, ", slot_.rows, " were asked for"));
    }
    if (slot_.rows == 0) {
      return bytes == 0 ? absl::OkStatus()
                        : Bad(absl::StrCat(bytes, " bytes of columns of no row"));
    }
    const int sequence_rows = slot_.batch->sequence_rows();
    const size_t wanted =
        PackedBytes(slot_.batch->spec(), {slot_.rows, sequence_rows, slot_.batch->prioritized()});
    if (bytes == wanted) return absl::OkStatus();
    if (sequence_rows == 0) {
      return Bad(absl::StrCat(bytes, " bytes of columns, ", rows_, " rows have ", wanted));
    }
    return Bad(absl::StrCat(bytes, " bytes of columns, ", rows_, " sequences of ", sequence_rows,
                            " rows have ", wanted, "; a shard of an older build gives none"));
  }

  // `width` values for each row of the slot.
  template <typename T>
  bool ReadColumn(T* column, int width) {
    return in_->ReadRaw(column + static_cast<ptrdiff_t>(slot_.row) * width,
                        slot_.rows * width * static_cast<int>(sizeof(T)));
  }

  CodedInputStream* const in_;
  const BatchSlot slot_;
  ShardCounts* const counts_;
  int64_t rows_ = 0;
  bool has_columns_ = false;
};

}  // namespace

absl::Status DecodeSampleReply(google::protobuf::io::ZeroCopyInputStream* in, const BatchSlot& slot,
                               ShardCounts* counts) {
  PMOE_CHECK(slot.rows == 0 || (slot.row >= 0 && slot.row + slot.rows <= slot.batch->size()));
  CodedInputStream coded(in);
  return ReplyReader(&coded, slot, counts).Read();
}

}  // namespace pmoe
