/*
 * bo1.h: what the author of a plugin in C includes. No libc, no heap: one arena in the linear
 * memory, emptied when a call begins. plugins/ABI.md is the specification.
 *
 * A plugin is one value:
 *
 *     const struct bo1_plugin bo1_plugin = {.description = "{…}", .act = act};
 *
 * The clock is in->time_ns, the only entropy in->seed. A call that has no room left answers with
 * an error; none of these functions traps, whatever the message was. A message that has no room
 * at all does: bo1_alloc has no other way to say so.
 */
#ifndef BO1_H
#define BO1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that are not the holder's: n of them at p, no zero at the end. p == NULL: absent. */
struct bo1_str {
	const char *p;
	size_t n;
};

/* One JSON value as it stands in the message, whose grammar has been checked. Absent and null are
 * the same. It stays until the call returns. */
struct bo1_json {
	const char *p;
	size_t n;
};

/* An answer in the making. A fault sticks: later writes do nothing, the answer is an error. */
struct bo1_out {
	char *p;
	size_t n, room;
	bool comma, full, failed;
};

struct bo1_act {
	struct bo1_str action;
	struct bo1_json arguments; /* an object */
	struct bo1_str session;    /* absent: proposed by the kernel itself */
	int64_t time_ns;           /* Unix */
	uint64_t seed;
	struct bo1_json state;   /* an object as plugins/ABI.md 4.2 has it, or absent */
	struct bo1_json context; /* what the host adds */
};

struct bo1_observe {
	struct bo1_json records; /* an array of {index, level, type, at, data} */
};

struct bo1_sense {
	struct bo1_str channel;
	int64_t time_ns;
	uint64_t seed;
	struct bo1_str mime_type; /* absent: text */
	struct bo1_str text;      /* UTF-8 */
	struct bo1_str data;      /* base64 */
};

/* What a plugin is and does. description is the answer to operation 0, a JSON object. Of the
 * functions set those of the plugin's kind; what is left out answers "unsupported". Each writes
 * one JSON object, or calls bo1_fail. */
struct bo1_plugin {
	const char *description;
	void (*act)(const struct bo1_act *in, struct bo1_out *out);
	void (*observe)(const struct bo1_observe *in, struct bo1_out *out);
	void (*sense)(const struct bo1_sense *in, struct bo1_out *out);
};

extern const struct bo1_plugin bo1_plugin; /* the author defines it */

/* Reading. Values that are not of the asked kind leave *v as it was and return false. */
struct bo1_json bo1_get(struct bo1_json object, const char *name); /* the last field of that name */
bool bo1_text(struct bo1_json j, struct bo1_str *v);               /* decoded, valid UTF-8 */
bool bo1_int(struct bo1_json j, int64_t *v);                       /* exact: no 1.0, no 1e3 */
bool bo1_uint(struct bo1_json j, uint64_t *v);
bool bo1_number(struct bo1_json j, double *v); /* the nearest, up to 40 digits */
bool bo1_bool(struct bo1_json j, bool *v);
bool bo1_next(struct bo1_json *array, struct bo1_json *item); /* takes the first item off array */

/* Writing: bo1_open(out, '{'), then bo1_key and one value in turn, then bo1_close(out, '}'). */
void bo1_open(struct bo1_out *out, char bracket);
void bo1_close(struct bo1_out *out, char bracket);
void bo1_key(struct bo1_out *out, const char *name); /* plain ASCII without quotes */
void bo1_put_text(struct bo1_out *out, struct bo1_str s);
void bo1_put_int(struct bo1_out *out, int64_t v);
void bo1_put_uint(struct bo1_out *out, uint64_t v);
void bo1_put_number(struct bo1_out *out, double v); /* reads back as v; not finite: a fault */
void bo1_put_bool(struct bo1_out *out, bool v);
void bo1_put_json(struct bo1_out *out, struct bo1_json j);

/* bo1_content writes the field "content" with one sentence for people. */
void bo1_content(struct bo1_out *out, struct bo1_str text);

/* bo1_fail makes the answer an error, whatever was written before: code is lower case with _,
 * message names the field and what is accepted. retry: the same call may succeed later. */
void bo1_fail(struct bo1_out *out, const char *code, const char *message, bool retry);

/* Strings. */
struct bo1_str bo1_lit(const char *s);                                  /* of a zero-terminated one */
bool bo1_same(struct bo1_str a, const char *b);                         /* byte by byte */
size_t bo1_characters(struct bo1_str s);                                /* Unicode code points */
struct bo1_str bo1_join(const struct bo1_str *parts, size_t n);         /* absent: no room */
size_t bo1_base64(struct bo1_str s, uint8_t *dst, size_t room);         /* decoded bytes; SIZE_MAX: not padded standard base64 or no room */

/* bo1_room returns n bytes for this call, aligned to 8 and not cleared; NULL: no memory. */
void *bo1_room(size_t n);

#ifdef BO1_LOG
/* A line for the plugin's own log. The description and the manifest must name the capability. */
__attribute__((import_module("bo1"), import_name("log"))) void bo1_log(const char *p, size_t n);
#endif

#endif
