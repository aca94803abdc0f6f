#include "actor/env/mjcf/reward.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "actor/env/mjcf/object_names.h"
#include "actor/env/mjcf/reward_math.h"
#include "actor/env/tasks/body_terms.h"
#include "common/base/status_macros.h"

namespace pmoe {

// Finds what each term names in the model.
class Reward::Compiler {
 public:
  Compiler(const SliceSource& source, EpisodeMemory* memory, size_t* rates)
      : source_(source), model_(*source.model), memory_(memory), rates_(rates) {}

  absl::StatusOr<Term> Compile(const RewardTerm& config, const Place& place) {
    Term term;
    term.config = config;
    if (!std::isfinite(config.weight())) {
      return place.Field(config, "weight").Error("must be a number");
    }
    PMOE_RETURN_IF_ERROR(
        CheckInterval(config.clip(), place.Field(config, "clip"), /*bounded=*/false));
    PMOE_RETURN_IF_ERROR(Fill(config, place, &term));
    return term;
  }

 private:
  absl::Status Fill(const RewardTerm& config, const Place& place, Term* term) {
    switch (config.kind_case()) {
      case RewardTerm::kRate:
        return Rated(config.rate(), place.Field(config, "rate"), term);
      case RewardTerm::kValue:
        return Valued(config.value(), place.Field(config, "value"), term);
      case RewardTerm::kSum:
        return Summed(config.sum(), place.Field(config, "sum"), term);
      case RewardTerm::kTrack:
        return Tracked(config.track(), place.Field(config, "track"), term);
      case RewardTerm::kTilt:
        return OfBody(config.tilt(), place.Field(config, "tilt"), term);
      case RewardTerm::kHeight:
        return OfBody(config.height(), place.Field(config, "height"), term);
      case RewardTerm::kJointLimits:
        return Limited(config.joint_limits(), place.Field(config, "joint_limits"), term);
      case RewardTerm::kActionRate:
        source_.controls->LastAction();  // has them kept
        return absl::OkStatus();
      case RewardTerm::kEnergy:
        return Powered(config.energy(), place.Field(config, "energy"), term);
      case RewardTerm::kAirTime:
        return Stepped(config.air_time(), place.Field(config, "air_time"), term);
      case RewardTerm::kContact:
        return Touching(config.contact(), place.Field(config, "contact"), term);
      case RewardTerm::kDistance:
        return Between(config.distance(), place.Field(config, "distance"), term);
      case RewardTerm::kSuccess:
        return Succeeding(config.success(), place.Field(config, "success"), term);
      case RewardTerm::kConstant:
        if (std::isfinite(config.constant())) return absl::OkStatus();
        return place.Field(config, "constant").Error("must be a number");
      case RewardTerm::kAlive:
        return absl::OkStatus();
      case RewardTerm::KIND_NOT_SET:
        break;
    }
    return place.Error(
        "has no kind: give it rate, value, alive, constant, sum, track, tilt, height, "
        "joint_limits, action_rate, energy, air_time, contact, distance or success");
  }

  // The slice of `message`, a part of a term at `place`.
  template <typename Message>
  absl::StatusOr<Selection> Find(const Message& message, const Place& place) {
    if (!message.has_slice()) return place.Field(message, "slice").Error("is missing");
    return FindSlice(message.slice(), source_, place.Field(message, "slice"));
  }

  absl::Status Rated(const Rate& rate, const Place& place, Term* term) {
    term->rate = (*rates_)++;
    if (rate.has_center_of_mass()) return absl::OkStatus();
    PMOE_ASSIGN_OR_RETURN(term->numbers, Find(rate, place));
    return CheckOneNumber(term->numbers, place);
  }

