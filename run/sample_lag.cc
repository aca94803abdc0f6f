#include "run/sample_lag.h"

namespace pmoe {

void SampleLag::OnPublish(uint64_t version) {
  if (version <= newest_) return;
  newest_ = version;
  if (published_.empty()) published_.resize(kTimed);
  published_[version % kTimed] = {version, clock_.Elapsed()};
}

void SampleLag::OnRows(absl::Span<const uint32_t> versions) {
  const double now_s = clock_.Elapsed();
  for (const uint32_t version : versions) {
    if (version == 0 || version > newest_) continue;
    ++rows_;
    versions_ += newest_ - version;
    const Publication& published = published_[version % kTimed];
    if (published.version != version) continue;
    ++timed_rows_;
    seconds_ += now_s - published.at_s;
  }
}

std::optional<SampleLag::Means> SampleLag::Drain() {
  std::optional<Means> means;
  if (rows_ > 0) means = {.versions = static_cast<double>(versions_) / static_cast<double>(rows_)};
  if (timed_rows_ > 0) means->seconds = seconds_ / static_cast<double>(timed_rows_);
  rows_ = versions_ = timed_rows_ = 0;
  seconds_ = 0.0;
  return means;
}

void SampleLag::SaveState(ByteWriter* out) const {
  out->Pod(newest_);
  out->Pod(rows_);
  out->Pod(versions_);
}

void SampleLag::LoadState(ByteReader* in) {
  uint64_t newest = 0;
  in->Pod(&newest);
  in->Pod(&rows_);
  in->Pod(&versions_);
  OnPublish(newest);
}

}  // namespace pmoe
