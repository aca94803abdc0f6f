#include "replay/log/segment_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "replay/log/log_reader.h"
#include "replay/log/segment_format.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/eventually.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

const auto kNever = [] { return false; };

SegmentLogOptions Options(const TempDir& folder, uint64_t position = 0) {
  return {.dir = folder.path(), .owner = "test", .position = position, .acks_wait = true};
}

// Writes them, each on disk before the next.
void WriteLog(SegmentLogOptions options, const std::vector<std::string>& records) {
  const auto log = SegmentLog::Start(std::move(options));
  for (const std::string& record : records) {
    log->Append(record);
    ASSERT_OK(log->AwaitAck(kNever));
  }
}

struct Read {
  std::vector<std::string> records, lost;
  LogScan scan;
};
Read ReadAll(const TempDir& folder, std::optional<uint64_t> from = std::nullopt) {
  Read read;
  const LogVisitor visitor = {
      .record =
          [&](uint64_t, absl::string_view owner, absl::string_view record) {
            EXPECT_EQ(owner, "test");
            read.records.emplace_back(record);
            return absl::OkStatus();
          },
      .lost = [&](absl::string_view record) { read.lost.emplace_back(record); }};
  const auto scan = ReadLog(folder.path(), from, visitor);
  EXPECT_OK(scan);
  if (scan.ok()) read.scan = *scan;
  return read;
}

std::vector<std::string> Records(int n) {
  std::vector<std::string> records;
  for (int i = 0; i < n; ++i) records.push_back(absl::StrCat("record ", i, std::string(i, '.')));
  return records;
}

std::string Segment(const TempDir& folder, uint64_t position = 0) {
  return folder.File(SegmentName(position));
}

TEST(SegmentLogTest, GivesBackWhatWasAppendedFromAnyPositionAndOverSegments) {
  TempDir folder;
  SegmentLogOptions options = Options(folder);
  options.segment_bytes = 100;
  const std::vector<std::string> records = Records(20);
  WriteLog(options, records);
  EXPECT_GT(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 3);
  for (uint64_t from = 0; from <= records.size(); ++from) {
    const Read read = ReadAll(folder, from);
    EXPECT_EQ(read.records,
              std::vector<std::string>(records.begin() + static_cast<int>(from), records.end()));
    EXPECT_EQ(read.scan.end, records.size());
    EXPECT_EQ(read.scan.damage, "");
    EXPECT_EQ(read.scan.torn_bytes, 0u);
  }
  EXPECT_EQ(*EndOfLog(folder.path()), records.size());
}

TEST(SegmentLogTest, ALastRecordThatWasCutAnywhereIsRemovedAndTheLogGoesOnBeforeIt) {
  const std::vector<std::string> records = Records(3);
  const size_t frame = kFrameHeadBytes + records.back().size();
  for (size_t cut = 1; cut <= frame; ++cut) {
    TempDir folder;
    WriteLog(Options(folder), records);
    fs::resize_file(Segment(folder), fs::file_size(Segment(folder)) - cut);
    const Read read = ReadAll(folder);
    EXPECT_EQ(read.records, Records(2));
    EXPECT_EQ(read.scan.torn_bytes, frame - cut);
    EXPECT_EQ(read.scan.damage, "");
    ASSERT_OK(CutLog(folder.path(), read.scan));
    EXPECT_EQ(*EndOfLog(folder.path()), 2u);
    WriteLog(Options(folder, read.scan.end), {"again", "and on"});
    EXPECT_EQ(ReadAll(folder).records,
              (std::vector<std::string>{records[0], records[1], "again", "and on"}));
  }
}

TEST(SegmentLogTest, ASegmentThatWasOnlyBegunIsRemovedWhateverItHoldsOfItsHead) {
  const size_t head = EncodeSegmentHead(2, "test").size();
  for (size_t bytes = 0; bytes <= head; ++bytes) {
    TempDir folder;
    WriteLog(Options(folder), Records(2));
    ASSERT_OK(WriteFileAtomic(Segment(folder, 2), EncodeSegmentHead(2, "test").substr(0, bytes)));
    const Read read = ReadAll(folder);
    EXPECT_EQ(read.records, Records(2));
    EXPECT_EQ(read.scan.damage, "") << bytes;
    ASSERT_OK(CutLog(folder.path(), read.scan));
    WriteLog(Options(folder, read.scan.end), {"on"});
    EXPECT_EQ(ReadAll(folder).records.size(), 3u);
  }
}

