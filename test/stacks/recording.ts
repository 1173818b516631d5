import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";

/** What the program registered, as the engine would be asked, without an engine. Leans on SDK internals: this file only. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  /** Name of the parent; empty for what stands directly under the stack. */
  readonly parent: string;
  readonly protect: boolean;
  readonly ignoreChanges: readonly string[];
  readonly secretOutputs: readonly string[];
  readonly dependencies: readonly string[];
  /** With secrets unwrapped. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Top-level inputs that hold a secret somewhere. */
  readonly secretInputs: readonly string[];
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProtect(): boolean;
  getIgnorechangesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}

const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const SIGNATURE = "4dabf18193072939515e22adb298388d";

function isSecret(value: unknown): value is { value: unknown } {
  return typeof value === "object" && value !== null && (value as Record<string, unknown>)[SIGNATURE] === SECRET;
}

function holdsSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsSecret);
}

function unwrapped(value: unknown): unknown {
  if (isSecret(value)) return unwrapped(value.value);
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unwrapped(each)]));
  return value;
}

const nameOf = (urn: string): string => urn.split("::").pop() ?? "";

/** Secrets that mocks hand out, so that a test can search for them. */
export const MADE_UP = { privateKey: "made-up-private-key", password: "made-up-hypervisor-password" };

function outputsOf(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    case "tls:index/privateKey:PrivateKey":
      return {
        ...inputs,
        privateKeyOpenssh: `${MADE_UP.privateKey}-${name}`,
        privateKeyPem: `${MADE_UP.privateKey}-${name}`,
        publicKeyOpenssh: `ssh-ed25519 AAAA${name}\n`,
      };
    case "vsphere:index/virtualMachine:VirtualMachine":
      return { ...inputs, uuid: `uuid-${name}` };
    case "random:index/randomPassword:RandomPassword":
      return { ...inputs, result: `${MADE_UP.privateKey}-${name}`, bcryptHash: `${MADE_UP.privateKey}-hash-${name}` };
    case "command:remote:Command":
      return { ...inputs, stdout: JSON.stringify({ bundle: name, changed: [], report: { host: name } }) };
    case "rancher2:index/cluster:Cluster":
      return { ...inputs, clusterRegistrationToken: { manifestUrl: `https://rancher.sandbox.test/${MADE_UP.password}` } };
    case "rancher2:index/bootstrap:Bootstrap":
      return { ...inputs, token: `${MADE_UP.password}-token` };
    default:
      return { ...inputs, certPem: `certificate-${name}`, certRequestPem: `request-${name}` };
  }
}

/** Runs the whole program against mocks with this configuration. */
export async function registrationsOf(config: Readonly<Record<string, unknown>>): Promise<readonly Registration[]> {
  const found: Registration[] = [];
  const prototype = MockMonitor.prototype as unknown as {
    registerResource: (request: Request, callback: unknown) => Promise<void>;
    registerResourceHook: (request: unknown, callback: (error: null, response: object) => void) => void;
  };
  // The mocks know no hooks, and a resource with one would wait for ever.
  prototype.registerResourceHook = (_request, callback): void => {
    callback(null, {});
  };
  const original = prototype.registerResource;
  prototype.registerResource = function (request: Request, callback: unknown): Promise<void> {
    const inputs = request.getObject()?.toJavaScript() ?? {};
    found.push({
      type: request.getType(),
      name: request.getName(),
      parent: nameOf(request.getParent()),
      protect: request.getProtect(),
      ignoreChanges: request.getIgnorechangesList(),
      secretOutputs: request.getAdditionalsecretoutputsList(),
      dependencies: request.getDependenciesList().map(nameOf),
      inputs: unwrapped(inputs) as Record<string, unknown>,
      secretInputs: Object.keys(inputs).filter((key) => holdsSecret(inputs[key])),
    });
    return original.call(this, request, callback);
  };
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: `id-${name}`,
        state: outputsOf(type, name, unwrapped(inputs) as Record<string, unknown>),
      }),
      call: ({ token, inputs }): Record<string, unknown> => ({
        ...(inputs as Record<string, unknown>),
        id: `${token.split(":").pop() ?? ""}-${String((inputs as Record<string, unknown>)["name"])}`,
        resourcePoolId: "pool",
        uuid: "template",
        guestId: "debian12_64Guest",
        scsiType: "pvscsi",
        firmware: "efi",
      }),
    },
    "platform",
    "test",
  );
  const values = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [`platform:${key}`, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  pulumi.runtime.setAllConfig({ ...values, "platform:secrets": JSON.stringify({ hypervisorPassword: MADE_UP.password }) }, [
    "platform:secrets",
  ]);
  await import("../../stacks/index.js");
  await (pulumi.runtime as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
  prototype.registerResource = original;
  return found;
}
