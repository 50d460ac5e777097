// Writes the samples as golden files and as the fuzzers' first inputs: net_write_samples TESTS_DIR.
// Run it only when the encoding is meant to change: the difference is then in the commit.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/net/samples.h"

namespace {

bool write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: net_write_samples TESTS_DIR\n";
    return 2;
  }
  const std::filesystem::path tests = argv[1];
  for (const kiln::net::Sample& sample : kiln::net::samples()) {
    const auto golden = tests / "net/golden" / (sample.target + "." + sample.name + ".msgpack");
    const auto seed = tests / "fuzz/corpus" / sample.target / sample.name;
    if (!write(golden, sample.bytes) || !write(seed, sample.bytes)) {
      std::cerr << "cannot write " << golden << " or " << seed << "\n";
      return 1;
    }
  }
  return 0;
}
