// Randomness is passed in: what decides takes a Random&, tests give it a seed, programs seed it
// from the kernel. Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <random>

namespace kiln {

using Random = std::mt19937_64;

// A generator seeded from getrandom(2) through std::random_device.
Random seeded_random();

// Uniform in [0, bound). Precondition: bound > 0. The same on every platform.
uint64_t uniform(Random& random, uint64_t bound);

}  // namespace kiln
