#include "actor/actor.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/episode_start.h"
#include "common/base/bytes.h"
#include "common/base/log.h"
#include "common/base/printable_text.h"
#include "common/base/status_macros.h"
#include "common/base/stopwatch.h"

namespace pmoe {
namespace {
constexpr double kReport_s = 1.0;
// What a robot does while replay gives no room waits for so long, beyond the writer's own window.
constexpr double kQueue_s = 60.0;
constexpr double kQueueRowsMin = 64;
constexpr double kQueueRowsMax = 1 << 16;
constexpr std::chrono::milliseconds kCloseTimeout(4000);

void NoteError(const absl::Status& why, ActorReport* report) {
  ++report->env_errors;
  report->env_error = PrintableLines(why.message());  // a message holds UTF-8 only
}
}  // namespace

Actor::Actor(const ActorOptions& options, std::vector<std::unique_ptr<Env>> envs,
             const PolicySpec& policy, RunClient* client, TransitionWriter* writer)
    : options_(options),
      policy_(policy),
      network_(policy, static_cast<int>(envs.size())),
      client_(client),
      writer_(writer),
      obs_(envs.size() * policy.obs_dim),
      next_obs_(policy.obs_dim),
      actions_(envs.size() * policy.action_dim),
      primitives_(envs.size()),
      env_obs_(policy.obs_dim),
      env_action_(policy.action_dim),
      own_time_(options.clock),
      time_(options.time != nullptr ? options.time : &own_time_),
      reported_(time_->Seconds()) {
  for (size_t e = 0; e < envs.size(); ++e) {
    const auto stream = [&](RngRole role) {
      return Rng(options.seed, role, options.index, options.epoch, static_cast<uint32_t>(e));
    };
    Lane lane;
    lane.env = std::move(envs[e]);
    lane.reset_rng = stream(RngRole::kActorReset);
    lanes_.push_back(std::move(lane));
    rngs_.push_back(stream(RngRole::kActor));
  }
  if (options.real_time_hz == 0.0) return;
  pacer_.emplace(options.real_time_hz, options.clock);
  const double rows = std::clamp(kQueue_s * options.real_time_hz, kQueueRowsMin, kQueueRowsMax);
  queue_ = std::make_unique<RowQueue>(writer, static_cast<size_t>(rows));
  writer_ = queue_.get();
}

absl::Status Actor::Run() {
  absl::Status status;
  bool finished = false;
  while (status.ok()) {
    time_->Enter(ActorClock::kIdle);
    const absl::StatusOr<Directive> directive = client_->NextDirective();
    time_->Enter(ActorClock::kOther);
    status = directive.status();
    if (!status.ok()) break;
    finished = directive->state == RunState::kFinished;
    if (finished) break;
    status = Obey(*directive);
  }
  time_->Enter(ActorClock::kOther);
  if (queue_ != nullptr) CloseQueue(finished);
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

// A finished run needs no more rows.
void Actor::CloseQueue(bool finished) {
  const size_t lost = queue_->Close(finished ? std::chrono::milliseconds(0) : kCloseTimeout);
  if (lost == 0 || finished) return;
  Log(LogLevel::kWarning, lost, " rows that waited for room in replay are lost");
}

absl::Status Actor::Obey(const Directive& directive) {
  if (directive.until_next) return RunFreely(directive);
  const bool between_rounds =
      directive.steps_per_env == 0 && (directive.checkpoint || directive.restore != nullptr);
  if (!between_rounds) return RunRound(directive);
  ActorReport report;
  report.actor = options_.index;
  report.round = directive.round;
  if (directive.checkpoint) {
    report.checkpoint_part = SaveState();
  } else {
    if (options_.index >= directive.restore->size()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the checkpoint holds ", directive.restore->size(),
                       " actors, this is actor ", options_.index, "; keep actor.count"));
    }
    PMOE_RETURN_IF_ERROR(LoadState((*directive.restore)[options_.index]));
  }
  return Report(std::move(report));
}

// Lockstep: exactly the round's steps.
absl::Status Actor::RunRound(const Directive& directive) {
  ActorReport report;
  report.actor = options_.index;
  report.round = directive.round;
  for (uint32_t step = 0; step < directive.steps_per_env; ++step) {
    PMOE_RETURN_IF_ERROR(StepAll(directive, &report));
  }
  PMOE_RETURN_IF_ERROR(writer_->EndRound(directive.round));
  time_->Enter(ActorClock::kOther);
  if (directive.checkpoint) report.checkpoint_part = SaveState();
  return Report(std::move(report));
}

