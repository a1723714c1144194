/* sense-c is an input plugin in C. Text becomes one sample a word, its length in characters; sound
 * as audio/L16 (RFC 2586: 16 bits, the high byte first) one sample a value, in -1…1, at the rate
 * that the type names. */
#include "bo1.h"

enum { MOST = 4096 }; /* samples of an answer, as the ABI says */

static const char description[] = "{\"kind\":\"input\",\"name\":\"sense-c\",\"version\":\"1.0.0\",\"abi\":\"bo1\"}";

static void sample(struct bo1_out *out, int64_t t, double x) {
	bo1_open(out, '{');
	bo1_key(out, "t");
	bo1_put_int(out, t);
	bo1_key(out, "x");
	bo1_open(out, '[');
	bo1_put_number(out, x);
	bo1_close(out, ']');
	bo1_close(out, '}');
}

static bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static void words(const struct bo1_sense *in, struct bo1_out *out) {
	size_t count = 0;
	for (size_t i = 0; i < in->text.n;) {
		size_t start = i;
		while (i < in->text.n && !blank(in->text.p[i])) i++;
		if (i == start) {
			i++;
			continue;
		}
		if (++count > MOST) {
			bo1_fail(out, "invalid", "text: more than 4096 words", false);
			return;
		}
		struct bo1_str word = {in->text.p + start, i - start};
		sample(out, in->time_ns + (int64_t)count - 1, (double)bo1_characters(word));
	}
}

/* rate reads audio/L16;rate=N with 1 <= N <= 1000000; 0: it is not that. */
static int64_t rate(struct bo1_str type) {
	static const char prefix[] = "audio/L16;rate=";
	const size_t n = sizeof prefix - 1;
	uint64_t v;
	if (type.n <= n || !bo1_same((struct bo1_str){type.p, n}, prefix)) return 0;
	if (!bo1_uint((struct bo1_json){type.p + n, type.n - n}, &v) || v > 1000000) return 0;
	return (int64_t)v;
}

static void sound(const struct bo1_sense *in, struct bo1_out *out) {
	int64_t hz = rate(in->mime_type);
	if (!hz) {
		bo1_fail(out, "invalid", "mimeType: want audio/L16;rate=1…1000000, or text", false);
		return;
	}
	static uint8_t bytes[2 * MOST];
	size_t n = bo1_base64(in->data, bytes, sizeof bytes);
	if (n == SIZE_MAX || n % 2) {
		bo1_fail(out, "invalid", "data: want base64 of at most 4096 values of 2 bytes", false);
		return;
	}
	for (size_t i = 0; i < n / 2; i++) {
		int16_t v = (int16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
		sample(out, in->time_ns + (int64_t)i * 1000000000 / hz, v / 32768.0);
	}
}

static void sense(const struct bo1_sense *in, struct bo1_out *out) {
	bo1_open(out, '{');
	bo1_key(out, "samples");
	bo1_open(out, '[');
	if (in->mime_type.n || in->data.n) sound(in, out);
	else words(in, out);
	bo1_close(out, ']');
	bo1_close(out, '}');
}

const struct bo1_plugin bo1_plugin = {.description = description, .sense = sense};
