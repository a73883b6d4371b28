// node decrypt.js [--base64] private.pem [older.pem ...] < values.txt
//
// One encrypted value a line in, its plain text a line out (with --base64 the base64 of its bytes). Each key is tried
// in turn, so values from before and after a change of keys may be mixed. Node 18 or later, nothing to install.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const readline = require("node:readline");

const inBase64 = process.argv[2] === "--base64";
const keys = process.argv.slice(inBase64 ? 3 : 2).map((path) => crypto.createPrivateKey(fs.readFileSync(path)));
if (!keys.length) throw new Error("Name the file of your private key: node decrypt.js private.pem < values.txt");

// RSAES-OAEP, SHA-256 for the hash and for MGF1, empty label.
function openBlock(key, block) {
  const padding = crypto.constants.RSA_PKCS1_OAEP_PADDING;
  return crypto.privateDecrypt({ key, padding, oaepHash: "sha256" }, block);
}

// A long value is a JWE (RFC 7516): RSA-OAEP-256 around a key for A256GCM.
function openJwe(key, token) {
  const [header, wrapped, nonce, sealed, tag] = token.split(".");
  const bytes = (part) => Buffer.from(part, "base64url");
  const aes = crypto.createDecipheriv("aes-256-gcm", openBlock(key, bytes(wrapped)), bytes(nonce), { authTagLength: 16 });
  aes.setAAD(Buffer.from(header, "ascii"));
  aes.setAuthTag(bytes(tag));
  return Buffer.concat([aes.update(bytes(sealed)), aes.final()]);
}

function open(value) {
  for (const key of keys) {
    try {
      return value.includes(".") ? openJwe(key, value) : openBlock(key, Buffer.from(value, "base64"));
    } catch {
      // another key's value
    }
  }
  throw new Error("A value opens with none of the keys.");
}

readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (line) => {
  console.log(open(line).toString(inBase64 ? "base64" : "utf8"));
});
