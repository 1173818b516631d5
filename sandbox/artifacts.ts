import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { artifactVersion } from "../src/remote/artifact";
import { VERSIONS } from "../src/config/versions";
import type { PlatformConfig } from "../src/config/schema";
import type { ArtifactName, VersionName } from "../src/config/versions";
import { readStackFile } from "../src/config/stack-file";
import { run } from "./process";
import { cacheFolder } from "./sandbox";

/** The archives that a real template would carry in mirrored mode, with the sandbox's own builds and stand-ins in them. */

const CHECKOUT = dirname(__dirname);
/** Every file below a folder of this checkout. */
function files(folder: string): readonly string[] {
  return readdirSync(join(CHECKOUT, folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => relative(CHECKOUT, join(each.parentPath, each.name)))
    .sort();
}

const RECIPE = [
  "sandbox/artifacts/build.sh",
  "sandbox/artifacts/gogs.py",
  ...["registry", "versitygw", "kubernetes", "etcd", "kwok"].map((module) => `tools/${module}/go.sum`),
];
/** What the archives are made of beyond the programs. */
const PACKED = [
  "src/config/versions.ts",
  ...files("sandbox/artifacts/rke2"),
  ...files("sandbox/artifacts/rke2-release"),
  ...files("sandbox/artifacts/images"),
  ...files("sandbox/artifacts/charts"),
  "sandbox/artifacts/helm.sh",
];
/** What machines see as it is, beside the archives. */
const FOLDERS = ["kubernetes", "images", "charts"];
const BUILD_SECONDS = 3600;

/** Which program of build.sh stands for which artifact. */
const PROGRAMS: Readonly<Partial<Record<ArtifactName, string>>> = {
  registry: "registry",
  backupStore: "versitygw",
  openbao: "bao",
  gogs: "gogs",
};

function keyOf(files: readonly string[], more = ""): string {
  const hash = createHash("sha256").update(more);
  for (const path of files) hash.update(readFileSync(join(CHECKOUT, path)));
  return hash.digest("hex").slice(0, 12);
}

async function programs(say: (line: string) => void): Promise<string> {
  const folder = join(cacheFolder(), "programs", keyOf(RECIPE));
  if (existsSync(folder)) return folder;
  say(
    "programs for the machines: building Kubernetes, etcd, registry and backup store, fetching OpenBao, once, about 15 minutes on 2 cores",
  );
  mkdirSync(dirname(folder), { recursive: true });
  await run(join(CHECKOUT, "sandbox/artifacts/build.sh"), [folder], { timeoutSeconds: BUILD_SECONDS });
  return folder;
}

/** Packs one program the way its publisher does: same archive name, same place in it. */
async function pack(program: string, name: ArtifactName, version: string, folder: string): Promise<string> {
  const fill = (text: string): string => text.replaceAll("{version}", version);
  const { url, member } = VERSIONS[name].artifact;
  const archive = join(folder, basename(fill(url)));
  const content = join(folder, `${name}.content`);
  const path = join(content, fill(member));
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(program, path);
  if (archive.endsWith(".zip")) await run("python3", ["-m", "zipfile", "-c", archive, fill(member).split("/")[0] ?? ""], { cwd: content });
  else await run("tar", ["--use-compress-program", "gzip -1", "-cf", archive, "-C", content, fill(member)]);
  rmSync(content, { recursive: true });
  return archive;
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The files of one folder in another, without taking their space again where the file system can do that. */
function share(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) share(join(from, entry.name), join(to, entry.name));
    if (!entry.isFile()) continue;
    rmSync(join(to, entry.name), { force: true });
    try {
      linkSync(join(from, entry.name), join(to, entry.name));
    } catch {
      copyFileSync(join(from, entry.name), join(to, entry.name));
    }
  }
}

const RKE2_ARCHIVE = basename(VERSIONS.rke2.artifact.url);

