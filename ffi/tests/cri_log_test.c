#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "monitor/process/log-file.h"

static struct host host;

static struct cri_piece pieces[CRI_PIECES_MAX];
static int count;

static size_t split(const char *text, bool end)
{
	return cri_split((const uint8_t *)text, strlen(text), end, pieces, &count);
}

static bool piece_is(int index, const char *text, bool partial)
{
	return pieces[index].length == strlen(text) && memcmp(pieces[index].data, text, strlen(text)) == 0 &&
	       pieces[index].partial == partial;
}

static void splits_lines(void)
{
	CHECK(split("", false) == 0 && count == 0);
	CHECK(split("", true) == 0 && count == 0);
	CHECK(split("\n", false) == 1 && count == 1 && piece_is(0, "", false));
	CHECK(split("one\ntwo", false) == 4 && count == 1 && piece_is(0, "one", false));
	CHECK(split("one\ntwo", true) == 7 && count == 2 && piece_is(1, "two", true));
	CHECK(split("a\r\n\n", false) == 4 && count == 2 && piece_is(0, "a\r", false) && piece_is(1, "", false));
}

static void cuts_long_lines(void)
{
	static uint8_t line[3 * CRI_LINE_MAX];
	memset(line, 'x', sizeof(line));
	CHECK(cri_split(line, CRI_LINE_MAX, false, pieces, &count) == 0 && count == 0);
	CHECK(cri_split(line, CRI_LINE_MAX, true, pieces, &count) == CRI_LINE_MAX && count == 1 && pieces[0].partial);
	CHECK(cri_split(line, CRI_LINE_MAX + 1, false, pieces, &count) == CRI_LINE_MAX && count == 1);
	CHECK(pieces[0].partial && pieces[0].length == CRI_LINE_MAX);
	CHECK(cri_split(line, CRI_LINE_MAX + 1, true, pieces, &count) == CRI_LINE_MAX + 1 && count == 2);
	CHECK(pieces[1].partial && pieces[1].length == 1);
	line[CRI_LINE_MAX] = '\n';
	CHECK(cri_split(line, CRI_LINE_MAX + 1, false, pieces, &count) == CRI_LINE_MAX + 1 && count == 1);
	CHECK(!pieces[0].partial && pieces[0].length == CRI_LINE_MAX);
}

static void comes_back_for_more_pieces(void)
{
	char many[CRI_PIECES_MAX + 10];
	memset(many, '\n', sizeof(many));
	CHECK(cri_split((const uint8_t *)many, sizeof(many), false, pieces, &count) == CRI_PIECES_MAX);
	CHECK(count == CRI_PIECES_MAX);
}

static void formats_prefixes(void)
{
	char prefix[CRI_PREFIX_SIZE];
	cri_prefix(prefix, 0, 0, 1, false);
	CHECK(memcmp(prefix, "1970-01-01T00:00:00.000000000Z stdout F ", CRI_PREFIX_SIZE) == 0);
	cri_prefix(prefix, 1709210096, 7, 2, true);
	CHECK(memcmp(prefix, "2024-02-29T12:34:56.000000007Z stderr P ", CRI_PREFIX_SIZE) == 0);
	cri_prefix(prefix, 4102444799, 999999999, 1, true);
	CHECK(memcmp(prefix, "2099-12-31T23:59:59.999999999Z stdout P ", CRI_PREFIX_SIZE) == 0);
}

static void writes_records(void)
{
	char path[] = "/tmp/crib-log-test-XXXXXX";
	char back[256] = {0};
	int made = mkstemp(path);
	CHECK(made >= 0);
	struct log_file log = {.fd = -1};
	CHECK(log_open(&log, &host, path) == 0);
	split("one\ntwo\n", false);
	log_write(&log, 1, pieces, count);
	log.torn = true;
	split("three\n", false);
	log_write(&log, 2, pieces, count);
	CHECK(pread(made, back, sizeof(back) - 1, 0) > 0);
	CHECK(strncmp(back + CRI_PREFIX_SIZE, "one\n", 4) == 0);
	CHECK(strstr(back, " stdout F two\n\n") != NULL); /* a torn record is closed before the next one */
	CHECK(strstr(back, " stderr F three\n") != NULL && !log.torn);
	log_close(&log);
	close(made);
	unlink(path);
}

/* Two slashes say that every link is a trap. */
static void follows_links_unless_told_not_to(void)
{
	char directory[] = "/tmp/crib-log-test-XXXXXX";
	char link[64];
	char path[80];
	char real[80];
	struct log_file log = {.fd = -1};
	CHECK(mkdtemp(directory) != NULL);
	snprintf(link, sizeof(link), "%s.link", directory);
	snprintf(path, sizeof(path), "/%s/log", link);
	snprintf(real, sizeof(real), "/%s/log", directory);
	CHECK(symlink(directory, link) == 0);
	CHECK(log_open(&log, &host, path) == -ELOOP);
	log_close(&log);
	CHECK(log_open(&log, &host, path + 1) == 0);
	log_close(&log);
	CHECK(log_open(&log, &host, real) == 0 && log_reopen(&log, &host) == 0);
	log_close(&log);
	unlink(real);
	unlink(link);
	rmdir(directory);
}

static void refuses_what_is_no_file(void)
{
	struct log_file log = {.fd = -1};
	CHECK(log_open(&log, &host, "/dev/null") == -EINVAL);
	log_close(&log);
	CHECK(log_open(&log, &host, "/no/such/directory/log") == -ENOENT);
	log_close(&log);
	CHECK(log_open(&log, &host, "") == 0 && log.fd == -1);
	split("dropped\n", false);
	log_write(&log, 1, pieces, count);
	CHECK(log.dropped_bytes == 0); /* nobody asked for it */
}

int main(void)
{
	host.root = open("/", O_PATH);
	splits_lines();
	cuts_long_lines();
	comes_back_for_more_pieces();
	formats_prefixes();
	writes_records();
	follows_links_unless_told_not_to();
	refuses_what_is_no_file();
	return checks_passed();
}
