// Textproto that people write: errors name the file, the line, the field and what would be near.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace pmoe {

// Replaces *message. InvalidArgumentError "source:line: …". `locations`, unless null: where each
// field stood, for errors that are found later.
absl::Status ParseTextMessage(absl::string_view text, absl::string_view source,
                              google::protobuf::Message* message,
                              google::protobuf::TextFormat::ParseInfoTree* locations = nullptr);

}  // namespace pmoe
