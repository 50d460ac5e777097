#include "base/random.h"

namespace kiln {

Random seeded_random() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return Random(seed);
}

uint64_t uniform(Random& random, uint64_t bound) {
  // Rejection keeps it exact; std::uniform_int_distribution differs between libraries.
  const uint64_t limit = Random::max() - Random::max() % bound;
  uint64_t value = random();
  while (value >= limit) value = random();
  return value % bound;
}

}  // namespace kiln
