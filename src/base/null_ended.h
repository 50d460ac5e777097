// Words as execve(2) takes them.
#pragma once

#include <string>
#include <vector>

namespace kiln {

// Points into `words`, which must outlive it unchanged; a null pointer at the end.
inline std::vector<char*> null_ended(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace kiln
