/* SPDX-License-Identifier: BSD-3-Clause */
/* Network=private as plain data: pools, numbers, names, the table. */
#include "core/base/cleanup.h"
#include "core/plan/netpool.h"
#include "core/plan/netrules.h"
#include "core/plan/numbers.h"
#include "tests/unit/plan_story.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* ---- pools */

static void pool_refused(const char *words, const char *because)
{
	struct netpool p;
	const char *why;

	assert_int_equal(netpool_parse(words, &p, &why), -1);
	if (!strstr(why, because))
		fail_msg("\"%s\": %s", words, why);
}

static void a_pool_is_a_prefix_of_each_family(void **state)
{
	struct netpool p;
	const char *why;
	char text[NETPOOL_TEXT_MAX];

	(void)state;
	assert_int_equal(netpool_parse(NETPOOL_DEFAULT, &p, &why), 0);
	assert_int_equal(netpool_max(&p), 65534);
	netpool_v4(&p, 258, text);
	assert_string_equal(text, "100.64.1.2");
	netpool_v6(&p, 258, text);
	assert_string_equal(text, "fd6e:7373::102");
	netpool_v6_prefix(&p, text);
	assert_string_equal(text, "fd6e:7373::/48");
	assert_int_equal(netpool_parse(" 10.9.0.0/20 ", &p, &why), 0);
	netpool_v4_prefix(&p, text);
	assert_string_equal(text, "10.9.0.0/20");
	netpool_v6(&p, 1, text);
	assert_string_equal(text, "");
	pool_refused("", "missing");
	pool_refused("fd6e:7373::/48", "missing");
	pool_refused("10.0.0.0", "ADDRESS/LENGTH");
	pool_refused("10.0.0.0/8", "from /12 to /28");
	pool_refused("10.0.0.0/x", "ADDRESS/LENGTH");
	pool_refused("10.0.0.1/16", "bits behind");
	pool_refused("10.0.0/16", "no IPv4");
	pool_refused("127.0.0.0/16", "no place");
	pool_refused("169.254.0.0/16", "no place");
	pool_refused("224.0.0.0/16", "no place");
	pool_refused("10.0.0.0/16 10.1.0.0/16", "two prefixes");
	pool_refused("10.0.0.0/16 fe80::/64", "no place");
	pool_refused("10.0.0.0/16 fd00::/97", "from /16 to /96");
	pool_refused("10.0.0.0/16 fd00::1/64", "bits behind");
	pool_refused("10.0.0.0/16;reboot", "ADDRESS/LENGTH");
}

static uint32_t number_at(const struct netpool *p, const char *address)
{
	uint8_t a[16];

	if (inet_pton(AF_INET, address, a) == 1)
		return netpool_number4(p, a);
	assert_int_equal(inet_pton(AF_INET6, address, a), 1);
	return netpool_number6(p, a);
}

static void an_address_of_the_pool_has_a_number(void **state)
{
	struct netpool p;
	const char *why;

	(void)state;
	assert_int_equal(netpool_parse("100.64.0.0/16 fd6e:7373::/48", &p, &why), 0);
	assert_int_equal(number_at(&p, "100.64.1.2"), 258);
	assert_int_equal(number_at(&p, "fd6e:7373::102"), 258);
	assert_int_equal(number_at(&p, "100.64.255.254"), 65534);
	/* Nobody's: both ends of the pool, and what is beside it. */
	assert_int_equal(number_at(&p, "100.64.0.0"), 0);
	assert_int_equal(number_at(&p, "100.64.255.255"), 0);
	assert_int_equal(number_at(&p, "100.65.1.2"), 0);
	assert_int_equal(number_at(&p, "192.0.2.1"), 0);
	assert_int_equal(number_at(&p, "fd6e:7373::1:102"), 0);
	assert_int_equal(number_at(&p, "fd6e:7373:0:1::102"), 0);
	assert_int_equal(number_at(&p, "fd6e:7374::102"), 0);
	assert_int_equal(netpool_parse("10.16.0.0/12", &p, &why), 0);
	assert_int_equal(number_at(&p, "10.31.255.254"), 1048574);
	assert_true(netpool_max(&p) < NETPOOL_NUMBERS);
	assert_int_equal(number_at(&p, "::102"), 0);
}

