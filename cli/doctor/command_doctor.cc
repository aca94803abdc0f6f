// `pmoe doctor`: what this machine has, what each part of pmoe lacks here, and a small training.
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "cli/commands.h"
#include "cli/doctor/examination.h"
#include "cli/doctor/report.h"
#include "common/base/interrupt.h"
#include "common/base/status_macros.h"

namespace pmoe {
namespace {

constexpr int kDoesNotWork = 2;

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class DoctorCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const doctor =
        app->add_subcommand("doctor", "Say what this machine has, and what works on it");
    doctor
        ->add_option("--for", options_.asked,
                     "What must work: train (the default), up, play, dashboard, cuda, containers; "
                     "repeatable; all: everything")
        ->type_name("PART")
        ->delimiter(',')
        ->expected(1)
        ->take_all();
    doctor->add_flag("--json", json_, "As JSON");
    doctor->add_flag("--no-trial", no_trial_, "Look only: no training, no program at work");
    doctor->footer(
        "What was asked for is tried on something small below $TMPDIR, a training of some seconds "
        "for instance.\n"
        "Examples:\n  pmoe doctor\n  pmoe doctor --for up,play --json\n"
        "Exit codes: 0: all that was asked for works; 2: something does not, and the fix is said.");
    return doctor;
  }

  // Prints to stdout.
  absl::StatusOr<int> Run() override {
    const std::atomic<bool>& interrupted =
        InstallInterruptHandler("pmoe: ending the trial\n", /*grace_s=*/10);
    options_.trials = !no_trial_;
    PMOE_ASSIGN_OR_RETURN(const Examination examination, Examine(options_, interrupted));
    const std::string report = json_ ? ReportJson(examination) : ReportText(examination);
    std::fputs(report.c_str(), stdout);
    return examination.ok() ? 0 : kDoesNotWork;
  }

 private:
  ExaminationOptions options_;
  bool json_ = false;
  bool no_trial_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeDoctorCommand() { return std::make_unique<DoctorCommand>(); }

}  // namespace pmoe
