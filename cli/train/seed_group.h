// The runs of `pmoe train --seeds`, some side by side, the others in their turn, with one progress
// line and one log for all. Used by the main thread; owns the threads that run the members.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/train/seed_member.h"
#include "common/base/mutex.h"
#include "common/metrics/append_file.h"
#include "common/metrics/progress.h"
#include "run/seed_report.h"

namespace pmoe {

// Files that say what happened to which seed; empty: none.
struct SeedNotes {
  std::string log;     // for people: DIR/log.txt
  std::string report;  // for the process that started this one: run/seed_report.h
};

class SeedGroup {
 public:
  static absl::StatusOr<std::unique_ptr<SeedGroup>> Create(
      std::vector<std::unique_ptr<SeedMember>> members, ProgressOptions progress,
      const SeedNotes& notes);

  // Until all have ended or, with a checkpoint each, *interrupted. One that fails does not keep the
  // others from going on; it shows in members().
  void Train(int at_once, const std::atomic<bool>& interrupted) ABSL_LOCKS_EXCLUDED(mu_);

  const std::vector<std::unique_ptr<SeedMember>>& members() const { return members_; }
  std::vector<MemberView> Views() const;
  // A line of the log of the run `member`: on stderr and in log.txt.
  void Say(LogLevel level, const SeedMember& member, const std::string& text)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  SeedGroup(std::vector<std::unique_ptr<SeedMember>> members, ProgressOptions progress)
      : members_(std::move(members)), progress_(std::move(progress)) {}
  // Those that have something to do. The number of threads to run them.
  int Enqueue(int at_once) ABSL_LOCKS_EXCLUDED(mu_);
  // Draws the progress until no thread works.
  void ShowUntilTheEnd() ABSL_LOCKS_EXCLUDED(mu_);
  // A thread's: one member after the other.
  void Work(const std::atomic<bool>& interrupted) ABSL_LOCKS_EXCLUDED(mu_);
  // The next that waits; null: none is left.
  SeedMember* Next() ABSL_LOCKS_EXCLUDED(mu_);
  void RunOne(SeedMember* member, const std::atomic<bool>& interrupted);
  void Report(const SeedMember& member, SeedEvent event, absl::string_view failure = "")
      ABSL_LOCKS_EXCLUDED(mu_);

  const std::vector<std::unique_ptr<SeedMember>> members_;
  ProgressPrinter progress_;

  Mutex mu_;
  CondVar ended_;
  std::optional<AppendFile> log_ ABSL_GUARDED_BY(mu_);
  std::optional<AppendFile> report_ ABSL_GUARDED_BY(mu_);
  std::vector<SeedMember*> queue_ ABSL_GUARDED_BY(mu_);  // the next one last
  int working_ ABSL_GUARDED_BY(mu_) = 0;                 // threads
};

}  // namespace pmoe
