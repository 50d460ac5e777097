// A table for people: columns as wide as their widest cell, two spaces apart.
#pragma once

#include <string>
#include <vector>

namespace kiln::cli {

using Row = std::vector<std::string>;

// The lines, the heading first; every row has as many cells as the heading.
std::vector<std::string> table(Row heading, std::vector<Row> rows);

}  // namespace kiln::cli
