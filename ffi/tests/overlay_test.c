#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "wire.h"
#include "init/overlay-page.h"
#include "init/stage.h"

#define MANY 128 /* as many layers as other engines let an image have */

static char base[] = "/tmp/crib-overlay-test-XXXXXX";
static struct wire texts;

/* A list of `count` strings that were put into `texts` from `start` on. */
static struct string_list list_from(size_t start, uint32_t count)
{
	return (struct string_list){.count = count, .items = reader_over(texts.data + start, texts.length - start)};
}

static struct rootfs_step many_layers(void)
{
	texts.length = 0;
	for (unsigned i = 0; i < MANY; i++) {
		char path[64];
		snprintf(path, sizeof(path), "%s/%u", base, i);
		put_string(&texts, path);
	}
	struct rootfs_step step = {.lower = list_from(0, MANY), .upper = "", .work = "", .attach_at = base};
	return step;
}

/* Every layer has a name of its number: a page takes all there can be, and what is too much is told, not cut off. */
static void fits_every_image(void)
{
	char page[OVERLAY_PAGE];
	int layers[OVERLAY_LAYERS_MAX];
	for (int i = 0; i < OVERLAY_LAYERS_MAX; i++)
		layers[i] = 1000 + i;
	struct rootfs_step step = {.upper = "", .work = ""};
	CHECK(overlay_page(page, layers, OVERLAY_LAYERS_MAX, &step) == 0);
	CHECK(strncmp(page, "lowerdir=1000:1001:", 19) == 0 && strcmp(page + strlen(page) - 5, ":1499") == 0);
	char path[3000];
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	step.upper = step.work = path;
	CHECK(overlay_page(page, layers, 2, &step) == -ENAMETOOLONG);
}

static void escapes_what_overlayfs_splits_at(void)
{
	char page[OVERLAY_PAGE];
	texts.length = 0;
	put_string(&texts, "index=off");
	put_string(&texts, "context=u:r:t:s0:c1,c2");
	struct rootfs_step step = {.upper = "/a:b/u", .work = "/a,b\\/w", .options = list_from(0, 2)};
	CHECK(overlay_page(page, (int[]){7, 12}, 2, &step) == 0);
	CHECK(strcmp(page,
		     "lowerdir=7:12,upperdir=/a\\:b/u,workdir=/a\\,b\\\\/w,index=off,context=\"u:r:t:s0:c1,c2\"") == 0);
}

static void make_layers(void)
{
	char path[64];
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "%s/%d", base, i);
		CHECK(mkdir(path, 0755) == 0);
		snprintf(path, sizeof(path), "%s/%d/file-%d", base, i, i);
		CHECK(mkdir(path, 0755) == 0);
	}
}

/* What kernels before 6.7 get, on this one: mount(2) takes the same page on all of them. */
static void mounts_by_page(bool staged)
{
	struct rootfs_step step = many_layers();
	struct stage stage = {.report = -1};
	if (staged)
		CHECK(chdir(base) == 0);
	int root = overlay_by_page(&stage, &step, staged);
	if (root < 0)
		printf("# %s %s: %s\n", stage.failure.call, stage.failure.path, strerror(-root));
	CHECK(root >= 0);
	CHECK(faccessat(root, "file-0", F_OK, 0) == 0 && faccessat(root, "file-127", F_OK, 0) == 0);
	char path[64];
	snprintf(path, sizeof(path), "%s/file-0", base);
	CHECK(access(path, F_OK) < 0 && errno == ENOENT);
	close(root);
	CHECK(chdir("/") == 0);
}

static void tells_which_layer_is_missing(void)
{
	texts.length = 0;
	put_string(&texts, "/nowhere/at-all");
	struct rootfs_step step = {.lower = list_from(0, 1), .upper = "", .work = "", .attach_at = base};
	struct stage stage = {.report = -1};
	CHECK(overlay_by_page(&stage, &step, false) == -ENOENT);
	CHECK(strcmp(stage.failure.path, "/nowhere/at-all") == 0);
}

int main(void)
{
	CHECK(mkdtemp(base) != NULL);
	fits_every_image();
	escapes_what_overlayfs_splits_at();
	tells_which_layer_is_missing();
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		make_layers();
		mounts_by_page(false);
		mounts_by_page(true);
	} else {
		printf("# mounts_by_page: skipped, it takes root\n");
	}
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", base);
	CHECK(system(command) == 0);
	return checks_passed();
}
