# cmake -DINPUT=file -DOUTPUT=file.cc -DHEADER=x.h -DNAMESPACE=a::b -DFUNCTION=name -P EmbedText.cmake
# Writes a source file with a function that returns the text of INPUT. String literals have a length
# limit, so the text goes line by line.
file(READ "${INPUT}" text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
get_filename_component(name "${INPUT}" NAME)
file(WRITE "${OUTPUT}" "// Made from ${name}; do not edit.
#include \"${HEADER}\"

namespace ${NAMESPACE} {

std::string_view ${FUNCTION}() {
  static constexpr std::string_view kText =
    \"${text}\";
  return kText;
}

}  // namespace ${NAMESPACE}
")
