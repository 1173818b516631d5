import * as grpc from "@grpc/grpc-js";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import * as service from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";

/**
 * Serves a stand-in provider to the real engine over its plugin protocol: one process for all resources of a package.
 * Secrets do not arrive marked here: the engine unwraps them, and marks outputs of the same name again.
 */

export type Properties = { readonly [key: string]: unknown };

export interface Failure {
  readonly property: string;
  readonly reason: string;
}

export interface Diff {
  /** Top-level properties that changed, and those of them that need a replacement. */
  readonly changed: readonly string[];
  readonly replaces: readonly string[];
}

/** What one resource type of a stand-in can do. */
export interface ResourceKind {
  check(inputs: Properties): readonly Failure[];
  diff(inputs: Properties, oldInputs: Properties, oldState: Properties): Diff;
  create(inputs: Properties, urn: string): Promise<{ id: string; state: Properties }>;
  update?(id: string, inputs: Properties, state: Properties): Promise<Properties>;
  delete(id: string, state: Properties): Promise<void>;
  /** Undefined when it no longer exists. `id` may be what an operator imports by. */
  read?(id: string, inputs: Properties, state: Properties): Promise<{ id: string; inputs: Properties; state: Properties } | undefined>;
}

export interface StandIn {
  readonly name: string;
  readonly version: string;
  readonly resources: Readonly<Record<string, ResourceKind>>;
  /** Serves the types that `resources` does not name. */
  readonly anyResource?: (type: string) => ResourceKind;
  readonly functions?: Readonly<Record<string, (args: Properties) => Promise<Properties>>>;
  /** Takes the provider's own configuration, strings all: objects arrive as JSON. */
  readonly configure?: (config: Properties) => void;
  /** Checks the provider's own configuration. */
  readonly checkConfig?: (config: Properties) => readonly Failure[];
}

/** The engine's mark of a value that a preview cannot know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function isUnknown(value: unknown): boolean {
  return value === UNKNOWN;
}

function toStruct(value: Properties): Struct {
  return Struct.fromJavaScript(value as { [key: string]: JavaScriptValue });
}

function fromStruct(value: Struct | undefined): Properties {
  return value === undefined ? {} : value.toJavaScript();
}

const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/** A provider's configuration is the one place where secrets arrive marked. */
function unwrapped(values: Properties): Properties {
  const plain = (value: unknown): unknown =>
    typeof value === "object" && value !== null && SECRET_MARK in value && "value" in value ? value.value : value;
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, plain(value)]));
}

/** Same JSON, whatever the order of keys. */
export function sameValue(left: unknown, right: unknown): boolean {
  const stable = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(
          Object.entries(value)
            .filter(([, each]) => each !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, stable(each)]),
        )
      : Array.isArray(value)
        ? value.map(stable)
        : value;
  return JSON.stringify(stable(left)) === JSON.stringify(stable(right));
}

/** The usual comparison: every input counts, those in `replacing` mean another resource. */
export function diffInputs(inputs: Properties, oldInputs: Properties, replacing: readonly string[] = []): Diff {
  const keys = [...new Set([...Object.keys(inputs), ...Object.keys(oldInputs)])].filter((key) => !key.startsWith("__"));
  const changed = keys.filter((key) => !sameValue(inputs[key], oldInputs[key]));
  return { changed, replaces: changed.filter((key) => replacing.includes(key)) };
}

/** Failures for unknown and missing inputs, in the words the real providers use. */
export function checkNames(inputs: Properties, known: readonly string[], required: readonly string[]): readonly Failure[] {
  const given = Object.keys(inputs).filter((key) => !key.startsWith("__"));
  return [
    ...given.filter((key) => !known.includes(key)).map((key) => ({ property: key, reason: `unexpected argument "${key}"` })),
    ...required.filter((key) => inputs[key] === undefined).map((key) => ({ property: key, reason: `missing required argument "${key}"` })),
  ];
}

function typeOf(urn: string): string {
  return (urn.split("::")[2] ?? "").split("$").pop() ?? "";
}

type Call<Request, Response> = (call: { request: Request }, callback: grpc.sendUnaryData<Response>) => void;

/** Runs a handler and turns what it throws into one line for the engine: an operator needs no stack of a stand-in. */
function handle<Request, Response>(work: (request: Request) => Promise<Response> | Response): Call<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => work(call.request))
      .then(
        (response) => {
          callback(null, response);
        },
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          callback({ code: grpc.status.UNKNOWN, details: message, name: "Error", message });
        },
      );
  };
}

function failures(found: readonly Failure[]): proto.CheckFailure[] {
  return found.map(({ property, reason }) => new proto.CheckFailure().setProperty(property).setReason(reason));
}

