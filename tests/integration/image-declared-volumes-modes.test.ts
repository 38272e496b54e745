import { describe, expect } from "bun:test";
import { compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { pullBusyboxWith } from "../harness/pull-busybox-with.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { ownUsers } from "../harness/user-namespace.ts";

const test = onlyCrib("has no such setting");
const layer = () =>
  compressLayer(
    new LayerBuilder()
      .dir("data", { mode: 0o750, uid: 7, gid: 8 })
      .file("data/own", "of the image", { uid: 7 })
      .build(),
  );
const volumes = { Volumes: { "/data": {}, "/new": {} } };
const look = "cat /data/own; stat -c ' %u %g %a' /data; touch /data/x && touch /new/x && echo written";

describe('image_volumes = "tmpfs"', () => {
  const bed = useTestBed({ runtime: ['image_volumes = "tmpfs"'] });

  test("gives them memory, with what the image has there", async () => {
    const imageReference = await pullBusyboxWith(bed, "tmpfs", layer(), volumes);
    const linux = { securityContext: { readonlyRootfs: true } };
    const pod = await bed.runPod();
    expect(await bed.output(pod, look, { imageReference, linux })).toBe("of the image 7 8 750\nwritten");
    const types = await bed.output(pod, "grep -c ' /\\(data\\|new\\) tmpfs ' /proc/mounts", { imageReference });
    expect(types).toBe("2");
  });

  test("gives them that in a user namespace as well", async () => {
    const imageReference = await pullBusyboxWith(bed, "tmpfs", layer(), volumes);
    const namespaceOptions = ownUsers();
    const pod = await bed.runPod({ linux: { securityContext: { namespaceOptions } } });
    const linux = { securityContext: { readonlyRootfs: true, namespaceOptions } };
    expect(await bed.output(pod, look, { imageReference, linux })).toBe("of the image 7 8 750\nwritten");
  });
});

describe('image_volumes = "none"', () => {
  const bed = useTestBed({ runtime: ['image_volumes = "none"'] });

  test("leaves them parts of the root", async () => {
    const imageReference = await pullBusyboxWith(bed, "none", layer(), volumes);
    const pod = await bed.runPod();
    const linux = { securityContext: { readonlyRootfs: true } };
    const script = "touch /data/x 2>&1 | grep -o Read-only; ls -d /new 2>/dev/null; cat /data/own";
    expect(await bed.output(pod, script, { imageReference, linux })).toBe("Read-only\nof the image");
    expect(await bed.output(pod, "touch /data/x && echo written", { imageReference })).toBe("written");
  });
});
