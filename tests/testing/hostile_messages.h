// Messages that no honest peer sends, made from an honest one by reflection: every field of it and
// of all messages below is taken to its extremes, one at a time, also fields that were not set. A
// field that a proto gains is among them by itself. Header only; one thread.
// tidy: long because it is one walk and one line for each type
//   ForEachHostile(honest, {}, [&](const std::string& what, const FollowerMessage& message) { … });
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace pmoe {

struct HostileLimits {
  size_t bytes = 1 << 20;  // of a huge string
  int elements = 10'000;   // of a long list
  int depth = 8;           // of messages within messages
};

// Under TSan protobuf's header gives a map one more member than Debian's library has.
inline bool IsBeyondReflection([[maybe_unused]] const google::protobuf::FieldDescriptor& field) {
#ifdef __SANITIZE_THREAD__
  return field.is_map();
#else
  return false;
#endif
}

class HostileWalk {
 public:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;
  using Visit = std::function<void(const std::string& what)>;

  // Changes *root and calls `visit`, again and again; leaves it as it was.
  HostileWalk(HostileLimits limits, Visit visit) : limits_(limits), visit_(std::move(visit)) {}

  void Run(Message* at, const std::string& path = "", int depth = 0) {
    if (depth > limits_.depth) return;
    for (int i = 0; i < at->GetDescriptor()->field_count(); ++i) {
      const Field& field = *at->GetDescriptor()->field(i);
      if (IsBeyondReflection(field)) continue;
      const std::unique_ptr<Message> honest(at->New());
      honest->CopyFrom(*at);
      at->GetReflection()->ClearField(at, &field);
      visit_(absl::StrCat(path, field.name(), " unset"));
      at->CopyFrom(*honest);
      if (field.is_repeated()) {
        Repeat(at, field, path);
      } else if (field.cpp_type() != Field::CPPTYPE_MESSAGE) {
        for (size_t k = 0; Put(at, field, k, path); ++k) {
        }
      }
      at->CopyFrom(*honest);
      if (field.cpp_type() == Field::CPPTYPE_MESSAGE) Descend(at, field, path, depth);
      at->CopyFrom(*honest);
    }
  }

 private:
  // A list grown long by copies of its first element, or of an empty one; and each extreme as one
  // more element.
  void Repeat(Message* at, const Field& field, const std::string& path) {
    const google::protobuf::Reflection& list = *at->GetReflection();
    const bool messages = field.cpp_type() == Field::CPPTYPE_MESSAGE;
    for (size_t k = 0; !messages && Put(at, field, k, path); ++k) {
      list.RemoveLast(at, &field);
    }
    for (int n = list.FieldSize(*at, &field); n < limits_.elements; ++n) {
      if (!messages) {
        Set(at, field, 0);
      } else if (n == 0) {
        list.AddMessage(at, &field);
      } else {
        list.AddMessage(at, &field)->CopyFrom(list.GetRepeatedMessage(*at, &field, 0));
      }
    }
    visit_(absl::StrCat(path, field.name(), " of ", limits_.elements));
  }

  void Descend(Message* at, const Field& field, const std::string& path, int depth) {
    const google::protobuf::Reflection& of = *at->GetReflection();
    if (!field.is_repeated()) {
      Run(of.MutableMessage(at, &field), absl::StrCat(path, field.name(), "."), depth + 1);
      return;
    }
    if (of.FieldSize(*at, &field) == 0) of.AddMessage(at, &field);
    Run(of.MutableRepeatedMessage(at, &field, 0), absl::StrCat(path, field.name(), "[0]."),
        depth + 1);
  }

  // The k'th extreme, of a list as one more element; false if there are not so many.
  bool Put(Message* at, const Field& field, size_t k, const std::string& path) {
    const std::string value = Set(at, field, k);
    if (value.empty()) return false;
    visit_(absl::StrCat(path, field.name(), " = ", value));
    return true;
  }

  // The k'th of `values` as the field's value, or as its list's next; as text, "" behind the last.
  template <typename T, typename Put>
  static std::string Pick(const std::vector<T>& values, Message* at, const Field& field, size_t k,
                          Put set, Put add) {
    if (k >= values.size()) return "";
    (at->GetReflection()->*(field.is_repeated() ? add : set))(at, &field, values[k]);
    return absl::StrCat(values[k]);
  }
  template <typename T>
  static std::vector<T> Ends() {
    using Limits = std::numeric_limits<T>;
    std::vector<T> all = {T{0}, T{1}, static_cast<T>(-1), Limits::max(), Limits::lowest()};
    if constexpr (Limits::has_infinity) {
      all.insert(all.end(), {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(),
                             Limits::denorm_min(), T{1e30f}});
    } else {
      all.insert(all.end(), {static_cast<T>(Limits::max() - 1), static_cast<T>(int64_t{1} << 31),
                             static_cast<T>(uint32_t(-1))});
    }
    return all;
  }

  std::string SetText(Message* at, const Field& field, size_t k) {
    const std::vector<std::string> texts = {"",
                                            "a",
                                            "\x1b[2J\r\n\t",
                                            std::string("\0\0", 2),
                                            std::string(limits_.bytes, 'h'),
                                            "../../../etc",
                                            "%n%s"};
    if (k >= texts.size()) return "";
    const google::protobuf::Reflection& to = *at->GetReflection();
    field.is_repeated() ? to.AddString(at, &field, texts[k]) : to.SetString(at, &field, texts[k]);
    return absl::StrCat(texts[k].size(), " bytes");
  }

  std::string Set(Message* at, const Field& field, size_t k) {
    using To = google::protobuf::Reflection;
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT32:
        return Pick(Ends<int32_t>(), at, field, k, &To::SetInt32, &To::AddInt32);
      case Field::CPPTYPE_INT64:
        return Pick(Ends<int64_t>(), at, field, k, &To::SetInt64, &To::AddInt64);
      case Field::CPPTYPE_UINT32:
        return Pick(Ends<uint32_t>(), at, field, k, &To::SetUInt32, &To::AddUInt32);
      case Field::CPPTYPE_UINT64:
        return Pick(Ends<uint64_t>(), at, field, k, &To::SetUInt64, &To::AddUInt64);
      case Field::CPPTYPE_DOUBLE:
        return Pick(Ends<double>(), at, field, k, &To::SetDouble, &To::AddDouble);
      case Field::CPPTYPE_FLOAT:
        return Pick(Ends<float>(), at, field, k, &To::SetFloat, &To::AddFloat);
      case Field::CPPTYPE_BOOL:
        return Pick(std::vector<bool>{false, true}, at, field, k, &To::SetBool, &To::AddBool);
      case Field::CPPTYPE_ENUM:
        return Pick(std::vector<int>{0, 1, 2, 3, 4, -1, INT32_MAX}, at, field, k, &To::SetEnumValue,
                    &To::AddEnumValue);
      case Field::CPPTYPE_STRING:
        return SetText(at, field, k);
      default:
        return "";
    }
  }

  const HostileLimits limits_;
  const Visit visit_;
};

// visit(what, message): `what` is "reports[0].env_steps = 18446744073709551615".
template <typename M, typename Visit>
void ForEachHostile(const M& honest, const HostileLimits& limits, Visit visit) {
  M message = honest;
  HostileWalk(limits, [&](const std::string& what) { visit(what, message); }).Run(&message);
}

}  // namespace pmoe
