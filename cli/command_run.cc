// `pmoe run verify`: what a run directory holds, what of it is damaged, and from where it would go
// on.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "run/run_check.h"

namespace pmoe {
namespace {

constexpr int kDamaged = 1;

nlohmann::ordered_json Json(const RunCheck& check) {
  nlohmann::ordered_json json = {{"directory", check.directory},
                                 {"label", check.label},
                                 {"mode", check.mode},
                                 {"total_steps", check.total_steps},
                                 {"locked", check.locked},
                                 {"holder", check.holder},
                                 {"learner_epoch", check.learner_epoch},
                                 {"metric_rows", check.metric_rows},
                                 {"metric_steps", check.metric_steps},
                                 {"checkpoints", nlohmann::json::array()},
                                 {"tables", nlohmann::json::array()},
                                 {"logs", nlohmann::json::array()},
                                 {"snapshots", nlohmann::json::array()},
                                 {"damages", check.damages},
                                 {"sound", check.sound()},
                                 {"resumes_at", nullptr}};
  for (const CheckedCheckpoint& checkpoint : check.checkpoints) {
    json["checkpoints"].push_back({{"env_steps", checkpoint.env_steps},
                                   {"policy_version", checkpoint.policy_version},
                                   {"learner_epoch", checkpoint.note.learner_epoch},
                                   {"table", checkpoint.note.table},
                                   {"damage", checkpoint.damage}});
  }
  for (const CheckedTable& table : check.tables) {
    json["tables"].push_back(
        {{"name", table.name}, {"bytes", table.bytes}, {"damage", table.damage}});
  }
  for (const CheckedLog& log : check.logs) {
    json["logs"].push_back({{"name", log.name},
                            {"records", log.records},
                            {"rows", log.rows},
                            {"torn_bytes", log.torn_bytes},
                            {"damage", log.damage}});
  }
  for (const CheckedSnapshot& snapshot : check.snapshots) {
    json["snapshots"].push_back({{"name", snapshot.name},
                                 {"env_steps", snapshot.env_steps},
                                 {"policy_version", snapshot.policy_version},
                                 {"damage", snapshot.damage}});
  }
  if (check.resumes_at.has_value()) json["resumes_at"] = *check.resumes_at;
  return json;
}

std::string Mark(const std::string& damage) { return damage.empty() ? "whole" : "DAMAGED"; }

void Line(const char* name, const std::string& text) {
  std::printf("%-12s  %s\n", name, text.c_str());
}

void PrintHoldings(const RunCheck& check) {
  Line("run", check.label.empty() ? "its configuration cannot be used"
                                  : absl::StrCat(check.label, ", ", check.mode, ", ",
                                                 check.total_steps, " env steps to make"));
  Line("trained by", !check.locked       ? "nobody now"
                     : check.holder == 0 ? "a process that cannot be seen from here"
                                         : absl::StrCat("process ", check.holder));
  Line("life", absl::StrCat("learner epoch ", check.learner_epoch));
  Line("metrics.csv",
       absl::StrCat(check.metric_rows, " rows, to ", check.metric_steps, " env steps"));
  for (const CheckedCheckpoint& checkpoint : check.checkpoints) {
    Line("checkpoint",
         absl::StrCat(checkpoint.env_steps, "  ", Mark(checkpoint.damage), ", policy version ",
                      checkpoint.policy_version, ", table ",
                      checkpoint.note.table.empty() ? "none" : checkpoint.note.table));
  }
  for (const CheckedTable& table : check.tables) {
    Line("table", absl::StrCat(table.name, "  ", Mark(table.damage), ", ", table.bytes, " bytes"));
  }
  for (const CheckedLog& log : check.logs) {
    Line("log", absl::StrCat(log.name, log.name.empty() ? "" : "  ", Mark(log.damage), ", ",
                             log.rows, " rows in ", log.records, " records",
                             log.torn_bytes > 0 ? ", and the start of another" : ""));
  }
  for (const CheckedSnapshot& snapshot : check.snapshots) {
    Line("snapshot", absl::StrCat(snapshot.name, "  ", Mark(snapshot.damage), ", ",
                                  snapshot.env_steps, " env steps"));
  }
}

void PrintVerdict(const RunCheck& check) {
  for (const std::string& damage : check.damages) Line("damage", damage);
  std::string resume = "a resume goes on from ";
  if (check.resumes_at.has_value()) {
    absl::StrAppend(&resume, *check.resumes_at, " env steps");
  } else {
    resume = check.checkpoints.empty() && check.sound() ? "there is no checkpoint yet"
                                                        : "it cannot be resumed as it is";
  }
  Line(check.sound() ? "sound" : "damaged", resume);
}

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class RunCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const run = app->add_subcommand("run", "Look after a run directory");
    run->require_subcommand(1);
    CLI::App* const verify =
        run->add_subcommand("verify", "Say what a run directory holds and what is damaged");
    verify->add_option("DIR", directory_, "Run directory")->required();
    verify->add_flag("--json", json_, "As JSON");
    verify->footer(
        "Reads every file to its end and changes none; a run may be trained meanwhile.\n"
        "Example:\n  pmoe run verify runs/my-run\n"
        "Exit codes: 0: sound; 1: something is damaged, and said; 2: bad flag, or no run.");
    return run;
  }

  // Prints to stdout.
  absl::StatusOr<int> Run() override {
    PMOE_ASSIGN_OR_RETURN(const RunCheck check, CheckRun(directory_));
    if (json_) {
      std::printf(
          "%s\n",
          Json(check).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    } else {
      PrintHoldings(check);
      PrintVerdict(check);
    }
    return check.sound() ? 0 : kDamaged;
  }

 private:
  std::string directory_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeRunCommand() { return std::make_unique<RunCommand>(); }

}  // namespace pmoe
