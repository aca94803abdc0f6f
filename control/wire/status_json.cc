#include "control/wire/status_json.h"

#include "google/protobuf/util/json_util.h"

namespace pmoe {

std::string StatusJson(const RunStatus& status, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(status, &text, options);
  return text;
}

}  // namespace pmoe
