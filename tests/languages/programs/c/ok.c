#include <math.h>
#include <stdio.h>

int main(void) {
  printf("%.0f\n", sqrt(36.0) * 7);
  return 0;
}
