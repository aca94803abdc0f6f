# cmake -DOUT=FILE.cc -DFILES="URL=PATH;…" -P embed_files.cmake: a C++ file whose EmbeddedFiles()
# are these files' bytes, each under the path of its URL.
set(arrays "")
set(table "")
set(index 0)
foreach(entry ${FILES})
  string(REGEX MATCH "^([^=]+)=(.+)$" ignored "${entry}")
  set(url ${CMAKE_MATCH_1})
  file(READ ${CMAKE_MATCH_2} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND arrays "const unsigned char kFile${index}[] = {${bytes}0};\n")
  string(APPEND table "      {\"${url}\", {reinterpret_cast<const char*>(kFile${index}),\n"
    "                  sizeof(kFile${index}) - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUT} "#include \"dashboard/embedded_files.h\"

namespace pmoe {
namespace {
${arrays}}  // namespace

const std::vector<EmbeddedFile>& EmbeddedFiles() {
  static const auto* const files = new std::vector<EmbeddedFile>{
${table}  };
  return *files;
}

}  // namespace pmoe
")
