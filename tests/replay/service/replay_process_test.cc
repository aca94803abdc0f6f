// pmoe-replay as a process: a learner's RunService in this test takes it in.
#include "replay/service/replay_process.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "control/client/kept_seat.h"
#include "replay/core/replay_shard.h"
#include "tests/replay/service/process_testing.h"
#include "tests/testing/eventually.h"
#include "tests/testing/http_client.h"
#include "tests/testing/metrics_page.h"

namespace pmoe {
namespace {

using ::testing::HasSubstr;

TEST_F(ReplayProcessTest, MayStartBeforeItsLearnerAndReportsItsTable) {
  std::vector<std::string> command = Command("127.0.0.1:0");
  command.push_back("--insecure");
  ChildProcess replay(command);
  ASSERT_TRUE(replay.ReadUntil("listening on 127.0.0.1:"));
  StartLearner();
  EXPECT_FALSE(run_.NextReport().table().has_table());
  EXPECT_EQ(run_.joined().role(), RUN_ROLE_REPLAY);
  const auto stub = Connect();
  ASSERT_OK(CreateTable(stub.get(), TableRequest()));
  InsertRows(stub.get());
  EXPECT_EQ(run_.NextReport().table().inserted(), 10);
}

TEST_F(ReplayProcessTest, SigtermSavesTheTableAndTheNextProcessHasIt) {
  StartLearner();
  {
    ChildProcess replay(Command("unix:" + folder_.File("replay")));
    run_.NextReport();
    const auto stub = Connect();
    ASSERT_OK(CreateTable(stub.get(), TableRequest()));
    InsertRows(stub.get());
    replay.Signal(SIGTERM);
    const auto result = replay.Wait();
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("left in order"));
  }
  EXPECT_TRUE(run_.last().leaving());
  ChildProcess replay(Command("unix:" + folder_.File("replay")));
  ASSERT_TRUE(replay.ReadUntil("listening"));
  run_.NextReport();
  CreateTableRequest request = TableRequest();
  request.set_restore("newest");
  const auto reply = CreateTable(Connect().get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "aside-1");
  EXPECT_EQ(reply->stats().inserted(), 10);
}

TEST_F(ReplayProcessTest, OneProcessAtATimeHasTheTables) {
  StartLearner();
  ChildProcess first(Command("unix:" + folder_.File("replay")));
  ASSERT_TRUE(first.ReadUntil("listening"));
  ChildProcess second(Command("unix:" + folder_.File("other")));
  run_.NextReport();  // the first one's, a second later
  EXPECT_FALSE(std::filesystem::exists(folder_.File("other")));
  first.Signal(SIGKILL);
  first.Wait();
  EXPECT_TRUE(second.ReadUntil("listening"));
}

TEST_F(ReplayProcessTest, AfterAnyEndItAsksForTheSeatThatItHad) {
  StartLearner();
  const std::string path = folder_.File("tables/seat");
  const auto start_and_kill = [&] {
    ChildProcess replay(Command("unix:" + folder_.File("replay")));
    run_.NextReport();
    replay.Signal(SIGKILL);
    return replay.Wait().output;
  };
  start_and_kill();
  EXPECT_FALSE(run_.joined().has_previous());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  start_and_kill();
  EXPECT_EQ(run_.joined().previous().run_id(), "run-a");
  // Another run's is offered, not taken, and said.
  Seat foreign;
  foreign.set_run_id("run-b");
  KeptSeat(path).Set(foreign);
  EXPECT_THAT(start_and_kill(), HasSubstr("seat is of run run-b, not of this one"));
  EXPECT_EQ(run_.joined().previous().run_id(), "run-b");
  EXPECT_EQ(KeptSeat(path).seat()->run_id(), "run-a");
}

TEST(KeptSeatTest, WhatIsDamagedIsSaidAndNotUsed) {
  TempDir dir;
  const std::string path = dir.File("seat");
  EXPECT_FALSE(KeptSeat(path).seat().has_value());
  Seat seat;
  seat.set_run_id("run-a");
  seat.set_index(3);
  seat.set_epoch(65536);
  seat.set_signature(std::string(32, 's'));
  KeptSeat(path).Set(seat);
  EXPECT_EQ(KeptSeat(path).seat()->SerializeAsString(), seat.SerializeAsString());
  const std::string whole = *ReadFile(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 4);
    ASSERT_OK(WriteFileAtomic(path, flipped));
    EXPECT_FALSE(KeptSeat(path).seat().has_value()) << i;
    ASSERT_OK(WriteFileAtomic(path, whole.substr(0, i)));
    EXPECT_FALSE(KeptSeat(path).seat().has_value()) << i;
  }
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(KeptSeat(path).seat().has_value());
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr(path + " does not say which seat this was"));
  // Nonsense that somebody signed off with a checksum.
  seat.set_index(1u << 31);
  KeptSeat(path).Set(seat);
  EXPECT_FALSE(KeptSeat(path).seat().has_value());
}