/* ---- numbers */

static uint32_t number_of(const char *text, uid_t uid, const char *name, int found)
{
	_cleanup_free_ char *copy = strdup(text);
	uint32_t number;
	struct err e;

	assert_int_equal(numbers_find(copy, uid, name, 1, 65534, &number, &e), found);
	return number;
}

static void an_account_keeps_its_number(void **state)
{
	static const char text[] = "# a comment\n1000 1 alice\n1002 3 carol\n";

	(void)state;
	assert_int_equal(number_of(text, 1000, "alice", 1), 1);
	assert_int_equal(number_of(text, 1002, "carol", 1), 3);
	/* The uid is another account's by now. */
	assert_int_equal(number_of(text, 1000, "dave", 0), 2);
	assert_int_equal(number_of("", 1000, "alice", 0), 1);
}

static void a_thousand_accounts_have_a_thousand_numbers(void **state)
{
	_cleanup_free_ char *text = calloc(1000, 32);
	bool seen[1001] = { false };

	(void)state;
	for (uid_t uid = 2000; uid < 3000; uid++) {
		uint32_t n = number_of(text, uid, "user", 0);

		assert_true(n >= 1 && n <= 1000 && !seen[n]);
		seen[n] = true;
		(void)sprintf(text + strlen(text), "%u %u user\n", uid, n);
	}
	assert_int_equal(number_of(text, 2500, "user", 1), 501);
}

static void a_pool_that_is_used_up_has_none_and_a_broken_line_is_named(void **state)
{
	char full[] = "1 1 a\n2 2 b\n", broken[] = "1 1 a\n2 x b\n";
	uint32_t number;
	struct err e;

	(void)state;
	assert_int_equal(numbers_find(full, 3, "c", 2, 2, &number, &e), 0);
	assert_int_equal(number, 0);
	assert_int_equal(numbers_find(broken, 3, "c", 1, 2, &number, &e), -1);
	assert_non_null(strstr(e.msg, "line 2"));
}

static void a_search_begins_where_it_is_told_and_goes_round(void **state)
{
	uint32_t number;
	struct err e;

	(void)state;
	for (uint32_t from = 1; from <= 4; from++) {
		char text[] = "1 3 a\n2 4 b\n";

		assert_int_equal(numbers_find(text, 9, "", from, 4, &number, &e), 0);
		assert_int_equal(number, from == 2 ? 2 : 1);
	}
}

/* ---- rules */

static const char *canonical(const char *lines)
{
	static char out[4096];
	_cleanup_free_ char *copy = strdup(lines);
	struct netrules r = { .n_allow = 0 };
	char *rest = copy, *line;
	FILE *to;

	while ((line = strsep(&rest, "\n")))
		if (*line && netrules_line(line, &r) < 0)
			return "refused";
	to = fmemopen(out, sizeof(out), "w");
	netrules_print(&r, to);
	(void)fclose(to);
	return out;
}

static void rules_have_one_form(void **state)
{
	(void)state;
	assert_string_equal(canonical("deny 10.1.2.3\ndeny 10.0.0.0/8\ndeny fd00::1\n"
				      "deny 10.9.0.0/16\nallow 192.0.2.77/24\n"),
		"allow 192.0.2.0/24\ndeny 10.0.0.0/8\ndeny fd00::1/128\n");
	assert_string_equal(
		canonical("deny any\ndeny 10.0.0.0/8\n"), "deny 0.0.0.0/0\ndeny ::/0\n");
	assert_string_equal(
		canonical("deny localhost\nallow link-local\ndeny multicast\n"),
		"allow 169.254.0.0/16\nallow fe80::/64\ndeny 127.0.0.0/8\n"
		"deny 224.0.0.0/4\ndeny ::1/128\ndeny ff00::/8\n");
	assert_string_equal(canonical("port 25\nport 20-30/tcp\nport 31/udp\n"),
		"port 20-30/tcp\nport 25-25/udp\nport 31-31/udp\n");
	/* What is printed is taken again. */
	assert_string_equal(canonical("port 20-30/tcp\nport 25-25/udp\n"),
		"port 20-30/tcp\nport 25-25/udp\n");
}

