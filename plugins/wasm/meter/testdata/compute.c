// Loops of several kinds for the benchmark of meter. compute.wasm was built from it with
//
//	clang-14 --target=wasm32 -O2 -ffreestanding -c compute.c && wasm-ld --no-entry --strip-all -o compute.wasm compute.o
#define EXPORT(name) __attribute__((export_name(name)))

typedef unsigned u32;
typedef unsigned long long u64;
typedef unsigned char u8;

u8 bytes[1 << 17];
double a[64 * 64], b[64 * 64], c[64 * 64];
int ints[20000];

// hash: one multiplication a round, nothing else to do meanwhile.
EXPORT("hash") u64 hash(u32 n) {
  u64 h = 14695981039346656037ull;
  for (u32 i = 0; i < n; i++) h = (h ^ bytes[i]) * 1099511628211ull;
  return h;
}

// crc: a bitwise checksum, the inner loop unrolled by the compiler.
EXPORT("crc") u32 crc(u32 n) {
  u32 r = ~0u;
  for (u32 i = 0; i < n; i++) {
    r ^= bytes[i];
    for (int k = 0; k < 8; k++) r = r & 1 ? (r >> 1) ^ 0xEDB88320u : r >> 1;
  }
  return ~r;
}

// matmul: n x n doubles, n <= 64; strided loads.
EXPORT("matmul") double matmul(u32 n) {
  for (u32 i = 0; i < n * n; i++) a[i] = i, b[i] = n - i;
  for (u32 i = 0; i < n; i++)
    for (u32 j = 0; j < n; j++) {
      double s = 0;
      for (u32 k = 0; k < n; k++) s += a[i * n + k] * b[k * n + j];
      c[i * n + j] = s;
    }
  return c[n];
}

// sieve: the smallest loop there is, one store a round.
EXPORT("sieve") u32 sieve(u32 n) {
  u32 count = 0;
  for (u32 i = 0; i < n; i++) bytes[i] = 1;
  for (u32 i = 2; i < n; i++)
    if (bytes[i]) {
      count++;
      for (u32 j = i * 2; j < n; j += i) bytes[j] = 0;
    }
  return count;
}

// sort: shell sort, branches that cannot be predicted.
EXPORT("sort") int sort(u32 n) {
  u32 s = 12345;
  for (u32 i = 0; i < n; i++) ints[i] = (s = s * 1103515245 + 12345) >> 8;
  for (u32 g = n / 2; g > 0; g /= 2)
    for (u32 i = g; i < n; i++) {
      int t = ints[i];
      u32 j = i;
      for (; j >= g && ints[j - g] > t; j -= g) ints[j] = ints[j - g];
      ints[j] = t;
    }
  return ints[n / 2];
}

static const char text[] =
    "{\"a\":[1,2,3,{\"b\":\"hello world\\n\",\"c\":-12.5e3}],\"d\":true,\"e\":null,"
    "\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";
static const char *p;
static u32 tokens;

static void space(void) {
  while (*p == ' ' || *p == '\n' || *p == '\t') p++;
}

static void string(void) {
  for (p++; *p != '"'; p++)
    if (*p == '\\') p++;
  p++, tokens++;
}

static void value(void) {
  space();
  tokens++;
  switch (*p) {
  case '{':
    for (p++, space(); *p != '}'; space()) {
      string(), space(), p++, value(), space();
      if (*p == ',') p++;
    }
    p++;
    break;
  case '[':
    for (p++, space(); *p != ']'; space()) {
      value(), space();
      if (*p == ',') p++;
    }
    p++;
    break;
  case '"': string(); break;
  case 't':
  case 'n': p += 4; break;
  case 'f': p += 5; break;
  default:
    while ((*p >= '0' && *p <= '9') || *p == '-' || *p == '+' || *p == '.' || *p == 'e') p++;
  }
}

// parse: a recursive descent through JSON, n times.
EXPORT("parse") u32 parse(u32 n) {
  tokens = 0;
  for (u32 i = 0; i < n; i++) p = text, value();
  return tokens;
}

// fib: nothing but calls.
__attribute__((noinline)) EXPORT("fib") u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

// collatz: 64-bit arithmetic in a loop of unknown length.
EXPORT("collatz") u32 collatz(u32 n) {
  u32 most = 0;
  for (u32 i = 1; i < n; i++) {
    u32 steps = 0;
    for (u64 x = i; x != 1; steps++) x = x & 1 ? 3 * x + 1 : x / 2;
    if (steps > most) most = steps;
  }
  return most;
}
