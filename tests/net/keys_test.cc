// Keys as text and in files, and the allow list.
#include "net/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

#include "net/allow_list.h"
#include "tests/net/server_fixture.h"

namespace kiln::net {
namespace {

using testing::HasSubstr;

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

class Files : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.file(name); }
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path(name)) << text;
    chmod(path(name).c_str(), mode);
    return path(name);
  }
  TemporaryDirectory directory_;
};
using KeyFile = Files;
using Allow = Files;

TEST(KeyText, GoesThereAndBack) {
  const KeyPair keys = generate_keypair();
  const std::string text = key_text(keys.public_key);
  EXPECT_EQ(text.size(), kKeyTextLength);
  EXPECT_EQ(parse_key(text), keys.public_key);
  EXPECT_EQ(parse_key(text.substr(1)), std::nullopt);
  EXPECT_EQ(parse_key(text + "0"), std::nullopt);
  EXPECT_EQ(parse_key(text.substr(1) + "g"), std::nullopt);
  EXPECT_EQ(parse_key(""), std::nullopt);
}

TEST(KeyText, EachPairIsAnother) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const KeyPair keys = generate_keypair();
    seen.insert(key_text(keys.public_key));
    seen.insert(key_text(keys.secret_key));
  }
  EXPECT_EQ(seen.size(), 200U);
}

TEST_F(KeyFile, IsReadAsWritten) {
  const KeyPair keys = generate_keypair();
  const auto files = write_key_files(path("new/keys"), "w1", keys);
  ASSERT_TRUE(files.ok()) << files.error().text();
  EXPECT_EQ(mode_of(files->secret_path), 0600U);
  EXPECT_EQ(mode_of(files->public_path), 0644U);
  const auto read = read_key_file(files->secret_path);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->public_key, keys.public_key);
  EXPECT_EQ(read->secret_key, keys.secret_key);
  EXPECT_EQ(read_all(files->public_path), key_text(keys.public_key) + "\n");
  EXPECT_EQ(*read_public_key(files->public_path), keys.public_key);
  EXPECT_EQ(*read_public_key(files->secret_path), keys.public_key);
  EXPECT_EQ(*read_public_key(key_text(keys.public_key)), keys.public_key);
}

TEST_F(KeyFile, IsNeverOverwritten) {
  const KeyPair keys = generate_keypair();
  ASSERT_TRUE(write_key_files(path("."), "w1", keys).ok());
  const auto again = write_key_files(path("."), "w1", generate_keypair());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_EQ(read_key_file(path("w1.key"))->secret_key, keys.secret_key);
  // Nor is a link followed, to write elsewhere.
  ASSERT_EQ(symlink(path("elsewhere").c_str(), path("w2.key").c_str()), 0);
  EXPECT_FALSE(write_key_files(path("."), "w2", keys).ok());
  EXPECT_EQ(mode_of(path("elsewhere")), 0U);
  // A public key in the way leaves no secret one behind.
  write("w3.pub", "");
  EXPECT_FALSE(write_key_files(path("."), "w3", keys).ok());
  EXPECT_EQ(mode_of(path("w3.key")), 0U);
}

TEST_F(KeyFile, IsRefusedWhenOthersMayReadIt) {
  ASSERT_TRUE(write_key_files(path("."), "w1", generate_keypair()).ok());
  for (const mode_t mode : {0640U, 0604U, 0660U, 0644U}) {
    chmod(path("w1.key").c_str(), mode);
    const auto read = read_key_file(path("w1.key"));
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.error().hint, HasSubstr("chmod 600"));
  }
}

