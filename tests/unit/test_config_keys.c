/* SPDX-License-Identifier: BSD-3-Clause */
/* Every key of nsshell.conf: what it takes, what it refuses, what holds without it. */
#include "config_fixture.h"
#include "config/internal.h"

#define MIB (UINT64_C(1) << 20)
#define SEC UINT64_C(1000000)

static struct fixture *give(void **state, const char *line)
{
	struct fixture *f = *state;
	char text[1024];

	(void)snprintf(text, sizeof(text), "[Default]\n%s\n", line);
	load_text(f, text);
	expect_count(f, 0);
	policy_ok(f, "alice", "users", NULL);
	return f;
}

/* The key's value is refused with these words, and the row's hint behind them. */
static void refuse(void **state, const char *key, const char *value, const char *words)
{
	const struct config_key *row = config_key_find(key, strlen(key));
	struct fixture *f = *state;
	char text[512];

	assert_non_null(row);
	(void)snprintf(text, sizeof(text), "\n[User bob]\n %s = %s\n", key, value);
	expect_one(f, text, 3, "User bob", key, words);
	expect(f, 0, "nsshell.conf", 3, "User bob", key, row->hint);
}

/* Each of @values, ended by NULL. */
static void refuse_all(void **state, const char *key, const char *const *values)
{
	for (; *values; values++)
		refuse(state, key, *values, *values);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void without_a_file_the_defaults_hold(void **state)
{
	struct fixture *f = *state;
	const struct policy *p = &f->policy;

	load(f);
	expect_count(f, 0);
	policy_ok(f, "alice", "users", NULL);
	assert_false(p->isolate);
	expect_list(&p->services, "sshd login su su-l runuser runuser-l cron nsshell");
	assert_int_equal(p->share, SHARE_LOGIN);
	assert_int_equal(p->tmp, TMP_LOGIN);
	assert_int_equal(p->linger_usec, 0);
	assert_string_equal(p->hostname, "%h");
	assert_false(p->root);
	assert_null(p->image);
	assert_int_equal(p->upper, UPPER_NONE);
	assert_int_equal(p->upper_size, 1024 * MIB);
	assert_int_equal(p->tmp_size, 512 * MIB);
	assert_int_equal(
		p->bind_paths.n + p->bind_ro_paths.n + p->inaccessible_paths.n, 0);
	assert_int_equal(p->devices.n + p->sockets.n, 0);
	assert_true(p->limits.memory_max.n == PARSE_INFINITY &&
		    p->limits.memory_high.n == PARSE_INFINITY);
	assert_true(p->limits.tasks_max.permyriad == 3300 && p->limits.tasks_max.preset);
	assert_int_equal(p->sessions_max, 32);
	assert_int_equal(p->limits.cpu_quota, 0);
	assert_int_equal(p->limits.cpu_weight, 0);
	assert_int_equal(p->on_error, ON_ERROR_DENY);
	assert_int_equal(p->on_change, ON_CHANGE_KEEP);
	assert_int_equal(p->groups, GROUPS_KEEP);
	assert_true(p->notify_join);
	assert_false(p->record);
	expect_list(&p->filter, "default");
	assert_false(p->allow_user_namespaces);
}

static void every_key_but_lists_needs_a_value(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];
		char text[128];

		const char *section = key->network ? "Network" : "Default";

		(void)snprintf(text, sizeof(text), "[%s]\n%s= \n", section, key->name);
		load_text(f, text);
		expect_count(f, key->list ? 0 : 1);
		if (!key->list)
			expect(f, 0, "nsshell.conf", 2, section, key->name, key->hint);
	}
}

static void booleans(void **state)
{
	assert_true(give(state, "Isolate=yes")->policy.isolate);
	assert_true(give(state, "Isolate=on")->policy.isolate);
	assert_false(give(state, "Isolate=false")->policy.isolate);
	assert_false(give(state, "Root=no")->policy.root);
	assert_false(give(state, "NotifyJoin=no")->policy.notify_join);
	assert_true(give(state, "HostMounts=yes")->policy.host_mounts);
	assert_true(give(state, "Record=yes")->policy.record);
	refuse_all(state, "Isolate", WORDS("maybe", "Yes", "2", "yes no"));
	refuse_all(state, "Root", WORDS("maybe", "TRUE"));
}

