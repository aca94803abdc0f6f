#include "learner/member_notes.h"

#include "gmock/gmock.h"

namespace pmoe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

MemberStatus* Add(RunStatus* status, uint32_t index, uint32_t epoch = 0) {
  MemberStatus* const actor = status->add_members();
  actor->set_role(RUN_ROLE_ACTOR);
  actor->set_index(index);
  actor->set_epoch(epoch);
  actor->set_connected(true);
  return actor;
}

TEST(MemberNotesTest, SaysWhoCameAndWhoWentAndNothingTwice) {
  MemberNotes notes;
  RunStatus status;
  Add(&status, 3);
  EXPECT_THAT(notes.Changes(status, 0), ElementsAre("actor 3 joined at 0 env steps"));
  EXPECT_THAT(notes.Changes(status, 10), IsEmpty());
  status.mutable_members(0)->set_connected(false);
  EXPECT_THAT(notes.Changes(status, 1200), ElementsAre("actor 3 is gone at 1200 env steps"));
  EXPECT_THAT(notes.Changes(status, 1300), IsEmpty());
}

TEST(MemberNotesTest, ManyAtOnceAreALine) {
  MemberNotes notes;
  RunStatus status;
  for (uint32_t i = 0; i < 32; ++i) Add(&status, i);
  EXPECT_THAT(notes.Changes(status, 5), ElementsAre("32 actors joined at 5 env steps"));
}

TEST(MemberNotesTest, ASeatTakenByAnotherProcessIsBoth) {
  MemberNotes notes;
  RunStatus before, after;
  Add(&before, 0, 1);
  Add(&after, 0, 2);
  notes.Changes(before, 0);
  EXPECT_THAT(notes.Changes(after, 7),
              ElementsAre("actor 0 is gone at 7 env steps", "actor 0 joined at 7 env steps"));
}

TEST(MemberNotesTest, AnActorThatComesAndGoesForEverDoesNotFillTheDisk) {
  MemberNotes notes;
  RunStatus here, gone;
  Add(&here, 0);
  size_t lines = 0;
  for (int i = 0; i < 2 * MemberNotes::kLinesMax; ++i) {
    lines += notes.Changes(i % 2 == 0 ? here : gone, 1).size();
  }
  EXPECT_LE(lines, static_cast<size_t>(MemberNotes::kLinesMax) + 2);
}

}  // namespace
}  // namespace pmoe
