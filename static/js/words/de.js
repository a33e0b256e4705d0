// Made by `make messages`.
globalThis.studioWords = {};
