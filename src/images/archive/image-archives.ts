import type { Log } from "../../observe/log.ts";
import type { GarbageStores } from "../content/collect-garbage.ts";
import { withinRoom } from "../content/leftovers.ts";
import { RoomKeeper } from "../content/room-keeper.ts";
import type { Archives, ExportRequest, ImportedImage } from "../port.ts";
import type { Platform } from "../registry/platform.ts";
import { exportImages } from "./export-images.ts";
import { importImages } from "./import-images.ts";
import { tagImage } from "./tag-image.ts";

/** Images from and to archives, and the names they have here. */
export class ImageArchives implements Archives {
  readonly #stores: GarbageStores;
  readonly #platform: Platform;
  readonly #minFreeBytes: number;
  readonly #log: Log;

  /** @param minFreeBytes what an import leaves free of the store's file system. */
  constructor(stores: GarbageStores, platform: Platform, minFreeBytes: number, log: Log) {
    this.#stores = stores;
    this.#platform = platform;
    this.#minFreeBytes = minFreeBytes;
    this.#log = log;
  }

  async import(
    archive: AsyncIterable<Uint8Array>,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly ImportedImage[]> {
    const [stores, platform, log] = [this.#stores, this.#platform, this.#log];
    const room = new RoomKeeper(stores.content.directory, this.#minFreeBytes);
    const world = { stores, platform, log, room };
    return await withinRoom(stores, log, () => importImages(world, archive, name, signal));
  }

  export(request: ExportRequest, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    return exportImages(this.#stores, this.#platform, request, signal);
  }

  async tag(image: string, name: string): Promise<string> {
    return await tagImage(this.#stores, image, name);
  }
}
