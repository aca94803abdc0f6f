// `pmoe up`: a whole cluster on this machine, one process per role, from one configuration.
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "actor/env/env_list.h"
#include "cli/commands.h"
#include "cli/end_video.h"
#include "cli/up/child.h"
#include "cli/up/socket_folder.h"
#include "cli/up/supervisor.h"
#include "cli/up/up_security.h"
#include "common/base/build_info.h"
#include "common/base/file.h"
#include "common/base/file_lock.h"
#include "common/base/interrupt.h"
#include "common/base/log.h"
#include "common/base/package.h"
#include "common/base/status_macros.h"
#include "common/config/config_flags.h"
#include "common/config/run_config.h"
#include "common/metrics/exporter.h"
#include "dashboard/dashboard_flags.h"
#include "replay/load/demos.h"
#include "run/run_start.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;

constexpr int kPoll_ms = 5;
constexpr char kAnyPort[] = "127.0.0.1:0";

// Held while `pmoe up` lives. The run's own lock is its learner's, which comes and goes.
absl::StatusOr<FileLock> LockForUp(const std::string& directory) {
  PMOE_ASSIGN_OR_RETURN(std::optional<FileLock> lock, FileLock::TryFile(directory + "/up.lock"));
  const std::string held = lock.has_value() ? directory + "/lock" : directory + "/up.lock";
  if (lock.has_value() && !FileLock::IsHeld(held)) return *std::move(lock);
  const int holder = FileLock::Holder(held);
  return absl::FailedPreconditionError(
      absl::StrCat("another process is training in ", directory,
                   holder == 0 ? "" : absl::StrCat(" (process ", holder, ")"),
                   "; nothing was changed. Stop it first, or give another directory"));
}

// A loopback port that is free now.
absl::StatusOr<int> FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0;
  ::close(fd);
  if (!bound) return absl::UnavailableError("no free port on 127.0.0.1");
  return ntohs(name.sin_port);
}

// The commands of one cluster.
class ClusterPlan {
 public:
  ClusterPlan(const RunConfig& config, std::string directory, const SocketFolder* sockets)
      : config_(config), directory_(std::move(directory)), sockets_(sockets) {}

  absl::Status ChooseAddresses(bool tcp, bool insecure) {
    learner_ = absl::StrCat("unix:", sockets_->File("learner.sock"));
    tcp_ = tcp;
    if (!tcp) {
      ForgetUpSecurity(directory_);
      return absl::OkStatus();
    }
    if (!insecure) certificates_ = sockets_->File("certs");
    PMOE_RETURN_IF_ERROR(PrepareUpSecurity(directory_, certificates_));
    PMOE_ASSIGN_OR_RETURN(const int port, FreePort());
    learner_ = absl::StrCat("127.0.0.1:", port);
    return absl::OkStatus();
  }
  void set_audit(bool audit) { audit_ = audit; }
  void set_metrics(std::string address) { metrics_ = std::move(address); }
  void set_learner_words(std::vector<std::string> words) { learner_words_ = std::move(words); }
  void set_resume_words(std::vector<std::string> words) { resume_words_ = std::move(words); }

  std::vector<ProcessSpec> Processes() const {
    std::vector<ProcessSpec> list;
    list.push_back({ProcessKind::kLearner, "learner", "", [this] { return LearnerWords(); }});
    for (int i = 0; i < config_.replay().shards(); ++i) {
      Add(&list, ProcessKind::kReplay, absl::StrCat("replay ", i), absl::StrCat("replay-", i),
          ReplayWords(i));
    }
    for (int i = 0; i < config_.actor().count(); ++i) {
      Add(&list, ProcessKind::kActor, absl::StrCat("actor ", i), absl::StrCat("actor-", i),
          ActorWords(/*evaluate=*/false));
    }
    Add(&list, ProcessKind::kEvaluator, "evaluator", "evaluator", ActorWords(/*evaluate=*/true));
    return list;
  }

 private:
  using Words = std::vector<std::string>;

