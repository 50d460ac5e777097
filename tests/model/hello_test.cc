#include <gtest/gtest.h>

#include "model/worker_messages.h"

namespace kiln::model {
namespace {

Hello good() {
  Hello hello;
  hello.name = "worker-1";
  hello.slots = 2;
  hello.languages = {{"python", "3.11.2"}};
  hello.tags = {"gpu"};
  hello.queues = {"default"};
  return hello;
}

template <class Change>
std::string wrong_field(Change change) {
  Hello hello = good();
  change(hello);
  const Status status = validate(hello);
  return status.ok() ? "" : status.error().field;
}

TEST(ValidateHello, TakesAWorkerAsItIs) { EXPECT_TRUE(validate(good()).ok()); }

TEST(ValidateHello, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(wrong_field([](Hello& h) { h.name = std::string(1 << 20, 'n'); }), "name");
  EXPECT_EQ(wrong_field([](Hello& h) { h.name = ""; }), "name");
  EXPECT_EQ(wrong_field([](Hello& h) { h.slots = 0; }), "slots");
  EXPECT_EQ(wrong_field([](Hello& h) { h.slots = kMaxSlots + 1; }), "slots");
  EXPECT_EQ(wrong_field([](Hello& h) { h.tags = {"a/b"}; }), "tags");
  EXPECT_EQ(wrong_field([](Hello& h) { h.queues.assign(kMaxHelloNames + 1, "q"); }), "queues");
  EXPECT_EQ(wrong_field([](Hello& h) { h.languages[0].name = "p y"; }), "languages");
  EXPECT_EQ(wrong_field([](Hello& h) { h.languages[0].version.assign(65, '1'); }), "languages");
}

}  // namespace
}  // namespace kiln::model
