// The two ends of an actor under test: directives from a list, rows into a list; and rounds for it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "control/core/run_client.h"
#include "replay/client/transition_writer.h"
#include "tests/actor/policy_testing.h"

namespace pmoe {

struct Row {
  uint32_t env;
  std::vector<float> obs, action, next_obs;
  float reward;
  bool terminated, truncated;
  uint32_t version;

  bool operator==(const Row&) const = default;
};

class RecordingWriter : public TransitionWriter {
 public:
  absl::Status Write(uint32_t env, const Transition& t) override {
    rows.push_back({env,
                    {t.obs.begin(), t.obs.end()},
                    {t.action.begin(), t.action.end()},
                    {t.next_obs.begin(), t.next_obs.end()},
                    t.reward,
                    t.terminated,
                    t.truncated,
                    t.policy_version});
    return rows.size() > rows_max ? absl::UnavailableError("replay is gone") : absl::OkStatus();
  }
  absl::Status EndRound(uint64_t round) override {
    rounds.push_back(round);
    return absl::OkStatus();
  }

  absl::Status Flush() override { return absl::OkStatus(); }
  void Cancel() override {}
  void SaveState(ByteWriter* out) const override {
    out->Pod(restored_rows + static_cast<uint64_t>(rows.size()));
  }
  absl::Status LoadState(ByteReader* in) override {
    in->Pod(&restored_rows);
    return absl::OkStatus();
  }
  bool AbandonEpisode(uint32_t env) override {
    abandoned.push_back(env);
    return true;
  }

  std::vector<Row> rows;
  uint64_t restored_rows = 0;
  std::vector<uint64_t> rounds;
  std::vector<uint32_t> abandoned;  // envs
  size_t rows_max = SIZE_MAX;
};

// Hands out its directives one by one, each with the snapshot it names, then cancels.
class ListedDirectives : public RunClient {
 public:
  absl::StatusOr<Directive> NextDirective() override {
    if (directives.empty()) return absl::CancelledError("the list is at its end");
    const Directive next = directives.front();
    directives.pop_front();
    if (next.snapshot != nullptr) latest_ = next.snapshot;
    return next;
  }
  // In async a directive stands until `patience` questions were asked.
  bool HasDirective() override { return patience-- <= 0; }
  std::shared_ptr<const PolicySnapshot> LatestSnapshot() override { return latest_; }
  absl::Status Report(ActorReport report) override {
    reports.push_back(std::move(report));
    return absl::OkStatus();
  }

  std::deque<Directive> directives;
  std::vector<ActorReport> reports;
  int patience = 0;

 private:
  std::shared_ptr<const PolicySnapshot> latest_;
};

// A round of uniform steps, or of HalfCheetah's random policy of that version.
inline Directive Round(uint64_t round, uint32_t steps, uint64_t version) {
  Directive directive;
  directive.round = round;
  directive.steps_per_env = steps;
  directive.act_uniform = version == 0;
  if (version > 0) directive.snapshot = CheetahSnapshot(version);
  return directive;
}

}  // namespace pmoe
