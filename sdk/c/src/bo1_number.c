/* bo1_number.c: decimal and binary numbers, exact integers and one rounding. See bo1.h. */
#include "bo1_inner.h"

/* ---- integers of up to 1536 bits ---- */

enum { WORDS = 48, DIGITS = 40 };

struct big {
	uint32_t w[WORDS]; /* the least first */
	int n;             /* words in use; 0 is zero */
};

NOINLINE static void times(struct big *b, uint32_t m, uint32_t plus) {
	uint64_t carry = plus;
	for (int i = 0; i < b->n; i++, carry >>= 32) {
		carry += (uint64_t)b->w[i] * m;
		b->w[i] = (uint32_t)carry;
	}
	if (carry) b->w[b->n++] = (uint32_t)carry;
}

/* over divides and returns whether something was left. */
NOINLINE static bool over(struct big *b, uint32_t d) {
	uint64_t rest = 0;
	for (int i = b->n - 1; i >= 0; i--) {
		rest = rest << 32 | b->w[i];
		b->w[i] = (uint32_t)(rest / d);
		rest %= d;
	}
	while (b->n && !b->w[b->n - 1]) b->n--;
	return rest != 0;
}

static uint32_t power10(int e) {
	uint32_t v = 1;
	while (e-- > 0) v *= 10;
	return v;
}

NOINLINE static void times10(struct big *b, int e) {
	for (; e > 0; e -= 9) times(b, power10(e < 9 ? e : 9), 0);
}

NOINLINE static bool over10(struct big *b, int e) {
	bool rest = false;
	for (; e > 0; e -= 9) rest |= over(b, power10(e < 9 ? e : 9));
	return rest;
}

NOINLINE static void left(struct big *b, int bits) {
	int words = bits / 32;
	for (int i = b->n - 1; i >= 0; i--) b->w[i + words] = b->w[i];
	for (int i = 0; i < words; i++) b->w[i] = 0;
	b->n += words;
	times(b, 1u << bits % 32, 0);
}

static int bits(const struct big *b) { return b->n ? 32 * b->n - __builtin_clz(b->w[b->n - 1]) : 0; }

static bool bit(const struct big *b, int i) { return i >= 0 && i < 32 * b->n && (b->w[i / 32] >> i % 32 & 1); }

/* high returns b >> shift, which fits 64 bits, and whether a bit was lost. */
NOINLINE static uint64_t high(const struct big *b, int shift, bool *lost) {
	uint64_t v = 0;
	for (int i = 63; i >= 0; i--) v = v << 1 | bit(b, shift + i);
	for (int i = 0; i < shift && !*lost; i++) *lost = bit(b, i);
	return v;
}

/* nearest rounds b·2^x, of which rest says whether something smaller follows, to a double > 0. */
NOINLINE static bool nearest(const struct big *b, int x, bool rest, double *v) {
	int top = bits(b) - 1 + x; /* the exponent of the highest bit */
	int keep = top >= -1022 ? 53 : 53 + 1022 + top;
	if (top > 1023) return false;
	if (keep < 0) {
		*v = 0;
		return true;
	}
	uint64_t twice = high(b, bits(b) - keep - 1, &rest); /* the kept bits and the one behind */
	uint64_t m = twice >> 1;
	m += (twice & 1) && (rest || (m & 1));
	uint64_t image = top >= -1022 ? ((uint64_t)(top + 1022) << 52) + m : m;
	if (image >= (uint64_t)0x7ff << 52) return false;
	__builtin_memcpy(v, &image, 8);
	return true;
}

NOINLINE static bool slow_number(struct big *b, int exp, int count, double *v) {
	if (exp + count > 310) return false;
	*v = 0;
	if (exp + count < -330) return true;
	if (exp >= 0) {
		times10(b, exp);
		return nearest(b, 0, false, v);
	}
	int shift = (-exp * 10 / 3 + 128) / 32 * 32;
	left(b, shift);
	bool rest = over10(b, -exp);
	return nearest(b, -shift, rest, v);
}

static const double exact10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

NOINLINE bool bo1_number(struct bo1_json j, double *v) {
	if (!j.n || (*j.p != '-' && (*j.p < '0' || *j.p > '9'))) return false;
	struct big b = {.n = 0};
	bool minus = *j.p == '-', point = false, more = false;
	uint64_t m = 0;
	int count = 0, exp = 0;
	size_t i = minus;
	for (; i < j.n && j.p[i] != 'e' && j.p[i] != 'E'; i++) {
		if (j.p[i] == '.') {
			point = true;
			continue;
		}
		uint32_t d = (uint32_t)(j.p[i] - '0');
		exp -= point;
		if (!count && !d) continue;
		if (count == DIGITS) {
			more |= d != 0;
			exp++;
			continue;
		}
		if (count < 19) m = 10 * m + d;
		if (!b.n) b.w[b.n++] = 0;
		times(&b, 10, d);
		count++;
	}
	int e = 0;
	bool down = i + 1 < j.n && j.p[i + 1] == '-';
	for (i++; i < j.n; i++)
		if (j.p[i] >= '0' && j.p[i] <= '9' && e < 100000000) e = 10 * e + (j.p[i] - '0');
	exp += down ? -e : e;
	if (more) { /* something follows: more than the digits, less than one more in the last */
		times(&b, 10, 1);
		exp--;
		count++;
	}
	double u = 0;
	if (count && count <= 19 && m < (uint64_t)1 << 53 && exp >= -22 && exp <= 22)
		u = exp < 0 ? (double)m / exact10[-exp] : (double)m * exact10[exp];
	else if (count && !slow_number(&b, exp, count, &u)) return false;
	*v = minus ? -u : u;
	return true;
}

