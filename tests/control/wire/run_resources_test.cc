#include "control/wire/run_resources.h"

#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"

namespace pmoe {
namespace {

using std::chrono::seconds;

MemberStatus Member(uint32_t pid, double cpu_s) {
  MemberStatus member;
  member.set_role(RUN_ROLE_ACTOR);
  member.mutable_process()->set_pid(pid);
  member.mutable_usage()->set_cpu_s(cpu_s);
  member.mutable_usage()->set_cores(2);
  return member;
}

ProcessUsage Own(double cpu_s) {
  ProcessUsage usage;
  usage.set_cpu_s(cpu_s);
  return usage;
}

class RunResourcesTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  RunResources resources_{&clock_};
};

TEST_F(RunResourcesTest, AllProcessesCountAndEachSecondOnce) {
  clock_.Advance(seconds(100));
  for (const double cpu_s : {20.0, 20.0, 30.0}) {
    clock_.Advance(seconds(5));
    resources_.LookAtOwn(Own(2.0 * cpu_s));
    resources_.LookAtMember(Member(7, cpu_s));
  }
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), 60.0 + 30.0);
}

TEST_F(RunResourcesTest, AMemberThatWasReplacedKeepsWhatItHadUsed) {
  clock_.Advance(seconds(100));
  resources_.LookAtMember(Member(7, 50.0));
  resources_.LookAtMember(Member(8, 3.0));
  resources_.LookAtMember(Member(8, 4.0));
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), 54.0);
}

// The learner was restarted, the actor has run for a day.
TEST_F(RunResourcesTest, OfAnOlderProcessCountsWhatItUsesNow) {
  clock_.Advance(seconds(5));
  MemberStatus member = Member(7, 86400.0);
  member.mutable_usage()->set_cpu_cores(0.5);
  resources_.LookAtMember(member);
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), 2.5);
  clock_.Advance(seconds(1));
  member.mutable_usage()->set_cpu_s(86401.0);
  resources_.LookAtMember(member);
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), 3.5);
}

// Two cores, and a report may be two seconds old.
TEST_F(RunResourcesTest, AMemberCannotSayMoreThanItsCoresCanHaveDone) {
  resources_.LookAtMember(Member(7, 1.0));
  clock_.Advance(seconds(10));
  const double before = resources_.cpu_s();
  resources_.LookAtMember(Member(7, 1e13));
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), before + 24.0);
  for (const double said : {100.0, 50.0, 100.0, 50.0}) resources_.LookAtMember(Member(7, said));
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), before + 24.0);
}

TEST_F(RunResourcesTest, AProcessOfAnOlderBuildSaysNothing) {
  clock_.Advance(seconds(5));
  resources_.LookAtMember(Member(7, 0.0));
  EXPECT_DOUBLE_EQ(resources_.cpu_s(), 0.0);
  EXPECT_FALSE(resources_.has_gpus());
}

TEST_F(RunResourcesTest, AGpuCountsByItsBusyShare) {
  std::vector<GpuUsage> gpus(2);
  gpus[0].set_busy(0.5);
  gpus[1].set_busy(0.25);
  clock_.Advance(seconds(8));
  resources_.LookAtGpus(gpus);
  EXPECT_DOUBLE_EQ(resources_.gpu_s(), 6.0);
  EXPECT_TRUE(resources_.has_gpus());
}

}  // namespace
}  // namespace pmoe
