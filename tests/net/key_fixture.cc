#include "tests/net/key_fixture.h"

#include <fstream>
#include <stdexcept>

namespace kiln::net {

KeyRing::KeyRing() {
  write(everybody());
  allowed = AllowList::load(directory.file("allow")).value();
}

std::string KeyRing::line(const KeyPair& keys, const std::string& rest) {
  return key_text(keys.public_key) + " " + rest + "\n";
}

std::string KeyRing::everybody() const {
  return line(client, "client red builder") + line(other_client, "client blue tester") +
         line(admin, "admin default boss") + line(worker, "worker default w1") +
         line(other_worker, "worker default w2");
}

void KeyRing::allow(const std::string& lines) const {
  write(lines);
  if (Status s = allowed->reload(); !s) throw std::runtime_error(s.error().text());
}

void KeyRing::write(const std::string& lines) const {
  std::ofstream file(directory.file("allow"), std::ios::trunc);
  file << lines;
}

}  // namespace kiln::net
