#include "replay/core/rollout.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

absl::Status CheckSize(absl::string_view column, size_t got, size_t count, int width) {
  const size_t want = count * static_cast<size_t>(width);
  if (got == want) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a rollout is damaged: ", column, " holds ", got,
                                          " values where ", want, " must be"));
}

bool IsEnd(SegmentEnd end) {
  return end == SegmentEnd::kTerminated || end == SegmentEnd::kTruncated || end == SegmentEnd::kCut;
}

}  // namespace

absl::Status ValidateRollout(const Rollout& rollout) {
  const TableSpec& spec = rollout.spec;
  const size_t n = rollout.reward.size();
  PMOE_RETURN_IF_ERROR(CheckSize("obs", rollout.obs.size(), n, spec.obs_dim));
  PMOE_RETURN_IF_ERROR(CheckSize("action", rollout.action.size(), n, spec.action_dim));
  PMOE_RETURN_IF_ERROR(CheckSize("policy_version", rollout.policy_version.size(), n, 1));
  PMOE_RETURN_IF_ERROR(CheckSize("extra", rollout.extra.size(), n, spec.extra_dim));
  PMOE_RETURN_IF_ERROR(CheckSize("bootstrap_obs", rollout.bootstrap_obs.size(),
                                 rollout.segments.size(), spec.obs_dim));
  int64_t covered = 0;
  for (const RolloutSegment& segment : rollout.segments) {
    if (segment.start != covered || segment.length < 1 ||
        segment.length > rollout.rows() - covered || !IsEnd(segment.end)) {
      return absl::DataLossError(absl::StrCat("a rollout is damaged: a segment of ", segment.length,
                                              " rows from ", segment.start, " with end ",
                                              static_cast<int>(segment.end), " where row ", covered,
                                              " of ", rollout.rows(), " comes next"));
    }
    covered += segment.length;
  }
  if (covered == rollout.rows()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a rollout is damaged: its segments cover ", covered,
                                          " of ", rollout.rows(), " rows"));
}

void SaveRollout(const Rollout& rollout, ByteWriter* out) {
  out->Vector(rollout.obs);
  out->Vector(rollout.action);
  out->Vector(rollout.reward);
  out->Vector(rollout.policy_version);
  out->Vector(rollout.extra);
  out->Vector(rollout.bootstrap_obs);
  out->Pod(rollout.dropped);
  out->Pod(static_cast<uint64_t>(rollout.segments.size()));
  for (const RolloutSegment& segment : rollout.segments) {
    out->Pod(segment.actor);
    out->Pod(segment.epoch);
    out->Pod(segment.env);
    out->Pod(segment.start);
    out->Pod(segment.length);
    out->Pod(segment.end);
  }
}

Rollout LoadRollout(const TableSpec& spec, ByteReader* in) {
  Rollout rollout;
  rollout.spec = spec;
  in->Vector(&rollout.obs);
  in->Vector(&rollout.action);
  in->Vector(&rollout.reward);
  in->Vector(&rollout.policy_version);
  in->Vector(&rollout.extra);
  in->Vector(&rollout.bootstrap_obs);
  in->Pod(&rollout.dropped);
  uint64_t segments = 0;
  in->Pod(&segments);
  for (uint64_t i = 0; i < segments && in->ok(); ++i) {
    RolloutSegment segment;
    in->Pod(&segment.actor);
    in->Pod(&segment.epoch);
    in->Pod(&segment.env);
    in->Pod(&segment.start);
    in->Pod(&segment.length);
    in->Pod(&segment.end);
    rollout.segments.push_back(segment);
  }
  return rollout;
}

}  // namespace pmoe
