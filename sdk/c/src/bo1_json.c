/* bo1_json.c: reading. One pass holds a message to the grammar, later ones only look. See bo1.h. */
#include "bo1_inner.h"

enum { MAX_DEPTH = 64 };

/* ---- grammar ---- */

static void space(struct bo1_scan *s) {
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')) s->p++;
}

static bool take(struct bo1_scan *s, char c) {
	space(s);
	if (s->p == s->end || *s->p != c) return false;
	s->p++;
	return true;
}

static bool digits(struct bo1_scan *s) {
	const char *start = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9') s->p++;
	return s->p > start;
}

static bool one(struct bo1_scan *s, char c) {
	if (s->p == s->end || *s->p != c) return false;
	s->p++;
	return true;
}

static bool number(struct bo1_scan *s) {
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

static bool escaped(struct bo1_scan *s) {
	if (s->p == s->end) return false;
	char c = *s->p++;
	if (c != 'u') return c == '"' || c == '\\' || c == '/' || c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't';
	for (int i = 0; i < 4; i++)
		if (s->p == s->end || hex_digit(*s->p++) < 0) return false;
	return true;
}

NOINLINE static bool quoted(struct bo1_scan *s) {
	if (!take(s, '"')) return false;
	for (;;) {
		s->p = until(s->p, s->end);
		if (s->p == s->end) return false;
		char c = *s->p++;
		if (c == '"') return true;
		if (c != '\\' || !escaped(s)) return false;
	}
}

static bool word(struct bo1_scan *s, const char *w, size_t n) {
	if ((size_t)(s->end - s->p) < n || !bo1_equal(s->p, w, n)) return false;
	s->p += n;
	return true;
}

NOINLINE static bool value(struct bo1_scan *s, int depth) {
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

bool bo1_message(const char *p, size_t n, struct bo1_json *v) {
	struct bo1_scan s = {p, p + n};
	space(&s);
	const char *start = s.p;
	if (s.p == s.end || *s.p != '{' || !value(&s, 0)) return false;
	*v = (struct bo1_json){start, (size_t)(s.p - start)};
	space(&s);
	return s.p == s.end;
}

/* pass skips one value of a text that value() has accepted, and returns it; null is absent. */
NOINLINE static struct bo1_json pass(struct bo1_scan *s) {
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

uint32_t bo1_rune(const char *p, const char *end, size_t *size) {
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
		if ((unsigned char)*p >= 0x80 && bo1_rune(p, end, &n) == 0xfffd && n == 1) return false;
		p += n;
	}
	return true;
}

NOINLINE bool bo1_text(struct bo1_json j, struct bo1_str *v) {
	if (!j.p || *j.p != '"') return false;
	const char *p = j.p + 1, *end = j.p + j.n - 1;
	if (plain(p, end)) {
		*v = (struct bo1_str){p, (size_t)(end - p)};
		return true;
	}
	uint64_t most = 3 * (uint64_t)(end - p); /* a byte that is no UTF-8 becomes three */
	char *dst = most <= UINT32_MAX ? bo1_room((size_t)most) : NULL;
	if (!dst) {
		bo1_starved = true;
		return false;
	}
	size_t n = 0;
	while (p < end) {
		uint32_t c;
		size_t size = 1;
		if (*p == '\\') size = 1 + escape(p + 1, end, &c);
		else c = bo1_rune(p, end, &size);
		p += size;
		n += put_rune(dst + n, c);
	}
	bo1_arena = (uintptr_t)(dst + n);
	*v = (struct bo1_str){dst, n};
	return true;
}

/* field takes one field off an object that pass() or value() has seen; s is behind '{' or ','. */
NOINLINE bool bo1_field(struct bo1_scan *s, struct bo1_str *name, struct bo1_json *v) {
	space(s);
	if (s->p == s->end || *s->p != '"') return false;
	if (!bo1_text(pass(s), name)) return false;
	take(s, ':');
	*v = pass(s);
	take(s, ',');
	return true;
}

struct bo1_scan bo1_inside(struct bo1_json j) { return (struct bo1_scan){j.p + 1, j.p + j.n - 1}; }

struct bo1_json bo1_get(struct bo1_json object, const char *name) {
	struct bo1_json found = {NULL, 0}, v;
	if (!object.p || *object.p != '{') return found;
	struct bo1_scan s = bo1_inside(object);
	struct bo1_str n;
	while (bo1_field(&s, &n, &v))
		if (bo1_same(n, name)) found = v;
	return found;
}

bool bo1_next(struct bo1_json *array, struct bo1_json *item) {
	if (!array->p || array->n < 2 || (*array->p != '[' && *array->p != ',')) return false;
	struct bo1_scan s = bo1_inside(*array); /* behind '[' or, later, behind the last item's ',' */
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

NOINLINE bool bo1_uint(struct bo1_json j, uint64_t *v) {
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
