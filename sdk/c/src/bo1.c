/* bo1.c: the plugin's side of the ABI bo1. See bo1.h. */
#include "bo1.h"

/* What is long or seldom is there once: the whole is a third smaller and as quick. */
#define NOINLINE __attribute__((noinline)) static

enum { MAX_DEPTH = 64, PAGE = 65536 };

/* ---- arena: from the end of the static data to the end of the memory ---- */

extern unsigned char __heap_base; /* wasm-ld's */

static uintptr_t arena; /* the first free byte */
static bool starved;    /* something could not be read for want of room */

static uintptr_t heap_start(void) { return ((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7; }

/* reach makes the memory end at or behind end. */
static bool reach(uint64_t end) {
	uint64_t size = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
	if (end <= size) return true;
	uint64_t more = (end - size + PAGE - 1) / PAGE;
	return more <= PAGE && __builtin_wasm_memory_grow(0, (size_t)more) != (size_t)-1;
}

__attribute__((noinline)) void *bo1_room(size_t n) {
	uint64_t start = ((uint64_t)arena + 7) & ~(uint64_t)7;
	if (!reach(start + n)) return NULL;
	arena = (uintptr_t)(start + n);
	return (void *)(uintptr_t)start;
}

/* ---- strings ---- */

static size_t length(const char *s) {
	size_t n = 0;
	while (s[n]) n++;
	return n;
}

static bool equal(const char *a, const char *b, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i]) return false;
	return true;
}

struct bo1_str bo1_lit(const char *s) { return (struct bo1_str){s, length(s)}; }

__attribute__((noinline)) bool bo1_same(struct bo1_str a, const char *b) {
	return a.p && a.n == length(b) && equal(a.p, b, a.n);
}

size_t bo1_characters(struct bo1_str s) {
	size_t count = 0;
	for (size_t i = 0; i < s.n; i++) count += (s.p[i] & 0xc0) != 0x80;
	return count;
}

struct bo1_str bo1_join(const struct bo1_str *parts, size_t n) {
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) sum += parts[i].n;
	char *p = sum <= UINT32_MAX ? bo1_room((size_t)sum) : NULL;
	if (!p) return (struct bo1_str){NULL, 0};
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		__builtin_memcpy(p + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return (struct bo1_str){p, at};
}

