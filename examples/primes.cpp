#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : 100;
  for (int n = 2; n <= most; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    if (prime) std::cout << n << ' ';
  }
  std::cout << '\n';
}
