import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import type { Lxd } from "./lxd";
import { run } from "./process";
import { cacheFolder } from "./sandbox";

/** The base image of the sandbox's machines: built once from the host's apt sources, kept in the cache by its recipe. */

export interface BaseImage {
  readonly alias: string;
  readonly root: string;
  readonly metadata: string;
}

const RECIPE = join(__dirname, "image");
const BUILD_SECONDS = 1200;

function recipeFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? recipeFiles(join(folder, entry.name)) : [join(folder, entry.name)]));
}

/** Changes with the recipe and with the distribution's release. */
function recipeKey(): string {
  const hash = createHash("sha256").update(readFileSync("/etc/os-release"));
  for (const path of recipeFiles(RECIPE)) hash.update(path.slice(RECIPE.length)).update(readFileSync(path));
  return hash.digest("hex").slice(0, 12);
}

/** The image's files, built when the cache has none for this recipe (about 90 s). */
export async function baseImage(say: (line: string) => void): Promise<BaseImage> {
  const key = recipeKey();
  const folder = join(cacheFolder(), "image", key);
  if (!existsSync(folder)) {
    say("base image: building it from this host's apt sources, once, about 90 s");
    mkdirSync(join(cacheFolder(), "image"), { recursive: true });
    await run(join(RECIPE, "build.sh"), [folder], { timeoutSeconds: BUILD_SECONDS });
  }
  return { alias: `platform-${key}`, root: join(folder, "root.tar.gz"), metadata: join(folder, "meta.tar.gz") };
}

/** Both parts in one form, as LXD takes a split image. */
function form(image: BaseImage, boundary: string): PassThrough {
  const stream = new PassThrough();
  const part = async (name: string, file: string): Promise<void> => {
    stream.write(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    );
    const source = createReadStream(file);
    source.pipe(stream, { end: false });
    await finished(source);
    stream.write("\r\n");
  };
  void part("metadata", image.metadata)
    .then(() => part("rootfs", image.root))
    .then(() => stream.end(`--${boundary}--\r\n`))
    .catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))));
  return stream;
}

/** Gives the sandbox's project the image, once. */
export async function importImage(lxd: Lxd, image: BaseImage): Promise<void> {
  if ((await lxd.find(`/images/aliases/${image.alias}`)) !== undefined) return;
  // What a run that was cut off has left: whole or not, it has no name, and the same content is refused a second time.
  const found = (await lxd.get("/images?recursion=1")) as { fingerprint: string; aliases: readonly unknown[] }[];
  for (const left of found.filter((each) => each.aliases.length === 0)) await lxd.remove(`/images/${left.fingerprint}`);
  const boundary = "platform-sandbox-image";
  const made = (await lxd.upload("/images", form(image, boundary), {
    "content-type": `multipart/form-data; boundary=${boundary}`,
    "x-lxd-public": "0",
  })) as { fingerprint: string };
  await lxd.post("/images/aliases", { name: image.alias, target: made.fingerprint });
}