  absl::Status Valued(const Value& value, const Place& place, Term* term) {
    PMOE_ASSIGN_OR_RETURN(term->numbers, Find(value, place));
    PMOE_RETURN_IF_ERROR(
        CheckInterval(value.clip(), place.Field(value, "clip"), /*bounded=*/false));
    return value.norm() == Value::NUMBER ? CheckOneNumber(term->numbers, place) : absl::OkStatus();
  }

  absl::Status CheckOneNumber(const Selection& numbers, const Place& place) const {
    if (numbers.size() == 1) return absl::OkStatus();
    Place at = place;
    at.path += ".slice";
    return at.Error(absl::StrCat("must be one number, is ", numbers.size(),
                                 "; set count: 1, or a norm of a value"));
  }

  absl::Status Summed(const RewardSum& sum, const Place& place, Term* term) {
    for (int i = 0; i < sum.term_size(); ++i) {
      PMOE_ASSIGN_OR_RETURN(Term part, Compile(sum.term(i), place.Field(sum, "term", i)));
      term->terms.push_back(std::move(part));
    }
    return term->terms.empty() ? place.Error("has no term") : absl::OkStatus();
  }

  absl::Status Tracked(const Track& track, const Place& place, Term* term) {
    PMOE_ASSIGN_OR_RETURN(term->numbers, Find(track, place));
    if (!(track.sigma() > 0 && std::isfinite(track.sigma()))) {
      return place.Field(track, "sigma").Error(absl::StrCat("must be > 0, got ", track.sigma()));
    }
    if (track.has_command() == (track.target_size() > 0)) {
      return place.Error("needs a command or a target, one of them");
    }
    term->target = {term->config.track().target().data(), static_cast<size_t>(track.target_size())};
    if (track.has_command()) {
      PMOE_ASSIGN_OR_RETURN(term->target,
                            FindCommand(track.command(), place.Field(track, "command")));
    }
    if (term->target.size() == term->numbers.size()) return absl::OkStatus();
    return place.Error(absl::StrCat("the slice has ", term->numbers.size(),
                                    " numbers, what it is to "
                                    "follow ",
                                    term->target.size()));
  }

  absl::StatusOr<absl::Span<const double>> FindCommand(const std::string& name,
                                                       const Place& place) const {
    const absl::StatusOr<absl::Span<double>> found = source_.commands->Command(name);
    if (!found.ok()) return place.Error(std::string(found.status().message()));
    return *found;
  }

  template <typename Message>
  absl::Status OfBody(const Message& message, const Place& place, Term* term) {
    const absl::StatusOr<int> body = FindObject(model_, mjOBJ_BODY, message.body());
    if (!body.ok()) return place.Field(message, "body").Error(std::string(body.status().message()));
    term->ids = {*body};
    return absl::OkStatus();
  }

  absl::Status Limited(const JointLimits& limits, const Place& place, Term* term) {
    if (!(limits.share() >= 0 && limits.share() <= 1)) {
      return place.Field(limits, "share")
          .Error(absl::StrCat("must be in [0, 1], got ", limits.share()));
    }
    const absl::StatusOr<std::vector<int>> joints =
        FindObjects(model_, mjOBJ_JOINT, limits.joint());
    if (!joints.ok()) {
      return place.Field(limits, "joint", 0).Error(std::string(joints.status().message()));
    }
    for (const int joint : *joints) {
      const int type = model_.jnt_type[joint];
      const bool line = type == mjJNT_HINGE || type == mjJNT_SLIDE;
      if (line && model_.jnt_limited[joint]) {
        term->ids.push_back(joint);
      } else if (!limits.joint().empty()) {
        return place.Error(
            absl::StrCat(DescribeObject(model_, mjOBJ_JOINT, joint), " has no range"));
      }
    }
    return term->ids.empty() ? place.Error("no joint has a range") : absl::OkStatus();
  }

