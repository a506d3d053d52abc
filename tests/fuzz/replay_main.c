/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives a fuzz target where libFuzzer is not linked: every seed of
 * tests/fuzz/corpus/<name>, then its halves and single bit flips. Prints TAP.
 *
 * 1. The name is the program's name behind "fuzz_".
 * 2. No seeds is a failure: a replay of nothing would show nothing.
 * 3. Each input is its own allocation of exactly its size, so that a sanitizer
 *    sees a read one byte past its end.
 * 4. A seed that takes longer than SEED_SECONDS ends the program: a hang is a
 *    finding.
 */
#include "lib/tap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEED_SECONDS 300

/* Per seed: bytes that all flipped copies may have together, and how many
 * copies at most. They keep one target within about a second. */
#define FLIP_BYTES ((size_t)16 << 20)
#define FLIP_COUNT ((size_t)2048)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return false;
	if (size)
		memcpy(copy, data, size);
	int r = LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	/* libFuzzer knows two answers: 0, and -1 for "do not keep this". */
	return r == 0 || r == -1;
}

static size_t
run_halves(struct span seed, bool *ok)
{
	size_t runs = 1, n = seed.n;

	while (n) {
		n /= 2;
		*ok = run(seed.p, n) && *ok;
		runs++;
	}
	*ok = run(seed.p, seed.n) && *ok;
	return runs;
}

static size_t
run_flips(struct arena *a, struct span seed, bool *ok)
{
	size_t bits = seed.n * 8;
	size_t count = seed.n ? FLIP_BYTES / seed.n : 0;
	uint8_t *copy = arena_alloc(a, seed.n + 1);

	if (!copy) {
		*ok = false;
		return 0;
	}
	if (seed.n)
		memcpy(copy, seed.p, seed.n);
	count = count < FLIP_COUNT ? count : FLIP_COUNT;
	count = count < bits ? count : bits;
	for (size_t i = 0; i < count; i++) {
		/* An odd stride spreads over the seed and visits every place
		 * within a byte. */
		size_t bit = i * ((bits / count) | 1U) % bits;
		uint8_t mask = (uint8_t)(1U << (bit % 8));

		copy[bit / 8] ^= mask;
		*ok = run(copy, seed.n) && *ok;
		copy[bit / 8] ^= mask;
	}
	return count;
}

static void
replay(const char *folder, const char *file)
{
	struct arena a;
	char path[1024];
	bool ok = true;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	arena_init(&a, (size_t)256 << 20);
	struct span seed = tap_file(&a, path);
	alarm(SEED_SECONDS);
	size_t runs = run_halves(seed, &ok);
	runs += run_flips(&a, seed, &ok);
	alarm(0);
	tap_ok(ok, "%s: %zu inputs", file, runs);
	arena_free(&a);
}

static int
is_seed(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static const char *
target_name(const char *program)
{
	const char *base = strrchr(program, '/');

	base = base ? base + 1 : program;
	return strncmp(base, "fuzz_", 5) ? base : base + 5;
}

int
main(int argc, char **argv)
{
	const char *top = getenv("SRCDIR");
	char folder[256], full[1024];
	struct dirent **seeds = NULL;

	snprintf(folder, sizeof(folder), "/tests/fuzz/corpus/%s",
	    target_name(argc ? argv[0] : ""));
	snprintf(full, sizeof(full), "%s%s", top ? top : AKASHI_SRCDIR, folder);
	int n = scandir(full, &seeds, is_seed, alphasort);
	tap_ok(n > 0, "%s has seeds", folder + 1);
	for (int i = 0; i < n; i++) {
		replay(folder, seeds[i]->d_name);
		free(seeds[i]);
	}
	free(seeds);
	return tap_done();
}
