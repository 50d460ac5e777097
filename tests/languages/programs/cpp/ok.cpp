#include <iostream>
#include <numeric>
#include <vector>

int main() {
  const std::vector<int> numbers = {12, 14, 16};
  std::cout << std::accumulate(numbers.begin(), numbers.end(), 0) << '\n';
}
