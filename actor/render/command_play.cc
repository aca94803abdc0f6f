#include "actor/render/command_play.h"

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "actor/configured_env.h"
#include "actor/render/frame_writer.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// Draws each step that it observes.
class Film {
 public:
  Film(Renderer* renderer, FrameWriter* writer, int primitives, int frames_max)
      : renderer_(renderer),
        writer_(writer),
        primitives_(primitives),
        frames_max_(frames_max),
        frame_(renderer->frame_bytes()) {}

  void Add(const EvaluatedStep& step) {
    if (full() || !status_.ok()) return;
    if (step.step == 1) total_reward_ = 0.0;
    total_reward_ += step.result.reward;
    std::string labels = "Step\nReturn";
    std::string values = absl::StrFormat("%d\n%.1f", step.step, total_reward_);
    if (primitives_ > 1) {
      absl::StrAppend(&labels, "\nPrimitive (0-", primitives_ - 1, ")");
      absl::StrAppend(&values, "\n", step.primitive);
    }
    renderer_->Draw(step.env, labels, values, absl::MakeSpan(frame_));
    status_ = writer_->Write(frame_);
    ++frames_;
    if (frames_ % 10 == 0) Logger::OfProcess().DrawLive(absl::StrCat("frame ", frames_));
  }

  bool full() const { return frames_max_ > 0 && frames_ >= frames_max_; }
  int frames() const { return frames_; }
  const absl::Status& status() const { return status_; }

 private:
  Renderer* const renderer_;
  FrameWriter* const writer_;
  const int primitives_;
  const int frames_max_;
  std::vector<uint8_t> frame_;
  int frames_ = 0;
  double total_reward_ = 0.0;
  absl::Status status_;
};

bool IsEven(int n) { return n % 2 == 0; }

}  // namespace

void PlayCommand::AddTo(CLI::App* app) {
  CLI::App* const play = app->add_subcommand("play", "Draws a run's policy at work");
  run_.AddTo(play);
  auto* const video = play->add_option("--video", video_, "Video: .mp4 (H.264) or .webm (VP9)");
  play->add_option("--png", png_, "Folder for numbered PNG files instead")
      ->type_name("DIR")
      ->excludes(video);
  play->add_option("--frames", frames_max_, "At most so many frames")
      ->check(CLI::Range(1, 1000000000));
  policy_.AddTo(play, /*default_episodes=*/1);
  play->add_option("--camera", render_.camera,
                   "Camera of the model; default: track, or one that follows the robot");
  play->add_option("--width", render_.width, "Pixels")
      ->check(CLI::Range(16, 7680))
      ->capture_default_str();
  play->add_option("--height", render_.height, "Pixels")
      ->check(CLI::Range(16, 4320))
      ->capture_default_str();
  play->footer(
      "Needs no screen: draws on the GPU, or slowly on the CPU.\n"
      "Examples:\n"
      "  pmoe play --run runs/my-run --snapshot best --video run.mp4\n"
      "  pmoe play --run runs/my-run --primitive 1 --frames 100 --png frames/");
}

absl::Status PlayCommand::Run(const std::atomic<bool>& interrupted) const {
  if (video_.empty() && png_.empty()) {
    return absl::InvalidArgumentError("say where to: --video FILE.mp4 or --png DIR");
  }
  if (!IsEven(render_.width) || !IsEven(render_.height)) {
    return absl::InvalidArgumentError(absl::StrCat("--width and --height must be even, got ",
                                                   render_.width, " and ", render_.height));
  }
  PMOE_ASSIGN_OR_RETURN(const LoadedRun run, run_.Load());
  const PolicySpec& policy = run.snapshot->spec;
  PMOE_ASSIGN_OR_RETURN(EvaluatorOptions options, policy_.Options(run));
  options.lanes = 1;  // one episode after the other
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> example, MakeConfiguredEnv(run.config));
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Renderer> renderer,
                        Renderer::Create(*example, render_));
  const bool png = video_.empty();
  const std::string& path = png ? png_ : video_;
  PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<FrameWriter> writer,
                        FrameWriter::Create(path, png,
                                            {.width = render_.width,
                                             .height = render_.height,
                                             .frames_per_s = renderer->frames_per_s()}));
  PMOE_ASSIGN_OR_RETURN(
      const std::unique_ptr<Evaluator> evaluator,
      Evaluator::Create(options, policy, [&run] { return MakeConfiguredEnv(run.config); }));
  Film film(renderer.get(), writer.get(), policy.primitives, frames_max_);
  evaluator->Observe([&film](const EvaluatedStep& step) { film.Add(step); });
  const absl::StatusOr<Evaluation> evaluation = evaluator->Run(
      run.snapshot, /*stream=*/0,
      [&film, &interrupted] { return interrupted || film.full() || !film.status().ok(); });
  Logger::OfProcess().EraseLive();
  PMOE_RETURN_IF_ERROR(film.status());
  PMOE_RETURN_IF_ERROR(writer->Close());
  if (!evaluation.ok() && !absl::IsCancelled(evaluation.status())) return evaluation.status();
  std::printf("%s: %d frames at %.6g per second, drawn by %s\n", path.c_str(), film.frames(),
              renderer->frames_per_s(), renderer->device().c_str());
  if (evaluation.ok()) {
    std::printf("return %.2f, %d episodes, %s\n", evaluation->return_mean, options.episodes,
                policy_.Describe().c_str());
  }
  return absl::OkStatus();
}

}  // namespace pmoe
