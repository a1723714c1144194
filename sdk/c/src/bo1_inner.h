/* bo1_inner.h: what the library's own files share. Not for plugins. */
#ifndef BO1_INNER_H
#define BO1_INNER_H

#include "bo1.h"

/* What is long or seldom is there once: the whole is a third smaller and as quick. */
#define NOINLINE __attribute__((noinline))

extern uintptr_t bo1_arena; /* the first free byte */
extern bool bo1_starved;    /* something could not be read for want of room */

/* bo1_reach makes the memory end at or behind end. */
bool bo1_reach(uint64_t end);

/* Bytes of a message and a place in them. */
struct bo1_scan {
	const char *p, *end;
};

/* bo1_message holds n bytes at p to the grammar: one object, nested at most 64 deep. */
bool bo1_message(const char *p, size_t n, struct bo1_json *v);

/* bo1_inside is what an object's fields are taken from by bo1_field. */
struct bo1_scan bo1_inside(struct bo1_json j);
bool bo1_field(struct bo1_scan *s, struct bo1_str *name, struct bo1_json *v);

/* bo1_rune decodes one character as UTF-8; what is none is one byte and U+FFFD. */
uint32_t bo1_rune(const char *p, const char *end, size_t *size);

/* bo1_put appends bytes to an answer. */
void bo1_put(struct bo1_out *out, const char *p, size_t n);

static inline size_t bo1_length(const char *s) {
	size_t n = 0;
	while (s[n]) n++;
	return n;
}

static inline bool bo1_equal(const char *a, const char *b, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i]) return false;
	return true;
}

#endif
