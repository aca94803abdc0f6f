// bench gym: env steps per second of gym: and gym-process: beside Gymnasium's own loop in Python,
// on the wall clock, one after the other in each round.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/gym/python_interpreter.h"
#include "actor/env/pcg64.h"
#include "actor/env/registry.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"
#include "tests/benchmark/benchmarks.h"
#include "tests/benchmark/measure.h"
#include "tests/benchmark/peers.h"

namespace pmoe {
namespace {

constexpr size_t kActions = 4096;
constexpr int kCall = 50;  // steps between looks at the clock

// An environment and actions for it, ready to be stepped on the clock.
class Loop {
 public:
  explicit Loop(std::unique_ptr<Env> env) : env_(std::move(env)), obs_(env_->spec().obs_dim) {
    const EnvSpec& spec = env_->spec();
    Pcg64 random(1);
    actions_.resize(kActions * static_cast<size_t>(spec.action_dim));
    for (size_t i = 0; i < actions_.size(); ++i) {
      const size_t a = i % static_cast<size_t>(spec.action_dim);
      actions_[i] = random.Uniform(spec.action_low[a], spec.action_high[a]);
    }
    env_->Reset(1, absl::MakeSpan(obs_));
    Steps(kCall);
  }

  absl::StatusOr<double> Rate(double seconds) {
    const Stopwatch watch;
    int64_t steps = 0;
    while (watch.Elapsed() < seconds) {
      Steps(kCall);
      steps += kCall;
      PMOE_RETURN_IF_ERROR(env_->error());
    }
    return static_cast<double>(steps) / watch.Elapsed();
  }

 private:
  void Steps(int count) {
    const size_t dims = static_cast<size_t>(env_->spec().action_dim);
    for (int i = 0; i < count; ++i) {
      const absl::Span<const double> action =
          absl::MakeConstSpan(actions_).subspan(next_++ % kActions * dims, dims);
      if (env_->Step(action, absl::MakeSpan(obs_)).done()) {
        env_->Reset(std::nullopt, absl::MakeSpan(obs_));
      }
    }
  }

  std::unique_ptr<Env> env_;
  std::vector<double> obs_;      // [O]
  std::vector<double> actions_;  // [kActions, A]
  size_t next_ = 0;
};

}  // namespace

absl::Status BenchGym(const BenchFlags& flags, Report* report) {
  PMOE_ASSIGN_OR_RETURN(const PythonInterpreter python, FindPython(""));
  report->Note(absl::StrCat("Python ", python.version, " of ", python.executable));
  report->Table("gym", {"gymnasium_per_s", "embedded_per_s", "embedded_ratio", "process_per_s",
                        "process_ratio"});
  const double slice_s = flags.seconds / flags.rounds;
  for (const std::string id :
       {"InvertedPendulum-v5", "HalfCheetah-v5", "Hopper-v5", "Ant-v5", "Humanoid-v5"}) {
    if (!flags.Chooses(id)) continue;
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> embedded, MakeEnv("gym:" + id, {}, ""));
    PMOE_ASSIGN_OR_RETURN(std::unique_ptr<Env> apart, MakeEnv("gym-process:" + id, {}, ""));
    Loop first(std::move(embedded)), second(std::move(apart));
    std::vector<double> peer, inside, process;
    for (int round = 0; round < flags.rounds; ++round) {
      PMOE_ASSIGN_OR_RETURN(
          auto said,
          RunPeerProgram({python.executable, PMOE_SOURCE_DIR "/tests/benchmark/gym_rate.py", id,
                          absl::StrCat(slice_s)}));
      PMOE_ASSIGN_OR_RETURN(const double inside_rate, first.Rate(slice_s));
      PMOE_ASSIGN_OR_RETURN(const double process_rate, second.Rate(slice_s));
      peer.push_back(said["steps_per_s"]);
      inside.push_back(inside_rate);
      process.push_back(process_rate);
    }
    report->Row(id, {Median(peer), Median(inside), MedianRatio(inside, peer), Median(process),
                     MedianRatio(process, peer)});
  }
  return absl::OkStatus();
}

}  // namespace pmoe
