// Ends at once with status 0; given an argument, it waits to be killed.
static long call(long number, long argument) {
  long result = number;
  __asm__ volatile("syscall" : "+a"(result) : "D"(argument) : "rcx", "r11", "memory");
  return result;
}

__attribute__((used)) static void begin(const long* stack) {
  enum { kPause = 34, kExit = 231 };
  while (stack[0] > 1) call(kPause, 0);
  call(kExit, 0);
}

// The kernel puts the number of arguments onto the stack (System V ABI, x86-64, 3.4.1).
__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
