#include "cli/doctor/examination.h"

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/doctor/needs.h"
#include "cli/doctor/trials.h"
#include "common/base/file.h"
#include "common/base/near_names.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr char kAll[] = "all";

// A folder for the trials, made with the first of them.
class Scratch {
 public:
  explicit Scratch(std::string base) : path_(std::move(base) + "/pmoe-doctor-XXXXXX") {}
  ~Scratch() {
    std::error_code ignored;
    if (made_) fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  absl::StatusOr<std::string> path() {
    if (!made_ && ::mkdtemp(path_.data()) == nullptr) {
      return FileError("make the folder", path_, errno);
    }
    made_ = true;
    return path_;
  }

 private:
  std::string path_;
  bool made_ = false;
};

std::vector<Need> Joined(const std::vector<std::vector<Need>>& lists) {
  std::vector<Need> all;
  for (const std::vector<Need>& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

// The looks at one machine, each taken once: several parts need the same.
class Examiner {
 public:
  Examiner(Machine machine, const std::atomic<bool>& interrupted)
      : machine_(std::move(machine)), interrupted_(interrupted) {}

  Need Starts(const std::string& binary) {
    const auto it = starts_.find(binary);
    if (it != starts_.end()) return it->second;
    return starts_[binary] = ProgramStarts(binary, interrupted_);
  }

  std::vector<Need> Training() {
    return Joined({Models(), {HasWheel("torch"), Starts("pmoe-train")}, Room()});
  }
  std::vector<Need> Cluster() {
    return Joined({Models(),
                   {HasWheel("torch"), Starts("pmoe-learner"), Starts("pmoe-actor"),
                    Starts("pmoe-replay"), HasSocketFolder()},
                   Room()});
  }
  std::vector<Need> Playing() {
    return Joined(
        {Models(), {Starts("pmoe-actor"), CanDraw(interrupted_), HasFfmpeg(interrupted_)}});
  }
  std::vector<Need> Cuda() {
    return {HasGpu(machine_), HasCudaTorch(machine_), Starts("pmoe-train")};
  }
  std::vector<Need> Containers() { return {HasDocker(interrupted_), HasCompose(interrupted_)}; }

 private:
  static std::vector<Need> Models() {
    return {HasWheel("mujoco"), HasWheel("gymnasium"), HasModels()};
  }
  std::vector<Need> Room() const {
    return {HasMemory(machine_), HasDisk("disk", "."),
            HasDisk("temporary files", TemporaryFolder()), HasDescriptors(machine_)};
  }

  const Machine machine_;
  const std::atomic<bool>& interrupted_;
  std::map<std::string, Need> starts_;
};

struct PartPlan {
  const char* name;
  const char* does;
  std::function<std::vector<Need>(Examiner*)> needs;
  std::function<Trial(const std::string& scratch, const std::atomic<bool>& interrupted)> trial;
};

// containers: what runs in them is not ours to try here.
const std::vector<PartPlan>& Plans() {
  static const auto& plans = *new std::vector<PartPlan>{
      {"train", "`pmoe train`, `eval`, `sweep`", [](Examiner* e) { return e->Training(); },
       [](const std::string& scratch, const std::atomic<bool>& interrupted) {
         return TryTraining(scratch, "cpu", interrupted);
       }},
      {"up", "`pmoe up`: a cluster on this machine", [](Examiner* e) { return e->Cluster(); },
       TryCluster},
      {"play", "`pmoe play`, and a training's last video", [](Examiner* e) { return e->Playing(); },
       TryPlaying},
      {"dashboard", "the page of `pmoe train`, `up` and `dashboard`",
       [](Examiner*) { return std::vector<Need>{HasPort()}; }, TryDashboard},
      {"cuda", "`--device cuda`", [](Examiner* e) { return e->Cuda(); },
       [](const std::string& scratch, const std::atomic<bool>& interrupted) {
         return TryTraining(scratch, "cuda", interrupted);
       }},
      {"containers", "the images and deploy/docker-compose.yml",
       [](Examiner* e) { return e->Containers(); }, nullptr},
  };
  return plans;
}

bool IsAsked(const std::string& name, const std::vector<std::string>& asked) {
  if (asked.empty()) return name == Plans().front().name;
  return std::find(asked.begin(), asked.end(), name) != asked.end() ||
         std::find(asked.begin(), asked.end(), kAll) != asked.end();
}

absl::Status CheckNames(const std::vector<std::string>& asked) {
  for (const std::string& name : asked) {
    std::vector<std::string> known = PartNames();
    known.emplace_back(kAll);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::vector<std::string> near = NearNames(name, known);
    return absl::InvalidArgumentError(absl::StrCat(
        "--for knows no \"", name, "\"", near.empty() ? "" : "; did you mean " + near.front() + "?",
        " (", absl::StrJoin(known, ", "), ")"));
  }
  return absl::OkStatus();
}

Trial TryIn(Scratch* scratch, const PartPlan& plan, const std::atomic<bool>& interrupted) {
  const absl::StatusOr<std::string> folder = scratch->path();
  if (!folder.ok()) {
    return {false, absl::StrCat(folder.status().message(), "; TMPDIR=/another/folder"), 0.0};
  }
  return plan.trial(*folder, interrupted);
}

}  // namespace

std::vector<std::string> PartNames() {
  std::vector<std::string> names;
  for (const PartPlan& plan : Plans()) names.emplace_back(plan.name);
  return names;
}

bool Examination::ok() const {
  return std::all_of(parts.begin(), parts.end(),
                     [](const Part& part) { return !part.asked || part.ok(); });
}

absl::StatusOr<Examination> Examine(const ExaminationOptions& options,
                                    const std::atomic<bool>& interrupted) {
  const absl::Status known = CheckNames(options.asked);
  if (!known.ok()) return known;
  Examination result;
  result.machine = LookAtMachine();
  Examiner examiner(result.machine, interrupted);
  Scratch scratch(TemporaryFolder());
  for (const PartPlan& plan : Plans()) {
    Part& part = result.parts.emplace_back();
    part.name = plan.name;
    part.does = plan.does;
    part.asked = IsAsked(plan.name, options.asked);
    part.needs = plan.needs(&examiner);
    if (options.trials && part.asked && part.ok() && plan.trial != nullptr) {
      part.trial = TryIn(&scratch, plan, interrupted);
    }
  }
  return result;
}

}  // namespace pmoe
