// docs/protocol.md against the lists: every message and part has its section with exactly its
// fields, and every word is there.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "net/codec.h"
#include "net/protocol_fields.h"

namespace kiln::net {
namespace {

using Names = std::set<std::string>;

// "Chapter / Section" -> the names in the first column of its table.
struct Page {
  std::map<std::string, Names> sections;
  std::string text;
};

// The name in backquotes after `mark` at the line's beginning, if that is what the line is.
std::string quoted_after(const std::string& line, const std::string& mark) {
  if (!line.starts_with(mark + "`")) return {};
  const size_t begin = mark.size() + 1;
  return line.substr(begin, line.find('`', begin) - begin);
}

Page read_page() {
  Page page;
  std::ifstream file(KILN_PROTOCOL_PAGE);
  std::string line, chapter, section;
  while (std::getline(file, line)) {
    page.text += line + "\n";
    if (line.starts_with("## ")) chapter = line.substr(3);
    if (line.starts_with("#### ")) {
      const std::string tag = quoted_after(line, "#### ");
      section = chapter + " / " + (tag.empty() ? line.substr(5) : tag);
      page.sections[section];
    }
    if (const std::string name = quoted_after(line, "| "); !name.empty()) {
      page.sections[section].insert(name);
    }
    if (line.starts_with("## ")) section.clear();
  }
  page.sections.erase("");  // tables outside the sections
  return page;
}

template <class M>
Names field_names();
template <class M, class T>
void add_name(const Field<M, T>& f, Names& out) {
  out.emplace(f.name);
}
template <class M, class T>
void add_name(const Flat<M, T>& /*f*/, Names& out) {
  out.merge(field_names<T>());
}
template <class M>
Names field_names() {
  Names out;
  std::apply([&](const auto&... f) { (add_name(f, out), ...); }, Message<M>::fields);
  return out;
}

template <class Variant, size_t... I>
void add_messages(const std::string& chapter, std::map<std::string, Names>& out,
                  std::index_sequence<I...>) {
  ((out[chapter + " / " + std::string(Message<std::variant_alternative_t<I, Variant>>::tag)] =
        field_names<std::variant_alternative_t<I, Variant>>()),
   ...);
}
template <class Variant>
void add_messages(const std::string& chapter, std::map<std::string, Names>& out) {
  add_messages<Variant>(chapter, out, std::make_index_sequence<std::variant_size_v<Variant>>());
}

std::map<std::string, Names> expected_sections() {
  std::map<std::string, Names> out;
  add_messages<FromClient>("Client to broker", out);
  add_messages<ToClient>("Broker to client", out);
  add_messages<model::FromWorker>("Worker to broker", out);
  add_messages<model::ToWorker>("Broker to worker", out);
  out["Parts / Task spec"] = field_names<model::TaskSpec>();
  out["Parts / Program"] = field_names<model::Program>();
  out["Parts / Blob"] = field_names<model::BlobRef>();
  out["Parts / Blob state"] = field_names<model::BlobState>();
  out["Parts / Lease"] = field_names<model::LeaseRef>();
  out["Parts / Language"] = field_names<model::LanguageVersion>();
  out["Parts / Result"] = field_names<model::TaskResult>();
  out["Parts / Artifact"] = field_names<model::Artifact>();
  out["Parts / Stream"] = field_names<model::StreamOutput>();
  out["Parts / Cost"] = field_names<model::Cost>();
  out["Parts / Task info"] = field_names<TaskInfo>();
  out["Parts / History event"] = field_names<EventInfo>();
  out["Parts / Queue info"] = field_names<QueueInfo>();
  out["Parts / Worker info"] = field_names<WorkerInfo>();
  for (const auto& limit : model::limit_fields()) out["Parts / Limits"].emplace(limit.name);
  return out;
}

TEST(ProtocolPage, HasEveryMessageAndEveryFieldAndNoOther) {
  const Page page = read_page();
  const auto expected = expected_sections();
  for (const auto& [name, fields] : expected) {
    SCOPED_TRACE(name);
    const auto found = page.sections.find(name);
    ASSERT_NE(found, page.sections.end()) << "no section";
    EXPECT_EQ(found->second, fields);
  }
  for (const auto& [name, fields] : page.sections) {
    EXPECT_TRUE(expected.contains(name)) << name << " is on the page only";
  }
}

TEST(ProtocolPage, HasEveryWord) {
  const Page page = read_page();
  const auto expect_word = [&](std::string_view word) {
    EXPECT_NE(page.text.find("`" + std::string(word) + "`"), std::string::npos) << word;
  };
#define KILN_X(name) expect_word(#name);
  KILN_TASK_STATES(KILN_X)
  KILN_VERDICTS(KILN_X)
  KILN_LIMITS_HIT(KILN_X)
  KILN_RETRY_REASONS(KILN_X)
  KILN_ERROR_CODES(KILN_X)
  KILN_DEAD_LETTER_OPS(KILN_X)
  KILN_ADMIN_OPS(KILN_X)
#undef KILN_X
}

}  // namespace
}  // namespace kiln::net