TEST(KeptSeatTest, WhatTheDiskDidNotTakeIsWrittenLater) {
  TempDir dir;
  const std::string path = dir.File("not-there-yet/seat");
  KeptSeat kept(path);
  Seat seat;
  seat.set_run_id("run-a");
  seat.set_signature(std::string(32, 's'));
  ::testing::internal::CaptureStderr();
  kept.Set(seat);
  kept.Tend();
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("after a restart this may be another shard: cannot create"));
  EXPECT_EQ(said.find("another shard"), said.rfind("another shard"));  // once
  ASSERT_OK(MakeDirs(dir.File("not-there-yet")));
  kept.Tend();
  EXPECT_EQ(KeptSeat(path).seat()->run_id(), "run-a");
}

TEST_F(ReplayProcessTest, TheLimiterIsShownChangedAndPausedByACommand) {
  StartLearner();
  const std::string at = "unix:" + folder_.File("replay");
  ChildProcess replay(Command(at));
  run_.NextReport();
  ASSERT_OK(CreateTable(Connect().get(), LimitedTableRequest()));
  const auto limiter = [&](std::vector<std::string> flags, int exit_code, const char* says) {
    flags.insert(flags.begin(), {Binary("pmoe-replay"), "limiter", at});
    const ProcessResult result = RunProcess(flags);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    EXPECT_THAT(result.output, HasSubstr(says));
  };
  limiter({}, 0, "samples per insert 1, min size 1, error window 64\n0 rows inserted");
  limiter({"--samples-per-insert", "2"}, 2, "--error-window must be >= 128");
  limiter({"--samples-per-insert", "0"}, 2,
          "--samples-per-insert must be in [1e-09, 1e+09], got 0");
  limiter({"--samples-per-insert", "nan"}, 2, "--samples-per-insert");
  limiter({"--min-size", "0"}, 2, "--min-size must be >= 1, got 0");
  limiter({"--pause", "--resume"}, 2, "--resume");
  limiter({"--samples-per-insert", "2", "--error-window", "0", "--pause"}, 0,
          "samples per insert 2, min size 1, error window 256, paused\n");
  EXPECT_THAT(run_.NextReport().table().limiter(), HasSubstr("paused by somebody at this machine"));
  limiter({"--resume"}, 0, "samples per insert 2, min size 1, error window 256\n");
  EXPECT_TRUE(replay.ReadUntil("has changed the limiter"));
}

TEST_F(ReplayProcessTest, AFinishedRunEndsItInOrder) {
  StartLearner();
  ChildProcess replay(Command("unix:" + folder_.File("replay")));
  run_.NextReport();
  ASSERT_OK(CreateTable(Connect().get(), TableRequest()));
  InsertRows(Connect().get());
  run_.Finish();
  const auto result = replay.Wait();
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const auto dump =
      RunProcess({Binary("pmoe-replay"), "dump", folder_.File("tables/aside-1.table")});
  EXPECT_EQ(dump.exit_code, 0);
  EXPECT_THAT(dump.output, HasSubstr("0 0 0 9 "));
}

