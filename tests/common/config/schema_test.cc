#include "common/config/schema.h"

#include "common/config/rules.h"
#include "common/config/run_config.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace pmoe {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Leaves of the schema, those inside repeated messages too, which SchemaFields leaves out.
void ExpectHelp(const Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->message_type() != nullptr) ExpectHelp(*field->message_type());
    if (field->message_type() != nullptr && !field->is_repeated()) continue;
    EXPECT_FALSE(field->options().GetExtension(rule).help().empty()) << field->full_name();
  }
}

TEST(SchemaTest, EveryFieldHasHelp) { ExpectHelp(*RunConfig::descriptor()); }

TEST(SchemaTest, EveryNumberHasALowestValueOrSaysAllAreValid) {
  for (const SchemaField& field : SchemaFields()) {
    const bool number = field.field->cpp_type() != FieldDescriptor::CPPTYPE_STRING &&
                        field.field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL &&
                        field.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
    const bool free = field.path == "seed" || field.path == "learner.target_entropy";
    EXPECT_EQ(field.rule->has_min(), number && !free) << field.path;
  }
}

TEST(SchemaTest, PathsRunThroughGroups) {
  ASSERT_NE(FindSchemaField("learner.actor_lr"), nullptr);
  EXPECT_EQ(FindSchemaField("learner.actor_lr")->field->name(), "actor_lr");
  EXPECT_NE(FindSchemaField("env.arg"), nullptr);
  EXPECT_EQ(FindSchemaField("learner"), nullptr);
  EXPECT_EQ(FindSchemaField("env.arg.name"), nullptr);
}

TEST(SchemaTest, ValueTextReadsBackThroughSetField) {
  RunConfig config;
  ASSERT_OK(SetField(&config, "env.arg.noise", "0.1"));
  ASSERT_OK(SetField(&config, "policy.hidden", "64,32"));
  ASSERT_OK(SetField(&config, "learner.actor_lr", "3e-4"));
  ASSERT_OK(SetField(&config, "env.id", "Hopper-v5"));
  ASSERT_OK(SetField(&config, "learner.tune_alpha", "true"));
  RunConfig copy;
  for (const SchemaField& field : SchemaFields()) {
    if (!IsSet(config, field)) continue;
    EXPECT_OK(SetField(&copy, field.path, ValueText(config, field))) << field.path;
  }
  EXPECT_EQ(PrintConfig(copy), PrintConfig(config));
}

TEST(SchemaTest, SuggestsAFieldOfTheSameNameInAnotherGroup) {
  EXPECT_EQ(SuggestPath("replay.actor_lr"), "; did you mean learner.actor_lr?");
  EXPECT_EQ(SuggestPath("batchsize"), "; did you mean learner.batch_size?");
  EXPECT_EQ(SuggestPath("lerner"), "; did you mean learner?");
  EXPECT_EQ(SuggestPath("qqqqqqqqqqqqqqqqqq"), "");
}

TEST(RulesTest, RangeTextSaysWhichBoundIsOpen) {
  EXPECT_EQ(RangeText(*FindSchemaField("learner.actor_lr")), "> 0 and <= 1");
  EXPECT_EQ(RangeText(*FindSchemaField("learner.gamma")), ">= 0 and <= 1");
  EXPECT_EQ(RangeText(*FindSchemaField("schedule.mode")), "lockstep | async");
}

}  // namespace
}  // namespace pmoe
