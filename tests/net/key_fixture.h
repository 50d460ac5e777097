// A broker's keys, an allow list in a file that a test may change, and the keys of peers.
#pragma once

#include <string>

#include "net/allow_list.h"
#include "net/keys.h"
#include "tests/net/server_fixture.h"

namespace kiln::net {

class KeyRing {
 public:
  // Lets in client, other_client, admin, worker and other_worker, but not stranger.
  KeyRing();

  ServerKeys server() const { return {own, allowed}; }
  ClientKeys with(const KeyPair& keys) const { return {keys, own.public_key}; }
  // Replaces the file by these lines and has it read.
  void allow(const std::string& lines) const;
  static std::string line(const KeyPair& keys, const std::string& rest);
  // The lines the list begins with.
  std::string everybody() const;

  const KeyPair own = generate_keypair();
  const KeyPair client = generate_keypair();        // client red builder
  const KeyPair other_client = generate_keypair();  // client blue tester
  const KeyPair admin = generate_keypair();         // admin default boss
  const KeyPair worker = generate_keypair();        // worker default w1
  const KeyPair other_worker = generate_keypair();  // worker default w2
  const KeyPair stranger = generate_keypair();
  TemporaryDirectory directory;
  std::shared_ptr<AllowList> allowed;

 private:
  void write(const std::string& lines) const;
};

}  // namespace kiln::net
