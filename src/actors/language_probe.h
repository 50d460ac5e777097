// Which languages this worker has: each is asked for its version inside a cell, where programs will
// find it or not.
#pragma once

#include "actors/cell_host.h"
#include "actors/worker_node.h"

namespace kiln::actors {

struct FoundLanguages {
  std::vector<model::LanguageVersion> found;
  std::vector<MissingLanguage> missing;
};

FoundLanguages find_languages(CellHost& cells, const config::Languages& languages);

// "3.11.2" of "Python 3.11.2"; nothing if the first line has no number.
std::optional<std::string> version_in(std::string_view output);

}  // namespace kiln::actors