// Async: steps until another directive comes, with a report now and then.
absl::Status Actor::RunFreely(const Directive& directive) {
  while (!client_->HasDirective()) {
    ActorReport report;
    report.actor = options_.index;
    const Stopwatch watch(options_.clock);
    absl::Status stepped;
    while (stepped.ok() && !client_->HasDirective() && watch.Elapsed() < kReport_s) {
      stepped = StepAll(directive, &report);
    }
    ReportPace(&report);
    // Also of an actor that ends here: what its environment said is why.
    const absl::Status reported = Report(std::move(report));
    PMOE_RETURN_IF_ERROR(stepped);
    PMOE_RETURN_IF_ERROR(reported);
  }
  return absl::OkStatus();
}

absl::Status Actor::Report(ActorReport report) {
  time_->Enter(ActorClock::kOther);
  const ActorSeconds spent = time_->Seconds();
  report.seconds = spent - std::exchange(reported_, spent);
  report.acting_version = acting_version_;
  return client_->Report(std::move(report));
}

// And says it, the 1st, 10th, 100th … time.
void Actor::ReportPace(ActorReport* report) {
  if (!pacer_.has_value()) return;
  report->deadline_misses = pacer_->TakeMisses();
  report->rows_left_out = queue_->TakeLeftOut();
  misses_ += report->deadline_misses;
  if (misses_ < misses_said_) return;
  while (misses_said_ <= misses_) misses_said_ *= 10;
  Log(LogLevel::kWarning, "missed ", misses_,
      " deadlines of actor.real_time_hz=", options_.real_time_hz,
      " so far; the robot kept its last control in these periods");
}

// One step of every environment; a robot's comes with its tick.
absl::Status Actor::StepAll(const Directive& directive, ActorReport* report) {
  time_->Enter(ActorClock::kEnv);
  PMOE_RETURN_IF_ERROR(StartEpisodes(report));
  time_->Enter(ActorClock::kPolicy);
  const std::shared_ptr<const PolicySnapshot> newest = client_->LatestSnapshot();
  if (newest != nullptr && newest->version != network_.version())
    PMOE_RETURN_IF_ERROR(network_.Load(newest));
  ChooseActions(directive);
  if (pacer_.has_value()) {
    time_->Enter(ActorClock::kIdle);
    if (!pacer_->Await([this] { return client_->HasDirective(); })) return absl::OkStatus();
  }
  if (lanes_.size() > 1) {  // a robot is alone
    time_->Enter(ActorClock::kEnv);
    BeginSteps();
  }
  for (size_t lane = 0; lane < lanes_.size(); ++lane) PMOE_RETURN_IF_ERROR(StepLane(lane, report));
  report->env_steps += lanes_.size();
  return absl::OkStatus();
}

// Those that live in processes of their own step side by side.
void Actor::BeginSteps() {
  for (size_t e = 0; e < lanes_.size(); ++e) {
    ScaleAction(policy_, {actions_.data() + e * policy_.action_dim, size_t(policy_.action_dim)},
                absl::MakeSpan(env_action_));
    lanes_[e].env->BeginStep(env_action_);
  }
}

absl::Status Actor::StartEpisodes(ActorReport* report) {
  for (size_t e = 0; e < lanes_.size(); ++e) {
    Lane& lane = lanes_[e];
    if (lane.running) continue;
    PMOE_RETURN_IF_ERROR(StartEpisode(lane.env.get(), &lane.reset_rng, absl::MakeSpan(env_obs_),
                                      [report](const absl::Status& why) { NoteError(why, report); })
                             .status());
    network_.StartEpisode(static_cast<int>(e));
    std::copy(env_obs_.begin(), env_obs_.end(), obs_.begin() + e * policy_.obs_dim);
    lane.running = true;
    lane.episode_return = 0.0;
    lane.episode_length = 0;
    // However long the robot took to its start pose: the first deadline comes after it.
    if (pacer_.has_value()) pacer_->Start();
  }
  return absl::OkStatus();
}

void Actor::ChooseActions(const Directive& directive) {
  if (!directive.act_uniform) {
    acting_version_ = static_cast<uint32_t>(network_.version());
    network_.Act(obs_, {.sample = true}, absl::MakeSpan(rngs_), absl::MakeSpan(actions_),
                 absl::MakeSpan(primitives_));
    return;
  }
  acting_version_ = 0;
  const size_t dims = policy_.action_dim;
  for (size_t i = 0; i < actions_.size(); ++i)
    actions_[i] = 2.0f * rngs_[i / dims].UniformFloat() - 1.0f;
}