/* ---- writing ---- */

/* text holds a number in the making; the longest is 26 bytes. */
struct text {
	char b[40];
	size_t n;
};

NOINLINE static void add(struct text *to, const char *p, size_t n) {
	for (size_t i = 0; i < n; i++) to->b[to->n++] = p[i];
}

NOINLINE static void add_digits(struct text *to, uint64_t v) {
	char d[20];
	size_t i = sizeof d;
	do d[--i] = (char)('0' + v % 10);
	while (v /= 10);
	add(to, d + i, sizeof d - i);
}

NOINLINE static void add_int(struct text *to, int v) {
	if (v < 0) add(to, "-", 1);
	add_digits(to, (uint64_t)(v < 0 ? -v : v));
}

/* scaled returns m·2^x·10^s, which is less than 2^63, rounded to even. */
NOINLINE static uint64_t scaled(uint64_t m, int x, int s) {
	struct big b = {{(uint32_t)m, (uint32_t)(m >> 32)}, 2};
	bool rest = false;
	if (!b.w[1]) b.n = 1;
	times10(&b, s);
	left(&b, x > 0 ? x + 1 : 1); /* one bit more than asked for, to round by */
	if (s < 0) rest = over10(&b, -s);
	uint64_t twice = high(&b, x < 0 ? -x : 0, &rest);
	uint64_t n = twice >> 1;
	return n + ((twice & 1) && (rest || (n & 1)));
}

/* shortest finds the fewest of 15 to 17 digits that read back as v; *k is the first one's power. */
static uint64_t shortest(double v, int *k) {
	uint64_t image, m;
	__builtin_memcpy(&image, &v, 8);
	m = image & (((uint64_t)1 << 52) - 1);
	int x = (int)(image >> 52);
	if (x) m |= (uint64_t)1 << 52;
	else x = 1;
	x -= 1075;
	int top = 63 - __builtin_clzll(m) + x;
	int guess = top * 78913 >> 18; /* the power of 10 in 2^top: that in v, or one less */
	uint64_t n = 0;
	for (int p = 15; p <= 17; p++) {
		uint64_t end = 1;
		for (int i = 0; i < p; i++) end *= 10;
		*k = guess;
		n = scaled(m, x, p - 1 - *k);
		if (n >= end) n = scaled(m, x, p - 1 - ++*k);
		struct text text = {.n = 0};
		add_digits(&text, n);
		add(&text, "e", 1);
		add_int(&text, *k + 1 - p);
		double back;
		if (bo1_number((struct bo1_json){text.b, text.n}, &back) && back == v) break;
	}
	return n;
}

/* spell adds v > 0 in JSON's grammar: without an exponent where that is short. */
static void spell(struct text *to, double v) {
	int k;
	uint64_t n = shortest(v, &k);
	while (n % 10 == 0) n /= 10;
	struct text d = {.n = 0};
	add_digits(&d, n);
	if (k < -5 || k > 20) {
		add(to, d.b, 1);
		if (d.n > 1) add(to, ".", 1), add(to, d.b + 1, d.n - 1);
		add(to, "e", 1);
		add_int(to, k);
	} else if (k < 0) {
		add(to, "0.0000", (size_t)(1 - k));
		add(to, d.b, d.n);
	} else {
		size_t whole = (size_t)k + 1;
		add(to, d.b, d.n < whole ? d.n : whole);
		add(to, "00000000000000000000", d.n < whole ? whole - d.n : 0);
		if (d.n > whole) add(to, ".", 1), add(to, d.b + whole, d.n - whole);
	}
}

void bo1_put_number(struct bo1_out *out, double v) {
	if (!(v - v == 0)) {
		bo1_fail(out, "internal", "number: not finite, which JSON cannot say", false);
		return;
	}
	struct text text = {.n = 0};
	if (__builtin_signbit(v)) add(&text, "-", 1);
	if (v == 0) add(&text, "0", 1);
	else spell(&text, v < 0 ? -v : v);
	bo1_put_json(out, (struct bo1_json){text.b, text.n});
}
