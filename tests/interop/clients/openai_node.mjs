// The official OpenAI client for JavaScript: a picture, an edit of two pictures, a variation, the list of models.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });

const made = await client.images.generate({ model: "dall-e-3", prompt: "a lemon tree", size: "1024x1024" });
assert.match(made.data[0].url, /^http:\/\/127\.0\.0\.1/);

const inline = await client.images.generate({
  model: "dall-e-2",
  prompt: "a lemon",
  size: "256x256",
  response_format: "b64_json",
});
const drawn = Buffer.from(inline.data[0].b64_json, "base64");
const file = (name) => toFile(drawn, name, { type: "image/png" });

const edited = await client.images.edit({
  model: "gpt-image-2",
  image: [await file("one.png"), await file("two.png")],
  prompt: "two lemons",
});
assert.ok(edited.data[0].url);

const varied = await client.images.createVariation({ image: await file("one.png"), n: 2, size: "256x256" });
assert.equal(varied.data.length, 2);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.ok(models.includes("flux-schnell"));

await assert.rejects(
  client.images.generate({ model: "dall-e-3", prompt: "a lemon [fail: content_policy]" }),
  (error) => error instanceof OpenAI.BadRequestError && error.code === "content_policy_violation",
);