static void a_shell_is_an_absolute_path_and_not_nsshell(void **state)
{
	assert_null(give(state, "Isolate=yes")->policy.shell);
	assert_string_equal(give(state, "Shell=/bin/zsh")->policy.shell, "/bin/zsh");
	assert_string_equal(give(state, "Shell=/bin/zsh\n[User alice]\nShell=/bin/dash")
				    ->policy.shell,
		"/bin/dash");
	refuse_all(state, "Shell",
		WORDS("bash", "/usr/local/bin/nsshell", "/bin/", "/a/../bin/sh"));
}

static void words_of_enums(void **state)
{
	assert_int_equal(give(state, "Share=account")->policy.share, SHARE_ACCOUNT);
	assert_int_equal(give(state, "Share=login")->policy.share, SHARE_LOGIN);
	assert_int_equal(give(state, "PrivateTmp=account")->policy.tmp, TMP_ACCOUNT);
	assert_int_equal(give(state, "PrivateTmp=login")->policy.tmp, TMP_LOGIN);
	assert_int_equal(give(state, "Upper=disk")->policy.upper, UPPER_DISK);
	assert_int_equal(give(state, "Upper=none")->policy.upper, UPPER_NONE);
	assert_int_equal(give(state, "Upper=tmpfs")->policy.upper, UPPER_TMPFS);
	assert_int_equal(
		give(state, "UpperOnChange=keep")->policy.on_change, ON_CHANGE_KEEP);
	assert_int_equal(
		give(state, "UpperOnChange=reset")->policy.on_change, ON_CHANGE_RESET);
	assert_int_equal(
		give(state, "UpperOnChange=refuse")->policy.on_change, ON_CHANGE_REFUSE);
	assert_int_equal(give(state, "OnError=allow")->policy.on_error, ON_ERROR_ALLOW);
	assert_int_equal(give(state, "OnError=deny")->policy.on_error, ON_ERROR_DENY);
	assert_int_equal(
		give(state, "SupplementaryGroups=none")->policy.groups, GROUPS_NONE);
	assert_int_equal(
		give(state, "SupplementaryGroups=keep")->policy.groups, GROUPS_KEEP);
	refuse_all(state, "Share", WORDS("yes", "Login", "login account"));
	refuse_all(state, "PrivateTmp", WORDS("yes", "no", "session"));
	refuse_all(state, "Upper", WORDS("ram", "disk:/srv"));
	refuse_all(state, "OnError", WORDS("ignore", "no"));
	refuse_all(state, "SupplementaryGroups", WORDS("all", "users"));
}

static void a_network_is_the_hosts_none_or_has_a_name(void **state)
{
	const struct policy *p = &give(state, "Isolate=yes")->policy;

	assert_int_equal(p->network.kind, NETWORK_HOST);
	assert_int_equal(p->network_share, NETWORK_OF_ACCOUNT);
	assert_int_equal(give(state, "Network=none")->policy.network.kind, NETWORK_NONE);
	p = &give(
		state, "Network=private\n[Network]\nPool=10.9.0.0/16\nDNS=192.0.2.1 ::2")
		     ->policy;
	assert_int_equal(p->network.kind, NETWORK_PRIVATE);
	assert_string_equal(p->pool, "10.9.0.0/16");
	expect_list(&p->dns, "192.0.2.1 ::2");
	p = &give(state, "Network=netns:lab-1.x")->policy;
	assert_int_equal(p->network.kind, NETWORK_NETNS);
	assert_string_equal(p->network.name, "lab-1.x");
	p = &give(state, "Network=netns:lab\n[User alice]\nNetwork=host")->policy;
	assert_int_equal(p->network.kind, NETWORK_HOST);
	assert_null(p->network.name);
	assert_int_equal(give(state, "NetworkShare=login")->policy.network_share,
		NETWORK_OF_LOGIN);
	p = &give(state, "Network=none\nNetworkAllowUsers=bob carol")->policy;
	expect_list(&p->network_users, "bob carol");
	assert_int_equal(p->connections_max, 4096);
	p = &give(state, "Network=private\n[Network]\nConnectionsMax=7")->policy;
	assert_int_equal(p->connections_max, 7);
	refuse_all(state, "NetworkAllowUsers", WORDS("a:b", "bob c/d"));
	refuse_all(state, "Network",
		WORDS("no", "user:", "user:a b", "user:a/b", "netns",
			"netns:", "netns:../x", "netns:.x", "netns:a/b", "netns:a b",
			"netns:-x", "private:x", "Private"));
	refuse_all(state, "NetworkShare", WORDS("yes", "session"));
	p = &give(state,
		"Network=private\nIPAddressDeny=any 10.0.0.0/8\nRestrictPorts=25/tcp")
		     ->policy;
	expect_list(&p->ip_deny, "any 10.0.0.0/8");
	expect_list(&p->restrict_ports, "25/tcp");
	refuse(state, "IPAddressDeny", "everything", "'everything' is no address");
	refuse(state, "RestrictPorts", "smtp", "'smtp' is no port");
	p = &give(state, "Network=private\nPublish=8000 [::1]:80:8000\nPublish=53/udp\n"
			 "IPAddressDeny=any\n[User alice]\nIPAddressDeny=none ::/0")
		     ->policy;
	expect_list(&p->publish, "8000 [::1]:80:8000 53/udp");
	expect_list(&p->ip_deny, "::/0");
	refuse(state, "Publish", "8000:http", "'8000:http' is no port");
	refuse(state, "Publish", "1-2000", "or more than 1024");
}

