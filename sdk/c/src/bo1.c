/* bo1.c: the plugin's side of the ABI bo1. See bo1.h. */
#include "bo1_inner.h"

enum { PAGE = 65536 };

/* ---- arena: from the end of the static data to the end of the memory ---- */

extern unsigned char __heap_base; /* wasm-ld's */

uintptr_t bo1_arena; /* the first free byte */
bool bo1_starved;    /* something could not be read for want of room */

static uintptr_t heap_start(void) { return ((uintptr_t)&__heap_base + 7) & ~(uintptr_t)7; }

bool bo1_reach(uint64_t end) {
	uint64_t size = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
	if (end <= size) return true;
	uint64_t more = (end - size + PAGE - 1) / PAGE;
	return more <= PAGE && __builtin_wasm_memory_grow(0, (size_t)more) != (size_t)-1;
}

NOINLINE void *bo1_room(size_t n) {
	uint64_t start = ((uint64_t)bo1_arena + 7) & ~(uint64_t)7;
	if (!bo1_reach(start + n)) return NULL;
	bo1_arena = (uintptr_t)(start + n);
	return (void *)(uintptr_t)start;
}

/* ---- strings ---- */

struct bo1_str bo1_lit(const char *s) { return (struct bo1_str){s, bo1_length(s)}; }

NOINLINE bool bo1_same(struct bo1_str a, const char *b) {
	return a.p && a.n == bo1_length(b) && bo1_equal(a.p, b, a.n);
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
	if (!p) {
		bo1_starved = true;
		return (struct bo1_str){NULL, 0};
	}
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

/* ---- operations ---- */

static bool opt_text(struct bo1_json j, struct bo1_str *v) { return !j.p || bo1_text(j, v); }
static bool opt_int(struct bo1_json j, int64_t *v) { return !j.p || bo1_int(j, v); }
static bool opt_uint(struct bo1_json j, uint64_t *v) { return !j.p || bo1_uint(j, v); }
static bool is(struct bo1_json j, char c) { return !j.p || *j.p == c; }

static const char *act(struct bo1_json in, struct bo1_out *out) {
	struct bo1_act m = {.arguments = {"{}", 2}};
	struct bo1_scan s = bo1_inside(in);
	struct bo1_str name;
	struct bo1_json v;
	while (bo1_field(&s, &name, &v)) {
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
		bo1_put(out, bo1_plugin.description, bo1_length(bo1_plugin.description));
		return;
	}
	if (!(op == 1 && bo1_plugin.act) && !(op == 2 && bo1_plugin.observe) && !(op == 3 && bo1_plugin.sense)) {
		bo1_fail(out, "unsupported", "operation: the plugin does not know it", false);
		return;
	}
	struct bo1_json in;
	if (!bo1_message(p, n, &in)) {
		bo1_fail(out, "invalid", "message: want one JSON object, nested at most 64 deep", false);
		return;
	}
	const char *fault = op == 1 ? act(in, out) : op == 2 ? observe(in, out) : sense(in, out);
	if (fault) bo1_fail(out, "invalid", fault, false);
}

__attribute__((export_name("bo1_alloc"))) void *bo1_alloc(size_t n) {
	bo1_arena = heap_start();
	void *p = bo1_room(n);
	if (!p) __builtin_trap(); /* the host knows that it gave no memory, and says so */
	return p;
}

__attribute__((export_name("bo1_call"))) uint64_t bo1_call(uint32_t op, const char *p, size_t n) {
	if (n == 0) bo1_arena = heap_start();
	bo1_starved = false;
	struct bo1_out out = {.n = 0};
	bo1_put(&out, "", 1); /* status 0 */
	perform(op, p, n, &out);
	if (out.full || bo1_starved) { /* static, because there may be no byte left */
		static const char none[] = "\1{\"code\":\"internal\",\"message\":\"answer: no memory left for it\"}";
		return (uint64_t)(uintptr_t)none << 32 | (sizeof none - 1);
	}
	return (uint64_t)(uintptr_t)out.p << 32 | out.n;
}
