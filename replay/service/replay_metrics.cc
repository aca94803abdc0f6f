#include "replay/service/replay_metrics.h"

namespace pmoe {

void ExportCounts(const TableStats& stats, MetricsExporter* metrics) {
  const auto set = [metrics](absl::string_view name, auto value, const char* label = "") {
    metrics->Set(name, static_cast<double>(value), label);
  };
  set("pmoe_replay_size_rows", stats.size());
  set("pmoe_replay_memory_bytes", stats.bytes());
  set("pmoe_replay_inserts_total", stats.inserted());
  set("pmoe_replay_samples_total", stats.sampled());
  if (stats.inserted() > 0) {
    set("pmoe_replay_samples_per_insert",
        static_cast<double>(stats.sampled()) / static_cast<double>(stats.inserted()));
  }
  set("pmoe_replay_limiter_blocked_seconds_total", stats.insert_blocked_s(), "insert");
  set("pmoe_replay_limiter_blocked_seconds_total", stats.sample_blocked_s(), "sample");
  set("pmoe_replay_duplicates_total", stats.duplicates());
  set("pmoe_replay_crc_errors_total", stats.crc_errors());
  set("pmoe_replay_rows_lost_total", stats.rows_lost());
  set("pmoe_replay_writers", stats.writers());
}

void ExportWaits(const ShardStats& counts, MetricsExporter* metrics) {
  constexpr char kWaiting[] = "pmoe_replay_limiter_waiting_seconds";
  metrics->Set(kWaiting, counts.inserts_blocked.current, "insert");
  metrics->Set(kWaiting, counts.samples_blocked.current, "sample");
}

}  // namespace pmoe