static void a_port_is_published_once_and_not_of_the_host(void **state)
{
	expect_one(*state, "[Default]\nNetwork=private\nPublish=8000 192.0.2.1:8000:80\n",
		3, "Default", "Publish", "192.0.2.1:8000:80 is published twice");
	expect_one(*state, "[Default]\nPublish=8000\n", 2, "Default", "Publish",
		"Publish= holds for Network=private");
}

static void commands_add_up_and_none_takes_them_away(void **state)
{
	expect_list(&give(state, "Isolate=yes")->policy.host_commands, "passwd crontab");
	expect_list(&give(state, "HostCommands=at passwd\nHostCommands=atq")
			     ->policy.host_commands,
		"passwd crontab at atq");
	expect_list(&give(state, "HostCommands=none at")->policy.host_commands, "at");
	expect_list(&give(state, "HostCommands=\nHostCommands=at\n[User alice]\n"
				 "HostCommands=none chfn")
			     ->policy.host_commands,
		"chfn");
	assert_int_equal(give(state, "HostCommands=none")->policy.host_commands.n, 0);
	refuse_all(state, "HostCommands",
		WORDS("/usr/bin/passwd", "../x", ".x", "-x", "a,b",
			"a234567890123456789012345678901x"));
}

static void services_are_file_names_of_pam_d(void **state)
{
	struct fixture *f =
		give(state, "Services=\nServices=sshd my_app-2.0 user@x  sshd");

	expect_list(&f->policy.services, "sshd my_app-2.0 user@x");
	refuse_all(
		state, "Services", WORDS("/etc/pam.d/sshd", "../sshd", ".hidden", "a,b"));
	refuse(state, "Services", "sshd s\xc3\xbc", "is no name of a file in pam.d");
}

static void linger_takes_a_span_with_its_unit(void **state)
{
	assert_int_equal(give(state, "SessionsMax=1")->policy.sessions_max, 1);
	assert_true(give(state, "SessionsMax=infinity")->policy.sessions_max ==
		    PARSE_INFINITY);
	assert_true(give(state, "Linger=yes")->policy.linger_usec == PARSE_INFINITY);
	assert_true(give(state, "Linger=infinity")->policy.linger_usec == PARSE_INFINITY);
	assert_int_equal(give(state, "Linger=no")->policy.linger_usec, 0);
	assert_int_equal(give(state, "Linger=0")->policy.linger_usec, 0);
	assert_int_equal(give(state, "Linger=1h 30min")->policy.linger_usec, 5400 * SEC);
	refuse(state, "Linger", "30", "the unit is missing: 30s or 30min");
	refuse(state, "Linger", "1", "the unit is missing: 1s or 1min");
	refuse(state, "Linger", "9999999999999y", "too large");
	refuse_all(state, "Linger", WORDS("maybe", "-1h", "1.5h", "5 fortnights"));
}

