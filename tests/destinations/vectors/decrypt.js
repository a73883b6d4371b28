// node decrypt.js private.pem: one encrypted value a line in, the base64 of its plain bytes a line out.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");

const key = fs.readFileSync(process.argv[2], "ascii");

function openBlock(block) {
  const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
  return crypto.privateDecrypt({ key, padding, oaepHash: "sha256" }, block);
}

function openJwe(token) {
  const [header, wrapped, nonce, sealed, tag] = token.split(".");
  const bytes = (part) => Buffer.from(part, "base64url");
  const aes = crypto.createDecipheriv("aes-256-gcm", openBlock(bytes(wrapped)), bytes(nonce), { authTagLength: 16 });
  aes.setAAD(Buffer.from(header, "ascii"));
  aes.setAuthTag(bytes(tag));
  return Buffer.concat([aes.update(bytes(sealed)), aes.final()]);
}

for (const line of fs.readFileSync(0, "ascii").split("\n").filter((text, at, all) => at < all.length - 1)) {
  const plain = line.includes(".") ? openJwe(line) : openBlock(Buffer.from(line, "base64"));
  console.log(plain.toString("base64"));
}
