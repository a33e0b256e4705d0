// The Vercel AI SDK with its OpenAI-compatible provider: pictures, and an edit of two pictures.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateImage } from "ai";

const provider = createOpenAICompatible({
  name: "sandbox",
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
});

const one = await generateImage({ model: provider.imageModel("dall-e-3"), prompt: "a lemon tree", maxRetries: 0 });
assert.equal(one.image.mediaType, "image/png");

const three = await generateImage({
  model: provider.imageModel("flux-schnell"),
  prompt: "lemons",
  n: 3,
  size: "512x512",
  maxRetries: 0,
});
assert.equal(three.images.length, 3);

const drawn = three.image.uint8Array;
const edited = await generateImage({
  model: provider.imageModel("gpt-image-2"),
  prompt: { text: "two lemons", images: [drawn, drawn] },
  maxRetries: 0,
});
assert.ok(edited.image.uint8Array.length > 1000);