  void Add(std::vector<ProcessSpec>* list, ProcessKind kind, const std::string& name,
           const std::string& log, Words words) const {
    list->push_back({kind, name, absl::StrCat(directory_, "/logs/", log, ".log"),
                     [words = std::move(words)] { return words; }});
  }
  Words Start(const std::string& binary, PeerRole role, Words words) const {
    const std::string metrics = role == PeerRole::kLearner ? metrics_ : kAnyPort;
    words.insert(words.begin(), BinaryPath(binary));
    if (tcp_) {
      const Words security = SecurityWords(certificates_, role);
      words.insert(words.end(), security.begin(), security.end());
    }
    words.insert(words.end(), {"--metrics", metrics, "--parent", absl::StrCat(::getpid())});
    return words;
  }
  // A run that has begun goes on where it was.
  Words LearnerWords() const {
    Words words = {"--listen", learner_};
    words.insert(words.end(), learner_words_.begin(), learner_words_.end());
    if (!resume_words_.empty()) {
      words.insert(words.end(), resume_words_.begin(), resume_words_.end());
    } else {
      words.insert(words.end(), {"--out", directory_, "--or-resume", "--config",
                                 sockets_->File("config.textproto")});
    }
    return Start("pmoe-learner", PeerRole::kLearner, words);
  }
  Words ReplayWords(int shard) const {
    const std::string listen =
        tcp_ ? "127.0.0.1:0"
             : absl::StrCat("unix:", sockets_->File(absl::StrCat("replay-", shard, ".sock")));
    const std::string dir =
        absl::StrCat(directory_, "/replay",
                     config_.replay().shards() == 1 ? "" : absl::StrCat("/shard-", shard));
    return Start("pmoe-replay", PeerRole::kReplay,
                 {"--learner", learner_, "--listen", listen, "--dir", dir});
  }
  Words ActorWords(bool evaluate) const {
    Words words = {"run", "--learner", learner_};
    if (evaluate) words.push_back("--evaluate");
    if (audit_ && !evaluate) words.insert(words.end(), {"--audit", directory_ + "/audit"});
    return Start("pmoe-actor", PeerRole::kActor, words);
  }

