// What a NumPy archive says, and archives that say nothing: each is refused with the array's name.
#include "replay/load/npz_source.h"

#include <cstdlib>
#include <fstream>
#include <limits>

#include "common/base/file.h"
#include "tests/replay/load/npz_testing.h"
#include "tests/replay/replay_testing.h"
#include "tests/testing/run_process.h"

namespace pmoe {
namespace {

using Rows = std::vector<KeptRow>;

// Six rows of two episodes, O = 2, A = 1: the first ends in row 2, the second is cut off in row 4.
std::vector<TestArray> SixRows() {
  return {Floats("observations", {6, 2}, {0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51}),
          Floats("actions", {6, 1}, {-1, -.5, 0, .25, .5, 1}),
          Floats("rewards", {6}, {1, 2, 3, 4, 5, 6}), Flags("terminals", {0, 0, 1, 0, 0, 0}),
          Flags("timeouts", {0, 0, 0, 0, 1, 0})};
}

class NpzSourceTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::vector<TestArray>& arrays, Rows* rows = nullptr,
                    uint64_t* left_out = nullptr, int compression = ZIP_CM_STORE) {
    WriteNpz(path_, arrays, compression);
    return ReadFile(rows, left_out);
  }
  // Without the disk's part of it: there are many.
  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  absl::Status ReadFile(Rows* rows = nullptr, uint64_t* left_out = nullptr) {
    const auto source = OpenRows(path_, actions_);
    if (!source.ok()) return source.status();
    const auto visited = (*source)->Visit([rows](const SourceRow& row) {
      if (rows != nullptr) rows->push_back(Keep(row));
      return CheckRow(row);
    });
    if (visited.ok() && left_out != nullptr) *left_out = *visited;
    return visited.status();
  }
  // Of six rows with one array in place of its namesake, or beside the others.
  absl::Status ReadWith(const TestArray& array) {
    std::vector<TestArray> arrays = SixRows();
    std::erase_if(arrays, [&](const TestArray& other) { return other.name == array.name; });
    arrays.push_back(array);
    return Read(arrays);
  }
  absl::Status ReadWithout(const std::string& name) {
    std::vector<TestArray> arrays = SixRows();
    std::erase_if(arrays, [&](const TestArray& other) { return other.name == name; });
    return Read(arrays);
  }

  TempDir folder_;
  const std::string path_ = folder_.File("rows.npz");
  ActionRange actions_;
};

TEST_F(NpzSourceTest, SuccessorsAreTheNextRowsAndWhatHasNoneIsLeftOut) {
  const Rows want = {{0, {0, 1}, {-1}, {10, 11}, 1, false, false, true},
                     {1, {10, 11}, {-.5}, {20, 21}, 2, false, false, true},
                     {2, {20, 21}, {0}, {20, 21}, 3, true, false, true},
                     {3, {30, 31}, {.25}, {40, 41}, 4, false, false, true}};
  for (const int compression : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    Rows rows;
    uint64_t left_out = 0;
    ASSERT_OK(Read(SixRows(), &rows, &left_out, compression));
    EXPECT_EQ(rows, want);
    EXPECT_EQ(left_out, 2u);  // row 4 is truncated, row 5 is the file's last
  }
}

TEST_F(NpzSourceTest, ARowBehindOneThatWasLeftOutDoesNotFollow) {
  std::vector<TestArray> arrays = SixRows();
  arrays[4] = Flags("timeouts", {1, 0, 0, 0, 0, 0});
  Rows rows;
  ASSERT_OK(Read(arrays, &rows));
  EXPECT_EQ(rows.front().index, 1u);
  EXPECT_FALSE(rows.front().follows);
  EXPECT_TRUE(rows[1].follows);
}