TEST_F(ReplayProcessTest, ServesItsCountsToPrometheus) {
  StartLearner();
  std::vector<std::string> command = Command("unix:" + folder_.File("replay"));
  command.insert(command.end(), {"--metrics", "127.0.0.1:0"});
  ChildProcess replay(command);
  run_.NextReport();
  ASSERT_OK(CreateTable(Connect().get(), TableRequest()));
  InsertRows(Connect().get());
  const std::string read =
      "import sys, urllib.request as r; "
      "sys.stdout.write(r.urlopen(sys.argv[1]).read().decode())";
  const std::string url = "http://" + run_.joined().process().metrics_address() + "/metrics";
  std::string page;
  // The values are set once a second.
  for (int tries = 0; tries < 20 && MetricOf(page, "pmoe_replay_inserts_total") != 10.0; ++tries) {
    run_.NextReport();
    page = RunProcess({"/usr/bin/python3", "-c", read, url}).output;
  }
  EXPECT_EQ(MetricOf(page, "pmoe_replay_inserts_total"), 10.0);
  EXPECT_EQ(MetricOf(page, "pmoe_replay_limiter_blocked_seconds_total", "side=\"insert\""), 0.0);
}

TEST_F(ReplayProcessTest, SigtermEndsItBeforeItHasFoundALearner) {
  ChildProcess replay(Command("unix:" + folder_.File("replay")));
  ASSERT_TRUE(replay.ReadUntil("listening"));
  replay.Signal(SIGTERM);
  EXPECT_EQ(replay.Wait().exit_code, 0);
}

TEST(ReplayCommandTest, TellsWhatIsMissingOrWrong) {
  const auto without = RunProcess({Binary("pmoe-replay")});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.output, HasSubstr("--learner is missing"));
  const auto open = RunProcess({Binary("pmoe-replay"), "--learner", "unix:/tmp/l", "--listen",
                                "0.0.0.0:1", "--dir", "/tmp/pmoe-none"});
  EXPECT_EQ(open.exit_code, 2);
  EXPECT_THAT(open.output, HasSubstr("--listen 0.0.0.0:1 is TCP, which needs certificates"));
  const auto help = RunProcess({Binary("pmoe-replay"), "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.output, HasSubstr("Examples:"));
  const auto no_value = RunProcess({Binary("pmoe-replay"), "--listen"});
  EXPECT_EQ(no_value.exit_code, 2);
  EXPECT_THAT(no_value.output, HasSubstr("--listen needs a value"));
}

// How much of the connection's start comes back within five seconds: of a server that is deaf, 0.
ssize_t GreetHttp2(int port, std::vector<int>* open) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  open->push_back(fd);
  const timeval patience{5, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(static_cast<uint16_t>(port));
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) return 0;
  // The preface and an empty SETTINGS frame, as every client begins.
  const std::string greeting("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  if (::send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0) return 0;
  char answer[64];
  return std::max<ssize_t>(0, ::recv(fd, answer, sizeof(answer), 0));
}

// gRPC 1.51 by itself never accepts again (CVE-2023-4785).
TEST_F(ReplayProcessTest, IdleConnectionsBeyondItsDescriptorsDoNotMakeItDeaf) {
  std::vector<std::string> command = Command("127.0.0.1:0");
  command.insert(command.end(), {"--insecure", "--metrics", "127.0.0.1:0"});
  command.insert(command.begin(), {"/usr/bin/prlimit", "--nofile=128:128"});
  ChildProcess replay(command);
  StartLearner();
  run_.NextReport();
  const std::string address = run_.joined().process().listen_address();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  std::vector<int> idle;
  while (idle.size() < 200) GreetHttp2(port, &idle);
  for (const int fd : idle) ::close(fd);
  std::vector<int> more;
  EXPECT_TRUE(Eventually([&] { return GreetHttp2(port, &more) > 0; }));
  for (const int fd : more) ::close(fd);
  EXPECT_FALSE(run_.NextReport().leaving());
  const std::string metrics = run_.joined().process().metrics_address();
  EXPECT_TRUE(Eventually([&] {
    const std::string page = HttpGet(metrics, "/metrics").body;
    return MetricOf(page, "pmoe_connections_refused_total").value_or(0.0) >= 72.0;
  }));
  replay.Signal(SIGTERM);
  const ProcessResult result = replay.Wait();
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("descriptors are in use, a connection is closed"));
}