static void what_is_published_has_one_form(void **state)
{
	(void)state;
	assert_string_equal(canonical("publish 8000\npublish 53-54:5300-5301/udp\n"
				      "publish 192.0.2.1:80:8000/tcp\npublish "
				      "[2001:db8::1]:80\nat 100.64.0.5 fd6e:7373::5\n"),
		"publish 8000/tcp\npublish 53-54:5300-5301/udp\n"
		"publish 192.0.2.1:80:8000/tcp\n"
		"publish [2001:db8::1]:80/tcp\nat 100.64.0.5 fd6e:7373::5\n");
	/* What is printed is taken again. */
	assert_string_equal(canonical("publish [2001:db8::1]:80/tcp\nat 1.2.3.4\n"),
		"publish [2001:db8::1]:80/tcp\nat 1.2.3.4\n");
	/* At all addresses, or at one: the same port is one's. */
	assert_string_equal(
		canonical("publish 80\npublish 192.0.2.1:80:81\nat 1.2.3.4\n"),
		"refused");
	assert_string_equal(
		canonical("publish 80-90\npublish 85/tcp\nat 1.2.3.4\n"), "refused");
	assert_string_equal(canonical("publish 192.0.2.1:80\npublish 192.0.2.2:80\n"
				      "publish 80/udp\nat 1.2.3.4\n"),
		"publish 80/udp\npublish 192.0.2.1:80/tcp\n"
		"publish 192.0.2.2:80/tcp\nat 1.2.3.4\n");
}

static void elements_are_one_command_a_set(void **state)
{
	static const char *const lines[] = { "deny 10.0.0.0/8", "deny 192.0.2.0/24",
		"publish 80-81:8000-8001", "publish [2001:db8::1]:53/udp",
		"at 100.64.0.5 fd6e:7373::5" };
	char out[1024];
	struct netrules r = { .n_allow = 0 };
	FILE *to = fmemopen(out, sizeof(out), "w");

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_int_equal(netrules_line(lines[i], &r), 0);
	netrules_elements(&r, "add", "nssh5", "\tset with_rules {\n", to);
	netrules_elements(&r, "delete", "nssh5", "table of an earlier version", to);
	(void)fclose(to);
	assert_string_equal(out,
		"add element inet nsshell with_rules { \"nssh5\" }\n"
		"add element inet nsshell deny4 { \"nssh5\" . 10.0.0.0/8, \"nssh5\" . "
		"192.0.2.0/24 }\n"
		"add element inet nsshell publish4 { tcp . 80 : 100.64.0.5 . 8000, tcp . 81 : "
		"100.64.0.5 . 8001 }\n"
		"add element inet nsshell publish6 { tcp . 80 : fd6e:7373::5 . 8000, tcp . 81 : "
		"fd6e:7373::5 . 8001 }\n"
		"add element inet nsshell publish_at6 { 2001:db8::1 . udp . 53 : fd6e:7373::5 . "
		"53 }\n"
		"delete element inet nsshell deny4 { \"nssh5\" . 10.0.0.0/8, \"nssh5\" . "
		"192.0.2.0/24 }\n"
		"delete element inet nsshell publish4 { tcp . 80, tcp . 81 }\n"
		"delete element inet nsshell publish6 { tcp . 80, tcp . 81 }\n"
		"delete element inet nsshell publish_at6 { 2001:db8::1 . udp . 53 }\n");
}