TEST_F(NpzSourceTest, WithSuccessorsOfItsOwnEveryRowIsGiven) {
  std::vector<TestArray> arrays = SixRows();
  std::vector<double> next;
  for (int i = 0; i < 12; ++i) next.push_back(100.0 + i);
  arrays.push_back(ArrayOf("next_observations", "<f8", {6, 2}, next));
  Rows rows;
  uint64_t left_out = 9;
  ASSERT_OK(Read(arrays, &rows, &left_out));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(left_out, 0u);
  EXPECT_EQ(rows[2], (KeptRow{2, {20, 21}, {0}, {104, 105}, 3, true, false, true}));
  EXPECT_EQ(rows[4], (KeptRow{4, {40, 41}, {.5}, {108, 109}, 5, false, true, true}));
  EXPECT_EQ(rows[5], (KeptRow{5, {50, 51}, {1}, {110, 111}, 6, false, false, true}));
}

TEST_F(NpzSourceTest, ActionsComeFromTheirRangeToTheTables) {
  std::vector<TestArray> arrays = SixRows();
  arrays[1] = ArrayOf<double>("actions", "<f8", {6, 1}, {-3, -1.5, 0, 3, 1.5, 3});
  EXPECT_THAT(Read(arrays), IsInvalid("actions[0, 0] is -3, outside [-1, 1]"));
  actions_ = *ActionRange::Parse("-3,3");
  Rows rows;
  ASSERT_OK(Read(arrays, &rows));
  EXPECT_EQ(rows[0].action[0], -1.0f);
  EXPECT_EQ(rows[1].action[0], -0.5f);
  EXPECT_EQ(rows[3].action[0], 1.0f);
}

TEST_F(NpzSourceTest, ARangeOfActionsIsTwoNumbers) {
  for (const char* text : {"", "1", "1,", "1,1", "2,1", "nan,1", "0,inf", "0,1,2"}) {
    EXPECT_THAT(ActionRange::Parse(text).status(), IsInvalid("--actions must be LOW,HIGH")) << text;
  }
}

TEST_F(NpzSourceTest, NumbersThatNobodyCanLearnFromAreNamed) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(ReadWith(Floats("observations", {6, 2}, {0, 1, 2, kNan, 4, 5, 6, 7, 8, 9, 10, 11})),
              IsInvalid("next_observations[0, 1] is nan"));
  EXPECT_THAT(ReadWith(ArrayOf<double>("rewards", "<f8", {6}, {1, 1e300, 3, 4, 5, 6})),
              IsInvalid("rewards[1, 0] is inf as a float"));
  EXPECT_THAT(ReadWith(Floats("terminals", {6}, {0, 0, .5, 0, 0, 0})),
              IsInvalid("array terminals: its value of row 2 is 0.5, it must be 0 or 1"));
}

TEST_F(NpzSourceTest, ArraysThatCannotBeLoadedAreNamedWithWhatToDo) {
  const std::vector<float> twelve(12), six(6);
  TestArray array = Floats("observations", {6, 2}, twelve);
  array.order = "True";
  EXPECT_THAT(ReadWith(array), IsInvalid("observations: it is in Fortran's order"));
  array.order = "Maybe";
  EXPECT_THAT(ReadWith(array), IsInvalid("neither True nor False"));
  EXPECT_THAT(ReadWith(ArrayOf("rewards", ">f4", {6}, six)), IsInvalid("'<f4'"));
  EXPECT_THAT(ReadWith(ArrayOf("rewards", "|O", {6}, six)), IsInvalid("|O is none of"));
  array = Floats("rewards", {6}, six);
  array.descr = "[('a', '<f4')]";
  EXPECT_THAT(ReadWith(array), IsInvalid("structured"));
  EXPECT_THAT(ReadWith(Floats("rewards", {6, 1}, six)),
              IsInvalid("array rewards: its shape is (6, 1), it must be (6,)"));
  EXPECT_THAT(ReadWith(Floats("actions", {3, 2}, six)), IsInvalid("it must be (6, 2)"));
  EXPECT_THAT(ReadWith(Floats("observations", {12}, twelve)), IsInvalid("(N, width)"));
  EXPECT_THAT(ReadWith(Floats("observations", {0, 2}, {})), IsInvalid("1 to"));
  EXPECT_THAT(ReadWith(Floats("rewards", {7}, six)), IsInvalid("is not that of its"));
  EXPECT_THAT(ReadWith(Floats("rewards", {UINT64_MAX, UINT64_MAX}, six)), IsInvalid("is not that"));
  EXPECT_THAT(ReadWith(Flags("terminated", {0, 0, 0, 0, 0, 0})),
              IsInvalid("both arrays terminals and terminated"));
  EXPECT_THAT(ReadWithout("terminals"), IsInvalid("neither an array terminals nor terminated"));
  EXPECT_THAT(ReadWithout("actions"), IsInvalid("has no array actions"));
  EXPECT_OK(ReadWithout("timeouts"));
}

