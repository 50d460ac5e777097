# Writes OUTPUT, a C++ source that holds the text of LANGUAGES:
#   cmake -DLANGUAGES=config/languages.yaml -DOUTPUT=builtin.cc -P embed_config.cmake
file(READ ${LANGUAGES} text)
set(delimiter "kiln_yaml")
string(FIND "${text}" ")${delimiter}\"" clash)
if(NOT clash EQUAL -1)
  message(FATAL_ERROR "${LANGUAGES} holds the end mark of the raw string it is put in")
endif()
file(WRITE ${OUTPUT} "#include \"config/builtin.h\"

namespace kiln::config {

const std::string_view kBuiltinLanguages = R\"${delimiter}(${text})${delimiter}\";

}  // namespace kiln::config
")
