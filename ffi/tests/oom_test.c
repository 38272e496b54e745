#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "monitor/process/oom.h"

static struct host host;

static bool killed(const char *text)
{
	char path[] = "/tmp/crib-oom-test-XXXXXX";
	int fd = mkstemp(path);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	bool result = oom_was_killed(&host, path);
	close(fd);
	unlink(path);
	return result;
}

int main(void)
{
	host.root = open("/", O_PATH);
	CHECK(killed("low 0\nhigh 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 0\n"));
	CHECK(!killed("low 0\nhigh 0\nmax 12\noom 3\noom_kill 0\noom_group_kill 7\n"));
	CHECK(killed("oom_kill_disable 0\nunder_oom 0\noom_kill 42\n"));
	CHECK(!killed("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n"));
	CHECK(!killed(""));
	CHECK(!killed("oom_kill "));
	CHECK(!oom_was_killed(&host, NULL));
	CHECK(!oom_was_killed(&host, "/no/such/file"));
	return checks_passed();
}
