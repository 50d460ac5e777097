// Writes config/kiln.yaml and docs/configuration.md from the list of options: config_write_pages
// ROOT.
#include <fstream>
#include <iostream>

#include "config/option_pages.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "config_write_pages ROOT\n";
    return 2;
  }
  const std::string root = argv[1];
  std::ofstream yaml(root + "/config/kiln.yaml");
  yaml << kiln::config::options_yaml();
  std::ofstream page(root + "/docs/configuration.md");
  page << kiln::config::options_page();
  return yaml.good() && page.good() ? 0 : 1;
}