/** The stand-in for RKE2 as the real one is released: one program, its units and scripts in one archive. */
async function packRke2(version: string, folder: string): Promise<string> {
  const content = join(folder, "rke2.content");
  const program = join(folder, "rke2.program");
  const release = join(CHECKOUT, "sandbox/artifacts/rke2-release");
  for (const path of ["bin", "lib/systemd/system", "share/rke2"]) mkdirSync(join(content, path), { recursive: true });
  cpSync(join(CHECKOUT, "sandbox/artifacts/rke2"), program, { recursive: true });
  writeFileSync(join(program, "version"), `v${version}\n`);
  await run("python3", ["-m", "zipapp", program, "--python", "/usr/bin/python3", "--output", join(content, "bin/rke2")]);
  for (const name of readdirSync(release)) {
    const place = name.endsWith(".sh") ? "bin" : name.endsWith(".service") ? "lib/systemd/system" : "share/rke2";
    copyFileSync(join(release, name), join(content, place, name));
    if (place === "bin") chmodSync(join(content, place, name), 0o755);
  }
  const archive = join(folder, RKE2_ARCHIVE);
  await run("tar", ["--use-compress-program", "gzip -1", "-cf", archive, "-C", content, "bin", "lib", "share"]);
  for (const each of [content, program]) rmSync(each, { recursive: true });
  return archive;
}

/** The real helm, fetched once. */
async function helm(): Promise<string> {
  const path = join(cacheFolder(), "programs", `helm-${keyOf(["sandbox/artifacts/helm.sh"])}`);
  if (!existsSync(path)) await run(join(CHECKOUT, "sandbox/artifacts/helm.sh"), [path], { timeoutSeconds: 300 });
  return path;
}

/** Charts as a real template would carry them, each of the version that the stack file names. */
async function packCharts(program: string, config: Pick<PlatformConfig, "versions">, folder: string): Promise<void> {
  for (const name of readdirSync(join(CHECKOUT, "sandbox/artifacts/charts")) as VersionName[]) {
    const version = artifactVersion(config, name);
    await run(program, ["package", join(CHECKOUT, "sandbox/artifacts/charts", name), "--version", version, "--destination", folder]);
  }
}

/** Makes the archives that `stackFile` names versions of, once, and leaves them, with their checksums, in `target`, which machines see. */
export async function provideArtifacts(target: string, stackFile: string, say: (line: string) => void): Promise<void> {
  const { config } = readStackFile(stackFile);
  const folder = join(cacheFolder(), "artifacts", keyOf([...RECIPE, ...PACKED], JSON.stringify(config.versions)));
  if (!existsSync(folder)) {
    const from = await programs(say);
    const work = `${folder}.${process.pid}`;
    mkdirSync(work, { recursive: true });
    const lines: string[] = [];
    for (const [name, program] of Object.entries(PROGRAMS) as [ArtifactName, string][]) {
      const archive = await pack(join(from, program), name, artifactVersion(config, name), work);
      lines.push(`${digest(archive)}  ${basename(archive)}\n`);
    }
    lines.push(`${digest(await packRke2(artifactVersion(config, "rke2"), work))}  ${RKE2_ARCHIVE}\n`);
    writeFileSync(join(work, "SHA256SUMS"), lines.join(""));
    // What the stand-in for RKE2 starts: the real one has it in images.
    const helmProgram = await helm();
    share(join(from, "kubernetes"), join(work, "kubernetes"));
    copyFileSync(helmProgram, join(work, "kubernetes/helm"));
    cpSync(join(CHECKOUT, "sandbox/artifacts/images"), join(work, "images"), { recursive: true });
    await packCharts(helmProgram, config, join(work, "charts"));
    renameSync(work, folder);
  }
  // What an earlier version of the sandbox has left there would be taken for this one's.
  for (const each of FOLDERS) rmSync(join(target, each), { recursive: true, force: true });
  share(folder, target);
}
