// Decrypts in the browser: values or whole JSON, with one or several private keys. Nothing is sent or kept; the page's
// policy allows no connection at all.
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };
const PEM = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/g;

const form = document.getElementById("decrypt");
const output = document.getElementById("plain");
const result = document.getElementById("decrypt-result");
const say = (text, isError = false) => {
  const status = document.getElementById("decrypt-status");
  status.textContent = text;
  status.classList.toggle("status--bad", isError);
};

const fromBase64 = (text) => Uint8Array.from(atob(text.replace(/\s/g, "")), (char) => char.charCodeAt(0));
const fromBase64url = (text) => fromBase64(text.replace(/-/g, "+").replace(/_/g, "/"));
const joined = (a, b) => Uint8Array.from([...a, ...b]);

const keysIn = async (text) => {
  if (/BEGIN RSA PRIVATE KEY/.test(text)) throw new Error("This key is PKCS#1. Turn it into PKCS#8 first: openssl pkey -in key.pem -out pkcs8.pem");
  if (/BEGIN ENCRYPTED PRIVATE KEY/.test(text)) throw new Error("This key is locked by a passphrase. Unlock it first: openssl pkey -in key.pem -out open.pem");
  const found = [...text.matchAll(PEM)];
  if (!found.length) throw new Error("Choose or paste your private key: it begins with -----BEGIN PRIVATE KEY-----.");
  try {
    return await Promise.all(found.map(([, body]) => crypto.subtle.importKey("pkcs8", fromBase64(body), OAEP, false, ["decrypt"])));
  } catch {
    throw new Error("The private key cannot be read. Is it complete, and RSA?");
  }
};

const openBlock = (key, block) => crypto.subtle.decrypt(OAEP, key, block);

const openJwe = async (key, token) => {
  const [header, wrapped, nonce, sealed, tag] = token.split(".");
  const contentKey = await crypto.subtle.importKey("raw", await openBlock(key, fromBase64url(wrapped)), "AES-GCM", false, ["decrypt"]);
  const how = { name: "AES-GCM", iv: fromBase64url(nonce), additionalData: new TextEncoder().encode(header), tagLength: 128 };
  return crypto.subtle.decrypt(how, contentKey, joined(fromBase64url(sealed), fromBase64url(tag)));
};

const looksEncrypted = (text) => /^[\w-]+(\.[\w-]*){4}$/.test(text) || (text.length >= 344 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text));

// What no key opens stays as it is and is counted.
const openValue = async (keys, text, counts) => {
  for (const key of keys) {
    try {
      const plain = await (text.includes(".") ? openJwe(key, text) : openBlock(key, fromBase64(text)));
      counts.opened += 1;
      return new TextDecoder().decode(plain);
    } catch {
      // another key's value
    }
  }
  counts.failed += 1;
  return text;
};

const openJson = async (keys, value, counts) => {
  if (typeof value === "string") return looksEncrypted(value) ? openValue(keys, value, counts) : value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => openJson(keys, item, counts)));
  if (!value || typeof value !== "object") return value;
  const pairs = await Promise.all(Object.entries(value).map(async ([key, held]) => [key, await openJson(keys, held, counts)]));
  return Object.fromEntries(pairs);
};

const asJson = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const openText = async (keys, text, counts) => {
  const whole = asJson(text);
  if (whole !== undefined && typeof whole === "object") return JSON.stringify(await openJson(keys, whole, counts), null, 2);
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const opened = lines.map(async (line) => {
    const value = asJson(line);
    return value === undefined || typeof value === "number" ? openValue(keys, line, counts) : JSON.stringify(await openJson(keys, value, counts));
  });
  return (await Promise.all(opened)).join("\n");
};

const decrypt = async () => {
  if (!globalThis.crypto?.subtle) throw new Error("This browser decrypts only on pages opened over https.");
  const files = await Promise.all([...form.elements.key_files.files].map((file) => file.text()));
  const keys = await keysIn([form.elements.key_text.value, ...files].join("\n"));
  const text = form.elements.values.value.trim();
  if (!text) throw new Error("Paste at least one encrypted value, or a payload.");
  const counts = { opened: 0, failed: 0 };
  output.textContent = await openText(keys, text, counts);
  result.hidden = false;
  say(`${counts.opened} decrypted, ${counts.failed} that no key opens.`, counts.failed > 0);
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  output.textContent = "";
  result.hidden = true;
  decrypt().catch((error) => say(error.message, true));
});

document.getElementById("decrypt-clear").addEventListener("click", () => {
  form.reset();
  output.textContent = "";
  result.hidden = true;
  say("Key, values and result are gone from the page.");
  form.elements.key_text.focus();
});
form.querySelector("button[type=submit]").disabled = false;