static void hostnames_have_four_placeholders(void **state)
{
	assert_string_equal(
		give(state, "Hostname=%h-%u.%s")->policy.hostname, "%h-%u.%s");
	assert_string_equal(give(state, "Hostname=a%%")->policy.hostname, "a%%");
	refuse(state, "Hostname", "box%x", "'%x' stands for nothing");
	refuse(state, "Hostname", "box%", "'%' stands for nothing");
	refuse_all(state, "Hostname",
		WORDS("a b", "-a", ".a", "a_b", "a/b", "s\xc3\xbc\xc3\x9f"));
	refuse(state, "Hostname",
		"a1234567890123456789012345678901234567890123456789012345678901234",
		"a123");
}

static void rootfs_is_the_host_or_an_image(void **state)
{
	assert_null(give(state, "RootFS=host")->policy.image);
	assert_string_equal(
		give(state, "RootFS=image:debian")->policy.image, "debian:latest");
	assert_string_equal(
		give(state, "RootFS=image:debian:12.1")->policy.image, "debian:12.1");
	refuse(state, "RootFS", "image:", "NAME or NAME:TAG");
	refuse(state, "RootFS", "image:../etc", "NAME or NAME:TAG");
	refuse_all(state, "RootFS", WORDS("/srv/root", "Host"));
	expect_list(&give(state, "RootFSAllow=debian host debian:12\nRootFSAllow=debian")
			     ->policy.rootfs_allow,
		"debian:latest host debian:12");
	refuse_all(state, "RootFSAllow", WORDS("image:debian", "../etc", "A"));
}

static void sizes_have_units_and_a_least(void **state)
{
	assert_int_equal(give(state, "UpperSize=2G")->policy.upper_size, 2048 * MIB);
	assert_int_equal(give(state, "UpperSize=4K")->policy.upper_size, 4096);
	assert_int_equal(give(state, "TmpSize=64M")->policy.tmp_size, 64 * MIB);
	assert_true(give(state, "TmpSize=infinity")->policy.tmp_size == PARSE_INFINITY);
	assert_int_equal(give(state, "MemoryMax=1M")->policy.limits.memory_max.n, MIB);
	assert_true(give(state, "MemoryMax=infinity")->policy.limits.memory_max.n ==
		    PARSE_INFINITY);
	assert_int_equal(
		give(state, "MemoryHigh=5M")->policy.limits.memory_high.n, 5 * MIB);
	refuse(state, "UpperSize", "4095", "too small");
	refuse(state, "TmpSize", "0", "too small");
	refuse(state, "MemoryMax", "512", "too small");
	refuse(state, "MemoryHigh", "1023K", "too small");
	refuse(state, "MemoryMax", "99999999999T", "too large");
	refuse_all(state, "UpperSize", WORDS("2g", "1.5G", "50%", "big", "-1"));
	refuse_all(state, "TmpSize", WORDS("2GB", "2 G"));
	refuse_all(state, "MemoryMax",
		WORDS("0%", "100.01%", "5.125%", "1e1%", "%", "lots"));
	refuse_all(state, "MemoryHigh", WORDS("50.%", "x"));
	assert_int_equal(
		give(state, "MemoryMax=2.5%")->policy.limits.memory_max.permyriad, 250);
	assert_int_equal(
		give(state, "MemoryMax=100%")->policy.limits.memory_max.permyriad, 10000);
	assert_int_equal(give(state, "MemorySwapMax=0")->policy.limits.swap_max.n, 0);
}

static void counts_quotas_and_weights(void **state)
{
	assert_int_equal(give(state, "TasksMax=512")->policy.limits.tasks_max.n, 512);
	assert_true(give(state, "TasksMax=infinity")->policy.limits.tasks_max.n ==
		    PARSE_INFINITY);
	assert_int_equal(give(state, "CPUQuota=150%")->policy.limits.cpu_quota, 150);
	assert_int_equal(give(state, "CPUQuota=infinity")->policy.limits.cpu_quota, 0);
	assert_int_equal(give(state, "CPUWeight=1")->policy.limits.cpu_weight, 1);
	assert_int_equal(give(state, "CPUWeight=10000")->policy.limits.cpu_weight, 10000);
	refuse(state, "TasksMax", "0", "too small");
	refuse(state, "CPUQuota", "1000001%", "too large");
	refuse(state, "CPUQuota", "99999999999%", "too large");
	refuse(state, "CPUWeight", "10001", "too large");
	refuse(state, "CPUWeight", "0", "too small");
	refuse_all(state, "TasksMax", WORDS("many", "0%", "-1", "1K"));
	refuse_all(state, "CPUQuota", WORDS("0%", "150", "1.5%"));
	refuse_all(state, "CPUWeight", WORDS("idle", "infinity", "5%"));
}