static void what_is_no_rule_is_refused(void **state)
{
	static const char *const bad[] = { "deny", "deny ", "deny 10.0.0.0/33",
		"deny 10.0.0", "allow ::/129", "allow 10.0.0.0/8; flush ruleset",
		"deny 10.0.0.0/8 }", "publish 0", "publish",
		"publish 80:", "publish 80-90:8000", "publish 80-90:80-91",
		"publish 192.0.2:80", "publish [::1]80", "publish ::1:80",
		"publish [::1]:", "publish 80/icmp", "publish 80:81:82", "publish 80 }",
		"publish 1-1025", "at", "at ::1", "at 1.2.3.4 1.2.3.4", "at 1.2.3.4;",
		"port 0", "port 65536", "port 30-20", "port 25/sctp", "port x",
		"port 25/tcp/udp", "drop 10.0.0.0/8" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_string_equal(canonical(bad[i]), "refused");
}

static void there_are_so_many_rules_and_no_more(void **state)
{
	struct netrules r = { .n_allow = 0 };
	char line[64];
	int taken = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(line, sizeof(line), "deny 10.%d.%d.1", i / 250, i % 250);
		taken += netrules_line(line, &r) == 0;
	}
	assert_int_equal(taken, 2 * NETRULES_MAX);
}

/* ---- the plan */

static const struct plan_network *made(void)
{
	f.policy.network.kind = NETWORK_PRIVATE;
	f.host.ipv6 = f.host.forwards4 = f.host.forwards6 = true;
	f.in.number = 5;
	fixture_plan(&f);
	return &f.plan->network;
}

static void an_account_has_an_address_of_each_family(void **state)
{
	const struct plan_network *n = made();

	(void)state;
	assert_string_equal(n->text, "private 100.64.0.5");
	assert_string_equal(n->link, "nssh5");
	assert_string_equal(n->address4, "100.64.0.5");
	assert_string_equal(n->address6, "fd6e:7373::5");
	assert_non_null(strstr(n->table, "ip6 daddr fd6e:7373::/48"));
	f.host.ipv6 = false;
	f.in.number = 5;
	fixture_plan(&f);
	assert_string_equal(f.plan->network.address6, "");
	assert_null(strstr(f.plan->network.table, "fd6e"));
}

static void rules_of_the_config_are_the_accounts(void **state)
{
	static char deny[] = "any", allow[] = "192.0.2.1", port[] = "25/tcp";
	static char out[] = "80:8000";
	char *denied[] = { deny }, *allowed[] = { allow }, *ports[] = { port },
	     *published[] = { out };

	(void)state;
	assert_string_equal(made()->rules, "");
	f.policy.ip_deny = (struct strlist){ .v = denied, .n = 1 };
	f.policy.ip_allow = (struct strlist){ .v = allowed, .n = 1 };
	f.policy.restrict_ports = (struct strlist){ .v = ports, .n = 1 };
	f.policy.publish = (struct strlist){ .v = published, .n = 1 };
	assert_string_equal(made()->rules,
		"allow 192.0.2.1/32\ndeny 0.0.0.0/0\ndeny ::/0\nport 25-25/tcp\n"
		"publish 80:8000/tcp\nat 100.64.0.5 fd6e:7373::5\n");
	f.policy.ip_deny = f.policy.ip_allow = f.policy.restrict_ports =
		f.policy.publish = (struct strlist){ 0 };
}

static void names_are_the_hosts_where_they_can_be_reached(void **state)
{
	(void)state;
	f.host.resolv =
		"# of the host\nsearch lab\nnameserver 192.0.2.53\noptions edns0\n";
	assert_string_equal(
		made()->resolv, "search lab\nnameserver 192.0.2.53\noptions edns0\n");
	assert_string_equal(f.plan->network.resolver, "");
	assert_null(strstr(f.plan->network.table, "chain names"));
}

static void a_resolver_on_the_loopback_is_at_the_gateway(void **state)
{
	(void)state;
	f.host.resolv = "nameserver 127.0.0.1\nnameserver ::1\nnameserver 192.0.2.53\n";
	assert_string_equal(
		made()->resolv, "nameserver 169.254.1.1\nnameserver 192.0.2.53\n");
	assert_string_equal(f.plan->network.resolver, "127.0.0.1");
	assert_non_null(strstr(f.plan->network.table, "dnat ip to 127.0.0.1"));
}

