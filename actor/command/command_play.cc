// `pmoe play`: a run's policy at work, as a video or as pictures.
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "actor/command/commands.h"
#include "actor/command/drawing.h"
#include "actor/command/policy_flags.h"
#include "actor/configured_env.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

// Shows each step that it observes.
class Film {
 public:
  Film(Drawing* drawing, int primitives, int frames_max)
      : drawing_(drawing), primitives_(primitives), frames_max_(frames_max) {}

  void Add(const EvaluatedStep& step) {
    if (over_) return;
    if (step.step == 1) total_reward_ = 0.0;
    total_reward_ += step.result.reward;
    std::string labels = "Step\nReturn";
    std::string values = absl::StrFormat("%d\n%.1f", step.step, total_reward_);
    if (primitives_ > 1) {
      absl::StrAppend(&labels, "\nPrimitive (0-", primitives_ - 1, ")");
      absl::StrAppend(&values, "\n", step.primitive);
    }
    ++frames_;
    over_ = !drawing_->Add(step.env, labels, values) || frames_ == frames_max_;
  }

  // All frames are there, or nobody draws any more.
  bool over() const { return over_; }

 private:
  Drawing* const drawing_;
  const int primitives_;
  const int frames_max_;  // 0: all
  int frames_ = 0;
  double total_reward_ = 0.0;
  bool over_ = false;
};

bool IsEven(int n) { return n % 2 == 0; }

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class PlayCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const play = app->add_subcommand("play", "Draws a run's policy at work");
    run_.AddTo(play);
    auto* const video = play->add_option("--video", video_, "Video: .mp4 (H.264) or .webm (VP9)");
    play->add_option("--png", png_, "Folder for numbered PNG files instead")
        ->type_name("DIR")
        ->excludes(video);
    play->add_option("--gif", drawing_.gif,
                     "And a small animation of its first 10 s, beside --video")
        ->type_name("FILE.gif")
        ->needs(video);
    play->add_option("--frames", frames_max_, "At most so many frames")
        ->check(CLI::Range(1, 1000000000));
    policy_.AddTo(play, /*default_episodes=*/1);
    play->add_option("--camera", drawing_.camera,
                     "Camera of the model; default: track, or one that follows the robot");
    play->add_option("--width", drawing_.width, "Pixels")
        ->check(CLI::Range(16, 7680))
        ->capture_default_str();
    play->add_option("--height", drawing_.height, "Pixels")
        ->check(CLI::Range(16, 4320))
        ->capture_default_str();
    play->footer(
        "Needs no screen: draws on the GPU, or slowly on the CPU.\n"
        "Examples:\n"
        "  pmoe play --run runs/my-run --snapshot best --video run.mp4\n"
        "  pmoe play --run runs/my-run --primitive 1 --frames 100 --png frames/");
    return play;
  }

  absl::StatusOr<int> Run() override {
    const std::atomic<bool>& interrupted =
        InstallInterruptHandler("pmoe: ending the file; once more ends it now\n", /*grace_s=*/0);
    if (video_.empty() && png_.empty()) {
      return absl::InvalidArgumentError("say where to: --video FILE.mp4 or --png DIR");
    }
    if (!IsEven(drawing_.width) || !IsEven(drawing_.height)) {
      return absl::InvalidArgumentError(absl::StrCat("--width and --height must be even, got ",
                                                     drawing_.width, " and ", drawing_.height));
    }
    if (!drawing_.gif.empty() && !absl::EndsWith(drawing_.gif, ".gif")) {
      return absl::InvalidArgumentError(
          absl::StrCat("--gif FILE ends in .gif, got ", drawing_.gif));
    }
    PMOE_ASSIGN_OR_RETURN(const LoadedRun run, run_.Load());
    const PolicySpec& policy = run.snapshot->spec;
    PMOE_ASSIGN_OR_RETURN(EvaluatorOptions options, policy_.Options(run));
    options.lanes = 1;  // one episode after the other
    const auto make_env = [&run] { return MakeConfiguredEnv(run.config, /*will_render=*/true); };
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Env> example, make_env());
    DrawingOptions drawn = drawing_;
    drawn.png = video_.empty();
    drawn.path = drawn.png ? png_ : video_;
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Drawing> drawing, Drawing::Start(drawn, *example));
    PMOE_ASSIGN_OR_RETURN(const std::unique_ptr<Evaluator> evaluator,
                          Evaluator::Create(options, policy, make_env));
    Film film(drawing.get(), policy.primitives, frames_max_);
    evaluator->Observe([&film](const EvaluatedStep& step) { film.Add(step); });
    const absl::StatusOr<Evaluation> evaluation = evaluator->Run(
        run.snapshot, /*stream=*/0, [&film, &interrupted] { return interrupted || film.over(); });
    const int code = drawing->Close();
    PMOE_RETURN_IF_ERROR(drawing->error());
    if (code != 0) return code;
    if (!evaluation.ok() && !absl::IsCancelled(evaluation.status())) return evaluation.status();
    if (evaluation.ok()) {
      std::printf("return %.2f, %d episodes, %s\n", evaluation->return_mean, options.episodes,
                  policy_.Describe().c_str());
    }
    return 0;
  }

 private:
  RunFlags run_;
  PolicyFlags policy_;
  DrawingOptions drawing_;
  std::string video_;
  std::string png_;
  int frames_max_ = 0;  // 0: all
};

}  // namespace

std::unique_ptr<Command> MakePlayCommand() { return std::make_unique<PlayCommand>(); }

}  // namespace pmoe