static void io_limits_have_a_path_and_a_speed(void **state)
{
	struct fixture *f = give(state, "IOReadBandwidthMax=/home 20M");
	const struct strlist *read = &f->policy.limits.io[POLICY_IO_READ_BANDWIDTH];

	assert_int_equal(read->n, 1);
	assert_string_equal(read->v[0], "/home 20000000");
	read = &give(state, "IOReadIOPSMax=/dev/sda infinity")
			->policy.limits.io[POLICY_IO_READ_IOPS];
	assert_string_equal(read->v[0], "/dev/sda infinity");
	assert_int_equal(give(state, "IOWeight=7")->policy.limits.io_weight, 7);
	refuse(state, "IOWeight", "10001", "too large");
	refuse_all(state, "IOWriteIOPSMax",
		WORDS("/home", "/home 0", "home 5", "/home 5 6", "/home 5KB",
			"/home -1"));
}

static void cpus_are_a_list(void **state)
{
	assert_string_equal(
		give(state, "AllowedCPUs=0,1 5-7")->policy.limits.cpus, "0-1,5-7");
	assert_null(give(state, "AllowedCPUs=all")->policy.limits.cpus);
	refuse(state, "AllowedCPUs", "8192", "8192 CPUs at most");
	refuse_all(state, "AllowedCPUs", WORDS("3-1", "1-", "-1", "one", "0x1", "1..3"));
}

static void binds_have_a_source_and_perhaps_a_target(void **state)
{
	struct fixture *f =
		give(state, "BindPaths=/srv/a -/srv//b/ /srv/c/:/c// -//d:/e /srv/a");

	expect_list(&f->policy.bind_paths, "/srv/a -/srv/b /srv/c:/c -/d:/e");
	expect_list(&give(state, "BindReadOnlyPaths=/...a:/..b")->policy.bind_ro_paths,
		"/...a:/..b");
	for (int ro = 0; ro < 2; ro++) {
		const char *key = ro ? "BindReadOnlyPaths" : "BindPaths";

		refuse(state, key, "srv/a", "'srv/a' isn't absolute");
		refuse(state, key, "/a:b", "'/a:b' isn't absolute");
		refuse(state, key, "/a:", "'/a:' isn't absolute");
		refuse(state, key, ":/a", "':/a' isn't absolute");
		refuse(state, key, "-", "'-' isn't absolute");
		refuse(state, key, "--/a", "'--/a' isn't absolute");
		refuse(state, key, "//a/../b", "'//a/../b' has a '..' in it");
		refuse(state, key, "/a:/b/..", "'/a:/b/..' has a '..' in it");
		refuse(state, key, "/a/./b", "has a '.' in it");
		refuse(state, key, "/", "is the root of everything");
		refuse(state, key, "/srv:///", "is the root of everything");
		refuse(state, key, "/a:/b:ro", "more than one ':'");
		refuse(state, key, "~/x", "isn't absolute");
	}
}

static void volumes_have_a_name_and_a_place(void **state)
{
	struct fixture *f = give(
		state, "Volumes=data:/srv/data a.b-c_1:/x//y/\nVolumes=data:/srv/other");

	expect_list(&f->policy.volumes, "data:/srv/other a.b-c_1:/x/y");
	assert_int_equal(give(state, "Volumes=a:/b\nVolumes=")->policy.volumes.n, 0);
	refuse(state, "Volumes", "/srv/data", "'/srv/data' has no ':'");
	refuse(state, "Volumes", "Data:/x", "has no name of a volume before the ':'");
	refuse(state, "Volumes", ".x:/x", "has no name of a volume before the ':'");
	refuse(state, "Volumes", "../x:/x", "has no name of a volume before the ':'");
	refuse(state, "Volumes", "a:b", "isn't absolute");
	refuse(state, "Volumes", "a:/b:c", "has more than one ':'");
	refuse(state, "Volumes", "a:/b/../c", "has a '..' in it");
	refuse(state, "Volumes", "a:/", "is the root of everything");
	refuse(state, "Volumes", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:/a",
		"has no name of a volume");
}

