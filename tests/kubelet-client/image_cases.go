package main

import (
	"fmt"
	"slices"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func spec(reference string) *runtimeapi.ImageSpec {
	return &runtimeapi.ImageSpec{Image: reference}
}

func (t *T) pull(reference string) string {
	id, err := t.images.PullImage(t, spec(reference), nil, nil)
	t.ok(err, "PullImage "+reference)
	return id
}

func (t *T) imageStatus(reference string) *runtimeapi.Image {
	response, err := t.images.ImageStatus(t, spec(reference), false)
	t.ok(err, "ImageStatus "+reference)
	return response.Image
}

// repoDigest pulls a test image by its tag and returns its reference by digest.
func (t *T) repoDigest(name string) string {
	t.pull(t.image(name))
	digests := t.imageStatus(t.image(name)).GetRepoDigests()
	if len(digests) == 0 {
		t.abandon("%s has no digest", name)
	}
	return digests[0]
}

func seeImage(t *T, image *runtimeapi.Image) {
	t.want("found", image != nil, true)
	t.see("id", image.GetId())
	t.see("tags", sorted(image.GetRepoTags()))
	t.see("digests", sorted(image.GetRepoDigests()))
	t.want("size is known", image.GetSize() > 0, true)
	t.see("user", fmt.Sprintf("%v %q", image.GetUid(), image.GetUsername()))
}

func imageCases() []testCase {
	return []testCase{
		{"image: pull by tag", func(t *T) {
			t.see("reference", t.pull(t.image("busybox")))
			t.see("again", t.pull(t.image("busybox")))
		}},
		{"image: status by tag, id and digest", func(t *T) {
			digest := t.repoDigest("busybox")
			byTag := t.imageStatus(t.image("busybox"))
			seeImage(t, byTag)
			t.want("by digest is the same", t.imageStatus(digest).GetId(), byTag.Id)
			t.want("by id is the same", t.imageStatus(byTag.Id).GetId(), byTag.Id)
			bare := strings.TrimPrefix(byTag.Id, "sha256:")
			t.see("by id without sha256:", t.imageStatus(bare).GetId())
			t.see("by the start of its id", t.imageStatus(bare[:12]).GetId())
		}},
		{"image: pull by digest", func(t *T) {
			digest := t.repoDigest("stop-signal")
			t.ok(t.images.RemoveImage(t, spec(t.image("stop-signal"))), "RemoveImage")
			t.see("reference", t.pull(digest))
			seeImage(t, t.imageStatus(digest))
			t.ok(t.images.RemoveImage(t, spec(digest)), "RemoveImage")
		}},
		{"image: a user by name and by number", func(t *T) {
			for _, name := range []string{"users", "user-numeric"} {
				t.pull(t.image(name))
				image := t.imageStatus(t.image(name))
				t.see(name, fmt.Sprintf("%v %q", image.GetUid(), image.GetUsername()))
			}
		}},
		{"image: status of one that is not there", func(t *T) {
			response, err := t.images.ImageStatus(t, spec(t.registry+"/test/absent:1"), false)
			t.want("code", code(err), "OK")
			t.want("image", response.GetImage() == nil, true)
		}},
		{"image: status without a reference", func(t *T) {
			response, err := t.images.ImageStatus(t, spec(""), false)
			t.see("code", code(err))
			t.see("image", response.GetImage() == nil)
		}},
		{"image: verbose status", func(t *T) {
			response, err := t.images.ImageStatus(t, spec(t.image("busybox")), true)
			t.ok(err, "ImageStatus")
			t.want("info", sortedKeys(response.Info), "info")
			t.want("has the image's configuration", strings.Contains(response.Info["info"], `"imageSpec"`), true)
		}},
		{"image: pull of what the registry does not have", func(t *T) {
			_, err := t.images.PullImage(t, spec(t.registry+"/test/absent:1"), nil, nil)
			t.want("code", code(err), "NotFound")
			_, err = t.images.PullImage(t, spec(t.registry+"/test/busybox:absent"), nil, nil)
			t.want("code of a tag", code(err), "NotFound")
		}},
		{"image: pull of a reference that is none", func(t *T) {
			_, err := t.images.PullImage(t, spec("UPPER/Case::"), nil, nil)
			t.see("code", code(err))
		}},
		{"image: pull from a registry nobody answers for", func(t *T) {
			_, err := t.images.PullImage(t, spec("127.0.0.1:1/test/busybox:1"), nil, nil)
			t.see("code", code(err))
			t.want("says why", err != nil && strings.Contains(err.Error(), "refused"), true)
		}},
		{"image: list and its filter", func(t *T) {
			all, err := t.images.ListImages(t, nil)
			t.ok(err, "ListImages")
			tag := t.image("busybox")
			has := func(image *runtimeapi.Image) bool { return slices.Contains(image.RepoTags, tag) }
			t.want("has the tag", slices.ContainsFunc(all, has), true)
			some, err := t.images.ListImages(t, &runtimeapi.ImageFilter{Image: spec(tag)})
			t.ok(err, "ListImages")
			t.want("filtered", len(some) == 1 && has(some[0]), true)
			none, err := t.images.ListImages(t, &runtimeapi.ImageFilter{Image: spec(t.registry + "/test/absent:1")})
			t.want("code of none", code(err), "OK")
			t.want("none", len(none), 0)
		}},
		{"image: remove, twice", func(t *T) {
			tag := t.image("whiteout")
			t.pull(tag)
			t.want("first", code(t.images.RemoveImage(t, spec(tag))), "OK")
			t.want("gone", t.imageStatus(tag) == nil, true)
			t.want("second", code(t.images.RemoveImage(t, spec(tag))), "OK")
		}},
		{"image: remove by id takes every tag", func(t *T) {
			tag := t.image("volume")
			t.pull(tag)
			id := t.imageStatus(tag).GetId()
			t.want("code", code(t.images.RemoveImage(t, spec(id))), "OK")
			t.want("gone", t.imageStatus(tag) == nil, true)
		}},
		{"image: remove under a running container", func(t *T) {
			tag := t.image("no-command")
			t.pull(tag)
			p := t.runPod(hostNetwork)
			c := p.run(func(config *runtimeapi.ContainerConfig) { config.Image = spec(tag) })
			t.see("code", code(t.images.RemoveImage(t, spec(tag))))
			t.want("the container goes on", c.shell("ls /bin/busybox"), "/bin/busybox")
			t.want("and runs", c.status().State, runtimeapi.ContainerState_CONTAINER_RUNNING)
		}},
		{"image: remove without a reference", func(t *T) {
			t.see("code", code(t.images.RemoveImage(t, spec(""))))
		}},
		{"image: filesystem", func(t *T) {
			info, err := t.images.ImageFsInfo(t)
			t.ok(err, "ImageFsInfo")
			t.want("filesystems", len(info.ImageFilesystems), 1)
			for _, fs := range info.ImageFilesystems {
				t.want("timestamp", fs.Timestamp > 0, true)
				t.want("mount point", strings.HasPrefix(fs.FsId.GetMountpoint(), "/"), true)
				t.want("used bytes", fs.UsedBytes.GetValue() > 0, true)
				t.want("used inodes", fs.InodesUsed.GetValue() > 0, true)
			}
		}},
	}
}
