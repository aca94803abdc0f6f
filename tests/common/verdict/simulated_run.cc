#include "tests/common/verdict/simulated_run.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "common/base/rng.h"
#include "tests/common/verdict/simulated_machine.h"

namespace pmoe {
namespace {

constexpr int64_t kPublishEvery = 50;
constexpr int64_t kCheckpointEvery = 500;
constexpr int64_t kEvaluateEvery = 20;  // rounds
constexpr int kEvaluationsKept = 2;
constexpr int64_t kUpdatesMin = 300;

class SimulatedRun {
 public:
  explicit SimulatedRun(const SimulatedRunOptions& options)
      : options_(options),
        machine_(options.cores),
        rng_(options.seed, RngRole::kLearner, 0),
        actors_(static_cast<size_t>(options.actors)) {
    for (size_t i = 0; i < actors_.size(); ++i) {
      actors_[i].rng = Rng(options.seed, RngRole::kActor, static_cast<uint32_t>(i));
      if (i < options.slower.size()) actors_[i].slower = options.slower[i];
    }
    const double ups = options.updates_per_step;
    window_ = 2.0 * std::max(1.0, ups * options.chunk_rows);
  }

  RunMeasure Run() {
    for (int i = 0; i < static_cast<int>(options_.foreign_cores); ++i) Compete();
    if (free()) {
      for (size_t i = 0; i < actors_.size(); ++i) StartStep(i);
      NextLesson();
    } else {
      if (options_.pace == Pace::kSideBySide) lessons_left_ = 0;
      StartRound();
    }
    const int64_t warm = options_.steps / 2;
    while (steps_ < warm || updates_ < kUpdatesMin / 2) machine_.Step();
    BeginMeasure();
    while (steps_ < options_.steps || updates_ < kUpdatesMin) machine_.Step();
    return Measure();
  }

 private:
  struct SimActor {
    Rng rng;
    double slower = 1.0;
    int rows = 0;
    int64_t steps_left = 0;  // of the round
    double since_s = 0.0;
    int64_t steps = 0;
    double busy_s = 0.0, wait_s = 0.0, cpu_s = 0.0;
  };
  struct SimLearner {
    double since_s = 0.0;
    double sample_s = 0.0, update_s = 0.0, publish_s = 0.0, checkpoint_s = 0.0;
    double evaluation_s = 0.0, idle_s = 0.0, cpu_s = 0.0;
  };

  bool free() const { return options_.pace == Pace::kLimiter; }

  double Draw(Rng* rng, double mean) const {
    const double v = options_.variation;
    return mean * ((1.0 - v) - v * std::log1p(-rng->Uniform()));
  }

  // Since `since_s`, or since the measuring began.
  void Add(double since_s, double* sum) const {
    *sum += machine_.now_s() - std::max(since_s, began_s_);
  }

  void Compete() {
    machine_.Compute(1e-2, [this] { Compete(); });
  }

  // Actors.
  void StartStep(size_t i) {
    SimActor& actor = actors_[i];
    actor.since_s = machine_.now_s();
    const double cpu_s = actor.slower * Draw(&actor.rng, options_.step_cpu_s);
    const auto compute = [this, i, cpu_s] {
      actors_[i].cpu_s += cpu_s;
      machine_.Compute(cpu_s, [this, i] { EndStep(i); });
    };
    if (options_.step_sleep_s == 0.0) return compute();
    machine_.Sleep(actor.slower * Draw(&actor.rng, options_.step_sleep_s), compute);
  }

  void EndStep(size_t i) {
    SimActor& actor = actors_[i];
    Add(actor.since_s, &actor.busy_s);
    actor.since_s = machine_.now_s();
    ++actor.steps;
    ++steps_;
    if (free()) {
      if (++actor.rows < options_.chunk_rows) return StartStep(i);
      line_.push_back(i);
      return Admit();
    }
    if (--actor.steps_left > 0) return StartStep(i);
    if (--actors_acting_ == 0) EndActing();
  }

  // Limiter, in updates: surplus = ups * rows - updates, within the window.
  double Surplus() const {
    return options_.updates_per_step * static_cast<double>(inserted_) -
           static_cast<double>(sampled_);
  }