TEST(SegmentLogTest, ABitThatFlippedEndsTheReadingAndWhatLiesBehindIsCountedAndKept) {
  const std::vector<std::string> records = Records(4);
  const size_t head = EncodeSegmentHead(0, "test").size();
  const size_t begin = head + kFrameHeadBytes + records[0].size();
  const size_t end = begin + kFrameHeadBytes + records[1].size();
  for (size_t bit = 8 * begin; bit < 8 * end; ++bit) {
    TempDir folder;
    WriteLog(Options(folder), records);
    FlipBit(Segment(folder), bit);
    const Read read = ReadAll(folder);
    EXPECT_EQ(read.records, Records(1)) << bit;
    const bool length_is_known = bit >= 8 * (begin + sizeof(uint32_t));
    if (length_is_known) {
      EXPECT_THAT(read.scan.damage, ::testing::HasSubstr("record 1 is damaged")) << bit;
      EXPECT_EQ(read.lost, (std::vector<std::string>{records[2], records[3]}));
    }
    ASSERT_OK(CutLog(folder.path(), read.scan));
    const Read again = ReadAll(folder);
    EXPECT_EQ(again.records, Records(1));
    EXPECT_EQ(again.scan.damage, "");
    EXPECT_EQ(again.scan.torn_bytes, 0u);
    if (length_is_known) {
      EXPECT_TRUE(fs::exists(Segment(folder) + ".damaged"));
    }
    WriteLog(Options(folder, read.scan.end), {"on"});
    EXPECT_EQ(ReadAll(folder).records, (std::vector<std::string>{records[0], "on"}));
  }
}

TEST(SegmentLogTest, DamageBeforeWhatIsAskedForIsPassedOver) {
  TempDir folder;
  const std::vector<std::string> records = Records(4);
  WriteLog(Options(folder), records);
  const size_t head = EncodeSegmentHead(0, "test").size();
  FlipBit(Segment(folder), 8 * (head + 2 * kFrameHeadBytes + records[0].size() + 1));
  for (const bool cut : {false, true}) {
    const Read read = ReadAll(folder, 2);
    EXPECT_EQ(read.records, (std::vector<std::string>{records[2], records[3]})) << cut;
    EXPECT_EQ(read.scan.damage, "");
    ASSERT_OK(CutLog(folder.path(), read.scan));
  }
  EXPECT_THAT(ReadAll(folder).scan.damage, ::testing::HasSubstr("record 1 is damaged"));
}

TEST(SegmentLogTest, AGapBetweenSegmentsEndsTheReading) {
  TempDir folder;
  WriteLog(Options(folder), Records(2));
  WriteLog(Options(folder, 5), {"far"});
  const Read read = ReadAll(folder);
  EXPECT_EQ(read.records, Records(2));
  EXPECT_THAT(read.scan.damage, ::testing::HasSubstr("records 2 to 4 are not there"));
  EXPECT_EQ(read.lost, std::vector<std::string>{"far"});
  EXPECT_EQ(ReadAll(folder, 5).records, std::vector<std::string>{"far"});
}

std::string FrameOf(const std::string& record) {
  const auto head = EncodeFrameHead(record);
  return std::string(head.data(), head.size()) + record;
}

TEST(SegmentLogTest, BytesThatAFailedWriteLeftBehindAreNoRecordsOfTheLog) {
  TempDir folder;
  WriteLog(Options(folder), Records(2));
  std::string left = *ReadFile(Segment(folder));
  WriteLog(Options(folder, 2), {"two"});
  for (const std::string& more : {std::string("half a head"), std::string(40, '\0'),
                                  FrameOf("two") + "and half of another"}) {
    ASSERT_OK(WriteFileAtomic(Segment(folder), left + more));
    const Read read = ReadAll(folder);
    EXPECT_EQ(read.records.size(), 3u);
    EXPECT_EQ(read.scan.damage, "");
  }
}

// As a write leaves it that failed, whose cut failed too, and after which a segment was begun.
TEST(SegmentLogTest, WhatAFailedWriteLeftDoesNotComeBackWithASegmentThatIsRemoved) {
  for (const uint64_t from : {0, 2}) {
    TempDir folder;
    WriteLog(Options(folder), Records(2));
    const std::string left = *ReadFile(Segment(folder)) + FrameOf("two") + "and half of another";
    ASSERT_OK(WriteFileAtomic(Segment(folder), left));
    ASSERT_OK(WriteFileAtomic(Segment(folder, 2), "PMOE"));
    const Read read = ReadAll(folder, from);
    EXPECT_EQ(read.records.size(), from == 0 ? 2u : 0u);
    EXPECT_EQ(read.scan.end, 2u);
    EXPECT_EQ(read.scan.damage, "");
    ASSERT_OK(CutLog(folder.path(), read.scan));
    EXPECT_EQ(*EndOfLog(folder.path()), 2u);
    EXPECT_EQ(ReadAll(folder).records, Records(2));
  }
}

TEST(SegmentLogTest, DamageBeforeThePositionThatIsAskedForInAnEarlierSegmentDoesNotMatter) {
  TempDir folder;
  WriteLog(Options(folder), Records(2));
  WriteLog(Options(folder, 2), {"two"});
  FlipBit(Segment(folder), 8 * std::filesystem::file_size(Segment(folder)) - 1);
  EXPECT_EQ(ReadAll(folder, 2).records, std::vector<std::string>{"two"});
  EXPECT_EQ(ReadAll(folder, 2).scan.damage, "");
}