function implementation(standIn: StandIn): grpc.UntypedServiceImplementation {
  const kindOf = (urn: string): ResourceKind => {
    const kind = standIn.resources[typeOf(urn)] ?? standIn.anyResource?.(typeOf(urn));
    if (kind === undefined) throw new Error(`the sandbox's stand-in for ${standIn.name} has no resource type ${typeOf(urn)}`);
    return kind;
  };
  const check = (found: readonly Failure[], news: Struct | undefined): proto.CheckResponse =>
    new proto.CheckResponse().setInputs(news).setFailuresList(failures(found));
  return {
    getPluginInfo: handle(() => new plugin.PluginInfo().setVersion(standIn.version)),
    getSchema: handle(() => new proto.GetSchemaResponse().setSchema(JSON.stringify({ name: standIn.name, version: standIn.version }))),
    attach: handle(() => new Empty()),
    cancel: handle(() => new Empty()),
    checkConfig: handle((request: proto.CheckRequest) =>
      check(standIn.checkConfig?.(fromStruct(request.getNews())) ?? [], request.getNews()),
    ),
    diffConfig: handle((request: proto.DiffRequest) => {
      const diff = diffInputs(fromStruct(request.getNews()), fromStruct(request.getOldInputs()));
      const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
      return new proto.DiffResponse().setChanges(diff.changed.length > 0 ? DIFF_SOME : DIFF_NONE).setDiffsList([...diff.changed]);
    }),
    configure: handle((request: proto.ConfigureRequest) => {
      standIn.configure?.(unwrapped(fromStruct(request.getArgs())));
      return new proto.ConfigureResponse()
        .setAcceptsecrets(false)
        .setAcceptoutputs(false)
        .setAcceptresources(false)
        .setSupportspreview(false);
    }),
    invoke: handle(async (request: proto.InvokeRequest) => {
      const call = standIn.functions?.[request.getTok()];
      if (call === undefined) throw new Error(`the sandbox's stand-in for ${standIn.name} has no function ${request.getTok()}`);
      return new proto.InvokeResponse().setReturn(toStruct(await call(fromStruct(request.getArgs()))));
    }),
    check: handle((request: proto.CheckRequest) => check(kindOf(request.getUrn()).check(fromStruct(request.getNews())), request.getNews())),
    diff: handle((request: proto.DiffRequest) => {
      const ignored = request.getIgnorechangesList();
      const diff = kindOf(request.getUrn()).diff(
        fromStruct(request.getNews()),
        fromStruct(request.getOldInputs()),
        fromStruct(request.getOlds()),
      );
      const changed = diff.changed.filter((key) => !ignored.includes(key));
      const { DIFF_SOME, DIFF_NONE } = proto.DiffResponse.DiffChanges;
      return new proto.DiffResponse()
        .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList([...changed])
        .setReplacesList(diff.replaces.filter((key) => !ignored.includes(key)));
    }),
    create: handle(async (request: proto.CreateRequest) => {
      const { id, state } = await kindOf(request.getUrn()).create(fromStruct(request.getProperties()), request.getUrn());
      return new proto.CreateResponse().setId(id).setProperties(toStruct(state));
    }),
    read: handle(async (request: proto.ReadRequest) => {
      const kind = kindOf(request.getUrn());
      const [inputs, state] = [fromStruct(request.getInputs()), fromStruct(request.getProperties())];
      if (kind.read === undefined) {
        return new proto.ReadResponse().setId(request.getId()).setInputs(request.getInputs()).setProperties(request.getProperties());
      }
      const found = await kind.read(request.getId(), inputs, state);
      if (found === undefined) return new proto.ReadResponse();
      return new proto.ReadResponse().setId(found.id).setInputs(toStruct(found.inputs)).setProperties(toStruct(found.state));
    }),
    update: handle(async (request: proto.UpdateRequest) => {
      const kind = kindOf(request.getUrn());
      if (kind.update === undefined) throw new Error(`${typeOf(request.getUrn())} cannot be changed in place`);
      const state = await kind.update(request.getId(), fromStruct(request.getNews()), fromStruct(request.getOlds()));
      return new proto.UpdateResponse().setProperties(toStruct(state));
    }),
    delete: handle(async (request: proto.DeleteRequest) => {
      await kindOf(request.getUrn()).delete(request.getId(), fromStruct(request.getProperties()));
      return new Empty();
    }),
  };
}

/** How often a plugin looks whether its engine still lives. */
const ORPHAN_CHECK_MS = 1000;

/** Ends this process once the one that started it is gone, as real plugins do: a killed engine must leave nothing behind. */
export function endWithParent(end: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, ORPHAN_CHECK_MS).unref();
}

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** Serves until the engine ends it; prints the port as the protocol asks. */
export function serve(standIn: StandIn): void {
  const server = new grpc.Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES });
  server.addService(
    (service as unknown as { ResourceProviderService: grpc.ServiceDefinition }).ResourceProviderService,
    implementation(standIn),
  );
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    process.stdout.write(`${port}\n`);
  });
  endWithParent(() => {
    // What is under way goes on to its end, as a hypervisor's tasks would.
    server.tryShutdown(() => process.exit());
  });
}
