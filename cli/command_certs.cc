// `pmoe certs`: makes, renews and shows the certificates of a cluster.
#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/certificates.h"
#include "cli/commands.h"
#include "common/base/status_macros.h"
#include "common/tls/identity.h"

namespace pmoe {
namespace {

const char* Word(CertificateReport::What what) {
  switch (what) {
    case CertificateReport::What::kMade:
      return "made";
    case CertificateReport::What::kRenewed:
      return "renewed";
    default:
      return "kept";
  }
}

void PrintLine(const std::string& folder, const std::string& uri, absl::Time end,
               const std::string& more) {
  std::printf("%-24s %-28s holds until %s%s\n", folder.c_str(), uri.c_str(), TimeText(end).c_str(),
              more.c_str());
}

// The folder itself, or those below it.
std::vector<std::string> FoldersToShow(const std::string& dir) {
  std::vector<std::string> folders = CertificateFolders(dir);
  if (folders.empty()) folders.push_back(dir);
  return folders;
}

// Filled by the parser that AddTo was called on, which keeps pointers into this object.
class CertsCommand final : public Command {
 public:
  CLI::App* AddTo(CLI::App* app) override {
    CLI::App* const certs =
        app->add_subcommand("certs", "Make and show the certificates of a cluster's TLS");
    certs->require_subcommand(1);
    init_ = certs->add_subcommand("init", "Make what is missing, renew what ends soon");
    init_->add_option("--out", options_.out, "Folder of all of them")->type_name("DIR")->required();
    init_->add_option("--cluster", options_.cluster, "Name of the cluster; default: pmoe");
    init_->add_option("--days", options_.days, "Life of a certificate")->type_name("N");
    init_
        ->add_option("--actors", options_.actors,
                     "Also one for each of actors 0 to N-1 and the evaluator, good for it alone")
        ->type_name("N");
    init_->add_option("--replays", options_.replays, "The same for each of N replay shards")
        ->type_name("N");
    init_->add_flag("--renew", options_.renew, "Renew every certificate now");
    init_->footer(
        R"(Makes DIR/ca (the authority: its key.pem signs, keep it where you run this) and the)"
        R"( roles'
folders DIR/learner, DIR/replay, DIR/actor (the evaluator's too) and DIR/admin (for pmoe status),
each for --tls. What is there and good is kept; a certificate with less than a third of its life
left is renewed. Processes that run read a renewed certificate within a second or two.
A role's certificate is good for every seat of it: who steals one can come as any actor. With
--actors and --replays there are also DIR/actor-0, DIR/evaluator, DIR/replay-0 …, each for one
member, which gets the seat of that index and no other; hand out these and not DIR/actor.
Examples:
  pmoe certs init --out certs
  pmoe certs init --out certs --cluster lab --days 90
  pmoe certs init --out certs --actors 4 --replays 2
  pmoe-actor run --learner learner.example.org:7000 --tls certs/actor-3
  pmoe-learner --listen 0.0.0.0:7000 --tls certs/learner --env Hopper-v5)");
    show_ = certs->add_subcommand("show", "Print role, issuer and end of certificates");
    show_->add_option("DIR", shown_, "Folder of `pmoe certs init`, or one role's")->required();
    show_->footer("Example:\n  pmoe certs show certs\nExit code 2: one of them cannot be used.");
    return certs;
  }

  // Prints to stdout.
  absl::StatusOr<int> Run() override {
    PMOE_RETURN_IF_ERROR(init_->parsed() ? Init() : Show());
    return 0;
  }

 private:
  absl::Status Init() const {
    PMOE_ASSIGN_OR_RETURN(const std::vector<CertificateReport> reports,
                          InitCertificates(options_, absl::Now()));
    for (const CertificateReport& report : reports) {
      PrintLine(report.folder, report.uri, report.validity.to,
                absl::StrCat(" (", Word(report.what), ")"));
    }
    return absl::OkStatus();
  }

  // Every folder is looked at; the first error is the command's.
  absl::Status Show() const {
    absl::Status status;
    for (const std::string& folder : FoldersToShow(shown_)) {
      const absl::StatusOr<Identity> identity = ReadIdentity(folder, absl::Now());
      if (identity.ok()) {
        const CertificateInfo& about = identity->certificate;
        PrintLine(folder, about.uri, about.validity.to, absl::StrCat(", issued by ", about.issuer));
      } else {
        std::printf("%-24s cannot be used\n", folder.c_str());
      }
      status.Update(identity.status());
    }
    return status;
  }

  CLI::App* init_ = nullptr;
  CLI::App* show_ = nullptr;
  CertificateOptions options_;
  std::string shown_;
};

}  // namespace

std::unique_ptr<Command> MakeCertsCommand() { return std::make_unique<CertsCommand>(); }

}  // namespace pmoe