  const RunConfig config_;
  const std::string directory_;
  const SocketFolder* const sockets_;
  std::string learner_;
  std::string certificates_;        // folder; empty: plain
  std::string metrics_ = kAnyPort;  // the learner's
  bool tcp_ = false;
  bool audit_ = false;
  Words learner_words_;
  Words resume_words_;
};

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class UpCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const up =
        app->add_subcommand("up", "Train with a cluster of processes on this machine");
    flags_.AddOptions(up);
    dashboard_.AddTo(up);
    up->add_flag("--tcp", tcp_, "Loopback TCP instead of unix sockets, with TLS");
    up->add_flag("--insecure", insecure_, "--tcp without TLS");
    up->add_option("--metrics", metrics_,
                   "The learner serves /metrics and /sd there, where Prometheus finds all members; "
                   "default: a free port of 127.0.0.1")
        ->type_name("HOST:PORT");
    up->add_flag("--audit", audit_, "Log every row sent under DIR/audit, for checks");
    up->footer(
        R"(Starts one learner, replay.shards replay shards, actor.count actors and an evaluator;
starts again what dies; one Ctrl-C ends all of them with a checkpoint.
Examples:
  pmoe up --env HalfCheetah-v5 --actors 2
  pmoe up --env Hopper-v5 --actors 8 --shards 2 --tcp --out runs/hopper
  pmoe up --env Hopper-v5 --mode lockstep --actors 2
  pmoe up --resume runs/hopper --steps 2e6
Beside it: `pmoe status` shows members, rates and who waits for whom; DIR/logs holds each
process's output, DIR/cluster.json their ids. The mode is async unless --mode says lockstep.)");
    return up;
  }

  // After parsing: runs the cluster to its end.
  absl::StatusOr<int> Run() override {
    PMOE_RETURN_IF_ERROR(CheckFlags());
    PMOE_ASSIGN_OR_RETURN(const RunStartOptions start, flags_.Options());
    PMOE_ASSIGN_OR_RETURN(const RunConfig config, LoadRunConfig(start, "async"));
    PMOE_RETURN_IF_ERROR(CheckEnvId(config.env().id()));
    const bool resume = !start.resume.empty();
    // Its columns are held against the task by the learner.
    if (!resume) PMOE_RETURN_IF_ERROR(CheckDemos(config, std::nullopt));
    std::string directory = resume ? start.resume : start.out;
    if (directory.empty()) {
      PMOE_ASSIGN_OR_RETURN(directory, MakeDefaultRunFolder(config.env().id(), config.algorithm(),
                                                            absl::StrCat("s", config.seed())));
    }
    if (!resume && fs::exists(directory + "/config.textproto")) {
      return absl::FailedPreconditionError(
          absl::StrCat(directory, " holds a run already; go on with it by --resume ", directory,
                       ", or give another --out"));
    }
    PMOE_RETURN_IF_ERROR(CheckUnfinished(directory, config));
    // From here on there are private files, which go with this function.
    const std::atomic<bool>& interrupted = InstallInterruptHandler(
        "\npmoe: ending the cluster with a checkpoint; once more ends it now\n", /*grace_s=*/0);
    PMOE_ASSIGN_OR_RETURN(const SocketFolder sockets, SocketFolder::Create());
    PMOE_ASSIGN_OR_RETURN(const FileLock lock,
                          Claim(start, config, directory, sockets.File("check.log")));
    PMOE_RETURN_IF_ERROR(MakeDirs(directory + "/logs"));
    if (audit_) PMOE_RETURN_IF_ERROR(MakeDirs(directory + "/audit"));
    PMOE_RETURN_IF_ERROR(WriteFileAtomic(sockets.File("config.textproto"), PrintConfig(config)));
    ClusterPlan plan(config, directory, &sockets);
    PMOE_RETURN_IF_ERROR(plan.ChooseAddresses(tcp_, insecure_));
    plan.set_audit(audit_);
    plan.set_metrics(metrics_);
    plan.set_learner_words(LearnerWords(start));
    if (resume) plan.set_resume_words(ResumeWords(directory, config));

    SupervisorOptions options;
    options.processes = plan.Processes();
    options.pid_file = directory + "/cluster.json";
    options.finished = [&] { return !CheckUnfinished(directory, config).ok(); };
    options.restart = !IsLockstep(config);
    unsetenv("PMOE_TLS");  // members get certificates of this cluster, or none
    // The learner would start itself once more to set it (libgomp reads it before main).
    setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
    const int shards = config.replay().shards();
    Say("cluster: ", config.env().id(), ", ", config.actor().count(), " actors, ", shards,
        shards == 1 ? " replay shard, " : " replay shards, ", config.schedule().mode(),
        "; run directory: ", directory);
    Say("logs: ", directory, "/logs; look at it with: ", UserCommand(), " status --run ",
        directory);
    const absl::Status ended = Supervisor(std::move(options)).Run(interrupted);
    ForgetUpSecurity(directory);
    PMOE_RETURN_IF_ERROR(ended);
    const bool finished = !CheckUnfinished(directory, config).ok();
    if (finished && config.observe().video()) WriteEndVideo(directory, interrupted);
    return 0;
  }

 private:
  // Before anything is made.
  absl::Status CheckFlags() const {
    if (insecure_ && !tcp_) {
      return absl::InvalidArgumentError("--insecure goes with --tcp: unix sockets need no TLS");
    }
    PMOE_RETURN_IF_ERROR(dashboard_.Check());
    // Could the learner listen there?
    return MetricsExporter::Start(metrics_).status();
  }

  // The folder's lock, its task checked. Locked before anything is written there: the files of a
  // run that goes on are its own. A folder that is not there is nobody's, and a mistake in the task
  // leaves none.
  absl::StatusOr<FileLock> Claim(const RunStartOptions& start, const RunConfig& config,
                                 const std::string& directory, const std::string& log) const {
    if (fs::exists(directory)) {
      absl::StatusOr<FileLock> lock = LockForUp(directory);
      PMOE_RETURN_IF_ERROR(lock.status());
      PMOE_RETURN_IF_ERROR(CheckEnv(start, config, directory, log));
      return lock;
    }
    PMOE_RETURN_IF_ERROR(CheckEnv(start, config, directory, log));
    PMOE_RETURN_IF_ERROR(MakeDirs(directory));
    return LockForUp(directory);
  }

  // As its actors will make it, before there is a process: the same words about the same mistakes
  // as `pmoe train` has. A new run's directory keeps what it is: no member may say otherwise.
  absl::Status CheckEnv(const RunStartOptions& start, const RunConfig& config,
                        const std::string& directory, const std::string& log) const {
    std::vector<std::string> words = {BinaryPath("pmoe-actor"), "check-env", "--quiet"};
    const std::vector<std::string> env = EnvWords(config.env());
    words.insert(words.end(), env.begin(), env.end());
    if (start.resume.empty()) {
      words.insert(words.end(), {"--record", directory});
    } else {
      words.insert(words.end(), {"--run", start.resume});
    }
    if (start.allow_other_env) words.emplace_back("--allow-other-env");
    PMOE_ASSIGN_OR_RETURN(Child child, Child::Start(words, log));
    std::optional<ChildEnd> end;
    while (!(end = child.Poll()).has_value()) ::poll(nullptr, 0, kPoll_ms);
    if (end->exit_code == 0) return absl::OkStatus();
    const absl::StatusOr<std::string> said = ReadFile(log);
    const std::string text =
        said.ok() ? std::string(absl::StripPrefix(absl::StripAsciiWhitespace(*said), "pmoe: "))
                  : "";
    return absl::Status(
        end->exit_code == 2 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kInternal,
        text.empty() ? absl::StrCat("pmoe-actor ", end->Text(), " when it made the task") : text);
  }

  std::vector<std::string> LearnerWords(const RunStartOptions& start) const {
    std::vector<std::string> words = dashboard_.Words();
    if (start.allow_other_env) words.emplace_back("--allow-other-env");
    return words;
  }

  TrainFlags flags_;
  DashboardFlags dashboard_;
  bool tcp_ = false;
  bool insecure_ = false;
  bool audit_ = false;
  std::string metrics_ = kAnyPort;
};

}  // namespace

std::unique_ptr<Command> MakeUpCommand() { return std::make_unique<UpCommand>(); }

}  // namespace pmoe
