/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/tap.h"
#include "publish/metrics.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const routes[] = {"evidence", "nodes"};

static const struct metrics_setup setup = {
    .threads = 3,
    .routes = routes,
    .nroutes = 2,
    .version = "1.0",
    .openssl = "3.0",
    .mhd = "0.9",
};

static void *
count(void *arg)
{
	struct metrics_slot *s = arg;

	for (int i = 0; i < 1000; i++) {
		metrics_add(s, METRIC_CHALLENGES_ISSUED, 2);
		metrics_verdict(s, METRIC_FAIL, CLS_CHANGE);
		metrics_verdict_clean(s, METRIC_PASS);
		metrics_request(s, 0, true, 200, 300);
		metrics_request(s, 7, false, 404, 2000000);
		metrics_request(s, 1, false, 299, 0);
		metrics_attest(s, METRIC_TOTAL, 100);
		metrics_cut(s, METRIC_CUT_IDLE);
		metrics_db_error(s, METRIC_DB_TIMEOUT);
	}
	return NULL;
}

static void
has(const struct buf *b, const char *line)
{
	const char *at = strstr(b->p, line);

	tap_ok(at && (at == b->p || at[-1] == '\n') && at[strlen(line)] == '\n',
	    "%s", line);
}

static void
test_sums(struct buf *out)
{
	struct metrics *m = metrics_new(&setup);
	pthread_t thread[3];

	for (size_t i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, count, metrics_slot(m, i));
	for (size_t i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	metrics_gauge(m, METRIC_NODES_PENDING, 5);
	metrics_emit(m, out);
	metrics_free(m);
	has(out, "akashid_challenges_issued_total 6000");
	has(out, "akashid_verdicts_total{result=\"fail\",reason_class="
		 "\"unapproved-change\"} 3000");
	has(out, "akashid_verdicts_total{result=\"pass\",reason_class="
		 "\"none\"} 3000");
	has(out, "akashid_http_requests_total{route=\"evidence\",method="
		 "\"POST\",code=\"200\"} 3000");
	has(out, "akashid_http_requests_total{route=\"none\",method=\"GET\","
		 "code=\"404\"} 3000");
	has(out, "akashid_http_requests_total{route=\"nodes\",method=\"GET\","
		 "code=\"other\"} 3000");
	has(out, "akashid_http_request_duration_seconds_bucket{route="
		 "\"evidence\",le=\"0.00025\"} 0");
	has(out, "akashid_http_request_duration_seconds_bucket{route="
		 "\"evidence\",le=\"0.0005\"} 3000");
	has(out, "akashid_http_request_duration_seconds_bucket{route=\"none\","
		 "le=\"1\"} 0");
	has(out, "akashid_http_request_duration_seconds_bucket{route=\"none\","
		 "le=\"+Inf\"} 3000");
	has(out, "akashid_http_request_duration_seconds_sum{route=\"evidence\"}"
		 " 0.900000");
	has(out, "akashid_attest_duration_seconds_bucket{phase=\"total\",le="
		 "\"0.0001\"} 3000");
	has(out, "akashid_http_connections_cut_total{reason=\"idle\"} 3000");
	has(out, "akashid_db_errors_total{class=\"timeout\"} 3000");
	has(out, "akashid_nodes{state=\"pending\"} 5");
	has(out, "akashid_build_info{version=\"1.0\",openssl=\"3.0\",mhd="
		 "\"0.9\"} 1");
}

/* NAME or NAME{…}, a space, a number. */
static bool
is_sample(const char *line, size_t n)
{
	size_t i = 0;

	while (i < n && (islower((unsigned char)line[i]) || line[i] == '_'))
		i++;
	if (i < n && line[i] == '{')
		for (i++; i < n && line[i - 1] != '}';)
			i++;
	if (i == 0 || i >= n || line[i] != ' ')
		return false;
	for (i++; i < n; i++)
		if (!isdigit((unsigned char)line[i]) && line[i] != '.')
			return false;
	return line[n - 1] != ' ';
}

/* Every line is a comment or a sample, and each family is announced once. */
static void
test_form(const struct buf *out)
{
	bool lines = true, once = true;

	for (const char *p = out->p; *p; p = strchr(p, '\n') + 1) {
		size_t n = strcspn(p, "\n");
		if (strncmp(p, "# TYPE ", 7) == 0) {
			char *type = strndup(p, strcspn(p + 7, " ") + 8);
			once &= strstr(p + n, type) == NULL;
			free(type);
		}
		lines &= *p == '#' || is_sample(p, n);
	}
	tap_ok(lines, "every line is well formed");
	tap_ok(once, "every family is announced once");
}

int
main(void)
{
	struct buf out = {0};

	test_sums(&out);
	test_form(&out);
	buf_free(&out);
	return tap_done();
}