TEST(SegmentLogTest, WhatIsBeforeDamageIsThereAtEveryMomentAlsoWhereItCannotBeSetAside) {
  TempDir folder;
  WriteLog(Options(folder), Records(4));
  FlipBit(Segment(folder), 8 * std::filesystem::file_size(Segment(folder)) / 2);
  const Read read = ReadAll(folder);
  ASSERT_NE(read.scan.damage, "");
  ASSERT_GT(read.records.size(), 0u);
  std::filesystem::create_directory(Segment(folder) + ".damaged");  // no file takes its place
  EXPECT_FALSE(CutLog(folder.path(), read.scan).ok());
  EXPECT_EQ(ReadAll(folder).records, read.records);
}

TEST(SegmentLogTest, PruningLeavesTheSegmentThatAPositionLiesIn) {
  TempDir folder;
  WriteLog(Options(folder), Records(3));
  WriteLog(Options(folder, 3), Records(3));
  WriteLog(Options(folder, 6), Records(3));
  ASSERT_OK(PruneLog(folder.path(), 5));
  EXPECT_FALSE(fs::exists(Segment(folder, 0)));
  EXPECT_EQ(ReadAll(folder, 5).records.size(), 4u);
  ASSERT_OK(PruneLog(folder.path(), 100));
  EXPECT_EQ(ReadAll(folder).scan.begin, 6u) << "the last one stays: it may be written";
}

TEST(SegmentLogTest, AcknowledgementsNeedNotWaitForTheDiskWhileItIsNotFarBehind) {
  TempDir folder;
  SegmentLogOptions options = Options(folder);
  options.acks_wait = false;
  options.sync_every = seconds(1000);
  options.loss_max = seconds(1000);
  {
    const auto log = SegmentLog::Start(options);
    log->Append("first");  // which is written at once
    ASSERT_TRUE(Eventually([&] { return log->stats().on_disk == 1; }));
    log->Append("second");
    EXPECT_OK(log->AwaitAck(kNever));
    EXPECT_EQ(log->stats().on_disk, 1u);
  }
  EXPECT_EQ(ReadAll(folder).records.size(), 2u) << "an end in order writes it";
}

TEST(SegmentLogTest, AcknowledgementsWaitForADiskThatIsFartherBehind) {
  TempDir folder;
  SegmentLogOptions options = Options(folder);
  options.acks_wait = false;
  options.sync_every = milliseconds(20);
  options.loss_max = milliseconds(0);
  const auto log = SegmentLog::Start(options);
  for (int i = 0; i < 5; ++i) {
    log->Append("record");
    ASSERT_OK(log->AwaitAck(kNever));
    EXPECT_EQ(log->stats().on_disk, static_cast<uint64_t>(i) + 1);
  }
}

// No file of this process may grow beyond some bytes, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

const std::string kTooMuch(size_t{3} << 20, 'x');

TEST(SegmentLogTest, NothingIsAcknowledgedWhileTheDiskIsFullAndNothingIsLostByIt) {
  TempDir folder;
  {
    const auto log = SegmentLog::Start(Options(folder));
    log->Append("before");
    ASSERT_OK(log->AwaitAck(kNever));
    {
      FullDisk full(1 << 20);
      log->Append(kTooMuch);
      log->Append("behind it");
      ASSERT_TRUE(Eventually([&] { return log->stats().errors > 0; }));
      EXPECT_THAT(log->AwaitAck([] { return true; }),
                  FailsWith(absl::StatusCode::kCancelled, "nobody waits"));
      EXPECT_THAT(log->stats().failing, ::testing::HasSubstr("cannot write"));
    }
    ASSERT_OK(log->AwaitAck(kNever));  // it is tried again
    EXPECT_EQ(log->stats().failing, "");
  }
  EXPECT_EQ(ReadAll(folder).records, (std::vector<std::string>{"before", kTooMuch, "behind it"}));
}

TEST(SegmentLogTest, WithoutThatPromiseRowsGoOnAndWhatIsTooMuchToHoldIsDroppedAndCounted) {
  TempDir folder;
  SegmentLogOptions options = Options(folder);
  options.acks_wait = false;
  options.sync_every = milliseconds(1);
  options.pending_bytes_max = 1 << 20;
  {
    const auto log = SegmentLog::Start(options);
    log->Append("before");
    ASSERT_TRUE(Eventually([&] { return log->stats().on_disk == 1; }));
    {
      FullDisk full(1 << 20);
      log->Append(kTooMuch);
      ASSERT_TRUE(Eventually([&] { return log->stats().dropped == 1; }));
      EXPECT_OK(log->AwaitAck(kNever));
    }
    log->Append("after");
    ASSERT_TRUE(Eventually([&] { return log->stats().failing.empty(); }));
  }
  EXPECT_EQ(ReadAll(folder).records, std::vector<std::string>{"before"});
  EXPECT_EQ(ReadAll(folder, 2).records, std::vector<std::string>{"after"});
}

TEST(SegmentFormatTest, NamesOfOtherFilesAreNoSegments) {
  EXPECT_EQ(PositionOfSegment(SegmentName(UINT64_MAX)), UINT64_MAX);
  for (const char* name :
       {"", ".log", "1.log", "0000000000000000000x.log", "99999999999999999999.log",
        "00000000000000000000.table", "00000000000000000001.log.damaged"}) {
    EXPECT_EQ(PositionOfSegment(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace pmoe