  absl::Status Powered(const Energy& energy, const Place& place, Term* term) {
    Slice slice;
    *slice.mutable_name() = energy.actuator();
    slice.set_array(ACTUATOR_FORCE);
    PMOE_ASSIGN_OR_RETURN(term->numbers, FindSlice(slice, source_, place));
    slice.set_array(ACTUATOR_VELOCITY);
    PMOE_ASSIGN_OR_RETURN(term->others, FindSlice(slice, source_, place));
    return absl::OkStatus();
  }

  // The contact flags of the bodies and geoms that the message names.
  template <typename Message>
  absl::Status Touching(const Message& touch, const Place& place, Term* term) {
    if (touch.body().empty() && touch.geom().empty()) {
      return place.Error("names neither a body nor a geom");
    }
    for (const bool bodies : {true, false}) {
      Slice slice;
      slice.set_array(bodies ? BODY_CONTACT : GEOM_CONTACT);
      *slice.mutable_name() = bodies ? touch.body() : touch.geom();
      if (slice.name().empty()) continue;
      PMOE_ASSIGN_OR_RETURN(
          const Selection found,
          FindSlice(slice, source_, place.Field(touch, bodies ? "body" : "geom", 0)));
      for (const absl::Span<double> part : found.parts()) term->numbers.Add(part);
    }
    return absl::OkStatus();
  }

  absl::Status Stepped(const AirTime& air_time, const Place& place, Term* term) {
    PMOE_RETURN_IF_ERROR(Touching(air_time, place, term));
    if (!std::isfinite(air_time.target_s())) {
      return place.Field(air_time, "target_s").Error("must be a number");
    }
    if (air_time.has_command()) {
      PMOE_ASSIGN_OR_RETURN(term->target,
                            FindCommand(air_time.command(), place.Field(air_time, "command")));
    }
    term->air = memory_->Allocate(term->numbers.size() + 1);
    return absl::OkStatus();
  }

  absl::Status Between(const Distance& distance, const Place& place, Term* term) {
    PMOE_ASSIGN_OR_RETURN(term->numbers,
                          FindSlice(distance.from(), source_, place.Field(distance, "from")));
    if (distance.has_command() == distance.has_to()) {
      return place.Error("needs `to` or a command, one of them");
    }
    if (distance.has_to()) {
      PMOE_ASSIGN_OR_RETURN(term->others,
                            FindSlice(distance.to(), source_, place.Field(distance, "to")));
    } else {
      Slice slice;
      slice.set_array(COMMAND);
      slice.add_name(distance.command());
      PMOE_ASSIGN_OR_RETURN(term->others,
                            FindSlice(slice, source_, place.Field(distance, "command")));
    }
    if (term->numbers.size() == term->others.size()) return absl::OkStatus();
    return place.Error(absl::StrCat("its two points have ", term->numbers.size(), " and ",
                                    term->others.size(), " numbers"));
  }

  absl::Status Succeeding(const Success& success, const Place& place, Term* term) {
    if (!(success.below() > 0)) {
      return place.Field(success, "below")
          .Error(absl::StrCat("must be > 0, got ", success.below()));
    }
    return Between(success.distance(), place.Field(success, "distance"), term);
  }

  const SliceSource& source_;
  const mjModel& model_;
  EpisodeMemory* memory_;
  size_t* rates_;
};

absl::StatusOr<Reward> Reward::Compile(const MjcfTaskConfig& task, const Place& place,
                                       const SliceSource& source, EpisodeMemory* memory) {
  if (task.reward().empty()) return place.Field(task, "reward").Error("nothing is rewarded");
  Reward reward;
  size_t rates = 0;
  Compiler compiler(source, memory, &rates);
  for (int i = 0; i < task.reward_size(); ++i) {
    PMOE_ASSIGN_OR_RETURN(Term term,
                          compiler.Compile(task.reward(i), place.Field(task, "reward", i)));
    reward.terms_.push_back(std::move(term));
  }
  reward.source_ = source;
  reward.mass_ = TotalMass(*source.model);
  reward.before_.resize(rates);
  return reward;
}

}  // namespace pmoe
