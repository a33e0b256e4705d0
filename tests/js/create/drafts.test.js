import assert from "node:assert/strict";
import { test } from "node:test";
import { asksForPrompt, draftFields, planRestore, readDraft } from "../../../static/js/create/drafts.js";

/** @typedef {import("../../../static/js/create/drafts.js").Entry} Entry */

test("tokens and files are not kept", () => {
  const form = new FormData();
  form.append("csrfmiddlewaretoken", "secret");
  form.append("token", "spent");
  form.append("prompt", "a lemon");
  form.append("opt_size", "1024x1024");
  form.append("opt_file", new Blob(["x"]), "x.png");
  assert.deepEqual(draftFields(form), [
    ["prompt", "a lemon"],
    ["opt_size", "1024x1024"],
  ]);
});

test("a field that was sent twice is kept twice", () => {
  assert.deepEqual(
    draftFields([
      ["compare", "2"],
      ["compare", "3"],
    ]),
    [
      ["compare", "2"],
      ["compare", "3"],
    ],
  );
});

test("a draft is read back, and a damaged one is not", () => {
  assert.deepEqual(readDraft('[["prompt","a lemon"]]'), [["prompt", "a lemon"]]);
  assert.deepEqual(readDraft(null), []);
  assert.equal(readDraft("[["), null);
  assert.equal(readDraft('{"prompt": 1}'), null);
});

/** @type {Entry[]} */
const DRAFT = [
  ["prompt", "a lemon"],
  ["model", "7"],
  ["count", "4"],
  ["opt_size", "1024x1024"],
];

test("with the same model all is set at once", () => {
  const { other, now, later } = planRestore(DRAFT, "7", ["7", "8"]);
  assert.equal(other, null);
  assert.deepEqual(
    now.map(([name]) => name),
    ["prompt", "count", "opt_size"],
  );
  assert.deepEqual(later, []);
});

test("another model's options wait until the server sends them", () => {
  const { other, now, later } = planRestore(DRAFT, "8", ["7", "8"]);
  assert.equal(other, "7");
  assert.deepEqual(now, [["prompt", "a lemon"]]);
  assert.deepEqual(later, [
    ["count", "4"],
    ["opt_size", "1024x1024"],
  ]);
});

test("a model that is gone leaves the one that is shown", () => {
  const { other, now } = planRestore(DRAFT, "8", ["8", "9"]);
  assert.equal(other, null);
  assert.deepEqual(now.length, 3);
});

test("an address that asks for a prompt comes before a draft", () => {
  assert.ok(asksForPrompt("?prompt=a%20lemon"));
  assert.ok(asksForPrompt("?remix=4"));
  assert.ok(asksForPrompt("?continue=4"));
  assert.ok(!asksForPrompt("?reference=4"), "it is added to what was typed");
  assert.ok(!asksForPrompt(""));
  assert.ok(!asksForPrompt("?page=2"));
});