static int sextet(char c) {
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t bo1_base64(struct bo1_str s, uint8_t *dst, size_t room) {
	if (s.n % 4) return SIZE_MAX;
	size_t pad = s.n && s.p[s.n - 1] == '=' ? 1 + (s.p[s.n - 2] == '=') : 0;
	if (s.n / 4 * 3 - pad > room) return SIZE_MAX;
	size_t at = 0;
	uint32_t bits = 0;
	for (size_t i = 0; i < s.n; i++) {
		int v = i < s.n - pad ? sextet(s.p[i]) : 0;
		if (v < 0) return SIZE_MAX;
		bits = bits << 6 | (uint32_t)v;
		if (i % 4 != 3) continue;
		for (int shift = 16; shift >= 0 && at < s.n / 4 * 3 - pad; shift -= 8) dst[at++] = (uint8_t)(bits >> shift);
		bits = 0;
	}
	return at;
}

/* ---- grammar: one pass over a message that leaves nothing to check ---- */

struct scan {
	const char *p, *end;
};

static void space(struct scan *s) {
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')) s->p++;
}

static bool take(struct scan *s, char c) {
	space(s);
	if (s->p == s->end || *s->p != c) return false;
	s->p++;
	return true;
}

static bool digits(struct scan *s) {
	const char *start = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9') s->p++;
	return s->p > start;
}

static bool one(struct scan *s, char c) {
	if (s->p == s->end || *s->p != c) return false;
	s->p++;
	return true;
}

static bool number(struct scan *s) {
	one(s, '-');
	if (!one(s, '0') && !digits(s)) return false;
	if (one(s, '.') && !digits(s)) return false;
	if (!one(s, 'e') && !one(s, 'E')) return true;
	(void)(one(s, '+') || one(s, '-'));
	return digits(s);
}

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* each is a byte eight times. */
static uint64_t each(unsigned char c) { return 0x0101010101010101u * c; }

/* below has a high bit set if, and then at the first such byte, x has a byte less than c <= 128. */
static uint64_t below(uint64_t x, unsigned char c) { return (x - each(c)) & ~x & each(0x80); }

/* until returns the first quote, backslash or control character at or behind p: eight bytes at a
 * time, because fuel is paid by the instruction. */
static const char *until(const char *p, const char *end) {
	if (p < end && (*p == '\\' || *p == '"')) return p;
	for (uint64_t x; end - p >= 8; p += 8) {
		__builtin_memcpy(&x, p, 8);
		if (below(x, ' ') | below(x ^ each('"'), 1) | below(x ^ each('\\'), 1)) break;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ') p++;
	return p;
}

static bool escaped(struct scan *s) {
	if (s->p == s->end) return false;
	char c = *s->p++;
	if (c != 'u') return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't';
	for (int i = 0; i < 4; i++)
		if (s->p == s->end || hex_digit(*s->p++) < 0) return false;
	return true;
}

NOINLINE bool quoted(struct scan *s) {
	if (!take(s, '"')) return false;
	for (;;) {
		s->p = until(s->p, s->end);
		if (s->p == s->end) return false;
		char c = *s->p++;
		if (c == '"') return true;
		if (c != '\\' || !escaped(s)) return false;
	}
}

static bool word(struct scan *s, const char *w, size_t n) {
	if ((size_t)(s->end - s->p) < n || !equal(s->p, w, n)) return false;
	s->p += n;
	return true;
}

NOINLINE bool value(struct scan *s, int depth) {
	space(s);
	if (s->p == s->end) return false;
	char c = *s->p;
	if (c == '"') return quoted(s);
	if (c == 't') return word(s, "true", 4);
	if (c == 'f') return word(s, "false", 5);
	if (c == 'n') return word(s, "null", 4);
	if (c != '{' && c != '[') return number(s);
	if (depth == MAX_DEPTH) return false;
	char end = c == '{' ? '}' : ']';
	s->p++;
	if (take(s, end)) return true;
	do {
		if (c == '{' && (!quoted(s) || !take(s, ':'))) return false;
		if (!value(s, depth + 1)) return false;
	} while (take(s, ','));
	return take(s, end);
}

/* pass skips one value of a text that value() has accepted, and returns it; null is absent. */
NOINLINE struct bo1_json pass(struct scan *s) {
	space(s);
	const char *start = s->p, *p = start, *end = s->end;
	int open = 0;
	while (p < end) {
		char c = *p;
		if (c == '"') {
			for (p = until(p + 1, end); *p != '"'; p = until(p, end)) p += p[1] == 'u' ? 6 : 2;
		} else if (c == '{' || c == '[') {
			open++;
		} else if (c == '}' || c == ']') {
			if (open == 0) break; /* of what the value stands in */
			open--;
		} else if (open || (c != ',' && c != ' ' && c != '\n' && c != '\t' && c != '\r')) {
			p++;
			continue;
		} else break;
		p++;
		if (open == 0) break;
	}
	s->p = p;
	if (p == start || *start == 'n') return (struct bo1_json){NULL, 0};
	return (struct bo1_json){start, (size_t)(p - start)};
}

/* ---- reading ---- */

/* rune decodes one character as UTF-8; what is none is one byte and U+FFFD. */
static uint32_t rune(const char *p, const char *end, size_t *size) {
	const unsigned char *b = (const unsigned char *)p;
	size_t left = (size_t)(end - p);
	uint32_t c = b[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	*size = 1;
	if (n == 1) return c;
	if (n == 0 || left < n) return 0xfffd;
	c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80) return 0xfffd;
		c = c << 6 | (b[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (n == 4 && (c < 0x10000 || c > 0x10ffff))) return 0xfffd;
	*size = n;
	return c;
}

static size_t put_rune(char *p, uint32_t c) {
	if (c < 0x80) {
		p[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6) p[i] = (char)(0x80 | (c & 0x3f));
	p[0] = (char)(0xf00u >> n | c);
	return n;
}

static uint32_t hex4(const char *p) {
	uint32_t v = 0;
	for (int i = 0; i < 4; i++) v = v << 4 | (uint32_t)hex_digit(p[i]);
	return v;
}

/* escape decodes what follows a backslash at p and returns how many bytes that was. */
static size_t escape(const char *p, const char *end, uint32_t *c) {
	switch (*p) {
	case 'b': *c = '\b'; return 1;
	case 'f': *c = '\f'; return 1;
	case 'n': *c = '\n'; return 1;
	case 'r': *c = '\r'; return 1;
	case 't': *c = '\t'; return 1;
	case 'u': break;
	default: *c = (unsigned char)*p; return 1;
	}
	uint32_t v = hex4(p + 1);
	*c = v >= 0xd800 && v < 0xe000 ? 0xfffd : v;
	if (v < 0xd800 || v >= 0xdc00 || end - p < 11 || p[5] != '\\' || p[6] != 'u') return 5;
	uint32_t low = hex4(p + 7);
	if (low < 0xdc00 || low >= 0xe000) return 5;
	*c = 0x10000 + ((v - 0xd800) << 10 | (low - 0xdc00));
	return 11;
}

/* plain says whether the bytes mean themselves: no escape, nothing that is no UTF-8. */
static bool plain(const char *p, const char *end) {
	while (p < end) {
		if (*p == '\\') return false;
		size_t n = 1;
		if ((unsigned char)*p >= 0x80 && rune(p, end, &n) == 0xfffd && n == 1) return false;
		p += n;
	}
	return true;
}

__attribute__((noinline)) bool bo1_text(struct bo1_json j, struct bo1_str *v) {
	if (!j.p || *j.p != '"') return false;
	const char *p = j.p + 1, *end = j.p + j.n - 1;
	if (plain(p, end)) {
		*v = (struct bo1_str){p, (size_t)(end - p)};
		return true;
	}
	uint64_t most = 3 * (uint64_t)(end - p); /* a byte that is no UTF-8 becomes three */
	char *dst = most <= UINT32_MAX ? bo1_room((size_t)most) : NULL;
	if (!dst) {
		starved = true;
		return false;
	}
	size_t n = 0;
	while (p < end) {
		uint32_t c;
		size_t size = 1;
		if (*p == '\\') size = 1 + escape(p + 1, end, &c);
		else c = rune(p, end, &size);
		p += size;
		n += put_rune(dst + n, c);
	}
	arena = (uintptr_t)(dst + n);
	*v = (struct bo1_str){dst, n};
	return true;
}

/* field takes one field off an object that pass() or value() has seen; s is behind '{' or ','. */
NOINLINE bool field(struct scan *s, struct bo1_str *name, struct bo1_json *v) {
	space(s);
	if (s->p == s->end || *s->p != '"') return false;
	if (!bo1_text(pass(s), name)) return false;
	take(s, ':');
	*v = pass(s);
	take(s, ',');
	return true;
}

static struct scan inside(struct bo1_json j) { return (struct scan){j.p + 1, j.p + j.n - 1}; }

struct bo1_json bo1_get(struct bo1_json object, const char *name) {
	struct bo1_json found = {NULL, 0}, v;
	if (!object.p || *object.p != '{') return found;
	struct scan s = inside(object);
	struct bo1_str n;
	while (field(&s, &n, &v))
		if (bo1_same(n, name)) found = v;
	return found;
}

bool bo1_next(struct bo1_json *array, struct bo1_json *item) {
	if (!array->p || array->n < 2 || (*array->p != '[' && *array->p != ',')) return false;
	struct scan s = inside(*array); /* behind '[' or, later, behind the last item's ',' */
	space(&s);
	if (s.p == s.end) return false;
	*item = pass(&s);
	space(&s);
	size_t used = (size_t)(s.p - array->p); /* at ',' or ']' */
	*array = (struct bo1_json){array->p + used, array->n - used};
	return true;
}

bool bo1_bool(struct bo1_json j, bool *v) {
	if (!j.p || (*j.p != 't' && *j.p != 'f')) return false;
	*v = *j.p == 't';
	return true;
}

__attribute__((noinline)) bool bo1_uint(struct bo1_json j, uint64_t *v) {
	uint64_t sum = 0;
	for (size_t i = 0; i < j.n; i++) {
		if (j.p[i] < '0' || j.p[i] > '9') return false;
		uint64_t d = (uint64_t)(j.p[i] - '0');
		if (sum > (UINT64_MAX - d) / 10) return false;
		sum = 10 * sum + d;
	}
	if (!j.n) return false;
	*v = sum;
	return true;
}

bool bo1_int(struct bo1_json j, int64_t *v) {
	bool minus = j.n > 1 && *j.p == '-';
	uint64_t u;
	if (!bo1_uint((struct bo1_json){j.p + minus, j.n - minus}, &u)) return false;
	if (u > (uint64_t)INT64_MAX + minus) return false;
	*v = minus ? (int64_t)(0 - u) : (int64_t)u;
	return true;
}

/* ---- numbers: exact integers of up to 1536 bits, then one rounding ---- */

enum { WORDS = 48, DIGITS = 40, E9 = 1000000000 };

struct big {
	uint32_t w[WORDS]; /* the least first */
	int n;             /* words in use; 0 is zero */
};

NOINLINE void times(struct big *b, uint32_t m, uint32_t plus) {
	uint64_t carry = plus;
	for (int i = 0; i < b->n; i++, carry >>= 32) {
		carry += (uint64_t)b->w[i] * m;
		b->w[i] = (uint32_t)carry;
	}
	if (carry) b->w[b->n++] = (uint32_t)carry;
}

/* over divides and returns whether something was left. */
NOINLINE bool over(struct big *b, uint32_t d) {
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

NOINLINE void times10(struct big *b, int e) {
	for (; e > 0; e -= 9) times(b, power10(e < 9 ? e : 9), 0);
}

NOINLINE bool over10(struct big *b, int e) {
	bool rest = false;
	for (; e > 0; e -= 9) rest |= over(b, power10(e < 9 ? e : 9));
	return rest;
}

NOINLINE void left(struct big *b, int bits) {
	int words = bits / 32;
	for (int i = b->n - 1; i >= 0; i--) b->w[i + words] = b->w[i];
	for (int i = 0; i < words; i++) b->w[i] = 0;
	b->n += words;
	times(b, 1u << bits % 32, 0);
}

static int bits(const struct big *b) { return b->n ? 32 * b->n - __builtin_clz(b->w[b->n - 1]) : 0; }

static bool bit(const struct big *b, int i) { return i >= 0 && i < 32 * b->n && (b->w[i / 32] >> i % 32 & 1); }

/* high returns b >> shift, which fits 64 bits, and whether a bit was lost. */
NOINLINE uint64_t high(const struct big *b, int shift, bool *lost) {
	uint64_t v = 0;
	for (int i = 63; i >= 0; i--) v = v << 1 | bit(b, shift + i);
	for (int i = 0; i < shift && !*lost; i++) *lost = bit(b, i);
	return v;
}

/* nearest rounds b·2^x, of which rest says whether something smaller follows, to a double > 0. */
NOINLINE bool nearest(const struct big *b, int x, bool rest, double *v) {
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

NOINLINE bool slow_number(struct big *b, int exp, int count, double *v) {
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

__attribute__((noinline)) bool bo1_number(struct bo1_json j, double *v) {
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

NOINLINE void put(struct bo1_out *out, const char *p, size_t n) {
	if (out->full || out->failed) return;
	if (n > out->room - out->n) {
		uint64_t want = 2 * ((uint64_t)out->n + n) + 256;
		if ((uintptr_t)(out->p + out->room) == arena) { /* nothing behind: longer where it is */
			if (want <= UINT32_MAX && reach((uint64_t)(uintptr_t)out->p + want)) {
				out->room = (size_t)want;
				arena = (uintptr_t)(out->p + want);
			} else out->full = true;
		} else {
			char *to = want <= UINT32_MAX ? bo1_room((size_t)want) : NULL;
			if (to) {
				__builtin_memcpy(to, out->p, out->n);
				out->p = to;
				out->room = (size_t)want;
			} else out->full = true;
		}
		if (out->full) return;
	}
	__builtin_memcpy(out->p + out->n, p, n);
	out->n += n;
}

NOINLINE void put_value(struct bo1_out *out, const char *p, size_t n) {
	if (out->comma) put(out, ",", 1);
	put(out, p, n);
	out->comma = true;
}

void bo1_open(struct bo1_out *out, char bracket) {
	put_value(out, &bracket, 1);
	out->comma = false;
}

void bo1_close(struct bo1_out *out, char bracket) {
	put(out, &bracket, 1);
	out->comma = true;
}

void bo1_key(struct bo1_out *out, const char *name) {
	put_value(out, "\"", 1);
	put(out, name, length(name));
	put(out, "\":", 2);
	out->comma = false;
}

__attribute__((noinline)) void bo1_put_text(struct bo1_out *out, struct bo1_str s) {
	put_value(out, "\"", 1);
	const char *p = s.p, *end = s.p + s.n, *start = p;
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		size_t n = 1;
		bool bad = c >= 0x80 && rune(p, end, &n) == 0xfffd && n == 1;
		if (c >= ' ' && c != '"' && c != '\\' && !bad) {
			p += n;
			continue;
		}
		put(out, start, (size_t)(p - start));
		char escaped[] = "\\u00xx";
		escaped[4] = "0123456789abcdef"[c >> 4 & 15];
		escaped[5] = "0123456789abcdef"[c & 15];
		if (bad) put(out, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\') put(out, (char[]){'\\', (char)c}, 2);
		else if (c == '\n') put(out, "\\n", 2);
		else if (c == '\t') put(out, "\\t", 2);
		else put(out, escaped, 6);
		start = ++p;
	}
	put(out, start, (size_t)(p - start));
	put(out, "\"", 1);
}

NOINLINE size_t decimal(char *end, uint64_t v) {
	size_t n = 0;
	do end[-(ptrdiff_t)++n] = (char)('0' + v % 10);
	while (v /= 10);
	return n;
}

void bo1_put_uint(struct bo1_out *out, uint64_t v) {
	char b[20];
	size_t n = decimal(b + 20, v);
	put_value(out, b + 20 - n, n);
}

__attribute__((noinline)) void bo1_put_int(struct bo1_out *out, int64_t v) {
	char b[21];
	size_t n = decimal(b + 21, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	if (v < 0) b[20 - n] = '-', n++;
	put_value(out, b + 21 - n, n);
}

/* scaled returns m·2^x·10^s, which is less than 2^63, rounded to even. */
NOINLINE uint64_t scaled(uint64_t m, int x, int s) {
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
		char b[40];
		size_t d = decimal(b + 20, n);
		struct bo1_out text = {.p = b + 20, .room = 20};
		put(&text, "e", 1);
		bo1_put_int(&text, *k + 1 - p);
		double back;
		if (bo1_number((struct bo1_json){b + 20 - d, d + text.n}, &back) && back == v) break;
	}
	return n;
}

void bo1_put_number(struct bo1_out *out, double v) {
	if (!(v - v == 0)) {
		bo1_fail(out, "internal", "number: not finite, which JSON cannot say", false);
		return;
	}
	char b[64];
	struct bo1_out text = {.p = b, .room = sizeof b};
	if (__builtin_signbit(v)) put(&text, "-", 1);
	if (v == 0) put(&text, "0", 1);
	else {
		int k;
		uint64_t n = shortest(v < 0 ? -v : v, &k);
		while (n % 10 == 0) n /= 10;
		char d[20];
		size_t count = decimal(d + 20, n);
		const char *first = d + 20 - count;
		if (k < -5 || k > 20) {
			put(&text, first, 1);
			if (count > 1) put(&text, ".", 1), put(&text, first + 1, count - 1);
			put(&text, "e", 1);
			bo1_put_int(&text, k);
		} else if (k < 0) {
			put(&text, "0.0000", (size_t)(1 - k));
			put(&text, first, count);
		} else {
			size_t whole = (size_t)k + 1;
			put(&text, first, count < whole ? count : whole);
			put(&text, "00000000000000000000", count < whole ? whole - count : 0);
			if (count > whole) put(&text, ".", 1), put(&text, first + whole, count - whole);
		}
	}
	put_value(out, text.p, text.n);
}

void bo1_put_bool(struct bo1_out *out, bool v) { put_value(out, v ? "true" : "false", v ? 4 : 5); }

void bo1_put_json(struct bo1_out *out, struct bo1_json j) {
	if (j.p) put_value(out, j.p, j.n);
	else put_value(out, "null", 4);
}

void bo1_content(struct bo1_out *out, struct bo1_str text) {
	bo1_key(out, "content");
	bo1_open(out, '[');
	bo1_open(out, '{');
	bo1_key(out, "type");
	bo1_put_text(out, bo1_lit("text"));
	bo1_key(out, "text");
	bo1_put_text(out, text);
	bo1_close(out, '}');
	bo1_close(out, ']');
}

void bo1_fail(struct bo1_out *out, const char *code, const char *message, bool retry) {
	if (out->failed) return; /* the first fault is the cause */
	out->n = 0;
	out->full = out->comma = false;
	put(out, "\1", 1);
	bo1_open(out, '{');
	bo1_key(out, "code");
	bo1_put_text(out, bo1_lit(code));
	bo1_key(out, "message");
	bo1_put_text(out, bo1_lit(message));
	if (retry) {
		bo1_key(out, "retry");
		bo1_put_bool(out, true);
	}
	bo1_close(out, '}');
	out->failed = true;
}

/* ---- operations ---- */

static bool opt_text(struct bo1_json j, struct bo1_str *v) { return !j.p || bo1_text(j, v); }
static bool opt_int(struct bo1_json j, int64_t *v) { return !j.p || bo1_int(j, v); }
static bool opt_uint(struct bo1_json j, uint64_t *v) { return !j.p || bo1_uint(j, v); }
static bool is(struct bo1_json j, char c) { return !j.p || *j.p == c; }

static const char *act(struct bo1_json in, struct bo1_out *out) {
	struct bo1_act m = {.arguments = {"{}", 2}};
	struct scan s = inside(in);
	struct bo1_str name;
	struct bo1_json v;
	while (field(&s, &name, &v)) {
		if (bo1_same(name, "action")) {
			if (!opt_text(v, &m.action)) return "action: want a string";
		} else if (bo1_same(name, "arguments")) {
			m.arguments = v.p ? v : (struct bo1_json){"{}", 2};
			if (!is(v, '{')) return "arguments: want an object";
		} else if (bo1_same(name, "session")) {
			if (!opt_text(v, &m.session)) return "session: want a string";
		} else if (bo1_same(name, "time_ns")) {
			if (!opt_int(v, &m.time_ns)) return "time_ns: want an integer in -2^63…2^63-1";
		} else if (bo1_same(name, "seed")) {
			if (!opt_uint(v, &m.seed)) return "seed: want an integer in 0…2^64-1";
		} else if (bo1_same(name, "state")) {
			m.state = v;
			if (!is(v, '{')) return "state: want an object";
		} else if (bo1_same(name, "context")) {
			m.context = v;
		}
	}
	bo1_plugin.act(&m, out);
	return NULL;
}

static const char *observe(struct bo1_json in, struct bo1_out *out) {
	struct bo1_observe m = {bo1_get(in, "records")};
	if (!is(m.records, '[')) return "records: want an array";
	bo1_plugin.observe(&m, out);
	return NULL;
}

static const char *sense(struct bo1_json in, struct bo1_out *out) {
	struct bo1_sense m = {.time_ns = 0};
	struct { const char *name; struct bo1_str *v; } texts[] = {{"channel", &m.channel}, {"mimeType", &m.mime_type}, {"text", &m.text}, {"data", &m.data}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!opt_text(bo1_get(in, texts[i].name), texts[i].v)) return "channel, mimeType, text, data: want strings";
	if (!opt_int(bo1_get(in, "time_ns"), &m.time_ns)) return "time_ns: want an integer in -2^63…2^63-1";
	if (!opt_uint(bo1_get(in, "seed"), &m.seed)) return "seed: want an integer in 0…2^64-1";
	bo1_plugin.sense(&m, out);
	return NULL;
}

static void perform(uint32_t op, const char *p, size_t n, struct bo1_out *out) {
	if (op == 0) {
		put(out, bo1_plugin.description, length(bo1_plugin.description));
		return;
	}
	if (!(op == 1 && bo1_plugin.act) && !(op == 2 && bo1_plugin.observe) && !(op == 3 && bo1_plugin.sense)) {
		bo1_fail(out, "unsupported", "operation: the plugin does not know it", false);
		return;
	}
	struct scan s = {p, p + n};
	space(&s);
	const char *start = s.p;
	bool object = s.p < s.end && *s.p == '{' && value(&s, 0);
	struct bo1_json in = {start, (size_t)(s.p - start)};
	space(&s);
	if (!object || s.p != s.end) {
		bo1_fail(out, "invalid", "message: want one JSON object, nested at most 64 deep", false);
		return;
	}
	const char *fault = op == 1 ? act(in, out) : op == 2 ? observe(in, out) : sense(in, out);
	if (fault) bo1_fail(out, "invalid", fault, false);
}

__attribute__((export_name("bo1_alloc"))) void *bo1_alloc(size_t n) {
	arena = heap_start();
	void *p = bo1_room(n);
	return p ? p : (void *)-1; /* outside: the host says so */
}

__attribute__((export_name("bo1_call"))) uint64_t bo1_call(uint32_t op, const char *p, size_t n) {
	if (n == 0) arena = heap_start();
	starved = false;
	struct bo1_out out = {.n = 0};
	put(&out, "", 1); /* status 0 */
	perform(op, p, n, &out);
	if (out.full || starved) { /* static, because there may be no byte left */
		static const char none[] = "\1{\"code\":\"internal\",\"message\":\"answer: no memory left for it\"}";
		return (uint64_t)(uintptr_t)none << 32 | (sizeof none - 1);
	}
	return (uint64_t)(uintptr_t)out.p << 32 | out.n;
}