/* Google's is at the address of its metadata. */
static void a_link_local_resolver_is_at_the_gateway(void **state)
{
	(void)state;
	f.host.resolv = "nameserver 169.254.169.254\nsearch lab\n";
	assert_string_equal(made()->resolv, "nameserver 169.254.1.1\nsearch lab\n");
	assert_string_equal(f.plan->network.resolver, "169.254.169.254");
	assert_non_null(strstr(f.plan->network.table, "dnat ip to 169.254.169.254"));
	f.host.resolv = "nameserver 127.0.0.53\n";
	f.host.resolv_uplink = "nameserver 169.254.169.254\n";
	assert_string_equal(made()->resolv, "nameserver 169.254.1.1\n");
	assert_string_equal(f.plan->network.resolver, "169.254.169.254");
	f.host.resolv_uplink = NULL;
}

static void behind_resolveds_stub_are_those_that_it_asks(void **state)
{
	(void)state;
	f.host.resolv = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lab\n";
	f.host.resolv_uplink =
		"nameserver 192.0.2.53\nnameserver fe80::1%2\nsearch lab\n";
	assert_string_equal(made()->resolv, "nameserver 192.0.2.53\nsearch lab\n");
	f.host.resolv_uplink = "# none\n";
	assert_non_null(strstr(made()->resolv, "nameserver 169.254.1.1\n"));
	assert_string_equal(f.plan->network.resolver, "127.0.0.53");
}

static void dns_names_others(void **state)
{
	static char dns[] = "198.51.100.7";
	char *list[] = { dns };

	(void)state;
	f.host.resolv = "nameserver 127.0.0.1\nsearch lab\n";
	f.policy.dns = (struct strlist){ .v = list, .n = 1 };
	assert_string_equal(made()->resolv, "nameserver 198.51.100.7\nsearch lab\n");
	assert_string_equal(f.plan->network.resolver, "");
	for (size_t i = 0; i < f.plan->n_notes; i++)
		assert_null(strstr(f.plan->notes[i], "DNS="));
	f.policy.dns = (struct strlist){ 0 };
}

static void dns_that_cannot_be_reached_is_told(void **state)
{
	static char all[][24] = { "127.0.0.53", "::1", "169.254.169.254", "fe80::1" };
	char *list[1];

	(void)state;
	f.policy.dns = (struct strlist){ .v = list, .n = 1 };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		list[0] = all[i];
		assert_non_null(made());
		assert_string_equal(f.plan->network.resolver, "");
		assert_non_null(strstr(f.plan->notes[f.plan->n_notes - 1], all[i]));
	}
	f.policy.dns = (struct strlist){ 0 };
}

static void without_forwarding_the_admin_is_told(void **state)
{
	(void)state;
	assert_int_equal(made()->number, 5);
	for (size_t i = 0; i < f.plan->n_notes; i++)
		assert_null(strstr(f.plan->notes[i], "way out"));
	f.host.forwards4 = false;
	fixture_plan(&f);
	assert_non_null(
		strstr(f.plan->notes[f.plan->n_notes - 1], "net.ipv4.ip_forward"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_pool_is_a_prefix_of_each_family),
		STORY(an_address_of_the_pool_has_a_number),
		STORY(an_account_keeps_its_number),
		STORY(a_thousand_accounts_have_a_thousand_numbers),
		STORY(a_pool_that_is_used_up_has_none_and_a_broken_line_is_named),
		STORY(a_search_begins_where_it_is_told_and_goes_round),
		STORY(rules_have_one_form),
		STORY(what_is_published_has_one_form),
		STORY(elements_are_one_command_a_set),
		STORY(what_is_no_rule_is_refused),
		STORY(there_are_so_many_rules_and_no_more),
		STORY(rules_of_the_config_are_the_accounts),
		STORY(an_account_has_an_address_of_each_family),
		STORY(names_are_the_hosts_where_they_can_be_reached),
		STORY(a_resolver_on_the_loopback_is_at_the_gateway),
		STORY(a_link_local_resolver_is_at_the_gateway),
		STORY(behind_resolveds_stub_are_those_that_it_asks),
		STORY(dns_names_others),
		STORY(dns_that_cannot_be_reached_is_told),
		STORY(without_forwarding_the_admin_is_told),
	};

	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
