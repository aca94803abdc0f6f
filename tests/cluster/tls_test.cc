// A cluster over TCP with certificates, from real processes: it trains, it renews, and whoever has
// the wrong certificate is told so.
#include <filesystem>
#include <map>

#include "absl/strings/ascii.h"
#include "tests/cluster/cluster_testing.h"
#include "tests/testing/certificates.h"
#include "tests/testing/metrics_page.h"
#include "tests/testing/run_comparison.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

using Words = std::vector<std::string>;

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const ProcessResult made = RunProcess({Binary("pmoe"), "certs", "init", "--out", certs_});
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }

  std::string Certs(const std::string& role) const { return certs_ + "/" + role; }
  Words Learner(const std::string& steps) const {
    Words words = SmallFlags("InvertedPendulum-v5",
                             {"--steps", steps, "--out", run_, "--listen", "127.0.0.1:0", "--tls",
                              Certs("learner"), "--metrics", "127.0.0.1:0"});
    words.insert(words.begin(), Binary("pmoe-learner"));
    return words;
  }
  // Of the learner, once it listens.
  std::string Address() const {
    const std::string path = run_ + "/learner.address";
    EXPECT_TRUE(Eventually([&] { return fs::exists(path); }));
    const absl::StatusOr<std::string> text = ReadFile(path);
    return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
  }
  Words Replay(const std::string& address, const std::string& role = "replay") const {
    return {Binary("pmoe-replay"), "--learner",   address,       "--listen",
            "0.0.0.0:0",           "--advertise", "localhost:0", "--dir",
            dir_.File("replay"),   "--tls",       Certs(role)};
  }
  Words Actor(const std::string& address, const Words& more = {}) const {
    Words words = {Binary("pmoe-actor"), "run", "--learner", address, "--tls", Certs("actor")};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Words Status(const std::string& address, const std::string& role) const {
    return {Binary("pmoe"), "status", "--learner", address, "--tls", Certs(role)};
  }
  static void ExpectUsageError(const Words& words, const std::string& message) {
    const ProcessResult result = RunProcess(words);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(message));
  }

  TempDir dir_;
  const std::string certs_ = dir_.File("certs");
  const std::string run_ = dir_.File("run");
};

TEST_F(TlsTest, AClusterTrainsOverTcpAndAnswersWhoMayAsk) {
  ChildProcess learner(Learner("1500"));
  const std::string address = Address();
  ChildProcess replay(Replay(address));
  EXPECT_EQ(RunProcess({Binary("pmoe"), "health", address, "--tls", Certs("actor")}).exit_code, 0);
  const ProcessResult asked = RunProcess(Status(address, "admin"));
  EXPECT_EQ(asked.exit_code, 0) << asked.output;
  ExpectUsageError(Status(address, "actor"),
                   "which may not call /pmoe.RunService/GetStatus; only learner or admin may");
  Words watch = Status(address, "actor");
  watch.push_back("--watch");
  ExpectUsageError(watch, "which may not call /pmoe.RunService/GetStatus");
  ChildProcess actor(Actor(address)), evaluator(Actor(address, {"--evaluate"}));
  const ProcessResult trained = learner.Wait();
  EXPECT_EQ(trained.exit_code, 0) << trained.output;
  EXPECT_THAT(trained.output, HasSubstr("refused a call of /pmoe.RunService/GetStatus"));
  for (ChildProcess* member : {&actor, &evaluator, &replay}) {
    const ProcessResult ended = member->Wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
  }
}

