#include "actor/env/mjcf/place.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace pmoe {

Place Place::Field(const google::protobuf::Message& message, const std::string& name,
                   int index) const {
  const auto* const field = message.GetDescriptor()->FindFieldByName(name);
  Place place{file,
              absl::StrCat(path, path.empty() ? "" : ".", name,
                           index < 0 ? "" : absl::StrCat("[", index, "]")),
              nullptr, line};
  // The parser knows only what the file has.
  const bool there = field->is_repeated()
                         ? index >= 0 && index < message.GetReflection()->FieldSize(message, field)
                         : message.GetReflection()->HasField(message, field);
  if (locations == nullptr || !there) return place;
  const int at = locations->GetLocation(field, index).line;
  if (at >= 0) place.line = at;
  if (field->message_type() != nullptr) place.locations = locations->GetTreeForNested(field, index);
  return place;
}

absl::Status Place::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", line + 1, ": ", path, path.empty() ? "" : ": ", what));
}

absl::Status CheckInterval(const Interval& interval, const Place& place, bool bounded) {
  if (!(interval.min() <= interval.max())) {
    return place.Error(absl::StrCat("min ", interval.min(), " is above max ", interval.max()));
  }
  // Also their difference: draws scale it.
  if (!bounded || std::isfinite(interval.max() - interval.min())) return absl::OkStatus();
  return place.Error(
      absl::StrCat("needs a finite min and max, got ", interval.min(), " and ", interval.max()));
}

absl::Status CheckSteps(const Interval& interval, const Place& place, int limit) {
  const auto whole = [limit](double x) { return x >= 0 && x <= limit && x == std::floor(x); };
  if (whole(interval.min()) && whole(interval.max()) && interval.min() <= interval.max()) {
    return absl::OkStatus();
  }
  return place.Error(absl::StrCat("min and max must be whole numbers of steps, 0 <= min <= max <= ",
                                  limit, ", got ", interval.min(), " and ", interval.max()));
}

}  // namespace pmoe