TEST_F(ReplayProcessTest, SlowClientsOfItsMetricsDelayNeitherScrapesNorItsEnd) {
  std::vector<std::string> command = Command("unix:" + folder_.File("replay"));
  command.insert(command.end(), {"--metrics", "127.0.0.1:0"});
  StartLearner();
  ChildProcess replay(command);
  run_.NextReport();
  const std::string address = run_.joined().process().metrics_address();
  std::vector<RawConnection> slow;
  while (slow.size() < 40) {
    slow.emplace_back(address);
    slow.back().Send("GET /metrics HTTP/1.1\r\nHost: ");
  }
  const auto begin = Clock::Real()->Now();
  EXPECT_EQ(HttpGet(address, "/metrics").status, 200);
  replay.Signal(SIGTERM);
  EXPECT_EQ(replay.Wait().exit_code, 0);
  // It was a minute, and as much for a scrape.
  EXPECT_LT(Clock::Real()->Now() - begin, std::chrono::seconds(10));
}

// Every crc32c of a dump: of rows without a policy it is the same in a source and where it went.
std::vector<std::string> SumsOf(const std::string& path, const std::string& actor) {
  std::vector<std::string> sums;
  for (const absl::string_view line :
       absl::StrSplit(RunProcess({Binary("pmoe-replay"), "dump", path}).output, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 6 && words[0] == actor) sums.push_back(words[4]);
  }
  return sums;
}

TEST_F(ReplayProcessTest, RowsOfAFileAreThereAgainAfterAKill) {
  ReplayShardOptions options;
  options.spec = kServedSpec;
  const auto source = *ReplayShard::Create(options);
  for (uint64_t seq = 0; seq < 40; ++seq) {
    Chunk chunk = RowsOf(seq, 50);
    chunk.actions.assign(chunk.rows, 0.5f);
    chunk.policy_version.assign(chunk.rows, 0);
    ASSERT_OK(source->Insert(chunk, std::chrono::seconds(0)));
  }
  const std::string file = folder_.File("source");
  ASSERT_OK(source->Save(file));
  const std::vector<std::string> want = SumsOf(file, "0");
  ASSERT_EQ(want.size(), 2000u);

  StartLearner();
  CreateTableRequest request = TableRequest();
  request.set_durability(DURABILITY_ASYNC);
  const std::string socket = "unix:" + folder_.File("replay");
  {
    ChildProcess replay(Command(socket));
    run_.NextReport();
    ASSERT_OK(CreateTable(Connect().get(), request));
    const ProcessResult loaded = RunProcess({Binary("pmoe-replay"), "load", file, socket});
    EXPECT_EQ(loaded.exit_code, 0) << loaded.output;
    EXPECT_THAT(loaded.output, HasSubstr("loaded 2000 rows, in"));
    replay.Signal(SIGKILL);
    replay.Wait();
  }
  ChildProcess replay(Command(socket));
  ASSERT_TRUE(replay.ReadUntil("listening"));
  run_.NextReport();
  request.set_restore("newest");
  const auto reply = CreateTable(Connect().get(), request);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->restored(), "log");
  EXPECT_EQ(reply->stats().loaded(), 2000);
  EXPECT_EQ(reply->stats().inserted(), 0);
  ASSERT_OK(Checkpoint(Connect().get(), "after"));
  EXPECT_EQ(SumsOf(folder_.File("tables/after.table"), "4294967295"), want);
}

TEST_F(ReplayProcessTest, AFileThatCannotBeLoadedIsTheUsersToMend) {
  for (const auto& [file, text] :
       {std::pair<std::string, std::string>{"/dev/null", "/dev/null is neither a saved table"},
        {"none.npz", "cannot open none.npz"}}) {
    const ProcessResult result =
        RunProcess({Binary("pmoe-replay"), "load", file, "unix:" + folder_.File("nobody")});
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr(text));
  }
}

}  // namespace
}  // namespace pmoe
