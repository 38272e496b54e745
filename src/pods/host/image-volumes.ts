import { CribError, invalidArgument, notFound } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import type { ImageId } from "../../ids/digest.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { O_PATH } from "../../kernel/open-flags.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";
import type { ImageVolume } from "../../oci/mounts/requested-mounts.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { RequestedMount } from "../../spec/requested-mount.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";

/** Whom the image store knows as the user of a container's image volume; a holder has one image. */
function volumeHolder(container: ContainerId, index: number): string {
  return `${container}/volume-${index}`;
}

/** The container that a holder, its own or that of one of its volumes, stands for. */
export function containerOfHolder(holder: string): string {
  return holder.split("/", 1)[0] ?? holder;
}

/** The kubelet looks for this word and shows it as the reason the container waits. */
const failed = "ImageVolumeMountFailed";

/** What became of the image volumes of a request. */
export interface ResolvedImageVolumes {
  /** The request, each of its image volumes with the id the image has now. */
  readonly config: ContainerSpec;
  readonly volumes: ReadonlyMap<RequestedMount, ImageVolume>;
}

/**
 * Holds the images of a container's image volumes and finds their layers; they are the container's until
 * `releaseImages`. Nothing is mounted: that happens in the container's own mount namespace when it starts.
 *
 * @throws {CribError} not-found for an image that was not pulled or a sub path it does not have, invalid-argument for a
 * volume that would be writable or propagate.
 */
export function resolveImageVolumes(
  engine: PodEngine,
  container: ContainerId,
  config: ContainerSpec,
): ResolvedImageVolumes {
  const volumes = new Map<RequestedMount, ImageVolume>();
  const mounts = config.mounts.map((mount, index) => {
    if (mount.image === undefined) return mount;
    const reference = mount.image.image;
    checkImageMount(mount);
    const image = engine.images.find(reference);
    if (image === undefined) {
      throw notFound("image", `${reference.slice(0, 200)} of the volume at ${quote(mount.containerPath)} (${failed})`);
    }
    const { lowerDirs } = engine.images.acquireRootfs(image.id, volumeHolder(container, index));
    checkSubPath(engine, lowerDirs, mount);
    const resolved = { ...mount, image: { ...mount.image, imageRef: image.id } };
    volumes.set(resolved, { imageId: image.id, lower: lowerDirs, path: mount.imageSubPath });
    return resolved;
  });
  return { config: volumes.size === 0 ? config : { ...config, mounts }, volumes };
}

/**
 * The container's spec with its image volumes where they are now: a layer's path may name a descriptor of the daemon that made the
 * container, and its number may be any other process' by now.
 */
export function withPresentLayers(
  engine: Pick<PodEngine, "images">,
  { id, spec, config }: Pick<ContainerRecord, "id" | "spec" | "config">,
): ContainerRecord["spec"] {
  const mounts = spec.mounts.map((mount) => {
    if (mount.image === undefined) return mount;
    const index = config.mounts.findIndex(({ image }) => image?.imageRef === mount.source);
    const { lowerDirs } = engine.images.acquireRootfs(mount.source as ImageId, volumeHolder(id, index));
    return { ...mount, image: { ...mount.image, lower: lowerDirs } };
  });
  return { ...spec, mounts };
}

/** Lets go of the container's image and those of its volumes. */
export function releaseImages(engine: PodEngine, id: ContainerId, config: ContainerSpec): void {
  for (const [index, mount] of config.mounts.entries()) {
    if (mount.image !== undefined) engine.images.release(volumeHolder(id, index));
  }
  engine.images.release(id);
}

function checkImageMount(mount: RequestedMount): void {
  const where = `image volume at ${quote(mount.containerPath)}`;
  if (!mount.readonly) throw invalidArgument(`${where}: readonly is required, an image cannot be written (${failed})`);
  if (mount.propagation !== "private") {
    throw invalidArgument(`${where}: only private propagation is possible (${failed})`);
  }
}

/** Looked up in the image's own root, as it will be at start: a link of its author's leads nowhere else. */
function checkSubPath(engine: PodEngine, lowerDirs: readonly string[], mount: RequestedMount): void {
  if (mount.imageSubPath === "") return;
  const { kernel } = engine;
  const view = kernel.openOverlayView(lowerDirs);
  using _view = { [Symbol.dispose]: () => kernel.close(view) };
  try {
    const how = { flags: O_PATH, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
    kernel.close(kernel.openat2(view, mount.imageSubPath, how));
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    const missing = error.errno === Errno.ENOENT || error.errno === Errno.ENOTDIR;
    throw new CribError(
      missing ? "not-found" : "invalid-argument",
      `image volume at ${quote(mount.containerPath)}: image_sub_path ${quote(mount.imageSubPath)} is not in the image (${failed}): ${error.message}`,
      { cause: error },
    );
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