TEST_F(NpzSourceTest, AFileThatIsNoneOfBothIsNamed) {
  EXPECT_THAT(OpenRows(folder_.File("none"), {}).status(),
              FailsWith(absl::StatusCode::kNotFound, folder_.File("none")));
  Write("rows,of,text\n");
  EXPECT_THAT(ReadFile(), IsInvalid(path_ + " is neither a saved table"));
  Write("PK");
  EXPECT_THAT(ReadFile(), IsInvalid(path_ + ": cannot be read as a NumPy archive"));
  Write("PMOE");
  EXPECT_THAT(ReadFile(), IsInvalid(path_));
}

// Every third byte changed, and the file cut off at it: an error that says so, or the rows as they
// were, where the byte says nothing of them. (Of names and sizes the archive itself has no sum.)
TEST_F(NpzSourceTest, ADamagedArchiveGivesItsRowsOrAnError) {
  for (const int compression : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    Rows want;
    ASSERT_OK(Read(SixRows(), &want, nullptr, compression));
    const std::string good = *pmoe::ReadFile(path_);
    int refused = 0;
    constexpr size_t kStep = 3;  // prime to the lengths of what is in it
    for (size_t at = 0; at < good.size(); at += kStep) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      Write(bad);
      Rows rows;
      const absl::Status status = ReadFile(&rows);
      // An array timeouts by another name is not there, so that row 4 has a successor.
      rows.resize(std::min(rows.size(), want.size()));
      EXPECT_TRUE(!status.ok() || rows == want) << at;
      EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << at << ": " << status;
      refused += status.ok() ? 0 : 1;
      Write(good.substr(0, at));
      EXPECT_TRUE(absl::IsInvalidArgument(ReadFile())) << at;
    }
    EXPECT_GT(refused, static_cast<int>(good.size() / kStep / 2));
  }
}

// With NumPy itself, if the wheels are there.
TEST_F(NpzSourceTest, ReadsWhatNumpyWrites) {
  const char* const deps = std::getenv("PMOE_DEPS");
  const std::string python = absl::StrCat(deps == nullptr ? "" : deps, "/venv/bin/python");
  if (deps == nullptr || RunProcess({python, "-c", "import numpy"}).exit_code != 0) {
    GTEST_SKIP() << "no NumPy at " << python;
  }
  const std::string script =
      "import numpy as np, sys\n"
      "n = np.arange(6)\n"
      "a = dict(observations=np.stack([10 * n, 10 * n + 1], 1).astype('f4'),\n"
      "         actions=np.array([[-1], [-.5], [0], [.25], [.5], [1]]),\n"
      "         rewards=n + 1, terminals=n == 2, timeouts=(n == 4).astype('u1'),\n"
      "         metadata=np.array('text'))\n"
      "getattr(np, sys.argv[1])(sys.argv[2], **a)\n";
  Rows want;
  ASSERT_OK(Read(SixRows(), &want));
  for (const std::string save : {"savez", "savez_compressed"}) {
    const ProcessResult made = RunProcess({python, "-c", script, save, path_});
    ASSERT_EQ(made.exit_code, 0) << made.output;
    Rows rows;
    ASSERT_OK(ReadFile(&rows));
    EXPECT_EQ(rows, want) << save;
  }
}

}  // namespace
}  // namespace pmoe