  void Admit() {
    const double chunk = options_.updates_per_step * options_.chunk_rows;
    while (!line_.empty() && Surplus() + chunk <= window_) {
      SimActor& actor = actors_[line_.front()];
      inserted_ += options_.chunk_rows;
      Add(actor.since_s, &actor.wait_s);
      actor.rows = 0;
      StartStep(line_.front());
      line_.pop_front();
    }
    if (!waits_for_rows_ || !CanSample()) return;
    waits_for_rows_ = false;
    Sample();
  }

  bool CanSample() const { return Surplus() - 1.0 >= -window_; }

  // Learner: minibatch, update, and now and then a snapshot or a checkpoint.
  void NextLesson() {
    learner_.since_s = machine_.now_s();
    if (!free() && lessons_left_-- == 0) return EndLessons();
    if (free() && !CanSample()) {
      waits_for_rows_ = true;
      return;
    }
    Sample();
  }

  void Sample() {
    ++sampled_;
    machine_.Sleep(options_.sample_s, [this] {
      Add(learner_.since_s, &learner_.sample_s);
      waits_s_.push_back(machine_.now_s() - learner_.since_s);
      learner_.since_s = machine_.now_s();
      Admit();
      Update();
    });
  }

  void Update() {
    if (options_.update_sleep_s > 0.0) {
      return machine_.Sleep(Draw(&rng_, options_.update_sleep_s), [this] { EndUpdate(); });
    }
    const double cpu_s = Draw(&rng_, options_.update_cpu_s);
    learner_.cpu_s += cpu_s;
    machine_.Compute(options_.serial_share * cpu_s, [this, cpu_s] {
      shares_left_ = options_.threads;
      const double share_s = (1.0 - options_.serial_share) * cpu_s / options_.threads;
      for (int i = 0; i < options_.threads; ++i) {
        machine_.Compute(share_s, [this] {
          if (--shares_left_ == 0) EndUpdate();
        });
      }
    });
  }

  void EndUpdate() {
    Add(learner_.since_s, &learner_.update_s);
    ++updates_;
    const bool publishes = options_.publish_s > 0.0 && updates_ % kPublishEvery == 0;
    const bool checkpoints = options_.checkpoint_s > 0.0 && updates_ % kCheckpointEvery == 0;
    Beside(publishes ? options_.publish_s : 0.0, &learner_.publish_s, [this, checkpoints] {
      Beside(checkpoints ? options_.checkpoint_s : 0.0, &learner_.checkpoint_s,
             [this] { NextLesson(); });
    });
  }

  template <class Then>
  void Beside(double cpu_s, double* sum, Then then) {
    if (cpu_s == 0.0) return then();
    learner_.since_s = machine_.now_s();
    learner_.cpu_s += cpu_s;
    machine_.Compute(cpu_s, [this, sum, then] {
      Add(learner_.since_s, sum);
      then();
    });
  }

  // Rounds.
  void StartRound() {
    actors_acting_ = options_.actors;
    const int64_t each = options_.steps_per_round / options_.actors;
    for (size_t i = 0; i < actors_.size(); ++i) {
      if (round_ > 0) Add(actors_[i].since_s, &actors_[i].wait_s);
      actors_[i].steps_left = each;
      StartStep(i);
    }
    learner_.since_s = machine_.now_s();
    ++round_;
    if (options_.pace == Pace::kSideBySide && round_ > 1) Lessons();
    if (round_ == 1) lessons_done_ = true;
  }

  void Lessons() {
    Add(learner_.since_s, &learner_.idle_s);
    lessons_done_ = false;
    lessons_left_ = static_cast<int64_t>(
        std::lround(options_.updates_per_step * static_cast<double>(options_.steps_per_round)));
    NextLesson();
  }

  void EndActing() {
    if (options_.pace == Pace::kTurns) return Lessons();
    if (!lessons_done_) return;
    Add(learner_.since_s, &learner_.idle_s);
    StartRound();
  }

  void EndLessons() {
    lessons_done_ = true;
    if (options_.evaluation_s > 0.0 && round_ % kEvaluateEvery == 0) return Submit();
    EndTurn();
  }

  void EndTurn() {
    learner_.since_s = machine_.now_s();
    if (options_.pace == Pace::kTurns) return StartRound();
    if (actors_acting_ == 0) StartRound();
  }

