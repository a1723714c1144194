/* bo1_write.c: writing an answer. See bo1.h. */
#include "bo1_inner.h"

NOINLINE void bo1_put(struct bo1_out *out, const char *p, size_t n) {
	if (out->full || out->failed) return;
	if (n > out->room - out->n) {
		uint64_t want = 2 * ((uint64_t)out->n + n) + 256;
		if ((uintptr_t)(out->p + out->room) == bo1_arena) { /* nothing behind: longer where it is */
			if (want <= UINT32_MAX && bo1_reach((uint64_t)(uintptr_t)out->p + want)) {
				out->room = (size_t)want;
				bo1_arena = (uintptr_t)(out->p + want);
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

NOINLINE static void put_value(struct bo1_out *out, const char *p, size_t n) {
	if (out->comma) bo1_put(out, ",", 1);
	bo1_put(out, p, n);
	out->comma = true;
}

void bo1_open(struct bo1_out *out, char bracket) {
	put_value(out, &bracket, 1);
	out->comma = false;
}

void bo1_close(struct bo1_out *out, char bracket) {
	bo1_put(out, &bracket, 1);
	out->comma = true;
}

void bo1_key(struct bo1_out *out, const char *name) {
	put_value(out, "\"", 1);
	bo1_put(out, name, bo1_length(name));
	bo1_put(out, "\":", 2);
	out->comma = false;
}

NOINLINE void bo1_put_text(struct bo1_out *out, struct bo1_str s) {
	put_value(out, "\"", 1);
	const char *p = s.p, *end = s.p + s.n, *start = p;
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		size_t n = 1;
		bool bad = c >= 0x80 && bo1_rune(p, end, &n) == 0xfffd && n == 1;
		if (c >= ' ' && c != '"' && c != '\\' && !bad) {
			p += n;
			continue;
		}
		bo1_put(out, start, (size_t)(p - start));
		char escaped[] = "\\u00xx";
		escaped[4] = "0123456789abcdef"[c >> 4 & 15];
		escaped[5] = "0123456789abcdef"[c & 15];
		if (bad) bo1_put(out, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\') bo1_put(out, (char[]){'\\', (char)c}, 2);
		else if (c == '\n') bo1_put(out, "\\n", 2);
		else if (c == '\t') bo1_put(out, "\\t", 2);
		else bo1_put(out, escaped, 6);
		start = ++p;
	}
	bo1_put(out, start, (size_t)(p - start));
	bo1_put(out, "\"", 1);
}

NOINLINE static size_t decimal(char *end, uint64_t v) {
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

NOINLINE void bo1_put_int(struct bo1_out *out, int64_t v) {
	char b[21];
	size_t n = decimal(b + 21, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	if (v < 0) b[20 - n] = '-', n++;
	put_value(out, b + 21 - n, n);
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
	bo1_put(out, "\1", 1);
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