// Cuts the episode where the simulation broke down. The learner must see no broken state: the
// observation is its own successor, worth what it is worth, and the reward counts if it is a
// number.
void Actor::EndBrokenDown(absl::Span<const float> obs, StepResult* result) {
  std::copy(obs.begin(), obs.end(), next_obs_.begin());
  if (!std::isfinite(static_cast<float>(result->reward))) result->reward = 0.0;
  result->terminated = false;
  result->truncated = true;
}

absl::Status Actor::StepLane(size_t e, ActorReport* report) {
  time_->Enter(ActorClock::kEnv);
  Lane& lane = lanes_[e];
  const absl::Span<const float> action(actions_.data() + e * policy_.action_dim,
                                       policy_.action_dim);
  const absl::Span<float> obs(obs_.data() + e * policy_.obs_dim, policy_.obs_dim);
  ScaleAction(policy_, action, absl::MakeSpan(env_action_));
  StepResult result = lane.env->Step(env_action_, absl::MakeSpan(env_obs_));
  std::copy(env_obs_.begin(), env_obs_.end(), next_obs_.begin());
  const bool diverged = BrokeDown(result, env_obs_);
  if (diverged) {
    if (const absl::Status error = lane.env->error(); !error.ok()) NoteError(error, report);
    EndBrokenDown(obs, &result);
  }
  lane.episode_return += result.reward;
  ++lane.episode_length;

  time_->Enter(ActorClock::kWrite);
  Transition transition;
  transition.obs = obs;
  transition.action = action;
  transition.reward = static_cast<float>(result.reward);
  transition.terminated = result.terminated;
  transition.truncated = result.truncated;
  transition.next_obs = next_obs_;
  transition.policy_version = acting_version_;
  transition.extra = network_.columns(static_cast<int>(e));
  PMOE_RETURN_IF_ERROR(writer_->Write(static_cast<uint32_t>(e), transition));
  std::copy(next_obs_.begin(), next_obs_.end(), obs.begin());
  if (result.done()) {
    report->episodes.push_back({lane.episode_return, lane.episode_length, diverged ? 1u : 0u});
    AddInfo(lane.env->Info(), &report->info);
    lane.running = false;
  }
  return absl::OkStatus();
}

std::string Actor::SaveState() const {
  ByteWriter out;
  out.Vector(obs_);
  out.Vector(network_.options());
  out.Pod(static_cast<uint32_t>(lanes_.size()));
  for (size_t e = 0; e < lanes_.size(); ++e) {
    const Lane& lane = lanes_[e];
    rngs_[e].SaveState(&out);
    lane.reset_rng.SaveState(&out);
    const bool goes_on = lane.running && lane.env->can_save();
    out.Pod(goes_on);
    out.Pod(lane.episode_return);
    out.Pod(lane.episode_length);
    if (goes_on) lane.env->SaveState(&out);
  }
  writer_->SaveState(&out);
  return out.Take();
}

absl::Status Actor::LoadState(absl::string_view bytes) {
  ByteReader in(bytes);
  in.Fill(absl::Span<float>(obs_));
  in.Fill(network_.options());
  uint32_t lanes = 0;
  in.Pod(&lanes);
  if (!in.ok() || lanes != lanes_.size()) {
    return absl::DataLossError(
        "checkpoint: an actor's part does not fit actor.envs of this configuration");
  }
  for (size_t e = 0; e < lanes_.size(); ++e) {
    Lane& lane = lanes_[e];
    PMOE_RETURN_IF_ERROR(rngs_[e].LoadState(&in));
    PMOE_RETURN_IF_ERROR(lane.reset_rng.LoadState(&in));
    uint8_t running = 0;
    in.Pod(&running);
    lane.running = running != 0;
    in.Pod(&lane.episode_return);
    in.Pod(&lane.episode_length);
    if (lane.running) PMOE_RETURN_IF_ERROR(lane.env->LoadState(&in));
  }
  PMOE_RETURN_IF_ERROR(writer_->LoadState(&in));
  AbandonEpisodes();
  return in.Finish("checkpoint: an actor's part");
}

// What could not be saved.
void Actor::AbandonEpisodes() {
  int lost = 0;
  for (size_t e = 0; e < lanes_.size(); ++e) {
    if (!lanes_[e].running) lost += writer_->AbandonEpisode(static_cast<uint32_t>(e)) ? 1 : 0;
  }
  if (lost == 0) return;
  Log(LogLevel::kWarning, lanes_[0].env->spec().id, " cannot be saved: ", lost, " of actor ",
      options_.index, "'s episodes begin anew");
}

}  // namespace pmoe