TEST_F(KeyFile, IsRefusedWhenItIsNone) {
  const std::string one = key_text(generate_keypair().public_key);
  const std::string other = key_text(generate_keypair().secret_key);
  for (const std::string& text :
       {std::string(), "secret " + other + "\n", "public " + one + "\n",
        "public " + one + "\nsecret " + other + "\n",  // no pair
        "public " + one + "\nsecret " + other.substr(2) + "\n", std::string(5'000, 'x')}) {
    EXPECT_FALSE(read_key_file(write("bad.key", text)).ok()) << text;
  }
  EXPECT_EQ(read_key_file(path("missing")).error().code, ErrorCode::io_error);
  EXPECT_EQ(read_key_file(path(".")).error().code, ErrorCode::invalid_argument);
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_key_file(path("fifo")).error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(read_public_key(write("bad.pub", "no key\n")).ok());
}

TEST_F(KeyFile, TakesOnlyNames) {
  for (const char* name : {"", "../w1", "a/b", "a b"}) {
    EXPECT_FALSE(write_key_files(path("."), name, generate_keypair()).ok()) << name;
  }
}

TEST_F(Allow, NamesWhoMayComeIn) {
  const std::string a(64, 'a'), b(64, 'B');
  const auto list =
      AllowList::load(write("allow", "# who\n\n" + a + " client red builder # ours\n\t" + b +
                                         "  worker  default w1\r\n"));
  ASSERT_TRUE(list.ok()) << list.error().text();
  EXPECT_EQ((*list)->size(), 2U);
  ASSERT_NE((*list)->find(a), nullptr);
  EXPECT_EQ(*(*list)->find(a), (Identity{Role::client, "red", "builder", a}));
  const auto worker = (*list)->find(std::string(64, 'b'));  // the text is lower case
  ASSERT_NE(worker, nullptr);
  EXPECT_EQ(worker->role, Role::worker);
  EXPECT_EQ((*list)->find(std::string(64, 'c')), nullptr);
  EXPECT_EQ((*list)->find(""), nullptr);
}

TEST_F(Allow, NamesTheLineAtFault) {
  const std::string a(64, 'a'), b(64, 'b');
  struct Case {
    std::string line, says;
  };
  for (const Case& c :
       {Case{a, "4"}, Case{a + " client red", "4"}, Case{a + " client red builder more", "4"},
        Case{a.substr(1) + " client red builder", "no key"}, Case{a + " boss red builder", "role"},
        Case{a + " client r/d builder", "tenant"}, Case{a + " client red b\xC3\xA9", "name"},
        Case{b + " client red builder", "twice"}}) {
    const auto list = AllowList::load(write("allow", b + " admin default me\n\n" + c.line + "\n"));
    ASSERT_FALSE(list.ok()) << c.line;
    EXPECT_THAT(list.error().text(), HasSubstr(path("allow") + ", line 3")) << c.line;
    EXPECT_THAT(list.error().text(), HasSubstr(c.says)) << c.line;
  }
  EXPECT_FALSE(AllowList::load(path("missing")).ok());
  EXPECT_FALSE(AllowList::load(write("allow", "", 0606)).ok());
}

TEST_F(Allow, StaysAsItWasWhenTheNewOneIsWrong) {
  const std::string a(64, 'a'), b(64, 'b');
  const auto list = *AllowList::load(write("allow", a + " client red builder\n"));
  write("allow", "nonsense\n");
  EXPECT_FALSE(list->reload().ok());
  EXPECT_NE(list->find(a), nullptr);
  write("allow", b + " client red builder\n");
  ASSERT_TRUE(list->reload().ok());
  EXPECT_EQ(list->find(a), nullptr);
  EXPECT_NE(list->find(b), nullptr);
}

TEST_F(Allow, KeepsWhatWasAddedOverAReload) {
  const auto list = *AllowList::load(write("allow", ""));
  const KeyPair own = generate_keypair();
  list->add(own.public_key, Role::worker, "default", "own");
  ASSERT_TRUE(list->reload().ok());
  ASSERT_NE(list->find(key_text(own.public_key)), nullptr);
  EXPECT_EQ(list->find(key_text(own.public_key))->role, Role::worker);
}

}  // namespace
}  // namespace kiln::net