static void paths_devices_and_sockets(void **state)
{
	expect_list(&give(state, "InaccessiblePaths=/srv/secret -/opt/x/ /etc/*.key")
			     ->policy.inaccessible_paths,
		"/srv/secret -/opt/x /etc/*.key");
	expect_list(&give(state, "Devices=/dev/kvm -/dev/nvidia0 /dev/dri/card0")
			     ->policy.devices,
		"/dev/kvm -/dev/nvidia0 /dev/dri/card0");
	expect_list(
		&give(state, "Sockets=/run/mysqld/mysqld.sock -/run/x")->policy.sockets,
		"/run/mysqld/mysqld.sock -/run/x");
	refuse(state, "InaccessiblePaths", "/", "is the root of everything");
	refuse(state, "InaccessiblePaths", "secret /ok", "'secret' isn't absolute");
	refuse(state, "Devices", "/dev", "'/dev' isn't below /dev");
	refuse(state, "Devices", "/dev/", "isn't below /dev");
	refuse(state, "Devices", "/srv/kvm", "isn't below /dev");
	refuse(state, "Devices", "/dev/../etc/shadow", "has a '..' in it");
	refuse(state, "Devices", "kvm", "isn't absolute");
	refuse(state, "Sockets", "run/x", "isn't absolute");
	refuse(state, "Sockets", "@abstract", "isn't absolute");
}

static void variables_have_quotes_and_escapes(void **state)
{
	struct fixture *f = give(state,
		"Environment=A=b 'C=d  e' \"F=it's # not # a comment\" G='\"' # one\n"
		"Environment=H=\\x23\\s\\t\\\\ I= J=\"a \\\" # b\" K=x'y z'w");
	const struct strlist *l = &f->policy.environment;
	const char *const want[] = { "A=b", "C=d  e", "F=it's # not # a comment", "G=\"",
		"H=# \t\\", "I=", "J=a \" # b", "K=xy zw" };

	assert_int_equal(l->n, sizeof(want) / sizeof(*want));
	for (size_t i = 0; i < l->n; i++)
		assert_string_equal(l->v[i], want[i]);
	assert_int_equal(
		give(state, "Environment=A=b\nEnvironment=")->policy.environment.n, 0);
	expect_one(f, "[Default]\nEnvironment=A=b#c\n", 2, "Default", "Environment",
		"quotes around it");
	refuse(state, "Environment", "A=\"b c", "a quote isn't closed");
	refuse(state, "Environment", "A=\\q", "'\\' stands before");
	refuse(state, "Environment", "A=\\x0a", "has a control character in it");
	refuse(state, "Environment", "LD_PRELOAD=/x.so", "is heeded by the C library");
	refuse(state, "Environment", "HOME=/x", "says who the account is");
	refuse(state, "Environment", "NSSHELL_SESSION=x", "is the session's");
	refuse_all(state, "Environment", WORDS("A", "=b", "1A=b", "A-B=c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(without_a_file_the_defaults_hold),
		story(every_key_but_lists_needs_a_value),
		story(booleans),
		story(a_shell_is_an_absolute_path_and_not_nsshell),
		story(words_of_enums),
		story(a_network_is_the_hosts_none_or_has_a_name),
		story(a_port_is_published_once_and_not_of_the_host),
		story(commands_add_up_and_none_takes_them_away),
		story(variables_have_quotes_and_escapes),
		story(services_are_file_names_of_pam_d),
		story(linger_takes_a_span_with_its_unit),
		story(hostnames_have_four_placeholders),
		story(rootfs_is_the_host_or_an_image),
		story(sizes_have_units_and_a_least),
		story(counts_quotas_and_weights),
		story(io_limits_have_a_path_and_a_speed),
		story(cpus_are_a_list),
		story(binds_have_a_source_and_perhaps_a_target),
		story(volumes_have_a_name_and_a_place),
		story(paths_devices_and_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