// Each process has the seat that its certificate names, whoever comes first.
TEST_F(TlsTest, MembersWithCertificatesOfTheirOwnHaveTheirSeats) {
  ASSERT_EQ(RunProcess({Binary("pmoe"), "certs", "init", "--out", certs_, "--actors", "3",
                        "--replays", "1"})
                .exit_code,
            0);
  ChildProcess learner(Learner("100000000"));
  const std::string address = Address();
  const auto actor = [&](const std::string& certificate, const Words& more = {}) {
    Words words = {Binary("pmoe-actor"), "run", "--learner", address, "--tls", Certs(certificate)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  ExpectUsageError(actor("actor-2", {"--evaluate"}),
                   "good for actor 2 alone, not for an evaluator");
  ChildProcess third(actor("actor-2")), replay(Replay(address, "replay-0"));
  ChildProcess evaluator(actor("evaluator", {"--evaluate"}));
  Words status = Status(address, "admin");
  status.push_back("--json");
  std::map<std::string, int> seats;
  EXPECT_TRUE(Eventually([&] {
    const ProcessResult asked = RunProcess(status);
    if (asked.exit_code != 0) return false;
    const nlohmann::json run = nlohmann::json::parse(asked.output);
    for (const auto& member : run["members"]) seats[member["role"]] = member["index"];
    return std::stoll(run["env_steps"].get<std::string>()) > 200 && seats.size() == 3;
  }));
  EXPECT_EQ(seats["RUN_ROLE_ACTOR"], 2);
  EXPECT_EQ(seats["RUN_ROLE_REPLAY"], 0);
  EXPECT_EQ(seats["RUN_ROLE_EVALUATOR"], 0);
}

TEST_F(TlsTest, RefusalsAreCountedForPrometheus) {
  ChildProcess learner(Learner("1500"));
  const std::string address = Address();
  ExpectUsageError(Status(address, "replay"), "the certificate is of role replay");
  const ProcessResult status = RunProcess(
      {Binary("pmoe"), "status", "--learner", address, "--tls", Certs("admin"), "--json"});
  const std::string metrics = nlohmann::json::parse(status.output)["process"]["metrics_address"];
  EXPECT_TRUE(Eventually([&] {
    const ProcessResult page = RunProcess(
        {"/usr/bin/python3", "-c",
         "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())",
         "http://" + metrics + "/metrics"});
    return MetricOf(page.output, "pmoe_rpc_refused_total", "caller=\"replay\"") == 1.0;
  }));
}

TEST_F(TlsTest, ARenewedCertificateServesWithoutARestart) {
  ChildProcess learner(Learner("1500"));
  const std::string address = Address();
  // Everybody's are of another authority now; who reads them anew goes on.
  fs::remove_all(certs_ + "/ca");
  ASSERT_EQ(RunProcess({Binary("pmoe"), "certs", "init", "--out", certs_}).exit_code, 0);
  EXPECT_TRUE(Eventually([&] { return RunProcess(Status(address, "admin")).exit_code == 0; }));
}

TEST_F(TlsTest, AProcessSaysThatItsCertificateIsOfAnotherRole) {
  ExpectUsageError(Replay("127.0.0.1:1", "actor"),
                   "holds the certificate of role actor, this "
                   "process needs one of role replay");
}

TEST_F(TlsTest, WhatIsWrongWithAFolderIsNamed) {
  const std::string folder = Certs("actor");
  const TestAuthority authority;
  for (const char* name : {"/ca.pem", "/cert.pem", "/key.pem"}) {
    authority.WriteFolder(folder, PeerRole::kActor);
    fs::remove(folder + name);
    ExpectUsageError(Actor("127.0.0.1:1"), "cannot open " + folder + name);
    // Nothing that can be read; root could read a file of any mode.
    fs::create_directory(folder + name);
    ExpectUsageError(Actor("127.0.0.1:1"), folder + name);
    fs::remove(folder + name);
    WriteText(folder + name, "nonsense\n");
    fs::permissions(folder + name, fs::perms::owner_read | fs::perms::owner_write);
    ExpectUsageError(Actor("127.0.0.1:1"), folder + name + " holds no ");
  }
  authority.WriteFolder(folder, PeerRole::kActor,
                        {absl::Now() - absl::Hours(48), absl::Now() - absl::Hours(24)});
  ExpectUsageError(Actor("127.0.0.1:1"), folder + "/cert.pem expired on");
}

TEST_F(TlsTest, AnotherClustersActorIsToldWhoRefusedIt) {
  ChildProcess learner(Learner("1500"));
  const std::string address = Address();
  TestAuthority().WriteFolder(Certs("actor"), PeerRole::kActor);
  const ProcessResult result = RunProcess(Actor(address, {"--give-up", "2"}));
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("certificate"));
}

TEST_F(TlsTest, TheEnvironmentMayNameTheFolder) {
  ::setenv("PMOE_TLS", Certs("learner").c_str(), 1);
  Words actor = {Binary("pmoe-actor"), "run", "--learner", "127.0.0.1:1"};
  ExpectUsageError(actor,
                   "PMOE_TLS " + Certs("learner") + " holds the certificate of role learner");
  actor.insert(actor.end(), {"--tls", Certs("replay")});
  ExpectUsageError(actor, "--tls " + Certs("replay") + " holds the certificate of role replay");
  actor.push_back("--insecure");
  ExpectUsageError(actor, "--insecure and --tls exclude each other");
  ::unsetenv("PMOE_TLS");
}

TEST_F(TlsTest, ShowNamesRoleIssuerAndEnd) {
  const ProcessResult good = RunProcess({Binary("pmoe"), "certs", "show", certs_});
  EXPECT_EQ(good.exit_code, 0) << good.output;
  for (const char* role : {"learner", "replay", "actor", "admin"}) {
    EXPECT_THAT(good.output, HasSubstr(absl::StrCat("spiffe://pmoe/", role, "/1")));
  }
  EXPECT_THAT(good.output, HasSubstr("issued by pmoe authority of pmoe"));
  WriteText(Certs("replay") + "/cert.pem", "nonsense\n");
  const ProcessResult bad = RunProcess({Binary("pmoe"), "certs", "show", certs_});
  EXPECT_EQ(bad.exit_code, 2) << bad.output;
  EXPECT_THAT(bad.output, HasSubstr("replay cannot be used"));
}

TEST_F(TlsTest, UpOverTcpProtectsItselfAndStatusFindsItsCertificate) {
  Cluster cluster(run_,
                  SmallFlags("InvertedPendulum-v5", {"--steps", "100000", "--tcp", "--out", run_}));
  ASSERT_TRUE(Eventually([&] { return cluster.EnvSteps() > 100; }));
  // Somebody of this machine without its certificates gets nothing.
  const ProcessResult plain = RunProcess({Binary("pmoe"), "health", Address(), "--insecure"});
  EXPECT_EQ(plain.exit_code, 3) << plain.output;
  // Another one on the same run is refused, and leaves this one's files alone.
  const std::string pids = BytesOf(run_ + "/cluster.json"), found = BytesOf(run_ + "/up.security");
  const ProcessResult second = RunProcess({Binary("pmoe"), "up", "--resume", run_});
  EXPECT_EQ(second.exit_code, 2) << second.output;
  EXPECT_THAT(second.output, HasSubstr("another process is training in " + run_));
  EXPECT_EQ(BytesOf(run_ + "/cluster.json"), pids);
  EXPECT_EQ(BytesOf(run_ + "/up.security"), found);
  const fs::path folder = fs::path(found.substr(found.find('/'))).parent_path();
  EXPECT_TRUE(fs::exists(folder / "learner/key.pem"));
  EXPECT_FALSE(fs::exists(folder / "ca"));  // nothing is signed any more
  cluster.up().Signal(SIGHUP);              // as a terminal that closes
  EXPECT_EQ(cluster.up().Wait().exit_code, 0);
  EXPECT_FALSE(fs::exists(run_ + "/up.security"));
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace pmoe
