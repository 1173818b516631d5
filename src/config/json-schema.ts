import { z } from "zod";
import { platformSchema } from "./schema";

/**
 * A JSON Schema of the whole stack file, for editors: completion, help and marks while typing. `make golden` writes it
 * to `stack-file.schema.json`; a test keeps it current. What only shows between values is `platform check`'s business.
 */
export function stackFileSchema(): Readonly<Record<string, unknown>> {
  // The refined texts have no pattern of their own in zod: their descriptions say what they must be.
  const { properties, required } = z.toJSONSchema(platformSchema, { io: "input", unrepresentable: "any" });
  const prefixed = Object.fromEntries(Object.entries(properties ?? {}).map(([key, schema]) => [`platform:${key}`, schema]));
  const secrets = {
    type: "object",
    description: "Passwords and keys, only ever encrypted: pulumi config set --secret --path 'platform:secrets.NAME'",
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Stack file of the platform",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: { ...prefixed, "platform:secrets": secrets },
        required: (required ?? []).map((key) => `platform:${key}`),
        patternProperties: { "^(?!platform:)": true },
        additionalProperties: false,
      },
      encryptionsalt: { type: "string" },
      encryptedkey: { type: "string" },
      secretsprovider: { type: "string" },
    },
    required: ["config"],
  };
}