  // Evaluator: plays one after the other, elsewhere.
  void Submit() {
    if (evaluations_ == kEvaluationsKept) {
      waits_for_evaluation_ = true;
      learner_.since_s = machine_.now_s();
      return;
    }
    if (evaluations_++ == 0) Evaluate();
    EndTurn();
  }

  void Evaluate() {
    machine_.Sleep(Draw(&rng_, options_.evaluation_s), [this] {
      if (--evaluations_ > 0) Evaluate();
      if (!waits_for_evaluation_) return;
      waits_for_evaluation_ = false;
      Add(learner_.since_s, &learner_.evaluation_s);
      Submit();
    });
  }

  void BeginMeasure() {
    began_s_ = machine_.now_s();
    for (SimActor& actor : actors_) {
      actor.steps = 0;
      actor.busy_s = actor.wait_s = actor.cpu_s = 0.0;
    }
    learner_ = {.since_s = learner_.since_s};
    waits_s_.clear();
    steps_ = updates_ = 0;
  }

  RunMeasure Measure() {
    const double seconds = machine_.now_s() - began_s_;
    RunMeasure measure;
    measure.pace = options_.pace;
    measure.env_steps_per_s = static_cast<double>(steps_) / seconds;
    measure.cores_here = options_.cores;
    measure.foreign_cores = options_.foreign_cores;
    if (!free()) measure.steps_per_round = options_.steps_per_round;
    for (size_t i = 0; i < actors_.size(); ++i) {
      const SimActor& actor = actors_[i];
      ActorMeasure& said = measure.actors.emplace_back();
      said.index = static_cast<uint32_t>(i);
      said.steps_per_s = static_cast<double>(actor.steps) / seconds;
      said.cpu_cores = actor.cpu_s / seconds;
      said.time = ActorMeasure::Time{.busy = actor.busy_s / seconds};
      (free() ? said.time->blocked : said.time->idle) = actor.wait_s / seconds;
    }
    LearnerMeasure& learner = measure.learner;
    learner.sample_wait = learner_.sample_s / seconds;
    learner.update = learner_.update_s / seconds;
    learner.publish = learner_.publish_s / seconds;
    learner.checkpoint = learner_.checkpoint_s / seconds;
    learner.evaluation = learner_.evaluation_s / seconds;
    learner.idle = learner_.idle_s / seconds;
    learner.updates_per_s = static_cast<double>(updates_) / seconds;
    const auto middle = waits_s_.begin() + static_cast<std::ptrdiff_t>(waits_s_.size() / 2);
    std::nth_element(waits_s_.begin(), middle, waits_s_.end());
    learner.sample_s = *middle;
    learner.threads = options_.threads;
    learner.threads_max = options_.update_sleep_s > 0.0 ? options_.threads : options_.threads + 1;
    learner.serial_share = options_.serial_share;
    learner.on_gpu = options_.update_sleep_s > 0.0;
    learner.cpu_cores = learner_.cpu_s / seconds;
    measure.one_process = options_.one_process;
    if (!options_.one_process) return measure;
    for (ActorMeasure& actor : measure.actors) {
      *learner.cpu_cores += *actor.cpu_cores;
      actor.cpu_cores.reset();
    }
    return measure;
  }

  const SimulatedRunOptions options_;
  SimulatedMachine machine_;
  Rng rng_;
  std::vector<SimActor> actors_;
  SimLearner learner_;
  std::vector<double> waits_s_;  // for minibatches
  double window_;
  std::deque<size_t> line_;  // actors that wait to insert
  bool waits_for_rows_ = false;
  int64_t inserted_ = 0, sampled_ = 0;
  int64_t steps_ = 0, updates_ = 0;  // measured
  int shares_left_ = 0;              // of the update
  int64_t round_ = 0, lessons_left_ = 0;
  int actors_acting_ = 0;
  bool lessons_done_ = false;
  int evaluations_ = 0;
  bool waits_for_evaluation_ = false;
  double began_s_ = 0.0;
};

}  // namespace

RunMeasure Simulate(const SimulatedRunOptions& options) { return SimulatedRun(options).Run(); }

}  // namespace pmoe
