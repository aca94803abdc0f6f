#include "common/config/run_config.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<RunConfig> Resolve(const std::vector<std::string>& sets) {
  ConfigSources sources;
  sources.sets = sets;
  return ResolveConfig(sources);
}

TEST(ValidateConfigTest, NamesTheBrokenBoundAndTheUsualValue) {
  EXPECT_THAT(Resolve({"learner.actor_lr=-1"}),
              IsInvalid("learner.actor_lr must be > 0, got -1; SAC usually wants 1e-3 to 3e-4"));
  EXPECT_THAT(Resolve({"learner.actor_lr=0"}), IsInvalid("must be > 0, got 0"));
  EXPECT_THAT(Resolve({"learner.gamma=1.0000001"}), IsInvalid("must be <= 1, got 1.0000001"));
  EXPECT_OK(Resolve({"learner.gamma=1"}));
  EXPECT_THAT(Resolve({"policy.hidden=256,0"}), IsInvalid("policy.hidden must be >= 1, got 0"));
}

TEST(ValidateConfigTest, RefusesNumbersThatAreNone) {
  EXPECT_THAT(Resolve({"learner.alpha=nan"}), IsInvalid("learner.alpha must be a finite number"));
  EXPECT_THAT(Resolve({"learner.target_entropy=-inf"}), IsInvalid("a finite number, got -inf"));
}

TEST(ValidateConfigTest, ListsTheChoicesAndTheNearest) {
  EXPECT_THAT(
      Resolve({"learner.best_by=softq"}),
      IsInvalid("learner.best_by must be q or soft_q, got \"softq\"; did you mean soft_q?"));
  EXPECT_THAT(Resolve({"schedule.mode=asink"}),
              IsInvalid("schedule.mode must be lockstep or async, got \"asink\""));
}

TEST(ValidateConfigTest, LockstepHasOneShard) {
  EXPECT_THAT(Resolve({"replay.shards=2"}), IsInvalid("replay.shards must be 1 in lockstep"));
}

TEST(ValidateConfigTest, KnowsTheAlgorithms) {
  EXPECT_THAT(Resolve({"algorithm=pmoesac"}), IsInvalid("got \"pmoesac\"; did you mean pmoe_sac"));
}

TEST(ValidateConfigTest, SacHasOnePrimitive) {
  EXPECT_THAT(Resolve({"algorithm=sac", "policy.primitives=4"}),
              IsInvalid("policy.primitives must be 1 with algorithm sac, got 4"));
  EXPECT_OK(Resolve({"algorithm=sac", "policy.primitives=1"}));
  EXPECT_OK(Resolve({"algorithm=pmoe_sac", "policy.primitives=1"}));
}

TEST(ValidateConfigTest, ARolloutIsWholeMinibatchesOfItsOwnWeights) {
  EXPECT_THAT(Resolve({"algorithm=ppo", "learner.batch_size=100"}),
              IsInvalid("must be a multiple of learner.batch_size 100, got 2048; the nearest are "
                        "2000 and 2100"));
  EXPECT_THAT(Resolve({"algorithm=ppo", "schedule.start_steps=10"}),
              IsInvalid("must be 0 with algorithm ppo, got 10 and 0"));
  EXPECT_OK(Resolve({"algorithm=dac", "schedule.lag=1"}));
  EXPECT_THAT(Resolve({"algorithm=ppo", "schedule.mode=async", "replay.shards=2"}),
              IsInvalid("replay.shards must be 1 with algorithm ppo, got 2"));
  EXPECT_OK(Resolve({"algorithm=ppo", "schedule.mode=async"}));
}

