/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Primes of the flawed generator are k * M + 65537^a mod M, with M a product
 * of small primes (Nemec et al., CCS 2017, 2.2). So the modulus, too, is a
 * power of 65537 modulo each of those, which says something where 65537 does
 * not generate the whole group.
 */
#include "verify/material.h"

/* Dividing M for every key size, and 65537 generates a proper subgroup. */
static const unsigned primes[] = {
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157};

static unsigned
remainder_of(const struct material *m, unsigned prime)
{
	unsigned r = 0;

	for (size_t i = 0; i < m->kind->size; i++)
		r = (r << 8 | m->modulus[i]) % prime;
	return r;
}

static bool
is_power(unsigned value, unsigned prime)
{
	unsigned power = 1;

	do {
		if (power == value)
			return true;
		power = power * (65537 % prime) % prime;
	} while (power != 1);
	return false;
}

bool
material_is_roca(const struct material *m)
{
	if (m->kind->type != ALG_RSA)
		return false;
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		if (!is_power(remainder_of(m, primes[i]), primes[i]))
			return false;
	return true;
}