TEST(ValidateConfigTest, ThePolicysHeadFitsTheFamily) {
  EXPECT_THAT(Resolve({"algorithm=ppo", "policy.action_map=squash"}),
              IsInvalid("policy.action_map must be clip or rescale_clip with algorithm ppo"));
  EXPECT_THAT(Resolve({"algorithm=sac", "policy.action_map=clip"}),
              IsInvalid("policy.action_map must be squash with algorithm sac, got clip"));
  EXPECT_THAT(Resolve({"algorithm=sac", "policy.normalize_obs=true"}),
              IsInvalid("policy.normalize_obs must be false with algorithm sac"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_gumbel_sac", "learner.entropy=mixture"}),
              IsInvalid("learner.entropy must be component"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_gumbel_ppo", "learner.gumbel_hard=false"}),
              IsInvalid("learner.gumbel_hard=false does nothing with algorithm pmoe_gumbel_ppo"));
  EXPECT_THAT(
      Resolve({"algorithm=pmoe_ppo", "learner.router_loss=none", "learner.ppo_router_grad=freq"}),
      IsInvalid("nothing would train the router"));
}

TEST(ValidateConfigTest, ATargetByScoresHasScores) {
  EXPECT_OK(Resolve({"algorithm=pmoe_ppo", "learner.rank_by=arm_q", "learner.router_target=softmax",
                     "learner.router_target_tau=0.5"}));
  EXPECT_THAT(
      Resolve({"algorithm=pmoe_ppo", "learner.rank_by=advantage", "learner.router_target=softmax"}),
      IsInvalid("learner.router_target must be winner with learner.rank_by advantage"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_ppo", "learner.router_target_tau=0.5"}),
              IsInvalid("use --set learner.router_target=softmax"));
  EXPECT_THAT(
      Resolve({"algorithm=pmoe_ppo", "learner.rank_by=arm_q", "learner.ppo_router_grad=surrogate"}),
      IsInvalid("nothing is ranked"));
  // What nobody said is in nobody's way.
  for (const char* preset : {"preset=paper", "preset=published", "preset=cleanrl"}) {
    EXPECT_OK(Resolve({"algorithm=pmoe_ppo", preset, "learner.ppo_router_grad=surrogate"}));
    EXPECT_OK(Resolve({"algorithm=pmoe_ppo", preset, "learner.router_loss=none"}));
    EXPECT_OK(Resolve({"algorithm=pmoe_ppo", preset, "learner.ppo_router_grad=surrogate",
                       "learner.rank_by=action_q"}))
        << "as every run of before has it in its file";
  }
  EXPECT_THAT(Resolve({"algorithm=pmoe_ppo", "learner.router_entropy_coef=2"}),
              IsInvalid("does nothing without learner.router_entropy_min"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_sac", "learner.rank_by=arm_q"}),
              IsInvalid("learner.rank_by=arm_q does nothing with algorithm pmoe_sac"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_ppo", "learner.router_entropy_min=1.5"}),
              IsInvalid("learner.router_entropy_min must be <= 1, got 1.5"));
}

TEST(ValidateConfigTest, TiedHeadsReadTheSameAndAreMovedByAdam) {
  EXPECT_OK(Resolve({"algorithm=pmoe_ppo", "policy.residual_scale=2"}));
  EXPECT_OK(Resolve({"algorithm=pmoe_sac", "policy.heads=tied", "policy.shared_log_std=true"}));
  EXPECT_THAT(Resolve({"algorithm=pmoe_ppo", "preset=published", "policy.residual_scale=2"}),
              IsInvalid("use --set policy.heads=tied"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_sac", "policy.heads=tied", "learner.optimizer=sgd"}),
              IsInvalid("learner.optimizer must be adam with policy.heads=tied, got sgd"));
  EXPECT_THAT(Resolve({"algorithm=pmoe_ppo", "policy.primitive_hidden=64"}),
              IsInvalid("leave the layers away, or use --set policy.heads=separate"));
  EXPECT_OK(Resolve({"algorithm=pmoe_ppo", "policy.primitive_hidden=64", "policy.heads=separate"}));
  EXPECT_THAT(Resolve({"algorithm=dac", "policy.heads=tied"}),
              IsInvalid("policy.heads=tied does not go with policy.primitive_hidden (64, …)"));
  EXPECT_THAT(Resolve({"algorithm=ppo", "policy.heads=tied"}),
              IsInvalid("policy.heads=tied does nothing with algorithm ppo"));
}

TEST(ValidateConfigTest, RoundsDivideAmongTheEnvironments) {
  EXPECT_THAT(Resolve({"actor.count=3", "actor.envs=4"}),
              IsInvalid("schedule.steps_per_round must be a multiple of actor.count x actor.envs = "
                        "12, got 50; the nearest are 48 and 60"));
  EXPECT_THAT(Resolve({"actor.envs=64"}), IsInvalid("= 64, got 50; the nearest are 64"));
  EXPECT_OK(Resolve({"actor.count=5", "actor.envs=10"}));
}

TEST(ValidateConfigTest, RoundsHaveWholeUpdates) {
  EXPECT_THAT(Resolve({"schedule.updates_per_step=0.03"}),
              IsInvalid("got 0.03 x 50 = 1.5; the nearest schedule.updates_per_step are 0.02 and "
                        "0.04"));
  EXPECT_THAT(Resolve({"schedule.updates_per_step=0.001"}), IsInvalid("are 0.02"));
  // 0.58 x 50 is 28.999999999999996 in binary.
  const absl::StatusOr<RunConfig> config = Resolve({"schedule.updates_per_step=0.58"});
  ASSERT_OK(config);
  EXPECT_EQ(UpdatesPerRound(*config), 29);
}

TEST(ValidateConfigTest, ReplayHoldsTwoPagesPerEnvironment) {
  const std::vector<std::string> base = {"actor.count=5", "actor.envs=10"};
  std::vector<std::string> sets = base;
  sets.push_back("replay.capacity=6399");
  EXPECT_THAT(Resolve(sets), IsInvalid("replay.capacity must be >= 6400"));
  sets.back() = "replay.capacity=6400";
  EXPECT_OK(Resolve(sets));
}

TEST(ValidateConfigTest, TheFirstUpdateHasACompleteSample) {
  const std::vector<std::string> few = {"schedule.update_after=0", "actor.envs=10"};
  std::vector<std::string> sets = few;
  sets.push_back("replay.n_step=6");
  EXPECT_THAT(Resolve(sets), IsInvalid("schedule.update_after must be >= 60 with replay.n_step 6"));
  sets.back() = "replay.n_step=5";
  EXPECT_OK(Resolve(sets));
}

TEST(ValidateConfigTest, PrioritiesAreOfOneShardAndOfTheirSelector) {
  const std::string prioritized = "replay.selector=prioritized";
  EXPECT_OK(Resolve({prioritized, "replay.priority_alpha=0", "replay.priority_beta_end=0.4"}));
  EXPECT_THAT(Resolve({prioritized, "schedule.mode=async", "replay.shards=2"}),
              IsInvalid("replay.shards must be 1 with replay.selector prioritized, got 2"));
  EXPECT_THAT(Resolve({"replay.priority_alpha=0.5"}),
              IsInvalid("use --set replay.selector=prioritized"));
  EXPECT_THAT(Resolve({prioritized, "replay.priority_beta=1.5"}),
              IsInvalid("replay.priority_beta must be <= 1, got 1.5"));
  EXPECT_THAT(Resolve({"algorithm=ppo", prioritized}),
              IsInvalid("replay.selector=prioritized does nothing with algorithm ppo"));
}

TEST(ValidateConfigTest, DemonstrationsAreAShareOfAMinibatchInWholeRows) {
  const auto rows = [](const std::string& batch, const std::string& share) {
    const auto config = Resolve(
        {"replay.demos=d.npz", "learner.batch_size=" + batch, "replay.demo_share=" + share});
    EXPECT_OK(config);
    EXPECT_EQ(DemoRows(*config) + OwnRows(*config), std::stoi(batch));
    return DemoRows(*config);
  };
  EXPECT_EQ(rows("100", "0.5"), 50);
  EXPECT_EQ(rows("101", "0.5"), 51) << "halves go up";
  EXPECT_EQ(rows("100", "0.33"), 33);
  EXPECT_EQ(rows("100", "0.001"), 1) << "at least one";
  EXPECT_EQ(rows("100", "0.999"), 99) << "one of the run's own";
  EXPECT_EQ(rows("100", "0"), 0);
  EXPECT_EQ(DemoRows(*Resolve({"replay.demos=d.npz"})), 50) << "RLPD's half";
  EXPECT_EQ(DemoRows(*Resolve({})), 0);
  EXPECT_EQ(Resolve({"replay.demos=d.npz"})->replay().demos().front(), '/');
}

TEST(ValidateConfigTest, DemonstrationsThatCannotBeAreRefused) {
  const std::string demos = "replay.demos=d.npz";
  EXPECT_THAT(Resolve({demos, "replay.demo_share=1"}),
              IsInvalid("replay.demo_share must be < 1, got 1"));
  EXPECT_THAT(Resolve({demos, "replay.demo_share=-0.1"}),
              IsInvalid("replay.demo_share must be >= 0, got -0.1"));
  EXPECT_THAT(Resolve({demos, "learner.batch_size=1"}),
              IsInvalid("learner.batch_size must be >= 2 with replay.demos"));
  EXPECT_THAT(Resolve({"replay.demo_share=0.25"}), IsInvalid("do nothing without replay.demos"));
  EXPECT_THAT(Resolve({"algorithm=ppo", demos}), IsInvalid("does nothing with algorithm ppo"));
  // What is given of the run's own rows is what counts for them.
  EXPECT_THAT(Resolve({"replay.max_times_sampled=60"}), IsInvalid("must be >= learner.batch_size"));
  EXPECT_OK(Resolve({demos, "replay.max_times_sampled=60"}));
  EXPECT_THAT(Resolve({demos, "replay.max_times_sampled=40"}),
              IsInvalid("learner.batch_size less the rows of replay.demos"));
}

TEST(ValidateConfigTest, RowsByAgeAreOfOneShardAndFillAMinibatch) {
  const std::string lifo = "replay.selector=lifo", fifo = "replay.selector=fifo";
  const std::string batch = "learner.batch_size=600";
  EXPECT_OK(Resolve({lifo}));
  EXPECT_THAT(Resolve({fifo, "schedule.mode=async", "replay.shards=2"}),
              IsInvalid("replay.shards must be 1 with replay.selector fifo, got 2"));
  EXPECT_THAT(Resolve({fifo, batch, "replay.capacity=727"}),
              IsInvalid("replay.capacity must be >= 728 with replay.selector fifo"));
  EXPECT_OK(Resolve({fifo, batch, "replay.capacity=728"}));
  EXPECT_THAT(Resolve({lifo, batch, "replay.n_step=3", "schedule.update_after=550"}),
              IsInvalid("schedule.update_after must be >= 602 with replay.selector lifo"));
  EXPECT_OK(Resolve({lifo, batch, "replay.n_step=3", "schedule.update_after=602"}));
  EXPECT_THAT(Resolve({"algorithm=ppo", fifo}),
              IsInvalid("replay.selector=fifo does nothing with algorithm ppo"));
}

TEST(ValidateConfigTest, RowsMayBeGivenAsOftenAsTheScheduleTakesThem) {
  const std::string batch = "learner.batch_size=100";
  EXPECT_OK(Resolve({batch, "replay.max_times_sampled=100"}));
  EXPECT_THAT(Resolve({batch, "replay.max_times_sampled=99"}),
              IsInvalid("replay.max_times_sampled must be >= learner.batch_size x "
                        "schedule.updates_per_step = 100 x 1 = 100"));
  EXPECT_OK(Resolve({batch, "replay.max_times_sampled=2", "schedule.updates_per_step=0.02"}));
  EXPECT_THAT(Resolve({"replay.max_times_sampled=200", "replay.selector=prioritized"}),
              IsInvalid("replay.max_times_sampled must be 0 with replay.selector prioritized"));
  EXPECT_THAT(Resolve({"replay.max_times_sampled=200", "schedule.mode=async", "replay.shards=2"}),
              IsInvalid("replay.shards must be 1 with replay.max_times_sampled 200, got 2"));
  EXPECT_THAT(Resolve({batch, "replay.max_times_sampled=100", "replay.capacity=227"}),
              IsInvalid("replay.capacity must be >= 228 with replay.max_times_sampled 100"));
}

// 4 rows are not ready when the first round of 500 rows is to be given 100 times each.
TEST(ValidateConfigTest, TheRowsOfTheFirstRoundAreEnoughForItsUpdates) {
  const std::vector<std::string> base = {"schedule.steps_per_round=500", "replay.n_step=5",
                                         "replay.max_times_sampled=100"};
  std::vector<std::string> sets = base;
  sets.push_back("schedule.update_after=500");
  EXPECT_THAT(Resolve(sets), IsInvalid("schedule.update_after must be >= 504"));
  sets.back() = "schedule.update_after=501";
  EXPECT_OK(Resolve(sets));
}

// In lockstep an actor waits for the learner; several environments take turns.
TEST(ValidateConfigTest, ARobotsRateCanBeKept) {
  EXPECT_THAT(Resolve({"actor.real_time_hz=50"}),
              IsInvalid("schedule.mode must be async with actor.real_time_hz 50, got lockstep"));
  EXPECT_THAT(Resolve({"actor.real_time_hz=50", "schedule.mode=async", "actor.envs=2"}),
              IsInvalid("actor.envs must be 1 with actor.real_time_hz 50, got 2"));
  EXPECT_THAT(Resolve({"schedule.mode=async", "actor.real_time_hz=-1"}),
              IsInvalid("actor.real_time_hz must be >= 0, got -1"));
  EXPECT_THAT(Resolve({"schedule.mode=async", "actor.real_time_hz=nan"}),
              IsInvalid("actor.real_time_hz must be a finite number"));
  EXPECT_OK(Resolve({"actor.real_time_hz=50", "schedule.mode=async", "actor.count=3"}));
}

TEST(ValidateConfigTest, ATunedAlphaStartsAboveZero) {
  EXPECT_THAT(Resolve({"learner.alpha=0", "learner.tune_alpha=true"}),
              IsInvalid("learner.alpha must be > 0 with learner.tune_alpha"));
  EXPECT_OK(Resolve({"learner.alpha=0"}));
}

TEST(ValidateConfigTest, CriticsWithQuantilesKeepOneOfThem) {
  EXPECT_THAT(Resolve({"learner.critic_quantiles=5", "learner.dropped_quantiles=5"}),
              IsInvalid("learner.dropped_quantiles must be < learner.critic_quantiles 5, got 5"));
  EXPECT_THAT(Resolve({"learner.critic_quantiles=5", "learner.critics=single"}),
              IsInvalid("set learner.quantile_critics=1"));
  EXPECT_THAT(Resolve({"learner.quantile_critics=5"}),
              IsInvalid("do nothing without learner.critic_quantiles"));
  EXPECT_THAT(Resolve({"preset=modern", "learner.critic_quantiles=300"}),
              IsInvalid("must be <= 256, got 300; TQC wants 25"));
  EXPECT_OK(Resolve({"preset=modern", "learner.critic_quantiles=0"}));
  EXPECT_OK(
      Resolve({"preset=modern", "learner.quantile_critics=5", "learner.dropped_quantiles=0"}));
}

TEST(ValidateConfigTest, ALayerNormHasSomethingToNormalise) {
  EXPECT_THAT(Resolve({"learner.critic_norm=layer", "learner.critic_hidden=64,1"}),
              IsInvalid("learner.critic_hidden must be >= 2 with learner.critic_norm layer"));
  EXPECT_OK(Resolve({"learner.critic_norm=layer", "learner.critic_hidden=64,2"}));
}

TEST(ValidateConfigTest, TaskParametersAreGivenOnceEach) {
  RunConfig config;
  for (int i = 0; i < 2; ++i) {
    EnvArg* arg = config.mutable_env()->add_arg();
    arg->set_name("noise");
  }
  EXPECT_THAT(ValidateConfig(config), IsInvalid("env.arg noise is given twice"));
  config.mutable_env()->clear_arg();
  config.mutable_env()->add_arg();
  EXPECT_THAT(ValidateConfig(config), IsInvalid("every env.arg needs a name"));
}

TEST(ValidateConfigTest, TextsAreOneShortLine) {
  EXPECT_THAT(Resolve({"env.id="}), IsInvalid("env.id must name a task"));
  EXPECT_THAT(Resolve({"env.id=Hopper\n-v5"}), IsInvalid("env.id must be one line"));
  EXPECT_THAT(Resolve({"env.assets=/" + std::string(4999, 'x')}), IsInvalid("got 5000 bytes"));
}

TEST(ValidateConfigTest, ListsEnd) {
  std::string layers = "8";
  for (int i = 0; i < 64; ++i) layers += ",8";
  EXPECT_THAT(Resolve({"policy.hidden=" + layers}), IsInvalid("at most 64 elements, got 65"));
}

TEST(ValidateConfigTest, AnUnresolvedConfigurationIsValid) {
  EXPECT_OK(ValidateConfig(RunConfig()));
}

TEST(ConfigWarningsTest, DefaultsHaveNone) {
  for (const Algorithm& algorithm : Algorithms()) {
    const std::string set = "algorithm=" + std::string(algorithm.name);
    EXPECT_THAT(ConfigWarnings(*Resolve({set})), IsEmpty()) << set;
  }
  EXPECT_THAT(ConfigWarnings(*Resolve({})), IsEmpty());
  EXPECT_THAT(ConfigWarnings(*Resolve({"preset=official"})), IsEmpty());
  EXPECT_THAT(ConfigWarnings(*Resolve({"preset=modern"})), IsEmpty());
}

TEST(ConfigWarningsTest, TellWhenARunIsTooShortToLearn) {
  EXPECT_THAT(ConfigWarnings(*Resolve({"schedule.total_steps=900"})),
              Contains(HasSubstr("ends before its first update")));
  EXPECT_THAT(ConfigWarnings(*Resolve({"schedule.total_steps=9000"})),
              Contains(HasSubstr("the policy never acts in training")));
}

TEST(ConfigWarningsTest, TellWhichSettingsDoNothing) {
  EXPECT_THAT(ConfigWarnings(*Resolve({"learner.target_entropy=-3"})),
              Contains(HasSubstr("learner.target_entropy does nothing")));
  EXPECT_THAT(
      ConfigWarnings(*Resolve({"learner.loser_weight=0.1", "learner.primitive_backprop=all"})),
      Contains(HasSubstr("learner.loser_weight does nothing")));
  for (const char* setting :
       {"learner.qnet_hidden=8", "learner.qnet_input=trunk", "learner.critic_lr=1e-2"}) {
    EXPECT_THAT(ConfigWarnings(*Resolve({"algorithm=pmoe_ppo", setting})),
                ElementsAre(HasSubstr("learner.rank_by=action_q has one")));
    for (const char* with : {"preset=published", "learner.rank_by=arm_q"}) {
      EXPECT_THAT(ConfigWarnings(*Resolve({"algorithm=pmoe_ppo", with, setting})), IsEmpty());
    }
  }
}

}  // namespace
}  // namespace pmoe
